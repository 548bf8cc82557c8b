"""`alexnet recipes`: which named settings are there, what is in one, how do two differ?"""

from __future__ import annotations

import dataclasses
import difflib
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from alexnet.cli.words import Switch, parse
from alexnet.config import changes_between, get, to_dict
from alexnet.recipes import RECIPES, Recipe

ABOUT = """\
Named, complete settings for `alexnet train --recipe NAME`. Without a name, all of them; with one, everything in it as
JSON; with two, the settings in which they differ.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Which recipes."""

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[NAME [NAME]]", help_behavior_hint="")
    ] = ()
    """None, one or two names."""
    json: Switch = False
    """Print JSON, also for the list and for the differences."""


def run(words: Sequence[str]) -> None:
    """List, show or compare."""
    options = parse(Options, words, verb="recipes", about=ABOUT)
    if len(options.names) > 2:
        raise ValueError(f"alexnet recipes takes at most two names, not {len(options.names)}")
    if len(options.names) == 1:
        print(json.dumps(to_dict(find(options.names[0]).config), indent=2))
    elif options.names:
        _differences(find(options.names[0]), find(options.names[1]), as_json=options.json)
    elif options.json:
        print(json.dumps({name: {"summary": one.summary, "expect": one.expect} for name, one in RECIPES.items()}))
    else:
        _all()


def find(name: str) -> Recipe:
    """The recipe of that name. Raises ValueError naming the nearest."""
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1, cutoff=0.4)
        advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(RECIPES)}"
        raise ValueError(f"there is no recipe {name!r}; {advice}")
    return RECIPES[name]


def _all() -> None:
    for name, recipe in RECIPES.items():
        print(f"{name}\n    {recipe.summary}")
        if recipe.expect:
            print(f"    {recipe.expect}")
    print("\nalexnet train PICTURES --recipe NAME trains with one; alexnet recipes NAME shows everything in it.")


def _differences(old: Recipe, new: Recipe, *, as_json: bool) -> None:
    names = list(changes_between(old.config, new.config))
    if as_json:
        json.dump({name: [get(old.config, name), get(new.config, name)] for name in names}, sys.stdout)
        sys.stdout.write("\n")
        return
    rows = [("", old.name, new.name)] + [
        (name, str(get(old.config, name)), str(get(new.config, name))) for name in names
    ]
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip())
    if not names:
        print("the two are equal in every setting")
