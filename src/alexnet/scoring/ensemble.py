"""What do several networks say together? The average of their probabilities, as in the paper, or one with weights.

Section 6 of the paper averages the predictions of five networks, and of seven; the 2012 programs can weigh them
(avg-test.py, avg-valid.py). Here weights are searched by the log loss, which is convex in them: the steps are those of
the EM algorithm for the shares of a mixture (Dempster, Laird and Rubin 1977), each of which lowers the loss, from equal
weights to the one best mixture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alexnet.scoring.tally import SMALLEST, checked


def average(members: Sequence[np.ndarray], weights: Sequence[float] | None = None) -> np.ndarray:
    """The weighted mean of probabilities (N, K) of the same pictures and classes; without weights the plain mean."""
    assert len({one.shape for one in members}) == 1
    shares = [1 / len(members)] * len(members) if weights is None else list(weights)
    assert len(shares) == len(members)
    mean = shares[0] * members[0]
    for share, one in zip(shares[1:], members[1:], strict=True):
        mean = mean + share * one
    return mean


def search_weights(members: Sequence[np.ndarray], labels: np.ndarray) -> tuple[float, ...]:
    """Weights, 0 or more and 1 in sum, with which the average's log loss on these pictures is least.

    Raises ValueError as `score` does.
    """
    own = np.stack([checked(one, labels)[0][np.arange(len(labels)), labels] for one in members], axis=1)  # N,M
    own = np.maximum(own, SMALLEST)
    weights = np.full(len(members), 1 / len(members))
    for _ in range(10_000):
        parts = own * weights
        after = (parts / parts.sum(axis=1, keepdims=True)).mean(axis=0)
        moved = float(np.abs(after - weights).max())
        weights = after
        if moved < 1e-9:
            break
    return tuple((weights / weights.sum()).tolist())
