"""Do the tables on disk hold everything, exactly, and the same bytes every time?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from alexnet.scoring.scores import confusion, per_class
from alexnet.scoring.tables import write_confusion, write_per_class, write_predictions

CLASSES = ["hat", 'a;b:c\\d,"e"', "éclair", "four", "five", "six\nlines"]


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.reader(file))


def some(n: int = 9) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return generator.dirichlet(np.ones(len(CLASSES)), n), generator.integers(0, len(CLASSES), n)


def test_predictions_can_be_read_back_exactly(tmp_path: Path) -> None:
    probabilities, labels = some()
    pictures = [f"a/{i}, .jpg" for i in range(8)] + ["odd \udcff name.jpg"]
    write_predictions(tmp_path / "p.csv", pictures, probabilities, CLASSES, labels)
    header, *rows = rows_of(tmp_path / "p.csv")
    assert header == ["path", "true", "label", "probability", "top5"]
    assert [row[0] for row in rows] == pictures
    for row, values, label in zip(rows, probabilities, labels, strict=True):
        best = np.argsort(-values)[:5]
        assert row[1:3] == [CLASSES[label], CLASSES[best[0]]]
        assert float(row[3]) == values.max()
        assert json.loads(row[4]) == [[CLASSES[i], values[i]] for i in best]
    assert b"\nodd \xff name.jpg," in (tmp_path / "p.csv").read_bytes()


def test_predictions_without_labels_have_no_such_column(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.csv", ["x"], np.array([[0.5, 0.5]]), ["a", "b"])
    assert (tmp_path / "p.csv").read_bytes() == b'path,label,probability,top5\nx,a,0.5,"[[""a"", 0.5], [""b"", 0.5]]"\n'


def test_classes_one_by_one(tmp_path: Path) -> None:
    probabilities, labels = np.eye(3)[[0, 0, 0, 2]], np.array([0, 0, 2, 2])
    rows = per_class(probabilities, labels, ["a", "b", "c"])
    write_per_class(tmp_path / "c.csv", rows)
    found = rows_of(tmp_path / "c.csv")
    assert found[0] == ["class", "n", "predicted", "recall", "recall_low", "recall_high", "precision", "f1"]
    assert found[1][:4] == ["a", "2", "3", "1.0"]
    assert [float(value) for value in found[1][4:]] == [rows[0].interval.low, 1.0, 2 / 3, 0.8]
    assert found[2] == ["b", "0", "0", "", "0.0", "1.0", "", ""]


def test_confusion_has_names_on_both_sides(tmp_path: Path) -> None:
    probabilities, labels = some(40)
    matrix = confusion(probabilities, labels, len(CLASSES))
    write_confusion(tmp_path / "m.csv", matrix, CLASSES)
    header, *rows = rows_of(tmp_path / "m.csv")
    assert header[1:] == [row[0] for row in rows] == CLASSES
    assert np.array_equal(np.array([row[1:] for row in rows], dtype=int), matrix)


def test_equal_results_give_equal_bytes(tmp_path: Path) -> None:
    probabilities, labels = some(30)
    for name in ("one", "two"):
        write_predictions(tmp_path / f"{name}.csv", [str(i) for i in range(30)], probabilities, CLASSES, labels)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert b"\r" not in (tmp_path / "one.csv").read_bytes()
