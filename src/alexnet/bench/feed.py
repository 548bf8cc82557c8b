"""How many training pictures a second does one core supply, ours against decoding each picture when it is needed?

Both run on one core, reading and augmenting included, from files that the system has in its cache. Ours reads a
prepared set from the disk's map.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexnet.bench.asked import Asked
from alexnet.bench.loading import End, Loader, load_batch, loader
from alexnet.bench.photographs import gather
from alexnet.bench.run import Found
from alexnet.bench.sides import compare
from alexnet.bench.subjects import Say, Training, training
from alexnet.bench.timing import Case, Work, one_core
from alexnet.config import patch
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.training.step import altered

COUNT, BATCH = 256, 64
PEER = "decode per picture"


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """Rows that end in 8-bit pictures, and rows that end in what the network eats."""
    rows: list[dict[str, Any]] = []
    batch = asked.batch or BATCH
    # No network is asked anything; a thin one is quickly made.
    config = patch(
        RECIPES["paper"].config,
        {"model.table": "one-column", "model.width": 1 / 16, "train.batch": batch, "data.all_of_train": True},
    )
    with tempfile.TemporaryDirectory() as folder, one_core():
        pictures = Path(folder) / "pictures"
        _, what = gather(asked.pictures, pictures, asked.count or COUNT)
        prepared = prepare(list_source(pictures), Path(folder) / "set", size=config.data.size, workers=1)
        ours = training(config, prepared, machine, resident=False)
        count = len(ours.feed.rows)
        ends: tuple[tuple[End, Work], ...] = (("uint8", stored(ours)), ("float32", augmented(ours)))
        readable = [pictures / str(origin) for origin in prepared.origins.take(ours.feed.rows).to_pylist()]
        whose = ""
        for end, work in ends:
            one, whose = loader(config.data.size, config.augment.crop, end)
            cases = [
                Case(name="ours", work=work, pictures=count, against=(PEER,)),
                Case(name=PEER, work=decoded(readable, batch, one), pictures=count),
            ]
            rows += compare(f"ending in {end}", cases, asked, machine, rounds)
    return Found(rows=rows, notes=[f"{what} One core. {PEER.capitalize()}: {whose}."])


def stored(ours: Training) -> Work:
    """A call that reads one epoch as uint8 squares."""

    def work() -> None:
        for _ in ours.feed.epoch(0, 1):
            pass

    return work


def augmented(ours: Training) -> Work:
    """A call that reads one epoch as the network's float32 crops."""

    def work() -> None:
        for batch in ours.feed.epoch(0, 1):
            altered(batch, ours.state, ours.setting)

    return work


def decoded(paths: Sequence[Path], batch: int, one: Loader) -> Work:
    """A call that decodes every picture once, batch by batch."""

    def work() -> None:
        for first in range(0, len(paths), batch):
            load_batch(paths[first : first + batch], one)

    return work
