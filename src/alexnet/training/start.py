"""What happens between a request and a finished run? Resolve, prepare, train, evaluate, report."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from alexnet import device as machines
from alexnet import draws
from alexnet.config import Config, from_dict, patch, to_dict
from alexnet.data.prepared import PreparedSet, is_prepared, open_prepared
from alexnet.data.preprocess import Preprocess
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.tables import TABLES
from alexnet.training.begin import build
from alexnet.training.bound import largest_curvature
from alexnet.training.finish import finish
from alexnet.training.folder import RunFolder, open_run_folder, read_json, request, write_bytes, write_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.loop import train as train_network
from alexnet.training.pictures import look_at, prepared_for, reopen
from alexnet.training.resolve import Request, choose_recipe, resolve
from alexnet.training.run import Run, load

#: Pictures on which the curvature at the start is measured.
BOUND_BATCH = 32


def train(
    source: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 0,
    workers: int = 0,
    max_left_out: float = 0.05,
    save_every: float = 60.0,
    listener: Listener | None = None,
    folder: RunFolder | None = None,
) -> Run:
    """Train a classifier on pictures, evaluate it, and write everything into a run's folder.

    Args:
        source: a folder of class folders, of train/val/test folders, a list, Parquet, `digits`, or a prepared set.
        out: the run's folder, new or empty; None makes `runs/NAME-1`, `runs/NAME-2`, ...
        recipe: name of a recipe; None chooses one for the pictures and the machine.
        changes: settings by dotted name, e.g. `{"train.epochs": 10, "optim.rate": 0.01}`.
        device: "auto", "cpu", "cuda" or "mps". threads: of the CPU, 0 for torch's choice.
        workers: processes that decode pictures, 0 for one a core. max_left_out: share of files that may be unreadable.
        save_every: least seconds between two checkpoints.
        listener: told of the progress.
        folder: the run's folder where `open_run_folder` made it already, with the same `request`.

    Returns:
        The finished run, with its best weights loaded.

    Raises:
        ValueError: of one sentence, for anything in the request or the pictures that does not fit.
        Interrupted: a signal asked to stop; the run is saved and can be resumed.
    """
    words = request(
        source,
        recipe=recipe,
        changes=changes,
        device=device,
        threads=threads,
        workers=workers,
        max_left_out=max_left_out,
    )
    folder = folder or open_run_folder(out, str(source), words)
    with folder:
        try:
            config, prepared, machine = _settle(words, folder.path, listener or Silent())
        except ValueError:
            folder.discard()
            raise
        return _to_the_end(config, prepared, machine, folder.path, listener or Silent(), save_every)


def resume(
    folder: str | os.PathLike[str],
    *,
    extend: int = 0,
    device: str = "auto",
    threads: int = 0,
    save_every: float = 60.0,
    listener: Listener | None = None,
) -> Run:
    """Go on with a run that was stopped or killed, bit for bit as if it had not been; or add epochs to a finished one.

    Args:
        folder: the run's folder.
        extend: epochs to add to a finished or unfinished run.
        device, threads: as in `train`; by default the run's own number of threads.

    Raises:
        ValueError: no run is there, another process is working on it, or the pictures have changed since.
    """
    path = Path(folder)
    listener = listener or Silent()
    if not (path / "request.json").exists():
        raise ValueError(f"{path} is not a run's folder: it has no request.json; `alexnet train` makes one")
    with RunFolder(path):
        words = read_json(path / "request.json")
        if extend:
            _extend(path, extend)
        elif (path / "results.json").exists():
            listener.say(f"the run {path} is finished; --extend N adds epochs to it")
            return load(path)
        if not (path / "config.json").exists():
            words |= {"device": device if device != "auto" else words["device"]}
            config, prepared, machine = _settle(words, path, listener)
        else:
            config = from_dict(read_json(path / "config.json"))
            before = read_json(path / "environment.json")
            machine = machines.choose(device if device != "auto" else before["device"], threads or before["threads"])
            prepared = reopen(path, listener)
        return _to_the_end(config, prepared, machine, path, listener, save_every)


def _extend(path: Path, epochs: int) -> None:
    if epochs < 1:
        raise ValueError(f"--extend takes 1 or more epochs, not {epochs}")
    if not (path / "config.json").exists():
        raise ValueError(f"the run {path} has not begun; resume it without --extend first")
    config = from_dict(read_json(path / "config.json"))
    longer = patch(config, {"train.epochs": config.train.epochs + epochs, "train.steps": 0})
    write_json(path / "config.json", to_dict(longer))
    (path / "results.json").unlink(missing_ok=True)


def _settle(words: Mapping[str, Any], run: Path, listener: Listener) -> tuple[Config, PreparedSet, Machine]:
    """Everything up to the first step: machine, pictures, config; written into the run's folder."""
    machine = machines.choose(words["device"], words["threads"])
    source = words["source"]
    prepared: list[PreparedSet] = []

    def prepare(config: Config) -> PreparedSet:
        if not prepared:
            workers, max_left_out = words["workers"], words["max_left_out"]
            found = prepared_for(source, config.data, workers=workers, max_left_out=max_left_out, listener=listener)
            prepared.append(found)
            if found.left_out:
                write_bytes(run / "left_out.csv", (found.path / "left_out.csv").read_bytes())
            listener.say(found.describe(run))
        return prepared[0]

    facts = look_at(source)
    given = dict(words["changes"])
    if is_prepared(source):
        made = open_prepared(source)
        chosen = words["recipe"] or choose_recipe(facts, machine).name
        largest = (TABLES[RECIPES[chosen].config.model.table].sizes or (0, 0))[1] if chosen in RECIPES else 0
        if 0 < largest < made.size and not given:
            listener.say(
                f"{source} holds squares of {made.size} pixels, and the recipe {chosen} takes {largest} at most: "
                f"preparing smaller ones from {made.location}"
            )
            source = made.location
            facts = look_at(source)
        else:  # its squares are as they are
            given = {"data.size": made.size, "data.fit": made.fit} | given
    resolved = resolve(Request(recipe=words["recipe"], changes=given), facts, machine, _bound(prepare, machine))
    data = prepare(resolved.config)
    for sentence in resolved.sentences:
        listener.say(sentence)
    split, note = data.evaluated
    if len(data.rows(split)) == 0 or len(data.rows("train")) == 0:
        raise ValueError(
            f"there are too few pictures in {source} to train on some and measure on others; "
            "bring at least four of every class, or folders train/ and val/"
        )
    write_json(run / "environment.json", machines.environment() | {"device": machine.device, "machine": machine.name})
    write_json(
        run / "data.json",
        {
            "name": data.name,
            "kind": data.kind,
            "location": source,
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
    write_json(run / "config.json", to_dict(resolved.config))
    return resolved.config, data, machine


def _bound(prepare: Callable[[Config], PreparedSet], machine: Machine) -> Callable[[Config], float]:
    """The curvature of a config at initialization on the first pictures of its first epoch."""

    def measure(config: Config) -> float:
        data = prepare(config)
        rows = data.rows("train", "select") if config.data.all_of_train else data.rows("train")
        chosen = rows[draws.order(config.train.seed, 1, len(rows))[:BOUND_BATCH].numpy()]
        full = patch(config, {"train.precision": "float32"})
        network = build(full, len(data.classes)).to(machine.device)
        preprocess = Preprocess.fitted(data.statistics(config.data.all_of_train), config.data, config.augment).to(
            machine.device
        )
        border = (data.size - config.augment.crop) // 2
        images = torch.from_numpy(data.gather(chosen)).to(machine.device)
        if border > 0:
            images = images[:, :, border : border + config.augment.crop, border : border + config.augment.crop]
        keys = draws.keys(config.train.seed, 1, torch.from_numpy(chosen)).to(machine.device)
        return largest_curvature(network, preprocess(images), keys)

    return measure


def _to_the_end(
    config: Config, prepared: PreparedSet, machine: Machine, run: Path, listener: Listener, save_every: float
) -> Run:
    train_network(config, prepared, run, machine=machine, listener=listener, save_every=save_every)
    trained = load(run)
    finish(trained, prepared, machine)
    return dataclasses.replace(trained, results=read_json(run / "results.json"))
