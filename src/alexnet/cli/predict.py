"""`alexnet predict`: what is on these pictures?"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.on_run import Machine, OnRun
from alexnet.cli.words import Switch, parse

ABOUT = """\
What a run's network sees on pictures: files, folders of them however deep, or lists (.txt, .csv, .jsonl). Results
are written as they come, so a folder of any size will do; files that cannot be read are named on stderr and skipped.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked(OnRun):
    """Which weights, which pictures, which form."""

    pictures: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="PICTURE...", help_behavior_hint="")
    ] = ()
    """Files, folders and lists."""
    format: Literal["table", "csv", "jsonl"] = "table"
    """A table to read; CSV with path, label, probability, top5; or a JSON object a line."""
    top: int = 5
    """So many classes a picture, the most probable first."""
    output: Annotated[str | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: stdout)")] = None
    """Write there instead; a file that exists is replaced."""
    protocol: Literal["centre", "ten", "nine"] = "centre"
    """The central crop; the paper's ten views (four corners, centre, and their mirror images); or a grid of nine."""
    calibrated: Switch = False
    """Tell probabilities at the temperature that `alexnet evaluate RUN --calibrate` kept with the run."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Machine, Asked):
    """All words of the verb."""


def run(words: Sequence[str]) -> None:
    """Predict, write, and say how many files could not be read."""
    options = parse(Options, words, verb="predict", about=ABOUT)
    if not options.pictures:
        raise ValueError("alexnet predict needs pictures: files, folders or lists, after the run")
    if options.top < 1:
        raise ValueError(f"--top takes a number of classes, 1 or more, not {options.top}")

    from alexnet.cli.console import say_left_out
    from alexnet.ship.predict import predict_to

    target = options.output if options.output is not None else sys.stdout
    done = predict_to(
        target,
        options.run,
        options.pictures,
        form=options.format,
        top=options.top,
        device=options.device,
        threads=options.threads,
        protocol=options.protocol,
        calibrated=options.calibrated,
        left_out=say_left_out,
    )
    if not done.pictures:
        raise ValueError("none of the files given is a picture that can be read")
    if done.temperature is not None:
        sys.stderr.write(f"alexnet: probabilities are at {done.temperature}\n")
    if done.left_out:
        files = "file" if done.left_out == 1 else "files"
        sys.stderr.write(f"alexnet: {done.pictures:,} pictures; {done.left_out:,} {files} could not be read\n")
