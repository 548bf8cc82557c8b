"""How are right answers counted, and how sure is a count? The tie rule, exact sums, intervals.

Ties follow the program of 2012 (the cost kernels of cuda-convnet2): pictures whose true class shares its probability
with others get a part of a point, so that a network that says the same of everything scores what guessing would.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

#: 97.5% of a normal distribution lie below so many standard deviations.
NORMAL_975 = 1.959963984540054
#: A true class whose probability is smaller in float64 counts as this one, 708 nats, and not as infinity.
SMALLEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A measured value with the ends of its 95% interval."""

    value: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What has been counted over some pictures, as exact fractions: parts add up to the whole, in any order."""

    n: int
    top1: Fraction
    """Points for the most probable class."""
    top5: Fraction
    """Points for the five most probable classes."""
    loss: Fraction
    """Sum of the negative logarithms of the true classes' probabilities, nats."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            n=self.n + other.n,
            top1=self.top1 + other.top1,
            top5=self.top5 + other.top5,
            loss=self.loss + other.loss,
        )


def checked(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 (N, K) and int64 (N,). Raises ValueError for what cannot be scored."""
    probabilities, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if probabilities.ndim != 2 or labels.shape != probabilities.shape[:1]:
        raise ValueError(
            f"probabilities must be (pictures, classes) and labels (pictures,), "
            f"not {probabilities.shape} and {labels.shape}"
        )
    n, classes = probabilities.shape
    if n == 0:
        raise ValueError("there are no pictures to score")
    broken = int((~np.isfinite(probabilities)).any(axis=1).sum())
    if broken:
        raise ValueError(
            f"the network's output is not finite for {broken:,} of {n:,} pictures: its training has diverged; "
            "train it again with a lower rate"
        )
    strange = int(((labels < 0) | (labels >= classes)).sum())
    if strange:
        raise ValueError(f"labels must be class numbers from 0 to {classes - 1}; {strange:,} of {n:,} are not")
    return probabilities, labels.astype(np.int64)


def tally(probabilities: np.ndarray, labels: np.ndarray) -> Tally:
    """Count points and losses of checked predictions."""
    own = np.take_along_axis(probabilities, labels[:, None], axis=1)  # N,1
    top1, top5 = (_points(probabilities, own, k) for k in (1, 5))
    losses = -np.log(np.maximum(own[:, 0], SMALLEST))
    return Tally(n=len(labels), top1=top1, top5=top5, loss=sum(map(Fraction, losses.tolist()), Fraction()))


def _points(probabilities: np.ndarray, own: np.ndarray, k: int) -> Fraction:
    slots, equal = _places(probabilities, own, k)
    pairs, counts = np.unique(np.stack((slots, equal)), axis=1, return_counts=True)
    return sum((Fraction(int(a), int(b)) * int(n) for (a, b), n in zip(pairs.T, counts, strict=True)), Fraction())


def points(probabilities: np.ndarray, labels: np.ndarray, k: int = 1) -> np.ndarray:
    """Points of each picture, float64 (N,) from 0 to 1: is the true class among the k most probable?

    The classes that are more probable take their slots first; if the classes that are exactly as probable as the true
    one, itself included, outnumber the slots left, they share them: slots left / number of equals. For k = 1 that is
    1 / number of equal maxima.
    """
    probabilities, labels = checked(probabilities, labels)
    slots, equal = _places(probabilities, np.take_along_axis(probabilities, labels[:, None], axis=1), k)
    return np.asarray(slots / equal, dtype=np.float64)


def _places(probabilities: np.ndarray, own: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Slots among the first k that are left to the true class and its equals (at most one each), and their number."""
    above, equal = (probabilities > own).sum(axis=1), (probabilities == own).sum(axis=1)
    return np.clip(k - above, 0, equal), equal


def error_percent(points: Fraction, n: int) -> Interval:
    """100 (1 - points / n), with its 95% interval."""
    share = wilson(float(n - points), n)
    value = float(100 * (n - points) / n)
    return Interval(value=value, low=min(value, 100 * share.low), high=max(value, 100 * share.high))


def wilson(successes: float, n: int) -> Interval:
    """A share with Wilson's 95% interval, which stays within 0 and 1 and holds for few pictures (Wilson 1927).

    Parts of a success are allowed: the tie rule gives them, and the formula needs only the share.
    """
    assert n > 0
    assert 0 <= successes <= n
    share, spread = successes / n, NORMAL_975**2 / n
    middle = share + spread / 2
    reach = math.sqrt(share * (1 - share) * spread + spread**2 / 4)
    low, high = ((middle + sign * reach) / (1 + spread) for sign in (-1, 1))
    # Rounding must not put the value outside of its own interval.
    return Interval(value=share, low=min(share, max(0.0, low)), high=max(share, min(1.0, high)))
