"""Which pictures are nearly the same? Every pair is compared coarsely, the likely ones closely; also mirrored.

All pairs, by matrix products of 63 numbers a picture: for a hundred thousand pictures that takes less time than to
decode them, and nothing is missed as by hashes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alexnet.data.inspect.alignment import COARSE, PALE, cosines, similarity, weighted

#: Similarity from which a pair is told, by the resolution it was compared at (see docs/check.md for how it was found).
NEAR = {32: 0.85, 64: 0.92}
#: Pictures whose shorter side has fewer pixels are not compared: of 8 x 8 pixels too much looks alike.
SMALLEST = 24
#: Coarse correlation from which a pair is looked at closely.
LIKELY = 0.72
#: Pairs at most that are looked at closely, those of highest coarse correlation.
MOST = 150_000
_BLOCK = 2048


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Pairs of nearly equal pictures, best first."""

    first: np.ndarray
    """int64 (P,), row numbers; always smaller than `second`."""
    second: np.ndarray
    """int64 (P,)."""
    similarity: np.ndarray
    """float32 (P,), up to 1."""
    mirrored: np.ndarray
    """bool (P,)."""
    complete: bool
    """False where there were more likely pairs than could be looked at closely."""

    def __len__(self) -> int:
        return len(self.first)


def find_alike(
    thumbs: np.ndarray,
    rows: np.ndarray,
    sides: np.ndarray,
    *,
    near: float | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Pairs:
    """Pairs among some pictures.

    Args:
        thumbs: uint8 (N, 64, 64), grey.
        rows: int64 (n,), ascending: the pictures to compare.
        sides: int (N,), their shorter sides, pixels.
        near: similarity from which a pair is told; None = `NEAR`.
        report: told (comparisons done, comparisons in all), in pictures.
    """
    rows = np.asarray(rows, np.int64)
    even, odd, rows = _signatures(thumbs, rows[sides[rows] >= SMALLEST])
    likely = _Likely()
    for start in range(0, len(rows), _BLOCK):
        for other in range(start, len(rows), _BLOCK):
            likely.add(even, odd, start, other)
        if report:
            report(min(start + _BLOCK, len(rows)), len(rows))
    first, second, mirrored = likely.pairs()
    first, second = rows[first], rows[second]
    if not len(first):
        return Pairs(first=first, second=second, similarity=np.empty(0, np.float32), mirrored=mirrored, complete=True)
    fine = np.minimum(sides[first], sides[second]) >= 64
    found = np.empty(len(first), np.float32)
    for level, chosen in ((64, fine), (32, ~fine)):
        found[chosen] = _compared(thumbs, first[chosen], second[chosen], mirrored[chosen], level)
    least = np.where(fine, NEAR[64], NEAR[32]) if near is None else near
    kept = np.flatnonzero(found >= least)
    kept = kept[np.lexsort((second[kept], first[kept], -found[kept]))]
    return Pairs(
        first=first[kept],
        second=second[kept],
        similarity=found[kept],
        mirrored=mirrored[kept],
        complete=likely.complete,
    )


def _compared(thumbs: np.ndarray, first: np.ndarray, second: np.ndarray, mirrored: np.ndarray, side: int) -> np.ndarray:
    found = [np.empty(0, np.float32)]
    for start in range(0, len(first), 1024):
        part = slice(start, start + 1024)
        b = thumbs[second[part]]
        b = np.where(mirrored[part, None, None], b[:, :, ::-1], b)
        found.append(similarity(thumbs[first[part]], b, side))
    return np.concatenate(found)


def _signatures(thumbs: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Low frequencies of each thumbnail, of length 1 together: even (n, 32) and odd (n, 32) across; rows not too pale.

    Mirroring a picture turns the sign of the odd ones and leaves the rest.
    """
    waves = cosines(thumbs.shape[1], COARSE) if len(thumbs) else cosines(64, COARSE)
    even, odd, kept = [np.empty((0, 32), np.float32)], [np.empty((0, 32), np.float32)], [np.empty(0, np.int64)]
    for start in range(0, len(rows), _BLOCK):
        part = rows[start : start + _BLOCK]
        images = thumbs[part].astype(np.float32)
        part, images = (one[images.std((1, 2)) >= PALE] for one in (part, images))
        found = weighted(waves @ images @ waves.T)  # n,k,k
        found /= np.maximum(np.linalg.norm(found, axis=(1, 2), keepdims=True), 1e-6)
        even.append(found[:, :, 0::2].reshape(len(part), 32))
        odd.append(found[:, :, 1::2].reshape(len(part), 32))
        kept.append(part)
    return np.concatenate(even), np.concatenate(odd), np.concatenate(kept)


class _Likely:
    """Pairs of high coarse correlation; never more than twice `MOST` of them are held."""

    def __init__(self) -> None:
        self.complete = True
        self._least = LIKELY
        self._held = [np.empty((0, 4), np.float64)]
        self._count = 0

    def add(self, even: np.ndarray, odd: np.ndarray, start: int, other: int) -> None:
        """The pairs of two blocks."""
        same = even[start : start + _BLOCK] @ even[other : other + _BLOCK].T
        turns = odd[start : start + _BLOCK] @ odd[other : other + _BLOCK].T
        best = same + np.abs(turns)
        first, second = np.nonzero(best >= self._least)
        kept = first + start < second + other
        first, second = first[kept], second[kept]
        rows = (first + start, second + other, best[first, second], turns[first, second] < 0)
        self._held.append(np.stack([np.asarray(one, np.float64) for one in rows], 1))
        self._count += len(first)
        if self._count > 2 * MOST:
            self._cut()

    def _cut(self) -> None:
        held = np.concatenate(self._held)
        if len(held) > MOST:
            held = held[np.argsort(-held[:, 2], kind="stable")[:MOST]]
            self._least, self.complete = float(held[-1, 2]), False
        self._held, self._count = [held], len(held)

    def pairs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """First, second (int64) and mirrored (bool), by first and second."""
        self._cut()
        held = self._held[0][np.lexsort((self._held[0][:, 1], self._held[0][:, 0]))]
        return held[:, 0].astype(np.int64), held[:, 1].astype(np.int64), held[:, 3] > 0
