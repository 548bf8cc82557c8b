"""What happens when pictures are changed? The changed pictures, a chart a change, and maps of what single ones need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from alexnet.drawing.grids import as_picture
from alexnet.drawing.style import BLUE, INK, LIGHT_BLUE, MUTED, VERMILLION, plain, sheet, styled

#: Dark to light also in grey, and for all common forms of colour blindness.
SHADES = "cividis"


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """One change, applied to one picture."""

    title: str
    axis: str
    labels: Sequence[str]
    pictures: np.ndarray
    """uint8 (L,3,H,W), one for each label."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One change and what came of it."""

    title: str
    axis: str
    labels: Sequence[str]
    intervals: Sequence[tuple[float, float, float]]
    """For each label: value, and the ends of its interval."""
    neutral: int
    """The place at which nothing is changed."""
    ordered: bool = True
    """Whether the labels are amounts, which a line may join."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Strip:
    """One picture, and the probability of its true class when parts are hidden and when it is moved."""

    title: str
    picture: np.ndarray
    """uint8 (3,H,W)."""
    whole: float
    """The probability when nothing is done, 0 to 1."""
    hidden: np.ndarray
    """float (P,P), a value for each cell of a grid over the picture."""
    stride: int
    """Side of a cell, pixels."""
    box: tuple[int, int, int, int]
    """Top, left, bottom, right of what is framed on the picture."""
    moved: np.ndarray
    """float (2k+1, 2k+1), down by right."""
    step: int
    """Pixels from one shift to the next."""


@styled
def changes(rows: Sequence[Row], *, title: str = "Changes", note: str = "") -> Figure:
    """A row of pictures for each change, the level over each."""
    assert rows
    wide = max(len(row.labels) for row in rows)
    figure, inner = sheet(1.5 + 1.12 * wide, 0.5 + 1.34 * len(rows) + 0.25 * bool(note), title, note)
    grid = inner.subplots(len(rows), wide + 1, squeeze=False, gridspec_kw={"width_ratios": [1.35] + [1.0] * wide})
    for row, axes in zip(rows, grid, strict=True):
        for one in axes:
            one.set_axis_off()
        axes[0].text(0, 0.6, plain(row.title), fontsize=10, va="bottom", transform=axes[0].transAxes)
        words = _folded(row.axis, 20)
        axes[0].text(
            0,
            0.55,
            "\n".join(plain(line) for line in words),
            fontsize=7.5,
            color=MUTED,
            va="top",
            transform=axes[0].transAxes,
        )
        for one, label, picture in zip(axes[1:], row.labels, row.pictures, strict=False):
            one.imshow(as_picture(picture), interpolation="nearest" if picture.shape[-1] <= 64 else "antialiased")
            one.set_title(plain(label, 14), fontsize=8, loc="center", pad=2, color=MUTED)
    return figure


@styled
def levels(
    charts: Sequence[Chart],
    *,
    title: str,
    note: str = "",
    percent: bool,
    lines: Sequence[tuple[str, float]] = (),
) -> Figure:
    """A small chart for each change, all on one scale, with shaded intervals.

    Args:
        percent: whether values are percents, from 0 to 100.
        lines: heights that help to judge the others, each with what it is; at most two.
    """
    assert charts
    assert len(lines) <= 2
    wide = min(4, len(charts) + 1)
    tall = -(-(len(charts) + 1) // wide)  # the last cell holds the legend
    figure, inner = sheet(max(6.4, 2.5 * wide), 0.55 + 2.15 * tall + 0.25 * bool(note), title, note)
    grid = inner.subplots(tall, wide, squeeze=False, sharey=True).ravel()
    highest = max(high for chart in charts for _, _, high in chart.intervals)
    top = 100.0 if percent else 1.08 * max([highest, *(height for _, height in lines), 0.05])
    dashes = ((0, (1, 2)), (0, (5, 2)))
    for axes, chart in zip(grid, charts, strict=False):
        _chart(axes, chart)
        axes.set_ylim(0, top)
        axes.grid(axis="y")
        for (_, height), dash in zip(lines, dashes, strict=False):
            axes.axhline(height, color=INK, linewidth=1, linestyle=dash, zorder=1)
    for axes in grid[::wide]:
        axes.yaxis.set_major_formatter("{x:g}%" if percent else "{x:g}")
    for axes in grid[len(charts) :]:
        axes.set_axis_off()
    handles = [
        Line2D([], [], color=BLUE, marker="o", ms=4, label="mean" if not percent else "named right"),
        Patch(facecolor=LIGHT_BLUE, label="95% interval"),
        Line2D([], [], linestyle="", marker="o", ms=8, mfc="none", mec=INK, mew=1.2, label="unchanged"),
    ]
    handles += [
        Line2D([], [], color=INK, linewidth=1, linestyle=dash, label=plain(said))
        for (said, _), dash in zip(lines, dashes, strict=False)
    ]
    grid[-1].legend(handles=handles, loc="center left", borderaxespad=0)
    return figure


def _chart(axes: Axes, chart: Chart) -> None:
    x = np.arange(len(chart.labels))
    value, low, high = (np.array(part) for part in zip(*chart.intervals, strict=True))
    if chart.ordered:
        axes.fill_between(x, low, high, color=LIGHT_BLUE, linewidth=0)
        axes.plot(x, value, color=BLUE, marker="o")
    else:
        axes.vlines(x, low, high, color=LIGHT_BLUE, linewidth=7)
        axes.plot(x, value, color=BLUE, marker="o", linestyle="")
    axes.plot([chart.neutral], [value[chart.neutral]], "o", ms=8, mfc="none", mec=INK, mew=1.2, zorder=5, clip_on=False)
    axes.set_xticks(x, ["\n".join(plain(part) for part in label.split(", ")) for label in chart.labels])
    axes.set_xlim(-0.4, len(x) - 0.6)
    axes.set_title(plain(chart.title))
    axes.set_xlabel(plain(chart.axis), fontsize=8)


@styled
def places(strips: Sequence[Strip], *, title: str = "What it needs", note: str = "") -> Figure:
    """For each picture: itself, the map of the hiding square, and the map of shifts; probabilities from 0 to 100%."""
    assert strips
    figure, inner = sheet(7.6, 1.05 + 2.25 * len(strips) + 0.25 * bool(note), title, note)
    grid = inner.subplots(len(strips), 3, squeeze=False)
    scale = Normalize(0, 100)
    for strip, (shown, hidden, moved) in zip(strips, grid, strict=True):
        side = strip.picture.shape[1]
        shown.imshow(
            as_picture(strip.picture),
            interpolation="nearest" if side <= 64 else "antialiased",
            extent=(0, side, side, 0),
        )
        above, left, below, right = strip.box
        for colour, width in ((INK, 2.6), ("white", 1.2)):
            frame = Rectangle((left, above), right - left, below - above, fill=False, ec=colour, lw=width)
            shown.add_patch(frame)
        shown.set_title(plain(f"{strip.title}: {100 * strip.whole:.0f}%", 26))
        shown.set_axis_off()
        reach = len(strip.hidden) * strip.stride
        hidden.imshow(100 * strip.hidden, cmap=SHADES, norm=scale, extent=(0, reach, reach, 0), interpolation="nearest")
        hidden.set_xlim(0, side)
        hidden.set_ylim(side, 0)
        hidden.set_title("square centred here")
        _bare(hidden)
        far = (len(strip.moved) // 2 + 0.5) * strip.step
        moved.imshow(100 * strip.moved, cmap=SHADES, norm=scale, extent=(-far, far, far, -far), interpolation="nearest")
        moved.plot([0], [0], "+", color=VERMILLION, ms=8, mew=1.6)
        ends = (len(strip.moved) // 2) * strip.step
        moved.set_xticks([-ends, 0, ends], [f"left {ends}", "0", f"right {ends}"])
        moved.set_yticks([-ends, 0, ends], [f"up {ends}", "0", f"down {ends}"])
        moved.tick_params(length=0, labelsize=7.5)
        moved.spines[:].set_visible(False)
        moved.set_title("moved by, pixels")
    bar = inner.colorbar(
        ScalarMappable(norm=scale, cmap=SHADES), ax=grid[:, 1:].ravel().tolist(), location="bottom", aspect=40, pad=0.02
    )
    bar.set_label("probability of the true class", fontsize=8.5)
    bar.ax.xaxis.set_major_formatter("{x:g}%")
    bar.outline.set_visible(False)
    return figure


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _folded(text: str, width: int) -> list[str]:
    """Words in lines of at most `width` letters, unless one word is longer."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
