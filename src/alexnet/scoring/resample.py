"""How much would another sample of pictures change a number? The bootstrap, drawn without a generator.

A replicate draws as many pictures as there are, with replacement, and computes the number again (Efron 1979). Which
pictures a replicate draws depends on its own number and on theirs only, so that two numbers of the same pictures see
the same draws, and the replicates of their difference are the differences of their replicates.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from alexnet import draws
from alexnet.scoring.tally import Interval

#: Replicates: the ends of an interval then move by about a thirtieth of its width from one set of draws to another.
TIMES = 1000
#: Draws held in memory at once.
_AT_ONCE = 4_000_000


def picks(n: int, times: int = TIMES) -> Iterator[np.ndarray]:
    """The pictures that replicates draw, int64 (R, n) with R of them at a time, `times` in all."""
    assert n > 0
    each = max(1, _AT_ONCE // n)
    for first in range(0, times, each):
        replicates = torch.arange(first, min(first + each, times), dtype=torch.int64)
        yield draws.integers(draws.keys(0, 1, replicates), "bootstrap", n, n).numpy()


def lots(n: int, times: int = TIMES) -> Iterator[np.ndarray]:
    """Uniform in [0, 1), float32 (R, n) with R replicates at a time, `times` in all."""
    assert n > 0
    each = max(1, _AT_ONCE // n)
    for first in range(0, times, each):
        replicates = torch.arange(first, min(first + each, times), dtype=torch.int64)
        yield draws.uniform(draws.keys(0, 1, replicates), "lots", n).numpy()


def between(value: float, replicates: np.ndarray) -> Interval:
    """The percentile interval: 95% of the replicates lie within it; widened to hold the value itself."""
    low, high = (float(end) for end in np.quantile(replicates, (0.025, 0.975)))
    return Interval(value=value, low=min(value, low), high=max(value, high))


def reflected(value: float, replicates: np.ndarray, least: float, most: float) -> Interval:
    """The basic interval, for numbers that chance pushes to one side: the replicates mirrored at the value.

    As far as the replicates lie above the value, the value lies above the truth (Davison and Hinkley 1997, 5.2.1).
    Cut to [least, most], and widened to hold the value itself.
    """
    low, high = (float(2 * value - end) for end in np.quantile(replicates, (0.975, 0.025)))
    low, high = min(max(low, least), most), min(max(high, least), most)
    return Interval(value=value, low=min(value, low), high=max(value, high))
