"""How are all pictures of a listing looked at? Part by part, in this process or in several; memory stays bounded.

The processes are started by name, as those of `workers.py` are and for the same reasons; they import no torch.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection, Pipe, wait

import numpy as np

from alexnet.data.listing import Listing
from alexnet.data.look import THUMB, Looks, empty, look, place

#: Rows that are looked at between two reports.
PART = 128
#: From so many pictures on, thumbnails lie in a file without a name rather than in memory.
ON_DISK = 20_000
#: Bytes of pictures, and pictures, below which more processes are not worth their start.
_FEW_BYTES, _FEW = 30_000_000, 10_000
_WORKERS = 8
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def survey(listing: Listing, *, workers: int | None = None, report: Callable[[int, int], None] | None = None) -> Looks:
    """Look at every picture of a listing.

    Args:
        workers: processes; None chooses, 1 reads in this process.
        report: told (pictures done, pictures in all).

    Raises:
        ValueError: for fewer than one worker.
        RuntimeError: a process was ended from outside, or failed.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"--workers must be 1 or more, or left away for as many as there are cores, not {workers}")
    total = len(listing)
    looks = empty(total, _thumbs(total))
    starts = range(0, total, PART)
    done = 0
    with contextlib.closing(_parts(listing, starts, _processes(listing, workers, len(starts)))) as parts:
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


def _processes(listing: Listing, workers: int | None, parts: int) -> int:
    if workers is not None:
        return min(workers, parts)
    if listing.source_bytes < _FEW_BYTES and len(listing) < _FEW:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _WORKERS, parts)


def _parts(listing: Listing, starts: range, processes: int) -> Generator[tuple[int, Looks], None, None]:
    """(first row, looks) of every part, in the order in which they are finished."""
    stop = len(listing)
    if processes <= 1:
        for start in starts:
            yield start, look(listing.reader(), start, min(stop, start + PART))
        return
    waiting = iter(starts)
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker()) for _ in range(processes)]
        busy = [worker for worker in workers if _send_next(worker, listing, waiting)]
        while busy:
            for worker in wait(busy):
                assert isinstance(worker, Connection)
                try:
                    start, part, failure = worker.recv()
                except (EOFError, ConnectionResetError):
                    raise RuntimeError("a process that was reading pictures was ended from outside") from None
                if part is None:
                    raise RuntimeError(f"a process that was reading pictures failed:\n{failure}")
                if not _send_next(worker, listing, waiting):
                    busy.remove(worker)
                yield start, part


def _send_next(worker: Connection, listing: Listing, waiting: Iterator[int]) -> bool:
    start = next(waiting, None)
    if start is None:
        return False
    stop = min(len(listing), start + PART)
    try:
        worker.send((listing.reader(start, stop), start, stop))
    except (BrokenPipeError, ConnectionResetError):
        raise RuntimeError("a process that was reading pictures was ended from outside") from None
    return True


@contextlib.contextmanager
def _worker() -> Iterator[Connection]:
    ours, theirs = Pipe()
    command = f"import sys; sys.path[:] = {sys.path!r}; from alexnet.data.survey import serve; serve({theirs.fileno()})"
    process = subprocess.Popen(
        [sys.executable, "-c", command],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        env=os.environ | _ONE_THREAD,
        start_new_session=True,  # so that Ctrl-C reaches the caller alone, which decides
    )
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()  # which ends the worker
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def serve(descriptor: int) -> None:
    """A worker's life: (reader, start, stop) in, (start, looks, failure) out, until the caller closes the socket."""
    caller = Connection(descriptor)
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            reader, start, stop = caller.recv()
            try:
                part, failure = look(reader, start, stop), ""
            except Exception:
                part, failure = None, traceback.format_exc()
            caller.send((start, part, failure))
