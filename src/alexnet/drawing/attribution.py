"""Which pixels speak for a class? Maps laid over pictures, and how much each method's map follows the weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import BLUE, MUTED, ORANGE, VERMILLION, plain, sheet, styled

#: Of the values' sizes in a map so many are drawn at their depth; those above are as deep as colours go.
_DEEPEST = 0.99


@styled
def maps(
    images: np.ndarray,
    values: np.ndarray,
    methods: Sequence[str],
    said: Sequence[str],
    *,
    title: str = "What speaks for the class",
    note: str = "",
) -> Figure:
    """A row for each picture: itself, and one copy a method with its map laid over it.

    Orange speaks for the class, blue against it; a map is as deep as its own largest values, so that maps are compared
    by where they are deep and not by how much.

    Args:
        images: uint8 (N,3,H,W).
        values: float (N,M,H,W), 0 = says nothing.
        methods: (M,) names, over the columns.
        said: (N,) lines beside the pictures; \\n begins a new one.
    """
    n, m = values.shape[:2]
    assert n == len(images) == len(said)
    assert m == len(methods)
    cell = 1.45
    figure, inner = sheet((m + 1) * cell + 1.25, n * (cell + 0.08) + 1.15 + 0.25 * bool(note), title, note)
    axes = inner.subplots(n, m + 1, squeeze=False)
    for row in range(n):
        side = images[row].shape[-1]
        smooth = "nearest" if side <= 64 else "antialiased"
        axes[row, 0].imshow(as_picture(images[row]), interpolation=smooth)
        lines = "\n".join(plain(line, 20) for line in said[row].split("\n"))
        axes[row, 0].set_ylabel(lines, rotation=0, ha="right", va="center", labelpad=6, fontsize=8.5)
        for column in range(m):
            axes[row, column + 1].imshow(_laid_over(images[row], values[row, column]), interpolation=smooth)
        for place in axes[row]:
            place.set_xticks([])
            place.set_yticks([])
            place.spines[:].set_visible(False)
    for place, name in zip(axes[0], ("picture", *methods), strict=True):
        place.set_title(plain(name, 22), fontsize=9, loc="center", pad=4)
    handles = [Patch(color=VERMILLION, label="speaks for the class"), Patch(color=BLUE, label="speaks against it")]
    inner.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _laid_over(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The picture in pale grey under the map's colours: (3,H,W) uint8 and (H,W) to (H,W,3) from 0 to 1."""
    grey = as_picture(image).astype(np.float64) @ (0.299, 0.587, 0.114) / 255
    ground = (0.45 + 0.55 * grey)[..., None]
    sizes = np.abs(values)
    limit = float(np.quantile(sizes, _DEEPEST)) or float(sizes.max()) or 1.0
    depth = 0.92 * np.clip(sizes / limit, 0, 1)[..., None]
    colour = np.where(values[..., None] >= 0, to_rgb(VERMILLION), to_rgb(BLUE))
    return np.asarray((1 - depth) * ground + depth * colour)


@styled
def sanity(
    methods: Sequence[str],
    last: Sequence[float],
    everything: Sequence[float],
    *,
    limit: float,
    title: str = "Do the maps depend on what was learned?",
    note: str = "",
) -> Figure:
    """For each method how alike its maps are before and after weights are drawn at random, as rank correlations.

    Args:
        last, everything: (M,) with the last layer's weights, and with all, drawn anew; -1 to 1.
        limit: at and above it a map counts as unchanged.
    """
    m = len(methods)
    figure, inner = sheet(7.0, 0.36 * m + 1.5 + 0.25 * bool(note), title, note)
    axes = inner.subplots()
    for place, (one, other) in enumerate(zip(last, everything, strict=True)):
        axes.plot([one, other], [place, place], color="#c6ccd3", linewidth=1.2, zorder=1)
        axes.plot(one, place, "o", markersize=7, color=ORANGE, zorder=2)
        axes.plot(other, place, "D", markersize=6.5, color=BLUE, zorder=3)
    lowest = min(0.0, *last, *everything)
    axes.set_xlim(lowest - 0.06, 1.06)
    axes.set_ylim(m - 0.5, -0.5)
    axes.axvspan(limit, 1.06, color="#f1f2f4", zorder=0)
    axes.text(limit + 0.01, -0.45, "changed little", fontsize=8, color=MUTED, va="top")
    axes.axvline(0, color="#9aa2ac", linewidth=0.8)
    axes.set_yticks(range(m), [plain(name, 24) for name in methods])
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.set_xlabel("rank correlation with the map of the trained weights")
    handles = [
        Line2D([], [], marker="o", linestyle="", markersize=7, color=ORANGE, label="last layer drawn at random"),
        Line2D([], [], marker="D", linestyle="", markersize=6.5, color=BLUE, label="all layers drawn at random"),
    ]
    inner.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure
