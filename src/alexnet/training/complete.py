"""How is a complete config trained, where nothing is left to choose? `train_config`: studies and searches use it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alexnet import device as machines
from alexnet.config import Config, changes_between, from_dict
from alexnet.data.prepared import PreparedSet, open_prepared
from alexnet.recipes import RECIPES
from alexnet.training.finish import finish
from alexnet.training.folder import RunFolder, read_json, request, write_bytes, write_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.loop import train as train_network
from alexnet.training.ranges import require
from alexnet.training.run import Run, load
from alexnet.training.settle import Settled, write_settled
from alexnet.training.starting import FILE as START


def train_config(
    config: Config,
    prepared: PreparedSet | Path,
    out: Path,
    *,
    device: str = "auto",
    threads: int = 0,
    start: Path | None = None,
    save_every: float = 60.0,
    listener: Listener | None = None,
) -> Run:
    """Train a complete config on a prepared set into the folder `out`, or go on there; measure it, and draw nothing.

    The folder is a run's, without figures/, report.html and forecast.json (`finish.make_page` draws the first two). A
    run that is gone on with keeps the number of threads it began with, and ends as if it had not been stopped, bit for
    bit. A finished one is only opened.

    Args:
        start: weights file that the run starts from; a copy of it is kept in the folder.
        save_every: least seconds between two checkpoints.

    Raises:
        ValueError: the folder holds another run, another process works on it, or the pictures do not fit the config.
        Diverged: the loss is not finite.
        Interrupted: a signal asked to stop; the run is saved, and the same call goes on.
    """
    listener = listener or Silent()
    data = prepared if isinstance(prepared, PreparedSet) else open_prepared(prepared)
    out.mkdir(parents=True, exist_ok=True)
    with RunFolder(out):
        begun = (out / "request.json").exists()
        if begun:
            _refuse_another(config, data, out)
            threads = read_json(out / "environment.json")["threads"]
        machine = machines.choose(device, threads)
        if not begun:
            require(config, machine.device)
            if start is not None:
                write_bytes(out / START, start.read_bytes())
            words = _request(config, data, device, threads)
            write_settled(
                Settled(config=config, prepared=data, machine=machine, source=data.location, forecast=None), words, out
            )
            write_json(out / "request.json", words)  # last: what has it can be resumed, by `alexnet resume`, too
        elif (out / "results.json").exists():
            return load(out)
        train_network(config, data, out, machine=machine, listener=listener, save_every=save_every)
        trained = load(out)
        finish(trained, data, machine, listener, page=False)
        return dataclasses.replace(trained, results=read_json(out / "results.json"))


def _refuse_another(config: Config, data: PreparedSet, out: Path) -> None:
    """ValueError where a folder's run is not the one that is meant."""
    there = from_dict(read_json(out / "config.json")).digest
    pictures = read_json(out / "data.json")["fingerprint"]
    if (there, pictures) != (config.digest, data.fingerprint):
        what = "settings" if there != config.digest else "pictures"
        raise ValueError(f"the folder {out} holds a run with other {what}; move it away, or name another folder")


def _request(config: Config, data: PreparedSet, device: str, threads: int) -> Mapping[str, Any]:
    """The shortest words of `alexnet train` for this config: the nearest recipe, and what differs from it."""
    found = {name: changes_between(recipe.config, config) for name, recipe in RECIPES.items()}
    nearest = min(found, key=lambda name: len(found[name]))
    return request(data.path, recipe=nearest, changes=found[nearest], device=device, threads=threads)
