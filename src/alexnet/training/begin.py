"""Where does a run begin, or go on? A fresh state or the checkpoint's; and how a state is saved."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alexnet.config import Config
from alexnet.data.feed import Feed, rows_of
from alexnet.data.mixing import mixes
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.device import Machine, environment
from alexnet.edits import edited
from alexnet.model.arrange import arrange
from alexnet.model.network import AlexNet
from alexnet.training import folder as files
from alexnet.training.average import make_average
from alexnet.training.checkpoint import load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint
from alexnet.training.listener import Listener
from alexnet.training.loss import make_objective
from alexnet.training.optim import make_optimizer
from alexnet.training.schedule import Schedule
from alexnet.training.starting import start_from
from alexnet.training.step import Setting, State, new_sums

#: Logs that a run goes on writing: cut back to their length at the checkpoint.
LOGS = ("metrics.jsonl",)


def build(config: Config, classes: int) -> AlexNet:
    """The network of a config, initialized from its seed, in the memory layout that convolutions are fastest in."""
    network = AlexNet(
        classes,
        edited(config.model, classes),
        init=config.model.init,
        seed=config.train.seed,
        size=config.augment.crop,
    )
    arrange(network, config.train)
    kind = torch.float64 if config.train.precision == "float64" else torch.float32
    return network.to(dtype=kind, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def feed_of(config: Config, prepared: PreparedSet, rows: np.ndarray, machine: Machine) -> Feed:
    """The training feed of a config over some rows of a prepared set."""
    return Feed(
        prepared,
        rows,
        batch=config.train.batch,
        device=machine.device,
        memory=machine.memory,
        sampling=config.train.sampling,
        mixing=mixes(config.augment),
    )


def fresh(config: Config, prepared: PreparedSet, feed: Feed, device: str) -> tuple[State, Setting]:
    """The state in which a run of this config starts: equal every time, and nobody's but the caller's."""
    statistics = prepared.statistics(config.data.all_of_train)
    network = build(config, len(prepared.classes)).to(device)
    preprocess = Preprocess.fitted(statistics, config.data, config.augment).to(device)
    state = State(
        network=network,
        average=make_average(network, config.optim.ema),
        optimizer=make_optimizer(network, network.table, config.optim),
        schedule=Schedule(config.optim, config.train.epochs, len(feed)),
        sums=new_sums(device),
    )
    forward: Any = network
    if config.train.compile:
        # Recorded by torch itself: the mode's only other meaning is that it plays graphs of the GPU's work back.
        forward = torch.compile(network, dynamic=False, mode="reduce-overhead" if config.train.graph else None)
    labels = torch.from_numpy(prepared.labels[rows_of(config, prepared)[0]])
    return state, Setting(
        config=config,
        preprocess=preprocess,
        statistics=statistics,
        device=device,
        forward=forward,
        objective=make_objective(labels, len(prepared.classes), config.train, device),
    )


def begin(
    config: Config, prepared: PreparedSet, run: Path, feed: Feed, machine: Machine, listener: Listener
) -> tuple[State, Setting]:
    """A fresh state, with other weights where the config says so, or the run's checkpoint."""
    state, setting = fresh(config, prepared, feed, machine.device)
    found = load_checkpoint(run)
    if found is None and config.train.start:
        assert isinstance(state.network, AlexNet)
        listener.say(start_from(state.network, run, config.train.start, prepared.classes))
        state.average.load_state_dict(state.network.state_dict())
    if found is not None:
        tensors, place = found
        try:
            _restore(state, tensors)
        except (KeyError, RuntimeError) as error:
            raise ValueError(
                f"the checkpoint in {run / 'state'} is not of this run's network, so it cannot be resumed "
                f"({' '.join(str(error).split())[:120]})"
            ) from None
        state.schedule.load_state_dict(place["schedule"])
        state.epoch, state.batch, state.step, state.best = (
            place["epoch"],
            place["batch"],
            place["step"],
            place["best"],
        )
        _say_conditions(place["conditions"], listener)
    for log in LOGS:
        files.cut(run / log, found[1]["lines"][log] if found else 0)
    (run / "weights").mkdir(exist_ok=True)
    for left in (run / "weights").glob(".*.unfinished"):  # by a kill; the run's lock says that nobody writes it now
        left.unlink()
    return state, setting


def _restore(state: State, tensors: Mapping[str, Tensor]) -> None:
    """Put a checkpoint's tensors where they belong. Raises KeyError or RuntimeError where they do not fit."""
    for part, module in modules(state).items():
        own = {name: t for name, t in tensors.items() if name.startswith(part)}
        module.load_state_dict({name.removeprefix(part): t for name, t in own.items()})
    restore_optimizer(state.network, state.optimizer, dict(tensors))
    for name, value in state.sums.items():
        value.copy_(tensors[f"sums.{name}"])


def modules(state: State) -> dict[str, nn.Module]:
    """The networks of a state by the beginning of their tensors' names in a checkpoint: one, or two with an average."""
    networks = {"network.": state.network}
    return networks if state.average is state.network else networks | {"average.": state.average}


def _say_conditions(before: Mapping[str, Any], listener: Listener) -> None:
    now = environment()
    changed = [f"{name} {before[name]} -> {now[name]}" for name in now if before.get(name) != now[name]]
    if changed:
        listener.say(f"continues, not bit-equal to an uninterrupted run: {', '.join(changed)}")


def save(state: State, prepared: PreparedSet, setting: Setting, run: Path, machine: Machine) -> float:
    """Write a checkpoint; returns the seconds it took."""
    began = time.monotonic()
    tensors = {
        part + name: value for part, module in modules(state).items() for name, value in module.state_dict().items()
    }
    tensors |= optimizer_tensors(state.network, state.optimizer)
    tensors |= {f"sums.{name}": value for name, value in state.sums.items()}
    state.lines = {log: files.length(run / log) for log in LOGS}
    place = {
        "epoch": state.epoch,
        "batch": state.batch,
        "step": state.step,
        "best": state.best,
        "schedule": state.schedule.state_dict(),
        "lines": state.lines,
        "conditions": environment(),
        "fingerprint": prepared.fingerprint,
        "config": setting.config.digest,
    }
    save_checkpoint(run, state.step, tensors, place)
    return time.monotonic() - began
