"""How do predictions and scores lie on disk? CSV files with full precision; equal results give equal bytes."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

    top5 holds the most probable classes, best first, as a JSON list of [name, probability], as `alexnet predict` writes
    them; any name survives that. Of equally probable classes the first comes first.

    Args:
        pictures: (N,), where each picture came from.
        probabilities: (N, K).
        labels: (N,), the true classes.
    """
    assert len(pictures) == len(probabilities)
    assert labels is None or len(labels) == len(pictures)
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :5].tolist()
    rows = []
    for i, picture in enumerate(pictures):
        top = [(classes[j], float(probabilities[i, j])) for j in best[i]]
        true = [] if labels is None else [classes[int(labels[i])]]
        rows.append([picture, *true, top[0][0], repr(top[0][1]), top_text(top)])
    write_rows(path, ["path", *([] if labels is None else ["true"]), "label", "probability", "top5"], rows)


def top_text(top: Sequence[tuple[str, float]]) -> str:
    """The most probable classes as one field of a CSV file: a JSON list of [name, probability], in full precision."""
    return json.dumps(top, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A row of a table of predictions."""

    path: str
    true: str
    label: str
    probability: float
    """nan where the table does not tell."""
    top: tuple[tuple[str, float], ...]
    """The most probable classes with their probabilities, best first; empty where the table does not tell."""


def read_predictions(path: str | os.PathLike[str]) -> list[Listed]:
    """The rows of a predictions.csv, or of any CSV file with the columns path, true and label.

    Raises:
        ValueError: no such file, not such a table (says what is missing, and in which line), or a path that is in it
            twice.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in ("path", "true", "label") if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(
                    f"{path} has no column {missing[0]!r}; a table to compare has path, true and label, as the "
                    "predictions.csv of a run"
                )
            rows = [_listed(path, reader.line_num, row) for row in reader]
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    except csv.Error as error:
        raise ValueError(f"{path} is no table of predictions: {error}") from None
    twice = len(rows) - len({row.path for row in rows})
    if twice:
        raise ValueError(f"{path} tells {twice:,} times of a picture that it has told of before; one row a picture")
    return rows


def _listed(path: str | os.PathLike[str], line: int, row: dict[str, str]) -> Listed:
    try:
        top = tuple((str(name), float(value)) for name, value in json.loads(row.get("top5") or "[]"))
        if None in (row["path"], row["true"], row["label"]):
            raise ValueError
        return Listed(
            path=row["path"],
            true=row["true"],
            label=row["label"],
            probability=float(row.get("probability") or "nan"),
            top=top,
        )
    except (ValueError, TypeError):
        raise ValueError(
            f"line {line} of {path} cannot be read: probability is a number, and top5 a JSON list of [name, "
            "probability]"
        ) from None


def write_per_class(path: str | os.PathLike[str], rows: Iterable[ClassScores]) -> None:
    """A row a class: class, n, predicted, recall, recall_low, recall_high, precision, f1; shares from 0 to 1.

    A share of nothing is left empty.
    """
    write_rows(
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
    write_rows(path, ["true \\ predicted", *classes], rows)


def write_rows(path: str | os.PathLike[str], header: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    """A CSV file with a row of names above."""
    # Paths that are no valid text keep their bytes.
    with Path(path).open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _share(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))
