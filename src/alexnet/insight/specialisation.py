"""Do the columns look for different things? A colour score for every kernel, and a permutation test between columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from alexnet import draws

#: Ways to deal the kernels to the columns that the test draws.
DRAWN = 9_999
#: Kernels times drawn ways that are held at once.
_AT_ONCE = 1 << 20


def colour_scores(weights: np.ndarray) -> np.ndarray:
    """How much of each kernel is colour: the norm of its deviation from its channels' mean, over its norm.

    0 is a grey kernel, which weighs red, green and blue alike; 1 one that answers to colour alone, blind to grey; the
    random kernels that training starts with have about .82, the square root of 2/3. A kernel of zeros has 0.

    Args:
        weights: float (n, 3, kh, kw).

    Returns:
        float64 (n,), from 0 to 1.
    """
    weights = np.asarray(weights, dtype=np.float64)
    assert weights.ndim == 4
    assert weights.shape[1] == 3
    apart = weights - weights.mean(axis=1, keepdims=True)
    whole = np.linalg.norm(weights.reshape(len(weights), -1), axis=1)
    return np.linalg.norm(apart.reshape(len(weights), -1), axis=1) / np.where(whole > 0, whole, 1)


@dataclass(frozen=True, kw_only=True)
class Specialisation:
    """How colourful each column's kernels are, and how likely chance alone makes such a difference."""

    means: tuple[float, ...]
    """Mean colour score of each column."""
    difference: float
    """Largest mean less the smallest."""
    p: float
    """Share of random dealings of the kernels to the columns that differ as much, the one found counted among them
    (Davison and Hinkley 1997, chapter 4); never below 1 / (drawn + 1)."""
    drawn: int

    def to_dict(self) -> dict[str, Any]:
        return {"means": list(self.means), "difference": self.difference, "p": self.p, "drawn": self.drawn}


def specialisation(scores: np.ndarray, columns: int, *, seed: int, drawn: int = DRAWN) -> Specialisation:
    """Compare the columns' mean scores with those of kernels dealt to columns at random.

    The test takes the kernels of a layer as exchangeable: it says whether these columns of this run differ by more
    than chance, and not which column will be the colourful one next time. Equal seeds give equal numbers.

    Args:
        scores: (n,), the first n / columns of them the first column's.
        columns: at least 2; n divides by it.
    """
    assert columns > 1
    assert len(scores) % columns == 0
    scores = np.asarray(scores, dtype=np.float64)
    means = scores.reshape(columns, -1).mean(axis=1)
    difference = float(means.max() - means.min())
    as_large, step = 0, max(1, _AT_ONCE // len(scores))
    for start in range(0, drawn, step):
        number = torch.arange(start, min(start + step, drawn), dtype=torch.int64)
        hashes = draws.bits(draws.keys(seed, 0, number), "specialisation", len(scores))  # drawn,n
        dealt = scores[hashes.argsort(dim=1, stable=True).numpy()].reshape(len(number), columns, -1).mean(axis=2)
        # Sums of the same numbers in another order differ in their last digits.
        as_large += int((dealt.max(axis=1) - dealt.min(axis=1) >= difference - 1e-12).sum())
    return Specialisation(
        means=tuple(means.tolist()), difference=difference, p=(1 + as_large) / (1 + drawn), drawn=drawn
    )
