"""How fast do picture files become a prepared set, against a loop over the files and bare decoding?"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from alexnet.bench.asked import Asked
from alexnet.bench.loading import load, resize
from alexnet.bench.photographs import gather
from alexnet.bench.result import timed_rows
from alexnet.bench.run import Found
from alexnet.bench.subjects import Say
from alexnet.bench.timing import Case, WallClock, Work, alternate
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
from alexnet.device import Machine

COUNT = 512
SIZE = 256
LOOP, LIMIT = "Pillow loop", "bare decoding"


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """Rows for one process and for all cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        paths, what = gather(asked.pictures, Path(folder) / "pictures", asked.count or COUNT)
        cases = [
            Case(
                name=f"ours, {workers} process" + ("es" if workers > 1 else ""),
                work=our_prepare(Path(folder), workers),
                pictures=len(paths),
                against=(LOOP, LIMIT),
            )
            for workers in dict.fromkeys((1, cores))
        ]
        cases += [
            Case(name=LOOP, work=lambda: square_all(paths), pictures=len(paths)),
            Case(name=LIMIT, work=lambda: decode_all(paths), pictures=len(paths)),
        ]
        found = alternate(cases, rounds=rounds, seconds=asked.seconds, clock=WallClock())
    loop = (
        f"{LOOP}: open, convert, scale and cut to {SIZE} x {SIZE}, keep in memory; ours also writes and lists them. "
        f"{LIMIT.capitalize()}: open and decode at full size, in one process."
    )
    return Found(rows=timed_rows(f"{len(paths)} pictures", cases, found), notes=[what, loop])


def our_prepare(folder: Path, workers: int) -> Work:
    """A call that prepares the pictures, from the listing on, into a folder that is new every time."""

    def work() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as out:
            # What cannot be read stops neither side: the loop below leaves it out as well.
            prepare(list_source(folder / "pictures"), out, size=SIZE, workers=workers, max_left_out=1.0)

    return work


def square_all(paths: Sequence[Path]) -> np.ndarray:
    """Every file as a square, uint8 (N, 256, 256, 3), as a script would do it."""
    squares = np.zeros((len(paths), SIZE, SIZE, 3), np.uint8)
    for place, path in enumerate(paths):
        try:
            image = resize(load(path), SIZE)
        except OSError:
            continue
        left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
        squares[place] = np.asarray(image.crop((left, top, left + SIZE, top + SIZE)))
    return squares


def decode_all(paths: Sequence[Path]) -> None:
    """Every file decoded at its full size, and nothing else."""
    for path in paths:
        try:
            with Image.open(path) as image:
                image.load()
        except OSError:
            continue
