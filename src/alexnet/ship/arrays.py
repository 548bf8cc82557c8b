"""Which pictures does an X of scikit-learn's hold? Arrays of pictures, paths, or rows of numbers, as squares."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from sklearn.utils.validation import validate_data

from alexnet.data.square import Fit, to_square
from alexnet.scoring.infer import read_square

if TYPE_CHECKING:
    from alexnet.ship.estimator import AlexNetClassifier

#: Pictures that are turned into squares at a time.
_AT_ONCE = 512


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """What an X holds."""

    values: np.ndarray
    """(N, H, W, 3) of numbers, or (N,) of paths."""
    flat: bool
    """Whether they came as rows of numbers."""
    low: float
    high: float
    """The numbers that become 0 and 255."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def side(self) -> int:
        """Shorter side, pixels; of files, of the first one that opens."""
        if self.values.ndim > 1:
            return int(min(self.values.shape[1:3]))
        for path in self.values[:64]:
            try:
                with Image.open(path) as image:
                    return min(image.size)
            except (OSError, ValueError):  # told when it is read
                continue
        return 0

    def squares(self, size: int, fit: Fit, batch: int = _AT_ONCE) -> Iterator[np.ndarray]:
        """uint8 (n, 3, size, size), `batch` at a time. Raises ValueError for a file that cannot be read."""
        for first in range(0, len(self), batch):
            some = self.values[first : first + batch]
            if some.ndim == 1:
                found = [_read(Path(path), size, fit) for path in some]
            else:
                found = [to_square(picture, size, fit)[0] for picture in self._levels(some)]
            yield np.ascontiguousarray(np.stack(found).transpose(0, 3, 1, 2))

    def _levels(self, values: np.ndarray) -> np.ndarray:
        """Grey levels, uint8."""
        if values.dtype == np.uint8:
            return values
        spread = (self.high - self.low) or 1.0
        share = (values.astype(np.float64) - self.low) / spread
        return np.rint(255 * share.clip(0, 1)).astype(np.uint8)


def _read(path: Path, size: int, fit: Fit) -> np.ndarray:
    square, reason = read_square(path, size, fit)
    if square is None:
        raise ValueError(f"{path} cannot be read: {reason}")
    return square


def look_at_input(estimator: AlexNetClassifier, x: Any, *, fitting: bool) -> Pictures:
    """The pictures in an X; in fitting, notes on the estimator what kind they are, which predicting then insists on.

    Raises:
        ValueError: a shape, type or values that are none of those an X may have, or another kind than in fitting.
    """
    held = x if isinstance(x, np.ndarray) else _array(x)
    if held is not None and held.ndim == 1 and len(held) and all(isinstance(one, str | os.PathLike) for one in held):  # pyrefly: ignore[implicit-any-type-argument]
        values, flat = held, False
    elif held is not None and held.ndim in (3, 4) and held.dtype.kind in "uifb":
        values, flat = _coloured(held), False
    else:
        values, flat = _square_rows(validate_data(estimator, x, reset=fitting, dtype="numeric")), True
    if fitting:
        estimator.flat_ = flat
        if not flat and hasattr(estimator, "n_features_in_"):
            del estimator.n_features_in_
        numbers = values.ndim > 1 and values.dtype != np.uint8
        estimator.range_ = (float(values.min()), float(values.max())) if numbers else (0.0, 255.0)
    elif flat != estimator.flat_:
        kinds = ("pictures or paths", "rows of numbers")
        raise ValueError(f"it was trained on {kinds[estimator.flat_]} and is asked about {kinds[flat]}")
    low, high = estimator.range_
    return Pictures(values=values, flat=flat, low=low, high=high)


def _array(x: Any) -> np.ndarray | None:
    """A list or tuple as an array, where that can be told from a table; else None, for scikit-learn to judge."""
    if not isinstance(x, list | tuple) or not len(x):  # pyrefly: ignore[implicit-any-type-argument]
        return None
    if isinstance(x[0], str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
        return np.array([os.fspath(one) for one in x], object)
    shapes = {np.shape(one) for one in x} if isinstance(x[0], np.ndarray) else set()
    return np.stack(x) if len(shapes) == 1 and len(next(iter(shapes))) in (2, 3) else None


def _coloured(values: np.ndarray) -> np.ndarray:
    """N,H,W or N,H,W,3 or N,H,W,1 to N,H,W,3."""
    if values.ndim == 4 and values.shape[3] not in (1, 3):
        raise ValueError(f"pictures are (N, H, W, 3) or (N, H, W), not {values.shape}")
    if 0 in values.shape:
        raise ValueError(f"there are no pictures in an array of shape {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError("the pictures contain NaN or infinity")
    values = values[..., None] if values.ndim == 3 else values
    return np.broadcast_to(values, (*values.shape[:3], 3))


def _square_rows(rows: np.ndarray) -> np.ndarray:
    """N,D to N,a,a,3: D = a*a*3 in colour, else grey, filled up with zeros to the next a*a."""
    count, wide = rows.shape
    side = math.isqrt(wide // 3)
    if side * side * 3 == wide:
        return rows.reshape(count, side, side, 3)
    side = math.isqrt(wide - 1) + 1
    filled = np.zeros((count, side * side), rows.dtype)
    filled[:, :wide] = rows
    return _coloured(filled.reshape(count, side, side))
