"""Which columns does results.csv have? The epochs as a table, under our names and under those of other programs.

Scripts that plot or compare runs know their columns by name. Beside ours stand, each derived from ours and from
nothing else, those of timm's summary.csv, of Ultralytics' results.csv and of Keras' CSVLogger. Their accuracies are
what they are there: timm's in percent, the other two's shares of 1. timm and Keras count epochs from 0; ours begin at
1, as do Ultralytics'.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Their column -> (our column that it is made of, how).
THEIRS: dict[str, tuple[str, Callable[[float], float]]] = {
    # timm's summary.csv: epoch, train_loss, eval_loss, eval_top1, eval_top5, lr.
    "eval_loss": ("val_loss", lambda loss: loss),
    "eval_top1": ("val_top1_error", lambda error: 100 - error),
    "eval_top5": ("val_top5_error", lambda error: 100 - error),
    "lr": ("rate", lambda rate: rate),
    # Ultralytics' results.csv: epoch, time, train/loss, metrics/..., val/loss, lr/pg0.
    "time": ("elapsed", lambda seconds: seconds),
    "train/loss": ("train_loss", lambda loss: loss),
    "metrics/accuracy_top1": ("val_top1_error", lambda error: 1 - error / 100),
    "metrics/accuracy_top5": ("val_top5_error", lambda error: 1 - error / 100),
    "val/loss": ("val_loss", lambda loss: loss),
    "lr/pg0": ("rate", lambda rate: rate),
    # Keras' CSVLogger: epoch, accuracy, loss, val_accuracy, val_loss.
    "loss": ("train_loss", lambda loss: loss),
    "accuracy": ("train_top1_error", lambda error: 1 - error / 100),
    "val_accuracy": ("val_top1_error", lambda error: 1 - error / 100),
}


def write_results_csv(run: Path) -> None:
    """results.csv from metrics.jsonl: a row an epoch; where nothing was validated, no columns of it, ours or theirs."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows: list[dict[str, Any]] = []
    elapsed = 0.0
    for line in lines:
        if line.pop("kind") != "epoch":
            continue
        elapsed = round(elapsed + line.get("seconds", 0.0), 3)
        known = line | {"elapsed": elapsed}
        rows.append(line | {name: made(known[ours]) for name, (ours, made) in THEIRS.items() if ours in known})
    with (run / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(
            file, fieldnames=list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
