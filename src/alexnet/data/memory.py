"""How are pictures that are already in memory a prepared set, without any file?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from alexnet.data.prepared import PreparedSet
from alexnet.data.split import ROLES
from alexnet.data.square import Fit
from alexnet.data.statistics import Moments, Statistics, from_moments

#: Pictures whose sums are taken at once.
_AT_ONCE = 4096


class HeldSet(PreparedSet):
    """Squares in memory with the face of a prepared set; all of them train, and nothing selects.

    Args:
        squares: uint8 (N, 3, S, S), kept as they are and not copied.
        labels: int64 (N,), places in `classes`.
        classes: names of two classes or more.
        fit: how the pictures became squares, kept with the weights.
    """

    def __init__(self, squares: np.ndarray, labels: np.ndarray, classes: Sequence[str], fit: Fit) -> None:
        assert squares.dtype == np.uint8
        assert squares.ndim == 4
        assert squares.shape[1] == 3
        assert len(squares) == len(labels)
        self._squares = squares
        self.path = Path("memory")
        self.name = self.kind = self.location = "memory"
        self.classes = tuple(classes)
        self.size: int = squares.shape[2]
        self.fit = fit
        self.labels = labels.astype(np.int64)
        self.roles = np.full(len(labels), ROLES["train"], np.int8)
        self.rule = "all pictures train"
        self.evaluated = ("test", "")
        self.counts = {name: int((self.roles == role).sum()) for name, role in ROLES.items()}
        self.left_out = self.unreadable = 0
        self.area_lost = self.seconds = 0.0
        self._selects = False
        content = hashlib.sha256(np.ascontiguousarray(squares).data)
        content.update(self.labels.astype("<i8").tobytes() + "\n".join(classes).encode())
        self.fingerprint = content.hexdigest()

    @property
    def origins(self) -> pa.LargeStringArray:  # type: ignore[override]
        """A name for each picture: its number."""
        return pa.array([str(row) for row in range(len(self))], pa.large_string())

    def gather(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The squares of some rows, in their order: uint8 (n, 3, S, S), a copy; into `out` where that is given."""
        if out is None:
            return self._squares[rows]
        out[...] = self._squares[rows]
        return out

    def statistics(self, all_of_train: bool = False) -> Statistics:
        """Of all pictures."""
        moments = Moments.none(self.size)
        for first in range(0, len(self), _AT_ONCE):
            moments += Moments.of(self._squares[first : first + _AT_ONCE])
        return from_moments(moments)
