"""How do predictions and scores lie on disk? CSV files with full precision; equal results give equal bytes."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from alexnet.scoring.scores import ClassScores


def write_predictions(
    path: str | os.PathLike[str],
    pictures: Sequence[str],
    probabilities: np.ndarray,
    classes: Sequence[str],
    labels: np.ndarray | None = None,
) -> None:
    """A row a picture: path, true, label, probability, top5; without labels there is no column `true`.

    top5 holds the most probable classes, best first, as "name:probability;name:probability"; in a name, a backslash
    stands before ; and : and \\ themselves. Of equally probable classes the first comes first.

    Args:
        pictures: (N,), where each picture came from.
        probabilities: (N, K).
        labels: (N,), the true classes.
    """
    assert len(pictures) == len(probabilities)
    assert labels is None or len(labels) == len(pictures)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :5].tolist()
    quoted = [_quoted(name) for name in classes]
    rows = []
    for i, picture in enumerate(pictures):
        top = [(j, float(probabilities[i, j])) for j in best[i]]
        true = [] if labels is None else [classes[int(labels[i])]]
        top5 = ";".join(f"{quoted[j]}:{value!r}" for j, value in top)
        rows.append([picture, *true, classes[top[0][0]], repr(top[0][1]), top5])
    _write(path, ["path", *([] if labels is None else ["true"]), "label", "probability", "top5"], rows)


def write_per_class(path: str | os.PathLike[str], rows: Iterable[ClassScores]) -> None:
    """A row a class: class, n, predicted, recall, recall_low, recall_high, precision, f1; shares from 0 to 1.

    A share of nothing is left empty.
    """
    _write(
        path,
        ["class", "n", "predicted", "recall", "recall_low", "recall_high", "precision", "f1"],
        (
            [row.name, row.n, row.predicted, *map(_share, (row.recall, row.interval.low, row.interval.high)),
             *map(_share, (row.precision, row.f1))]
            for row in rows
        ),
    )  # fmt: skip


def write_confusion(path: str | os.PathLike[str], matrix: np.ndarray, classes: Sequence[str]) -> None:
    """Counts with the predicted classes' names in the first row and the true classes' in the first column."""
    assert matrix.shape == (len(classes), len(classes))
    rows = ([name, *counts] for name, counts in zip(classes, matrix.tolist(), strict=True))
    _write(path, ["true \\ predicted", *classes], rows)


def _write(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    # Paths that are no valid text keep their bytes.
    with Path(path).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _share(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _quoted(name: str) -> str:
    for mark in ("\\", ";", ":"):
        name = name.replace(mark, "\\" + mark)
    return name
