"""How many seeds would settle a question? The fewest with which the rule decides in four cases of five.

The truth is taken to be as seen: the mean, and the moderated variance. Then the power of both tests of the rule is that
of a noncentral t.
"""

from __future__ import annotations

import numpy as np

#: Looked for up to so many seeds, and to this chance that the rule decides.
MOST, POWER = 100, 0.8


def power(
    seeds: np.ndarray, mean: float, variance: float, prior: float, least: float, equal: bool, levels: tuple[float, ...]
) -> np.ndarray:
    """The chance that the rule decides with so many seeds (N,), each at least 2: that of the likelier test, (N,).

    `mean` is the true effect in the claimed direction; `levels` are those of the tests for and against (0: not tested).
    """
    from scipy.special import nctdtr, stdtr, stdtrit

    df, error = seeds - 1 + prior, np.sqrt(variance / seeds)

    def beyond(effect: float, level: float) -> np.ndarray:
        """The chance that a true `effect` is told to be above 0 at that level."""
        if level <= 0:
            return np.zeros(len(seeds))
        far, edge = effect / error, stdtrit(df, 1 - level)
        found = 1 - nctdtr(df, far, edge)
        # Far from the edge the noncentral distribution has no number; a shifted t then is 0 or 1 as well.
        return np.where(np.isfinite(found), found, stdtr(df, far - edge))

    for_it, against = levels
    if equal:
        within = np.maximum(0, beyond(least + mean, for_it) + beyond(least - mean, for_it) - 1)
        return np.maximum(within, beyond(abs(mean) - least, against / 2))
    return np.maximum(beyond(mean, for_it), beyond(least - mean, against))


def seeds_to_settle(
    n: int, mean: float, variance: float, prior: float, least: float, equal: bool, levels: tuple[float, ...]
) -> int | None:
    """The fewest seeds above `n` with which the rule decides in 80% of studies; None = more than 100."""
    seeds = np.arange(max(2, n + 1), MOST + 1, dtype=np.float64)
    enough = power(seeds, mean, variance, prior, least, equal, levels) >= POWER
    return int(seeds[np.argmax(enough)]) if enough.any() else None
