"""Is a temperature the one that fits best, fitted on other pictures than it is reported on, and harmless to ranks?"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.scoring.calibrate import (
    cross_fitted,
    fit_temperature,
    folds_of,
    mended,
    reliability,
    temper,
)
from alexnet.scoring.resample import TIMES, between, lots, picks, reflected


def drawn(n: int, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are exactly right: labels drawn from them."""
    numbers = np.random.default_rng(seed)
    probabilities = numbers.dirichlet(np.ones(classes) * 0.6, n)
    labels = (numbers.random((n, 1)) > probabilities.cumsum(1)).sum(1).clip(0, classes - 1)
    return probabilities, labels


def loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float(-np.log(probabilities[np.arange(len(labels)), labels]).mean())


rows = st.lists(st.floats(1e-12, 1), min_size=3, max_size=3).map(lambda row: (np.array(row) / sum(row)).tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5), st.floats(0.1, 10))
def test_tempered_as_logits_divided(data: list[list[float]], temperature: float) -> None:
    probabilities = np.array(data)
    found = temper(probabilities, temperature)
    for row, made in zip(data, found.tolist(), strict=True):
        raised = [math.log(value) / temperature for value in row]
        most = max(raised)
        whole = math.fsum(math.exp(value - most) for value in raised)
        assert made == pytest.approx([math.exp(value - most) / whole for value in raised], rel=1e-9, abs=1e-300)
    for before, after in zip(probabilities, found, strict=True):
        order = np.argsort(before, kind="stable")
        assert (np.diff(after[order]) >= 0).all(), "no class overtakes another"


def test_temperature_one_changes_nothing() -> None:
    probabilities, _ = drawn(20)
    assert temper(probabilities, 1.0) is probabilities
    assert np.isfinite(temper(np.array([[1.0, 0.0, 0.0]]), 3)).all()


@pytest.mark.parametrize("truth", [0.4, 1.0, 2.5])
def test_the_temperature_that_spoilt_them_is_found(truth: float) -> None:
    probabilities, labels = drawn(4000)
    spoilt = temper(probabilities, 1 / truth)
    found = fit_temperature(spoilt, labels)
    assert found == pytest.approx(truth, rel=0.1)
    best = loss(temper(spoilt, found), labels)
    for other in np.linspace(0.2, 4, 60):
        assert best <= loss(temper(spoilt, float(other)), labels) + 1e-12


def test_what_no_temperature_fits_is_refused() -> None:
    labels = np.arange(40) % 4
    sure = np.full((40, 4), 0.1)
    sure[np.arange(40), labels] = 0.7
    with pytest.raises(ValueError, match="right on all of them or nearly"):
        fit_temperature(sure, labels)
    with pytest.raises(ValueError, match="say nothing of them"):
        fit_temperature(sure, (labels + 1) % 4)


def hashes(n: int) -> list[bytes]:
    return [hashlib.sha256(str(i).encode()).digest() for i in range(n)]


def test_folds_are_even_and_keep_equal_files_together() -> None:
    labels = np.repeat(np.arange(4), 25)
    contents = hashes(100)
    contents[1] = contents[0]
    contents[99] = contents[50]  # the same file under two classes
    fold = folds_of(labels, contents)
    assert fold[0] == fold[1]
    assert fold[99] == fold[50]
    for label in range(4):
        counts = np.bincount(fold[labels == label], minlength=5)
        assert counts.max() - counts.min() <= 2
    order = np.random.default_rng(0).permutation(100)
    again = folds_of(labels[order], [contents[i] for i in order])
    assert np.array_equal(again, fold[order]), "the order of the pictures does not matter"


def test_cross_fitting_never_uses_the_fold_itself() -> None:
    """Every picture's numbers stay as they are when its own fold's labels are exchanged."""
    probabilities, labels = drawn(300)
    probabilities, contents = temper(probabilities, 0.5), hashes(300)
    fold = folds_of(labels, contents)
    found = cross_fitted(probabilities, labels, contents)
    for one in range(5):
        inside = fold == one
        expected = temper(probabilities[inside], fit_temperature(probabilities[~inside], labels[~inside]))
        assert np.array_equal(found[inside], expected)
    assert loss(found, labels) < loss(probabilities, labels)


