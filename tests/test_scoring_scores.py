"""Are errors counted as in 2012, intervals right, and parts exactly mergeable?"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.scoring.scores import Scores, calibration, confusion, merge, most_confused, per_class, score
from alexnet.scoring.tally import points, wilson


def expected_points(row: list[float], label: int, k: int) -> Fraction:
    """The tie rule restated: the chance to be among the first k, if equal classes are put in a random order."""
    orders = [
        order
        for order in itertools.permutations(range(len(row)))
        if all(row[a] >= row[b] for a, b in itertools.pairwise(order))
    ]
    return Fraction(sum(label in order[:k] for order in orders), len(orders))


def counted(probabilities: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The program's kernel restated with plain loops: error in percent."""
    total = 0.0
    for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True):
        bigger = equal = 0
        for value in row:
            bigger += value > row[label]
            equal += value == row[label]
        slots_left = k - bigger
        total += 0 if slots_left <= 0 else 1 if slots_left >= equal else slots_left / equal
    return 100 * (1 - total / len(labels))


# Few different values make many ties; sixteenths are exact in float64 and float32.
sixteenths = st.integers(0, 4).map(lambda value: value / 16)


@st.composite
def predictions(draw: st.DrawFn, most: int = 12) -> tuple[np.ndarray, np.ndarray]:
    classes, n = draw(st.integers(2, 7)), draw(st.integers(1, most))
    rows = draw(st.lists(st.lists(sixteenths, min_size=classes, max_size=classes), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n))
    return np.array(rows), np.array(labels)


def of(probabilities: np.ndarray, labels: np.ndarray, note: str = "") -> Scores:
    return score(probabilities, labels, split="val", protocol="centre", note=note)


@pytest.mark.fidelity(
    topic="equal probabilities",
    paper="not said",
    source="top-1: 1 / number of equal maxima; top-5: slots left / number of equals",
    others="the first of the equals is taken, so a constant output is right whenever class 0 is",
    option="always as the source did",
)
@settings(max_examples=60, deadline=None)
@given(row=st.lists(sixteenths, min_size=2, max_size=6), label=st.integers(0, 5), k=st.sampled_from([1, 2, 3, 5]))
def test_equals_share_their_slots(row: list[float], label: int, k: int) -> None:
    label %= len(row)
    assert points(np.array([row]), np.array([label]), k)[0] == pytest.approx(float(expected_points(row, label, k)))


@settings(max_examples=60, deadline=None)
@given(predictions())
def test_errors_are_those_of_the_plain_loops(data: tuple[np.ndarray, np.ndarray]) -> None:
    scores = of(*data)
    assert scores.top1_error.value == pytest.approx(counted(*data, k=1), abs=1e-10)
    assert scores.top5_error.value == pytest.approx(counted(*data, k=5), abs=1e-10)
    losses = [-math.log(max(row[label], 2.2250738585072014e-308)) for row, label in zip(*data, strict=True)]
    assert scores.loss == pytest.approx(math.fsum(losses) / len(losses), rel=1e-14)
    for error in (scores.top1_error, scores.top5_error):
        assert 0 <= error.low <= error.value <= error.high <= 100


def test_a_constant_output_scores_what_guessing_would() -> None:
    labels = np.arange(1000) % 10
    scores = of(np.full((1000, 10), 0.1), labels)
    assert (scores.top1_error.value, scores.top5_error.value) == (90, 50)
    assert of(np.full((1000, 10), 0.1, dtype=np.float32), labels).top1_error.value == 90


@pytest.mark.parametrize("classes", [2, 3, 4, 5])
def test_with_five_classes_or_fewer_top5_is_never_wrong(classes: int) -> None:
    probabilities = np.eye(classes)[np.arange(classes)]
    scores = of(probabilities, (np.arange(classes) + 1) % classes)
    assert (scores.top1_error.value, scores.top5_error.value) == (100, 0)
    assert "top-5" not in str(scores)
    assert "top5_error" in scores.to_dict()


