"""How did each arm of a study learn? Errors by epoch, their mean and their range over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from alexnet.drawing.overlaid import RUN_COLOURS
from alexnet.drawing.study import WIDTH
from alexnet.drawing.style import MUTED, plain, sheet, styled

#: Epoch -> error in percent.
Errors = Mapping[float, float]

#: The arms after the seventh have the colours of the first ones, dashed or dotted.
_STROKES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))

#: Trainings whose lengths differ by more than this factor share a logarithmic axis.
_UNEQUAL = 4


@dataclass(frozen=True, kw_only=True)
class Learned:
    """How one arm's runs went, seed by seed."""

    name: str
    train: Sequence[Errors]
    val: Sequence[Errors] = ()


@styled
def by_epoch(
    arms: Sequence[Learned], *, goal: float | None = None, title: str = "How each arm learned", note: str = ""
) -> Figure:
    """Training error by epoch, and validation error where there is one: a line at the mean, the range over seeds pale.

    An epoch's mean is over the runs that had it: a run that failed has no say in later epochs.

    Args:
        goal: a training error in percent to draw a line at, as the 25% of the paper's first figure; None = none.

    Raises:
        ValueError: no epochs.
    """
    panels = [(name, word) for name, word in (("train", "Training error"), ("val", "Validation error"))]
    panels = [(name, word) for name, word in panels if any(_epochs(getattr(arm, name)) for arm in arms)]
    if not panels:
        raise ValueError("there are no epochs to draw; no run reached the end of its first")
    rows = -(-len(arms) // 3)
    figure, inner = sheet(WIDTH, 3.3 + 0.2 * rows, title, note)
    for axes, (name, word) in zip(inner.subplots(1, len(panels), squeeze=False).ravel(), panels, strict=True):
        for number, arm in enumerate(arms):
            _draw(axes, getattr(arm, name), number)
        if goal is not None and name == "train":
            axes.axhline(goal, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
        _scales(axes, [_epochs(getattr(arm, name)) for arm in arms])
        axes.set_title(word)
    handles = [
        Line2D([], [], color=_colour(number), linestyle=_stroke(number), linewidth=2.2, label=plain(arm.name, 30))
        for number, arm in enumerate(arms)
        if _epochs(arm.train) or _epochs(arm.val)
    ]
    if goal is not None:
        said = f"{goal:g}% training error"
        handles.append(Line2D([], [], color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)), label=said))
    inner.legend(handles=handles, loc="outside lower left", ncols=3, handlelength=2.8)
    return figure


def _colour(number: int) -> str:
    return RUN_COLOURS[number % len(RUN_COLOURS)]


def _stroke(number: int) -> Any:
    """How its line is dashed, in any of matplotlib's ways."""
    return _STROKES[number // len(RUN_COLOURS) % len(_STROKES)]


def _epochs(runs: Sequence[Errors]) -> list[float]:
    """The epochs that any of the runs has an error of."""
    return sorted({epoch for run in runs for epoch, error in run.items() if math.isfinite(error)})


def _draw(axes: Axes, runs: Sequence[Errors], number: int) -> None:
    epochs = _epochs(runs)
    if not epochs:
        return
    known = [[run[one] for run in runs if one in run and math.isfinite(run[one])] for one in epochs]
    means = [sum(errors) / len(errors) for errors in known]
    line = {"color": _colour(number), "linestyle": _stroke(number), "marker": "o" if len(epochs) <= 12 else "", "ms": 3}
    axes.plot(epochs, means, zorder=3, **line)
    if any(len(errors) > 1 for errors in known):
        lows, highs = [min(errors) for errors in known], [max(errors) for errors in known]
        axes.fill_between(epochs, lows, highs, color=_colour(number), alpha=0.16, linewidth=0, zorder=2)


def _scales(axes: Axes, epochs: Sequence[Sequence[float]]) -> None:
    lasts = [some[-1] for some in epochs if some]
    first = min(some[0] for some in epochs if some)
    if max(lasts) > _UNEQUAL * min(lasts) and first > 0:
        axes.set_xscale("log")
        ticks = [n * 10**power for power in range(5) for n in (1, 2, 5) if first <= n * 10**power <= max(lasts)]
        axes.xaxis.set_major_locator(FixedLocator(ticks))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("epoch (logarithmic)")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
        axes.set_xlim(0, max(lasts) + max(0.4, 0.02 * max(lasts)))
        axes.set_xlabel("epoch")
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.set_ylim(0, axes.get_ylim()[1])
    axes.grid(axis="y")
