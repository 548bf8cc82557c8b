"""`alexnet evaluate`: how often is a run wrong, on which pictures, by which protocol?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from alexnet.cli.on_run import Machine, OnRun, Told, tell
from alexnet.cli.words import Switch, parse

if TYPE_CHECKING:
    from alexnet.scoring.scores import ClassScores
    from alexnet.training.examine import Examination

ABOUT = """\
The error of a run on pictures it was not trained on: its own held-out ones, or those of SOURCE, whose classes are
matched by name. Every number comes with its split, its protocol, the number of pictures and a 95% interval.

Besides: --calibrate, whether its probabilities can be taken at their word, and a temperature that mends them;
--ensemble, what it says together with others; --subgroup, how good it is over some of the classes.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked(OnRun):
    """Which weights, which pictures, which views of them."""

    source: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[SOURCE]", help_behavior_hint="")] = None
    """Other pictures; left out, the run's own held-out ones."""
    protocol: Literal["centre", "ten", "nine"] = "centre"
    """The central crop; the paper's ten views (four corners, centre, and their mirror images); or a grid of nine."""
    split: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the one held out)")] = None
    """train, val or test."""
    precision: Literal["float32", "bf16", "float64"] = "float32"
    """Arithmetic of the network."""
    calibrate: Switch = False
    """Fit a temperature on pictures that are not reported, show what it does on those that are, and keep it."""
    ensemble: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN...", help_behavior_hint="(default: none)")] = ()
    """Average the probabilities with those of these runs, which must hold out the same pictures."""
    search_weights: Switch = False
    """Weigh the ensemble's members by what does best on the pictures that selected, if those are not reported."""
    subgroup: Annotated[
        tyro.conf.UseAppendAction[tuple[str, ...]],
        tyro.conf.arg(metavar="NAME=CLASS,CLASS...|FILE", help_behavior_hint="(default: none; repeatable)"),
    ] = ()
    """The errors over these classes; or a file of groups (CSV: group,class; JSON: {"group": ["class"]})."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Told, Machine, Asked):
    """All words of the verb."""


def run(words: Sequence[str]) -> None:
    """Evaluate and print the scores, and without --json the classes that come out worst."""
    options = parse(Options, words, verb="evaluate", about=ABOUT)

    from alexnet.cli.console import Console
    from alexnet.training.examine import examine

    with Console(quiet=options.quiet) as console:
        found = examine(
            options.run,
            options.source,
            split=options.split,
            protocol=options.protocol,
            others=options.ensemble,
            search_weights=options.search_weights,
            calibrated=options.calibrate,
            subgroups=options.subgroup,
            device=options.device,
            threads=options.threads,
            precision=options.precision,
            listener=console,
        )
    tell(found.to_dict(), _lines(found), as_json=options.json)


def _lines(found: Examination) -> Iterator[str]:
    yield from found.lines()
    yield from _worst(found.classes())


def _worst(rows: list[ClassScores]) -> Iterator[str]:
    """The ten classes found least often."""
    wide = max(5, *(len(row.name) for row in rows))
    yield f"\n{'class':<{wide}}  pictures   recall  precision"
    for row in sorted(rows, key=lambda row: row.recall)[:10]:
        precision = f"{100 * row.precision:.1f}%" if row.predicted else "-"
        yield f"{row.name:<{wide}}  {row.n:>8}  {100 * row.recall:>6.1f}%  {precision:>9}"
    if len(rows) > 10:
        yield f"(the ten found least often, of {len(rows)} classes)"