@settings(max_examples=60, deadline=None)
@given(predictions(), st.data())
def test_parts_merge_to_the_whole_exactly(data: tuple[np.ndarray, np.ndarray], choice: st.DataObject) -> None:
    probabilities, labels = data
    probabilities = probabilities * np.pi / 4  # losses that are no round numbers
    cuts = choice.draw(st.lists(st.integers(0, len(labels)), max_size=3).map(sorted))
    pieces = [slice(a, b) for a, b in itertools.pairwise([0, *cuts, len(labels)]) if a < b]
    parts = [of(probabilities[piece], labels[piece]) for piece in choice.draw(st.permutations(pieces))]
    assert merge(parts) == of(probabilities, labels)


def test_many_parts_merge_exactly() -> None:
    """Sums of rounded sums would differ in the last digits; these do not, in any order."""
    generator = np.random.default_rng(0)
    probabilities, labels = generator.dirichlet(np.ones(7), 1000), generator.integers(0, 7, 1000)
    parts = [of(probabilities[i : i + 3], labels[i : i + 3]) for i in range(0, 1000, 3)]
    assert merge(reversed(parts)) == merge(parts) == of(probabilities, labels)


def test_what_differs_is_not_merged() -> None:
    one = of(np.eye(2), np.arange(2))
    other = score(np.eye(2), np.arange(2), split="test", protocol="centre")
    with pytest.raises(ValueError, match="one split and one protocol"):
        merge([one, other])
    with pytest.raises(ValueError, match="no scores"):
        merge([])


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # From the formula with 50 digits; 81 of 263 and 0 of 20 are the examples of Newcombe (1998, table I).
    [(81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (29, 29, 0.8830, 1.0)],
)
def test_intervals_are_wilsons(successes: int, n: int, low: float, high: float) -> None:
    interval = wilson(successes, n)
    assert interval.value == successes / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 100_000), st.floats(0, 1))
def test_intervals_hold_what_wilson_asks(n: int, share: float) -> None:
    """Each end is a share from which the measured one is exactly 1.96 standard errors away."""
    interval = wilson(share * n, n)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    for end in (interval.low, interval.high):
        if 0 < end < 1:
            assert (interval.value - end) ** 2 == pytest.approx(
                1.959963984540054**2 * end * (1 - end) / n, rel=1e-6, abs=1e-14
            )
    other = wilson(n - share * n, n)
    assert (1 - other.high, 1 - other.low) == pytest.approx((interval.low, interval.high), abs=1e-12)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_output_that_is_not_finite_is_counted_and_refused(value: float) -> None:
    probabilities = np.full((476, 4), 0.25)
    probabilities[[3, 8, 9], [0, 1, 2]] = value
    probabilities[3, 1] = value
    with pytest.raises(ValueError, match="not finite for 3 of 476 pictures"):
        of(probabilities, np.zeros(476, int))


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        of(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ValueError, match=r"0 to 2; 2 of 3"):
        of(np.full((3, 3), 1 / 3), np.array([0, 3, -1]))
    with pytest.raises(ValueError, match=r"\(3, 3\) and \(2,\)"):
        of(np.full((3, 3), 1 / 3), np.array([0, 1]))
    with pytest.raises(ValueError, match="did you mean 'centre'"):
        score(np.eye(2), np.arange(2), split="val", protocol="center")


def test_a_probability_that_underflows_costs_a_finite_loss() -> None:
    scores = of(np.array([[1.0, 0.0]]), np.array([1]))
    assert scores.loss == pytest.approx(708.396, abs=1e-3)


def test_the_line_for_people_says_all_that_belongs_to_a_number() -> None:
    labels = np.zeros(476, int)
    probabilities = np.tile([0.6, 0.1, 0.1, 0.1, 0.1], (476, 1))
    probabilities[:120] = [0.1, 0.6, 0.1, 0.1, 0.1]
    line = str(of(probabilities, labels, note="also used for selection"))
    assert line == "top-1 error 25.2% [21.5, 29.3] on val (476 pictures, centre crop; also used for selection)"
    wide = np.zeros((1476, 10))
    wide[:, 1] = 1
    line = str(score(wide, np.ones(1476, int), split="test", protocol="ten"))
    assert line == "top-1 error 0.0% [0.0, 0.3], top-5 error 0.0% [0.0, 0.3] on test (1,476 pictures, ten views)"


