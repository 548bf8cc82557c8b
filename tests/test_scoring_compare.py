"""Are two tables of predictions matched picture by picture, and is what they differ in told?"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from alexnet.scoring.compare import Answers, compare, from_probabilities, from_table, write_differing
from alexnet.scoring.paired import mcnemar
from alexnet.scoring.tables import read_predictions, write_predictions
from alexnet.scoring.tally import points

CLASSES = ["cat", "a:b;c,d", "dog", "éclair", "five", "six", "seven"]


def said(n: int = 60, *, seed: int = 0, good: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels, right on about `good` of the pictures."""
    labels = np.arange(n) % len(CLASSES)
    numbers = np.random.default_rng(seed)
    probabilities = numbers.dirichlet(np.ones(len(CLASSES)), n)
    lucky = numbers.random(n) < good
    probabilities[lucky, labels[lucky]] += 1
    return probabilities / probabilities.sum(1, keepdims=True), labels


def answers(name: str, n: int = 60, first: int = 0, **how: float) -> Answers:
    probabilities, labels = said(n, **how)  # type: ignore[arg-type]
    paths = [f"{i + first}.jpg" for i in range(n)]
    return from_probabilities(name, "test, centre crop", paths, CLASSES, probabilities, labels)


def test_a_table_says_what_the_network_said(tmp_path: Path) -> None:
    probabilities, labels = said()
    probabilities[3] = 1 / 7  # all equal: what ties beyond the fifth is not in the table
    probabilities[4] = [0.3, 0.3, 0.1, 0.1, 0.1, 0.06, 0.04]
    paths = [f"{i}, é.jpg" for i in range(59)] + ["odd \udcff.jpg"]
    write_predictions(tmp_path / "p.csv", paths, probabilities, CLASSES, labels)
    found = from_table("a", "", read_predictions(tmp_path / "p.csv"))
    made = from_probabilities("a", "", paths, CLASSES, probabilities, labels)
    assert (found.paths, found.true, found.label) == (made.paths, made.true, made.label)
    same = np.arange(60) != 3
    assert np.array_equal(found.top1[same], points(probabilities, labels)[same])
    assert found.top5 is not None
    assert np.array_equal(found.top5[same], points(probabilities, labels, 5)[same])
    assert found.top1[3] == 1 / 5


def test_a_table_of_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("﻿label,true,path,more\ncat,cat,1.jpg,x\ndog,cat,2.jpg,y\n", encoding="utf-8")
    found = from_table("theirs", "", read_predictions(tmp_path / "p.csv"))
    assert found.top1.tolist() == [1, 0]
    assert found.top5 is None
    assert compare(found, found).top5 is None


TABLES = [
    ("path,label\n1,cat\n", "no column 'true'; a table to compare has path, true and label"),
    ("", "no column 'path'"),
    ("path,true,label\n1,cat,cat\n1,cat,dog\n", "tells 1 times of a picture that it has told of before"),
    ("path,true,label,probability\n1,cat,cat,high\n", "line 2 of"),
    ("path,true,label,top5\n1,cat,cat,cat:0.5;dog:0.2\n", "top5 a JSON list"),
    ("path,true,label\n1,cat\n", "line 2 of"),
    ('path,true,label\n1,cat,"cat\n', "is no table of predictions"),
]


@pytest.mark.parametrize(("text", "said"), TABLES, ids=range(len(TABLES)))
def test_a_table_that_cannot_be_read_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        read_predictions(tmp_path / "p.csv")
    with pytest.raises(ValueError, match="cannot read"):
        read_predictions(tmp_path / "none.csv")


def test_pictures_are_matched_by_path_in_any_order(tmp_path: Path) -> None:
    a, b = answers("a"), answers("b", seed=1)
    order = np.random.default_rng(2).permutation(60)
    mixed = Answers(
        name="b",
        about=b.about,
        paths=[b.paths[i] for i in order],
        true=[b.true[i] for i in order],
        label=[b.label[i] for i in order],
        top1=b.top1[order],
        top5=None if b.top5 is None else b.top5[order],
    )
    assert compare(a, mixed).to_dict() == compare(a, b).to_dict()
    found = compare(a, b)
    assert found.top1.only_a == sum(x > y for x, y in zip(a.top1, b.top1, strict=True))
    assert found.top5 is not None
    write_differing(tmp_path / "d.csv", found)
    with (tmp_path / "d.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "true", "a", "b", "right"]
    assert len(rows) == sum(x != y for x, y in zip(a.label, b.label, strict=True))
    for row in rows:
        i = int(row["path"].removesuffix(".jpg"))
        right = (a.label[i] == a.true[i], b.label[i] == b.true[i])
        assert (row["a"], row["b"], row["true"]) == (a.label[i], b.label[i], a.true[i])
        assert row["right"] == {(True, False): "A", (False, True): "B", (False, False): "neither"}[right]


def test_one_with_itself_does_not_differ() -> None:
    found = compare(answers("a"), answers("a"))
    assert found.differing == []
    assert found.verdict.startswith("no difference can be told with 60 pictures: both make equally many errors;")
    assert all(one.p == one.corrected == 1 for one in found.classes)


def test_the_better_one_is_named_whichever_way_round() -> None:
    weak, strong = answers("weak", 400, good=0.4), answers("strong", 400, good=0.9, seed=3)
    one, other = compare(weak, strong), compare(strong, weak)
    assert one.verdict.startswith("B is better: ")
    assert other.verdict == one.verdict.replace("B is", "A is", 1)
    assert "p<.001, 400 pictures" in one.verdict
    low, high = one.top1.difference.low, one.top1.difference.high
    assert f"[{low:.1f}, {high:.1f}]" in one.verdict
    assert one.verdict == one.lines()[-1] == one.to_dict()["verdict"]


def test_classes_are_tested_and_corrected() -> None:
    a, b = answers("a", 400, good=0.4), answers("b", 400, good=0.9, seed=3)
    found = compare(a, b)
    assert {one.name for one in found.classes} == set(CLASSES)
    for one in found.classes:
        inside = [i for i, true in enumerate(a.true) if true == one.name]
        only_a = sum(a.top1[i] > b.top1[i] for i in inside)
        only_b = sum(b.top1[i] > a.top1[i] for i in inside)
        assert (one.n, one.only_a, one.only_b) == (len(inside), only_a, only_b)
        assert one.p == mcnemar(only_a, only_b) <= one.corrected <= 1
    assert [one.p for one in found.classes] == sorted(one.p for one in found.classes)
    assert "corrected by Holm's rule for looking at 7 classes" in "\n".join(found.lines())


def test_other_pictures_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="A tells of 60 pictures, B of 60, and 0 paths are in both"):
        compare(answers("a"), answers("b", first=100))
    with pytest.raises(ValueError, match=r"50 paths are in both; --common compares on those alone"):
        compare(answers("a"), answers("b", n=50))
    shorter = answers("b", n=50, seed=1)
    found = compare(answers("a"), shorter, common=True)
    assert (found.n, found.left_a, found.left_b) == (50, 10, 0)
    assert "left aside: 10 pictures that only A tells of" in "\n".join(found.lines())
    assert compare(answers("a"), answers("b", n=55, seed=1)).n == 55
    with pytest.raises(ValueError, match="true class differs for 59 of 59 pictures"):
        compare(answers("a"), answers("b", first=1), common=True)
