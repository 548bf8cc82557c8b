"""`alexnet summary`: which networks are there, and what does one look like, layer by layer?"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from alexnet.cli.settings import part_type
from alexnet.cli.words import Switch, parse
from alexnet.config import Config
from alexnet.edits import edited, edits_of
from alexnet.settings import ModelConfig
from alexnet.tables import TABLES

if TYPE_CHECKING:
    from alexnet.model.summary import Summary

ABOUT = """\
The networks that bear the name, each as its own table of layers. Without a name, all of them; with one, every
layer's output, parameters and multiplications, and the memory a picture takes.

With the settings that `alexnet train` takes for a network, it is shown as they change it: --model.norm batch,
--model.without conv3 conv4, --model.width 0.5.
"""

Edits = part_type(ModelConfig, "model", Config(), "default", leave_out=("table", "classes", "init"))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which network, at which size."""

    table: Annotated[tyro.conf.Positional[str | None], tyro.conf.arg(metavar="[TABLE]", help_behavior_hint="")] = None
    """The network's name."""
    classes: int = 1000
    """Outputs of the last layer."""
    size: Annotated[int | None, tyro.conf.arg(metavar="PIXELS", help_behavior_hint="(default: the table's own)")] = None
    """Side of the input."""
    model: Annotated[Edits, tyro.conf.arg(help="What is changed in it.")] = dataclasses.field(default_factory=Edits)  # type: ignore[valid-type]
    json: Switch = False
    """Print one JSON object: parameters, macs, layers, memory."""


def run(words: Sequence[str]) -> None:
    """List the tables, or lay one out."""
    options = parse(Options, words, verb="summary", about=ABOUT)
    edits = dataclasses.asdict(options.model)
    if options.table is None:
        if edits_of(ModelConfig(**edits)):
            raise ValueError("which network is to be changed? name its table: alexnet summary paper --model.norm batch")
        if options.json:
            print(json.dumps({name: table.summary for name, table in TABLES.items()}))
            return
        wide = max(map(len, TABLES))
        for name, table in TABLES.items():
            print(f"{name:<{wide}}  {table.size:>3} px  {table.summary}")
        print("\nalexnet summary NAME shows one layer by layer.")
        return

    from alexnet.model.summary import summarize

    model = ModelConfig(table=options.table, **edits)
    summary = summarize(edited(model), num_classes=options.classes, size=options.size)
    if options.json:
        json.dump(summary.to_dict(), sys.stdout)
        sys.stdout.write("\n")
        return
    _lay_out(summary, edits_of(model))


def _lay_out(summary: Summary, edits: Mapping[str, Any]) -> None:
    """A line a layer, and the sums."""
    print(f"{summary.table}: {summary.size} x {summary.size} pixels, {summary.classes:,} classes")
    for name, value in edits.items():
        print(f"  model.{name} {' '.join(map(str, value)) if isinstance(value, tuple) else value}")
    print()
    rows = [
        (row.name, row.kind, " x ".join(map(str, row.output)), _count(row.parameters), _count(row.macs))
        for row in summary.layers
    ]
    rows = [("layer", "kind", "output", "parameters", "multiplications"), *rows]
    rows.append(("all", "", "", f"{summary.parameters:,}", f"{summary.macs:,}"))
    wide = [max(len(row[column]) for row in rows) for column in range(5)]
    for name, kind, output, parameters, macs in rows:
        left = f"{name:<{wide[0]}}  {kind:<{wide[1]}}  {output:<{wide[2]}}"
        print(f"{left}  {parameters:>{wide[3]}}  {macs:>{wide[4]}}")
    print(f"\nmemory: {_mega(summary.weights)} for the weights, {_mega(summary.training_state)} to train them,")
    print(f"and {_mega(summary.activations)} for each picture")


def _count(number: int) -> str:
    return f"{number:,}" if number else "-"


def _mega(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
