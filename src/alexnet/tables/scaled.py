"""Which layers has the paper's network where pictures are small and hours few? An eighth of its side, row by row.

Rows keep their names, kinds, order, columns and first biases, so that whatever is claimed of a row of the paper's
network can be asked of these. What differs: pictures of 28 pixels cut from 32, as 224 from 256; a first layer of 5 x 5
kernels without stride; a quarter to a third of the maps, an eighth of the dense units; and from the second layer on,
first weights by each row's number of inputs, for those of section 5 let hardly any signal through layers so narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from alexnet.tables.columns import HALF, PAPER, SEPARATE, SIX_CONV
from alexnet.tables.rows import CONVOLUTIONS, Layer, Table

#: Maps and units that stand for those of the paper's rows.
_OUT = {96: 32, 256: 64, 384: 96, 4096: 512}
#: Where a row of another table has no such number, the share of it.
_SHARE = {48: 16, 128: 32, 192: 48, 320: 80, 8192: 1024}
#: Side of the maps before the first dense row: 28, 14, 7, 3.
_SIDE = 3


def _scaled(table: Table, summary: str) -> Table:
    """The table an eighth as large in its side."""
    outs = _OUT | _SHARE
    rows: list[Layer] = []
    maps, side = 3, 0
    for row in table.layers:
        if row.kind in CONVOLUTIONS or row.kind == "dense":
            first = not rows
            kernel = 5 if first else _SIDE if row.kernel == 6 else row.kernel
            inputs = maps * side**2 if row.kind == "dense" else maps // row.columns * kernel**2
            row = replace(
                row,
                out=outs.get(row.out, row.out),
                kernel=kernel if row.kind != "dense" else 0,
                stride=1,
                pad=2 if first else row.pad,
                pad_end=0,
                # The last row's scale is not the signal's but the first loss's; the first row's, that of the pixels.
                init_sd=row.init_sd if first or row.out == 0 else math.sqrt(2 / inputs),
            )
            maps, side = row.out, 1 if row.kind == "dense" or (kernel == _SIDE and row.pad == 0) else _SIDE
        rows.append(row)
    sizes = (28, 28) if table.sizes else None
    return Table(name=f"small-{table.name}", summary=summary, layers=tuple(rows), size=28, sizes=sizes)


SCALED: Mapping[str, Table] = {
    table.name: table
    for table in (
        _scaled(PAPER, "the paper's network at an eighth of its side: the same rows, for pictures of 28 pixels"),
        _scaled(HALF, "the control of section 3.2 at an eighth of its side"),
        _scaled(SEPARATE, "two columns that meet at the last layer alone, at an eighth of their side"),
        _scaled(SIX_CONV, "the network of Table 2 with six convolutions, at an eighth of its side"),
    )
}
