"""What is a row of a table? Layers as data, and short ways to write them.

A table is a graph in topological order: a row reads the row before it unless `inputs` names others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Activation = Literal["relu", "tanh", "sigmoid", "leaky-relu", "elu", "gelu", "silu", "softplus", "linear"]

Kind = (
    Literal["conv", "local", "dense", "response", "within", "batchnorm", "maxpool", "avgpool", "adaptive", "dropout"]
    | Activation
    | Literal["project", "add", "squeeze-excite", "self-attention"]
)

#: Kinds whose output takes the place of their input.
ACTIVATIONS: tuple[Activation, ...] = get_args(Activation)

#: Kinds that look at a window of the maps with weights of their own: shared between places, or not (local).
CONVOLUTIONS: tuple[Kind, ...] = ("conv", "local")
NORMALIZATIONS: tuple[Kind, ...] = ("response", "within", "batchnorm")
POOLS: tuple[Kind, ...] = ("maxpool", "avgpool")

#: How the weights of a row start.
Init = Literal["normal", "truncated", "xavier", "torch", "he"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One row. Fields that a kind does not use keep their defaults."""

    name: str
    kind: Kind
    inputs: tuple[str, ...] = ()
    """Rows read, several being joined by channel, or added by an add row; () = the row before."""
    out: int = 0
    """conv, local, project: maps; dense: units; 0 in the last dense row = the number of classes."""
    kernel: int = 0
    """conv, local, pools: side of the window; adaptive: side of the output."""
    stride: int = 1
    pad: int = 0
    """Zeros on every side; `pad_end` more on the right and below only."""
    pad_end: int = 0
    dilation: int = 1
    """conv, local: distance between neighbouring points of the window, in pixels of the map."""
    columns: int = 1
    """conv, local, project: groups that do not see each other; response: parts at whose edges the window ends."""
    place: int = 0
    """conv, local: which convolution of its network this is, counted from 1, where rows before it were left out."""
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
    """normal: N(0, init_sd), bias init_bias; truncated: the same, drawn again beyond two deviations; xavier: uniform
    within sqrt(6 / (fan in + fan out)), bias init_bias; torch: torch's own default; he: N(0, 2/fan in), zero bias."""
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


def local(name: str, out: int, kernel: int, **fields: object) -> Layer:
    return Layer(name=name, kind="local", out=out, kernel=kernel, **fields)  # type: ignore[arg-type]


def dense(name: str, out: int, **fields: object) -> Layer:
    return Layer(name=name, kind="dense", out=out, **fields)  # type: ignore[arg-type]


def relu(name: str) -> Layer:
    return Layer(name=name, kind="relu")


def tanh(name: str) -> Layer:
    return Layer(name=name, kind="tanh")


def response(name: str, **fields: object) -> Layer:
    return Layer(name=name, kind="response", **fields)  # type: ignore[arg-type]


def pool(name: str, kind: Literal["maxpool", "avgpool"] = "maxpool", **fields: object) -> Layer:
    return Layer(name=name, kind=kind, **({"kernel": 3, "stride": 2} | fields))  # type: ignore[arg-type]


def dropout(name: str, **fields: object) -> Layer:
    return Layer(name=name, kind="dropout", **fields)  # type: ignore[arg-type]
