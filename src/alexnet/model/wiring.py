"""How is a table divided among columns? What each column holds of every row, what it reads, what must travel.

Section 3.2 of the paper puts half of the kernels on each of two GPUs, which talk to each other in certain layers only.
Which ones follows from the rows alone:

    a convolution in columns      has its own group's maps in each column, and reads what its own column holds
    one that reads all maps       has a share of its maps in each column, and reads what all columns hold
    a hidden dense row            the same, by units
    the last dense row            stands whole in the first column (as the 2012 program has the last layer and the loss)
    every other row               is computed where its input is held

For `paper` that makes conv3, fc6, fc7 and fc8 the places where the columns meet, as in figure 2. Nothing is computed
here but sizes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from alexnet.edits import complete, last_dense
from alexnet.model.plan import lay_out
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, POOLS, Layer, Table

#: Rows that hold weights of their own for every map they compute.
_WEIGHED = (*CONVOLUTIONS, "project", "dense")
#: Rows without weights, which every column can compute of the whole pictures.
_PLAIN = (*POOLS, *ACTIVATIONS, "adaptive", "within", "dropout")


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """A table in columns. Shapes are without the batch."""

    columns: int
    rows: dict[str, Layer]
    """Each row as one column has it: its share of the maps or units, and no columns of its own."""
    given: dict[str, tuple[int, ...]]
    """What the row's module reads in one column: C,H,W or D."""
    shapes: dict[str, tuple[int, ...]]
    """What it computes in one column."""
    reads: dict[str, tuple[str, ...]]
    """The rows each row reads; () = the pictures."""
    frees: dict[str, tuple[str, ...]]
    """The rows that none reads after each row."""
    reads_all: frozenset[str]
    """Rows that read what all columns hold."""
    shared: frozenset[str]
    """Rows of which every column holds a share: column c the c-th stretch of the maps or units."""
    first: frozenset[str]
    """Rows that stand whole in the first column."""
    meets: dict[str, tuple[int, ...]]
    """The rows whose maps or units travel, and the columns that get what the others hold of them."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What travels at one place where columns meet, for one picture."""

    row: str
    """The row whose maps or units travel."""
    readers: tuple[str, ...]
    """The rows that read them."""
    values: int
    """Sent forward by all columns together; as many gradients are sent back."""

    def size(self, width: int = 4) -> int:
        """Bytes a picture, one way, of numbers `width` bytes wide (float32: 4)."""
        return self.values * width


