"""What exactly will be run? Machine, pictures, config and forecast: everything before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet import device as machines
from alexnet.config import Config, to_dict
from alexnet.data.feed import rows_of
from alexnet.data.peek import DataFacts
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.training.curvature import curvature_at_start
from alexnet.training.folder import write_bytes, write_json
from alexnet.training.forecast import Forecast, Needs, fixed_seconds, forecast, needs, refuse, room
from alexnet.training.listener import Listener
from alexnet.training.pictures import Pictures, choose_pictures, prepared_for
from alexnet.training.resolve import Request, resolve
from alexnet.training.speed import Speed, measure
from alexnet.training.starting import require_start


@dataclass(frozen=True, kw_only=True)
class Settled:
    """All that a run needs to begin."""

    config: Config
    prepared: PreparedSet
    machine: Machine
    source: str
    forecast: Forecast | None
    """None where nobody waits for it."""


def settle(words: Mapping[str, Any], folder: Path, listener: Listener) -> Settled:
    """From a request's words to a config, a prepared set and a forecast, each said in a sentence.

    Args:
        words: as `folder.request` makes them.
        folder: where the run will write; the list of files left out is put there.

    Raises:
        ValueError: of one sentence, for anything that does not fit.
    """
    require_start(folder, words["changes"].get("train.start", ""))
    machine = machines.choose(words["device"], words["threads"])
    pictures = choose_pictures(words["source"], words["recipe"], words["changes"], machine, listener)
    before = _Before(words, pictures, machine, folder, listener)
    resolved = resolve(
        Request(recipe=words["recipe"], changes=pictures.given, max_hours=words.get("max_hours", 0.0)),
        pictures.facts,
        machine,
        lambda config: curvature_at_start(config, before.prepared(config), machine.device),
        memory=lambda config: _needs_by_facts(config, pictures.facts, machine).memory,
        pace=before.pace,
    )
    config = resolved.config
    data = before.prepared(config)
    for sentence in resolved.sentences:
        listener.say(sentence)
    split, _ = data.evaluated
    rows, selecting = rows_of(config, data)
    held_out = len(data.rows(split))
    if held_out == 0 or len(data.rows("train")) == 0:
        raise ValueError(
            f"there are too few pictures in {pictures.source} to train on some and measure on others; "
            "bring at least four of every class, or folders train/ and val/"
        )
    if config.train.patience and not len(selecting):
        raise ValueError(
            "--patience waits for a better validation error, and no pictures select here; leave it out, give "
            "--data.no-all-of-train, or bring a folder val/"
        )
    wanted = needs(config, classes=len(data.classes), pictures=len(rows), held_out=held_out, device=machine.device)
    refuse(wanted, room(machine, folder), config)
    expected = forecast(
        config,
        before.speed(config),
        wanted,
        pictures=len(rows),
        selecting=len(selecting),
        held_out=held_out,
        device=machine.device,
    )
    listener.say(expected.sentence())
    return Settled(config=config, prepared=data, machine=machine, source=pictures.source, forecast=expected)


class _Before:
    """The pictures and the speed, each made once and only when something asks for it."""

    def __init__(
        self, words: Mapping[str, Any], pictures: Pictures, machine: Machine, folder: Path, listener: Listener
    ) -> None:
        self._words, self._pictures, self._machine = words, pictures, machine
        self._folder, self._listener = folder, listener
        self._prepared: PreparedSet | None = None
        self._speeds: dict[str, Speed] = {}

    def prepared(self, config: Config) -> PreparedSet:
        """The prepared set; a run that cannot fit is refused before hours go into making it."""
        if self._prepared is None:
            refuse(
                _needs_by_facts(config, self._pictures.facts, self._machine), room(self._machine, self._folder), config
            )
            found = prepared_for(
                self._pictures.source,
                config.data,
                workers=self._words["workers"],
                max_left_out=self._words["max_left_out"],
                listener=self._listener,
            )
            if found.left_out:
                write_bytes(self._folder / "left_out.csv", (found.path / "left_out.csv").read_bytes())
            self._listener.say(found.describe(self._folder))
            self._prepared = found
        return self._prepared

    def speed(self, config: Config) -> Speed:
        """Measured for the settings that decide it; the rate and the number of epochs do not."""
        key = repr((config.model, config.augment, config.train.batch, config.train.precision, config.train.accumulate))
        if key not in self._speeds:
            self._speeds[key] = measure(config, self.prepared(config), self._machine)
        return self._speeds[key]

    def pace(self, config: Config) -> tuple[float, float]:
        """Seconds of an epoch, and of what a run does beside its epochs."""
        data, speed = self.prepared(config), self.speed(config)
        rows, selecting = rows_of(config, data)
        steps = -(-len(rows) // config.train.batch)
        held_out = len(data.rows(data.evaluated[0]))
        return steps * speed.step + len(selecting) * speed.picture, fixed_seconds(config, speed, held_out)


def _needs_by_facts(config: Config, facts: DataFacts, machine: Machine) -> Needs:
    """Of a run whose pictures are not prepared yet."""
    pictures = min(facts.pictures, config.train.limit or facts.pictures)
    return needs(config, classes=facts.classes, pictures=pictures, held_out=facts.pictures // 8, device=machine.device)


def write_settled(settled: Settled, words: Mapping[str, Any], run: Path) -> None:
    """environment.json, data.json, forecast.json if any and, last, config.json: with it a run counts as begun."""
    machine, data = settled.machine, settled.prepared
    split, note = data.evaluated
    write_json(run / "environment.json", machines.environment() | {"device": machine.device, "machine": machine.name})
    write_json(
        run / "data.json",
        {
            "name": data.name,
            "kind": data.kind,
            "location": settled.source,
            "prepared": str(data.path),
            "workers": words["workers"],
            "max_left_out": words["max_left_out"],
            "fingerprint": data.fingerprint,
            "classes": list(data.classes),
            "counts": data.counts,
            "left_out": data.left_out,
            "split_rule": data.rule,
            "evaluated": {"split": split, "note": note},
        },
    )
    if settled.forecast is not None:
        write_json(run / "forecast.json", {"expected": settled.forecast.to_dict()})
    write_json(run / "config.json", to_dict(settled.config))
