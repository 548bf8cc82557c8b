"""`alexnet evaluate`: how often is a run wrong, on which pictures, by which protocol?"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from alexnet.cli.words import Switch, parse

if TYPE_CHECKING:
    from alexnet.scoring.scores import ClassScores

ABOUT = """\
The error of a run on pictures it was not trained on: its own held-out ones, or those of SOURCE, whose classes are
matched by name. Every number comes with its split, its protocol, the number of pictures and a 95% interval.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which weights, which pictures, which views of them."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help_behavior_hint="")]
    """A run's folder (its best weights if there are any, else its last), or a .safetensors file of one."""
    source: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[SOURCE]", help_behavior_hint="")] = None
    """Other pictures; left out, the run's own held-out ones."""
    protocol: Literal["centre", "ten", "nine"] = "centre"
    """The central crop; the paper's ten views (four corners, centre, and their mirror images); or a grid of nine."""
    split: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the one held out)")] = None
    """train, val or test."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: torch's choice)")] = 0
    """Threads torch computes with on the CPU."""
    json: Switch = False
    """Print the scores as one JSON object."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """Evaluate and print the scores, and without --json the classes that come out worst."""
    options = parse(Options, words, verb="evaluate", about=ABOUT)

    from alexnet.cli.console import Console
    from alexnet.scoring.scores import per_class
    from alexnet.training.evaluate import evaluate
    from alexnet.training.run import load

    with Console(quiet=options.quiet) as console:
        found = evaluate(
            load(options.run),
            options.source,
            split=options.split,
            protocol=options.protocol,
            device=options.device,
            threads=options.threads,
            listener=console,
        )
    if options.json:
        json.dump(found.scores.to_dict(), sys.stdout)
        sys.stdout.write("\n")
        return
    print(found.scores)
    rows = per_class(found.predictions.probabilities, found.predictions.labels, found.classes)
    _print_worst([row for row in rows if row.n])


def _print_worst(rows: list[ClassScores]) -> None:
    """The ten classes found least often."""
    wide = max(5, *(len(row.name) for row in rows))
    print(f"\n{'class':<{wide}}  pictures   recall  precision")
    for row in sorted(rows, key=lambda row: row.recall)[:10]:
        precision = f"{100 * row.precision:.1f}%" if row.predicted else "-"
        print(f"{row.name:<{wide}}  {row.n:>8}  {100 * row.recall:>6.1f}%  {precision:>9}")
    if len(rows) > 10:
        print(f"(the ten found least often, of {len(rows)} classes)")
