"""`alexnet prepare`: decode a source once, so that many runs can share it."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.words import Switch, parse, share

ABOUT = """\
Decode pictures once into squares of one size, with a list of them, their split and the training set's mean. OUT is
then a SOURCE for `alexnet train` and `alexnet evaluate`. A prepare that was killed continues where it stopped when the
same command is given again. Your own files are only read.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What, where, and how pictures become squares."""

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")]
    """Class folders, an archive of them, a list, Parquet, ImageNet, `hub:NAME`, `tree:FOLDER` or `digits`."""
    out: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="OUT", help_behavior_hint="")]
    """The folder to make: new, or empty."""
    size: Annotated[int, tyro.conf.arg(metavar="PIXELS")] = 256
    """Side of the squares; the shorter side of a picture is scaled to it."""
    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """How a picture that is not square becomes one: cut the ends, squeeze, or pad with grey."""
    split_seed: int = 0
    """Seed of the split, where the source names none."""
    workers: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: one for each core)")] = 0
    """Processes that decode; their number changes nothing in what is written."""
    max_left_out: Annotated[str, tyro.conf.arg(metavar="SHARE")] = "5%"
    """Stop if more than this share of the files cannot be read; those that cannot are listed in left_out.csv."""
    json: Switch = False
    """Print what was made as one JSON object."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """Prepare, and say what came of it."""
    options = parse(Options, words, verb="prepare", about=ABOUT)
    left_out = share(options.max_left_out, "--max-left-out")

    from alexnet.cli.console import Console
    from alexnet.data.prepare import prepare
    from alexnet.data.sources import list_source

    with Console(quiet=options.quiet) as console:
        prepared = prepare(
            list_source(options.source),
            options.out,
            size=options.size,
            fit=options.fit,
            split_seed=options.split_seed,
            workers=options.workers or None,
            max_left_out=left_out,
            report=console.preparing,
            say=console.say,
        )
    if options.json:
        facts = {
            "path": str(prepared.path),
            "name": prepared.name,
            "classes": list(prepared.classes),
            "size": prepared.size,
            "fit": prepared.fit,
            "counts": prepared.counts,
            "evaluated": prepared.evaluated[0],
            "rule": prepared.rule,
            "left_out": prepared.left_out,
            "area_lost": prepared.area_lost,
            "fingerprint": prepared.fingerprint,
        }
        json.dump(facts, sys.stdout)
        sys.stdout.write("\n")
        return
    print(prepared.describe())
    print(prepared.rule)
    if prepared.fit == "crop":
        print(
            f"the crop cut off {100 * prepared.area_lost:.1f}% of the pictures' area; --fit letterbox keeps all of it"
        )
    print(f"prepared: {prepared.path}")
