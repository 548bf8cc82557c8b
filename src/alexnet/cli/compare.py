"""`alexnet compare`: which of two runs is better, and can that be told at all?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.on_run import Machine, Told, tell
from alexnet.cli.words import Switch, parse

ABOUT = """\
Compare A and B picture by picture, on the same pictures: the difference of their errors with its 95% interval, an exact
test, the classes on which they differ, and one sentence. Each is a run, or a CSV file with the columns path, true and
label, such as a run's predictions.csv. Pictures are matched by path.

Two runs that end are compared by the tables they hold (held-out pictures, centre crop); with --source, --split or
--protocol their networks are asked again.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """Which two, on which pictures."""

    a: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="A", help_behavior_hint="")]
    """A run's folder, a weights file, or a table of predictions (.csv)."""
    b: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="B", help_behavior_hint="")]
    """The other one."""
    source: Annotated[str | None, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="(default: their own)")] = None
    """Other labelled pictures to compare them on."""
    split: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: the one held out)")] = None
    """train, val or test."""
    protocol: Literal["centre", "ten", "nine"] = "centre"
    """The central crop; the paper's ten views (four corners, centre, and their mirror images); or a grid of nine."""
    common: Switch = False
    """Compare on the pictures that both tell of, however few they are of all."""
    out: Annotated[str | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: none)")] = None
    """Write the pictures on which the two differ there, as CSV: path, true, a, b, right."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Told, Machine, Asked):
    """All words of the verb."""


def run(words: Sequence[str]) -> None:
    """Compare, write what differs where asked, and print."""
    options = parse(Options, words, verb="compare", about=ABOUT)

    from alexnet.cli.console import Console
    from alexnet.scoring.compare import write_differing
    from alexnet.training.comparison import compare_runs

    with Console(quiet=options.quiet) as console:
        found = compare_runs(
            options.a,
            options.b,
            source=options.source,
            split=options.split,
            protocol=options.protocol,
            common=options.common,
            device=options.device,
            threads=options.threads,
            listener=console,
        )
    if options.out is not None:
        write_differing(options.out, found)
    tell(found.to_dict(), found.lines(), as_json=options.json)
