"""`alexnet similar`: which pictures are most like these?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.on_run import Machine, OnRun, Told, tell
from alexnet.cli.words import parse

ABOUT = """\
For each picture the training pictures that are most like it to the network: those whose values in its last hidden
layer lie nearest, as in figure 4 of the paper. With --index other pictures are searched. Files that cannot be read are
named on stderr and skipped. What the network computes for the training pictures is kept in the cache, so that asking
again is quick.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked(OnRun):
    """Which weights, which pictures, searched where and how."""

    pictures: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="PICTURE...", help_behavior_hint="")
    ] = ()
    """Files, folders and lists, or a source that `alexnet train` takes."""
    index: Annotated[
        str | None, tyro.conf.arg(metavar="FOLDER|SOURCE", help_behavior_hint="(default: the training pictures)")
    ] = None
    """Search these pictures instead."""
    number: int = 6
    """So many for each picture, the nearest first."""
    metric: Literal["euclidean", "cosine"] = "euclidean"
    """The paper's distance; or 1 - cosine, which does not see how strongly a layer answers, only how."""
    layer: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: what the last layer reads)")
    ] = None
    """A row of the network's table (`alexnet summary TABLE`) to compare by."""
    how: Literal["exact", "faiss"] = "exact"
    """Compare with every picture in float64; or let faiss choose the candidates, for large sets."""
    out: Annotated[str | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: none)")] = None
    """Also draw the pictures with those found, six to a figure, and write neighbours.csv; such files are replaced."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Told, Machine, Asked):
    """All words of the verb."""


def run(words: Sequence[str]) -> None:
    """Search, and print what is found for each picture."""
    options = parse(Options, words, verb="similar", about=ABOUT)
    if not options.pictures:
        raise ValueError("alexnet similar needs pictures: files, folders or lists, after the run")

    from alexnet.cli.console import Console, say_left_out
    from alexnet.insight.similar import similar

    with Console(quiet=options.quiet) as console:
        found = similar(
            options.run,
            options.pictures,
            index=options.index,
            layer=options.layer,
            metric=options.metric,
            number=options.number,
            how=options.how,
            out=options.out,
            device=options.device,
            threads=options.threads,
            left_out=say_left_out,
            listener=console,
        )
    tell(found.to_dict(), found.lines(), as_json=options.json)
