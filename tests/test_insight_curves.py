"""Do curves show what metrics.jsonl holds, several runs apart, and the paper's figure only where it means something?"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from alexnet.drawing.overlaid import RUN_COLOURS, overlaid
from alexnet.insight.curves import curve_of, draw_curves
from test_drawing_figures import check_texts, said

PAPER = "15.3%"


def folder(
    place: Path, epochs: int, *, val: bool = True, top5: float = 60.0, drops: tuple[int, ...] = (), split: str = "val"
) -> Path:
    """A run's folder with a record of so many epochs."""
    place.mkdir(parents=True)
    lines: list[dict[str, Any]] = [{"kind": "interval", "epoch": 1, "train_loss": 9.0}]
    rate = 0.1
    for epoch in range(1, epochs + 1):
        rate = rate / 10 if epoch in drops else rate
        row = {"kind": "epoch", "epoch": epoch, "rate": rate, "train_loss": 3 / epoch, "train_top1_error": 80 / epoch}
        if val:
            row |= {"val_loss": 3.3 / epoch, "val_top1_error": 90 / epoch, "val_top5_error": top5 / epoch}
        lines.append(row)
    (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    error = {"value": 12.0, "low": 9.0, "high": 16.0}
    score = {"split": split, "protocol": "centre", "n": 321, "top1_error": error, "top5_error": error, "loss": 0.5}
    (place / "results.json").write_text(json.dumps({"scores": [score]}))
    return place


def axes_of(figure: Figure) -> dict[str, Axes]:
    return {axes.get_title(loc="left"): axes for axes in figure.subfigs[0].axes}


def lines_at(axes: Axes, value: float) -> int:
    """Horizontal lines at a height."""
    return sum(
        set(np.asarray(line.get_ydata()).tolist()) == {value} and len(line.get_ydata()) == 2 for line in axes.lines
    )


def test_the_values_are_those_of_the_record(tmp_path: Path) -> None:
    axes = axes_of(draw_curves([folder(tmp_path / "a", 6)]))
    assert list(axes) == ["Loss (nats)", "Top-1 error", "Top-5 error"]
    for name, key in (("Loss (nats)", 3.3), ("Top-1 error", 90), ("Top-5 error", 60)):
        drawn = [np.asarray(line.get_ydata()).tolist() for line in axes[name].lines]
        assert pytest.approx([key / i for i in range(1, 7)]) in drawn


def test_the_papers_figure_stands_on_top_5_axes_only(tmp_path: Path) -> None:
    figure = draw_curves([folder(tmp_path / "a", 6)])
    axes = axes_of(figure)
    assert {name: lines_at(one, 15.3) for name, one in axes.items()} == {
        "Loss (nats)": 0,
        "Top-1 error": 0,
        "Top-5 error": 1,
    }
    assert "ILSVRC-2012" in said(figure)
    assert "seven networks" in said(figure)
    assert PAPER not in said(draw_curves([tmp_path / "a"], reference=False))
    low = draw_curves([folder(tmp_path / "low", 6, top5=3.0)])
    assert PAPER not in said(low)
    assert axes_of(low)["Top-5 error"].get_ylim()[1] < 4
    few = draw_curves([folder(tmp_path / "few", 6, top5=0.0)])
    assert "Top-5 error" not in axes_of(few)
    assert PAPER not in said(few)


def test_falls_of_the_rate_are_marked(tmp_path: Path) -> None:
    figure = draw_curves([folder(tmp_path / "a", 9, drops=(4, 7))])
    for axes in axes_of(figure).values():
        upright = [
            line.get_xdata() for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
        ]
        assert sorted(float(x[0]) for x in upright) == [3.5, 6.5]
    assert "the rate falls" in said(figure)


def test_several_runs_are_told_apart(tmp_path: Path) -> None:
    paths = [folder(tmp_path / one / "run", 5 + i) for i, one in enumerate("abc")]
    figure = draw_curves(paths)
    assert {"a/run", "b/run", "c/run"} <= set(said(figure).splitlines())
    check_texts(figure)
    colours = {line.get_color() for line in axes_of(figure)["Top-1 error"].lines}
    assert colours == set(RUN_COLOURS[:3])
    with pytest.raises(ValueError, match="1 to 7 runs can be told apart in one figure, not 8"):
        draw_curves([folder(tmp_path / f"many{i}", 1) for i in range(8)])
    with pytest.raises(ValueError, match="not 0"):
        draw_curves([])


def test_a_run_that_never_validated_shows_what_it_scored_at_the_end(tmp_path: Path) -> None:
    curve = curve_of(folder(tmp_path / "a", 4, val=False, split="test"))
    assert curve.ends["top1_error"] == (12, 9, 16)
    figure = draw_curves([tmp_path / "a"])
    check_texts(figure)
    assert "on test, at the end, with its 95% interval" in said(figure)
    assert "test: 321 pictures, centre crop" in said(figure)
    assert not curve_of(folder(tmp_path / "b", 4)).ends


def test_losses_that_explode_or_are_missing_are_drawn(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", 5)
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    rows[2]["train_loss"], rows[3]["val_loss"], rows[4]["val_loss"] = 5e8, math.nan, math.inf
    (place / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    check_texts(draw_curves([place]))
    check_texts(overlaid([curve_of(place), curve_of(folder(tmp_path / "one", 1))]))


def test_nothing_on_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no finished epoch"):
        draw_curves([tmp_path])
