"""What is like what? Pictures asked about, each with those nearest to it, as in figure 4 of the paper (right)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import BLUE, INK, MUTED, plain, sheet, styled

#: Rows and columns of found pictures that a sheet has room for.
MOST_ROWS, MOST_FOUND = 8, 10


@styled
def neighbours(
    asked: np.ndarray,
    names: Sequence[str],
    found: Sequence[np.ndarray],
    found_names: Sequence[Sequence[str]],
    distances: Sequence[Sequence[float]],
    *,
    title: str = "Nearest pictures",
    note: str = "",
) -> Figure:
    """A row for every picture asked about: itself, a gap, and those found, nearest first, each with its distance.

    Over each picture stands its class, as far as it is known; where a found one's is that of the picture asked about,
    it is bold, ticked and framed.

    Args:
        asked: uint8 (Q,3,H,W), Q from 1 to 8.
        names: (Q,) classes; "" where not known.
        found: for each uint8 (k,3,H,W), k from 1 to 10.
        found_names, distances: (Q,k).
    """
    asked = np.asarray(asked)
    most = max(map(len, found))
    assert 0 < len(asked) <= MOST_ROWS
    assert len(asked) == len(names) == len(found) == len(found_names) == len(distances)
    assert 0 < most <= MOST_FOUND
    each = float(np.clip(9.2 / (most + 1.3), 0.86, 1.5))
    height = len(asked) * (each + 0.46) + 0.7 + 0.25 * bool(note)
    figure, inner = sheet(max(5.4, (most + 1.3) * each + 0.3), height, title, note)
    axes = inner.subplots(len(asked), most + 2, squeeze=False, width_ratios=[1, 0.22, *[1] * most])
    for place in axes.ravel():
        _bare(place)
    letters = int(each * 11)
    for row in range(len(asked)):
        _picture(axes[row, 0], asked[row], names[row], "asked about", letters)
        for column, picture in enumerate(found[row]):
            name = found_names[row][column]
            same = bool(name) and name == names[row]
            said = _number(distances[row][column])
            _picture(axes[row, column + 2], picture, name, said, letters, same=same)
    return figure


def _bare(place: Axes) -> None:
    place.set_xticks([])
    place.set_yticks([])
    place.spines[:].set_visible(False)


def _picture(axes: Axes, picture: np.ndarray, name: str, said: str, letters: int, *, same: bool = False) -> None:
    axes.imshow(as_picture(picture), interpolation="nearest" if picture.shape[-1] <= 64 else "antialiased")
    over = plain(name, letters - 2 * same)
    axes.set_title(
        f"{over} \u2713" if same else over,
        fontsize=8.5,
        loc="center",
        pad=3,
        fontweight="bold" if same else "normal",
        color=INK,
    )
    axes.set_xlabel(said, fontsize=8, color=MUTED, labelpad=2)
    if same:
        axes.spines[:].set(visible=True, color=BLUE, linewidth=2)


def _number(distance: float) -> str:
    """Three figures, as 0.0123, 1.20 or 123, so that all fit under a small picture."""
    if distance == 0:
        return "0"
    return f"{distance:#.3g}".rstrip(".") if 1e-4 <= distance < 1000 else f"{distance:.2g}"
