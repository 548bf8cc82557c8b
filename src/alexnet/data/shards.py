"""How does a run of a listing's rows become a shard: squares in one file, what is known of them in another?

This file runs in the workers and imports no torch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.data.columns import column
from alexnet.data.decode import Unreadable
from alexnet.data.listing import Listing, Reader
from alexnet.data.sources.folders import why
from alexnet.data.square import Fit, load_planes
from alexnet.data.storage import placed

#: A shard has at most so many bytes and pictures: little is lost by a kill, and small sets keep several workers busy.
SHARD_BYTES, SHARD_PICTURES = 64 << 20, 1024
#: Pictures between two reports.
_REPORT = 32

PART_SCHEMA = pa.schema(
    [
        ("origin", pa.large_string()),
        ("label", pa.int32()),
        ("split", pa.int8()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("lost", pa.float32()),
        ("sha256", pa.binary()),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One shard to be made: rows `start` ... of a listing."""

    number: int
    start: int
    reader: Reader
    origins: tuple[str, ...]
    labels: np.ndarray
    splits: np.ndarray


def shard_path(out: Path, number: int) -> Path:
    """The file of a shard's squares: uint8 (n, 3, S, S), row after row, nothing else."""
    return out / "shards" / f"{number:06d}.bin"


def part_path(out: Path, number: int) -> Path:
    """The file of a shard's facts; it is written last, so that it marks the shard as finished."""
    return out / "parts" / f"{number:06d}.parquet"


def pictures_a_shard(size: int) -> int:
    """How many rows of the listing a shard takes. Depends on the size alone, so that a resumed set is cut the same."""
    return max(1, min(SHARD_PICTURES, SHARD_BYTES // (3 * size * size)))


def cut(listing: Listing, size: int, number: int) -> Job:
    """The job of shard `number`."""
    step = pictures_a_shard(size)
    rows = slice(number * step, min(len(listing), (number + 1) * step))
    return Job(
        number=number,
        start=rows.start,
        reader=listing.reader(rows.start, rows.stop),
        origins=tuple(listing.origins[rows].to_pylist()),
        labels=listing.labels[rows],
        splits=listing.splits[rows],
    )


def write_shard(job: Job, out: Path, size: int, fit: Fit, report: Callable[[int], None]) -> int:
    """Make a shard; returns how many pictures were left out. Squares go to the file one by one, none is kept.

    Args:
        report: told now and then how many pictures are done since it was last told.

    Raises:
        OSError: when the shard cannot be written; pictures that cannot be read have a reason in its facts instead.
    """
    facts: dict[str, list[object]] = {name: [] for name in ("width", "height", "lost", "sha256", "reason")}
    left_out = done = 0
    with placed(shard_path(out, job.number)) as file:
        for place in range(len(job.origins)):
            content, reason, square = None, None, None
            width = height = lost = None
            try:
                data = job.reader.read(job.start + place)
                content = hashlib.sha256(data).digest()
                square, lost, (width, height) = load_planes(data, size, fit)  # 3,S,S
            except Unreadable as error:
                reason = str(error)
            except OSError as error:
                reason = why(error)
            if square is not None:
                file.write(square)
            else:
                left_out += 1
            for name, value in zip(facts, (width, height, lost, content, reason), strict=True):
                facts[name].append(value)
            done += 1
            if done == _REPORT:
                report(done)
                done = 0
    with placed(part_path(out, job.number)) as file:
        values = {"origin": job.origins, "label": job.labels, "split": job.splits, **facts}
        table = pa.table([column(values[kind.name], kind.type) for kind in PART_SCHEMA], schema=PART_SCHEMA)
        pq.write_table(table, file)
    report(done)
    return left_out
