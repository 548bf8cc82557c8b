"""How long does each of several ways take? They take turns, so that what else the machine does falls on all of them.

A round times every case once, the rounds begin with different cases, and before the first each case is called until two
calls take about as long. On a GPU the device's own events are read, on a CPU the wall clock.
"""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

Work = Callable[[], object]

#: A timing covers as many calls as fill so many seconds, so that the clock's own grain does not show.
SHORTEST = 0.05
#: Calls in one timing, at most.
MOST_CALLS = 1000
#: Two calls that differ by less are stable: the case is warm.
STABLE = 0.1
#: Calls of a case before the first round, at most.
WARM_UP = 5


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to do a thing."""

    name: str
    work: Work
    """Called without arguments; does the thing once."""
    pictures: int = 0
    """Pictures that one call deals with; 0 where speed is not counted in pictures."""
    against: tuple[str, ...] = ()
    """Names of the cases it is compared with."""


class Clock(Protocol):
    """What measures time: a test gives its own."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...

    def timed(self, work: Work, calls: int) -> float:
        """Seconds that so many calls take."""
        ...


class WallClock:
    """For work that is done when the call returns."""

    def now(self) -> float:
        return time.perf_counter()

    def timed(self, work: Work, calls: int) -> float:
        began = time.perf_counter()
        for _ in range(calls):
            work()
        return time.perf_counter() - began


class CudaClock:
    """For work that a call only hands to a GPU: the time between two events there, the host's own gaps included."""

    def now(self) -> float:
        return time.perf_counter()

    def timed(self, work: Work, calls: int) -> float:
        import torch

        before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda.synchronize()
        before.record()
        for _ in range(calls):
            work()
        after.record()
        torch.cuda.synchronize()
        return float(before.elapsed_time(after)) / 1e3


def clock_for(*devices: str) -> Clock:
    """The clock for work on these devices."""
    return CudaClock() if any(device.startswith("cuda") for device in devices) else WallClock()


def alternate(cases: Sequence[Case], *, rounds: int, seconds: float, clock: Clock) -> dict[str, list[float]]:
    """Seconds of one call of every case, a number a round, by the case's name.

    rounds: at most so many; none begins once `seconds` have passed, the warm-up included, but one always runs.
    """
    assert len({case.name for case in cases}) == len(cases), "two cases of one name"
    assert rounds >= 1, rounds
    began = clock.now()
    calls = {case.name: _warm(case, clock, began + seconds / 4) for case in cases}
    found: dict[str, list[float]] = {case.name: [] for case in cases}
    for number in range(rounds):
        if number and clock.now() - began >= seconds:
            break
        first = number % len(cases)
        for case in (*cases[first:], *cases[:first]):
            found[case.name].append(clock.timed(case.work, calls[case.name]) / calls[case.name])
    return found


def _warm(case: Case, clock: Clock, until: float) -> int:
    """Call a case until it is stable, often enough or `until` has come; returns the calls that one timing needs."""
    last = clock.timed(case.work, 1)
    for _ in range(WARM_UP - 1):
        if clock.now() >= until:
            break
        before, last = last, clock.timed(case.work, 1)
        if abs(last - before) <= STABLE * before:
            break
    return max(1, min(MOST_CALLS, math.ceil(SHORTEST / max(last, 1e-9))))


def peak_memory(device: str) -> int:
    """Bytes that this process has held at most: of the GPU's memory as torch counts it, else of the machine's."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    try:
        # Not getrusage: what that tells includes the process that started this one.
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextlib.contextmanager
def one_core() -> Iterator[None]:
    """Everything begun inside runs on one core, with one thread of torch's; as before afterwards.

    Where the system cannot bind a thread to a core, torch's threads alone are limited.
    """
    import torch

    threads = torch.get_num_threads()
    cores: set[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    torch.set_num_threads(1)
    if cores:
        os.sched_setaffinity(0, {max(cores)})
    try:
        yield
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
        torch.set_num_threads(threads)
