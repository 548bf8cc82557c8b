"""Is one classifier better than another on the same pictures? The difference of errors, its interval, an exact test.

What decides are the pictures on which one is right and the other is not. Comparing the two intervals instead would
throw away that both saw the same pictures, some of which are hard for any network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet.scoring.tally import Interval, wilson


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Two classifiers, A and B, on the same pictures. Errors in percent, differences in points of percent."""

    n: int
    a: Interval
    b: Interval
    difference: Interval
    """A's error less B's: above 0, B is better. Newcombe's 95% interval for paired shares."""
    p: float
    """Exact McNemar test, two-sided: the chance of so uneven a split of the pictures that only one got right."""
    both_right: float
    only_a: float
    """Pictures that only A got right. By the tie rule a picture can be right in part."""
    only_b: float
    both_wrong: float

    @property
    def told(self) -> bool:
        """Whether a difference can be told: the test says so at 5%, and the interval leaves 0 out."""
        return self.p < 0.05 and (self.difference.low > 0 or self.difference.high < 0)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "a_error": self.a.to_dict(),
            "b_error": self.b.to_dict(),
            "difference": self.difference.to_dict(),
            "p": self.p,
            "both_right": self.both_right,
            "only_a": self.only_a,
            "only_b": self.only_b,
            "both_wrong": self.both_wrong,
        }


def paired(a: np.ndarray, b: np.ndarray) -> Paired:
    """Compare the points of two classifiers, float (N,) from 0 to 1, picture by picture.

    Where the tie rule gives parts of a point, both are taken to be lucky together: right both to the smaller part, only
    one to the rest. The test counts the pictures on which one has more points than the other (a sign test, which
    without ties is McNemar's).

    Raises:
        ValueError: no pictures.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    assert a.shape == b.shape
    if not len(a):
        raise ValueError("there are no pictures to compare on")
    n = len(a)
    both, only_a, only_b, neither = (
        float(part.sum())
        for part in (np.minimum(a, b), np.maximum(a - b, 0), np.maximum(b - a, 0), 1 - np.maximum(a, b))
    )
    difference = newcombe(both, only_a, only_b, neither)
    return Paired(
        n=n,
        a=_error(a),
        b=_error(b),
        # The formula is for A's share right less B's; the difference of errors is its opposite.
        difference=Interval(
            value=_less(100 * difference.value), low=_less(100 * difference.high), high=_less(100 * difference.low)
        ),
        p=mcnemar(int((a > b).sum()), int((b > a).sum())),
        both_right=both,
        only_a=only_a,
        only_b=only_b,
        both_wrong=neither,
    )


def _less(value: float) -> float:
    return 0.0 - value  # never -0.0


def _error(right: np.ndarray) -> Interval:
    share = wilson(min(float(len(right)), float((1 - right).sum())), len(right))
    return Interval(value=100 * share.value, low=100 * share.low, high=100 * share.high)


def newcombe(both: float, only_a: float, only_b: float, neither: float) -> Interval:
    """A's share right less B's, with the 95% interval for paired shares that is method 10 of Newcombe (1998).

    It joins Wilson's intervals of both shares by their correlation, whose numerator is corrected for continuity where
    it is positive. It stays within -1 and 1, and keeps a width where the two never differ, which a bootstrap does not.
    """
    n = both + only_a + only_b + neither
    assert n > 0
    first = wilson(min(n, both + only_a), round(n))
    second = wilson(min(n, both + only_b), round(n))
    margins = (both + only_a) * (only_b + neither) * (both + only_b) * (only_a + neither)
    product = both * neither - only_a * only_b
    joint = max(0.0, product - n / 2) if product > 0 else product
    correlation = joint / math.sqrt(margins) if margins > 0 else 0.0

    def reach(x: float, y: float) -> float:
        return math.sqrt(max(0.0, x * x - 2 * correlation * x * y + y * y))

    value = (only_a - only_b) / n
    return Interval(
        value=value,
        low=max(-1.0, value - reach(first.value - first.low, second.high - second.value)),
        high=min(1.0, value + reach(first.high - first.value, second.value - second.low)),
    )


def mcnemar(a: int, b: int) -> float:
    """Two-sided p of the exact test (McNemar 1947): a and b heads and tails of a fair coin, or a more uneven split."""
    n, least = a + b, min(a, b)
    if n == 0:
        return 1.0
    steps = np.arange(least)
    logs = np.concatenate(([0.0], np.cumsum(np.log((n - steps) / (steps + 1))))) - n * math.log(2)
    return min(1.0, 2 * float(np.exp(logs).sum()))


def holm(values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm 1979): any false alarm below .05 then comes in 5% of such tables."""
    order = np.argsort(values, kind="stable")
    corrected, least = [0.0] * len(values), 0.0
    for rank, i in enumerate(order.tolist()):
        least = max(least, min(1.0, (len(values) - rank) * values[i]))
        corrected[i] = least
    return corrected


def said_p(p: float) -> str:
    """ "p=.021", "p<.001"."""
    return "p<.001" if p < 0.001 else f"p={p:.3f}".replace("=0.", "=.") if p < 1 else "p=1"
