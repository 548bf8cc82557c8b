"""Do the peers work in a process of their own, with the allocator their users have, and is its end noticed?

That a step is taken there, test_bench_questions.py shows.
"""

from __future__ import annotations

import os

import pytest

from alexnet.bench import sides, step
from alexnet.bench.sides import peers
from alexnet.bench.timing import Case
from alexnet.device import Machine
from alexnet.kernels import allocation

CPU = Machine(device="cpu", threads=1, memory=1 << 34, bf16=False, name="a CPU")


def test_the_allocator_is_left_alone_there(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}
    start = sides.subprocess.Popen

    def noted(*words: object, **options: object) -> object:
        seen.update(options["env"])  # type: ignore[call-overload]
        return start(*words, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(sides.subprocess, "Popen", noted)
    monkeypatch.setattr(sides, "_CHILD", "print([])")
    with peers("step", "cifar-18", 2, CPU) as cases:
        assert cases == []
    assert seen[allocation.SWITCH] == "off"
    assert allocation.SWITCH not in os.environ


AFTER_THE_NAMES = "import json; print(json.dumps(['one']), flush=True); input(); raise SystemExit(3)"


@pytest.mark.parametrize("child", ["raise SystemExit(3)", AFTER_THE_NAMES])
def test_its_end_is_told(monkeypatch: pytest.MonkeyPatch, child: str) -> None:
    monkeypatch.setattr(sides, "_CHILD", child)

    def ask() -> None:
        with peers("step", "cifar-18", 2, CPU) as cases:
            cases[0].work()

    with pytest.raises(RuntimeError, match="peers of step cifar-18 ended with 3"):
        ask()


def test_on_a_gpu_they_are_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Case(name="plain", work=lambda: None)]
    asked = []
    monkeypatch.setattr(step, "plain_cases", lambda *words: asked.append(words) or made)
    gpu = Machine(device="cuda", threads=1, memory=1 << 34, bf16=True, name="a GPU")
    with peers("step", "quick", 8, gpu) as cases:
        assert cases == made
    assert [(subject.name, batch, device) for subject, batch, device in asked] == [("quick", 8, "cuda")]
