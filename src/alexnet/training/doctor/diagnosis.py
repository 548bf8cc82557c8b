"""What does a diagnosis say? A fault's name, a sentence with the evidence, and the command that cures it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """One fault of one run."""

    fault: str
    """One of `FAULTS`."""
    sentence: str
    """What was seen, in numbers, and what it means."""
    cure: Mapping[str, Any] = field(default_factory=dict)
    """Settings by dotted name that cure it; empty where the pictures have to be looked at."""
    words: tuple[str, ...] = ()
    """Options that cure it beside settings, such as --find-rate."""


#: The faults that are recognised, each with what it means.
FAULTS = {
    "one label": "all training pictures carry the same label",
    "empty pictures": "the pictures are all alike, or almost of one grey",
    "leak": "pictures that measure are among those that train",
    "input scale": "the input is too small for the initial weights: no picture is left in the outputs",
    "start too large": "the first outputs are far too large for this input",
    "small batch": "batch normalization over too few pictures",
    "rate too high": "the rate is beyond what the curvature allows",
    "rate too low": "the weights hardly move",
    "dead units": "units that never fire, and so never learn again",
    "vanishing": "the first layers receive no gradient",
    "exploding": "a layer is thrown about by its own updates",
    "stuck": "the loss stays at that of saying the same of every picture",
    "one answer": "one frequent class is the answer to every picture",
    "memorizing": "training pictures are learned by heart and others not at all: labels that mean nothing",
    "overfitting": "the held-out loss has risen far above its best",
    "not finite": "the loss is infinite or not a number",
}


def command(diagnosis: Diagnosis, request: Mapping[str, Any]) -> str:
    """The request's own command with the cure's settings in place of its own.

    Args:
        request: request.json; empty where there is none, and then PICTURES stands for the source.
    """
    source = shlex.quote(str(request.get("source", "PICTURES")))
    if not diagnosis.cure and not diagnosis.words:
        return f"alexnet check {source}"
    words = ["alexnet train", source]
    if request.get("recipe"):
        words.append(f"--recipe {request['recipe']}")
    settings = {**request.get("changes", {}), **diagnosis.cure}
    return " ".join([*words, *(_option(name, value) for name, value in settings.items()), *diagnosis.words])


def _option(name: str, value: Any) -> str:
    part, leaf = name.replace("_", "-").split(".")
    if isinstance(value, bool):
        return f"--{part}.{leaf}" if value else f"--{part}.no-{leaf}"
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return f"--{part}.{leaf} {value}"
    return f"--{part}.{leaf} {' '.join(map(str, value))}"
