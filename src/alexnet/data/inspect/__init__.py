"""What does `check` find in a source? Counts, sizes, what cannot be read, odd pictures, copies, imbalance, area lost.

Nothing is written here, and the pictures are only read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet.data.inspect.copies import Copies, across_classes, find_copies, leaked
from alexnet.data.inspect.look import Looks
from alexnet.data.inspect.survey import survey
from alexnet.data.listing import SPLITS, Listing

#: Longer side over shorter side from which a shape is extreme: the crop then loses two thirds or more.
EXTREME = 3.0
#: A picture is tiny if its shorter side is below a quarter of the median one, but no more than so many pixels.
TINY = 32
#: Grey pictures are told of where they are fewer than this share, and coloured ones where those are.
FEW_GREY = 0.2
#: Largest class over smallest from which classes are told to be unbalanced.
UNBALANCED = 3.0
#: Training pictures of a class below which it is told to be small.
SMALL_CLASS = 10

#: Formats that an extension stands for, as `sniff.format_of` names them.
_FORMATS = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), "JPEG"),
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".bmp", ".dib"), "BMP"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PNM"),
    **dict.fromkeys((".jp2", ".j2k"), "JPEG 2000"),
    ".png": "PNG",
    ".gif": "GIF",
    ".webp": "WebP",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIF",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Inspection:
    """What was found; rows are numbers of the listing's rows, int64, ascending unless said otherwise."""

    listing: Listing
    looks: Looks
    copies: Copies
    unreadable: np.ndarray
    misnamed: np.ndarray
    """Readable, but the extension stands for another format than the file holds."""
    constant: np.ndarray
    tiny: np.ndarray
    extreme: np.ndarray
    """Of extreme shape, the longest first."""
    odd_colour: np.ndarray
    """Grey among colour, or coloured among grey."""
    odd_colour_name: str
    """"grey" or "coloured"."""

    @property
    def contradictory(self) -> np.ndarray:
        """Pictures with an exact copy that has another label."""
        return across_classes(self.copies.exact_groups, self.listing)

    @property
    def doubtful(self) -> np.ndarray:
        """Pictures with a near copy that has another label, and no exact one that has."""
        return np.setdiff1d(across_classes(self.copies.groups, self.listing), self.contradictory)

    @property
    def leaked(self) -> dict[str, np.ndarray]:
        """Pictures of val and test that have a copy in train."""
        return leaked(self.copies.groups, self.listing)

    def counts(self) -> np.ndarray:
        """Readable pictures by class and split, int64 (K, 4): train, val, test, no split named."""
        table = np.zeros((len(self.listing.classes), 4), np.int64)
        readable = self.looks.readable
        np.add.at(table, (self.listing.labels[readable], self.listing.splits[readable] % 4), 1)
        return table

    def taught(self) -> np.ndarray:
        """Readable pictures of each class to learn from, int64 (K,): those of train, or all without splits."""
        counts = self.counts()
        named = counts[:, SPLITS["train"]]
        return named if named.any() else counts.sum(1)

    def area_lost(self) -> np.ndarray:
        """Mean share of the area that the crop cuts off, by class, float64 (K,); nan without a picture."""
        readable = self.looks.readable
        labels, count = self.listing.labels[readable], len(self.listing.classes)
        total = np.bincount(labels, self.looks.lost[readable], count)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / np.bincount(labels, minlength=count))

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; shares from 0 to 1, sizes in pixels and bytes."""
        from alexnet.data.inspect.findings import facts

        return facts(self)


def inspect(
    listing: Listing,
    *,
    near: float | None = None,
    search: bool = True,
    workers: int | None = None,
    report: Callable[[int, int], None] | None = None,
    searching: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Look at every picture of a listing.

    Args:
        near, search: of `find_copies`.
        workers: processes that decode; None chooses.
        report, searching: told (pictures done, in all) of the decoding, and of the search for near copies.

    Raises:
        ValueError: `near` is no similarity, or `workers` no number of processes.
    """
    if near is not None and not 0.5 <= near <= 1:
        raise ValueError(f"--near is a similarity from 0.5 to 1 (1 = equal), not {near}")
    looks = survey(listing, workers=workers, report=report)
    readable = looks.readable
    copies = find_copies(listing, looks, near=near, search=search, report=searching)
    odd, odd_name = _odd_colour(looks)
    short, long = np.minimum(looks.width, looks.height), np.maximum(looks.width, looks.height)
    limit = min(TINY, float(np.median(short[readable])) / 4) if readable.any() else 0
    ratio = long / np.maximum(short, 1)
    extreme = np.flatnonzero(readable & (ratio >= EXTREME))
    return Inspection(
        listing=listing,
        looks=looks,
        copies=copies,
        unreadable=np.flatnonzero(~readable),
        misnamed=_misnamed(listing, looks),
        constant=np.flatnonzero(readable & looks.constant),
        tiny=np.flatnonzero(readable & (short < limit)),
        extreme=extreme[np.argsort(-ratio[extreme], kind="stable")],
        odd_colour=odd,
        odd_colour_name=odd_name,
    )


def _odd_colour(looks: Looks) -> tuple[np.ndarray, str]:
    seen = looks.readable & ~looks.constant
    grey, coloured = np.flatnonzero(seen & looks.grey), np.flatnonzero(seen & ~looks.grey)
    few, name = (grey, "grey") if len(grey) <= len(coloured) else (coloured, "coloured")
    return (few, name) if len(few) < FEW_GREY * seen.sum() else (few[:0], name)


def _misnamed(listing: Listing, looks: Looks) -> np.ndarray:
    rows = []
    for row, origin in enumerate(listing.origins.to_pylist()):
        expected = _FORMATS.get(os.path.splitext(str(origin))[1].lower())
        if expected and not looks.reason[row] and looks.format[row] != expected:
            rows.append(row)
    return np.array(rows, np.int64)


def counted(values: np.ndarray) -> dict[str, int]:
    """How often each value occurs, the most frequent first."""
    return dict(Counter(values.tolist()).most_common())
