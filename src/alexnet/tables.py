"""Which layers does each network have? One row a layer, one table a network.

A table is a graph in topological order: a row reads the row before it unless `inputs` names others. Everything
that distinguishes the paper's network from the released program's, and both from what others call AlexNet, stands
here as data; `model/network.py` turns a table into a module and knows none of them by name. This file imports no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["conv", "dense", "relu", "response", "within", "batchnorm", "maxpool", "avgpool", "adaptive", "dropout"]

#: Named sets of initial weights; "table" in a config means the table's own.
Init = Literal["normal", "torch", "he"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row. Fields that a kind does not use keep their defaults."""

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    """Rows read, several being joined by channel; () = the row before."""
    out: int = 0
    """conv: maps; dense: units; 0 in the last dense row = the number of classes."""
    kernel: int = 0
    """conv, pools: side of the window; adaptive: side of the output."""
    stride: int = 1
    pad: int = 0
    """Zeros on every side; `pad_end` more on the right and below only."""
    pad_end: int = 0
    columns: int = 1
    """conv: groups that do not see each other; response: parts at whose edges the window ends."""
    ceil: bool = True
    """Pools: round the output size up (the 2012 program) or down (torch's default)."""
    size: int = 5
    """response: maps in the window; within: side of the window in the same map."""
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0
    divide: bool = False
    """Divide alpha by the window's number of terms (the 2012 program) or not (section 3.3's formula)."""
    rate: float = 0.5
    """dropout: the share of units that is silenced."""
    mode: Literal["paper", "inverted"] = "paper"
    """dropout: halve at test time (section 4.2), or scale up in training (torch)."""
    bias: bool = True
    init: Init = "normal"
    """normal: N(0, init_sd) and constant bias; torch: torch's own default; he: N(0, 2/fan in), zero bias."""
    init_sd: float = 0.01
    init_bias: float = 0.0
    decay_scale: float = 1.0
    """Weight decay of this row's weights relative to `optim.decay`."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A network: its rows, the picture it expects, where it comes from."""

    name: str
    summary: str
    layers: tuple[Layer, ...]
    size: int = 224
    """Side of the input, pixels."""
    sizes: tuple[int, int] | None = None
    """Smallest and largest input the rows can take, where not only `size`."""
    channels: int = 3


def conv(name: str, out: int, kernel: int, **fields: object) -> Layer:
    return Layer(name=name, kind="conv", out=out, kernel=kernel, **fields)  # type: ignore[arg-type]


def dense(name: str, out: int, **fields: object) -> Layer:
    return Layer(name=name, kind="dense", out=out, **fields)  # type: ignore[arg-type]


def relu(name: str) -> Layer:
    return Layer(name=name, kind="relu")


def pool(name: str, kind: Literal["maxpool", "avgpool"] = "maxpool", **fields: object) -> Layer:
    return Layer(name=name, kind=kind, **({"kernel": 3, "stride": 2} | fields))  # type: ignore[arg-type]


def dropout(name: str, **fields: object) -> Layer:
    return Layer(name=name, kind="dropout", **fields)  # type: ignore[arg-type]


