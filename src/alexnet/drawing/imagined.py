"""What would a unit like to see? A picture made for it, beside the pictures of the set that excite it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import MUTED, VERMILLION, plain, sheet, styled


@styled
def imagined(
    pictures: np.ndarray,
    values: Sequence[float],
    names: Sequence[str],
    exciting: np.ndarray,
    excited: np.ndarray,
    *,
    title: str = "Imagined pictures",
    note: str = "",
) -> Figure:
    """A strip for each unit, two side by side: the picture made for it, framed, then the set's, most exciting first.

    Under every picture stands how much it excites the unit.

    Args:
        pictures: uint8 (N,3,H,W), imagined.
        values: (N,) what they excite.
        names: (N,) of units or classes.
        exciting: uint8 (N,K,3,H,W), the set's; K may be 0 where there is no set.
        excited: float (N,K).
    """
    n, k = exciting.shape[:2]
    assert n == len(pictures) == len(values) == len(names)
    assert excited.shape == (n, k)
    beside = min(n, 2 if k else 4)
    tall = -(-n // beside)
    cell = 0.92 if k else 1.5
    wide = beside * (k + 1) + (beside - 1) * bool(k)
    figure, inner = sheet(max(5.2, wide * (cell + 0.03)), tall * (cell + 0.44) + 0.5 + 0.25 * bool(note), title, note)
    widths = (([1.0] * (k + 1) + [0.3] * bool(k)) * beside)[:wide]
    axes = inner.subplots(tall, wide, squeeze=False, width_ratios=widths)
    for place in axes.ravel():
        place.set_xticks([])
        place.set_yticks([])
        place.spines[:].set_visible(False)
    for i in range(n):
        own = axes[i // beside, (i % beside) * (k + 1 + bool(k)) :]
        shown = [pictures[i], *exciting[i]]
        for place, image, value in zip(own, shown, [values[i], *excited[i]], strict=False):
            place.imshow(as_picture(image), interpolation="nearest" if image.shape[-1] <= 64 else "antialiased")
            place.set_xlabel(_short(value), fontsize=8, color=MUTED, labelpad=2)
        own[0].set_title(plain(names[i], 12 * (1 + k // 2)), fontsize=9, pad=4)
        own[0].spines[:].set(visible=True, color=VERMILLION, linewidth=1.8)
        own[0].xaxis.label.set(color=VERMILLION, fontweight="bold")
    return figure


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
