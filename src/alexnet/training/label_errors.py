"""Which pictures of a run's data are likely mislabelled? Its network's opinion of each split, by confident learning.

Pictures it was not trained on are judged fairly; of its training pictures it has learned some labels by heart, so that
there fewer errors show, and each split says which it is.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet.data.prepared import PreparedSet
from alexnet.device import choose
from alexnet.scoring.label_errors import LabelErrors, find_label_errors
from alexnet.training.evaluate import evaluate_rows
from alexnet.training.listener import Listener
from alexnet.training.pictures import reopen
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Suspects:
    """The likely label errors of one split."""

    split: str
    trained_on: bool
    pictures: int
    classes: tuple[str, ...]
    paths: list[str]
    """Of the suspects, the likeliest first."""
    rows: np.ndarray
    """int64, their rows in the prepared set."""
    errors: LabelErrors

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `errors` are the suspects, likeliest first."""
        return {
            "split": self.split,
            "trained_on": self.trained_on,
            "protocol": "centre",
            "n": self.pictures,
            "estimate": self.errors.estimate,
            "errors": [
                {"path": path, "given": given, "suggested": suggested, "confidence": confidence}
                for path, given, suggested, confidence in self.table()
            ],
        }

    def table(self) -> list[tuple[str, str, str, float]]:
        """(path, given, suggested, confidence), the likeliest first; confidence is the margin of the probabilities."""
        found = self.errors
        return [
            (path, self.classes[given], self.classes[suggested], float(margin))
            for path, given, suggested, margin in zip(
                self.paths, found.given, found.suggested, found.margin, strict=True
            )
        ]


def find_suspects(
    run: Run, listener: Listener, *, device: str = "auto", threads: int = 0
) -> tuple[PreparedSet, list[Suspects]]:
    """The suspects in every split of a run's own pictures, those it was not trained on first; centre crop.

    Raises:
        ValueError: the run's pictures are gone, or no longer those it was trained on.
    """
    prepared, machine = reopen(run.folder, listener), choose(device, threads)
    # What was carved out of train to select on is called val, unless it was trained on in the end.
    select = "train" if run.config.data.all_of_train else "val"
    roles = {"test": ["test"], "val": ["val"], "train": ["train"]}
    rows_of = {name: np.concatenate([prepared.rows(role) for role in parts]) for name, parts in roles.items()}
    if select == "train":
        carved = prepared.rows("select")
        rows_of["val"] = np.setdiff1d(rows_of["val"], carved)
        rows_of["train"] = np.union1d(rows_of["train"], carved)
    found = []
    for name, rows in rows_of.items():
        if len(rows):
            listener.say(f"asking the network about {len(rows):,} pictures of {name}")
            found.append(_of_split(run, prepared, rows, name, machine))
    return prepared, found


def _of_split(run: Run, prepared: PreparedSet, rows: np.ndarray, split: str, machine: Any) -> Suspects:
    evaluation = evaluate_rows(run.trained, prepared, rows, split=split, machine=machine)
    predictions = evaluation.predictions
    errors = find_label_errors(predictions.probabilities, predictions.labels)
    return Suspects(
        split=split,
        trained_on=split == "train",
        pictures=len(rows),
        classes=evaluation.classes,
        paths=[evaluation.paths[place] for place in errors.rows],
        rows=predictions.index[errors.rows],
        errors=errors,
    )


def write_label_errors(path: Path, found: Sequence[Suspects]) -> None:
    """label_errors.csv: path, given, suggested, confidence, split, trained_on; likeliest first within a split."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["path", "given", "suggested", "confidence", "split", "trained_on"])
        for one in found:
            for picture, given, suggested, confidence in one.table():
                rows.writerow([picture, given, suggested, repr(confidence), one.split, "yes" if one.trained_on else ""])


def told_suspects(found: Sequence[Suspects]) -> str:
    """A line for each split, and the five likeliest of the first."""
    lines: list[str] = []
    for one in found:
        caveat = "trained on, and learned in part by heart: errors may not show" if one.trained_on else "not trained on"
        lines.append(
            f"likely label errors in {one.split}: {len(one.errors):,} of {one.pictures:,} pictures "
            f"({caveat}; centre crop; about {one.errors.estimate:.0f} estimated)"
        )
        lines += [
            f"  {path}: labelled {given}, looks like {suggested} (margin {confidence:.2f})"
            for path, given, suggested, confidence in one.table()[:5]
        ]
    return "\n".join(lines)
