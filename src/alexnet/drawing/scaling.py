"""How does the error fall with more pictures? Measured errors on logarithmic axes, and a fitted law with its band."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from alexnet.drawing.study import WIDTH
from alexnet.drawing.style import BLUE, INK, LIGHT_BLUE, plain, sheet, styled

#: A point of a fitted law: pictures, error, and the 95% band's edges there, where they are known.
Point = tuple[float, float, float | None, float | None]


@styled
def scaling(
    pictures: Sequence[int],
    errors: Sequence[Sequence[float]],
    *,
    law: Sequence[Point] = (),
    said: str = "fitted law",
    title: str = "Error by number of training pictures",
    note: str = "",
) -> Figure:
    """A dot a run over the number of its training pictures, a ring at each mean; both axes are logarithmic.

    Args:
        pictures: training pictures, a number a setting.
        errors: percent, above 0; by setting, one a seed.
        law: the fitted law at rising numbers of pictures; beyond the largest number measured it is dashed.
        said: the law in words, for the legend.

    Raises:
        ValueError: no errors above 0.
    """
    assert len(pictures) == len(errors)
    runs = [(n, error) for n, some in zip(pictures, errors, strict=True) for error in some if error > 0]
    if not runs:
        raise ValueError("there are no errors above 0% to draw; no run succeeded")
    figure, inner = sheet(WIDTH, 4.4, title, note)
    axes = inner.subplots()
    axes.set_xscale("log")
    axes.set_yscale("log")
    handles: list[Line2D | Patch] = []
    if law:
        _law(axes, law, max(pictures))
        handles.append(Line2D([], [], color=BLUE, label=plain(said)))
        if _band(law):
            handles.append(Patch(color=LIGHT_BLUE, label="its 95% band"))
    axes.plot([n for n, _ in runs], [error for _, error in runs], "o", color=INK, ms=3.5, zorder=4)
    means = [(n, sum(some) / len(some)) for n, some in zip(pictures, errors, strict=True) if some]
    axes.plot([n for n, _ in means], [mean for _, mean in means], "o", color=INK, ms=9, mfc="none", mew=1.3, zorder=5)
    _ticks(axes)
    axes.set_xlabel("training pictures (logarithmic)")
    axes.set_title("Error (logarithmic)")
    axes.grid()
    handles += [
        Line2D([], [], linestyle="", marker="o", ms=3.5, color=INK, label="a run"),
        Line2D([], [], linestyle="", marker="o", ms=9, mfc="none", mec=INK, mew=1.3, label="mean over seeds"),
    ]
    inner.legend(handles=handles, loc="outside lower left", ncols=4 if len(said) < 40 else 2)
    return figure


def _band(law: Sequence[Point]) -> list[tuple[float, float, float]]:
    """Pictures, and the band's edges, which a logarithmic axis shows above 0 alone."""
    return [(n, low, high) for n, _, low, high in law if low is not None and high is not None and low > 0]


def _law(axes: Axes, law: Sequence[Point], largest: float) -> None:
    band = _band(law)
    axes.fill_between(
        [n for n, _, _ in band],
        [low for _, low, _ in band],
        [high for _, _, high in band],
        color=LIGHT_BLUE,
        linewidth=0,
        zorder=1,
    )
    inside = [point for point in law if point[0] <= largest]
    beyond = [*inside[-1:], *(point for point in law if point[0] > largest)]
    axes.plot([point[0] for point in inside], [point[1] for point in inside], color=BLUE, zorder=3)
    axes.plot([point[0] for point in beyond], [point[1] for point in beyond], color=BLUE, linestyle="--", zorder=3)


def _ticks(axes: Axes) -> None:
    """Plain numbers, as many as find room."""
    for axis, (low, high), words in (
        (axes.xaxis, axes.get_xlim(), "{x:,.0f}"),
        (axes.yaxis, axes.get_ylim(), "{x:g}%"),
    ):
        for steps in ((1, 1.5, 2, 3, 4, 5, 6, 7, 8), (1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1,)):
            ticks = [n * 10.0**power for power in range(-3, 9) for n in steps if low <= n * 10.0**power <= high]
            if len(ticks) <= 8:
                break
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(words)
