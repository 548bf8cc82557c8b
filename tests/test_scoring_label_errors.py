"""Does confident learning find flipped labels, and follow its definition?"""

from __future__ import annotations

import numpy as np
from hypothesis import given as for_all
from hypothesis import settings as how
from hypothesis import strategies as some
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from alexnet.scoring.label_errors import find_label_errors


def plain(probabilities: np.ndarray, labels: np.ndarray) -> tuple[set[int], np.ndarray]:
    """Section 3.1 of the paper in loops: the off-diagonal pictures, and the confident joint."""
    n, classes = probabilities.shape
    threshold = []
    for j in range(classes):
        own = [probabilities[i, j] for i in range(n) if labels[i] == j]
        threshold.append(sum(own) / len(own) if own else np.inf)
    joint, found = np.zeros((classes, classes), int), set()
    for i in range(n):
        counted = [j for j in range(classes) if probabilities[i, j] >= threshold[j]]
        if counted:
            best = max(counted, key=lambda j: probabilities[i, j])
            joint[labels[i], best] += 1
            if best != labels[i] and probabilities[i, best] > probabilities[i, labels[i]]:
                found.add(i)
    return found, joint


@how(max_examples=60, deadline=None)
@for_all(seed=some.integers(0, 10**6), n=some.integers(1, 40), classes=some.integers(2, 6))
def test_it_is_the_definition(seed: int, n: int, classes: int) -> None:
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet(np.ones(classes), n)
    labels = generator.integers(0, classes, n)
    found = find_label_errors(probabilities, labels)
    rows, joint = plain(probabilities, labels)
    assert set(found.rows.tolist()) == rows
    assert (found.joint == joint).all()
    assert (np.diff(found.margin) <= 0).all()
    assert (found.margin > 0).all()
    assert (found.suggested != found.given).all()
    assert 0 <= found.estimate <= n


def test_a_network_that_is_sure_and_right_accuses_nothing() -> None:
    labels = np.arange(12) % 4
    found = find_label_errors(np.eye(4)[labels], labels)
    assert len(found) == 0
    assert found.estimate == 0
    undecided = find_label_errors(np.full((12, 4), 0.25), labels)
    assert len(undecided) == 0
    assert (undecided.joint == np.eye(4) * 3).all()


def test_nothing_in_nothing_out() -> None:
    assert len(find_label_errors(np.empty((0, 3)), np.empty(0, int))) == 0


def test_flipped_digits_are_found() -> None:
    """3% of the real digits' labels are flipped; the probabilities come from models that did not see the picture."""
    pixels, true = load_digits(return_X_y=True)
    generator = np.random.default_rng(0)
    flipped = generator.choice(len(true), round(0.03 * len(true)), replace=False)
    labels = true.copy()
    labels[flipped] = (labels[flipped] + generator.integers(1, 10, len(flipped))) % 10
    model = KNeighborsClassifier(20, weights="distance")
    probabilities = cross_val_predict(model, pixels / 16, labels, cv=3, method="predict_proba")
    found = find_label_errors(probabilities, labels)
    right = np.isin(found.rows, flipped)
    assert right.sum() / len(flipped) > 0.75
    assert right.mean() > 0.75
    assert right[: len(flipped) // 2].mean() > 0.9, "the likeliest come first"
    hit = found.rows[right]
    assert (found.suggested[right] == true[hit]).mean() > 0.9
    assert abs(found.estimate - len(flipped)) < len(flipped)
