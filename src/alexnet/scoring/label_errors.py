"""Which labels are likely wrong? Confident learning on a network's probabilities.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70 (2021), section 3:
a picture counts for class j if its probability of j reaches the mean probability of j over the pictures labelled j; one
that counts for another class than its own is likely mislabelled. It holds for probabilities of pictures the network
was not trained on: a network gives what it has learned by heart back as its label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelErrors:
    """Likely label errors, the likeliest first."""

    rows: np.ndarray
    """int64 (E,), places among the pictures given."""
    given: np.ndarray
    """int64 (E,), labels."""
    suggested: np.ndarray
    """int64 (E,), the class each counts for."""
    margin: np.ndarray
    """float64 (E,), probability of the suggested class less that of the given one; positive, falling."""
    joint: np.ndarray
    """int64 (K, K), the confident joint: pictures by given label and the class they count for."""
    estimate: float
    """Estimated number of label errors: the off-diagonal share of the joint, after each row was scaled to its class's
    number of pictures (the paper's equation 3), times N."""

    def __len__(self) -> int:
        return len(self.rows)


def find_label_errors(probabilities: np.ndarray, labels: np.ndarray) -> LabelErrors:
    """Likely label errors among some pictures.

    Args:
        probabilities: float (N, K).
        labels: int (N,), as given; classes without a picture are suggested to none.
    """
    labels = np.asarray(labels, np.int64)
    probabilities = np.asarray(probabilities, np.float64)
    count, classes = probabilities.shape
    assert labels.shape == (count,)
    own = probabilities[np.arange(count), labels] if count else np.empty(0)
    sizes = np.bincount(labels, minlength=classes)
    thresholds = np.full(classes, np.inf)
    there = sizes > 0
    thresholds[there] = np.bincount(labels, own, classes)[there] / sizes[there]
    # A mean is rounded: where all pictures of a class have one probability, they reach it.
    reached = probabilities >= thresholds * (1 - 1e-12)
    held = np.where(reached, probabilities, -1.0)
    found = held.argmax(1) if count else np.empty(0, np.int64)
    # Of equal probabilities the given label is believed.
    found = np.where(reached[np.arange(count), labels] & (held.max(1, initial=-1.0) <= own), labels, found)
    counts = reached.any(1)
    joint = np.zeros((classes, classes), np.int64)
    np.add.at(joint, (labels[counts], found[counts]), 1)
    best = probabilities[np.arange(count), found] if count else own
    rows = np.flatnonzero(counts & (found != labels) & (best > own))
    rows = rows[np.lexsort((rows, -(best - own)[rows]))]
    totals = joint.sum(1)
    wrong = np.where(totals > 0, (totals - joint.diagonal()) / np.maximum(totals, 1), 0)
    return LabelErrors(
        rows=rows,
        given=labels[rows],
        suggested=found[rows],
        margin=(best - own)[rows],
        joint=joint,
        estimate=float((wrong * sizes).sum()),
    )
