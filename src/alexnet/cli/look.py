"""`alexnet look`: what has this run's network learned, in pictures?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import tyro

from alexnet.cli.on_run import Machine, OnRun, Told, tell
from alexnet.cli.words import Switch, parse

ABOUT = """\
Make the album of RUN: one page that works offline, a picture file for every figure, and look.json with the numbers
behind them, all in RUN/look. It shows the kernels, what the layers make of a picture, which units are silent, the
curves, what is mixed up with what, which pictures are alike to the network, which pixels it decides by, what excites
its units, and what happens when pictures are shifted, recoloured or noisy.

An album that is there already is replaced when the new one is complete. A part that needs a library which is not
installed is left out, and the page says how to get it.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Told, Machine, OnRun):
    """Which run, and what of it."""

    only: Annotated[str | None, tyro.conf.arg(metavar="TOPIC,...", help_behavior_hint="(default: all)")] = None
    """Some of kernels, sparsity, maps, curves, predictions, neighbours, codes, concept_map, attribution, imagined and
    probes, with commas between them."""
    out: Annotated[str | None, tyro.conf.arg(metavar="FOLDER", help_behavior_hint="(default: RUN/look)")] = None
    """Where the album goes: a new or empty folder, or an album, which is replaced."""
    pictures: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="(default: each topic's own)")] = None
    """How many pictures a topic looks at that looks at many."""
    svg: Switch = False
    """Write every figure as SVG, too."""


def run(words: Sequence[str]) -> None:
    """Make the album and say where it is."""
    options = parse(Options, words, verb="look", about=ABOUT)

    from alexnet.cli.console import Console
    from alexnet.insight.album import album

    with Console(quiet=options.quiet) as console:
        made = album(
            options.run,
            only=[name.strip() for name in (options.only or "").split(",") if name.strip()],
            out=options.out,
            device=options.device,
            threads=options.threads,
            pictures=options.pictures,
            svgs=options.svg,
            listener=console,
        )
    figures = sum(len(one.panels) for one in made.shown)
    lines = [f"{one.topic} is left out: {one.why}" for one in made.missing]
    tell(made.to_dict(), [*lines, f"{figures} figure{'' if figures == 1 else 's'}: {made.page}"], as_json=options.json)
