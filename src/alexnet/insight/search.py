"""Which rows of numbers lie nearest to these? Exact, by chunks, Euclidean or cosine; or chosen by faiss.

A chunk's distances come from one product of matrices in float64, |q|^2 + |x|^2 - 2qx, whose rounding is bounded. All
rows that could be among the nearest within that bound are measured again, difference by difference, and these measured
distances order them. So equal rows have distance 0 and not its root of rounding, ties go by row number, and neither
the size of the chunks nor the number of threads changes an answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Metric = Literal["euclidean", "cosine"]
How = Literal["exact", "faiss"]
METRICS: tuple[Metric, ...] = ("euclidean", "cosine")
#: What each is called in a sentence.
CALLED = {"euclidean": "Euclidean distance", "cosine": "cosine distance"}
HOWS: tuple[How, ...] = ("exact", "faiss")

INSTALL = "searching with faiss needs faiss, which {why}; pip install 'alexnet[insight]', or search exactly without it"

#: Bytes of a chunk's rows in float64, and the queries that are compared with it at a time.
CHUNK = 1 << 25
_QUERIES = 256
#: faiss compares in float32: so many candidates beyond those asked for are measured in float64.
_SPARE = 32


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearest:
    """For each query its nearest rows, nearest first; ties by row number."""

    rows: np.ndarray
    """int64 (Q, k)."""
    distances: np.ndarray
    """float64 (Q, k), measured: Euclidean, or 1 - cosine."""


def nearest(
    queries: np.ndarray,
    among: np.ndarray,
    number: int,
    *,
    metric: str = "euclidean",
    how: str = "exact",
    chunk: int = CHUNK,
) -> Nearest:
    """The `number` rows of `among` nearest to each query; all of them where there are fewer.

    The paper compares by Euclidean distance (section 6.1). The cosine distance is 1 - cosine, from 0 to 2, and 1 where
    one of the two is nothing but zeros, which has no direction.

    Args:
        queries: (Q, D). among: (N, D); may lie on the disk, of which one chunk at a time is read.
        how: "exact", or "faiss": its flat index chooses candidates chunk by chunk in float32, which are then measured
            in the same way. The answers are the same unless more than 32 further rows lie within float32's rounding of
            the last one asked for.
        chunk: bytes of rows held at a time, in float64.

    Raises:
        ValueError: an unknown metric or way, a number below 1, rows of different length or values that are not finite,
            nothing to search, or faiss is missing.
    """
    require(metric, how, number)
    queries = np.ascontiguousarray(queries, dtype=np.float64)
    if queries.ndim != 2 or among.ndim != 2 or queries.shape[1] != among.shape[1]:
        raise ValueError(f"rows of {among.shape[1:]} values cannot be compared with queries of {queries.shape[1:]}")
    if len(among) == 0:
        raise ValueError("there are no pictures to search among")
    if not np.isfinite(queries).all():
        raise ValueError("a picture's features are not finite, so nothing is near to it")
    count = min(number, len(among))
    queries = _directions(queries) if metric == "cosine" else queries
    rows = np.full((len(queries), count), -1, np.int64)
    distances = np.full((len(queries), count), np.inf)
    for first, part in _parts(among, chunk):
        part = _directions(part) if metric == "cosine" else part
        for begin in range(0, len(queries), _QUERIES):
            some = slice(begin, begin + _QUERIES)
            pick = _by_faiss if how == "faiss" else _by_bound
            for place, near in enumerate(pick(queries[some], part, count, distances[some, -1], metric), begin):
                measured = _measure(queries[place], part[near], metric)
                both = np.concatenate((distances[place], measured))
                names = np.concatenate((rows[place], first + near))
                best = np.lexsort((names, both))[:count]
                rows[place], distances[place] = names[best], both[best]
    return Nearest(rows=rows, distances=np.sqrt(distances) if metric == "euclidean" else distances)


def require(metric: str, how: str, number: int) -> None:
    """Raise ValueError for what no search can be asked for, or where faiss is asked for and missing."""
    if metric not in METRICS:
        raise ValueError(f"no distance is called {metric!r}; there are {' and '.join(METRICS)}")
    if how not in HOWS:
        raise ValueError(f"no way to search is called {how!r}; there are {' and '.join(HOWS)}")
    if number < 1:
        raise ValueError(f"at least 1 neighbour must be asked for, not {number}")
    if how == "faiss":
        library()


def library() -> Any:
    """faiss. Raises ValueError where it is missing or does not import."""
    try:
        import faiss
    except ImportError as error:
        raise ValueError(INSTALL.format(why=f"is not installed ({error})")) from error
    except RuntimeError as error:
        raise ValueError(INSTALL.format(why=f"does not work here ({error})")) from error
    return faiss


def _parts(among: np.ndarray, chunk: int) -> Iterator[tuple[int, np.ndarray]]:
    """Chunks of rows in float64, each with the number of its first."""
    each = max(1, chunk // (8 * max(1, among.shape[1])))
    for first in range(0, len(among), each):
        part = np.ascontiguousarray(among[first : first + each], dtype=np.float64)
        if not np.isfinite(part).all():
            raise ValueError("some features to search among are not finite; the network's training has diverged")
        yield first, part


def _directions(values: np.ndarray) -> np.ndarray:
    """Rows of length 1, in float64; zeros stay zeros."""
    # A row's largest value first becomes 1: squares of what is very large or small would not be numbers any more.
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0)
    scaled = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    lengths = np.sqrt((scaled * scaled).sum(axis=1, keepdims=True))
    return np.divide(scaled, lengths, out=scaled, where=lengths > 0)


def _by_bound(
    queries: np.ndarray, part: np.ndarray, count: int, reach: np.ndarray, metric: str
) -> Iterator[np.ndarray]:
    """For each query the rows that may be among the `count` nearest; `reach` (Q,) is how far the last found lies.

    Here and there distances are as `_measure` gives them.
    """
    products = queries @ part.T  # Q,n
    own = (queries * queries).sum(axis=1, keepdims=True)  # Q,1
    theirs = (part * part).sum(axis=1)  # n
    rough = own + theirs - 2 * products if metric == "euclidean" else 1 - products
    # A sum of D rounded products errs by D eps times the sum of their sizes, at most |q| |x|; this is safe.
    wrong = 4 * (part.shape[1] + 8) * np.finfo(np.float64).eps * (own[:, 0] + theirs.max())
    kth = np.partition(rough, count - 1, axis=1)[:, count - 1] if count < len(part) else rough.max(axis=1)
    limit = np.minimum(kth + 2 * wrong, reach + wrong)
    for row, most in zip(rough, limit, strict=True):
        yield np.flatnonzero(row <= most)


def _by_faiss(
    queries: np.ndarray, part: np.ndarray, count: int, reach: np.ndarray, metric: str
) -> Iterator[np.ndarray]:
    faiss = library()
    index = (faiss.IndexFlatL2 if metric == "euclidean" else faiss.IndexFlatIP)(part.shape[1])
    index.add(np.ascontiguousarray(part, dtype=np.float32))
    _, found = index.search(np.ascontiguousarray(queries, dtype=np.float32), min(len(part), count + _SPARE))
    yield from (np.sort(row[row >= 0]) for row in found)


def _measure(query: np.ndarray, rows: np.ndarray, metric: str) -> np.ndarray:
    """float64 (n,): squared Euclidean distances; or 1 - cosine, half of the squared one between directions."""
    apart = rows - query
    squared = (apart * apart).sum(axis=1)
    if metric == "euclidean":
        return np.asarray(squared)
    return np.where(query.any() & rows.any(axis=1), squared / 2, 1.0)
