"""How often is a classifier wrong, on which classes, and does it know? Errors, intervals, confusion, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alexnet.scoring.protocols import PROTOCOLS, require
from alexnet.scoring.tally import Interval, Tally, checked, error_percent, points, tally, wilson


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Errors of a classifier on a split. `str` is the one line that a person reads; errors are in percent."""

    split: str
    protocol: str
    n: int
    """Pictures."""
    classes: int
    top1_error: Interval
    """Percent of pictures whose most probable class is wrong."""
    top5_error: Interval
    """Percent of pictures whose class is not among the five most probable; always 0 with five classes or fewer."""
    loss: float
    """Mean negative logarithm of the true class's probability, nats."""
    note: str = ""
    """What else must be known of the split, such as "also used for selection"."""
    tally: Tally = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: split, protocol, n, top1_error and top5_error in percent, loss; a note if there is one."""
        values: dict[str, Any] = {
            "split": self.split,
            "protocol": self.protocol,
            "n": self.n,
            "top1_error": self.top1_error.to_dict(),
            "top5_error": self.top5_error.to_dict(),
            "loss": self.loss,
        }
        return values | ({"note": self.note} if self.note else {})

    def __str__(self) -> str:
        """E.g. "top-1 error 25.2% [21.5, 29.3] on val (476 pictures, centre crop; also used for selection)".

        The brackets hold the 95% interval. With five classes or fewer the top-5 error cannot be anything but 0, says
        nothing, and is left out here (never in `to_dict`).
        """
        errors = [f"top-1 error {_percent(self.top1_error)}"]
        if self.classes > 5:
            errors.append(f"top-5 error {_percent(self.top5_error)}")
        pictures = "1 picture" if self.n == 1 else f"{self.n:,} pictures"
        note = f"; {self.note}" if self.note else ""
        return f"{', '.join(errors)} on {self.split} ({pictures}, {PROTOCOLS[self.protocol]}{note})"


def _percent(error: Interval) -> str:
    return f"{error.value:.1f}% [{error.low:.1f}, {error.high:.1f}]"


def score(probabilities: np.ndarray, labels: np.ndarray, *, split: str, protocol: str, note: str = "") -> Scores:
    """Score predictions against the true classes.

    Args:
        probabilities: (N, K), of classes 0 to K-1.
        labels: (N,), the true classes.
        split, protocol, note: what the pictures are and how they were looked at; a number is never without these.

    Raises:
        ValueError: no pictures, probabilities that are not finite (says of how many pictures), labels that are no
            class, or an unknown protocol.
    """
    require(protocol)
    probabilities, labels = checked(probabilities, labels)
    return _scores(tally(probabilities, labels), probabilities.shape[1], split, protocol, note)


def merge(parts: Iterable[Scores]) -> Scores:
    """The scores of several sets of pictures together: equal, to the last bit, to scoring them at once.

    Raises:
        ValueError: no parts, or parts of different splits, protocols, notes or numbers of classes.
    """
    parts = list(parts)
    if not parts:
        raise ValueError("there are no scores to merge")
    kinds = {(one.classes, one.split, one.protocol, one.note) for one in parts}
    if len(kinds) > 1:
        raise ValueError(f"scores of one split and one protocol can be merged, not of {len(kinds)} different kinds")
    total = parts[0].tally
    for one in parts[1:]:
        total += one.tally
    return _scores(total, *kinds.pop())


def _scores(total: Tally, classes: int, split: str, protocol: str, note: str) -> Scores:
    return Scores(
        split=split,
        protocol=protocol,
        n=total.n,
        classes=classes,
        top1_error=error_percent(total.top1, total.n),
        top5_error=error_percent(total.top5, total.n),
        loss=float(total.loss / total.n),
        note=note,
        tally=total,
    )


@dataclass(frozen=True, kw_only=True)
class ClassScores:
    """How one class comes out; shares from 0 to 1, nan where nothing was counted."""

    name: str
    n: int
    """Pictures of this class."""
    predicted: int
    """Pictures taken for this class."""
    recall: float
    """Share of the pictures of this class that were taken for it."""
    precision: float
    """Share of those taken for this class that are of it."""
    f1: float
    """Harmonic mean of the two: 2 hits / (n + predicted)."""
    interval: Interval
    """The recall with its 95% interval; from 0 to 1 where there is no picture."""


def confusion(probabilities: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """How often class i (row) was taken for class j (column): int64 (classes, classes). Of equals the first is taken.

    Raises ValueError as `score` does.
    """
    probabilities, labels = checked(probabilities, labels)
    assert probabilities.shape[1] == classes
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes).astype(np.int64)


def per_class(probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> list[ClassScores]:
    """Scores of every class by its name, in the classes' order; those of `confusion`'s rows and columns.

    Raises ValueError as `score` does.
    """
    matrix = confusion(probabilities, labels, len(classes))
    rows = []
    for name, hits, n, predicted in zip(
        classes, *(part.tolist() for part in (matrix.diagonal(), matrix.sum(1), matrix.sum(0))), strict=True
    ):
        recall = wilson(hits, n) if n else Interval(value=float("nan"), low=0.0, high=1.0)
        rows.append(
            ClassScores(
                name=name,
                n=n,
                predicted=predicted,
                recall=recall.value,
                precision=hits / predicted if predicted else float("nan"),
                f1=2 * hits / (n + predicted) if n + predicted else float("nan"),
                interval=recall,
            )
        )
    return rows


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """One class taken for another."""

    true: str
    predicted: str
    n: int
    """How often."""
    share: float
    """Of the pictures of the true class."""


def most_confused(matrix: np.ndarray, classes: Sequence[str], top: int = 10) -> list[Mistake]:
    """The most frequent mistakes of a confusion matrix, most frequent first; of equals the larger share first."""
    totals = matrix.sum(axis=1)
    mistakes = [
        Mistake(true=classes[i], predicted=classes[j], n=int(matrix[i, j]), share=float(matrix[i, j] / totals[i]))
        for i, j in np.argwhere(matrix > 0)
        if i != j
    ]
    return sorted(mistakes, key=lambda one: (-one.n, -one.share))[:top]


@dataclass(frozen=True, kw_only=True)
class Bin:
    """Pictures whose highest probability lies in (low, high]."""

    low: float
    high: float
    n: int
    confidence: float
    """Mean highest probability; nan where n is 0."""
    accuracy: float
    """Share that is right, by the tie rule; nan where n is 0."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Whether probabilities mean what they say."""

    bins: tuple[Bin, ...]
    ece: float
    """Expected calibration error: the mean distance of confidence and accuracy over all pictures, 0 to 1."""


