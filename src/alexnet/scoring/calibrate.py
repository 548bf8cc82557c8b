"""How far can a probability be taken at its word, and which temperature mends it? Calibration errors with intervals.

Temperature scaling (Guo et al. 2017, section 4.2) divides the logits by one number T, fitted by the log loss on
pictures that were not trained on. Here it works on probabilities, p^(1/T) made to sum to 1: for one view that is the
same, since logits and log-probabilities differ by a constant of the picture; the average of several views is tempered
as a whole. No class overtakes another, so errors stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet.scoring.resample import between, lots, picks, reflected
from alexnet.scoring.scores import Bin, bin_of, calibration
from alexnet.scoring.tally import SMALLEST, Interval, checked, points, wilson

#: Temperatures that are looked for; one at an end would mean that there is no best one between.
COLDEST, HOTTEST = 1 / 20, 20.0
FOLDS = 5
BINS = 15


def temper(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, K) at another temperature: above 1 less sure, below 1 surer, at 1 the same array."""
    assert temperature > 0
    if temperature == 1:
        return probabilities
    raised = np.log(np.maximum(probabilities, SMALLEST)) / temperature
    raised = np.exp(raised - raised.max(axis=1, keepdims=True))
    tempered: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return tempered


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The temperature at which the log loss of these pictures is least.

    In 1/T the loss is convex, so that the one place where its slope is zero is found by Newton's steps, and by halving
    where such a step would leave the interval known to hold it.

    Raises:
        ValueError: as `score` does; or there is no best temperature between 1/20 and 20.
    """
    probabilities, labels = checked(probabilities, labels)
    logs = np.log(np.maximum(probabilities, SMALLEST))
    logs -= logs.max(axis=1, keepdims=True)
    own = logs[np.arange(len(labels)), labels]

    def slope(cold: float) -> tuple[float, float]:
        """First and second derivative of the mean loss by `cold`, 1/T."""
        weights = np.exp(cold * logs)
        weights /= weights.sum(axis=1, keepdims=True)
        mean = (weights * logs).sum(axis=1)
        return float((mean - own).mean()), float((weights * (logs - mean[:, None]) ** 2).sum(axis=1).mean())

    low, high = 1 / HOTTEST, 1 / COLDEST
    if slope(high)[0] <= 0:
        raise ValueError(
            f"no temperature fits these {len(labels):,} pictures: the network is right on all of them or nearly, and "
            "the surer it were, the better; fit it on more pictures"
        )
    if slope(low)[0] >= 0:
        raise ValueError(
            f"no temperature fits these {len(labels):,} pictures: the network's probabilities say nothing of them"
        )
    cold = 1.0
    for _ in range(100):
        first, second = slope(cold)
        low, high = (cold, high) if first < 0 else (low, cold)
        step = cold - first / second if second > 0 else low
        after = step if low < step < high else (low + high) / 2
        if abs(after - cold) < 1e-12 * cold:
            break
        cold = after
    return 1 / cold


def folds_of(labels: np.ndarray, contents: Sequence[bytes], folds: int = FOLDS) -> np.ndarray:
    """The fold of each picture, int64 (N,): every class dealt out evenly, equal files in one fold.

    Contents are hashes; their order is as good as a random one, and depends on nothing else.
    """
    order = sorted(range(len(contents)), key=lambda i: (int(labels[i]), contents[i]))
    place: dict[bytes, int] = {}
    for i in order:
        place.setdefault(contents[i], len(place) % folds)
    return np.array([place[content] for content in contents], np.int64)


def cross_fitted(
    probabilities: np.ndarray, labels: np.ndarray, contents: Sequence[bytes], folds: int = FOLDS
) -> np.ndarray:
    """Tempered probabilities (N, K), each picture's by a temperature fitted on the other folds only.

    Raises ValueError as `fit_temperature` does.
    """
    fold = folds_of(labels, contents, folds)
    tempered = np.empty_like(probabilities)
    for one in np.unique(fold):
        inside = fold == one
        tempered[inside] = temper(probabilities[inside], fit_temperature(probabilities[~inside], labels[~inside]))
    return tempered


@dataclass(frozen=True, kw_only=True)
class Reliability:
    """Whether probabilities mean what they say, with 95% intervals."""

    ece: Interval
    """Expected calibration error: mean distance of confidence and accuracy over 15 bins, 0 to 1."""
    nll: Interval
    """Log loss: mean negative logarithm of the true class's probability, nats."""
    by_chance: Interval
    """The expected calibration error that so many pictures show where every confidence is exactly right."""
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the bins that hold pictures, with the interval of their share of right answers."""
        bins = []
        for one in self.bins:
            if one.n:
                right = wilson(one.accuracy * one.n, one.n)
                bins.append(
                    {"low": one.low, "high": one.high, "n": one.n, "confidence": one.confidence} |
                    {"accuracy": right.to_dict()}
                )  # fmt: skip
        named = {"ece": self.ece, "nll": self.nll, "ece_by_chance": self.by_chance}
        return {name: interval.to_dict() for name, interval in named.items()} | {"bins": bins}


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What a temperature does to the reliability on the reported pictures."""

    before: Reliability
    after: Reliability
    ece_change: Interval
    """After less before; the replicates of both draw the same pictures."""
    nll_change: Interval


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> Reliability:
    """Calibration error and log loss of predictions, with bootstrap intervals. Raises ValueError as `score` does."""
    return _reliability(probabilities, labels)[0]


