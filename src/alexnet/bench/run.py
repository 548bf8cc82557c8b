"""How is a question asked and its answer kept? Runs a question's file, adds machine and versions, writes JSON."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alexnet.bench.asked import Asked, Question, chosen, command

#: Where a checkout keeps its results.
RESULTS = Path("benchmarks") / "results" / "bench"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a question's file gives: rows as `result.row` makes them, and sentences that belong to them."""

    rows: list[dict[str, Any]]
    notes: list[str] = field(default_factory=list)


def answer(
    names: Sequence[str],
    asked: Asked,
    *,
    out: str | os.PathLike[str] | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> Iterator[dict[str, Any]]:
    """Measure the questions of these names (or "all") one after the other; yields each result as it comes.

    A result holds question, text, command, options, environment, machine, rows and notes. Where `out` is given it is
    also written there, as QUESTION.json, or QUESTION-cuda.json for a GPU's.

    Raises:
        ValueError: a question, option, network, device or folder that is none.
    """
    from alexnet import device

    questions = chosen(names, asked)
    machine = device.choose(asked.device, asked.threads)
    folder = None if out is None else _folder(Path(out))
    for question in questions:
        say(f"{question.name}: {question.text}")
        module = importlib.import_module(f"alexnet.bench.{question.name}")
        found: Found = module.measure(asked, machine, asked.rounds or question.rounds, say)
        result = {
            "question": question.name,
            "text": question.text,
            "command": command(question, asked),
            "options": _heeded(question, asked),
            "environment": device.environment() | versions(),
            "machine": asdict(machine),
            "rows": found.rows,
            "notes": found.notes,
        }
        if folder is not None:
            path = folder / file_name(question.name, machine.device)
            path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
        yield result


def file_name(question: str, device: str) -> str:
    """The name of a result's file."""
    return f"{question}.json" if device == "cpu" else f"{question}-{device.split(':')[0]}.json"


def kept(folder: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """The results in a folder, in the order of the questions. Raises ValueError where there are none."""
    path = RESULTS if folder is None else Path(folder)
    files = sorted(path.glob("*.json")) if path.is_dir() else []
    results = [json.loads(file.read_text()) for file in files]
    if not results or any("question" not in one for one in results):
        raise ValueError(f"{path} holds no results of bench; `alexnet bench all --out {path}` writes them")
    from alexnet.bench.asked import QUESTIONS

    order = list(QUESTIONS)
    return sorted(results, key=lambda one: (order.index(one["question"]), one["machine"]["device"]))


def versions() -> dict[str, Any]:
    """What a measurement depends on beside `device.environment()`: cores, Pillow, and torchvision where it imports."""
    import PIL

    from alexnet.bench.peers import torchvision

    real = torchvision()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cores": cores, "pillow": PIL.__version__, "torchvision": real and real.__version__}


def _heeded(question: Question, asked: Asked) -> dict[str, Any]:
    """All options that the question heeds, also those left alone; of `pictures` the folder's name only."""
    values = asdict(asked) | {"pictures": Path(asked.pictures).name}
    heeded = ("rounds", "seconds", "threads", "device", *question.takes)
    return {name: values[name] for name in heeded} | {"rounds": asked.rounds or question.rounds}


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write results into {path}: {error.strerror}") from None
    return path
