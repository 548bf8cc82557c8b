"""How does a layer answer to a picture? Its maps side by side on one scale, or the units that answer most as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure, SubFigure

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import INK, LIGHT_BLUE, MUTED, plain, sheet, short_names, styled

#: From dark blue to yellow in even steps of lightness: it reads the same in grey and in all forms of colour blindness.
COLOURS = "viridis"


@styled
def maps(
    values: np.ndarray,
    names: Sequence[str],
    *,
    picture: np.ndarray | None = None,
    title: str = "Maps",
    note: str = "",
) -> Figure:
    """Maps in a grid, all on one scale from the smallest to the largest value, beside the picture they answer to.

    Args:
        values: float (n,H,W), n from 1 to some dozens; finite.
        names: (n,), what stands over each.
        picture: uint8 (3,h,w).
    """
    n = len(values)
    assert 0 < n == len(names)
    wide = math.ceil(math.sqrt(n))
    tall = -(-n // wide)
    cell = 6.2 / wide
    high = tall * (cell * values.shape[1] / values.shape[2] + 0.2)
    figure, inner = sheet(7.3 if picture is None else 9.6, max(high, 2.2) + 0.5 + 0.25 * bool(note), title, note)
    right = _beside(inner, picture, 7.0)
    axes = right.subplots(tall, wide, squeeze=False).ravel()
    low, top = float(values.min()), float(values.max())
    top = top if top > low else low + 1
    for place, one, name in zip(axes, values, names, strict=False):
        # Few cells stay cells, so that nobody takes a smooth picture for what the layer saw.
        drawn = place.imshow(one, cmap=COLOURS, vmin=low, vmax=top, interpolation="nearest")
        place.set_title(plain(name, int(cell * 14)), fontsize=8 if wide <= 5 else 6.5, loc="center", pad=2)
    for place in axes:
        place.set_axis_off()
    right.colorbar(drawn, ax=axes.tolist(), shrink=0.6, aspect=28, pad=0.02, label="value")
    return figure


def _beside(inner: SubFigure, picture: np.ndarray | None, width: float) -> SubFigure:
    """What is left of the sheet to the right of the picture."""
    if picture is None:
        return inner
    parts = inner.subfigures(1, 2, squeeze=False, width_ratios=[2.4, width])
    assert isinstance(parts, np.ndarray)
    left, right = parts.ravel().tolist()
    axes = left.subplots()
    axes.imshow(as_picture(picture), interpolation="nearest" if picture.shape[-1] <= 64 else "antialiased")
    axes.set_title("the picture", fontsize=8.5, loc="center", pad=3, color=MUTED)
    axes.set_axis_off()
    axes.set_anchor("N")
    assert isinstance(right, SubFigure)
    return right


@styled
def answers(
    values: Sequence[float],
    names: Sequence[str],
    *,
    picture: np.ndarray | None = None,
    title: str = "Units",
    note: str = "",
) -> Figure:
    """Units without a place in the picture, as those of dense layers: a bar each, beside the picture.

    Args:
        values, names: (n,), n from 1 to some dozens; finite.
        picture: uint8 (3,h,w).
    """
    assert 0 < len(values) == len(names)
    figure, inner = sheet(9.0, max(0.26 * len(values), 2.0) + 1.1 + 0.25 * bool(note), title, note)
    axes = _beside(inner, picture, 6.0).subplots()
    axes.barh(range(len(values)), values, height=0.76, color=LIGHT_BLUE)
    axes.set_yticks(range(len(values)), short_names(names, 30))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.axvline(0, color="#9aa2ac", linewidth=0.8)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="x")
    axes.set_xlabel("value")
    return figure