def mended(before: np.ndarray, after: np.ndarray, labels: np.ndarray) -> Mended:
    """Reliability before and after tempering, (N, K) both, and the changes. Raises ValueError as `score` does."""
    (one, eces, nlls), (other, new_eces, new_nlls) = _reliability(before, labels), _reliability(after, labels)
    return Mended(
        before=one,
        after=other,
        ece_change=between(other.ece.value - one.ece.value, new_eces - eces),
        nll_change=between(other.nll.value - one.nll.value, new_nlls - nlls),
    )


def _reliability(probabilities: np.ndarray, labels: np.ndarray) -> tuple[Reliability, np.ndarray, np.ndarray]:
    """And the replicates of both numbers."""
    probabilities, labels = checked(probabilities, labels)
    found = calibration(probabilities, labels, BINS)
    confidence, right = probabilities.max(axis=1), points(probabilities, labels)
    losses = -np.log(np.maximum(probabilities[np.arange(len(labels)), labels], SMALLEST))
    place = bin_of(confidence, BINS)
    eces: list[np.ndarray] = []
    nlls: list[np.ndarray] = []
    for drawn in picks(len(labels)):  # R,n
        eces.append(_distance((confidence - right)[drawn], place[drawn]))
        nlls.append(losses[drawn].mean(axis=1))
    # A network that is exactly as often right as it says: the same confidences, right or wrong by a draw.
    gaps = np.concatenate([_distance(confidence - (luck < confidence), place[None]) for luck in lots(len(labels))])
    low, high = np.quantile(gaps, (0.025, 0.975))
    replicates = np.concatenate(eces), np.concatenate(nlls)
    loss = float(losses.mean())
    whole = Reliability(
        ece=reflected(found.ece, replicates[0], 0.0, 1.0),
        nll=between(loss, replicates[1]),
        by_chance=Interval(value=float(gaps.mean()), low=float(low), high=float(high)),
        bins=found.bins,
    )
    return whole, *replicates


def _distance(gaps: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Expected calibration errors (R,) of R replicates: gaps (R, n) of confidence and right, bins (R or 1, n)."""
    row = np.arange(len(gaps))[:, None] * BINS
    sums = np.bincount((row + place).ravel(), weights=gaps.ravel(), minlength=len(gaps) * BINS)
    errors: np.ndarray = np.abs(sums.reshape(len(gaps), BINS)).sum(axis=1) / gaps.shape[1]
    return errors
