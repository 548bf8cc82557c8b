"""How large are the effects, and how sure? Effects with their intervals, and errors setting by setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from alexnet.drawing.style import BLUE, INK, MUTED, ORANGE, VERMILLION, plain, sheet, styled

#: Marker, its filling and colour by verdict: told apart by shape as well as by colour, and none of them looks better.
MARKS = {
    "supported": ("o", BLUE, BLUE),
    "not supported": ("s", ORANGE, ORANGE),
    "inconclusive": ("o", "white", MUTED),
}
#: Hollow and larger than the others, so that neither hides the other.
_PUBLISHED: dict[str, Any] = {"marker": "D", "ms": 9.5, "mfc": "none", "mec": VERMILLION, "mew": 1.5}
_TOO_SMALL = "#edf0f3"

#: Inches of a figure that is read at 640 pixels.
WIDTH = 7.6


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A row: the mean effect with its 95% interval."""

    name: str
    unit: str
    """ "points" of `of`, or "times": a ratio."""
    of: str = "error"
    """Effects of other quantities have a panel of their own: a gap may be twenty times what the error changes."""
    mean: float | None
    """None where no pair of runs succeeded."""
    low: float | None = None
    high: float | None = None
    published: float | None = None
    verdict: str = "inconclusive"
    too_small: tuple[float, float] | None = None
    """Between these two an effect is too small to count, for the claim's direction."""


@styled
def forest(effects: Sequence[Effect], *, title: str = "Effects", note: str = "") -> Figure:
    """All effects under one another, a panel for each quantity, points before ratios, with what was published.

    An interval that is much wider than the effects are apart ends in an arrow at the edge. Ratios have a logarithmic
    axis. Effects that have no value are named, and have no mark.

    Raises:
        ValueError: no effects.
    """
    if not effects:
        raise ValueError("there are no effects to draw; every claim was skipped")
    kinds = sorted(dict.fromkeys((one.unit, one.of) for one in effects), key=lambda kind: kind[0] == "times")
    groups = [[one for one in effects if (one.unit, one.of) == kind] for kind in kinds]
    height = sum(0.75 + 0.29 * len(group) for group in groups)
    figure, inner = sheet(WIDTH, 1.0 + height, title, note)
    ratios = [1.2 + len(group) for group in groups]
    panels = inner.subplots(len(groups), 1, squeeze=False, height_ratios=ratios).ravel().tolist()
    for axes, (unit, of), group in zip(panels, kinds, groups, strict=True):
        _rows(axes, unit, of, group)
    inner.legend(handles=_handles(effects), loc="outside lower left", ncols=3)
    return figure


@styled
def series(
    names: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    measured: str = "error",
    unit: str = "%",
    first: str = "",
    title: str = "Setting by setting",
    note: str = "",
) -> Figure:
    """A dot a seed and a bar at the mean, for settings in their order, such as depths or resolutions.

    Args:
        values: by setting, one a seed; finite; a setting without any has its place, and nothing in it.
        measured: what the values are, for the axis.
        unit: written behind them.
        first: the setting whose mean is drawn through as a line; "" = none.

    Raises:
        ValueError: no values at all.
    """
    assert len(names) == len(values)
    if not any(values):
        raise ValueError("there are no values to draw; no run succeeded")
    figure, inner = sheet(WIDTH, 1.5 + 0.3 * len(names), title, note)
    axes = inner.subplots()
    places = range(len(names))
    for place, name, some in zip(places, names, values, strict=True):
        if not some:
            continue
        mean, colour = sum(some) / len(some), INK if name == first else BLUE
        axes.plot(some, [place] * len(some), "o", color=colour, ms=5, mfc="none", mew=1.1, zorder=3)
        axes.plot([mean, mean], [place - 0.3, place + 0.3], color=colour, linewidth=2.4, zorder=4)
        if name == first:
            axes.axvline(mean, color=MUTED, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    axes.set_yticks(places, [plain(name, 40) for name in names])
    means = [f"{sum(some) / len(some):.1f}{unit}" if some else "no value" for some in values]
    _beside(axes, places, means)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(f"{{x:g}}{unit}")
    axes.set_xlabel(plain(measured))
    axes.grid(axis="x")
    handles = [
        Line2D([], [], linestyle="", marker="o", ms=5, mfc="none", mec=INK, label="a seed"),
        Line2D([], [], linestyle="", marker="|", ms=11, mew=2.4, color=INK, label="mean"),
    ]
    inner.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure


def _rows(axes: Axes, unit: str, of: str, effects: Sequence[Effect]) -> None:
    nothing = 1.0 if unit == "times" else 0.0
    low, high = _reach(effects, unit)
    for place, one in enumerate(effects):
        if one.too_small is not None:
            left, right = (min(max(edge, low), high) for edge in one.too_small)
            axes.barh(place, right - left, left=left, height=0.82, color=_TOO_SMALL, zorder=0)
        if one.published is not None:
            axes.plot([min(max(one.published, low), high)], [place], linestyle="", zorder=6, **_PUBLISHED)
        if one.mean is None:
            continue
        marker, filled, colour = MARKS[one.verdict]
        if one.low is not None and one.high is not None:
            _interval(axes, place, (one.low, one.high), (low, high), colour)
        axes.plot([one.mean], [place], marker, color=colour, ms=7, mfc=filled, mew=1.6, zorder=5)
    axes.axvline(nothing, color=INK, linewidth=1, zorder=1)
    if unit == "times":
        axes.set_xscale("log")
        ticks = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16, 32]
        near = [tick for tick in ticks if low <= tick <= high]
        axes.xaxis.set_major_locator(FixedLocator(near))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.xaxis.set_major_formatter("{x:g}×")
        axes.set_title("As ratios (logarithmic)")
    else:
        axes.xaxis.set_major_formatter(lambda x, _: f"{x:+g}".replace("-", "−") if x else "0")
        axes.set_title(f"In points of {of}")
    axes.set_xlim(low, high)
    axes.set_ylim(len(effects) - 0.4, -0.6)
    axes.grid(axis="x")
    axes.set_yticks(range(len(effects)), [plain(one.name, 44) for one in effects])
    _beside(axes, range(len(effects)), [_said(one) for one in effects])


