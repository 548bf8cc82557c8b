"""What is still missing of a prepared set, and how is it made? Shard by shard, in this process or several.

A full disk, a kill or too many unreadable pictures lose nothing that is finished.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import Any

from alexnet.data.finish import finish, unreadable_of, write_left_out
from alexnet.data.listing import Listing
from alexnet.data.origins import shown
from alexnet.data.prepared import REQUEST
from alexnet.data.shards import Job, cut, part_path, pictures_a_shard, shard_path, write_shard
from alexnet.data.square import Fit
from alexnet.data.storage import clear_parts, gigabytes, write_json
from alexnet.data.workers import how_many, in_workers

#: Seconds of work from which more processes are worth their start.
_WORTH = 2.0


def make(
    listing: Listing,
    path: Path,
    request: dict[str, Any],
    *,
    workers: int | None,
    max_left_out: float,
    report: Callable[[int, int], None],
    say: Callable[[str], None],
) -> None:
    """Make all that is missing of a set, in a folder whose lock is held.

    Raises:
        ValueError: when the disk has not room enough, or too many pictures cannot be read.
        OSError: when something cannot be written.
    """
    started, size, fit = time.monotonic(), request["size"], request["fit"]
    clear_parts(path)
    write_json(path / REQUEST, {"format": "alexnet prepare", "request": request})
    for folder in (path / "shards", path / "parts"):
        folder.mkdir(exist_ok=True)
        clear_parts(folder)
    total, step = len(listing), pictures_a_shard(size)
    finished = set(finished_shards(listing, path, size))
    missing = [number for number in range(count_shards(listing, size)) if number not in finished]
    done = sum(min(step, total - number * step) for number in finished)
    _check_space(path, total, total - done, size, say)
    if done:
        say(f"{done:,} of {total:,} pictures were prepared before; going on behind them")
    report(done, total)

    def count(more: int) -> None:
        nonlocal done
        done += more
        report(done, total)

    # Counted as they come, so that a hopeless source stops early.
    left_out = sum(1 for number in finished for _ in unreadable_of(path, number))
    check_left_out(left_out, total, max_left_out, path, listing.left_out)
    jobs = (cut(listing, size, number) for number in missing)
    processes = _processes(workers, listing, total - done, size, len(missing))
    with contextlib.closing(_results(jobs, processes, path, size, fit, count)) as results:
        for more in results:
            left_out += more
            if more:
                check_left_out(left_out, total, max_left_out, path, listing.left_out)
    finish(listing, path, request, lambda: time.monotonic() - started, workers)
    clear(path)


def _results(
    jobs: Iterator[Job], processes: int, path: Path, size: int, fit: Fit, count: Callable[[int], None]
) -> Generator[int, None, None]:
    if processes <= 1:
        return (write_shard(job, path, size, fit, count) for job in jobs)
    return in_workers(write_shard, jobs, processes, (path, size, fit), report=count, kept="what is finished is kept")


def _processes(workers: int | None, listing: Listing, pictures: int, size: int, shards: int) -> int:
    """How many processes: as asked, else one a core where the work is worth their start."""
    # Seconds on one core, measured: opening, filling the square, decoding JPEG.
    share = pictures / len(listing)
    seconds = pictures * (1.2e-4 + 2e-8 * size**2) + share * listing.source_bytes * 6e-8
    return how_many(workers, shards, worth=seconds >= _WORTH)


def _check_space(path: Path, total: int, missing: int, size: int, say: Callable[[str], None]) -> None:
    needed, free = missing * (3 * size * size + 200), shutil.disk_usage(path).free
    if needed > free:
        raise ValueError(
            f"{missing:,} pictures at {size} x {size} pixels need {gigabytes(needed)} in {shown(path)}, but its disk "
            f"has {gigabytes(free)} free; free some space, name a folder on another disk, or choose a smaller --size"
        )
    say(
        f"preparing {total:,} pictures at {size} x {size} pixels: {gigabytes(total * 3 * size * size)} in {shown(path)}"
    )


def count_shards(listing: Listing, size: int) -> int:
    """How many shards a listing gives."""
    return -(-len(listing) // pictures_a_shard(size))


def finished_shards(listing: Listing, path: Path, size: int) -> list[int]:
    """Numbers of the shards that are finished."""
    shards = range(count_shards(listing, size))
    return [number for number in shards if part_path(path, number).exists() and shard_path(path, number).exists()]


def check_left_out(
    unreadable: int, total: int, allowed: float, path: Path, listed: Iterable[tuple[str, str]] | None
) -> None:
    """ValueError when more than the allowed share cannot be read.

    `listed`, what the listing left out, opens the `left_out.csv` that is written before; None if that is there already.
    """
    if unreadable <= allowed * total:
        return
    if listed is not None:
        write_left_out(path, listed)
    parts = sorted((path / "parts").glob("*.parquet"))
    reasons = (reason for part in parts for reason in unreadable_of(path, int(part.stem)))
    first = "; ".join(f"{origin}: {reason}" for (origin, reason), _ in zip(reasons, range(3)))
    said = "" if listed is None else "at least "
    raise ValueError(
        f"{said}{unreadable:,} of {total:,} pictures cannot be read, more than --max-left-out {allowed:.4g} allows"
        f"{f' ({first})' if first else ''}; see {shown(path / 'left_out.csv')}, and mend them or allow more"
    )


def clear(path: Path) -> None:
    """Remove what only an unfinished set needs."""
    shutil.rmtree(path / "parts", ignore_errors=True)
    (path / REQUEST).unlink(missing_ok=True)
    for folder in (path, path / "shards"):
        clear_parts(folder)
