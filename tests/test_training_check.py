"""Does `check` ask a run about its labels, each split by itself, and say of which the network was trained on?"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet.cli.main import main
from alexnet.data.sources.digits import list_digits
from alexnet.training import label_errors as judging
from alexnet.training.evaluate import evaluate_rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two steps on a list of 240 digits, a third of them in val."""
    folder = tmp_path_factory.mktemp("digits")
    listing = list_digits()
    with (folder / "list.csv").open("w") as file:
        file.write("path,label,split\n")
        for row in range(240):
            (folder / f"{row}.png").write_bytes(listing.reader().read(row))
            file.write(f"{row}.png,{listing.classes[listing.labels[row]]},{'train' if row % 3 else 'val'}\n")
    words = ["--epochs", "1", "--threads", "1", "--device", "cpu", "--quiet"]
    assert main(["train", str(folder / "list.csv"), "--out", str(folder / "run"), "--train.steps", "2", *words]) == 0
    return folder / "run"


def told_by(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["check", *words, "--device", "cpu", "--threads", "1", "--quiet", "--exact-only"]) == 0
    return capsys.readouterr().out


def test_flipped_labels_are_told(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A network that is right everywhere stands in for the run's, and five labels of val are others."""
    evaluated = evaluate_rows

    def knowing(*arguments: object, **options: object) -> object:
        found = evaluated(*arguments, **options)  # type: ignore[arg-type]
        labels = found.predictions.labels
        right = np.eye(10)[labels] * 0.8 + 0.02
        if options["split"] == "val":
            labels[:5] = (labels[:5] + 1) % 10
        found.predictions.probabilities[:] = right
        return found

    monkeypatch.setattr(judging, "evaluate_rows", knowing)
    text = told_by([str(run), "--out", str(tmp_path / "out")], capsys)
    assert "likely label errors in val: 5 of 80 pictures (not trained on; centre crop" in text
    assert "likely label errors in train: 0 of 160 pictures (trained on" in text
    rows = list(csv.DictReader((tmp_path / "out" / "label_errors.csv").read_text().splitlines()))
    assert [row["path"] for row in rows] == ["0.png", "3.png", "6.png", "9.png", "12.png"]
    for row in rows:
        assert (int(row["suggested"]) + 1) % 10 == int(row["given"])
        assert float(row["confidence"]) == pytest.approx(0.8)
        assert (row["split"], row["trained_on"]) == ("val", "")
    with Image.open(tmp_path / "out" / "label_errors_val.png") as figure:
        assert figure.width > 500
    assert not (tmp_path / "out" / "label_errors_train.png").exists()


def test_source_and_run_together(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same as the run alone; as JSON; a run of other pictures is refused."""
    source = str(run.parent / "list.csv")
    alone = json.loads(told_by([str(run), "--json"], capsys))
    both = json.loads(told_by([source, "--run", str(run), "--json"], capsys))
    assert alone == both
    assert [(one["split"], one["trained_on"], one["n"]) for one in both["label_errors"]] == [
        ("val", False, 80),
        ("train", True, 160),
    ]
    assert main(["check", "digits", "--run", str(run)]) == 2
    assert "was trained on" in capsys.readouterr().err
    assert main(["check", str(run), "--run", str(run)]) == 2
