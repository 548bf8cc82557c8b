"""Which words do the verbs share that take a run? The run, the machine, and how the answer is given.

A verb's page shows the fields of a base class before those of the class made of it, and those of several bases from the
last to the first: `class Options(Told, Machine, Asked)` shows what is asked first and how it is told last.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import tyro

from alexnet.cli.words import Switch


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machine:
    """On what it is computed."""

    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: torch's choice)")] = 0
    """Threads torch computes with on the CPU."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class OnRun:
    """Which weights."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help_behavior_hint="")]
    """A run's folder (its best weights if there are any, else its last), or a .safetensors file of one."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Told:
    """How the answer is given."""

    json: Switch = False
    """Print the results as one JSON object."""
    quiet: Switch = False
    """Show no progress."""


def tell(values: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Results on stdout: one JSON object, or lines for a person."""
    if as_json:
        json.dump(values, sys.stdout)
        sys.stdout.write("\n")
        return
    for line in lines:
        print(line)
