"""Is an ensemble the paper's average, and are searched weights the best there are?"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from alexnet.scoring.ensemble import average, search_weights


def members(n: int = 300) -> tuple[list[np.ndarray], np.ndarray]:
    """Three networks that know 80%, 50% and none of it."""
    numbers = np.random.default_rng(0)
    labels = numbers.integers(0, 5, n)
    tables = []
    for good in (0.8, 0.5, 0.0):
        table = numbers.dirichlet(np.ones(5), n)
        knows = numbers.random(n) < good
        table[knows, labels[knows]] += 1.5
        tables.append(table / table.sum(1, keepdims=True))
    return tables, labels


def loss(tables: list[np.ndarray], weights: tuple[float, ...], labels: np.ndarray) -> float:
    total = sum(weight * table for weight, table in zip(weights, tables, strict=True))
    return float(-np.log(np.asarray(total)[np.arange(len(labels)), labels]).mean())


@pytest.mark.fidelity(
    topic="ensembles",
    paper="the predictions of five networks, and of seven, are averaged (section 6, table 2)",
    source="weighted sums of saved predictions (avg-test.py), the weights searched on validation top-5 (avg-valid.py)",
    others="equal weights; some average logits",
    option="`--ensemble RUN ...`; `--search-weights` by the log loss on pictures that are not reported",
)
def test_probabilities_are_averaged() -> None:
    tables, _ = members(7)
    for i, j in itertools.product(range(7), range(5)):
        assert average(tables)[i, j] == pytest.approx(sum(float(table[i, j]) for table in tables) / 3)
        assert average(tables, (0.5, 0.5, 0))[i, j] == pytest.approx((tables[0][i, j] + tables[1][i, j]) / 2)


def test_searched_weights_are_the_best_of_a_grid() -> None:
    tables, labels = members()
    weights = search_weights(tables, labels)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0
    best = loss(tables, weights, labels)
    steps = np.linspace(0, 1, 26)
    for a, b in itertools.product(steps, steps):
        if a + b <= 1:
            assert best <= loss(tables, (a, b, 1 - a - b), labels) + 1e-9
    assert weights[0] > weights[1] > weights[2]


def test_equal_members_keep_equal_weights() -> None:
    tables, labels = members()
    assert search_weights([tables[0], tables[0]], labels) == pytest.approx((0.5, 0.5))


def test_a_member_that_is_never_right_costs_nothing_but_its_weight() -> None:
    tables, labels = members(50)
    blind = np.zeros((50, 5))
    blind[np.arange(50), (labels + 1) % 5] = 1
    assert search_weights([tables[0], blind], labels) == pytest.approx((1, 0), abs=1e-6)
