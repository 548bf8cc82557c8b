"""Do planted kernels get the scores they deserve, do columns that differ show, and are silent units counted right?"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn

from alexnet.edits import with_columns
from alexnet.insight import kernels as kernels_topic
from alexnet.insight import sparsity as sparsity_topic
from alexnet.insight.kernels import draw_kernels, kernels_of
from alexnet.insight.sparsity import activity, rectified
from alexnet.insight.specialisation import colour_scores, specialisation
from alexnet.model.local import LocalConv2d
from alexnet.model.network import AlexNet
from alexnet.tables import TABLES, Table
from alexnet.tables.rows import conv, dense, relu, tanh
from alexnet.training.run import Run, load
from alexnet.training.start import train

OPPONENTS = [(1, -1, 0), (1, 1, -2), (-1, 2, -1)]


def gabor(angle: float, side: int = 11) -> np.ndarray:
    """A striped patch of one direction, (side, side)."""
    y, x = np.mgrid[:side, :side] - side // 2
    along = x * np.cos(angle) + y * np.sin(angle)
    return np.exp(-(x**2 + y**2) / side) * np.cos(1.3 * along)


def grey(count: int) -> np.ndarray:
    return np.stack([np.repeat(gabor(0.4 * i)[None], 3, axis=0) for i in range(count)])


def coloured(count: int) -> np.ndarray:
    """Blobs of two opposite colours: they answer nothing to grey."""
    blob = np.abs(gabor(0.0))
    return np.stack([np.array(OPPONENTS[i % 3])[:, None, None] * blob for i in range(count)])


def test_planted_kernels_get_their_scores() -> None:
    assert colour_scores(grey(5)) == pytest.approx(np.zeros(5), abs=1e-12)
    assert colour_scores(coloured(5)) == pytest.approx(np.ones(5))
    half = grey(1) / np.linalg.norm(grey(1)) + coloured(1) / np.linalg.norm(coloured(1))
    assert colour_scores(half)[0] == pytest.approx(np.sqrt(0.5))
    assert colour_scores(np.zeros((1, 3, 5, 5))).tolist() == [0]
    noise = colour_scores(np.random.default_rng(0).normal(size=(200, 3, 11, 11)))
    assert noise.mean() == pytest.approx(np.sqrt(2 / 3), abs=0.005)


@given(scale=some.floats(-50, 50).filter(lambda x: abs(x) > 1e-3), seed=some.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_score_knows_neither_scale_nor_the_order_of_colours(scale: float, seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=(4, 3, 5, 5))
    assert colour_scores(scale * weights[:, ::-1]) == pytest.approx(colour_scores(weights))


def test_specialised_columns_are_told_from_equal_ones() -> None:
    apart = specialisation(colour_scores(np.concatenate([grey(48), coloured(48)])), 2, seed=3)
    assert apart.means == pytest.approx((0, 1), abs=1e-9)
    assert apart.p == 1 / (apart.drawn + 1)
    mixed = np.stack([kernel for pair in zip(grey(48), coloured(48), strict=True) for kernel in pair])
    assert specialisation(colour_scores(mixed), 2, seed=3).p == 1
    alike = specialisation(np.random.default_rng(0).uniform(size=96), 2, seed=3)
    assert alike.p > 0.05
    assert alike == specialisation(np.random.default_rng(0).uniform(size=96), 2, seed=3)
    assert alike.p != specialisation(np.random.default_rng(0).uniform(size=96), 2, seed=4).p


def test_the_drawn_chance_is_that_of_all_dealings() -> None:
    scores = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.7])
    differences = []
    for first in itertools.combinations(range(6), 3):
        chosen = np.isin(np.arange(6), first)
        differences.append(abs(scores[chosen].mean() - scores[~chosen].mean()))
    found = abs(scores[:3].mean() - scores[3:].mean())
    exact = np.mean([one >= found - 1e-9 for one in differences])
    assert specialisation(scores, 2, seed=0).p == pytest.approx(exact, abs=0.02)


def test_which_kernels_lie_on_columns() -> None:
    network = AlexNet(5, with_columns(TABLES["quick"], 2), size=32)
    assert {name: kernels_of(network, name).columns for name in ("conv1", "conv2", "conv3", "conv4", "conv5")} == {
        f"conv{i}": 2 for i in range(1, 6)
    }
    assert kernels_of(AlexNet(5, "quick", size=32), "conv1").columns == 1
    depthwise = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, groups=8))
    assert kernels_of(depthwise, "conv1").columns == 1
    two = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=2))
    assert kernels_of(two, "0").columns == 2


def test_96_kernels_lie_in_eight_rows_of_twelve_columns_apart() -> None:
    model = nn.Sequential(nn.Conv2d(3, 96, 11, stride=4), nn.Conv2d(96, 256, 5, groups=2))
    upper, lower = draw_kernels(kernels_of(model, "conv1")).subfigs[0].axes
    assert [one.images[0].get_array().shape for one in (upper, lower)] == [(4 * 48, 12 * 48, 3)] * 2
    one = nn.Sequential(nn.Conv2d(3, 96, 11, stride=4))
    (whole,) = draw_kernels(kernels_of(one, "conv1")).subfigs[0].axes
    assert whole.images[0].get_array().shape == (8 * 48, 12 * 48, 3)


def test_kernels_without_shared_weights_are_the_middle_places() -> None:
    torch.manual_seed(0)
    layer = LocalConv2d(4, 6, 3, 7, padding=1, columns=2)
    nn.init.normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    found = kernels_of(nn.Sequential(nn.Conv2d(4, 4, 1), layer), "1")
    maps = torch.randn(1, 4, 7, 7)
    whole = F.conv2d(maps, torch.from_numpy(found.weights), padding=1, groups=2)
    torch.testing.assert_close(layer(maps)[0, :, 3, 3], whole[0, :, 3, 3])
    assert found.local


def test_no_kernels_is_said() -> None:
    network = AlexNet(5, "quick", size=32)
    with pytest.raises(ValueError, match="conv1"):
        kernels_of(network, "conv11")
    with pytest.raises(ValueError, match="relu1 is a ReLU and has no kernels to show; convolutions are conv1, conv2"):
        kernels_of(network, "relu1")
    with pytest.raises(ValueError, match="has no layer 'conv1'"):
        kernels_of(nn.Sequential(nn.Linear(3, 3)), "conv1")


SMALL = Table(
    name="small",
    summary="",
    size=16,
    layers=(
        *(conv("conv1", 6, 5), relu("relu1"), conv("conv2", 4, 3), tanh("tanh2")),
        *(dense("fc3", 8), relu("relu3"), dense("fc4", 0)),
    ),
)


def test_silent_units_are_counted_over_all_batches() -> None:
    network = AlexNet(3, SMALL, seed=1, init="he")
    with torch.no_grad():
        network.layer("conv1").bias[[1, 4]] = -1e4
    images = torch.randn(11, 3, 16, 16)
    found = {one.layer: one for one in activity(network, images.split(4))}
    assert list(found) == list(rectified(network)) == ["relu1", "relu3"]
    for name, one in found.items():
        values = network.extract(images, name)
        assert one.zeros == pytest.approx(float((values == 0).double().mean()))
        assert one.n == 11
    assert found["relu1"].dead.tolist() == [1, 4]
    assert found["relu1"].to_dict()["dead"] == [1, 4]
    with pytest.raises(ValueError, match="no pictures"):
        activity(network, [])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    changes = {"train.epochs": 1, "data.size": 28, "augment.crop": 24, "augment.pad": 0, "model.width": 0.25}
    changes["model.columns"] = 2
    folder = tmp_path_factory.mktemp("run") / "a"
    return train(picture_folder, out=folder, recipe="digits", changes=changes, device="cpu", threads=1)


def test_the_topics_of_a_run(run: Run, tmp_path: Path) -> None:
    pages = {page.name: page for page in kernels_topic.panels(run)}
    assert list(pages)[:3] == ["kernels_conv1", "kernels_colour", "kernels_conv2"]
    numbers = pages["kernels_colour"].numbers
    scores = colour_scores(run.network.layer("conv1").weight.detach().numpy())
    assert numbers["scores"] == pytest.approx(scores.tolist())
    assert numbers["specialisation"]["means"] == pytest.approx(scores.reshape(2, -1).mean(axis=1).tolist())
    (page,) = sparsity_topic.panels(run, limit=4)
    assert page.numbers["n"] == 4
    assert page.numbers["layers"][0]["layer"] == "relu1"

    alone = tmp_path / "alone.safetensors"
    alone.write_bytes((run.folder / "weights" / "last.safetensors").read_bytes())
    assert [page.name for page in kernels_topic.panels(load(alone))] == list(pages)
    with pytest.raises(ValueError, match="give the run's folder rather than its weights alone"):
        next(sparsity_topic.panels(load(alone)))
