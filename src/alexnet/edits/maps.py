"""How is what happens to maps changed? Pooling, normalization, dilation, residual connections, attention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from alexnet.edits.named import last_dense
from alexnet.edits.rows import (
    WEIGHED,
    activation_of,
    block,
    changed,
    channels,
    leave_out,
    new_name,
    places,
    put_after,
    reads,
)
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, NORMALIZATIONS, POOLS, Kind, Layer, Table, response

#: Places of the convolutions that dilation and residual connections are about.
MIDDLE = (3, 4, 5)
_WINDOWS = {"3/2": 3, "2/2": 2}
_ATTENTION: dict[str, Kind] = {"squeeze-excite": "squeeze-excite", "self": "self-attention"}


def with_pooling(table: Table, pooling: Literal["table", "3/2", "2/2"]) -> Table:
    """The table with pools of 3 x 3 or of 2 x 2 pixels, all with stride 2.

    Windows of 2 rounding down give as many outputs as windows of 3 rounding up, whatever the size: the paper's maps
    stay 55, 27, 13 and 6 pixels wide. Where a table's windows of 3 round down (torchvision, slim), maps of even width
    come out one wider. Raises ValueError for another pooling, and for a table without pools of stride 2.
    """
    if pooling == "table":
        return table
    if pooling not in _WINDOWS:
        raise ValueError(f"pooling is one of table, {', '.join(_WINDOWS)}, not {pooling!r}")
    kernel = _WINDOWS[pooling]
    pools = [row for row in table.layers if row.kind in POOLS]
    if not pools or any(row.stride != 2 for row in pools):
        raise ValueError(f"the network {table.name!r} has no pools of stride 2; leave --model.pooling at 'table'")
    return changed(
        table,
        {row.name: replace(row, kernel=kernel, ceil=kernel == 3) for row in pools if row.kernel != kernel},
    )


def with_norm(table: Table, norm: Literal["table", "none", "response", "batch"]) -> Table:
    """The table with one normalization in place of its own.

    response: section 3.3's, with its constants, after the activation of the first two convolutions; windows end at the
    columns' edges. batch: batch normalization before the activation of every convolution and hidden dense layer, which
    then have no bias. none: no normalization, and every layer has its bias. Raises ValueError for another.
    """
    if norm == "table":
        return table
    if norm not in ("none", "response", "batch"):
        raise ValueError(f"the normalization is one of table, none, response, batch, not {norm!r}")
    table = leave_out(table, {row.name for row in table.layers if row.kind in NORMALIZATIONS})
    last = last_dense(table)
    weighed = [row for row in table.layers if row.kind in WEIGHED and row is not last]
    table = changed(table, {row.name: replace(row, bias=norm != "batch") for row in weighed})
    place = places(table)
    columns = max((row.columns for row in table.layers), default=1)
    for row in weighed:
        name = new_name(table, "norm", row.name)
        activation = activation_of(table, row.name)
        if norm == "response" and place.get(row.name, 3) < 3:
            after = activation.name if activation else row.name
            table = put_after(table, {after: (response(name, columns=columns),)})
        elif norm == "batch":
            rows = block(table, row.name)
            after = rows[rows.index(activation) - 1].name if activation else row.name
            table = put_after(table, {after: (Layer(name=name, kind="batchnorm"),)})
    return table


def with_dilation(table: Table, dilation: int) -> Table:
    """The table with the kernels' points so far apart in the third to fifth convolution; maps keep their size.

    The zeros around the maps grow along: a kernel of 3 with dilation 2 covers 5 pixels and gets 2 zeros where it had 1.
    Raises ValueError for a distance below 1, and for a table without a third convolution.
    """
    if dilation == 1:
        return table
    if dilation < 1:
        raise ValueError(f"the points of a kernel lie 1 pixel apart or more, not {dilation}")
    rows = {}
    for row in _middle(table, "dilation"):
        wider = (dilation - row.dilation) * (row.kernel - 1)
        rows[row.name] = replace(row, dilation=dilation, pad=row.pad + wider // 2, pad_end=row.pad_end + wider % 2)
    return changed(table, rows)


def with_residual(table: Table) -> Table:
    """The table in which the third to fifth convolution each add what they read to what they compute.

    The sum comes before pooling and activation, after a normalization that stands before them (He et al., 2016); where
    the numbers of maps differ, what was read passes a 1 x 1 convolution in the same columns, without bias. Raises
    ValueError for a table without a third convolution, and where one changes the size of its maps or reads the
    pictures.
    """
    for row in _middle(table, "residual connections"):
        read = reads(table)[row.name]
        same = row.stride == 1 and 2 * row.pad + row.pad_end == row.dilation * (row.kernel - 1)
        if not same or not read:
            why = "changes the size of its maps" if not same else "reads the pictures themselves"
            raise ValueError(f"{row.name} of {table.name!r} {why} and can have no residual connection")
        end = _end_of_values(table, row)
        given = channels(table)[read[0]]
        added: list[Layer] = []
        if given != row.out:
            name = new_name(table, "project", row.name)
            fields = {"out": row.out, "columns": row.columns, "init": "he", "bias": False, "inputs": read}
            added.append(Layer(name=name, kind="project", decay_scale=row.decay_scale, **fields))  # type: ignore[arg-type]
        taken = (added[-1].name,) if added else read
        added.append(Layer(name=new_name(table, "add", row.name), kind="add", inputs=(end, *taken)))
        table = put_after(table, {end: tuple(added)})
    return table


def with_attention(table: Table, attention: Literal["none", "squeeze-excite", "self"]) -> Table:
    """The table with attention after the activation of its last convolution, before what pools it then.

    squeeze-excite weighs maps by all maps' means (Hu et al., 2018); self adds to every place what it gathers from all
    places (Vaswani et al., 2017). Raises ValueError for another, and for a table without a convolution.
    """
    if attention == "none":
        return table
    if attention not in _ATTENTION:
        raise ValueError(f"attention is one of none, {', '.join(_ATTENTION)}, not {attention!r}")
    last = next((row for row in reversed(table.layers) if row.kind in CONVOLUTIONS), None)
    if last is None:
        raise ValueError(f"the network {table.name!r} has no convolution for attention to come after")
    activation = activation_of(table, last.name)
    after = activation.name if activation else _end_of_values(table, last)
    name = new_name(table, "attention", last.name)
    return put_after(table, {after: (Layer(name=name, kind=_ATTENTION[attention]),)})


def _middle(table: Table, what: str) -> Iterator[Layer]:
    """The third to fifth convolution. Raises ValueError where there is none."""
    place = places(table)
    found = [row for row in table.layers if place.get(row.name) in MIDDLE]
    if not found:
        raise ValueError(f"{what} belong to the third to fifth convolution, and {table.name!r} has none of them")
    yield from found


def _end_of_values(table: Table, row: Layer) -> str:
    """The last row of a layer before its pooling, activation and dropout: the layer, or its normalization or sum."""
    stops = (*POOLS, *ACTIVATIONS, "dropout", "adaptive")
    rows = block(table, row.name)
    end = next((place for place, one in enumerate(rows) if one.kind in stops), len(rows))
    return rows[end - 1].name
