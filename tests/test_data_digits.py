"""Are the embedded digits what scikit-learn has, as pictures?"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from alexnet.data.decode import decode
from alexnet.data.sources import list_source


def test_the_digits_are_scikit_learns() -> None:
    digits = load_digits()
    listing = list_source("digits")
    assert (listing.kind, listing.name, listing.location, len(listing)) == ("digits", "digits", "digits", 1797)
    assert listing.classes == tuple("0123456789")
    assert (listing.labels == digits.target).all()
    assert listing.origins[42].as_py() == "digits/0042"
    reader = listing.reader(0, 1797)
    for row in (0, 42, 1796):
        picture = decode(reader.read(row))
        assert (picture == np.rint(digits.images[row] * 255 / 16)[:, :, None]).all()
        assert reader.read(row).startswith(b"\x89PNG")


def test_the_listing_is_the_same_every_time() -> None:
    assert list_source("digits").digest == list_source("digits").digest
