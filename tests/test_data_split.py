"""Are pictures split as promised: stratified, seeded, equal files on one side, by content and not by order?"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.data.split import SELECT, TEST, TRAIN, VAL, assign


def hashes(contents: list[int]) -> np.ndarray:
    return np.array([list(hashlib.sha256(str(one).encode()).digest()) for one in contents], np.uint8).reshape(-1, 32)


def ungiven(count: int) -> np.ndarray:
    return np.full(count, -1, np.int8)


def counts(roles: np.ndarray, labels: np.ndarray, label: int) -> list[int]:
    return np.bincount(roles[labels == label], minlength=4).tolist()


@pytest.mark.parametrize("given_train", [False, True])
def test_nothing_given_is_80_10_10_of_every_class(given_train: bool) -> None:
    labels = np.repeat([0, 1, 2], [100, 50, 21])
    given = np.zeros(171, np.int8) if given_train else ungiven(171)
    split = assign(labels, given, hashes(list(range(171))), 0)
    assert counts(split.roles, labels, 0) == [80, 0, 10, 10]
    assert counts(split.roles, labels, 1) == [40, 0, 5, 5]
    assert counts(split.roles, labels, 2) == [17, 0, 2, 2]
    assert (split.evaluated, split.note, split.selects) == ("test", "", True)
    assert "80% train" in split.rule


def test_fewer_than_20_a_class_are_75_25_and_none_select() -> None:
    labels = np.repeat([0, 1], [19, 20])
    split = assign(labels, ungiven(39), hashes(list(range(39))), 0)
    assert counts(split.roles, labels, 0) == [14, 0, 5, 0]
    assert counts(split.roles, labels, 1) == [15, 0, 5, 0]
    assert not split.selects
    assert "75% train" in split.rule
    labels = np.repeat([0, 1], 20)
    assert assign(labels, ungiven(40), hashes(list(range(40))), 0).selects


def test_train_and_val_as_given() -> None:
    given = np.array([0] * 30 + [1] * 6, np.int8)
    split = assign(np.arange(36) % 2, given, hashes(list(range(36))), 0)
    assert split.roles.tolist() == given.tolist()
    assert (split.evaluated, split.note, split.selects) == ("val", "also used for selection", True)


def test_train_and_test_carve_a_tenth_of_train() -> None:
    labels = np.arange(120) % 2
    given = np.array([0] * 100 + [2] * 20, np.int8)
    split = assign(labels, given, hashes(list(range(120))), 0)
    assert (split.roles[100:] == TEST).all()
    assert counts(split.roles[:100], labels[:100], 0) == [45, 0, 0, 5]
    assert (split.evaluated, split.note, split.selects) == ("test", "", True)
    assert "10% of train selects" in split.rule


def test_all_three_as_named() -> None:
    given = np.array([0, 0, 1, 1, 2, 2], np.int8)
    split = assign(np.array([0, 1] * 3), given, hashes(list(range(6))), 0)
    assert split.roles.tolist() == given.tolist()
    assert (split.evaluated, split.note, split.selects) == ("test", "", True)


def test_without_train_nothing_selects() -> None:
    split = assign(np.array([0, 1]), np.array([VAL, VAL], np.int8), hashes([0, 1]), 0)
    assert (split.evaluated, split.note, split.selects) == ("val", "", False)


def test_half_given_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 3 pictures name no split"):
        assign(np.array([0, 1, 1]), np.array([0, -1, 2], np.int8), hashes([0, 1, 2]), 0)


def test_test_pictures_that_are_also_trained_on_are_counted() -> None:
    given = np.array([0] * 20 + [2, 2, 2], np.int8)
    split = assign(np.arange(23) % 2, given, hashes([*range(20), 3, 3, 99]), 0)
    assert "2 pictures of test are byte for byte also in train" in split.rule
    assert "byte for byte" not in assign(np.arange(23) % 2, given, hashes(list(range(23))), 0).rule


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=200),
    st.integers(0, 2**63),
    st.randoms(use_true_random=False),
)
def test_equal_files_are_on_one_side_and_the_order_of_rows_does_not_matter(rows, seed, random) -> None:  # type: ignore[no-untyped-def]
    labels, contents = np.array([row[0] for row in rows]), [row[1] for row in rows]
    roles = assign(labels, ungiven(len(rows)), hashes(contents), seed).roles
    for content in set(contents):
        assert len({int(role) for role, one in zip(roles, contents, strict=True) if one == content}) == 1
    order = list(range(len(rows)))
    random.shuffle(order)
    shuffled = assign(labels[order], ungiven(len(rows)), hashes([contents[place] for place in order]), seed).roles
    assert (shuffled == roles[order]).all()
    lone = {
        label for label in set(labels.tolist()) if len({c for x, c in rows if x == label}) > 2 and len(set(labels)) == 1
    }
    for label in lone:
        assert {TRAIN, TEST} <= set(roles[labels == label].tolist())


def test_another_seed_is_another_split_and_classes_are_independent() -> None:
    labels = np.repeat(np.arange(4), 50)
    first, second = (assign(labels, ungiven(200), hashes(list(range(200))), seed).roles for seed in (0, 1))
    assert (first != second).any()
    fewer = assign(labels[:100], ungiven(100), hashes(list(range(100))), 0).roles
    assert (fewer == first[:100]).all(), "other classes do not move a class's pictures"


def test_the_draw_is_spread_evenly() -> None:
    tested = np.zeros(200)
    for seed in range(200):
        tested += assign(np.zeros(200, int), ungiven(200), hashes(list(range(200))), seed).roles == TEST
    # 200 draws with chance 0.1: mean 20, deviation 4.2; the largest of 200 such numbers stays below 5 deviations.
    assert tested.mean() == 20
    assert 3.0 < tested.std() < 5.5
    assert tested.min() > 2
    assert tested.max() < 42


def test_select_is_its_own_role() -> None:
    assert (TRAIN, VAL, TEST, SELECT) == (0, 1, 2, 3)
