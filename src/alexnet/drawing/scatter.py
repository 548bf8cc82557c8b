"""What lies near what? Points in two dimensions coloured by class, and the pictures themselves in their places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import BLUE, GREEN, INK, MUTED, ORANGE, SKY, VERMILLION, sheet, short_names, styled

#: Classes that are told apart; of more, those with most pictures, and all others are grey.
SHOWN = 12
#: A class's colour and shape: two classes of one colour have different shapes.
_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, INK)
_SHAPES = ("o", "^", "s", "D")
_GREY = "#c9ced6"
#: Pictures across a map of pictures, and the pixels of each at most.
_ACROSS, _PIXELS = 17, 96


@styled
def scatter(
    maps: Sequence[tuple[str, np.ndarray, str]],
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    title: str = "Map",
    note: str = "",
) -> Figure:
    """Points coloured by class, a panel for each map. The axes have no unit and no ticks.

    With more than twelve classes the twelve with most pictures are coloured and named, and the others grey.

    Args:
        maps: one or two of (name, float (N, 2), a line under the panel).
        labels: int64 (N,). classes: (K,) names.
    """
    assert 0 < len(maps) <= 2
    looks = _looks(labels)
    figure, inner = sheet(9.6 if len(maps) > 1 else 6.4, 5.9, title, note)
    size = float(np.clip(900 / max(1, len(labels)) ** 0.75, 7, 30))
    for axes, (name, places, under) in zip(inner.subplots(1, len(maps), squeeze=False)[0], maps, strict=True):
        rest = ~np.isin(labels, list(looks))
        axes.scatter(places[rest, 0], places[rest, 1], s=0.7 * size, color=_GREY, marker="o", linewidths=0)
        for label, (colour, shape) in looks.items():
            own = places[labels == label]
            axes.scatter(own[:, 0], own[:, 1], s=size, color=colour, marker=shape, linewidths=0, alpha=0.85)
        _framed(axes)
        axes.set_title(name)
        axes.set_xlabel(under, fontsize=8)
    _legend(inner, looks, labels, classes)
    return figure


@styled
def thumbnails(
    places: np.ndarray,
    images: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    title: str = "Map of pictures",
    note: str = "",
) -> Figure:
    """Pictures where they lie, on a grid so that none covers another: a cell shows the picture nearest to its middle.

    A mark in the corner, as in `scatter`, tells its class.

    Args:
        places: float (N, 2). images: uint8 (N,3,H,W). labels: int64 (N,). classes: (K,) names.
    """
    looks = _looks(labels)
    figure, inner = sheet(9.6, 9.6, title, note)
    axes = inner.subplots()
    side = 1 / _ACROSS
    for cell, place in _chosen(places).items():
        step = -(-images.shape[-1] // _PIXELS)
        x, y = cell[0] * side, cell[1] * side
        axes.imshow(
            as_picture(np.ascontiguousarray(images[place][:, ::step, ::step])),
            extent=(x + 0.07 * side, x + 0.93 * side, y + 0.07 * side, y + 0.93 * side),
            interpolation="nearest" if images.shape[-1] <= 64 else "antialiased",
        )
        colour, shape = looks.get(int(labels[place]), (_GREY, "o"))
        corner = (x + 0.15 * side, y + 0.85 * side)
        axes.plot(*corner, marker=shape, markersize=7, color=colour, markeredgecolor="white", markeredgewidth=1)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    _framed(axes)
    _legend(inner, looks, labels, classes)
    return figure


def _chosen(places: np.ndarray) -> dict[tuple[int, int], int]:
    """Cell of the grid -> the point that shows in it."""
    low, span = places.min(axis=0), np.ptp(places, axis=0)  # each axis fills the sheet, as in `scatter`
    scaled = np.where(span > 0, (places - low) / np.where(span > 0, span, 1), 0.5)
    cells = np.clip((scaled * _ACROSS).astype(np.int64), 0, _ACROSS - 1)
    away = ((scaled * _ACROSS - cells - 0.5) ** 2).sum(axis=1)
    chosen: dict[tuple[int, int], int] = {}
    for place in np.argsort(away, kind="stable").tolist():
        chosen.setdefault((int(cells[place, 0]), int(cells[place, 1])), place)
    return chosen


def _looks(labels: np.ndarray) -> dict[int, tuple[str, str]]:
    """Class -> (colour, shape), for those that are told apart, by number."""
    kinds, counts = np.unique(labels, return_counts=True)
    chosen = np.sort(kinds[np.argsort(-counts, kind="stable")[:SHOWN]]).tolist()
    each = len(_COLOURS)
    return {
        label: (_COLOURS[place % each], _SHAPES[(place + place // each) % len(_SHAPES)])
        for place, label in enumerate(chosen)
    }


def _framed(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)


def _legend(
    inner: SubFigure,
    looks: dict[int, tuple[str, str]],
    labels: np.ndarray,
    classes: Sequence[str],
) -> None:
    names = short_names([classes[label] for label in looks], 20)
    marks = [(name, colour, shape) for name, (colour, shape) in zip(names, looks.values(), strict=True)]
    others = len(np.unique(labels)) - len(looks)
    if others:
        marks.append((f"{others} other class{'es' * (others > 1)}", _GREY, "o"))
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=shape,
            markersize=7,
            color=colour,
            markeredgewidth=0,
            label=name,
        )
        for name, colour, shape in marks
    ]
    inner.legend(handles=handles, loc="outside lower left", ncols=min(len(handles), 5), labelcolor=MUTED)
