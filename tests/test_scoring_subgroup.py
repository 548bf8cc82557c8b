"""Are the errors over some of the classes those of these pictures, among all classes and among themselves?"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from alexnet.scoring.subgroup import group_scores, read_groups
from alexnet.scoring.tally import wilson

CLASSES = [f"c{i}" for i in range(9)]
DOGS = ["c7", "c1", "c2", "c4", "c5", "c8", "c1"]


def said(n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    numbers = np.random.default_rng(0)
    probabilities, labels = numbers.dirichlet(np.ones(9), n), numbers.integers(0, 9, n)
    lucky = numbers.random(n) < 0.4
    probabilities[lucky, labels[lucky]] += 1
    return probabilities / probabilities.sum(1, keepdims=True), labels


def test_a_group_is_scored_as_a_plain_loop_does() -> None:
    probabilities, labels = said()
    found = group_scores(probabilities, labels, CLASSES, "dogs", DOGS)
    inside = sorted({int(name[1]) for name in DOGS})
    n = wrong1 = wrong5 = alone1 = alone5 = stays = 0
    for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True):
        if label not in inside:
            continue
        n += 1
        ranked = sorted(range(9), key=lambda i: -row[i])
        wrong1, wrong5 = wrong1 + (ranked[0] != label), wrong5 + (label not in ranked[:5])
        own = [i for i in ranked if i in inside]
        alone1, alone5 = alone1 + (own[0] != label), alone5 + (label not in own[:5])
        stays += ranked[0] != label and ranked[0] in inside
    assert (found.n, found.wrong, found.classes, found.all_classes) == (n, wrong1, 6, 9)
    for one, count in (
        (found.top1_error, wrong1),
        (found.top5_error, wrong5),
        (found.restricted_top1_error, alone1),
        (found.restricted_top5_error, alone5),
    ):
        share = wilson(count, n)
        assert (one.value, one.low, one.high) == pytest.approx((100 * share.value, 100 * share.low, 100 * share.high))
    assert found.inside is not None
    assert found.inside.value == pytest.approx(100 * stays / wrong1)
    assert found.restricted_top1_error.value <= found.top1_error.value
    text = "\n".join(found.lines("test", "centre crop"))
    assert f"dogs: 6 classes, {n} pictures of test, centre crop" in text
    assert text.count("top-5") == 2
    assert (
        json.loads(json.dumps(found.to_dict()))["restricted_top1_error"]["value"] == found.restricted_top1_error.value
    )


def test_all_classes_as_a_group_are_the_whole() -> None:
    probabilities, labels = said()
    found = group_scores(probabilities, labels, CLASSES, "all", CLASSES)
    assert found.n == 200
    assert found.restricted_top1_error == found.top1_error
    assert found.inside is not None
    assert found.inside.value == 100


def test_a_group_of_one_class_is_never_wrong_among_itself() -> None:
    probabilities, labels = said()
    found = group_scores(probabilities, labels, CLASSES, "one", ["c3"])
    assert found.restricted_top1_error.value == 0
    assert found.inside is not None
    assert found.inside.value == 0
    assert "1 class," in found.lines("test", "ten views")[0]
    right = group_scores(np.eye(9), np.arange(9), CLASSES, "one", ["c3"])
    assert right.inside is None
    assert right.to_dict()["inside"] is None


def test_what_is_no_class_or_has_no_picture_is_refused() -> None:
    probabilities, labels = said()
    with pytest.raises(ValueError, match="names 'c11', which is no class of the network; did you mean 'c1'"):
        group_scores(probabilities, labels, CLASSES, "dogs", ["c11"])
    with pytest.raises(ValueError, match="no picture evaluated is of a class of the group 'dogs'"):
        group_scores(probabilities, np.zeros(200, int), CLASSES, "dogs", ["c3"])
    with pytest.raises(ValueError, match="names no class"):
        group_scores(probabilities, labels, CLASSES, "dogs", [])


def test_groups_from_words_and_files(tmp_path: Path) -> None:
    table, lists = tmp_path / "g.csv", tmp_path / "g.json"
    table.write_text('group,class\ndogs,"pug, small"\ncats,tabby\ndogs,husky\n')
    lists.write_text('{"birds": ["wren", "a=b"]}')
    assert read_groups(["dogs= beagle , boxer", str(table), str(lists)]) == {
        "dogs": ["beagle", "boxer", "pug, small", "husky"],
        "cats": ["tabby"],
        "birds": ["wren", "a=b"],
    }
    assert read_groups([]) == {}


@pytest.mark.parametrize("word", ["dogs", "=a", "dogs=", "dogs=, ,", "no-such.csv"])
def test_words_that_name_no_group_are_refused(word: str) -> None:
    with pytest.raises(ValueError, match="--subgroup takes NAME=class,class"):
        read_groups([word])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "name,class\nx,y\n"),
        ("b.csv", "group,class\n"),
        ("c.csv", "group,class\nx\n"),
        ("d.json", "[1]"),
        ("e.json", '{"a": "b"}'),
        ("f.json", "{"),
        ("g.csv", ""),
    ],
)
def test_files_that_hold_no_groups_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="holds no groups"):
        read_groups([str(tmp_path / name)])
