"""How did loss and accuracy go, as courses plot them? From three lists, one value an epoch."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from alexnet.drawing.overlaid import PAPER_TOP5
from alexnet.drawing.style import BLUE, GREEN, MUTED, VERMILLION, sheet, styled


@styled
def accuracy(
    train_losses: Sequence[float],
    val_losses: Sequence[float],
    val_accs: Sequence[float],
    *,
    top: int = 1,
    title: str = "Training",
    note: str = "",
) -> Figure:
    """Two panels: the two losses, and the validation accuracy from 0 to 100%.

    With `top` 5 a line marks the paper's 84.7%, which is a top-5 accuracy; on no other axis would it mean anything.

    Args:
        train_losses, val_losses: (n,), nats. val_accs: (n,), percent. n at least 1.
        top: a picture counts as right if its class is among so many most probable ones.
    """
    assert 0 < len(train_losses) == len(val_losses) == len(val_accs)
    epochs = range(1, len(train_losses) + 1)
    dots = "o" if len(epochs) <= 25 else ""
    figure, inner = sheet(9.0, 4.1, title, note)
    left, right = inner.subplots(1, 2)
    left.plot(epochs, train_losses, color=BLUE, linestyle="--", marker=dots, ms=3, label="training")
    left.plot(epochs, val_losses, color=VERMILLION, marker=dots, ms=3, label="validation")
    left.set_ylim(0, left.get_ylim()[1])
    left.set_title("Loss (nats)")
    right.plot(epochs, val_accs, color=GREEN, marker=dots, ms=3, label=f"top-{top} accuracy in validation")
    if top == 5:
        said = f"{100 - PAPER_TOP5:.1f}%: the paper's seven networks together, ILSVRC-2012 test"
        right.axhline(100 - PAPER_TOP5, color=MUTED, linewidth=1.2, linestyle="-.", label=said)
    right.set_ylim(0, 100)
    right.yaxis.set_major_formatter("{x:g}%")
    right.set_title(f"Top-{top} accuracy")
    for axes in (left, right):
        axes.grid(axis="y")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
        axes.set_xlim(0, len(epochs) + max(0.5, 0.03 * len(epochs)))
    handles = [*left.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    inner.legend(handles=handles, loc="outside lower left", ncols=2)
    return figure
