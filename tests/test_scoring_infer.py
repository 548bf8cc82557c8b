"""Are probabilities the average of the views' softmax, and is nothing else changed by asking for them?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from alexnet.scoring.infer import infer, infer_batches, infer_pictures, probabilities
from alexnet.scoring.protocols import views


class Halved(nn.Module):
    """A preprocessing with the attributes of the real one."""

    size, crop = 12, 8

    def forward(self, images: Tensor) -> Tensor:
        return images.float() / 128 - 1


class Small(nn.Module):
    """A network that sees where things lie, with parts whose behaviour depends on the mode."""

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(3 * 8 * 8, classes)
        self.largest = 0

    def forward(self, images: Tensor) -> Tensor:
        self.largest = max(self.largest, len(images))
        assert torch.is_inference_mode_enabled()
        outputs: Tensor = self.last(self.drop(self.norm(images)).flatten(1)) * 4
        return outputs


def batches(n: int, each: int, side: int = 12) -> Iterator[Any]:
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, 3, side, side), dtype=np.uint8))
    labels = torch.arange(n) % 5
    for at in range(0, n, each):
        part = slice(at, at + each)
        yield SimpleNamespace(images=images[part], labels=labels[part], index=torch.arange(n)[part] + 100)


def averaged(network: nn.Module, n: int, protocol: str, side: int = 12) -> np.ndarray:
    """The rule restated: one picture and one view at a time."""
    rows = []
    with torch.inference_mode():
        for batch in batches(n, 1, side):
            shares = []
            for view in views(batch.images, protocol, 8):
                logits = network(view.float() / 128 - 1)[0].double().numpy()
                raised = np.exp(logits - logits.max())
                shares.append(raised / raised.sum())
            rows.append(np.mean(shares, axis=0))
    return np.array(rows)


@pytest.mark.parametrize("protocol", ["centre", "ten", "nine"])
def test_probabilities_are_the_mean_of_the_views_softmax(protocol: str) -> None:
    network = Small().eval()
    found = infer(network, Halved(), batches(7, 3), protocol=protocol)
    assert found.probabilities.dtype == np.float64
    np.testing.assert_allclose(found.probabilities, averaged(network, 7, protocol), rtol=1e-4)
    np.testing.assert_allclose(found.probabilities.sum(1), 1, rtol=1e-12)
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 0, 1]
    assert found.index.tolist() == list(range(100, 107))
    assert network.largest == 3, "views are computed one after the other, so memory stays that of one batch"


@pytest.mark.parametrize("protocol", ["centre", "ten", "nine"])
def test_without_a_border_views_that_coincide_are_computed_once(protocol: str) -> None:
    network, calls = Small().eval(), 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    network.register_forward_pre_hook(count)
    found = infer(network, Halved(), batches(4, 4, side=8), protocol=protocol)
    assert calls == {"centre": 1, "ten": 2, "nine": 1}[protocol]
    np.testing.assert_allclose(found.probabilities, averaged(network, 4, protocol, side=8), rtol=1e-4)


def test_batches_do_not_change_what_is_said() -> None:
    network = Small()
    whole, parts = (infer(network, Halved(), batches(10, each)).probabilities for each in (10, 3))
    np.testing.assert_allclose(whole, parts, rtol=1e-5)


def test_modes_are_put_back_even_after_an_error() -> None:
    network, preprocess = Small(), Halved()
    network.train()
    network.norm.eval()
    kept = network.norm.running_mean.clone()
    for side in (12, 4):  # the second does not hold a crop
        try:
            probabilities(network, preprocess, torch.zeros(2, 3, side, side))
        except ValueError:
            assert side == 4
        assert network.training
        assert network.drop.training
        assert not network.norm.training
        assert preprocess.training
    assert torch.equal(network.norm.running_mean, kept)
    network.last = nn.Linear(2, 2)  # fails within the forward pass
    with pytest.raises(RuntimeError):
        probabilities(network, preprocess, torch.zeros(2, 3, 12, 12))
    assert network.training
    assert not network.norm.training


def test_a_paused_stream_leaves_the_caller_alone() -> None:
    """A generator must not keep the network in testing mode, or its caller in inference mode, between two batches."""
    network = Small().train()
    for part in infer_batches(network, Halved(), batches(6, 2)):
        assert part.probabilities.shape == (2, 5)
        assert network.training
        assert not torch.is_inference_mode_enabled()


def test_a_double_network_computes_in_double() -> None:
    network = Small()
    single = infer(network, Halved(), batches(4, 4)).probabilities
    double = infer(network.double(), Halved(), batches(4, 4), precision="float64").probabilities
    np.testing.assert_allclose(single, double, rtol=1e-4)
    assert (single != double).any()


def test_lower_precision_is_near_and_exact_afterwards() -> None:
    network = Small()
    single = infer(network, Halved(), batches(4, 4)).probabilities
    lower = infer(network, Halved(), batches(4, 4), precision="bf16").probabilities
    assert lower.dtype == np.float64
    assert 0 < np.abs(single - lower).max() < 0.1
    np.testing.assert_allclose(lower.sum(1), 1, rtol=1e-12)


def test_equal_outputs_stay_equal_and_others_do_not_become_so() -> None:
    class Constant(Small):
        def forward(self, images: Tensor) -> Tensor:
            return torch.tensor([[0.0, 0.0, 40.0, 41.0, -40.0]]).repeat(len(images), 1)

    row = infer(Constant(), Halved(), batches(1, 1)).probabilities[0]
    assert row[0] == row[1] > row[4] > 0
    assert row[3] > row[2]


def test_unknown_words_and_no_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'nine'"):
        infer(Small(), Halved(), batches(2, 2), protocol="nein")
    with pytest.raises(ValueError, match="no protocol"):
        infer_pictures(Small(), Halved(), [], fit="crop", size=12, protocol="many")
    with pytest.raises(ValueError, match="no pictures"):
        infer(Small(), Halved(), iter(()))


@pytest.fixture
def mixed_folder(tmp_path: Path) -> list[Path]:
    """Two good pictures, and between them what can go wrong with a file."""
    generator = np.random.default_rng(3)
    good = [tmp_path / "a.png", tmp_path / "z é ; \n.png"]
    for path in good:
        Image.fromarray(generator.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(good[0].read_bytes()[:200])
    os.mkfifo(tmp_path / "pipe.png")
    bad = [tmp_path / name for name in ("text.jpg", "empty.jpg", "cut.png", "pipe.png", "missing.png")]
    return [good[0], *bad, tmp_path, good[1]]


@pytest.mark.parametrize("each", [1, 3, 64])
def test_pictures_that_cannot_be_read_are_told_in_their_place(mixed_folder: list[Path], each: int) -> None:
    network = Small()
    found = list(infer_pictures(network, Halved(), iter(mixed_folder), fit="crop", size=12, batch=each))
    assert [path for path, _, _ in found] == mixed_folder
    for path, row, reason in found:
        readable = path in (mixed_folder[0], mixed_folder[-1])
        assert (row is not None) == readable == (reason == ""), (path, reason)
    assert {reason for path, _, reason in found if path.name == "missing.png"} == {
        "there is no such file, or a link that leads nowhere"
    }
    assert {reason for path, _, reason in found if path.name in ("pipe.png", mixed_folder[-2].name)} == {"not a file"}
    square = np.asarray(found[0][1])
    assert square.shape == (5,)
    np.testing.assert_allclose(square.sum(), 1)


def test_pictures_are_read_as_they_are_asked_for(mixed_folder: list[Path]) -> None:
    taken = 0

    def endless() -> Iterator[Path]:
        nonlocal taken
        while True:
            taken += 1
            yield mixed_folder[0]

    found = infer_pictures(Small(), Halved(), endless(), fit="squash", size=12, batch=4)
    for _ in range(5):
        next(found)
    assert taken == 8


def test_a_picture_with_an_output_that_is_not_finite_is_told(mixed_folder: list[Path]) -> None:
    network = Small()
    with torch.no_grad():
        network.last.bias[0] = torch.nan
    _, row, reason = next(infer_pictures(network, Halved(), mixed_folder[:1], fit="crop", size=12))
    assert row is None
    assert reason == "the network's output for it is not finite"