def wire(table: Table, columns: int, size: int) -> Wiring:
    """A complete table divided among its columns, for pictures of `size` pixels a side.

    Raises ValueError for a number of columns that is not the table's, for maps or units that do not divide by it, and
    for rows that cannot be computed in columns: windows of response normalization across the columns' edges, attention
    over all maps, joined maps that a column reads in part, weights for the pictures' own channels.
    """
    _must_have(table, columns)
    plan = lay_out(table, size)
    last = last_dense(table)
    held: dict[str, str] = {}  # "all": whole in every column; "share"; "first": whole in the first
    rows: dict[str, Layer] = {}
    given: dict[str, tuple[int, ...]] = {}
    reads_all: set[str] = set()
    meets: dict[str, tuple[int, ...]] = {}
    for row in table.layers:
        read = plan.reads[row.name]
        places = {held[name] for name in read} or {"all"}
        whole = [plan.shapes[name] for name in read] or [(table.channels, size, size)]
        _must_be_local(table, row, places, columns, len(read))
        if row.kind not in _WEIGHED:
            held[row.name] = next(iter(places))
            own = held[row.name] == "share"
            rows[row.name] = replace(row, columns=1) if own else row
        else:
            held[row.name] = "first" if row is last else "share"
            rows[row.name] = row if row is last else replace(row, out=row.out // columns, columns=1)
            own = row.columns == columns and places == {"share"}
            if places == {"share"} and not own:
                reads_all.add(row.name)
                readers = (0,) if row is last else tuple(range(columns))
                meets |= {name: max(readers, meets.get(name, ()), key=len) for name in read}
        maps = whole[0][0] if row.kind == "add" else sum(shape[0] for shape in whole)
        given[row.name] = (maps // columns if own else maps, *whole[0][1:])
    shapes = {name: _shared(plan.shapes[name], columns if held[name] == "share" else 1) for name in rows}
    return Wiring(
        columns=columns,
        rows=rows,
        given=given,
        shapes=shapes,
        reads=plan.reads,
        frees=plan.frees,
        reads_all=frozenset(reads_all),
        shared=frozenset(name for name in rows if held[name] == "share"),
        first=frozenset(name for name in rows if held[name] == "first"),
        meets=meets,
    )


def traffic(
    table: str | Table, columns: int, size: int | None = None, *, num_classes: int = 1000
) -> tuple[Traffic, ...]:
    """What travels for one picture at each place where the columns of a table meet, in the order of the table.

    For `paper` in two columns 58,624 values go forward, and as many back: pool2 43,264, pool5 9,216, fc6 4,096 and
    fc7 2,048. Raises ValueError as `wire` does.
    """
    whole = complete(table, num_classes)
    wiring = wire(whole, columns, whole.size if size is None else size)
    found = []
    for row, readers in wiring.meets.items():
        # Each of those columns gets what the other columns hold.
        values = math.prod(wiring.shapes[row]) * (columns - 1) * len(readers)
        reading = tuple(name for name in wiring.rows if name in wiring.reads_all and row in wiring.reads[name])
        found.append(Traffic(row=row, readers=reading, values=values))
    return tuple(found)


def columns_of(table: Table) -> int:
    """How many columns a table has; 1 = none."""
    return max(row.columns for row in table.layers if row.kind in _WEIGHED)


def _shared(shape: tuple[int, ...], columns: int) -> tuple[int, ...]:
    return (shape[0] // columns, *shape[1:])


def _must_have(table: Table, columns: int) -> None:
    own, last = columns_of(table), last_dense(table)
    if columns < 2 or own != columns:
        has = f"has {own} columns" if own > 1 else "has no columns"
        raise ValueError(
            f"the network {table.name!r} {has}, and was to run in {columns}; "
            "--model.columns (edits.with_columns) gives a table another number of them, 2 or more"
        )
    for row in table.layers:
        if row.kind in _WEIGHED and row.columns not in (1, columns):
            raise ValueError(f"{row.name} of {table.name!r} has {row.columns} columns, and others {columns}")
        if row.kind in _WEIGHED and row is not last and row.out % columns:
            unit = "units" if row.kind == "dense" else "maps"
            raise ValueError(
                f"{row.name} of {table.name!r} has {row.out} {unit}, which do not divide by {columns} columns"
            )


def _must_be_local(table: Table, row: Layer, places: set[str], columns: int, read: int) -> None:
    """Raise ValueError for a row that cannot be computed where its inputs are held."""
    what = f"{row.name} of {table.name!r}"
    if len(places) > 1:
        raise ValueError(f"{what} joins rows that are divided among the columns with rows that are not")
    weighed, (place,) = row.kind in _WEIGHED, places
    if place == "first" and weighed:
        raise ValueError(f"{what} reads what the first column alone holds; only the last dense row can stand there")
    if place == "all" and (row.kind not in (*_WEIGHED, *_PLAIN) or (weighed and row.columns > 1)):
        raise ValueError(f"{what} stands before the first convolution that reads all channels, where no columns are")
    if place != "share":
        return
    if row.kind == "response" and row.columns != columns:
        raise ValueError(
            f"the windows of {what} go across the columns' edges (columns={row.columns}); in columns they must end "
            f"there: give the table --model.columns {columns}"
        )
    if row.kind in ("squeeze-excite", "self-attention"):
        raise ValueError(f"{what} weighs the maps of all columns together and cannot be computed in columns")
    if read > 1 and row.kind != "add" and not (weighed and row.columns == 1):
        raise ValueError(f"{what} reads several rows joined, of which one column holds no neighbouring maps")
