"""How good is it on each class, and does it know what it does not know? Bars of recall, and calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from alexnet.drawing.style import BLUE, FAINT, INK, LIGHT_BLUE, MUTED, VERMILLION, sheet, short_names, styled
from alexnet.scoring.scores import Calibration, ClassScores
from alexnet.scoring.tally import wilson

#: With more classes than twice this, so many of the best and of the worst are drawn.
ENDS = 30


@styled
def per_class(rows: Sequence[ClassScores], *, title: str = "How often each class is found", note: str = "") -> Figure:
    """Recall of every class with its 95% interval, the best on top; behind each name, the number of its pictures.

    Classes without pictures are left out. Of more than 60 classes the 30 best and the 30 worst are drawn.

    Raises:
        ValueError: no class has pictures.
    """
    counted = sorted((row for row in rows if row.n), key=lambda row: -row.recall)
    if not counted:
        raise ValueError("no class has a picture, so there is no recall to draw")
    overall = sum(row.recall * row.n for row in counted) / sum(row.n for row in counted)
    shown = counted
    if len(counted) > 2 * ENDS:
        shown = counted[:ENDS] + counted[-ENDS:]
        title = f"{title}: the {ENDS} best and the {ENDS} worst of {len(counted)}"
    # A gap parts the two ends.
    places = [i + (0.8 if len(shown) < len(counted) and i >= ENDS else 0.0) for i in range(len(shown))]
    figure, inner = sheet(9.0, 0.23 * max(places[-1] + 1, 3) + 1.35, title, note)
    axes = inner.subplots()
    values = [100 * row.recall for row in shown]
    reach = [[max(0.0, 100 * (row.recall - row.interval.low)) for row in shown]]
    reach.append([max(0.0, 100 * (row.interval.high - row.recall)) for row in shown])
    axes.barh(places, values, height=0.72, color=LIGHT_BLUE)
    axes.errorbar(values, places, xerr=reach, fmt="o", ms=3.5, color=BLUE, elinewidth=1.2, capsize=2.5, clip_on=False)
    axes.axvline(100 * overall, color=VERMILLION, linewidth=1.2, linestyle="--", zorder=1)
    short = dict(zip((row.name for row in rows), short_names([row.name for row in rows], 30), strict=True))
    axes.set_yticks(places, [f"{short[row.name]}  ({row.n:,})" for row in shown])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_xlim(0, 100)
    axes.xaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.grid(axis="x")
    axes.set_xlabel("recall with its 95% interval; dashed: over all pictures")
    return figure


@styled
def calibration(found: Calibration, *, title: str = "Does it know when it is wrong?", note: str = "") -> Figure:
    """How often the most probable class is right, against how probable it was said to be; below, how often that was.

    On the diagonal a probability means what it says; under it, the network is too sure. Whiskers are 95% intervals.
    """
    bins = [one for one in found.bins if one.n]
    figure, inner = sheet(6.4, 5.9, title, note)
    upper, lower = inner.subplots(2, 1, sharex=True, height_ratios=[3.2, 1])
    width = 100 / len(found.bins)
    middles = [50 * (one.low + one.high) for one in bins]
    right = [100 * one.accuracy for one in bins]
    sure = [100 * one.confidence for one in bins]
    ends = [wilson(one.accuracy * one.n, one.n) for one in bins]
    upper.plot([0, 100], [0, 100], color=MUTED, linewidth=1, linestyle="--", label="as sure as it is right", zorder=2)
    upper.bar(middles, right, width=0.92 * width, color=LIGHT_BLUE, zorder=1)
    reach = [[max(0.0, r - 100 * end.low) for r, end in zip(right, ends, strict=True)]]
    reach.append([max(0.0, 100 * end.high - r) for r, end in zip(right, ends, strict=True)])
    upper.errorbar(
        sure, right, yerr=reach, fmt="o", ms=4, color=BLUE, elinewidth=1.2, capsize=2.5, label="measured", zorder=3
    )
    upper.set_xlim(0, 100)
    upper.set_ylim(0, 102)
    upper.set_ylabel("right")
    upper.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    upper.grid(axis="y")
    # Outside, since bars may reach any height.
    inner.legend(*upper.get_legend_handles_labels(), loc="outside lower left", ncols=2)
    upper.set_title(f"expected calibration error {100 * found.ece:.1f}%", fontsize=9, color=MUTED)
    lower.bar(middles, [one.n for one in bins], width=0.92 * width, color=LIGHT_BLUE, edgecolor=FAINT)
    lower.set_ylabel("pictures")
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    lower.xaxis.set_major_formatter(PercentFormatter(decimals=0))
    lower.set_xlabel("probability given to the most probable class")
    lower.grid(axis="y")
    assert all(math.isfinite(value) for value in (*right, *sure))
    return figure
