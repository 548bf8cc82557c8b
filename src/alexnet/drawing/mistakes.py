"""What is taken for what? The confusion of classes, and pictures with what was said of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import (
    BLUE,
    INK,
    LIGHT_BLUE,
    LIGHT_VERMILLION,
    MUTED,
    VERMILLION,
    plain,
    sheet,
    short_names,
    styled,
)

#: With more classes than this, no names are written beside the matrix; with more than the other, no counts into it.
NAMED, COUNTED = 120, 20


@styled
def confusion(
    matrix: np.ndarray, classes: Sequence[str], *, title: str = "What is taken for what", note: str = ""
) -> Figure:
    """A confusion matrix: a row for each true class, right answers in blue, mistakes in orange.

    The depth of a colour is the share of the row's pictures; mistakes are drawn deeper than right answers of the same
    share, since they are what one looks for. Counts are written in for up to 20 classes.

    Args:
        matrix: int (K, K), rows true, columns predicted.
        classes: (K,) names.
    """
    matrix = np.asarray(matrix)
    k = len(classes)
    assert matrix.shape == (k, k)
    names = short_names(classes, 22)
    letters = max(map(len, names)) if k <= NAMED else 4
    cell = float(np.clip(7.0 / k, 0.13, 0.62 if k > 4 else 1.1)) if k <= NAMED else 14 / k
    size = float(np.clip(cell * 72 * 0.72, 5.5, 9))
    margin = letters * size * 0.6 / 72 + 0.5
    upright = letters * size * 0.62 / 72 > cell  # names too long to stand side by side
    figure, inner = sheet(
        max(5.2, k * cell + margin + 0.2),
        k * cell + (margin if upright else 0.55) + 1.05 + 0.25 * bool(note),
        title,
        note,
    )
    axes = inner.subplots()
    axes.imshow(_tinted(matrix), interpolation="nearest")
    axes.spines[:].set_visible(True)
    axes.set_anchor("NW")
    if k <= NAMED:
        axes.set_xticks(range(k), names, rotation=90 if upright else 0, fontsize=size)
        axes.set_yticks(range(k), names, fontsize=size)
        axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
        axes.grid(which="minor", linewidth=0.5)
        axes.tick_params(which="both", length=0)
        axes.tick_params(labelcolor=INK)
    axes.set_xlabel("predicted" if k <= NAMED else "predicted class, by number")
    axes.set_ylabel("true" if k <= NAMED else "true class, by number")
    if k <= COUNTED:
        _write_counts(axes, matrix, cell)
    handles = [Patch(color=BLUE, label="right"), Patch(color=VERMILLION, label="mistaken")]
    inner.legend(
        handles=handles,
        loc="outside lower left",
        ncols=2,
        title="the deeper, the larger the share of the true class's pictures",
        title_fontsize=8,
        alignment="left",
    )
    return figure


def _shares(matrix: np.ndarray) -> np.ndarray:
    """Shares of each row's sum, 0 in an empty row."""
    return np.asarray(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), dtype=np.float64)


def _tinted(matrix: np.ndarray) -> np.ndarray:
    """(K,K) counts -> (K,K,3) colours from white to blue on the diagonal, to orange elsewhere."""
    shares = _shares(matrix)
    right = np.eye(len(matrix), dtype=bool)
    depth = np.where(right, 0.9 * shares**0.8, shares**0.45)[..., None]
    ends = np.where(right[..., None], to_rgb(BLUE), to_rgb(VERMILLION))
    return np.asarray(1 - depth * (1 - ends))


def _write_counts(axes: Axes, matrix: np.ndarray, cell: float) -> None:
    tint = _tinted(matrix)
    digits = len(f"{matrix.max()}")
    size = min(9.0, cell * 72 * 0.85 / (0.65 * max(2, digits)))
    for i, j in np.argwhere(matrix > 0):
        dark = float(tint[i, j] @ (0.299, 0.587, 0.114)) < 0.6
        axes.text(j, i, f"{matrix[i, j]}", ha="center", va="center", fontsize=size, color="white" if dark else INK)


@styled
def panels(
    images: np.ndarray,
    names: Sequence[str | None],
    top: Sequence[Sequence[tuple[str, float]]],
    *,
    title: str = "Predictions",
    note: str = "",
) -> Figure:
    """Up to eight pictures, the true class over each and the most probable classes under it, as in figure 4 (left).

    The true class among the five is orange, bold and ticked; the others are blue.

    Args:
        images: uint8 (N,3,H,W).
        names: (N,), the true classes; None where it is not known.
        top: (N,), for each the most probable classes with their probabilities, best first.
    """
    n = len(images)
    assert 0 < n <= 8
    assert n == len(names) == len(top)
    wide = min(4, n)
    tall = -(-n // wide)
    most = max(map(len, top))
    bars = 0.2 * most + 0.08
    figure, inner = sheet(max(2.45 * wide, 5.0), tall * (2.2 + bars + 0.35) + 0.7, title, note)
    axes = inner.subplots(2 * tall, wide, squeeze=False, height_ratios=[2.2, bars] * tall)
    for place in axes.ravel():
        place.set_axis_off()
        place.set_anchor("S")
    for i in range(n):
        picture, under = axes[2 * (i // wide), i % wide], axes[2 * (i // wide) + 1, i % wide]
        side = images[i].shape[-1]
        picture.imshow(as_picture(images[i]), interpolation="nearest" if side <= 64 else "antialiased")
        name = names[i]
        if name is not None:
            picture.set_title(plain(name, 28), fontsize=9.5, fontweight="bold", loc="center", pad=4)
        _bars(under, top[i], name, most)
    return figure


def _bars(axes: Axes, top: Sequence[tuple[str, float]], name: str | None, most: int) -> None:
    for place, (label, probability) in enumerate(top):
        true = label == name
        axes.barh(place, probability, height=0.86, color=LIGHT_VERMILLION if true else LIGHT_BLUE)
        weight = "bold" if true else "normal"
        said = f"{plain(label, 20)} \u2713" if true else plain(label, 22)
        axes.text(0.015, place, said, va="center", fontsize=8, fontweight=weight)
        axes.text(0.99, place, _percent(probability), va="center", ha="right", fontsize=7.5, color=MUTED)
    axes.set_xlim(0, 1)
    axes.set_ylim(most - 0.5, -0.5)


def _percent(probability: float) -> str:
    return f"{100 * probability:.0f}%" if probability >= 0.0995 else f"{100 * probability:.1f}%"
