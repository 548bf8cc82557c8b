"""Which part of a tensor is a column's? Weights, gradients, running statistics cut into shares and put together.

Every tensor of a row lies by output: a column's share is a stretch of its first axis, as long as the others'. The one
exception are locally connected layers, whose weights lie by place first (local.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from alexnet.tables import Layer


def share(row: Layer, leaf: str, value: Tensor, column: int, columns: int) -> Tensor:
    """A column's part of the tensor `leaf` ("weight", "running_mean", ...) of a whole row; a view where it can be."""
    if value.ndim == 0:  # a count of batches: of all maps, so every column has it
        return value
    if row.kind == "local" and leaf == "weight":  # places * columns of the row, inputs, outputs of one
        return _by_place(value, row.columns)[:, column] if row.columns > 1 else value.chunk(columns, 2)[column]
    return value.chunk(columns)[column]


def put_together(row: Layer, leaf: str, shares: Sequence[Tensor]) -> Tensor:
    """The tensor of the whole row of which these are the columns' parts, in order."""
    if shares[0].ndim == 0:
        return shares[0]
    if row.kind == "local" and leaf == "weight":
        return torch.stack(list(shares), 1).flatten(0, 1) if row.columns > 1 else torch.cat(list(shares), 2)
    return torch.cat(list(shares))


def _by_place(weight: Tensor, columns: int) -> Tensor:
    """Places * columns, inputs, outputs to places, columns, inputs, outputs."""
    return weight.unflatten(0, (-1, columns))
