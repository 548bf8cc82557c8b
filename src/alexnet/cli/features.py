"""`alexnet features`: what does a layer compute for these pictures?"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.words import Switch, parse

ABOUT = """\
What one layer of a run's network computes for pictures, as numbers for other programs: for a classifier of your own,
for searching, for clustering. PICTURE is a source that `alexnet train` takes, whose classes then come along, or files,
folders and lists as `alexnet predict` takes them. Files that cannot be read are named on stderr and skipped.

npz holds the arrays paths, features, layer, shape, and classes and labels where there are any; parquet a row a picture:
path, label, features.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which weights, which pictures, which layer."""

    run: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RUN", help_behavior_hint="")]
    """A run's folder (its best weights if there are any, else its last), or a .safetensors file of one."""
    pictures: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="PICTURE...", help_behavior_hint="")
    ] = ()
    """A source with classes, or files, folders and lists."""
    layer: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: what the last layer reads)")
    ] = None
    """A row of the network's table (`alexnet summary TABLE`): fc7 is before its ReLU, relu7 after it."""
    format: Annotated[
        Literal["npz", "parquet"] | None, tyro.conf.arg(help_behavior_hint="(default: as FILE ends, else npz)")
    ] = None
    """numpy's arrays, or a table of Parquet."""
    out: Annotated[
        str | None, tyro.conf.arg(metavar="FILE", help_behavior_hint="(default: features.npz or features.parquet)")
    ] = None
    """Where to write; a file that exists is replaced."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is."""
    json: Switch = False
    """Print what was written as one JSON object."""


def run(words: Sequence[str]) -> None:
    """Compute, write, and say what is in the file."""
    options = parse(Options, words, verb="features", about=ABOUT)
    if not options.pictures:
        raise ValueError("alexnet features needs pictures: a source, or files, folders or lists, after the run")

    from alexnet.cli.console import say_left_out
    from alexnet.insight.features import features
    from alexnet.ship.feature_files import write_features

    found = features(options.run, options.pictures, options.layer, device=options.device)
    form = options.format or (None if options.out else "npz")
    done = write_features(found, options.out or f"features.{form}", form=form, left_out=say_left_out)
    if options.json:
        json.dump(done.to_dict(), sys.stdout)
        sys.stdout.write("\n")
        return
    sentence = f"{done.pictures:,} pictures, {done.values:,} values each of {done.layer}, in {done.path}"
    print(sentence + (f"; {done.left_out:,} could not be read" if done.left_out else ""))