def bin_of(confidence: np.ndarray, bins: int) -> np.ndarray:
    """The number of the bin (low, high] of equal width that each confidence lies in, int64 (N,)."""
    place = np.searchsorted(np.linspace(0, 1, bins + 1), confidence, side="left") - 1
    return np.clip(place, 0, bins - 1)


def calibration(probabilities: np.ndarray, labels: np.ndarray, bins: int = 15) -> Calibration:
    """Confidence against accuracy in bins of equal width (Guo et al. 2017). Raises ValueError as `score` does."""
    probabilities, labels = checked(probabilities, labels)
    confidence, right = probabilities.max(axis=1), points(probabilities, labels)
    edges = np.linspace(0, 1, bins + 1)
    place = bin_of(confidence, bins)
    n = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, weights=values, minlength=bins) for values in (confidence, right)]
    found = tuple(
        Bin(
            low=float(edges[i]),
            high=float(edges[i + 1]),
            n=int(n[i]),
            confidence=float(sums[0][i] / n[i]) if n[i] else float("nan"),
            accuracy=float(sums[1][i] / n[i]) if n[i] else float("nan"),
        )
        for i in range(bins)
    )
    return Calibration(bins=found, ece=float(np.abs(sums[0] - sums[1]).sum() / len(labels)))
