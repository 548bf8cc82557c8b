"""What are the units of a layer like? Their colour scores column by column, and how often they are silent."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from alexnet.drawing.style import (
    BLUE,
    GREEN,
    INK,
    LIGHT_BLUE,
    LIGHT_VERMILLION,
    MUTED,
    ORANGE,
    VERMILLION,
    plain,
    sheet,
    styled,
)

#: Colour score of kernels of independent random weights: what training starts with.
RANDOM = math.sqrt(2 / 3)
_BINS = 60


@styled
def colour_scores(
    scores: np.ndarray, *, columns: int = 1, title: str = "Colour in the kernels", note: str = ""
) -> Figure:
    """A dot a kernel along its colour score, a row of dots a column, dots of about the same score piled up.

    Args:
        scores: (n,), from 0 to 1.
        columns: equal parts of the scores, in order.
    """
    scores = np.asarray(scores, dtype=np.float64)
    assert len(scores) % columns == 0
    parts = scores.reshape(columns, -1)
    figure, inner = sheet(9.0, 1.15 + 1.15 * columns + 0.25 * bool(note), title, note)
    rows = inner.subplots(columns, 1, sharex=True, sharey=True, squeeze=False).ravel()
    piles = [_piled(part) for part in parts]
    tall = max(float(heights.max()) for _, heights in piles)
    for place, (axes, part, (across, heights)) in enumerate(zip(rows, parts, piles, strict=True)):
        colour = (BLUE, VERMILLION, GREEN, ORANGE)[place % 4]
        axes.plot(across, heights, "o", ms=4.2, color=colour, mec="white", mew=0.4)
        axes.axvline(float(part.mean()), color=INK, linewidth=1.2, label="mean")
        axes.axvline(RANDOM, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), label="kernels of noise")
        said = f"column {place + 1}: mean {part.mean():.2f}" if columns > 1 else f"mean {part.mean():.2f}"
        axes.set_title(said, fontsize=9, color=MUTED)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_ylim(0, max(tall, 6) + 1)
    rows[-1].set_xlim(0, 1)
    rows[-1].set_xlabel("colour score: 0 is grey, 1 is colour alone")
    inner.legend(*rows[0].get_legend_handles_labels(), loc="outside lower left", ncols=2)
    return figure


def _piled(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the dots lie: the middle of each score's bin, and its number within the bin, from 1."""
    place = np.clip((scores * _BINS).astype(np.int64), 0, _BINS - 1)
    heights = np.array([int((place[: i + 1] == one).sum()) for i, one in enumerate(place)])
    return (place + 0.5) / _BINS, heights


@styled
def activity(
    layers: Sequence[str],
    zeros: Sequence[float],
    dead: Sequence[tuple[int, int]],
    *,
    title: str = "How many units answer",
    note: str = "",
) -> Figure:
    """Bars for every layer: the share of its outputs that is 0, and the share of its units that always are.

    Args:
        layers, zeros: (L,), names and shares from 0 to 1.
        dead: (L,), how many units are always 0, of how many.
    """
    assert len(layers) == len(zeros) == len(dead)
    assert layers
    figure, inner = sheet(9.0, 1.3 + 0.3 * len(layers) + 0.25 * bool(note), title, note)
    left, right = inner.subplots(1, 2, sharey=True)
    places = range(len(layers))
    shares = [100 * count / units for count, units in dead]
    left.barh(places, [100 * value for value in zeros], height=0.7, color=LIGHT_BLUE)
    right.barh(places, shares, height=0.7, color=LIGHT_VERMILLION)
    for place in places:
        left.text(1.5, place, f"{100 * zeros[place]:.0f}%", va="center", fontsize=8)
        right.text(1.5, place, f"{dead[place][0]:,} of {dead[place][1]:,}", va="center", fontsize=8)
    left.set_title("Outputs that are 0")
    right.set_title("Units that are 0 on every picture")
    left.set_yticks(places, [plain(name, 24) for name in layers])
    left.set_ylim(len(layers) - 0.5, -0.5)
    for axes in (left, right):
        axes.set_xlim(0, 100)
        axes.xaxis.set_major_formatter(PercentFormatter(decimals=0))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.grid(axis="x")
    return figure
