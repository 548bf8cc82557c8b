"""Which modules does a table ask for? One fresh module a row, and which rows each reads.

The modules are made on the meta device, so that nothing is filled twice; the first dense row's inputs follow from the
size of the pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from alexnet.model.joints import Add, SelfAttention, SqueezeExcite
from alexnet.model.layers import CeilConv2d, Dense, Dropout
from alexnet.model.local import LocalConv2d
from alexnet.model.normalization import ResponseNormalization, WithinMapNormalization
from alexnet.model.pooling import MaxPool2d
from alexnet.tables import Layer, Table

#: What stands for each activation; a fresh module each time, none of them in place.
_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "linear": nn.Identity,
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The modules of a table on the meta device, in order, and how values pass between them."""

    modules: dict[str, nn.Module]
    shapes: dict[str, tuple[int, ...]]
    """Of each row's output, without the batch."""
    reads: dict[str, tuple[str, ...]]
    """The rows each row reads; () = the pictures."""
    frees: dict[str, tuple[str, ...]]
    """The rows that none reads after each row."""
    is_chain: bool
    """Every row reads the one before."""


def lay_out(table: Table, size: int) -> Plan:
    """One module a row on the meta device, for pictures of `size` pixels a side. ValueError if they do not fit."""
    low, high = table.sizes or (1, size)
    if not low <= size <= high:
        raise ValueError(f"the network {table.name!r} takes pictures of {low} to {high} pixels a side, not {size}")
    modules: dict[str, nn.Module] = {}
    reads: dict[str, tuple[str, ...]] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    before: tuple[str, ...] = ()
    is_chain = True
    with torch.device("meta"):
        for row in table.layers:
            if row.name in modules or not row.name.isidentifier() or hasattr(nn.Sequential, row.name):
                raise ValueError(f"the table {table.name!r} cannot have a row {row.name!r}; each needs its own name")
            reads[row.name] = row.inputs or before
            missing = [name for name in reads[row.name] if name not in shapes]
            if missing:
                raise ValueError(f"{row.name!r} of {table.name!r} reads {missing[0]!r}, which is no row above it")
            is_chain = is_chain and reads[row.name] == before
            given = [shapes[name] for name in reads[row.name]] or [(table.channels, size, size)]
            if len({shape if row.kind == "add" else shape[1:] for shape in given}) > 1:
                raise ValueError(f"{row.name!r} of the table {table.name!r} cannot join maps of the shapes {given}")
            shape = given[0] if row.kind == "add" else (sum(one[0] for one in given), *given[0][1:])
            modules[row.name] = module_of(row, shape)
            shapes[row.name] = _output(row, shape)
            if min(shapes[row.name]) < 1:
                raise ValueError(
                    f"pictures of {size} pixels a side are too small for the network {table.name!r}: nothing is left "
                    f"of the maps at {row.name}, whose window of {row.kernel} gets {shape[1]}; use larger pictures"
                )
            before = (row.name,)
    last_use = {name: reader for reader in reads for name in reads[reader]}
    return Plan(
        modules=modules,
        shapes=shapes,
        reads=reads,
        frees={name: tuple(read for read in shapes if last_use.get(read) == name) for name in shapes},
        is_chain=is_chain,
    )


def parts_of(table: Table) -> dict[str, str]:
    """Where each row's module stands: "features" before the first dropout or dense row, "classifier" from it on."""
    kinds = [row.kind for row in table.layers]
    head = next(place for place, kind in enumerate(kinds) if kind in ("dropout", "dense"))
    return {row.name: "classifier" if place >= head else "features" for place, row in enumerate(table.layers)}


def join(values: list[Tensor]) -> Tensor:
    """What a row reads: the values of the rows it names, one after another by channel."""
    return values[0] if len(values) == 1 else torch.cat(values, dim=1)


def _output(row: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a row's output for one of C,H,W or D, by torch's rules. Arithmetic, since torch's own answer on the
    meta device loads its compiler first, which takes a second."""
    match row.kind:
        case "dense":
            return (row.out,)
        case "adaptive":
            return (shape[0], row.kernel, row.kernel)
        case "conv" | "local":
            reach = row.dilation * (row.kernel - 1) + 1
            return (row.out, *((side + 2 * row.pad + row.pad_end - reach) // row.stride + 1 for side in shape[1:]))
        case "project":
            return (row.out, *shape[1:])
        case "maxpool" | "avgpool":
            return (shape[0], *(_pooled(row, side) for side in shape[1:]))
        case _:
            return shape


def _pooled(row: Layer, side: int) -> int:
    """Windows along one side of a pool; rounding up never starts one beyond the map and its zeros."""
    room = side + 2 * row.pad - row.kernel
    if not row.ceil:
        return room // row.stride + 1
    windows = -(-room // row.stride) + 1
    return windows - 1 if (windows - 1) * row.stride >= side + row.pad else windows


def module_of(row: Layer, shape: tuple[int, ...]) -> nn.Module:
    """A fresh module for a row that reads C,H,W or D of each picture."""
    fields: dict[str, Any] = {"stride": row.stride, "padding": row.pad, "dilation": row.dilation, "bias": row.bias}
    match row.kind:
        case "conv":
            fields["groups"] = row.columns
            if row.pad_end:
                return CeilConv2d(shape[0], row.out, row.kernel, **fields, pad_end=row.pad_end)
            return nn.Conv2d(shape[0], row.out, row.kernel, **fields)
        case "local":
            fields |= {"padding_end": row.pad_end, "columns": row.columns}
            return LocalConv2d(shape[0], row.out, row.kernel, shape[1], **fields)
        case "project":
            return nn.Conv2d(shape[0], row.out, 1, groups=row.columns, bias=False)
        case "add":
            return Add()
        case "squeeze-excite":
            return SqueezeExcite(shape[0])
        case "self-attention":
            return SelfAttention(shape[0])
        case "dense":
            return Dense(math.prod(shape), row.out, bias=row.bias)
        case "response":
            return ResponseNormalization(row.size, row.alpha, row.beta, row.k, row.divide, row.columns)
        case "within":
            return WithinMapNormalization(row.size, row.alpha, row.beta, row.k, row.divide)
        case "batchnorm":
            return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
        case "maxpool":
            return MaxPool2d(row.kernel, row.stride, row.pad, ceil_mode=row.ceil)
        case "avgpool":
            # What lies beyond the map counts neither in the sum nor in the number it is divided by.
            return nn.AvgPool2d(row.kernel, row.stride, row.pad, ceil_mode=row.ceil, count_include_pad=False)
        case "adaptive":
            return nn.AdaptiveAvgPool2d(row.kernel)
        case "dropout":
            return Dropout(row.rate, row.mode, row.name)
        case activation:
            return _ACTIVATIONS[activation]()
