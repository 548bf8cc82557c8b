"""How do the rows of a table hang together? What belongs to a layer, and rows taken out and put in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, Layer, Table

#: Kinds that begin a layer; the rows that follow, as far as the next of these, belong to it.
WEIGHED = (*CONVOLUTIONS, "dense")


def places(table: Table) -> dict[str, int]:
    """Which convolution of its network each is, counted from 1, by the row's name; left-out ones were counted."""
    found: dict[str, int] = {}
    number = 0
    for row in table.layers:
        if row.kind in CONVOLUTIONS:
            number = row.place or number + 1
            found[row.name] = number
    return found


def block(table: Table, name: str) -> tuple[Layer, ...]:
    """A layer with all that belongs to it: the row of that name and those after it, as far as the next layer."""
    rows = table.layers
    first = next(place for place, row in enumerate(rows) if row.name == name)
    after = next((n for n in range(first + 1, len(rows)) if rows[n].kind in WEIGHED), len(rows))
    return rows[first:after]


def activation_of(table: Table, name: str) -> Layer | None:
    """The last activation that belongs to a layer."""
    found = [row for row in block(table, name) if row.kind in ACTIVATIONS]
    return found[-1] if found else None


def reads(table: Table) -> dict[str, tuple[str, ...]]:
    """The rows each row reads, by name; () = the pictures."""
    found: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for row in table.layers:
        found[row.name] = row.inputs or before
        before = (row.name,)
    return found


def channels(table: Table) -> dict[str, int]:
    """The maps or units of each row's output, by name; those of an open last row are 0."""
    found: dict[str, int] = {}
    for row in table.layers:
        read = [found[name] for name in reads(table)[row.name]] or [table.channels]
        found[row.name] = row.out if row.kind in (*WEIGHED, "project") else read[0] if row.kind == "add" else sum(read)
    return found


def leave_out(table: Table, names: Collection[str]) -> Table:
    """The table without the named rows; what read one of them reads what it read."""
    read, stand = reads(table), dict[str, tuple[str, ...]]()
    kept: list[Layer] = []
    for row in table.layers:
        now = tuple(name for old in read[row.name] for name in stand.get(old, (old,)))
        if row.name in names:
            stand[row.name] = now
        else:
            kept.append(replace(row, inputs=() if not kept or now == (kept[-1].name,) else now))
    return replace(table, layers=tuple(kept))


def put_after(table: Table, added: Mapping[str, tuple[Layer, ...]]) -> Table:
    """The table with rows put in after the named ones; the row that came next reads the last of them."""
    return replace(table, layers=tuple(one for row in table.layers for one in (row, *added.get(row.name, ()))))


def changed(table: Table, rows: Mapping[str, Layer]) -> Table:
    """The table with the rows of those names in place of its own."""
    return replace(table, layers=tuple(rows.get(row.name, row) for row in table.layers))


def new_name(table: Table, word: str, of: str) -> str:
    """The name of a row that is added to the layer `of`: the word and that layer's number, and a letter if taken."""
    taken = {row.name for row in table.layers}
    name = word + re.sub(r"^[a-z]+", "", of)
    return next(one for one in (name, *(name + letter for letter in "bcdefgh")) if one not in taken)
