"""How does a row of real numbers become a short binary code, and which codes are near? Signs, packed; bits that differ.

The signs are those of the rows' first principal components, turned by iterative quantization so that they lose least
(Gong and Lazebnik 2011, Iterative quantization: a Procrustean approach to learning binary codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from alexnet import draws

Method = Literal["itq", "pca"]
METHODS: tuple[Method, ...] = ("itq", "pca")

#: Turns of iterative quantization; the authors' number.
_TURNS = 50
#: Rows that codes are fitted to, at most; of rows longer than the first number only so many, for eigh's sake.
_FITTED_LONG, _FITTED = 2048, 4096
#: Rows that are encoded at a time, and pairs of codes compared at a time.
_AT_ONCE, _PAIRS = 2048, 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class Basis:
    """In which directions rows differ."""

    mean: np.ndarray
    """float64 (D,)."""
    components: np.ndarray
    """float64 (D, r): orthogonal directions of length 1 and of falling variance, as many as there are."""
    centred: np.ndarray
    """float64 (n, D): the rows it was made of, less their mean."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coder:
    """What turns rows into codes of so many bits."""

    mean: np.ndarray
    """float64 (D,)."""
    directions: np.ndarray
    """float64 (D, bits): a bit is 1 where the centred row lies on the positive side."""

    @property
    def bits(self) -> int:
        return self.directions.shape[1]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Rows (N, D) -> codes uint8 (N, bits / 8 rounded up), eight bits a byte, the first bit highest."""
        parts = [
            np.packbits((values[first : first + _AT_ONCE] - self.mean) @ self.directions > 0, axis=1)
            for first in range(0, len(values), _AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.empty((0, -(-self.bits // 8)), np.uint8)


def basis(values: np.ndarray, *, seed: int = 0) -> Basis:
    """The principal components of rows (N, D); of more than some thousands so many are taken, drawn for `seed`."""
    most = _FITTED_LONG if values.shape[1] > _FITTED_LONG else _FITTED
    if len(values) > most:
        values = values[np.sort(draws.order(seed, 0, len(values), "codes")[:most].numpy())]
    rows = np.asarray(values, dtype=np.float64)
    mean = rows.mean(axis=0)
    return Basis(mean=mean, components=_components(rows - mean), centred=rows - mean)


def fit(found: Basis, bits: int, *, method: str = "itq", seed: int = 0) -> Coder:
    """A coder for rows like those a basis was made of.

    Args:
        bits: at most the number of directions in which the rows differ.
        method: "itq", or "pca" for the signs of the principal components as they are.

    Raises:
        ValueError: an unknown method, or more bits than there are directions.
    """
    if method not in METHODS:
        raise ValueError(f"no way to make codes is called {method!r}; there are {' and '.join(METHODS)}")
    most = found.components.shape[1]
    if not 1 <= bits <= most:
        raise ValueError(
            f"codes of {bits} bits cannot be made of these features, which differ in {most} directions; "
            "ask for 1 bit or more, and no more than so many"
        )
    directions = found.components[:, :bits]
    if method == "itq":
        directions = directions @ _rotation(found.centred @ directions, seed)
    return Coder(mean=found.mean, directions=directions)


def _components(centred: np.ndarray) -> np.ndarray:
    """Directions (D, r) of falling variance, as many as there are beyond rounding; each's largest part is positive."""
    wide = centred.shape[1] <= centred.shape[0]
    values, vectors = np.linalg.eigh(centred.T @ centred if wide else centred @ centred.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    kept = values > max(centred.shape) * np.finfo(np.float64).eps * max(values[0], 0)
    if not values[0] > 0:
        kept[:] = False
    values, vectors = values[kept], vectors[:, kept]
    directions = vectors if wide else centred.T @ vectors / np.sqrt(values)
    largest = np.abs(directions).argmax(axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])


def _rotation(projected: np.ndarray, seed: int) -> np.ndarray:
    """Orthogonal (bits, bits) that brings the projections (N, bits) near to corners of a cube: quantization and its
    best rotation (the orthogonal Procrustes problem) in turn, from one drawn at random."""
    bits = projected.shape[1]
    drawn = draws.normal(draws.keys(seed, 0, torch.arange(bits)), "itq", bits).numpy().astype(np.float64)
    turned, upper = np.linalg.qr(drawn)
    turned *= np.sign(np.diag(upper))
    for _ in range(_TURNS):
        corners = np.where(projected @ turned > 0, 1.0, -1.0)
        left, _, right = np.linalg.svd(projected.T @ corners)
        turned = left @ right
    return np.asarray(turned)


def hamming(queries: np.ndarray, among: np.ndarray) -> np.ndarray:
    """In how many bits codes differ: uint8 (Q, B) and (N, B) -> int16 (Q, N), by exclusive or and a count of ones."""
    one, other = _words(queries), _words(among)
    apart = np.zeros((len(one), len(other)), np.int16)
    each = max(1, _PAIRS // max(1, len(other)))
    for first in range(0, len(one), each):
        for word in range(one.shape[1]):
            differing = one[first : first + each, word, None] ^ other[None, :, word]
            apart[first : first + each] += np.bitwise_count(differing)
    return apart


def nearest_codes(queries: np.ndarray, among: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 (Q, k) of the codes that differ in fewest bits, ties by row number, and in how many: int16 (Q, k)."""
    count = min(number, len(among))
    rows, bits = np.empty((len(queries), count), np.int64), np.empty((len(queries), count), np.int16)
    each = max(1, _PAIRS // max(1, len(among)))
    for first in range(0, len(queries), each):
        apart = hamming(queries[first : first + each], among)
        best = np.argsort(apart, axis=1, kind="stable")[:, :count]
        rows[first : first + each] = best
        bits[first : first + each] = np.take_along_axis(apart, best, axis=1)
    return rows, bits


def _words(codes: np.ndarray) -> np.ndarray:
    """uint8 (N, B) -> uint64 (N, B / 8 rounded up)."""
    padded = np.zeros((len(codes), -(-codes.shape[1] // 8) * 8), np.uint8)
    padded[:, : codes.shape[1]] = codes
    return padded.view(np.uint64)
