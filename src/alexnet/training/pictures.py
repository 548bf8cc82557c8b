"""Which pictures does a run work on? A source's prepared set, and that of a run that exists already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet.config import DataConfig, from_dict
from alexnet.data.cache import prepare_cached
from alexnet.data.peek import DataFacts, peek
from alexnet.data.prepared import PreparedSet, is_prepared, open_prepared
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.tables import TABLES
from alexnet.training.folder import read_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.resolve import choose_recipe


def look_at(source: str) -> DataFacts:
    """What is known of a source before it is prepared; of a prepared set, what it says of itself."""
    if not is_prepared(source):
        return peek(list_source(source))
    made = open_prepared(source)
    return DataFacts(name=made.name, pictures=len(made.rows("train")), classes=len(made.classes), side=made.size)


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Where a run's pictures come from, what is known of them, and the settings given, with those they fix."""

    source: str
    facts: DataFacts
    given: dict[str, Any]


def choose_pictures(
    source: str, recipe: str | None, given: Mapping[str, Any], machine: Machine, listener: Listener
) -> Pictures:
    """The pictures of a request: the source's; of a prepared set its own squares, which then fix size and fit.

    Where a prepared set's squares are larger than the recipe's network takes and nothing was asked for, the pictures
    it was made of are used instead, and that is said.
    """
    facts = look_at(source)
    if not is_prepared(source):
        return Pictures(source=source, facts=facts, given=dict(given))
    made = open_prepared(source)
    chosen = recipe or choose_recipe(facts, machine).name
    largest = (TABLES[RECIPES[chosen].config.model.table].sizes or (0, 0))[1] if chosen in RECIPES else 0
    if 0 < largest < made.size and not given:
        listener.say(
            f"{source} holds squares of {made.size} pixels, and the recipe {chosen} takes {largest} at most: "
            f"preparing smaller ones from {made.location}"
        )
        return Pictures(source=made.location, facts=look_at(made.location), given={})
    return Pictures(source=source, facts=facts, given={"data.size": made.size, "data.fit": made.fit} | dict(given))


def prepared_for(
    source: str, data: DataConfig, *, workers: int, max_left_out: float, listener: Listener
) -> PreparedSet:
    """The prepared set of a source as a config wants it: from the cache, made now, or the source itself.

    Raises:
        ValueError: the source is a prepared set of another size or fit.
    """
    if is_prepared(source):
        made = open_prepared(source)
        if (made.size, made.fit) != (data.size, data.fit):
            raise ValueError(
                f"{source} is prepared with size {made.size} and fit {made.fit}, and {data.size} and {data.fit} are "
                "wanted; prepare it again from the pictures"
            )
        return made
    return prepare_cached(
        list_source(source),
        size=data.size,
        fit=data.fit,
        split_seed=data.split_seed,
        workers=workers or None,
        max_left_out=max_left_out,
        report=listener.preparing,
        say=listener.say,
    )


def reopen(run: Path, listener: Listener | None = None) -> PreparedSet:
    """The prepared set that a run was trained on, prepared again if the cache lost it.

    Raises:
        ValueError: the pictures are gone or are no longer those of the run.
    """
    facts = read_json(run / "data.json")
    if is_prepared(facts["prepared"]):
        prepared = open_prepared(facts["prepared"])
    else:
        config = from_dict(read_json(run / "config.json"))
        prepared = prepared_for(
            facts["location"],
            config.data,
            workers=facts["workers"],
            max_left_out=facts["max_left_out"],
            listener=listener or Silent(),
        )
    if prepared.fingerprint != facts["fingerprint"]:
        raise ValueError(
            f"the pictures in {facts['location']} are not those that the run {run} was trained on "
            "(fingerprints differ); put them back, or start a new run"
        )
    return prepared
