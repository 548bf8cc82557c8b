"""How did training go, in this run and beside others? Their metrics.jsonl as curves."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from alexnet.drawing.curves import rate_drops
from alexnet.drawing.overlaid import Curve, overlaid
from alexnet.insight.panel import Panel
from alexnet.scoring.protocols import PROTOCOLS
from alexnet.training.folder import lines_of, read_json
from alexnet.training.run import Run

COLUMNS = ("train_loss", "val_loss", "train_top1_error", "val_top1_error", "val_top5_error", "rate")


def curve_of(folder: str | os.PathLike[str], *, name: str = "") -> Curve:
    """The epochs of a run from its metrics.jsonl, with its scores at the end where they are of other pictures than val.

    Args:
        name: what the run is called in the figure; its folder's name otherwise.

    Raises:
        ValueError: no such folder, or none of its epochs is finished.
    """
    folder = Path(folder)
    rows = lines_of(folder, "epoch")
    if not rows:
        raise ValueError(
            f"{folder} has no finished epoch in a metrics.jsonl, so there are no curves; give a run's folder"
        )
    columns = {column: [_number(row.get(column)) for row in rows] for column in COLUMNS}
    score = _score(folder)
    ends: dict[str, tuple[float, float, float]] = {}
    if score and score["split"] != "val":
        ends = {
            key: tuple(score[key][part] for part in ("value", "low", "high")) for key in ("top1_error", "top5_error")
        }
    return Curve(
        name=name or folder.name,
        epochs=[float(row["epoch"]) for row in rows],
        columns=columns,
        ends=ends,
        split=score["split"] if score else "val",
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _score(folder: Path) -> Mapping[str, Any]:
    """The scores of the central crop in results.json; nothing before the run has finished."""
    path = folder / "results.json"
    scores = read_json(path)["scores"] if path.exists() else []
    return dict(scores[0]) if scores else {}


def draw_curves(folders: Sequence[str | os.PathLike[str]], *, reference: bool = True) -> Figure:
    """The curves of one or several runs on the same axes: loss, top-1 error, top-5 error.

    Args:
        folders: of runs; runs whose folders have the same name are told apart by the folders these lie in.
        reference: the paper's 15.3% on the top-5 axes, where these reach that far.

    Raises:
        ValueError: as `curve_of`; no run, or more than seven.
    """
    paths = [Path(folder) for folder in folders]
    curves = [curve_of(path, name=name) for path, name in zip(paths, _told_apart(paths), strict=True)]
    note = ""
    if len(paths) == 1 and (score := _score(paths[0])):
        note = f"{score['split']}: {score['n']:,} pictures, {PROTOCOLS[score['protocol']]}"
        note += f"; {score['note']}" if score.get("note") else ""
    return overlaid(curves, reference=reference, note=note)


def _told_apart(paths: Sequence[Path]) -> list[str]:
    """The folders' names, with so many of the folders around them that they differ."""
    wholes = [path.resolve().parts for path in paths]
    for parts in range(1, max(map(len, wholes), default=0) + 1):
        names = ["/".join(whole[-parts:]) for whole in wholes]
        if len(set(names)) == len(names):
            return names
    return [path.name for path in paths]


def panels(run: Run, *, device: str = "cpu", limit: int = 0) -> Iterator[Panel]:
    """The run's curves; needs its metrics.jsonl and no pictures.

    Args:
        device, limit: without effect; all topics take them.

    Raises:
        ValueError: no epoch is on record, as for weights alone.
    """
    curve = curve_of(run.folder)
    drops = [curve.epochs[i] for i in rate_drops(curve.columns["rate"])]
    numbers: dict[str, Any] = {"epochs": len(curve.epochs), "rate_fell_before_epoch": drops}
    errors = curve.columns["val_top1_error"]
    known = [i for i, value in enumerate(errors) if math.isfinite(value)]
    if known:
        best = min(known, key=lambda i: errors[i])
        numbers["best"] = {"epoch": curve.epochs[best], "split": "val", "top1_error": errors[best]}
    yield Panel(
        name="curves",
        title="How training went",
        figure=draw_curves([run.folder]),
        caption="Left: the loss, which training lessens. Where the solid line turns up while the dashed one goes on "
        "falling, the network learns its training pictures by heart. The dashed line may lie higher all the same: in "
        "training, pictures are changed and units are silenced. Top-1 counts a picture as wrong if the most probable "
        "class is not the true one, top-5 if none of the five most probable is.",
        numbers=numbers,
    )
