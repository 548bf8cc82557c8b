"""Are pooling, normalization, dilation, residual connections and attention changed as said?"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet.edits import (
    edited,
    places,
    with_attention,
    with_columns,
    with_dilation,
    with_norm,
    with_pooling,
    with_residual,
    without,
)
from alexnet.edits.rows import leave_out
from alexnet.model.network import AlexNet
from alexnet.model.plan import lay_out
from alexnet.model.summary import summarize
from alexnet.settings import ModelConfig
from alexnet.tables import (
    BVLC,
    CAFFENET,
    CIFAR_13,
    CIFAR_18,
    LENET,
    NORMALIZATIONS,
    ONE_COLUMN,
    PAPER,
    QUICK,
    SIX_CONV,
    SLIM,
    SOURCE,
    TABLES,
    TORCHVISION,
    Layer,
    Table,
    dense,
)
from test_edits_units import order, parameters, row
from test_model_plan import branching


def shapes(table: Table) -> dict[str, tuple[int, ...]]:
    return {layer.name: layer.output for layer in summarize(table, table.layers[-1].out or 10).layers}


def of_maps(table: Table) -> dict[str, tuple[int, ...]]:
    return {name: shape for name, shape in shapes(table).items() if len(shape) == 3}


# --- pooling ----------------------------------------------------------------------------------------------------------


@pytest.mark.fidelity(
    topic="pooling without overlap",
    paper="windows of 2 with stride 2, which produces output of equivalent dimensions (section 3.4)",
    source="#147: rounds up, conv2 with one zero around its maps and conv5 with none, so that fc6 still sees 6 x 6",
    others="MaxPool2d(2) with maps one wider in places",
    option="--model.pooling 3/2 | 2/2",
)
@pytest.mark.parametrize("name", [name for name in TABLES if name not in ("slim", "torchvision")])
def test_both_poolings_give_maps_of_equal_size(name: str) -> None:
    table = TABLES[name]
    for pooling, kernel in (("3/2", 3), ("2/2", 2)):
        found = with_pooling(table, pooling)  # type: ignore[arg-type]
        assert shapes(found) == shapes(table)
        pools = [one for one in found.layers if one.kind in ("maxpool", "avgpool")]
        assert {(one.kernel, one.stride) for one in pools} == {(kernel, 2)}
    assert with_pooling(table, "table") is table


@settings(max_examples=60, deadline=None)
@given(side=st.integers(3, 300))
def test_two_rounding_down_is_three_rounding_up(side: int) -> None:
    rows = (Layer(name="pool", kind="maxpool", kernel=3, stride=2), dense("fc", 0))
    table = Table(name="one", summary="", layers=rows, size=side)
    assert shapes(table)["pool"] == shapes(with_pooling(table, "2/2"))["pool"]


def test_poolings_of_tables_that_round_down() -> None:
    assert [shapes(with_pooling(TORCHVISION, "2/2"))[f"pool{n}"][1] for n in (1, 2, 5)] == [27, 13, 6]
    assert [shapes(SLIM)[f"pool{n}"][1] for n in (1, 2, 5)] == [26, 12, 5]
    assert [shapes(with_pooling(SLIM, "2/2"))[f"pool{n}"][1] for n in (1, 2, 5)] == [27, 13, 6]
    assert with_pooling(SLIM, "3/2") == SLIM


def test_what_cannot_be_pooled_so() -> None:
    with pytest.raises(ValueError, match="one of table, 3/2, 2/2, not '4/2'"):
        with_pooling(PAPER, "4/2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'paper' has no pools of stride 2"):
        with_pooling(without(PAPER, ("pool1", "pool2", "pool5")), "2/2")


# --- normalization ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [PAPER, ONE_COLUMN, SIX_CONV], ids=lambda table: table.name)
def test_response_normalization_is_the_papers(table: Table) -> None:
    assert with_norm(table, "response") == table
    assert with_norm(with_norm(table, "none"), "response") == table
    assert with_norm(with_norm(table, "batch"), "response") == table


def test_response_normalization_elsewhere() -> None:
    found = with_norm(CAFFENET, "response")
    assert order(found) == order(PAPER)
    assert row(found, "norm1") == row(PAPER, "norm1")
    found = with_norm(SOURCE, "response")
    assert order(found)[:8] == ["conv1", "pool1", "relu1", "norm1", "conv2", "relu2", "norm2", "pool2"]
    assert {row(found, name).divide for name in ("norm1", "norm2")} == {False}
    assert row(with_norm(without(PAPER, ("conv1",)), "response"), "norm2").kind == "response"
    assert row(with_norm(QUICK, "response"), "conv1").bias


def test_batch_normalization_before_every_activation() -> None:
    found = with_norm(PAPER, "batch")
    assert order(found)[:4] == ["conv1", "norm1", "relu1", "pool1"]
    assert [one.name for one in found.layers if one.kind == "batchnorm"] == [f"norm{n}" for n in range(1, 8)]
    assert {one.name for one in found.layers if one.kind in ("conv", "dense") and one.bias} == {"fc8"}
    units = 96 + 256 + 384 + 384 + 256 + 4096 + 4096
    assert parameters(found) == 60_965_224 + units  # two numbers a map, for one bias less
    assert with_norm(QUICK, "batch") == QUICK
    assert order(with_norm(SOURCE, "batch"))[:4] == ["conv1", "pool1", "norm1", "relu1"]
    six = [one.name for one in with_norm(SIX_CONV, "batch").layers if one.kind == "batchnorm"]
    assert six[-3:] == ["norm6", "norm6b", "norm7"]


@pytest.mark.parametrize("name", TABLES)
def test_without_normalization(name: str) -> None:
    found = with_norm(TABLES[name], "none")
    assert not {one.kind for one in found.layers} & set(NORMALIZATIONS)
    assert all(one.bias for one in found.layers)
    assert with_norm(TABLES[name], "table") is TABLES[name]


def test_normalizations_that_are_none() -> None:
    with pytest.raises(ValueError, match="one of table, none, response, batch, not 'layer'"):
        with_norm(PAPER, "layer")  # type: ignore[arg-type]


# --- dilation, residual connections, attention ------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in TABLES if name != "lenet"])
def test_dilation_keeps_the_sizes(name: str) -> None:
    table = TABLES[name]
    for dilation in (2, 3):
        found = with_dilation(table, dilation)
        assert shapes(found) == shapes(table)
        assert summarize(found, 10).macs == summarize(table, 10).macs
        changed = [one.name for one, old in zip(found.layers, table.layers, strict=True) if one != old]
        assert changed == [name for name, place in places(table).items() if place in (3, 4, 5)]
    assert with_dilation(table, 1) is table


def test_dilation_by_hand() -> None:
    table = with_dilation(PAPER, 2)
    found = [(row(table, f"conv{n}").pad, row(table, f"conv{n}").dilation) for n in range(2, 6)]
    assert found == [(2, 1), (2, 2), (2, 2), (2, 2)]
    module = lay_out(edited(ModelConfig(dilation=2), 5), 224).modules["conv4"]
    assert isinstance(module, nn.Conv2d)
    assert module.dilation == (2, 2)
    fewer = with_dilation(without(PAPER, ("conv3",)), 2)
    assert [one.dilation for one in fewer.layers if one.kind == "conv"] == [1, 1, 2, 2]


def test_residual_connections_by_hand() -> None:
    table = with_residual(ONE_COLUMN)
    assert parameters(table) == 62_378_344 + 256 * 384 + 384 * 256  # conv4 reads as many maps as it has
    assert order(table)[order(table).index("conv3") :][:4] == ["conv3", "project3", "add3", "relu3"]
    assert (row(table, "add3").inputs, row(table, "add4").inputs) == (("conv3", "project3"), ("conv4", "relu3"))
    assert row(table, "project3").inputs == ("pool2",)
    assert parameters(with_residual(PAPER)) == 60_965_224 + 256 * 384 + 384 * 256 // 2  # conv5's in two columns
    quick = with_residual(QUICK)
    assert order(quick)[order(quick).index("conv5") :][:5] == ["conv5", "project5", "add5", "pool5", "norm5"]
    assert (row(quick, "add4").inputs, row(quick, "add3").inputs) == (("norm4", "relu3"), ("norm3", "project3"))
    assert [one.name for one in with_residual(SIX_CONV).layers if one.kind == "add"] == ["add3", "add4", "add5"]
    fewer = with_residual(without(PAPER, ("conv3",)))
    assert [one.name for one in fewer.layers if one.kind == "add"] == ["add4", "add5"]


def test_a_residual_network_adds() -> None:
    model = AlexNet(3, edited(ModelConfig(table="cifar-13", residual=True), 3), init="he").eval()
    images = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    read, local, relu = model.extract(images, ("pool2", "local3", "relu3")).values()
    with torch.no_grad():
        expected = (local + model.layer("project3")(read)).relu()
    torch.testing.assert_close(relu, expected)


def test_attention_stands_before_the_last_pooling() -> None:
    for attention, kind in (("squeeze-excite", "squeeze-excite"), ("self", "self-attention")):
        table = with_attention(PAPER, attention)  # type: ignore[arg-type]
        assert order(table)[order(table).index("conv5") :][:4] == ["conv5", "relu5", "attention5", "pool5"]
        assert row(table, "attention5").kind == kind
        assert shapes(table)["fc6"] == (4096,)
    assert parameters(with_attention(PAPER, "squeeze-excite")) == 60_965_224 + 2 * 256 * 16 + 16 + 256
    assert parameters(with_attention(PAPER, "self")) == 60_965_224 + 4 * 256**2 + 256
    assert with_attention(PAPER, "none") is PAPER
    assert order(with_attention(QUICK, "self"))[-8:-5] == ["relu5", "attention5", "average"]
    assert order(with_attention(SIX_CONV, "self"))[-9:-7] == ["relu6c", "attention6"]
    assert order(with_attention(CIFAR_13, "self"))[-3:] == ["relu4", "attention4", "fc10"]


def test_what_a_table_cannot_have() -> None:
    for edit in (with_residual, lambda table: with_dilation(table, 2)):
        with pytest.raises(ValueError, match="third to fifth convolution, and 'lenet' has none of them"):
            edit(LENET)
    with pytest.raises(ValueError, match="1 pixel apart or more, not 0"):
        with_dilation(PAPER, 0)
    with pytest.raises(ValueError, match="one of none, squeeze-excite, self, not 'cbam'"):
        with_attention(PAPER, "cbam")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no convolution for attention"):
        with_attention(without(LENET, ("conv1", "conv2")), "self")
    with pytest.raises(ValueError, match="conv3 of 'paper' changes the size of its maps"):
        with_residual(without(PAPER, ("conv1", "conv2")))
    with pytest.raises(ValueError, match="conv3 of 'cifar-18' reads the pictures themselves"):
        with_residual(without(CIFAR_18, ("conv1", "conv2", "pool1", "pool2")))


def test_rows_are_taken_out_of_graphs_too() -> None:
    table = leave_out(branching(), ("stem",))
    assert row(table, "left").inputs == ()
    table = leave_out(branching(), ("left",))
    assert (row(table, "right").inputs, row(table, "both").inputs) == ((), ("stem", "right"))


def test_edits_go_together() -> None:
    """In one order, whatever the order of the words; BVLC in one column with windows within it."""
    model = ModelConfig(table="bvlc", norm="response", columns=1, width=0.25, residual=True, attention="self")
    table = edited(model, 5)
    by_hand = with_columns(with_norm(BVLC, "response"), 1)
    assert [one.columns for one in table.layers if one.kind in ("conv", "response")] == [
        one.columns for one in by_hand.layers if one.kind in ("conv", "response")
    ]
    assert of_maps(table)["attention5"] == (64, 13, 13)
    assert row(table, "fc8").out == 5
