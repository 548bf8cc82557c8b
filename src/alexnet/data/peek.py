"""How many pictures are there, and how large? What a choice of recipe needs, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alexnet.data.decode import Unreadable, picture_size
from alexnet.data.sources import Listing

#: Pictures whose headers are read.
SAMPLE = 64


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """What is known of the pictures before they are prepared."""

    name: str
    pictures: int
    """Those that train, as far as can be known before identical ones are found."""
    classes: int
    side: int
    """Median shorter side of a sample, pixels."""


def peek(listing: Listing) -> DataFacts:
    """Facts of a listing from its columns and the headers of a sample spread over it, unreadable ones apart."""
    count = len(listing.labels)
    given = int((listing.splits == 0).sum())
    reader = listing.reader()
    sides = []
    for place in np.linspace(0, count - 1, min(count, SAMPLE)).astype(int):
        try:
            sides.append(min(picture_size(reader.read(int(place)))))
        except (Unreadable, OSError):  # told when it is decoded
            continue
    return DataFacts(
        name=listing.name,
        pictures=given or round(0.8 * count),
        classes=len(listing.classes),
        side=int(np.median(sides)) if sides else 0,
    )
