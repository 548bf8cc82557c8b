"""Which layers have the networks of 2012? The paper's, the released program's, Caffe's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from alexnet.tables.rows import Layer, Table, conv, dense, dropout, pool, relu, response

#: Section 3.5's network with section 3.3's formula; 224 pixels and the 2012 program's zeros right and below.
PAPER = Table(
    name="paper",
    summary="the network as the 2012 paper prints it: two columns, ReLU, response normalization, overlapping pooling",
    layers=(
        conv("conv1", 96, 11, stride=4, pad_end=3),
        relu("relu1"),
        response("norm1", columns=2),
        pool("pool1"),
        conv("conv2", 256, 5, pad=2, columns=2, init_bias=1.0),
        relu("relu2"),
        response("norm2", columns=2),
        pool("pool2"),
        conv("conv3", 384, 3, pad=1),
        relu("relu3"),
        conv("conv4", 384, 3, pad=1, columns=2, init_bias=1.0),
        relu("relu4"),
        conv("conv5", 256, 3, pad=1, columns=2, init_bias=1.0),
        relu("relu5"),
        pool("pool5"),
        dense("fc6", 4096, init_bias=1.0),
        relu("relu6"),
        dropout("drop6"),
        dense("fc7", 4096, init_bias=1.0),
        relu("relu7"),
        dropout("drop7"),
        dense("fc8", 0),
    ),
)

#: layers-145.cfg and layer-params-145.cfg of the released program, the net behind the paper's numbers.
SOURCE = Table(
    name="source",
    summary="the network of the released 2012 program (layers-145): normalization before the first ReLU, and more",
    layers=(
        conv("conv1", 96, 11, stride=4, pad_end=3),
        response("norm1", columns=2, divide=True),
        pool("pool1"),
        relu("relu1"),
        conv("conv2", 256, 5, pad=2, columns=2, init_bias=1.0),
        relu("relu2"),
        response("norm2", columns=2, divide=True),
        Layer(name="within2", kind="within", size=5, alpha=0.001, k=1.0, divide=True),
        pool("pool2"),
        conv("conv3", 384, 3, pad=1, init_sd=0.03),
        relu("relu3"),
        conv("conv4", 384, 3, pad=1, columns=2, init_sd=0.03, init_bias=1.0),
        relu("relu4"),
        conv("conv5", 256, 3, pad=1, columns=2, init_sd=0.03, init_bias=1.0),
        pool("pool5"),
        relu("relu5"),
        dense("fc6", 4096, init_bias=1.0),
        relu("relu6"),
        dropout("drop6"),
        dense("fc7", 4096, init_bias=1.0),
        relu("relu7"),
        dropout("drop7"),
        dense("fc8", 0),
    ),
)


def _rows(table: Table, changes: Mapping[str, Mapping[str, object]]) -> tuple[Layer, ...]:
    """The table's rows, the named ones with fields changed."""
    assert set(changes) <= {row.name for row in table.layers}
    return tuple(replace(row, **changes.get(row.name, {})) for row in table.layers)  # type: ignore[arg-type]


#: What most re-implementations and course notes build: the paper's widths, every layer seeing everything.
ONE_COLUMN = Table(
    name="one-column",
    summary="the paper's network without the columns: every layer sees all maps",
    layers=_rows(PAPER, {name: {"columns": 1} for name in ("norm1", "conv2", "norm2", "conv4", "conv5")}),
)

#: The control of section 3.2 (layers-145-half.cfg): one column of half width, conv5 and the dense layers kept whole.
HALF = Table(
    name="half",
    summary="the control of section 3.2: one column of half the maps, conv5 and dense layers kept whole",
    layers=_rows(
        ONE_COLUMN, {"conv1": {"out": 48}, "conv2": {"out": 128}, "conv3": {"out": 192}, "conv4": {"out": 192}}
    ),
)

#: The pre-trained network of Table 2: a sixth convolution over pool5 that sees both columns (#146).
SIX_CONV = Table(
    name="six-conv",
    summary="the paper's network with a sixth convolution over the last pooling layer (Table 2, marked *)",
    layers=tuple(
        row
        for old in PAPER.layers
        for row in (
            (old, conv("conv6", 256, 3, pad=1, init_sd=0.03, init_bias=1.0), relu("relu6c"))
            if old.name == "pool5"
            else (old,)
        )
    ),
)

#: Run #150: no links between the columns before the last layer; 160 maps a column in conv2 and 4,096 dense units a
#: column, read as those of fc6, for so the parameters match the paper's to .4%, as the log says that they do. A dense
#: row of a column is a convolution of its whole maps.
SEPARATE = Table(
    name="separate",
    summary="two columns that meet at the last layer alone (#150), with the paper's number of parameters",
    layers=_rows(
        PAPER,
        {
            "conv2": {"out": 320},
            "conv3": {"columns": 2},
            "fc6": {"kind": "conv", "out": 8192, "kernel": 6, "columns": 2},
            "fc7": {"kind": "conv", "kernel": 1, "columns": 2},
        },
    ),
    sizes=(224, 224),  # at another, the kernels of fc6 would not be the maps' whole
)

_INVERTED = {"drop6": {"mode": "inverted"}, "drop7": {"mode": "inverted"}}
#: models/bvlc_alexnet of Caffe: 227 pixels; k of 1, windows across the columns' edge, alpha divided by their size.
BVLC = Table(
    name="bvlc",
    summary="the reproduction in Caffe, bvlc_alexnet: 227 pixels, biases of .1, normalization across both columns",
    layers=_rows(
        PAPER,
        {"conv1": {"pad_end": 0}}
        | {name: {"columns": 1, "k": 1.0, "divide": True} for name in ("norm1", "norm2")}
        | {name: {"init_bias": 0.1} for name in ("conv2", "conv4", "conv5")}
        | {name: {"init_bias": 0.1, "init_sd": 0.005} for name in ("fc6", "fc7")}
        | _INVERTED,
    ),
    size=227,
)


def _swapped(layers: tuple[Layer, ...], one: str, other: str) -> tuple[Layer, ...]:
    by_name = {row.name: row for row in layers}
    names = {one: other, other: one}
    return tuple(by_name[names.get(row.name, row.name)] for row in layers)


#: models/bvlc_reference_caffenet of Caffe: pools before it normalizes, biases of 1.
CAFFENET = Table(
    name="caffenet",
    summary="the reference network of Caffe, CaffeNet: as bvlc, but pooling before normalization and biases of 1",
    layers=_swapped(
        _swapped(
            _rows(BVLC, {name: {"init_bias": 1.0} for name in ("conv2", "conv4", "conv5", "fc6", "fc7")}),
            "norm1",
            "pool1",
        ),
        "norm2",
        "pool2",
    ),
    size=227,
)
