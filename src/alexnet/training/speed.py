"""How long does one step take here? Measured with a network of the run's own kind, which is then thrown away.

Nothing of the run is touched: the weights, the optimizer and the feed of the measurement are its own, and the project's
draws have no state that could move.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from alexnet.config import Config, patch
from alexnet.data.feed import rows_of
from alexnet.data.prepared import Batch, PreparedSet
from alexnet.device import Machine
from alexnet.model.summary import Summary, summarize
from alexnet.scoring.infer import probabilities
from alexnet.training.begin import build, feed_of, fresh
from alexnet.training.step import NotFinite, Setting, State, step

#: Operations of one measured step on a CPU, at most: about a second. Larger batches are measured in part.
OPERATIONS = 5e10
#: Pictures of one measured step, at least and at most.
FEWEST, MOST = 8, 256
#: Seconds that the timed steps may take together, once each has been timed at least once.
PATIENCE = 0.5


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds on this machine."""

    step: float
    """Of one training step of the config's batch."""
    picture: float
    """Of one picture's test pass, centre crop."""


def measure(config: Config, prepared: PreparedSet, machine: Machine) -> Speed:
    """Time some real steps of a config. A batch too large to be timed at once is extrapolated from two smaller ones.

    The time that torch.compile takes and saves is not in it.
    """
    eager = patch(config, {"train.compile": False})
    rows, _ = rows_of(config, prepared)
    batch = min(config.train.batch, len(rows))
    count = min(batch, MOST)
    if machine.device == "cpu":
        operations = sizes_of(config, len(prepared.classes)).train_flops
        count = min(count, max(FEWEST, int(OPERATIONS / operations)))
    feed = feed_of(patch(eager, {"train.batch": count}), prepared, rows[:count], machine)
    state, setting = fresh(eager, prepared, feed, machine.device)

    whole = next(feed.epoch(config.train.seed, 1))

    def train(pictures: int) -> float:
        batch = _head(whole, pictures)
        return _timed(lambda: _step(state, batch, setting), machine.device)

    seconds = train(count)
    if count < batch and count > 1:
        half = train(count // 2)
        a_picture = max(0.0, seconds - half) / (count - count // 2) or seconds / count
        seconds += a_picture * (batch - count)
    looked = _timed(
        lambda: probabilities(
            state.network, setting.preprocess, whole.images, device=machine.device, precision=config.train.precision
        ),
        machine.device,
    )
    return Speed(step=seconds, picture=looked / count)


def sizes_of(config: Config, classes: int) -> Summary:
    """The sizes of a config's network, from the meta device: no weights are made."""
    with torch.device("meta"):
        table = build(config, classes).table
    return summarize(table, classes, config.augment.crop)


def _step(state: State, batch: Batch, setting: Setting) -> None:
    try:
        step(state, batch, setting)
    except NotFinite:  # the run itself will explain it
        return


def _head(batch: Batch, pictures: int) -> Batch:
    """A batch's first pictures, with their partners."""
    return Batch(
        images=batch.images[:pictures],
        labels=batch.labels[:pictures],
        index=batch.index[:pictures],
        numbers=None if batch.numbers is None else batch.numbers[:pictures],
        partners=None if batch.partners is None else _head(batch.partners, pictures),
    )


def _timed(work: Callable[[], object], device: str) -> float:
    """Seconds of one call, the median of a few, after one that warms up."""
    found: list[float] = []
    for _ in range(4):
        began = time.perf_counter()
        work()
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
        if len(found) > 1 and sum(found) > PATIENCE:
            break
    return float(np.median(found[1:]))
