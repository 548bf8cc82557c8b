"""Which table is meant? Found by name, with its input convention and number of classes filled in."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Literal, get_args

from alexnet.tables import TABLES, Layer, Table

Input = Literal["table", "ceil224", "crop227", "pad2"]

#: Zeros on every side, more zeros right and below, side of the picture in pixels: 55 x 55 maps follow from each.
_INPUTS: dict[str, tuple[int, int, int]] = {"ceil224": (0, 3, 224), "crop227": (0, 0, 227), "pad2": (2, 0, 224)}


def table_named(name: str) -> Table:
    """The table of that name. Raises ValueError for a name that is none, naming the nearest."""
    if name in TABLES:
        return TABLES[name]
    near = difflib.get_close_matches(name, TABLES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(TABLES)}"
    raise ValueError(f"no table is called {name!r}; {hint}")


def with_input(table: Table, mode: Input) -> Table:
    """The table with another way from the picture to the first layer's 55 x 55 maps.

    ceil224: the 2012 program rounds the number of windows up, so that 224 pixels are followed by three zeros right
    and below (layer.py). crop227: Caffe's, a picture of 227 pixels and no zeros. pad2: two zeros on every side, which
    moves the grid by two pixels (torchvision). table: as the table has it. Parameters and MACs stay equal.

    Raises ValueError for another mode, and for a table whose first layer is not 11 x 11 with stride 4.
    """
    if mode == "table":
        return table
    if mode not in _INPUTS:
        raise ValueError(f"the input convention {mode!r} is not known; it is one of {', '.join(get_args(Input))}")
    first = table.layers[0]
    if (first.kind, first.kernel, first.stride) != ("conv", 11, 4):
        raise ValueError(
            f"the input convention {mode!r} is about a first layer of 11 x 11 kernels and stride 4, "
            f"which the table {table.name!r} has not; leave it at 'table'"
        )
    pad, pad_end, size = _INPUTS[mode]
    # The maps come out as large as before where picture and zeros together are as wide as before.
    fewer = (2 * first.pad + first.pad_end) - (2 * pad + pad_end)
    sizes = table.sizes and (table.sizes[0] + fewer, table.sizes[1] + fewer)
    return replace(table, layers=(replace(first, pad=pad, pad_end=pad_end), *table.layers[1:]), size=size, sizes=sizes)


def with_classes(table: Table, classes: int) -> Table:
    """The table with `classes` outputs in its last dense row. Raises ValueError for fewer than one."""
    if classes < 1:
        raise ValueError(f"a network needs one class or more, not {classes}")
    last = last_dense(table)
    return replace(table, layers=tuple(replace(row, out=classes) if row is last else row for row in table.layers))


def last_dense(table: Table) -> Layer:
    """The row that gives the logits. Raises ValueError for a table without a dense row."""
    dense = [row for row in table.layers if row.kind == "dense"]
    if not dense:
        raise ValueError(f"the table {table.name!r} has no dense row, so nothing in it can give one number a class")
    return dense[-1]


def complete(table: str | Table, num_classes: int = 1000, *, input: Input = "table") -> Table:
    """The table of that name, with its number of classes and input convention filled in. Raises ValueError."""
    table = with_input(table_named(table) if isinstance(table, str) else table, input)
    fixed = last_dense(table).out
    if fixed and fixed != num_classes:
        raise ValueError(f"the table {table.name!r} has {fixed} outputs of its own; ask for {fixed} classes")
    return with_classes(table, num_classes)
