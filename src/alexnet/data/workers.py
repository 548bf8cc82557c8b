"""How do several processes make shards? Fresh interpreters that are sent jobs through a socket, one job at a time each.

They are started by name rather than with `multiprocessing`, which would import the caller's script again in each: so a
script, a notebook and a prompt may call without a guard. A worker ends by itself when its caller is gone, however that
ended. It imports no torch.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path

from alexnet.data.shards import Job, write_shard
from alexnet.data.square import Fit

#: What a worker computes with: one thread each, there are enough workers.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_ENDED = (
    "a process that was reading pictures was ended from outside, perhaps for want of memory; "
    "what is finished is kept: run the same command again, perhaps with fewer workers"
)


def in_workers(
    jobs: Iterator[Job], count: int, out: Path, size: int, fit: Fit, report: Callable[[int], None]
) -> Generator[int, None, None]:
    """Make shards in `count` processes; yields how many pictures each left out, as they are finished.

    Raises:
        OSError: as a worker met it when writing.
        RuntimeError: when a worker ends without a word, e.g. killed for want of memory.
    """
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(_worker(out, size, fit)) for _ in range(count)]
        busy = [worker for worker in workers if _send_next(worker, jobs)]
        while busy:
            for worker in wait(busy):
                assert isinstance(worker, Connection)
                try:
                    kind, value, text = worker.recv()
                except (EOFError, ConnectionResetError):
                    raise RuntimeError(_ENDED) from None
                if kind == "read":
                    report(value)
                elif kind == "finished":
                    yield value
                    if not _send_next(worker, jobs):
                        busy.remove(worker)
                elif kind == "unwritable":
                    raise OSError(value, text)
                else:
                    raise RuntimeError(f"a process that was reading pictures failed:\n{text}")


def _send_next(worker: Connection, jobs: Iterator[Job]) -> bool:
    job = next(jobs, None)
    if job is None:
        return False
    try:
        worker.send(job)
    except (BrokenPipeError, ConnectionResetError):  # it ended after its last report
        raise RuntimeError(_ENDED) from None
    return True


@contextlib.contextmanager
def _worker(out: Path, size: int, fit: Fit) -> Iterator[Connection]:
    ours, theirs = Pipe()
    command = (
        f"import sys; sys.path[:] = {sys.path!r}; from alexnet.data.workers import serve; "
        f"serve({theirs.fileno()}, {os.fspath(out)!r}, {size}, {fit!r})"
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


def serve(descriptor: int, out: str, size: int, fit: Fit) -> None:
    """A worker's life: jobs in, reports out, until the caller closes the socket."""
    caller = Connection(descriptor)

    def report(done: int) -> None:
        caller.send(("read", done, ""))  # fails when the caller is gone, which ends this process

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            job = caller.recv()
            try:
                left_out = write_shard(job, Path(out), size, fit, report)
            except (BrokenPipeError, ConnectionResetError):
                raise
            except OSError as error:
                caller.send(("unwritable", error.errno, error.strerror))
            except Exception:
                caller.send(("failed", 0, traceback.format_exc()))
            else:
                caller.send(("finished", left_out, ""))
