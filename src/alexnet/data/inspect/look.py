"""What is one picture like? Its format, size, contents as hashes, a thumbnail; many of them as columns.

This file runs in worker processes and imports no torch.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image

from alexnet.data.decode import Picture, Unreadable, open_picture
from alexnet.data.listing import Reader
from alexnet.data.sniff import format_of
from alexnet.data.sources.folders import why

#: Side of the thumbnail, pixels: the whole picture, squeezed.
THUMB = 64
#: A picture whose channels each span at most so many levels of 255 is constant: JPEG leaves a ripple.
FLAT = 4
#: A picture is grey if no pixel of its reduced copy has channels further apart than this, levels of 255.
GREY = 6
#: Pixels that are hashed at once, so that a large picture is not held twice.
_BAND = 1 << 22


@dataclass(frozen=True, kw_only=True, eq=False)
class Looks:
    """What was seen of some rows of a listing, column by column; where `reason` is not empty, the rest says nothing."""

    reason: np.ndarray
    """str objects (N,): why a picture cannot be read; empty if it can."""
    format: np.ndarray
    """str objects (N,), such as "JPEG"."""
    mode: np.ndarray
    """str objects (N,), Pillow's, such as "RGB"."""
    width: np.ndarray
    """int32 (N,), of the upright picture, pixels."""
    height: np.ndarray
    """int32 (N,), pixels."""
    bytes: np.ndarray
    """int64 (N,), size of the file."""
    content: np.ndarray
    """uint64 (N, 2), of the SHA-256 of the file."""
    pixels: np.ndarray
    """uint64 (N, 2), of the SHA-256 of size and upright RGB pixels."""
    constant: np.ndarray
    """bool (N,), one colour all over."""
    grey: np.ndarray
    """bool (N,), no colour anywhere."""
    colour: np.ndarray
    """uint8 (N, 3), mean colour."""
    thumb: np.ndarray
    """uint8 (N, THUMB, THUMB), grey."""

    def __len__(self) -> int:
        return len(self.reason)

    @property
    def readable(self) -> np.ndarray:
        """bool (N,)."""
        return np.asarray(self.reason == "")

    @property
    def lost(self) -> np.ndarray:
        """float64 (N,): share of the area that the central square leaves out."""
        longer = np.maximum(1, np.maximum(self.width, self.height))
        return np.asarray(1 - np.minimum(self.width, self.height) / longer)


def empty(count: int, thumbs: np.ndarray | None = None) -> Looks:
    """Columns to be filled; `thumbs` may be given as an array that lies on the disk."""
    return Looks(
        reason=np.full(count, "", object),
        format=np.full(count, "", object),
        mode=np.full(count, "", object),
        width=np.zeros(count, np.int32),
        height=np.zeros(count, np.int32),
        bytes=np.zeros(count, np.int64),
        content=np.zeros((count, 2), np.uint64),
        pixels=np.zeros((count, 2), np.uint64),
        constant=np.zeros(count, bool),
        grey=np.zeros(count, bool),
        colour=np.zeros((count, 3), np.uint8),
        thumb=np.zeros((count, THUMB, THUMB), np.uint8) if thumbs is None else thumbs,
    )


def place(target: Looks, start: int, part: Looks) -> None:
    """Write the rows of `part` into `target` from row `start` on."""
    for field in fields(Looks):
        getattr(target, field.name)[start : start + len(part)] = getattr(part, field.name)


def look(reader: Reader, start: int, stop: int) -> Looks:
    """Look at rows start ... stop-1, one after the other; what cannot be read has a reason."""
    looks = empty(stop - start)
    for row in range(start, stop):
        try:
            _look_at(looks, row - start, reader.read(row))
        except Unreadable as error:
            looks.reason[row - start] = str(error)
        except OSError as error:
            looks.reason[row - start] = why(error)
    return looks


def _look_at(looks: Looks, at: int, data: bytes) -> None:
    looks.bytes[at] = len(data)
    looks.content[at] = _words(hashlib.sha256(data))
    looks.format[at] = format_of(data) or "unknown"
    picture = open_picture(data)
    image = picture.image
    looks.mode[at] = picture.mode
    looks.width[at], looks.height[at] = picture.size
    looks.pixels[at] = _hash_of(picture)
    looks.constant[at] = all(high - low <= FLAT for low, high in image.getextrema())  # type: ignore[misc]
    small = image.resize((THUMB, THUMB), Image.Resampling.BOX, reducing_gap=3.0)
    values = np.asarray(small)
    looks.thumb[at] = np.asarray(small.convert("L"))
    looks.colour[at] = values.reshape(-1, 3).mean(0).round().astype(np.uint8)
    levels = values.astype(np.int16)
    looks.grey[at] = int((levels.max(2) - levels.min(2)).max()) <= GREY


def _hash_of(picture: Picture) -> np.ndarray:
    """Of the size and the pixels, band by band."""
    image = picture.image
    found = hashlib.sha256(b"%d x %d " % image.size)
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        found.update(image.crop((0, top, image.width, min(image.height, top + rows))).tobytes())
    return _words(found)


def _words(found: hashlib._Hash) -> np.ndarray:
    return np.frombuffer(found.digest()[:16], np.uint64)
