"""Are predictions written as they come, in a form that can be read back exactly?"""

from __future__ import annotations

import csv
import io
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from alexnet.ship.predict import predict_to
from alexnet.training import run as runs
from alexnet.training.run import Prediction

ODD = 'a, "quoted"\nname \udce4.jpg'
SAID = [
    Prediction(path="one.jpg", label="cat", probability=2 / 3, top=(("cat", 2 / 3), ("dog", 1 / 3))),
    Prediction(path="broken.jpg", reason="it is cut short"),
    Prediction(path=ODD, label="dog", probability=0.1 + 0.2, top=(("dog", 0.1 + 0.2), ("cat", 0.7))),
]


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A run that knows what it will say; notes what it is asked."""
    asked: dict[str, Any] = {"made": 0}

    def predict(pictures: Any, **words: Any) -> Iterator[Prediction]:
        asked.update(words, pictures=list(pictures))
        for one in SAID:
            asked["made"] += 1
            yield one

    monkeypatch.setattr(runs, "load", lambda path: types.SimpleNamespace(classes=("cat", "dog"), predict=predict))
    return asked


def written(form: Any, **options: Any) -> tuple[str, list[tuple[str, str]], Any]:
    file, left_out = io.StringIO(), []
    done = predict_to(
        file, "run", ["pictures"], form=form, left_out=lambda path, reason: left_out.append((path, reason)), **options
    )
    return file.getvalue(), left_out, done


def test_csv_reads_back_exactly() -> None:
    text, left_out, done = written("csv")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == ["path", "label", "probability", "top5"]
    assert [row["path"] for row in rows] == ["one.jpg", ODD]
    assert [float(row["probability"]) for row in rows] == [2 / 3, 0.1 + 0.2]
    assert json.loads(rows[1]["top5"]) == [["dog", 0.1 + 0.2], ["cat", 0.7]]
    assert left_out == [("broken.jpg", "it is cut short")]
    assert (done.pictures, done.left_out) == (2, 1)


def test_json_lines_read_back_exactly() -> None:
    text, _, _ = written("jsonl", top=2)
    rows = [json.loads(line) for line in text.splitlines()]
    assert rows[0] == {
        "path": "one.jpg",
        "label": "cat",
        "probability": 2 / 3,
        "top2": [["cat", 2 / 3], ["dog", 1 / 3]],
    }
    assert rows[1]["path"] == ODD


def test_table_is_for_reading() -> None:
    text, _, _ = written("table")
    assert text.splitlines()[1] == "cat     66.67%  one.jpg  (dog 33.3%)"


def test_nothing_readable_is_still_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("test_ship_predict.SAID", [SAID[1]])
    assert written("csv", top=3)[0] == "path,label,probability,top3\n"
    assert written("jsonl")[0] == ""


def test_a_mistake_in_the_paths_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pictures: Any, **options: Any) -> Iterator[Prediction]:
        raise ValueError("there is no file x")
        yield

    monkeypatch.setattr(runs, "load", lambda path: types.SimpleNamespace(classes=("cat",), predict=refuse))
    file = io.StringIO()
    with pytest.raises(ValueError, match="no file x"):
        predict_to(file, "run", ["x"], form="csv", left_out=lambda path, reason: None)
    assert file.getvalue() == ""


def test_a_file_keeps_names_that_are_no_text(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    predict_to(target, "run", ["x"], form="csv", left_out=lambda path, reason: None)
    assert b"\xe4.jpg" in target.read_bytes()


def test_written_as_they_come(stand_in: dict[str, Any]) -> None:
    """The first line is out before the second picture is looked at."""

    class Watched(io.StringIO):
        def write(self, text: str) -> int:
            seen.append((stand_in["made"], text))
            return super().write(text)

    seen: list[tuple[int, str]] = []
    predict_to(Watched(), "run", ["x"], form="jsonl", top=3, device="cpu", left_out=lambda path, reason: None)
    assert [made for made, _ in seen] == [1, 3]
    assert (stand_in["pictures"], stand_in["top"], stand_in["device"]) == (["x"], 3, "cpu")


def test_a_place_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot write .*out\.csv: No such file or directory"):
        predict_to(tmp_path / "no" / "out.csv", "run", ["x"], left_out=lambda path, reason: None)
