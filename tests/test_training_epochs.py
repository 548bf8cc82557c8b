"""Does results.csv hold the epochs under our names and under those that people's scripts know?"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from alexnet.training.epochs import THEIRS, write_results_csv

EPOCH = {"kind": "epoch", "epoch": 1, "step": 10, "train_loss": 1.25, "train_top1_error": 40.0, "rate": 0.1}
EPOCH |= {"seconds": 2.5, "pictures_per_second": 100.0}
VALIDATED = {"val_loss": 1.5, "val_top1_error": 30.0, "val_top5_error": 5.0}


def table(folder: Path, *lines: dict[str, Any]) -> list[dict[str, str]]:
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    write_results_csv(folder)
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_their_columns_stand_beside_ours(tmp_path: Path) -> None:
    second = EPOCH | VALIDATED | {"epoch": 2, "step": 20, "val_top1_error": 20.0}
    rows = table(tmp_path, EPOCH | VALIDATED, {"kind": "interval", "step": 15, "train_loss": 9.0}, second)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    for name, value in (EPOCH | VALIDATED).items():
        if name != "kind":
            assert float(rows[0][name]) == value
    told = {name: float(rows[1][name]) for name in THEIRS}
    assert told == pytest.approx(
        {
            "eval_loss": 1.5, "eval_top1": 80, "eval_top5": 95, "lr": 0.1,
            "time": 5.0, "train/loss": 1.25, "metrics/accuracy_top1": 0.8, "metrics/accuracy_top5": 0.95,
            "val/loss": 1.5, "lr/pg0": 0.1,
            "loss": 1.25, "accuracy": 0.6, "val_accuracy": 0.8,
        }
    )  # fmt: skip


def test_without_validation_there_are_no_columns_of_it(tmp_path: Path) -> None:
    (row,) = table(tmp_path, EPOCH)
    assert not [name for name in row if "val" in name or "metrics" in name]
    assert {"train/loss", "lr", "accuracy", "time"} <= set(row)


def test_a_column_that_comes_later_is_kept(tmp_path: Path) -> None:
    first, second = table(tmp_path, EPOCH, EPOCH | VALIDATED)
    assert first["val_loss"] == ""
    assert second["val_accuracy"] == "0.7"
