"""How did training go? Loss, errors and rate by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from alexnet.drawing.style import BLUE, GREEN, INK, MUTED, VERMILLION, sheet, styled

#: Losses that span more than this factor are drawn on a logarithmic axis.
WIDE = 20


@styled
def curves(rows: Sequence[Mapping[str, Any]], *, split: str = "val", title: str = "Training", note: str = "") -> Figure:
    """Curves over the epochs of a run.

    Args:
        rows: an object an epoch, as in metrics.jsonl: epoch, train_loss, rate; where there is a validation, loss,
            top1_error and top5_error (percent), under these names or with the split's name before them ("val_loss");
            perhaps train_top1_error. Rows of another kind than "epoch" are passed over.
        split: what the validation's pictures are called.

    The epoch with the lowest top-1 error, the first of equals, is marked as the best; dotted lines mark where the rate
    fell. The top-5 error is left out where it is 0 throughout, as with five classes or fewer.

    Raises:
        ValueError: no epochs.
    """
    rows = [row for row in rows if row.get("kind", "epoch") == "epoch"]
    if not rows:
        raise ValueError("there are no epochs to draw curves of; the run stopped before the end of its first")
    epochs = [float(row["epoch"]) for row in rows]
    column = {
        name: _column(rows, name, split)
        for name in ("train_loss", "loss", "train_top1_error", "top1_error", "top5_error", "rate")
    }
    best = _best(column["top1_error"])
    panels = ["loss", "top1_error"] if best is not None or _any(column["train_top1_error"]) else ["loss"]
    panels += ["top5_error"] if any(value > 0 for value in column["top5_error"]) else []
    panels += ["rate"]
    wide = 2 if len(panels) == 4 else len(panels)
    tall = -(-len(panels) // wide)
    figure, inner = sheet(9.6, 0.9 + 2.7 * tall, title, note)
    axes = dict(zip(panels, inner.subplots(tall, wide, squeeze=False).ravel().tolist(), strict=True))

    _loss(axes["loss"], epochs, column["train_loss"], column["loss"])
    if "top1_error" in axes:
        _line(axes["top1_error"], epochs, column["train_top1_error"], BLUE)
        _line(axes["top1_error"], epochs, column["top1_error"], VERMILLION)
        _percents(axes["top1_error"], "Top-1 error", (*column["train_top1_error"], *column["top1_error"]))
    if "top5_error" in axes:
        _line(axes["top5_error"], epochs, column["top5_error"], VERMILLION)
        _percents(axes["top5_error"], "Top-5 error", column["top5_error"])
    _rate(axes["rate"], epochs, column["rate"])

    drops = [epochs[i] - 0.5 for i in rate_drops(column["rate"])]
    for name, one in axes.items():
        one.grid(axis="y")
        one.set_xlabel("epoch")
        one.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        one.set_xlim(epochs[0] - 1, epochs[-1] + max(0.5, 0.02 * len(epochs)))
        for place in drops:
            one.axvline(place, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        if best is not None and name != "rate":
            height = column[name][best]
            one.plot([epochs[best]], [height], "o", ms=8, mfc="none", mec=INK, mew=1.4, zorder=5)
    if best is not None:
        said = f"Top-1 error: best {column['top1_error'][best]:.1f}% in epoch {epochs[best]:.0f}"
        axes["top1_error"].set_title(said)
    inner.legend(handles=_handles(column, split, best, drops), loc="outside lower left", ncols=4)
    return figure


def rate_drops(rates: Sequence[float]) -> list[int]:
    """The epochs, counted from 0, in which a rate that had been constant fell by more than a quarter.

    Of the second epoch nobody can tell whether the rate had been constant: there it must stay at what it fell to.
    """

    def steady(i: int) -> bool:
        return rates[i - 1] == rates[i - 2] if i > 1 else i + 1 < len(rates) and rates[i] == rates[i + 1]

    return [i for i in range(1, len(rates)) if rates[i] < 0.75 * rates[i - 1] and steady(i)]


def _column(rows: Sequence[Mapping[str, Any]], name: str, split: str) -> list[float]:
    values = [row.get(f"{split}_{name}", row.get(name)) for row in rows]
    return [math.nan if value is None else float(value) for value in values]


def _any(values: Sequence[float]) -> bool:
    return any(math.isfinite(value) for value in values)


def _best(errors: Sequence[float]) -> int | None:
    return min((i for i, value in enumerate(errors) if math.isfinite(value)), key=lambda i: errors[i], default=None)


def _line(axes: Axes, epochs: Sequence[float], values: Sequence[float], colour: str) -> None:
    if _any(values):
        axes.plot(epochs, values, color=colour, marker="o" if len(epochs) <= 25 else "", ms=3)


def _loss(axes: Axes, epochs: Sequence[float], train: Sequence[float], other: Sequence[float]) -> None:
    _line(axes, epochs, train, BLUE)
    _line(axes, epochs, other, VERMILLION)
    known = [value for value in (*train, *other) if math.isfinite(value)]
    if known and min(known) > 0 and max(known) > WIDE * min(known):
        axes.set_yscale("log")
        axes.set_title("Loss (nats, logarithmic)")
        axes.yaxis.set_major_formatter("{x:g}")
    else:
        axes.set_ylim(0, 1.08 * max(known, default=1.0))
        axes.set_title("Loss (nats)")


def _percents(axes: Axes, title: str, values: Sequence[float]) -> None:
    axes.set_ylim(0, 1.08 * max((value for value in values if value > 0), default=1.0))
    axes.yaxis.set_major_formatter("{x:g}%")
    axes.set_title(title)


def _rate(axes: Axes, epochs: Sequence[float], rates: Sequence[float]) -> None:
    axes.plot(epochs, rates, color=GREEN, drawstyle="steps-mid", marker="o" if len(epochs) <= 25 else "", ms=3)
    known = [value for value in rates if math.isfinite(value)]
    axes.set_title("Rate")
    if not known or min(known) <= 0:
        return
    axes.set_yscale("log")
    axes.set_title("Rate (logarithmic)")
    low, high = min(known) / 2, max(known) * 2
    axes.set_ylim(low, high)
    levels = sorted(set(known))
    apart = 0.09 * math.log(high / low)  # nearer than this, two labels would touch
    if len(levels) <= 6 and all(math.log(b / a) > apart for a, b in pairwise(levels)):
        axes.set_yticks(levels, [f"{level:.3g}" for level in levels])
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_formatter("{x:g}")


def _handles(
    column: Mapping[str, Sequence[float]], split: str, best: int | None, drops: Sequence[float]
) -> list[Line2D]:
    handles = [Line2D([], [], color=BLUE, label="training, as it went")]
    if _any(column["loss"]) or best is not None:
        handles.append(Line2D([], [], color=VERMILLION, label=f"{split}, after the epoch"))
    if best is not None:
        handles.append(Line2D([], [], linestyle="", marker="o", ms=8, mfc="none", mec=INK, mew=1.4, label="best epoch"))
    if drops:
        handles.append(Line2D([], [], color=MUTED, linewidth=1, linestyle=(0, (1, 2)), label="the rate falls"))
    return handles
