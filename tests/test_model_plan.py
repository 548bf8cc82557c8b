"""Does a table's plan tell the shapes that the modules then give, and refuse what cannot be laid out?"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from alexnet.edits import complete
from alexnet.model.network import AlexNet
from alexnet.model.plan import lay_out
from alexnet.tables import CIFAR_26, PAPER, TABLES, Layer, Table, conv, dense, pool, relu


@pytest.mark.parametrize("name", TABLES)
def test_planned_shapes_are_the_computed_ones(name: str) -> None:
    network = AlexNet(5, name, init="empty")
    with torch.no_grad():
        computed = network.extract(torch.zeros(1, 3, network.size, network.size), network.layer_names)
    assert network.shapes == {row: tuple(value.shape[1:]) for row, value in computed.items()}


@settings(max_examples=150, deadline=None)
@given(
    side=st.integers(1, 24),
    kernel=st.integers(1, 7),
    stride=st.integers(1, 4),
    pad=st.integers(0, 3),
    ceil=st.booleans(),
    kind=st.sampled_from(["maxpool", "avgpool"]),
)
def test_pools_come_out_as_torchs(side: int, kernel: int, stride: int, pad: int, ceil: bool, kind: str) -> None:
    assume(pad <= kernel // 2)  # torch allows no more
    row = Layer(name="pool", kind=kind, kernel=kernel, stride=stride, pad=pad, ceil=ceil)  # type: ignore[arg-type]
    table = Table(name="one", summary="", layers=(row, dense("fc", 2)), size=side)
    make = nn.MaxPool2d if kind == "maxpool" else nn.AvgPool2d
    try:
        expected = make(kernel, stride, pad, ceil_mode=ceil)(torch.zeros(1, 3, side, side)).shape[1:]
    except RuntimeError:
        with pytest.raises(ValueError, match="nothing is left of the maps at pool"):
            lay_out(table, side)
    else:
        assert lay_out(table, side).shapes["pool"] == tuple(expected)


def test_padding_does_not_count_in_an_average() -> None:
    row = pool("pool", "avgpool", pad=1)
    plan = lay_out(Table(name="one", summary="", layers=(row, dense("fc", 2)), size=7), 7)
    assert torch.equal(plan.modules["pool"](torch.ones(1, 3, 7, 7)), torch.ones(1, 3, 4, 4))


@pytest.mark.parametrize(
    ("pad", "pad_end", "stride", "side"), [(0, 3, 4, 224), (2, 0, 4, 224), (1, 2, 3, 9), (0, 0, 1, 5)]
)
def test_convolutions_come_out_as_torchs(pad: int, pad_end: int, stride: int, side: int) -> None:
    rows = (conv("conv1", 2, 5, stride=stride, pad=pad, pad_end=pad_end), dense("fc", 2))
    plan = lay_out(Table(name="one", summary="", layers=rows, size=side), side)
    module = plan.modules["conv1"].to_empty(device="cpu")
    assert plan.shapes["conv1"] == tuple(module(torch.zeros(1, 3, side, side)).shape[1:])


def test_the_modules_hold_no_memory_and_one_is_made_for_each_row() -> None:
    plan = lay_out(complete("paper"), 224)
    assert all(weight.is_meta for module in plan.modules.values() for weight in module.parameters())
    assert len({id(module) for module in plan.modules.values()}) == len(PAPER.layers)
    assert not any(module.inplace for module in plan.modules.values() if isinstance(module, nn.ReLU))


def test_other_sizes_give_other_dense_inputs() -> None:
    for size, inputs in ((224, 9216), (227, 9216), (63, 256), (320, 256 * 9 * 9)):
        module = lay_out(complete("paper"), size).modules["fc6"]
        assert isinstance(module, nn.Linear)
        assert module.in_features == inputs


def test_what_is_too_small_is_told_with_the_layer() -> None:
    with pytest.raises(
        ValueError, match=r"20 pixels.*'paper': nothing is left of the maps at pool5, whose window of 3"
    ):
        lay_out(complete("paper"), 20)
    with pytest.raises(ValueError, match="nothing is left of the maps at conv1, whose window of 11 gets 7"):
        lay_out(complete("paper"), 7)
    with pytest.raises(ValueError, match="'quick' takes pictures of 24 to 224 pixels a side, not 225"):
        lay_out(complete("quick"), 225)
    with pytest.raises(ValueError, match="1 to 0 pixels a side, not 0"):
        lay_out(complete("paper"), 0)


def branching(*, joined: tuple[str, ...] = ("left", "right")) -> Table:
    return Table(
        name="branching",
        summary="two convolutions over one, joined",
        layers=(
            conv("stem", 4, 3, pad=1),
            conv("left", 2, 3, pad=1, inputs=("stem",)),
            conv("right", 3, 1, inputs=("stem",)),
            Layer(name="both", kind="relu", inputs=joined),
            dense("fc", 0),
        ),
        size=8,
    )


def test_a_graph_is_joined_by_channel() -> None:
    plan = lay_out(complete(branching(), 2), 8)
    assert plan.shapes["both"] == (5, 8, 8)
    assert plan.reads["both"] == ("left", "right")
    assert not plan.is_chain
    assert lay_out(complete("source"), 224).is_chain
    # Each value is let go after its last reader, and none before.
    assert plan.frees == {"stem": (), "left": (), "right": ("stem",), "both": ("left", "right"), "fc": ("both",)}


def test_a_table_that_is_no_graph_is_refused() -> None:
    with pytest.raises(ValueError, match="'both' of 'branching' reads 'middle', which is no row above it"):
        lay_out(complete(branching(joined=("left", "middle")), 2), 8)
    with pytest.raises(ValueError, match="cannot have a row 'pool1'; each needs its own name"):
        lay_out(replace(CIFAR_26, layers=(*CIFAR_26.layers[:2], *CIFAR_26.layers[1:])), 32)
    with pytest.raises(ValueError, match="cannot have a row 'append'"):
        lay_out(Table(name="odd", summary="", layers=(relu("append"),)), 8)
    rows = branching().layers
    pooled = (*rows[:2], pool("right", inputs=("stem",)), *rows[3:])
    with pytest.raises(ValueError, match="'both' of the table 'branching' cannot join maps of the shapes"):
        lay_out(complete(replace(branching(), layers=pooled), 2), 8)
