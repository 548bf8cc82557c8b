"""Are the best, the worst and the most confused pictures those that they are said to be, from the table or computed?"""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from alexnet.insight import predictions as topic
from alexnet.insight.held_out import HeldOut, held_out
from alexnet.insight.judged import Judged, judge, tops, with_own
from alexnet.insight.predictions import best, costliest, most_confused, worst
from alexnet.training.evaluate import evaluate
from alexnet.training.run import Run, load
from alexnet.training.start import train
from conftest import draw_folder


def judged(said: Sequence[tuple[str, str, float, float]]) -> Judged:
    """Of (true, named, how sure, true class's probability)."""
    return Judged(
        pictures=None,  # type: ignore[arg-type]
        true=[one[0] for one in said],
        top=[((one[1], one[2]), ("other", 0.0)) for one in said],
        own=np.array([one[3] for one in said]),
    )


PLANTED = judged(
    [
        ("cat", "cat", 0.6, 0.6),
        ("cat", "dog", 0.7, 0.2),
        ("cat", "dog", 0.9, 0.05),
        ("dog", "dog", 0.99, 0.99),
        ("dog", "cat", 0.5, 0.45),
        ("dog", "fox", 0.8, math.nan),
        ("fox", "fox", 0.4, 0.4),
    ]
)


def test_planted_mistakes_are_found() -> None:
    assert best(PLANTED).tolist() == [3, 0, 6]
    assert worst(PLANTED).tolist() == [2, 5, 1, 4]
    assert costliest(PLANTED).tolist() == [2, 1, 6, 4, 0, 3]
    found = most_confused(PLANTED)
    assert found is not None
    assert (found.true, found.predicted, found.n, found.of) == ("cat", "dog", 2, 3)
    assert found.places == (2, 1)
    assert most_confused(judged([("a", "a", 0.5, 0.5)])) is None


def test_of_equally_frequent_mistakes_the_larger_share_counts() -> None:
    rows = [("a", "b", 0.5, 0.1), ("a", "a", 0.5, 0.5), ("c", "b", 0.5, 0.1)]
    found = most_confused(judged(rows))
    assert found is not None
    assert found.true == "c"


def test_the_most_probable_come_first_and_of_equals_the_first_class() -> None:
    (top,) = tops(np.array([[0.2, 0.4, 0.2, 0.1, 0.1, 0.0]]), ("a", "b", "c", "d", "e", "f"))
    assert [name for name, _ in top] == ["b", "a", "c", "d", "e"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Seven classes, so that the table of five leaves some true classes out; of shapes that repeat, so it errs."""
    pictures = draw_folder(tmp_path_factory.mktemp("seven"), classes=tuple("abcdefg"), each=20)
    changes = {"train.epochs": 1, "data.size": 28, "augment.crop": 24, "augment.pad": 0, "model.width": 0.25}
    out = tmp_path_factory.mktemp("run") / "a"
    return train(pictures, out=out, recipe="digits", changes=changes, device="cpu", threads=1)


def test_the_table_and_the_computation_agree(run: Run, tmp_path: Path) -> None:
    listed = judge(run)
    assert listed.pictures.total == len(listed) == run.results["scores"][0]["n"]
    shutil.copytree(run.folder, tmp_path / "b")
    (tmp_path / "b" / "predictions.csv").unlink()
    computed = judge(load(tmp_path / "b"))
    assert computed.true == listed.true
    assert [[name for name, _ in top] for top in computed.top] == [[name for name, _ in top] for top in listed.top]
    assert computed.sure == pytest.approx(listed.sure)
    assert np.isnan(listed.own).any()
    assert with_own(run, listed).own == pytest.approx(computed.own)
    assert int(np.isnan(with_own(run, listed, limit=1).own).sum()) == int(np.isnan(listed.own).sum()) - 1
    assert 100 * computed.wrong.mean() == pytest.approx(evaluate(run).scores.top1_error.value, abs=1e-6)


def test_a_table_of_other_pictures_is_not_believed(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "b")
    table = tmp_path / "b" / "predictions.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert judge(load(tmp_path / "b"), limit=5).pictures.total == len(lines) - 1
    assert len(judge(load(tmp_path / "b"), limit=5)) == 5


def test_held_out_pictures_are_drawn_by_the_seed(run: Run) -> None:
    some = held_out(run, limit=4)
    assert isinstance(some, HeldOut)
    assert some.rows.tolist() == held_out(run, limit=4).rows.tolist()
    assert set(some.rows) <= set(held_out(run, limit=9).rows) <= set(run.data().rows(some.split))
    assert str(some).startswith(f"{some.split}, 4 of its {some.total} pictures, centre crop")
    assert str(held_out(run)).startswith(f"{some.split}, {some.total} pictures, centre crop")


def test_the_pages_of_a_run(run: Run) -> None:
    pages = {page.name: page for page in topic.panels(run)}
    names = ["predictions", "predictions_best", "predictions_worst", "predictions_confused", "predictions_losses"]
    assert [name for name in names if name in pages] == list(pages)
    assert {"predictions", "predictions_worst", "predictions_losses"} <= set(pages)
    losses = [one["probability_of_true"] for one in pages["predictions_losses"].numbers["shown"]]
    assert losses == sorted(losses)
    confused = pages["predictions_confused"].numbers
    assert all(one["true"] == confused["confused"]["true"] for one in confused["shown"])
    assert all(one["top"][0][0] == confused["confused"]["predicted"] for one in confused["shown"])
    again = {page.name: page for page in topic.panels(run)}
    assert {name: page.numbers for name, page in pages.items()} == {name: page.numbers for name, page in again.items()}
