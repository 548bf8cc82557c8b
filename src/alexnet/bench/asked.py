"""What may be asked of a measurement? Its options, the questions there are, and which options each takes. No torch."""

from __future__ import annotations

import dataclasses
import difflib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Precision = Literal["all", "float32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The options of a measurement; 0, "" and () leave the choice to the question."""

    rounds: int = 0
    seconds: float = 120.0
    threads: int = 0
    device: str = "auto"
    batch: int = 0
    precision: Precision = "all"
    only: tuple[str, ...] = ()
    pictures: str = ""
    count: int = 0
    compile: bool = False

    def precisions(self) -> tuple[Literal["float32", "bf16"], ...]:
        """The arithmetics to measure ours in."""
        return ("float32", "bf16") if self.precision == "all" else (self.precision,)

    def given(self) -> dict[str, Any]:
        """The options that are not left alone; of `pictures` the folder's name only."""
        plain = Asked()
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        found = {name: value for name, value in values.items() if value != getattr(plain, name)}
        return found | ({"pictures": Path(self.pictures).name} if self.pictures else {})


@dataclass(frozen=True, kw_only=True)
class Question:
    """What can be measured."""

    name: str
    """Also that of its file in this room."""
    text: str
    takes: tuple[str, ...]
    """The options it heeds beside those that all do."""
    rounds: int = 7


#: What every question heeds.
ALWAYS = ("rounds", "seconds", "threads", "device")

QUESTIONS: dict[str, Question] = {
    one.name: one
    for one in (
        Question(
            name="normalization",
            text="how long does response normalization take, forward and backward?",
            takes=("batch", "precision"),
        ),
        Question(
            name="step",
            text="how long does a training step take, from stored squares to changed weights?",
            takes=("batch", "precision", "only", "compile"),
        ),
        Question(
            name="layers",
            text="where does the time of a training step go, layer by layer?",
            takes=("batch", "precision", "only"),
        ),
        Question(
            name="inference",
            text="how long do probabilities take, of one picture and of a batch?",
            takes=("batch", "precision", "only"),
        ),
        Question(
            name="prepare",
            text="how fast do picture files become a prepared set?",
            takes=("pictures", "count"),
        ),
        Question(
            name="feed",
            text="how many training pictures a second does one core supply?",
            takes=("batch", "pictures", "count"),
        ),
        Question(
            name="stall",
            text="for how much of an epoch does the training of `quick` wait for its pictures?",
            takes=("batch", "precision", "pictures", "count"),
        ),
        Question(
            name="memory",
            text="how much memory does a training step need at most?",
            takes=("batch", "precision", "only"),
            rounds=3,
        ),
        Question(
            name="device",
            text="how many epochs an hour are trained on the CPU, and on the GPU?",
            takes=("batch", "precision", "only"),
        ),
    )
}


def chosen(names: Sequence[str], asked: Asked) -> list[Question]:
    """The questions of that name, or of the word all. Raises ValueError for a name or an option that does not fit."""
    if asked.rounds < 0 or asked.batch < 0 or asked.count < 0 or asked.seconds <= 0:
        raise ValueError("--rounds, --batch and --count are 1 or more, and --seconds above 0")
    wanted = list(QUESTIONS) if "all" in names else list(dict.fromkeys(names))
    for name in wanted:
        if name not in QUESTIONS:
            near = difflib.get_close_matches(name, [*QUESTIONS, "all"], n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(QUESTIONS)}, or all"
            raise ValueError(f"bench knows no question {name!r}; {advice}")
    found = [QUESTIONS[name] for name in wanted]
    for option in asked.given():
        if option not in ALWAYS and not any(option in one.takes for one in found):
            takers = ", ".join(one.name for one in QUESTIONS.values() if option in one.takes)
            raise ValueError(f"{' and '.join(wanted)} takes no --{option}; it belongs to {takers}")
    return found


def command(question: Question, asked: Asked) -> str:
    """The words that ask a question again, on any machine."""
    words = ["alexnet", "bench", question.name]
    for name, value in asked.given().items():
        if name in (*ALWAYS, *question.takes):
            values = value if isinstance(value, tuple) else (() if value is True else (value,))
            words += [f"--{name}", *(f"{one:g}" if isinstance(one, float) else str(one) for one in values)]
    return shlex.join(words)
