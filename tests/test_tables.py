"""Is every table exactly the network it is named after?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from alexnet.edits import complete
from alexnet.model.network import AlexNet
from alexnet.model.plan import lay_out
from alexnet.model.summary import summarize
from alexnet.tables import (
    BVLC,
    CAFFENET,
    CIFAR_13,
    CIFAR_18,
    CIFAR_26,
    HALF,
    LENET,
    ONE_COLUMN,
    PAPER,
    QUICK,
    SIX_CONV,
    SLIM,
    TABLES,
    TORCHVISION,
    Layer,
    Table,
)

PARAMETERS = {
    "paper": 60_965_224,
    "source": 60_965_224,
    "one-column": 62_378_344,
    "half": 59_798_312,
    "separate": 60_714_408,
    "six-conv": 61_555_304,
    "bvlc": 60_965_224,
    "caffenet": 60_965_224,
    "torchvision": 61_100_840,
    "slim": 50_303_912,
    "cifar-26": 145_578,
    "cifar-18": 89_578,
    "cifar-13": 1_116_490,
    "cifar-11": 1_116_490,
    "lenet": 62_006,
}


def row(table: Table, name: str) -> Layer:
    return next(one for one in table.layers if one.name == name)


def order(table: Table) -> list[str]:
    return [one.name for one in table.layers]


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameters(name: str, parameters: int) -> None:
    table = complete(name, 10 if name.startswith("cifar") or name == "lenet" else 1000)
    modules = lay_out(table, table.size).modules.values()
    assert sum(weight.numel() for module in modules for weight in module.parameters()) == parameters


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_well_formed(table: Table) -> None:
    assert TABLES[table.name] is table
    assert len(set(order(table))) == len(table.layers)
    assert table.layers[-1].kind == "dense"
    assert table.layers[-1].out == 0
    assert table.summary[0].islower()
    if table.sizes is not None:
        low, high = table.sizes
        assert low <= table.size <= high


@pytest.mark.parametrize("table", [one for one in TABLES.values() if one.sizes], ids=lambda table: table.name)
def test_the_smallest_and_largest_size_are_possible(table: Table) -> None:
    assert table.sizes is not None
    shapes = [lay_out(complete(table, 7), size).shapes for size in table.sizes]
    assert shapes[0]["fc8"] == shapes[1]["fc8"] == (7,)


def test_the_order_of_the_papers_rows() -> None:
    assert order(PAPER)[:9] == ["conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3"]
    assert order(PAPER)[-7:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


def test_the_variants_differ_from_the_paper_where_they_say() -> None:
    for name in ("norm1", "conv2", "norm2", "conv4", "conv5"):
        assert (row(PAPER, name).columns, row(ONE_COLUMN, name).columns) == (2, 1)
    assert order(ONE_COLUMN) == order(HALF) == order(PAPER)
    convolutions = ("conv1", "conv2", "conv3", "conv4", "conv5")
    assert [row(HALF, name).out for name in convolutions] == [48, 128, 192, 192, 256]
    assert [row(PAPER, name).out for name in convolutions] == [96, 256, 384, 384, 256]
    added = [one for one in SIX_CONV.layers if one not in PAPER.layers]
    assert [(one.kind, one.out, one.kernel, one.columns) for one in added] == [("conv", 256, 3, 1), ("relu", 0, 0, 1)]
    assert order(SIX_CONV)[order(SIX_CONV).index("conv6") - 1] == "pool5"


def test_parameters_at_other_sizes_and_colours() -> None:
    """Layers that share no weights grow with the maps: 36 places at 24 pixels, 64 at 32."""
    assert summarize(CIFAR_13, 10, 32).parameters == 1_901_386
    assert {layer.name: layer.parameters for layer in summarize(CIFAR_13, 10).layers if layer.parameters} == {
        "conv1": 64 * 75 + 64,
        "conv2": 64 * 1600 + 64,
        "local3": 36 * (576 * 32 + 32),
        "local4": 36 * (288 * 32 + 32),
        "fc10": 1152 * 10 + 10,
    }
    assert summarize(replace(LENET, channels=1), 10).parameters == 61_706


@pytest.mark.fidelity(
    topic="Caffe's networks",
    paper="zeros at the edge of 224 pixels; k of 2; biases of 1; normalization before pooling",
    source="224 and three zeros; windows of normalization end at the columns' edge",
    others="bvlc_alexnet: 227 pixels, k of 1, windows across both columns, biases of .1, dropout scaled up in "
    "training; CaffeNet: pooling before normalization, biases of 1",
    option="--model.table bvlc | caffenet",
)
def test_caffes_networks_differ_from_the_paper_where_they_say() -> None:
    assert order(BVLC) == order(PAPER)
    assert order(CAFFENET)[:8] == ["conv1", "relu1", "pool1", "norm1", "conv2", "relu2", "pool2", "norm2"]
    assert order(CAFFENET)[8:] == order(PAPER)[8:]
    for table, bias in ((BVLC, 0.1), (CAFFENET, 1.0)):
        assert (table.size, row(table, "conv1").pad_end, row(table, "conv1").pad) == (227, 0, 0)
        for name in ("norm1", "norm2"):
            norm = row(table, name)
            assert (norm.size, norm.alpha, norm.beta) == (5, 1e-4, 0.75)
            assert (norm.k, norm.divide, norm.columns) == (1.0, True, 1)
        weighed = [one for one in table.layers if one.kind in ("conv", "dense")]
        assert [one.init_sd for one in weighed] == [*[0.01] * 5, 0.005, 0.005, 0.01]
        assert [one.init_bias for one in weighed] == [0, bias, 0, bias, bias, bias, bias, 0]
        assert [one.columns for one in weighed] == [
            one.columns for one in PAPER.layers if one.kind in ("conv", "dense")
        ]
        assert {(one.mode, one.rate) for one in table.layers if one.kind == "dropout"} == {("inverted", 0.5)}
        shapes = lay_out(complete(table, 5), 227).shapes
        assert [shapes[name][1] for name in ("conv1", "pool1", "pool2", "pool5")] == [55, 27, 13, 6]


def test_slim_is_alexnet_v2() -> None:
    shapes = lay_out(complete(SLIM, 5), 224).shapes
    maps = [shapes[name] for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")]
    assert [shape[1] for shape in maps] == [54, 26, 26, 12, 12, 12, 12, 5]
    assert [shape[0] for shape in maps] == [64, 64, 192, 192, 384, 384, 256, 256]
    weighed = [one for one in SLIM.layers if one.kind in ("conv", "dense")]
    assert [one.init for one in weighed] == [*["xavier"] * 5, *["truncated"] * 3]
    assert [one.init_bias for one in weighed] == [*[0.1] * 7, 0]
    assert {one.init_sd for one in weighed if one.kind == "dense"} == {0.005}
    assert order(SLIM)[-7:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert order(SLIM)[:13] == order(TORCHVISION)[:13]


def test_lenet() -> None:
    shapes = lay_out(complete(LENET, 10), 32).shapes
    found = [shapes[name] for name in ("conv1", "pool1", "conv2", "pool2", "fc5", "fc6", "fc7")]
    assert found == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120,), (84,), (10,)]


def test_the_maps_of_the_cifar_networks_halve() -> None:
    for table in (CIFAR_26, CIFAR_18):
        shapes = lay_out(complete(table, 10), 32).shapes
        assert [shapes[name][1:] for name in ("pool1", "pool2", "pool3")] == [(16, 16), (8, 8), (4, 4)]
    shapes = lay_out(complete(CIFAR_13, 10), 24).shapes
    assert [shapes[name] for name in ("pool1", "pool2", "local4")] == [(64, 12, 12), (64, 6, 6), (32, 6, 6)]


def test_quick_knows_its_sizes() -> None:
    for size in (24, 32, 64, 96, 128, 160, 224):
        assert lay_out(complete(QUICK, 10), size).shapes["average"][1:] == (4, 4)


@pytest.mark.parametrize("name", ["paper", "half", "separate", "six-conv"])
def test_the_small_tables_are_the_large_ones_row_by_row(name: str) -> None:
    large, small = TABLES[name], TABLES[f"small-{name}"]
    assert order(small) == order(large)
    for one, other in zip(small.layers, large.layers, strict=True):
        assert (one.kind, one.columns, one.init_bias, one.mode, one.rate) == (
            (other.kind, other.columns, other.init_bias, other.mode, other.rate)
        )
    shapes = lay_out(complete(small, 10), 28).shapes
    assert [shapes[pool][1] for pool in ("pool1", "pool2", "pool5")] == [14, 7, 3]


def test_signals_keep_their_size_through_the_small_network() -> None:
    """Weights of variance 2 / inputs keep the mean square of what ReLUs pass on; those of section 5 do not."""
    for row_ in TABLES["small-paper"].layers:
        if row_.kind in ("conv", "dense") and row_.name not in ("conv1", "fc8"):
            module = lay_out(complete(TABLES["small-paper"], 10), 28).modules[row_.name]
            inputs = next(module.parameters())[0].numel()
            assert row_.init_sd == pytest.approx((2 / inputs) ** 0.5)


def test_separate_columns_never_meet_before_the_last_row() -> None:
    network = AlexNet(10, "small-separate", size=28).eval()
    images = torch.randn(2, 3, 28, 28)
    with torch.no_grad():
        before = network.extract(images, ["conv1", "fc7"])
        network.layer("conv1").weight[:16] += 1.0
        after = network.extract(images, ["conv1", "fc7"])
    half = before["fc7"].shape[1] // 2
    assert not torch.equal(before["fc7"][:, :half], after["fc7"][:, :half])
    assert torch.equal(before["fc7"][:, half:], after["fc7"][:, half:])
