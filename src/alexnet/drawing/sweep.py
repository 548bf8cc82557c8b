"""How does the loss answer to a rising rate? The curve of the rate finder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from alexnet.drawing.style import BLUE, INK, SKY, VERMILLION, sheet, styled


@styled
def sweep(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    marks: Mapping[str, float],
    *,
    title: str = "Which rate?",
    note: str = "",
) -> Figure:
    """The loss of every step against its rate, both as measured and smoothed.

    Args:
        rates, losses, smoothed: (n,), n at least 1.
        marks: rates to mark by a line, by name.
    """
    assert len(rates) == len(losses) == len(smoothed) > 0
    figure, inner = sheet(9.6, 4.2, title, note)
    axes = inner.subplots()
    axes.plot(rates, losses, color=SKY, linewidth=0.8, label="of the step")
    axes.plot(rates, smoothed, color=BLUE, label="smoothed")
    for (name, rate), colour in zip(marks.items(), (VERMILLION, INK), strict=False):
        axes.axvline(rate, color=colour, linewidth=1, linestyle=(0, (4, 2)), label=f"{name} {rate:.2g}")
    low, high = float(np.min(smoothed)), float(np.max(smoothed[: max(1, len(smoothed) // 2)]))
    axes.set_ylim(max(0.0, low - 0.3 * (high - low) - 0.01), high + 0.8 * (high - low) + 0.01)
    axes.set_xscale("log")
    axes.set_xlabel("rate of the step")
    axes.set_title("Training loss (nats)")
    axes.grid(axis="y")
    axes.legend(loc="upper left")
    return figure
