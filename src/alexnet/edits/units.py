"""How are layers and their units changed? Layers left out, activations, widths, columns, dropout."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

from alexnet.edits.named import last_dense
from alexnet.edits.rows import WEIGHED, activation_of, block, changed, leave_out, new_name, places, put_after
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, NORMALIZATIONS, Activation, Layer, Table, dropout


def without(table: Table, names: Collection[str]) -> Table:
    """The table without the named rows.

    With a convolution or dense layer go its activation and normalization, and with a dense layer the dropout after it.
    Pools stay, so that the maps keep their sizes; a pool is left out by its own name, as any other row. The stride of a
    convolution left out passes to the next one; a convolution that now reads the pictures sees them whole. Later
    convolutions keep their place in the sets of initial weights. Raises ValueError for a name that is none, naming the
    nearest, and for the last layer.
    """
    rows = {row.name: row for row in table.layers}
    for name in names:
        if name not in rows:
            near = difflib.get_close_matches(name, rows, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(rows)}"
            raise ValueError(f"the network {table.name!r} has no row {name!r} to leave out; {hint}")
    last = last_dense(table).name
    if last in names:
        raise ValueError(f"{last!r} gives the classes of the network {table.name!r} and cannot be left out")
    gone, stride, kept = set(names), 1, dict[str, Layer]()
    for name in (row.name for row in table.layers if row.kind in WEIGHED):
        row = rows[name]
        if name in names:
            belonging = (*ACTIVATIONS, *NORMALIZATIONS, *(("dropout",) if row.kind == "dense" else ()))
            gone |= {one.name for one in block(table, name) if one.kind in belonging}
            stride *= row.stride
        elif row.kind in CONVOLUTIONS:
            kept[name] = replace(row, stride=row.stride * stride)
            stride = 1
    if any(rows[name].kind in CONVOLUTIONS for name in gone):
        place = places(table)
        kept = {name: replace(row, place=place[name]) for name, row in kept.items()}
    table = leave_out(changed(table, kept), gone) if gone else table
    return _seeing_pictures_whole(table)


def _seeing_pictures_whole(table: Table) -> Table:
    """Columns begin after the first convolution: the pictures' channels are no maps of a column."""
    first = next((row for row in table.layers if row.kind in CONVOLUTIONS), None)
    return changed(table, {first.name: replace(first, columns=1)}) if first and first.columns > 1 else table


def with_activation(table: Table, activation: Activation | Literal["table"]) -> Table:
    """The table with another function in place of every activation; names of rows stay. Raises ValueError."""
    if activation == "table":
        return table
    if activation not in ACTIVATIONS:
        raise ValueError(f"the activation {activation!r} is not known; it is one of {', '.join(ACTIVATIONS)}")
    return changed(table, {row.name: replace(row, kind=activation) for row in table.layers if row.kind in ACTIVATIONS})


def with_init_bias(table: Table, bias: float, init: str = "table") -> Table:
    """The table with another first bias in the rows that start with one above 0; -1 leaves them as they are.

    Section 5 starts some layers at 1, so that their ReLUs have something to pass on. Raises ValueError where no row has
    such a bias, and where `init` names a set of initial weights, which has biases of its own.
    """
    if bias == -1.0:
        return table
    rows = {row.name: replace(row, init_bias=bias) for row in table.layers if row.init_bias > 0}
    if not rows or init != "table" or not math.isfinite(bias):
        why = (
            f"--model.init {init} has first biases of its own"
            if init != "table"
            else f"a first bias is a finite number, not {bias:g}"
            if rows
            else f"no row of {table.name!r} starts with a bias above 0"
        )
        raise ValueError(f"{why}; leave --model.init-bias out")
    return changed(table, rows)


def with_columns(table: Table, columns: int) -> Table:
    """The table in so many columns (section 3.2); 0 leaves it as it is.

    Every convolution after the first reads the maps of its own column, but for the third, which reads all; dense layers
    read all. The windows of response normalization end at the columns' edges. Raises ValueError for a number that does
    not divide the maps and units of every layer but the last.
    """
    if columns == 0:
        return table
    if columns < 0:
        raise ValueError(f"a network has one column or more (0 = the table's own), not {columns}")
    last = last_dense(table)
    for row in table.layers:
        if row.kind in WEIGHED and row is not last and row.out % columns:
            raise ValueError(
                f"{columns} columns need maps and units that divide by {columns}, and {row.name} of {table.name!r} has "
                f"{row.out}; give another --model.columns"
            )
    place = places(table)
    rows = {row.name: replace(row, columns=columns) for row in table.layers if row.kind == "response"}
    for row in table.layers:
        if row.kind in CONVOLUTIONS:
            rows[row.name] = replace(row, columns=1 if place[row.name] in (1, 3) else columns)
    return _seeing_pictures_whole(changed(table, rows))


def with_width(table: Table, width: float) -> Table:
    """The table with `width` times the maps and units in every layer but the last.

    Numbers are rounded to the nearest that the table's columns divide, and stay one a column or more. Raises ValueError
    for a width that is not above 0.
    """
    if width == 1.0:
        return table
    if not 0 < width < math.inf:
        raise ValueError(f"the width multiplies the maps of every layer and must be above 0, not {width:g}")
    columns = max((row.columns for row in table.layers), default=1)
    rows = {
        row.name: replace(row, out=columns * max(1, round(row.out * width / columns)))
        for row in table.layers
        if row.kind in WEIGHED and row is not last_dense(table)
    }
    return changed(table, rows)


def with_dropout(table: Table, rate: float, mode: Literal["table", "paper", "inverted"] = "table") -> Table:
    """The table with another rate of dropout, or another convention; -1 leaves the rate as it is.

    0 takes dropout out. A table without any gets it where section 4.2 has it, after the activation of every hidden
    dense layer, in the paper's convention unless `mode` says otherwise. Raises ValueError for a rate outside [0, 1),
    and where there is nothing to drop.
    """
    modes = get_args(Literal["table", "paper", "inverted"])
    if mode not in modes:
        raise ValueError(f"the convention of dropout is one of {', '.join(modes)}, not {mode!r}")
    if rate == -1.0 and mode == "table":
        return table
    if rate != -1.0 and not 0 <= rate < 1:
        raise ValueError(
            f"dropout silences a share of units from 0 to below 1 (0 = none, -1 = the table's), not {rate:g}"
        )
    own = [row for row in table.layers if row.kind == "dropout"]
    if rate == 0:
        return leave_out(table, {row.name for row in own})
    hidden = [row for row in table.layers if row.kind == "dense" and row is not last_dense(table)]
    if not own and not hidden:
        raise ValueError(f"the network {table.name!r} has no hidden dense layer whose units dropout could silence")
    if not own and rate == -1.0:
        raise ValueError(f"the network {table.name!r} has no dropout to change; give --model.dropout a rate")
    for dense in () if own else hidden:
        after = activation_of(table, dense.name) or block(table, dense.name)[-1]
        table = put_after(table, {after.name: (dropout(new_name(table, "drop", dense.name)),)})
    return changed(
        table,
        {
            row.name: replace(row, rate=row.rate if rate == -1.0 else rate, mode=row.mode if mode == "table" else mode)
            for row in table.layers
            if row.kind == "dropout"
        },
    )
