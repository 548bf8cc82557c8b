"""Which pictures are there more than once? The same file, the same pixels, or nearly so; across splits and classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alexnet.data.inspect.alike import Pairs, find_alike
from alexnet.data.inspect.look import Looks
from alexnet.data.listing import SPLITS, Listing

#: What the kinds of copies are called, in the order of `Copies.kind`.
KINDS = ("same file", "same pixels", "nearly the same")


@dataclass(frozen=True, kw_only=True, eq=False)
class Copies:
    """Pairs of copies: of exact copies each with the first of its group, of near ones each pair that was found."""

    first: np.ndarray
    """int64 (P,), rows of the listing."""
    second: np.ndarray
    """int64 (P,)."""
    kind: np.ndarray
    """int8 (P,), places in `KINDS`."""
    similarity: np.ndarray
    """float32 (P,), 1 for exact copies."""
    mirrored: np.ndarray
    """bool (P,)."""
    groups: np.ndarray
    """int64 (N,), a number for every picture of the listing, shared by copies of each other and copies of those."""
    exact_groups: np.ndarray
    """int64 (N,), the same by exact copies alone."""
    searched: bool
    """Whether near copies were looked for."""
    complete: bool
    """False where there were more likely pairs than could be looked at closely."""

    def __len__(self) -> int:
        return len(self.first)


def find_copies(
    listing: Listing,
    looks: Looks,
    *,
    near: float | None = None,
    search: bool = True,
    report: Callable[[int, int], None] | None = None,
) -> Copies:
    """Copies among the readable pictures that are not of one colour.

    Args:
        near: similarity from which a pair is nearly the same; None = what `alike` takes.
        search: whether to look for near copies at all.
        report: told (pictures done, in all) of the search.
    """
    usable = np.flatnonzero(looks.readable & ~looks.constant)
    files, pixels = _groups(looks.content, usable), _groups(looks.pixels, usable)
    first = pixels[usable]
    copies = usable[first != usable]
    originals = pixels[copies]
    kind = np.where(files[copies] == files[originals], 0, 1)
    pairs = _none()
    if search:
        sides = np.minimum(looks.width, looks.height)
        pairs = find_alike(looks.thumb, usable[first == usable], sides, near=near, report=report)
    return Copies(
        first=np.concatenate((originals, pairs.first)),
        second=np.concatenate((copies, pairs.second)),
        kind=np.concatenate((kind, np.full(len(pairs), 2))).astype(np.int8),
        similarity=np.concatenate((np.ones(len(copies), np.float32), pairs.similarity)),
        mirrored=np.concatenate((np.zeros(len(copies), bool), pairs.mirrored)),
        groups=_joined(pixels, pairs.first, pairs.second),
        exact_groups=pixels,
        searched=search,
        complete=pairs.complete,
    )


def across_classes(groups: np.ndarray, listing: Listing) -> np.ndarray:
    """Rows (int64) of pictures that have a copy with another label."""
    return _mixed(groups, listing.labels)


def leaked(groups: np.ndarray, listing: Listing) -> dict[str, np.ndarray]:
    """For val and test, where they are named: rows (int64) of their pictures that have a copy in train."""
    found = {}
    in_train = np.zeros(int(groups.max(initial=0)) + 1, bool)
    in_train[groups[listing.splits == SPLITS["train"]]] = True
    for name in ("val", "test"):
        rows = np.flatnonzero(listing.splits == SPLITS[name])
        if len(rows):
            found[name] = rows[in_train[groups[rows]]]
    return found


def _mixed(groups: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Rows of groups that hold more than one value."""
    low = np.full(len(groups), np.iinfo(np.int64).max)
    high = np.full(len(groups), -1)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    return np.flatnonzero(low[groups] != high[groups])


def _groups(hashes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For every row the first row with the same hash, int64 (N,); itself for those not in `rows`."""
    found = np.arange(len(hashes))
    order = rows[np.lexsort((rows, hashes[rows, 1], hashes[rows, 0]))]
    if len(order):
        start = np.ones(len(order), bool)
        start[1:] = (hashes[order[1:]] != hashes[order[:-1]]).any(1)
        found[order] = order[start][np.cumsum(start) - 1]
    return found


def _joined(groups: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Groups after joining those of each pair: the number is the smallest row in it."""
    parent = groups.copy()

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = int(parent[row])
        return row

    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        a, b = root(a), root(b)
        parent[max(a, b)] = min(a, b)
    return np.array([root(row) for row in range(len(parent))], np.int64)


def _none() -> Pairs:
    rows = np.empty(0, np.int64)
    return Pairs(first=rows, second=rows, similarity=np.empty(0, np.float32), mirrored=np.empty(0, bool), complete=True)
