"""How do ours and the peers meet? In turn; on a CPU the peers in a process of their own, with their users' allocator.

The package tells the C library to keep freed memory (kernels/allocation.py), which holds for a whole process: beside
ours the plain step would profit from it, and its users do not have it. On a GPU both sides run in one process.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any

from alexnet.bench.asked import Asked
from alexnet.bench.result import timed_rows
from alexnet.bench.timing import Case, alternate, clock_for
from alexnet.device import Machine
from alexnet.kernels import allocation

_CHILD = "import sys; from alexnet.bench.sides import serve; serve(*sys.argv[1:])"


def compare(group: str, cases: Sequence[Case], asked: Asked, machine: Machine, rounds: int) -> list[dict[str, Any]]:
    """Time the cases in turn; a row each."""
    found = alternate(cases, rounds=rounds, seconds=asked.seconds, clock=clock_for(machine.device))
    return timed_rows(group, cases, found)


@contextlib.contextmanager
def peers(question: str, subject: str, batch: int, machine: Machine) -> Iterator[list[Case]]:
    """The cases that `plain_cases(subject, batch, device)` of a question's file makes, ready to be timed here.

    On a CPU each call is done by the other process while this one waits for its word, some ten microseconds. Raises
    RuntimeError where that process ends.
    """
    if machine.device != "cpu":
        yield _made(question, subject, batch, machine.device)
        return
    words = (question, subject, str(batch), str(machine.threads))
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {allocation.SWITCH: "off"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ask, answers = process.stdin, process.stdout

    def call(place: int) -> None:
        try:
            ask.write(f"{place}\n")
            ask.flush()
            answer = answers.readline()
        except OSError:
            answer = ""
        if not answer:
            raise RuntimeError(f"the process of the peers of {question} {subject} ended with {process.wait()}")

    try:
        names = json.loads(answers.readline() or "null")
        if names is None:
            raise RuntimeError(f"the process of the peers of {question} {subject} ended with {process.wait()}")
        yield [
            Case(name=name, work=lambda place=place: call(place), pictures=batch) for place, name in enumerate(names)
        ]
    finally:
        with contextlib.suppress(OSError):
            ask.close()
        answers.close()
        process.wait()


def serve(question: str, subject: str, batch: str, threads: str) -> None:
    """The other process: tells the cases' names, then does the one whose number it reads, until nobody asks."""
    import torch

    torch.set_num_threads(int(threads))
    answers: IO[str] = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    cases = _made(question, subject, int(batch), "cpu")
    answers.write(json.dumps([case.name for case in cases]) + "\n")
    answers.flush()
    for line in sys.stdin:
        cases[int(line)].work()
        answers.write("done\n")
        answers.flush()


def _made(question: str, subject: str, batch: int, device: str) -> list[Case]:
    from alexnet.bench.subjects import SUBJECTS

    module = importlib.import_module(f"alexnet.bench.{question}")
    made: list[Case] = module.plain_cases(SUBJECTS[subject], batch, device)
    return made
