"""Do the maps lie where the evidence lies, add up to what they must, and follow the weights?"""

from __future__ import annotations

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from alexnet.drawing.style import png
from alexnet.insight import methods, sanity
from alexnet.insight.attribution import attribute, panels
from alexnet.insight.methods import METHODS, compute, opened
from alexnet.model.network import AlexNet
from alexnet.tables import Table, conv, dense, dropout, pool, relu, response
from alexnet.training.run import Run, load
from alexnet.training.start import train

#: As the paper's in small: overlapping pooling, response normalization, dropout.
SMALL = Table(
    name="small",
    summary="",
    size=24,
    layers=(
        conv("conv1", 8, 3, pad=1, init="he"),
        relu("relu1"),
        response("norm1"),
        pool("pool1"),
        conv("conv2", 8, 3, pad=1, init="he"),
        relu("relu2"),
        pool("pool2"),
        dropout("drop3"),
        dense("fc3", 0),
    ),
)
CORNER = 8


def planted(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noise; of every second picture a bright square in the top left corner, which is class 1."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(count, 3, 24, 24, generator=generator) * 0.3
    labels = torch.arange(count) % 2
    images[labels == 1, :, 1 : CORNER - 1, 1 : CORNER - 1] += 2
    return images, labels


@pytest.fixture(scope="module")
def network() -> AlexNet:
    """Convolutions that see brightness of several shapes, and a last layer that weighs their corner alone."""
    made = AlexNet(2, SMALL, seed=1).eval()
    with torch.no_grad():
        for name in ("conv1", "conv2"):
            weight = made.get_parameter(f"features.{name}.weight")
            weight.abs_().div_(weight.flatten(1).sum(1)[:, None, None, None])
        weights = torch.zeros(2, 8, 6, 6)
        weights[0, :, :2, :2], weights[1, :, :2, :2] = -1, 1
        made.get_parameter("classifier.fc3.weight").copy_(weights.flatten(1))
        images, labels = planted(64, 0)
        values = made(images)[:, 1]
        middle = (values[labels == 0].max() + values[labels == 1].min()) / 2
        made.get_parameter("classifier.fc3.bias").copy_(torch.stack((middle, -middle)))
    assert (made(images).argmax(1) == labels).all()
    return made


@pytest.mark.parametrize("method", METHODS)
def test_evidence_in_a_corner_is_found(network: AlexNet, method: str) -> None:
    image = planted(6, 5)[0][1]
    found = attribute(network, image, method)
    assert found.target == 1
    assert found.map.shape == (24, 24)
    assert np.isfinite(found.map).all()
    for_it = np.maximum(found.map, 0)
    assert for_it[:12, :12].sum() / for_it.sum() > 0.6
    assert max(np.unravel_index(for_it.argmax(), for_it.shape)) < 12
    if METHODS[method].signed:  # what speaks for the one speaks against the other
        assert attribute(network, image, method, 0).map[:12, :12].sum() < 0
    assert (found.gap is not None) == (method in ("integrated-gradients", "deeplift"))


def test_maps_that_promise_a_sum_keep_it(network: AlexNet) -> None:
    images, labels = planted(6, 7)
    mean = network(torch.zeros(1, 3, 24, 24))
    for method, share in (("integrated-gradients", 0.02), ("deeplift", 0.02)):
        found = compute(opened(network), images, labels, method)
        wanted = (network(images) - mean).gather(1, labels[:, None])[:, 0].detach()
        assert found.difference is not None
        torch.testing.assert_close(found.difference, wanted)
        size = wanted.abs().max()
        torch.testing.assert_close(found.values.sum((1, 2)), wanted, atol=float(share * size), rtol=0)
        assert found.gap is not None
        torch.testing.assert_close(found.gap, found.values.sum((1, 2)) - wanted)


def test_deeplift_loses_nothing_where_windows_overlap() -> None:
    """captum's own rule for pooling, applied to these layers as they are, misses the sum by as much again."""
    made = AlexNet(4, "quick", seed=1).eval()
    images = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    found = compute(opened(made), images, torch.arange(4), "deeplift")
    assert found.gap is not None
    assert found.difference is not None
    assert float(found.gap.abs().max()) < 1e-3 * float(found.difference.abs().max())


@settings(max_examples=30, deadline=None)
@given(
    kernel=st.integers(1, 4),
    stride=st.integers(1, 4),
    pad=st.integers(0, 2),
    ceil=st.booleans(),
    side=st.integers(4, 9),
)
def test_windows_taken_apart_pool_to_the_same(kernel: int, stride: int, pad: int, ceil: bool, side: int) -> None:
    pooling = nn.MaxPool2d(kernel, stride, min(pad, kernel // 2), ceil_mode=ceil)
    x = torch.randn(2, 3, side, side + 1)
    apart = nn.MaxPool2d(kernel, kernel)(methods._Windows(pooling)(x))
    torch.testing.assert_close(apart, pooling(x), rtol=0, atol=0)


def test_the_network_stays_as_it_was(network: AlexNet) -> None:
    network.train()
    network.layer("relu1").eval()
    calls: list[int] = []
    handle = network.layer("conv2").register_forward_hook(lambda *_: calls.append(1))
    network.layer("fc3").weight.requires_grad_(False)  # type: ignore[union-attr]
    before = copy.deepcopy(network.state_dict())
    modes = [module.training for module in network.modules()]
    image = planted(2, 0)[0][1]
    for method in METHODS:
        attribute(network, image, method, 1)
    assert [module.training for module in network.modules()] == modes
    assert not calls
    assert all(parameter.grad is None for parameter in network.parameters())
    assert [name for name, one in network.named_parameters() if not one.requires_grad] == ["classifier.fc3.weight"]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert isinstance(network.layer("pool1"), nn.MaxPool2d)
    assert not any(len(module._backward_hooks) for module in network.modules())
    handle.remove()
    network.layer("fc3").weight.requires_grad_(True)  # type: ignore[union-attr]
    network.eval()


@pytest.mark.parametrize(
    ("table", "layer"),
    [("lenet", "tanh2"), ("cifar-13", "relu4"), ("cifar-11", "relu4"), ("quick", "relu5"), ("cifar-26", "relu3")],
)
def test_any_table_and_one_class(table: str, layer: str) -> None:
    made = AlexNet(1, table, seed=3).eval()
    assert methods.seen_by_grad_cam(made) == layer
    grey = torch.linspace(-20, 20, made.size).expand(3, made.size, made.size)
    for method in METHODS:
        found = attribute(made, grey, method)
        assert (found.target, found.probability) == (0, 1.0)
        assert found.map.shape == (made.size, made.size)
        assert np.isfinite(found.map).all()


def test_without_convolutions_there_is_no_grad_cam() -> None:
    made = AlexNet(2, Table(name="flat", summary="", size=8, layers=(dense("fc1", 0, init="he"),)))
    image = torch.randn(3, 8, 8)
    with pytest.raises(ValueError, match=r"^Grad-CAM weighs the maps of a convolution.*take saliency"):
        attribute(made, image, "guided-grad-cam")
    assert attribute(made, image, "occlusion").map.shape == (8, 8)


def test_mistakes_are_told(network: AlexNet, monkeypatch: pytest.MonkeyPatch) -> None:
    image = planted(1, 0)[0][0]
    with pytest.raises(ValueError, match="no attribution method is called 'grad'; there are saliency, "):
        attribute(network, image, "grad")
    with pytest.raises(ValueError, match="has 2 classes, numbered from 0, so 2 is none"):
        attribute(network, image, target=2)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(ValueError, match=r"need captum, which is not installed .*pip install 'alexnet\[insight\]'$"):
        attribute(network, image)


def test_rank_correlation_by_hand() -> None:
    assert sanity.rank_correlation(np.array([1.0, 2, 3]), np.array([10.0, 100, 1000])) == pytest.approx(1)
    assert sanity.rank_correlation(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == pytest.approx(-1)
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
    assert sanity.rank_correlation(np.array([0.0, 1, 1, 2]), np.arange(4.0)) == pytest.approx((4.5 / 5) ** 0.5)
    flat = np.zeros(3)
    assert sanity.rank_correlation(flat, flat + 1) == 1
    assert sanity.rank_correlation(flat, np.arange(3.0)) == 0


def test_drawn_anew(network: AlexNet) -> None:
    before = network.state_dict()
    last, everything = sanity.drawn_anew(network, "last"), sanity.drawn_anew(network, "all", seed=4)
    changed = [name for name, value in last.state_dict().items() if not torch.equal(value, before[name])]
    assert changed == ["classifier.fc3.weight", "classifier.fc3.bias"]
    for name, value in everything.state_dict().items():
        assert not torch.equal(value, before[name]) or not before[name].any()
        if value.numel() > 200:
            size = float(before[name].square().mean().sqrt())
            assert float(value.std()) == pytest.approx(size, rel=0.2)
            assert abs(float(value.mean())) < size / 4
    again = sanity.drawn_anew(network, "all", seed=4).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in everything.state_dict().items())


def test_a_method_that_ignores_the_weights_is_told_so(network: AlexNet, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = methods.Method(title="edges", signed=False, compute=lambda _, images, __: images.diff(dim=3).abs().mean(1))
    monkeypatch.setitem(METHODS, "edges", edges)
    images, labels = planted(6, 9)
    images, labels = images[labels > 0], labels[labels > 0]
    own = opened(network)
    maps = {name: compute(own, images, labels, name).values for name in ("grad-cam", "edges")}
    cam, flat = sanity.check(own, images, labels, maps)
    assert (flat.last, flat.everything) == (pytest.approx(1), pytest.approx(1))
    assert not flat.follows
    assert cam.everything_range[0] <= cam.everything <= cam.everything_range[1]
    assert cam.follows
    (panel,) = sanity.panels((cam, flat))
    assert "Changed little even then: edges." in panel.caption
    assert "edges 1.00 (1.00 to 1.00)." in panel.caption
    assert panel.numbers["methods"]["edges"]["follows_the_weights"] is False


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    folder = tmp_path_factory.mktemp("run") / "a"
    changes = {"train.epochs": 1, "train.batch": 32, "data.size": 28, "augment.crop": 24, "model.width": 0.25}
    return train(picture_folder, out=folder, recipe="digits", changes=changes, device="cpu", threads=1)


def test_the_page_of_a_run(run: Run) -> None:
    made = list(panels(run, limit=2))
    assert [panel.name for panel in made] == ["attribution", "attribution_sanity"]
    first, second = made
    assert len(first.numbers["rows"]) == len(first.numbers["gaps"]["deeplift"]) == 2
    assert set(first.numbers["rows"]) <= set(run.data().rows(first.numbers["split"]).tolist())
    assert all(one in first.caption for one in ("integrated gradients adds up", "DeepLift adds up"))
    assert list(second.numbers["methods"]) == list(METHODS)
    again = list(panels(run, limit=2))
    assert [png(panel.figure) for panel in again] == [png(panel.figure) for panel in made]


def test_pictures_go_through_the_runs_own_preprocessing(run: Run, picture_folder: Path) -> None:
    path = next((picture_folder / "circle").glob("*.png"))
    found = attribute(run, path, "saliency", "circle")
    (said,) = run.predict(path, top=3, device="cpu")
    assert found.probability == pytest.approx(dict(said.top)["circle"], rel=1e-4)
    assert found.picture is not None
    assert found.picture.shape == (3, 24, 24)
    with pytest.raises(ValueError, match="does not know the class 'hat'; it knows circle, "):
        attribute(run, path, target="hat")


def test_weights_alone_have_no_pictures(run: Run, tmp_path: Path) -> None:
    weights = tmp_path / "net.safetensors"
    weights.write_bytes((run.folder / "weights" / "last.safetensors").read_bytes())
    with pytest.raises(ValueError, match="give the run's folder rather than its weights alone"):
        next(panels(load(weights)))
