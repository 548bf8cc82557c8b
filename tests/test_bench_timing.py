"""Do the cases take turns, and does the harness count rightly? With a clock that only the work itself moves."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from alexnet.bench.timing import MOST_CALLS, SHORTEST, WARM_UP, Case, Work, alternate, one_core, peak_memory


class FakeClock:
    """Time passes only where work says so."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def timed(self, work: Work, calls: int) -> float:
        began = self.time
        for _ in range(calls):
            work()
        return self.time - began


class Worker:
    """Cases that take given seconds, call by call (the last for ever), and note their names in a common log."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.log: list[str] = []

    def case(self, name: str, *seconds: float, against: tuple[str, ...] = ()) -> Case:
        left = list(seconds)

        def work() -> None:
            self.log.append(name)
            self.clock.time += left.pop(0) if len(left) > 1 else left[0]

        return Case(name=name, work=work, against=against)


def test_every_round_times_every_case_and_begins_with_another() -> None:
    worker = Worker()
    cases = [worker.case(name, seconds) for name, seconds in (("a", 1.0), ("b", 2.0), ("c", 3.0))]
    found = alternate(cases, rounds=4, seconds=1000, clock=worker.clock)
    assert found == {"a": [1.0] * 4, "b": [2.0] * 4, "c": [3.0] * 4}
    assert "".join(worker.log) == "aabbcc" + "abc" + "bca" + "cab" + "abc"


def test_a_case_is_warm_when_two_calls_take_as_long_or_after_some() -> None:
    worker = Worker()
    alternate([worker.case("a", 9.0, 5.0, 3.0, 2.9)], rounds=1, seconds=1000, clock=worker.clock)
    assert len(worker.log) == 4 + 1
    worker = Worker()
    restless = [float(2**n) for n in range(20)]
    alternate([worker.case("a", *restless)], rounds=1, seconds=1e9, clock=worker.clock)
    assert len(worker.log) == WARM_UP + 1


def test_no_round_begins_after_the_time_but_one_always_runs() -> None:
    worker = Worker()
    found = alternate([worker.case("a", 10.0), worker.case("b", 10.0)], rounds=9, seconds=100, clock=worker.clock)
    assert len(found["a"]) == len(found["b"]) == 4  # 30 s of warm-up, then 20 s a round
    worker = Worker()
    found = alternate([worker.case("a", 10.0), worker.case("b", 10.0)], rounds=9, seconds=1, clock=worker.clock)
    assert found == {"a": [10.0], "b": [10.0]}
    assert worker.log == ["a", "b"] * 2, "a warm-up of one call each"


def test_short_work_is_called_often_and_told_by_the_call() -> None:
    worker = Worker()
    found = alternate([worker.case("a", SHORTEST / 10)], rounds=2, seconds=1000, clock=worker.clock)
    assert found["a"] == pytest.approx([SHORTEST / 10] * 2)
    assert len(worker.log) == 2 + 2 * 10
    worker = Worker()
    alternate([worker.case("a", 1e-12)], rounds=1, seconds=1000, clock=worker.clock)
    assert len(worker.log) == 2 + MOST_CALLS


def test_peak_memory_is_of_this_process_and_grows() -> None:
    """A child does not begin with what its parent held."""
    held = torch.ones(40_000_000)  # 160 MB
    code = (
        "from alexnet.bench.timing import peak_memory\nbefore = peak_memory('cpu')\n"
        "block = bytearray(80_000_000)\nprint(before, peak_memory('cpu'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert before < 100e6 < held.numel() * 4 < peak_memory("cpu")
    assert 70e6 < after - before < 120e6


def test_one_core_is_left_as_it_was_found() -> None:
    threads, cores = torch.get_num_threads(), os.sched_getaffinity(0)
    torch.set_num_threads(2)
    try:
        with one_core():
            assert torch.get_num_threads() == len(os.sched_getaffinity(0)) == 1
        assert torch.get_num_threads() == 2
        assert os.sched_getaffinity(0) == cores
    finally:
        torch.set_num_threads(threads)
