"""How did several trainings go, side by side? Losses, top-1 and top-5 errors, each on axes of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter

from alexnet.drawing.curves import WIDE, rate_drops
from alexnet.drawing.style import BLUE, GREEN, INK, MUTED, ORANGE, SKY, VERMILLION, plain, sheet, styled

#: One a run; all of them distinct in all common forms of colour blindness.
RUN_COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, SKY, "#CC79A7", INK)

#: Top-5 error of the paper's entry to ILSVRC-2012 on that contest's test pictures: seven networks together, percent.
PAPER_TOP5, PAPER_SAID = 15.3, "15.3%: the paper's seven networks together, ILSVRC-2012 test (1,000 classes)"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One training, epoch by epoch; nan where a value is not known."""

    name: str
    epochs: Sequence[float]
    columns: Mapping[str, Sequence[float]]
    """train_loss, val_loss in nats; train_top1_error, val_top1_error, val_top5_error in percent; rate; or some."""
    ends: Mapping[str, tuple[float, float, float]]
    """What was measured at the end on pictures that no epoch saw: top1_error, top5_error as value, low and high."""
    split: str = "val"
    """What the pictures of `ends` are called."""

    def known(self, name: str) -> list[float]:
        """The finite values of a column."""
        return [value for value in self.columns.get(name, ()) if math.isfinite(value)]


@styled
def overlaid(
    runs: Sequence[Curve], *, reference: bool = True, title: str = "How training went", note: str = ""
) -> Figure:
    """Curves of one to seven runs over their epochs: a colour each, dashed in training, solid on held-out pictures.

    A circle marks a run's epoch of lowest validation top-1 error, dotted lines where its rate fell. The top-5 error has
    axes of its own, and is left out where it is 0 throughout, as with five classes or fewer.

    Args:
        reference: draw the paper's 15.3%, which is a top-5 error, on the top-5 axes; they are not stretched for it.

    Raises:
        ValueError: no runs, or more than there are colours for.
    """
    if not 0 < len(runs) <= len(RUN_COLOURS):
        raise ValueError(f"1 to {len(RUN_COLOURS)} runs can be told apart in one figure, not {len(runs)}")
    drawn = {
        "Loss (nats)": ("train_loss", "val_loss", ""),
        "Top-1 error": ("train_top1_error", "val_top1_error", "top1_error"),
        "Top-5 error": ("", "val_top5_error", "top5_error"),
    }
    top5 = [value for run in runs for value in (*run.known("val_top5_error"), run.ends.get("top5_error", (0, 0, 0))[0])]
    shown = {name: keys for name, keys in drawn.items() if any(_has(run, keys) for run in runs)}
    if not any(value > 0 for value in top5):
        shown.pop("Top-5 error", None)
    figure, inner = sheet(max(5.2, 3.6 * len(shown)), 4.4 + 0.22 * (len(runs) // 2), title, note)
    axes = dict(zip(shown, inner.subplots(1, len(shown), squeeze=False).ravel().tolist(), strict=True))
    for name, keys in shown.items():
        for run, colour in zip(runs, RUN_COLOURS, strict=False):
            _draw(axes[name], run, colour, keys)
        _scale(axes[name], name, [value for run in runs for key in keys[:2] for value in run.known(key)])
    said = _line_of_paper(axes["Top-5 error"]) if reference and "Top-5 error" in axes else []
    last = max(run.epochs[-1] for run in runs)
    for one in axes.values():
        one.grid(axis="y")
        one.set_xlabel("epoch")
        one.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
        one.set_xlim(0, last + max(0.5, 0.03 * last))
    inner.legend(handles=_handles(runs) + said, loc="outside lower left", ncols=2)
    return figure


def _has(run: Curve, keys: tuple[str, str, str]) -> bool:
    return bool(run.known(keys[0]) or run.known(keys[1]) or keys[2] in run.ends)


def _draw(axes: Axes, run: Curve, colour: str, keys: tuple[str, str, str]) -> None:
    train, other, end = keys
    dots = "o" if len(run.epochs) <= 25 else ""
    if run.known(train):
        axes.plot(run.epochs, run.columns[train], color=colour, linestyle="--", linewidth=1.2)
    if run.known(other):
        axes.plot(run.epochs, run.columns[other], color=colour, marker=dots, ms=3)
        best = _best(run)
        if best is not None:
            place = ([run.epochs[best]], [run.columns[other][best]])
            axes.plot(*place, "o", color=colour, ms=8, mfc="none", mew=1.4, zorder=5)
    elif end in run.ends:
        value, low, high = run.ends[end]
        reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
        axes.errorbar(
            [run.epochs[-1]], [value], yerr=reach, fmt="D", ms=6, color=colour, capsize=3, zorder=5, clip_on=False
        )
    for place in rate_drops(run.columns.get("rate", ())):
        axes.axvline(run.epochs[place] - 0.5, color=colour, linewidth=1, linestyle=(0, (1, 2)), zorder=1)


def _best(run: Curve) -> int | None:
    errors = run.columns.get("val_top1_error", ())
    return min((i for i, value in enumerate(errors) if math.isfinite(value)), key=lambda i: errors[i], default=None)


def _scale(axes: Axes, name: str, values: Sequence[float]) -> None:
    axes.set_title(name)
    if name != "Loss (nats)":
        axes.yaxis.set_major_formatter("{x:g}%")
        axes.set_ylim(0, axes.get_ylim()[1])
    elif values and min(values) > 0 and max(values) > WIDE * min(values):
        axes.set_yscale("log")
        axes.set_title("Loss (nats, logarithmic)")
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(0, 1.08 * max(values, default=1.0))


def _line_of_paper(axes: Axes) -> list[Line2D]:
    """The paper's figure, where the axes reach that far anyway."""
    if axes.get_ylim()[1] <= PAPER_TOP5:
        return []
    axes.axhline(PAPER_TOP5, color=MUTED, linewidth=1.2, linestyle="-.", zorder=1)
    return [Line2D([], [], color=MUTED, linewidth=1.2, linestyle="-.", label=PAPER_SAID)]


def _handles(runs: Sequence[Curve]) -> list[Line2D]:
    handles = [
        Line2D([], [], color=colour, linewidth=3, label=plain(run.name, 44))
        for run, colour in zip(runs, RUN_COLOURS, strict=False)
    ]
    if any(run.known("train_loss") or run.known("train_top1_error") for run in runs):
        handles.append(Line2D([], [], color=INK, linestyle="--", linewidth=1.2, label="in training, as it went"))
    if any(run.known("val_loss") or run.known("val_top1_error") for run in runs):
        handles.append(Line2D([], [], color=INK, label="on val, after the epoch"))
    if any(_best(run) is not None for run in runs):
        handles.append(Line2D([], [], linestyle="", marker="o", ms=8, mfc="none", mec=INK, label="its best epoch"))
    ends = sorted({run.split for run in runs if run.ends and _best(run) is None})
    if ends:
        said = f"on {' or '.join(ends)}, at the end, with its 95% interval"
        handles.append(Line2D([], [], linestyle="", marker="D", ms=6, color=INK, label=said))
    if any(rate_drops(run.columns.get("rate", ())) for run in runs):
        handles.append(Line2D([], [], color=INK, linewidth=1, linestyle=(0, (1, 2)), label="the rate falls"))
    return handles
