"""How do several processes work for one? Fresh interpreters are sent jobs through a socket, one at a time each.

They are started by name rather than with `multiprocessing`, which would import the caller's script again in each: so a
script, a notebook and a prompt may call without a guard. A worker ends by itself when its caller is gone, however that
ended. It imports the module of the work it is given, and no torch.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, TypeVar

T = TypeVar("T")

#: What a worker computes with: one thread each, there are enough workers.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
#: Processes at most that are started unasked: each takes some 60 MB.
_MOST = 64


def require(workers: int | None) -> None:
    """ValueError for a number of processes below 1; None leaves the choice to `how_many`."""
    if workers is not None and workers < 1:
        raise ValueError(f"--workers must be 1 or more, or left away for as many as there are cores, not {workers}")


def how_many(workers: int | None, jobs: int, *, worth: bool) -> int:
    """Processes for so many jobs: as asked, else one a core where the work is worth their start; 1 = none but this."""
    if workers is not None:
        return min(workers, jobs)
    if not worth:
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST, jobs)


def in_workers(
    work: Callable[..., T],
    jobs: Iterator[Any],
    count: int,
    arguments: tuple[Any, ...] = (),
    *,
    report: Callable[[int], None] = lambda done: None,
    kept: str = "",
) -> Generator[T, None, None]:
    """`work(job, *arguments, report)` of every job in `count` processes; yields the values as they come.

    Args:
        work: a function that its module has under its own name; jobs, arguments and values can be pickled.
        report: told what `work` reports while it works.
        kept: what of the work is not lost when a worker is ended, for the error that says so.

    Raises:
        OSError: as a worker met it.
        RuntimeError: when a worker ends without a word, e.g. killed for want of memory, or `work` fails.
    """
    ended = RuntimeError(
        "a process that was reading pictures was ended from outside, perhaps for want of memory; "
        f"{kept + ': ' if kept else ''}run the same command again, perhaps with fewer workers"
    )
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker()) for _ in range(count)]
        try:
            for worker in workers:
                worker.send((work, arguments))
            busy = [worker for worker in workers if _send_next(worker, jobs)]
            while busy:
                for worker in wait(busy):
                    assert isinstance(worker, Connection)
                    kind, value, text = worker.recv()
                    if kind == "report":
                        report(value)
                    elif kind == "done":
                        yield value
                        if not _send_next(worker, jobs):
                            busy.remove(worker)
                    elif kind == "refused":
                        raise OSError(value, text)
                    else:
                        raise RuntimeError(f"a process that was reading pictures failed:\n{text}")
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise ended from None


def _send_next(worker: Connection, jobs: Iterator[Any]) -> bool:
    job = next(jobs, None)
    if job is not None:
        worker.send(job)
    return job is not None


@contextlib.contextmanager
def _worker() -> Iterator[Connection]:
    ours, theirs = Pipe()
    command = (
        f"import sys; sys.path[:] = {sys.path!r}; from alexnet.data.workers import serve; serve({theirs.fileno()})"
    )
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
    """A worker's life: the work first, then jobs in and reports out, until the caller closes the socket."""
    caller = Connection(descriptor)

    def report(done: int) -> None:
        caller.send(("report", done, ""))  # fails when the caller is gone, which ends this process

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work, arguments = caller.recv()
        while True:
            job = caller.recv()
            try:
                value = work(job, *arguments, report)
            except (BrokenPipeError, ConnectionResetError):
                raise
            except OSError as error:
                caller.send(("refused", error.errno, error.strerror))
            except Exception:
                caller.send(("failed", 0, traceback.format_exc()))
            else:
                caller.send(("done", value, ""))