def plain_ece(probabilities: np.ndarray, labels: np.ndarray) -> float:
    total = 0.0
    for i in range(15):
        inside = [
            (max(row), row.index(max(row)) == label)
            for row, label in zip(probabilities.tolist(), labels.tolist(), strict=True)
            if i / 15 < max(row) <= (i + 1) / 15
        ]
        total += abs(sum(sure for sure, _ in inside) - sum(right for _, right in inside))
    return total / len(labels)


def test_the_error_is_that_of_a_plain_loop_in_every_replicate() -> None:
    probabilities, labels = drawn(80)
    found = reliability(probabilities, labels)
    assert found.ece.value == pytest.approx(plain_ece(probabilities, labels))
    assert found.nll.value == pytest.approx(loss(probabilities, labels))
    replicates = np.concatenate(list(picks(80)))
    assert replicates.shape == (TIMES, 80)
    errors = np.array([plain_ece(probabilities[pick], labels[pick]) for pick in replicates[:200]])
    every = np.array([plain_ece(probabilities[pick], labels[pick]) for pick in replicates])
    assert (found.ece.low, found.ece.high) == pytest.approx(
        (reflected(found.ece.value, every, 0, 1).low, reflected(found.ece.value, every, 0, 1).high)
    )
    assert errors.mean() > found.ece.value, "chance pushes the estimate up, which is why it is mirrored"
    losses = np.array([loss(probabilities[pick], labels[pick]) for pick in replicates])
    assert (found.nll.low, found.nll.high) == pytest.approx(tuple(np.quantile(losses, (0.025, 0.975))))


def test_what_chance_alone_shows() -> None:
    """A network that is exactly right is within what chance shows; one that is too sure is not."""
    probabilities, labels = drawn(500)
    found = reliability(probabilities, labels)
    assert found.by_chance.low <= found.ece.value <= found.by_chance.high
    again = [reliability(*drawn(500, seed=seed)).ece.value for seed in range(1, 15)]
    assert np.mean(again) == pytest.approx(found.by_chance.value, rel=0.2)
    sure = reliability(temper(probabilities, 0.3), labels)
    assert sure.ece.low > sure.by_chance.high


def test_a_mended_network_is_told_with_its_changes() -> None:
    probabilities, labels = drawn(600)
    spoilt = temper(probabilities, 0.4)
    found = mended(spoilt, probabilities, labels)
    assert found.ece_change.value == pytest.approx(found.after.ece.value - found.before.ece.value)
    assert found.nll_change.high < 0
    assert found.ece_change.high < 0
    still = mended(spoilt, spoilt, labels)
    assert (still.nll_change.low, still.nll_change.high) == (0, 0)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 12), st.integers(0, 9))
def test_the_error_is_a_share(n: int, seed: int) -> None:
    found = reliability(*drawn(n, seed=seed))
    for one in (found.ece, found.by_chance):
        assert 0 <= one.low <= one.value <= one.high <= 1


def test_intervals_of_replicates() -> None:
    values = np.linspace(0, 1, 1001)
    assert (between(0.5, values).low, between(0.5, values).high) == pytest.approx((0.025, 0.975))
    assert between(2.0, values).high == 2
    found = reflected(0.3, values, 0, 1)
    assert (found.low, found.high) == pytest.approx((0, 0.575))


def test_lots_are_even_and_repeatable() -> None:
    found = np.concatenate(list(lots(50)))
    assert found.shape == (TIMES, 50)
    assert found.mean() == pytest.approx(0.5, abs=0.01)
    assert np.array_equal(found[:3], next(lots(50, 3)))
    counts = np.bincount(np.concatenate(list(picks(10))).ravel(), minlength=10)
    assert counts.min() > 850
