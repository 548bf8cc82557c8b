"""`alexnet check`: is anything wrong with these pictures, before time goes into training on them?"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from alexnet.cli.words import Switch, parse

ABOUT = """\
Look at every picture of SOURCE and say what is odd: files that cannot be read or are not what their name says, pictures
of one colour, tiny or of extreme shape, copies (the same file, the same pixels, nearly the same: saved again, scaled,
mirrored, brighter, cropped a little), copies across train, val and test, copies under different labels, classes out of
balance, and what the square crop cuts off.

With --run, or with a run as SOURCE, also the labels that its network takes for wrong. Your own files are only read.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which pictures, and where the details go."""

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")]
    """A folder of class folders, a list, a Parquet file or folder, `digits`; a prepared set; or a run."""
    run: Annotated[str | None, tyro.conf.arg(metavar="RUN", help_behavior_hint="")] = None
    """A run that was trained on SOURCE: its network says which labels are likely wrong."""
    out: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """A new or empty folder for all details: pictures.csv, findings.csv, copies.csv, label_errors.csv and figures."""
    near: Annotated[
        float, tyro.conf.arg(metavar="SIMILARITY", help_behavior_hint="(default: by the pictures' size)")
    ] = 0.0
    """Similarity from which two pictures are told as nearly the same, 0.5 to 1 (1 = equal)."""
    exact_only: Switch = False
    """Look for equal pictures only, which is faster for very many."""
    workers: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: one for each core)")] = 0
    """Processes that decode."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is (with a run)."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: torch's choice)")] = 0
    """Threads torch computes with on the CPU (with a run)."""
    json: Switch = False
    """Print what was found as one JSON object."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """Check, and say what was found; findings are no failure."""
    options = parse(Options, words, verb="check", about=ABOUT)

    from alexnet.cli.console import Console
    from alexnet.training.check import check

    with Console(quiet=options.quiet) as console:
        found = check(
            options.source,
            run=options.run,
            out=options.out,
            near=options.near or None,
            search=not options.exact_only,
            workers=options.workers or None,
            device=options.device,
            threads=options.threads,
            listener=console,
        )
    if options.json:
        json.dump(found.to_dict(), sys.stdout, ensure_ascii=False)
        sys.stdout.write("\n")
        return
    print(found)
    if options.out:
        print(f"details: {options.out}")
