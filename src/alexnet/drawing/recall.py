"""How much do short codes find? Recall against the length of the codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from alexnet.drawing.style import BLUE, VERMILLION, sheet, styled

#: Method -> (what it is called, colour, marker, which way its dots stand aside of the others').
_LOOKS = {
    "itq": ("turned to lose least (iterative quantization)", BLUE, "o", -1),
    "pca": ("signs of principal components", VERMILLION, "s", 1),
}


@styled
def recall(
    rows: Sequence[Mapping[str, Any]],
    wanted: int,
    candidates: int,
    *,
    title: str = "What short binary codes find of the nearest pictures",
    note: str = "",
) -> Figure:
    """Two panels, the list as long as what is wanted and the longer one; a line for each method, with intervals.

    Args:
        rows: each with `method`, `bits`, and `short` and `long`, which hold value, low and high from 0 to 1.
    """
    assert rows
    lengths = sorted({row["bits"] for row in rows})
    figure, inner = sheet(9.6, 4.2, title, note)
    panels = inner.subplots(1, 2, sharey=True)
    for axes, name, count in zip(panels, ("short", "long"), (wanted, candidates), strict=True):
        for method, (label, colour, marker, side) in _LOOKS.items():
            of = sorted((row for row in rows if row["method"] == method), key=lambda row: row["bits"])
            if not of:
                continue
            places = [lengths.index(row["bits"]) + 0.04 * side for row in of]
            values = [row[name]["value"] for row in of]
            below = [row[name]["value"] - row[name]["low"] for row in of]
            above = [row[name]["high"] - row[name]["value"] for row in of]
            axes.errorbar(
                places, values, yerr=[below, above], color=colour, marker=marker, capsize=3, elinewidth=1, label=label
            )
        axes.set_title(f"{wanted} nearest, found among {count} candidates")
        axes.set_xticks(range(len(lengths)), [f"{bits}" for bits in lengths])
        axes.set_xlim(-0.4, len(lengths) - 0.6)
        axes.set_ylim(0, 1)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.tick_params(labelleft=True)
        axes.set_xlabel("bits of a code")
        axes.grid(axis="y")
    handles, labels = panels[0].get_legend_handles_labels()
    inner.legend(handles, labels, loc="outside lower left", ncols=2)
    return figure