def test_the_form_for_json() -> None:
    values = of(np.full((10, 10), 0.1), np.arange(10)).to_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert list(values) == ["split", "protocol", "n", "top1_error", "top5_error", "loss"]
    assert list(values["top1_error"]) == ["value", "low", "high"]
    assert (values["split"], values["protocol"], values["n"]) == ("val", "centre", 10)
    assert values["top1_error"]["value"] == 90
    assert values["loss"] == pytest.approx(math.log(10))
    assert of(np.eye(2), np.arange(2), note="also used for selection").to_dict()["note"] == "also used for selection"


def test_scores_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        of(np.eye(2), np.arange(2)).n = 3  # type: ignore[misc]


@settings(max_examples=40, deadline=None)
@given(predictions(most=30))
def test_classes_one_by_one(data: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, labels = data
    classes = probabilities.shape[1]
    taken = [row.index(max(row)) for row in probabilities.tolist()]  # of equals the first
    matrix = confusion(probabilities, labels, classes)
    assert matrix.sum() == len(labels)
    for i, one in enumerate(per_class(probabilities, labels, [f"c{i}" for i in range(classes)])):
        hits = sum(a == b == i for a, b in zip(labels.tolist(), taken, strict=True))
        assert (one.name, one.n, one.predicted) == (f"c{i}", (labels == i).sum(), taken.count(i))
        assert one.recall == (hits / one.n if one.n else pytest.approx(math.nan, nan_ok=True))
        assert one.precision == (hits / one.predicted if one.predicted else pytest.approx(math.nan, nan_ok=True))
        if hits:
            assert one.f1 == pytest.approx(2 * one.precision * one.recall / (one.precision + one.recall))
        for j in range(classes):
            assert matrix[i, j] == sum(a == i and b == j for a, b in zip(labels.tolist(), taken, strict=True))


def test_the_worst_mistakes_come_first() -> None:
    matrix = np.array([[9, 1, 0], [4, 90, 4], [0, 4, 4]])
    found = [(one.true, one.predicted, one.n) for one in most_confused(matrix, ["a", "b", "c"])]
    assert found == [("c", "b", 4), ("b", "a", 4), ("b", "c", 4), ("a", "b", 1)]
    assert most_confused(matrix, ["a", "b", "c"], top=1)[0].share == 0.5


def test_calibration_is_that_of_a_plain_loop() -> None:
    generator = np.random.default_rng(1)
    probabilities, labels = generator.dirichlet(np.ones(4), 500), generator.integers(0, 4, 500)
    found = calibration(probabilities, labels, bins=7)
    error = 0.0
    for i, one in enumerate(found.bins):
        inside = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if i / 7 < row.max() <= (i + 1) / 7
        ]
        assert one.n == len(inside)
        if inside:
            confidence, accuracy = np.mean([a for a, _ in inside]), np.mean([b for _, b in inside])
            assert (one.confidence, one.accuracy) == pytest.approx((confidence, accuracy))
            error += len(inside) / 500 * abs(confidence - accuracy)
    assert found.ece == pytest.approx(error)


def test_a_classifier_that_knows_what_it_knows_is_calibrated() -> None:
    generator = np.random.default_rng(2)
    probabilities = generator.dirichlet(np.ones(3), 20_000)
    labels = (generator.random((20_000, 1)) > probabilities.cumsum(1)).sum(1).clip(0, 2)
    assert calibration(probabilities, labels).ece < 0.015
    assert calibration(probabilities, np.zeros(20_000, int)).ece > 0.2
    assert calibration(np.eye(3), np.arange(3)).ece == 0
