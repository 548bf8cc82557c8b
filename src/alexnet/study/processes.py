"""How are many runs made on this machine? A process a run, one for each core or GPU: `run_all`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from alexnet.study.planned import PlannedRun
from alexnet.study.progress import Watcher
from alexnet.study.store import LOG, Store
from alexnet.study.supervise import Working, supervise
from alexnet.study.work import SAVE_EVERY, WATCHED

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_all(
    planned: Sequence[PlannedRun],
    store: Store,
    *,
    jobs: int = 0,
    device: str = "auto",
    threads: int = 1,
    progress: Watcher | None = None,
    command: str = "give the same command again",
    save_every: float = SAVE_EVERY,
) -> None:
    """Make the runs that the store lacks in processes of this machine; see `supervise`.

    Args:
        jobs: processes at a time; 0 for one a GPU, or one for every `threads` cores.
        device: "auto", "cpu", "cuda" or "mps". GPUs are dealt out to the processes in turn.
        threads: of each process.

    Raises:
        Interrupted, ValueError, RuntimeError: as `supervise` does.
    """
    if not store.missing(planned):
        return
    place = Machine(jobs=jobs, device=device, threads=threads)
    supervise(planned, store, place, threads=threads, progress=progress, command=command, save_every=save_every)


class Machine:
    """This machine as a `Place`."""

    def __init__(self, *, jobs: int, device: str, threads: int) -> None:
        if jobs < 0:
            raise ValueError(f"--jobs takes a number of processes, or 0 for as many as fit, not {jobs}")
        if threads < 1:
            raise ValueError(f"--threads must be 1 or more where runs share a machine, not {threads}")
        from alexnet.device import choose

        found = choose(device)
        self.device, self._threads = found.device.split(":")[0], threads
        self._gpus = visible_gpus() if self.device == "cuda" else [""]
        own = len(self._gpus) if self.device != "cpu" else max(1, cores() // threads)
        self.room = jobs or own
        self._working: list[tuple[str, Process]] = []

    def start(self, task: Path) -> Working:
        """A process on the GPU that has least to do, or on the CPU."""
        self._working = [(gpu, process) for gpu, process in self._working if process.poll() is None]
        busy = [gpu for gpu, _ in self._working]
        gpu = min(self._gpus, key=busy.count)
        process = Process(task, self._threads, {"CUDA_VISIBLE_DEVICES": gpu} if gpu else {})
        self._working.append((gpu, process))
        return process


class Process:
    """A run in a process of its own, which ends when this one does.

    What it says goes to the log.txt beside the task. It has its own session, so that a Ctrl-C reaches only the caller.
    """

    def __init__(self, task: Path, threads: int, environment: Mapping[str, str]) -> None:
        names = dict.fromkeys(_THREADS, str(threads))
        with open(task.parent / LOG, "ab") as log:
            self._process = subprocess.Popen(
                # -P: a file in the working folder that is called like one of Python's own must not take its place.
                [sys.executable, "-P", "-m", "alexnet.study.work", str(task), WATCHED],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **names, **environment},
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """Its exit code, negative for the signal that killed it; None while it works."""
        code = self._process.poll()
        if code is not None and self._process.stdin is not None:
            self._process.stdin.close()
        return code

    def stop(self) -> None:
        """Ask it to save and end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> list[str]:
    """Names of the GPUs for CUDA_VISIBLE_DEVICES: those of this process, or all."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return [name.strip() for name in named.split(",") if name.strip()] or list(
        map(str, range(torch.cuda.device_count()))
    )