#: Section 3.5's network with section 3.3's formula; 224 pixels and the 2012 program's zeros right and below.
PAPER = Table(
    name="paper",
    summary="the network as the 2012 paper prints it: two columns, ReLU, response normalization, overlapping pooling",
    layers=(
        conv("conv1", 96, 11, stride=4, pad_end=3),
        relu("relu1"),
        Layer(name="norm1", kind="response", columns=2),
        pool("pool1"),
        conv("conv2", 256, 5, pad=2, columns=2, init_bias=1.0),
        relu("relu2"),
        Layer(name="norm2", kind="response", columns=2),
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
        Layer(name="norm1", kind="response", columns=2, divide=True),
        pool("pool1"),
        relu("relu1"),
        conv("conv2", 256, 5, pad=2, columns=2, init_bias=1.0),
        relu("relu2"),
        Layer(name="norm2", kind="response", columns=2, divide=True),
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


def _rows(table: Table, changes: dict[str, dict[str, object]]) -> tuple[Layer, ...]:
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

_TORCH = {"init": "torch"}
#: torchvision.models.alexnet: the 2014 one-column network, no normalization, dropout before the dense layers.
TORCHVISION = Table(
    name="torchvision",
    summary="what torchvision calls AlexNet: the 2014 one-column network without normalization",
    layers=(
        conv("conv1", 64, 11, stride=4, pad=2, **_TORCH),
        relu("relu1"),
        pool("pool1", ceil=False),
        conv("conv2", 192, 5, pad=2, **_TORCH),
        relu("relu2"),
        pool("pool2", ceil=False),
        conv("conv3", 384, 3, pad=1, **_TORCH),
        relu("relu3"),
        conv("conv4", 256, 3, pad=1, **_TORCH),
        relu("relu4"),
        conv("conv5", 256, 3, pad=1, **_TORCH),
        relu("relu5"),
        pool("pool5", ceil=False),
        Layer(name="average", kind="adaptive", kernel=6),
        dropout("drop5", mode="inverted"),
        dense("fc6", 4096, **_TORCH),
        relu("relu6"),
        dropout("drop6", mode="inverted"),
        dense("fc7", 4096, **_TORCH),
        relu("relu7"),
        dense("fc8", 0, **_TORCH),
    ),
    sizes=(63, 512),
)

#: layers-80sec.cfg of cuda-convnet: 26% test error on CIFAR-10 in 80 seconds of 2011.
CIFAR_26 = Table(
    name="cifar-26",
    summary="the 2011 network for CIFAR-10 that reaches 26% error in 80 seconds",
    size=32,
    layers=(
        conv("conv1", 32, 5, pad=2, init_sd=1e-4),
        relu("relu1"),
        pool("pool1"),
        conv("conv2", 32, 5, pad=2),
        relu("relu2"),
        pool("pool2", "avgpool"),
        conv("conv3", 64, 5, pad=2),
        relu("relu3"),
        pool("pool3", "avgpool"),
        dense("fc64", 64, init_sd=0.1, decay_scale=7.5),
        relu("relu64"),
        dense("fc10", 0, init_sd=0.1, decay_scale=7.5),
    ),
)

_WITHIN = {"kind": "within", "size": 3, "alpha": 5e-5, "k": 1.0, "divide": True}
#: layers-18pct.cfg: 18% test error on CIFAR-10 in 20 minutes of 2011, without augmentation.
CIFAR_18 = Table(
    name="cifar-18",
    summary="the 2011 network for CIFAR-10 that reaches 18% error in 20 minutes, with within-map normalization",
    size=32,
    layers=(
        conv("conv1", 32, 5, pad=2, init_sd=1e-4),
        pool("pool1"),
        relu("relu1"),
        Layer(name="norm1", **_WITHIN),  # type: ignore[arg-type]
        conv("conv2", 32, 5, pad=2),
        relu("relu2"),
        pool("pool2", "avgpool"),
        Layer(name="norm2", **_WITHIN),  # type: ignore[arg-type]
        conv("conv3", 64, 5, pad=2),
        relu("relu3"),
        pool("pool3", "avgpool"),
        dense("fc10", 0, decay_scale=250.0),
    ),
)

_NORMED = {"bias": False, "init": "he"}
#: A small modern relative for small pictures. Pooling stands before normalization and ReLU, as in the released program:
#: it gives the same maps for a quarter of the work.
QUICK = Table(
    name="quick",
    summary="a small modern AlexNet for pictures of 32 to 128 pixels: batch normalization, one dense hidden layer",
    size=32,
    sizes=(24, 160),
    layers=(
        conv("conv1", 48, 5, pad=2, **_NORMED),
        pool("pool1"),
        Layer(name="norm1", kind="batchnorm"),
        relu("relu1"),
        conv("conv2", 128, 3, pad=1, **_NORMED),
        pool("pool2"),
        Layer(name="norm2", kind="batchnorm"),
        relu("relu2"),
        conv("conv3", 192, 3, pad=1, **_NORMED),
        Layer(name="norm3", kind="batchnorm"),
        relu("relu3"),
        conv("conv4", 192, 3, pad=1, **_NORMED),
        Layer(name="norm4", kind="batchnorm"),
        relu("relu4"),
        conv("conv5", 128, 3, pad=1, **_NORMED),
        pool("pool5"),
        Layer(name="norm5", kind="batchnorm"),
        relu("relu5"),
        Layer(name="average", kind="adaptive", kernel=4),
        dense("fc6", 512, **_NORMED),
        Layer(name="norm6", kind="batchnorm"),
        relu("relu6"),
        dropout("drop6", mode="inverted", rate=0.25),
        dense("fc8", 0, init="he"),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table for table in (PAPER, SOURCE, ONE_COLUMN, HALF, SIX_CONV, TORCHVISION, CIFAR_26, CIFAR_18, QUICK)
}
