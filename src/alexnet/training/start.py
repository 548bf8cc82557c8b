"""What happens between a request and a finished run? Resolve, prepare, train, evaluate, report."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alexnet import device as machines
from alexnet.config import Config, from_dict, patch, to_dict
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.training.finish import finish
from alexnet.training.first_batch import draw_first_batch
from alexnet.training.folder import RunFolder, open_run_folder, read_json, request, write_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.loop import train as train_network
from alexnet.training.pictures import reopen
from alexnet.training.run import Run, load
from alexnet.training.settle import settle, write_settled


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
    max_hours: float = 0.0,
    listener: Listener | None = None,
    folder: RunFolder | None = None,
) -> Run:
    """Train a classifier on pictures, evaluate it, and write everything into a run's folder.

    Args:
        source: a folder of class folders, of train/val/test folders, a list, Parquet, `digits`, or a prepared set.
        out: the run's folder, new or empty; None makes `runs/NAME-1`, `runs/NAME-2`, ...
        recipe: name of a recipe; None chooses one for the pictures and the machine.
        changes: settings by dotted name, e.g. `{"train.epochs": 10, "optim.rate": 0.01}`; "train.batch" may be "auto".
        device: "auto", "cpu", "cuda" or "mps". threads: of the CPU, 0 for torch's choice.
        workers: processes that decode pictures, 0 for one a core. max_left_out: share of files that may be unreadable.
        save_every: least seconds between two checkpoints.
        max_hours: hours that training may take, 0 = any: lowers the epochs where none are given, and stops there.
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
        max_hours=max_hours,
    )
    folder = folder or open_run_folder(out, str(source), words)
    with folder:
        try:
            settled = settle(words, folder.path, listener or Silent())
            write_settled(settled, words, folder.path)
        except ValueError:
            folder.discard()
            raise
        config, prepared, machine = settled.config, settled.prepared, settled.machine
        return _to_the_end(config, prepared, machine, folder.path, listener or Silent(), save_every, max_hours)


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
        elif (path / "results.json").exists() and read_json(path / "results.json").get("ended") == "max-hours":
            (path / "results.json").unlink()  # its time was over, its epochs were not
        elif (path / "results.json").exists():
            listener.say(f"the run {path} is finished; --extend N adds epochs to it")
            return load(path)
        if not (path / "config.json").exists():
            words |= {"device": device if device != "auto" else words["device"]}
            settled = settle(words, path, listener)
            write_settled(settled, words, path)
            config, prepared, machine = settled.config, settled.prepared, settled.machine
        else:
            config = from_dict(read_json(path / "config.json"))
            before = read_json(path / "environment.json")
            machine = machines.choose(device if device != "auto" else before["device"], threads or before["threads"])
            prepared = reopen(path, listener)
        hours = words.get("max_hours", 0.0)
        return _to_the_end(config, prepared, machine, path, listener, save_every, hours)


def _extend(path: Path, epochs: int) -> None:
    if epochs < 1:
        raise ValueError(f"--extend takes 1 or more epochs, not {epochs}")
    if not (path / "config.json").exists():
        raise ValueError(f"the run {path} has not begun; resume it without --extend first")
    config = from_dict(read_json(path / "config.json"))
    changes = {"train.epochs": config.train.epochs + epochs, "train.steps": 0, "train.patience": 0, "train.until": 0.0}
    longer = patch(config, changes)
    write_json(path / "config.json", to_dict(longer))
    (path / "results.json").unlink(missing_ok=True)


def _to_the_end(
    config: Config,
    prepared: PreparedSet,
    machine: Machine,
    run: Path,
    listener: Listener,
    save_every: float,
    max_hours: float,
) -> Run:
    draw_first_batch(config, prepared, run)
    train_network(config, prepared, run, machine=machine, listener=listener, save_every=save_every, max_hours=max_hours)
    trained = load(run)
    finish(trained, prepared, machine, listener)
    return dataclasses.replace(trained, results=read_json(run / "results.json"))