def _beside(axes: Axes, places: Sequence[int], words: Sequence[str]) -> None:
    """Words at the right edge, a row each; as labels of an axis, so that the layout gives them room."""
    right = axes.secondary_yaxis("right")
    right.set_yticks(places, words)
    right.tick_params(length=0, labelcolor=INK)
    right.spines["right"].set_visible(False)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)


def _said(one: Effect) -> str:
    if one.mean is None:
        return "no value"
    if one.unit == "times":
        said = f"{one.mean:.2f}×"
        return said if one.low is None or one.high is None else f"{said} [{one.low:.2f}, {one.high:.2f}]"
    said = f"{one.mean:+.2f}"
    both = "" if one.low is None or one.high is None else f" [{one.low:+.2f}, {one.high:+.2f}]"
    return (said + both).replace("-", "−")


def _reach(effects: Sequence[Effect], unit: str) -> tuple[float, float]:
    """Both ends of the axis: all means and published effects, and of the intervals what fits beside them."""
    forth, back = (math.log, math.exp) if unit == "times" else (float, float)
    inner = [forth(1.0 if unit == "times" else 0.0)]
    inner += [forth(value) for one in effects for value in (one.mean, one.published) if value is not None]
    inner += [forth(edge) for one in effects for edge in one.too_small or () if unit != "times" or edge > 0]
    span = max(max(inner) - min(inner), 0.4)
    known = [(one.low, one.high) for one in effects if one.low is not None and one.high is not None]
    lows = [forth(low) for low, _ in known if math.isfinite(low) and (unit != "times" or low > 0)]
    highs = [forth(high) for _, high in known if math.isfinite(high)]
    left = max(min([*inner, *lows]), min(inner) - 0.8 * span)
    right = min(max([*inner, *highs]), max(inner) + 0.8 * span)
    room = 0.06 * (right - left) or span / 2  # where nothing has a value, the axis is there all the same
    return back(left - room), back(right + room)


def _interval(axes: Axes, place: int, interval: tuple[float, float], reach: tuple[float, float], colour: str) -> None:
    ends = (max(interval[0], reach[0]), min(interval[1], reach[1]))
    axes.plot(ends, [place, place], color=colour, linewidth=2, solid_capstyle="butt", zorder=4)
    for end, true, arrow in zip(ends, interval, ("<", ">"), strict=True):
        axes.plot([end], [place], "|" if end == true else arrow, color=colour, ms=8 if end == true else 6, mew=1.6)


def _handles(effects: Sequence[Effect]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=colour, linewidth=2, marker=marker, ms=7, mfc=filled, mew=1.6, label=verdict)
        for verdict, (marker, filled, colour) in MARKS.items()
        if any(one.verdict == verdict and one.mean is not None for one in effects)
    ]
    if any(one.published is not None for one in effects):
        handles.append(Line2D([], [], linestyle="", label="published", **_PUBLISHED))
    if any(one.too_small is not None for one in effects):
        handles.append(Patch(color=_TOO_SMALL, label="too small to count"))
    return handles
