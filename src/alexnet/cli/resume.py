"""`alexnet resume`: continue a run where it stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from alexnet.cli.on_run import Told
from alexnet.cli.words import parse

ABOUT = """\
Continue a run that was interrupted or killed, from its last checkpoint, to the same end as if nothing had happened.
A run that ended says so; `--extend N` trains it for N more epochs.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """Which run, and what may differ now."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help_behavior_hint="")]
    """The run's folder."""
    extend: Annotated[int, tyro.conf.arg(metavar="EPOCHS", help_behavior_hint="(default: none)")] = 0
    """Epochs to add to those the run was started with."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is. Another device continues, but not to equal bits."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: as the run had)")] = 0
    """Threads torch computes with on the CPU."""
    save_every: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """Least time between two checkpoints; changes no result, only what a kill costs."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Told, Asked):
    """All words of the verb."""


def run(words: Sequence[str]) -> None:
    """Continue the run and print its numbers."""
    options = parse(Options, words, verb="resume", about=ABOUT)
    if options.extend < 0:
        raise ValueError(f"--extend takes a number of epochs to add, 1 or more, not {options.extend}")

    from alexnet.cli.console import Console
    from alexnet.cli.train import print_result
    from alexnet.training.start import resume

    with Console(quiet=options.quiet) as console:
        result = resume(
            options.run,
            extend=options.extend,
            device=options.device,
            threads=options.threads,
            save_every=options.save_every,
            listener=console,
        )
    print_result(result, as_json=options.json)
