"""How are all pictures of a listing looked at? Part by part, in this process or in several; memory stays bounded.

This file runs in the workers and imports no torch.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Generator

import numpy as np

from alexnet.data.inspect.look import THUMB, Looks, empty, look, place
from alexnet.data.listing import Listing, Reader
from alexnet.data.workers import how_many, in_workers, require

#: Rows that are looked at between two reports.
PART = 128
#: From so many pictures on, thumbnails lie in a file without a name rather than in memory.
ON_DISK = 20_000
#: Bytes of pictures, and pictures, below which more processes are not worth their start.
_FEW_BYTES, _FEW = 30_000_000, 10_000


def survey(listing: Listing, *, workers: int | None = None, report: Callable[[int, int], None] | None = None) -> Looks:
    """Look at every picture of a listing.

    Args:
        workers: processes; None chooses, 1 reads in this process.
        report: told (pictures done, pictures in all).

    Raises:
        ValueError: for fewer than one worker.
        RuntimeError: a process was ended from outside, or failed.
    """
    require(workers)
    total = len(listing)
    looks = empty(total, _thumbs(total))
    starts = range(0, total, PART)
    done = 0
    worth = listing.source_bytes >= _FEW_BYTES or total >= _FEW
    with contextlib.closing(_parts(listing, starts, how_many(workers, len(starts), worth=worth))) as parts:
        for start, part in parts:
            place(looks, start, part)
            done += len(part)
            if report:
                report(done, total)
    return looks


def _thumbs(count: int) -> np.ndarray | None:
    """uint8 (count, THUMB, THUMB) in a file that vanishes with the array; None where it is small."""
    if count < ON_DISK:
        return None
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, np.uint8, "w+", shape=(count, THUMB, THUMB))


def _parts(listing: Listing, starts: range, processes: int) -> Generator[tuple[int, Looks], None, None]:
    """(first row, looks) of every part, in the order in which they are finished."""
    spans = ((start, min(len(listing), start + PART)) for start in starts)
    if processes <= 1:
        return ((start, look(listing.reader(), start, stop)) for start, stop in spans)
    return in_workers(look_at_part, ((listing.reader(*span), *span) for span in spans), processes)


def look_at_part(job: tuple[Reader, int, int], report: Callable[[int], None]) -> tuple[int, Looks]:
    """What a worker does with (reader, first row, the one behind the last): the first row, and its looks."""
    reader, start, stop = job
    return start, look(reader, start, stop)
