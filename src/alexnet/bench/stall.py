"""For how much of an epoch does the training of `quick` wait for its pictures?

Two answers. On a CPU the loop's own: the share of the wall time spent in asking for the next batch. Everywhere: the
share by which an epoch is longer than one that meets a single batch, already on the device, as often; that includes
what the feed takes from the step by working beside it, and is the only one that a GPU, which runs ahead, can give.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet.bench.asked import Asked
from alexnet.bench.photographs import gather
from alexnet.bench.result import row, timed_rows
from alexnet.bench.run import Found
from alexnet.bench.subjects import SUBJECTS, Say, Training, config_of, training
from alexnet.bench.timing import Case, alternate, clock_for
from alexnet.config import Config, patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import Batch, PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.training.step import step

SUBJECT = SUBJECTS["quick"]
#: Steps of an epoch where no number of pictures is asked for.
STEPS = 8
NONE = "no feed"
_FEEDS = {"in memory": True, "from the disk": False}


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every arithmetic."""
    rows: list[dict[str, Any]] = []
    batch = asked.batch or SUBJECT.batch
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "pictures"
        _, what = gather(asked.pictures, pictures, asked.count or STEPS * batch, (32, 32))
        fit = config_of(SUBJECT, batch, "float32").data.fit
        prepared = prepare(list_source(pictures), Path(folder) / "set", size=32, fit=fit)
        for precision in asked.precisions():
            say(f"  {precision}")
            config = patch(config_of(SUBJECT, batch, precision), {"data.all_of_train": True})
            rows += of_precision(config, prepared, machine, rounds, asked.seconds)
    return Found(rows=rows, notes=[f"{what} Batch {batch}; an epoch's steps with and without the feed."])


def of_precision(
    config: Config, prepared: PreparedSet, machine: Machine, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """Milliseconds of an epoch with no feed, in memory and from the disk; and the shares of waiting."""
    group = f"quick, {config.train.precision}"
    loops = {name: training(config, prepared, machine, resident=resident) for name, resident in _FEEDS.items()}
    count = len(loops["in memory"].feed.rows)
    waits: dict[str, list[float]] = {name: [] for name in loops}
    at_hand = batches_at_hand(loops["in memory"])
    cases = [Case(name=NONE, work=lambda: without_feed(loops["in memory"], at_hand), pictures=count)]
    for name, loop in loops.items():

        def work(name: str = name, loop: Training = loop) -> None:
            waits[name].append(waiting(loop))

        cases.append(Case(name=name, work=work, pictures=count, against=(NONE,)))
    found = alternate(cases, rounds=rounds, seconds=seconds, clock=clock_for(machine.device))
    rows = timed_rows(group, cases, found)
    for name in loops:
        added = [100 * (1 - none / fed) for none, fed in zip(found[NONE], found[name], strict=True)]
        rows.append(row(group, f"share added by the feed, {name}", "%", added))
        if machine.device == "cpu":
            rows.append(row(group, f"share spent waiting, {name}", "%", waits[name][-rounds:]))
    return rows


def waiting(loop: Training) -> float:
    """Train one epoch; returns the share of it, in percent, spent in asking the feed for the next batch."""
    loop.state.step = loop.state.batch = 0
    batches = loop.feed.epoch(0, 1)
    began = last = time.perf_counter()
    asked_for = 0.0
    while True:
        batch = next(batches, None)
        asked_for += time.perf_counter() - last
        if batch is None:
            return 100 * asked_for / (time.perf_counter() - began)
        step(loop.state, batch, loop.setting)
        last = time.perf_counter()


def batches_at_hand(loop: Training) -> list[Batch]:
    """As many batches as an epoch has, of the same numbers of pictures, but of each number always the same one."""
    batches = list(loop.feed.epoch(0, 1))
    first = {len(batch.labels): batch for batch in reversed(batches)}
    return [first[len(batch.labels)] for batch in batches]


def without_feed(loop: Training, batches: Sequence[Batch]) -> None:
    """Train one epoch on batches that are there already."""
    loop.state.step = loop.state.batch = 0
    for batch in batches:
        step(loop.state, batch, loop.setting)
