"""What does the network really eat? The first batch of a run after all that is done to it, with its labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from alexnet.config import Config, patch
from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.device import Machine
from alexnet.drawing import figures
from alexnet.training.begin import build, feed_of
from alexnet.training.loss import make_objective
from alexnet.training.optim import make_optimizer
from alexnet.training.schedule import Schedule
from alexnet.training.step import Inputs, Setting, State, inputs

#: Pictures that are drawn, at most.
SHOWN = 32
CAPTION = (
    "The first pictures of the first step, after cropping, mirroring and all other changes, with the preprocessing "
    "undone: what the network really eats."
)


def first_inputs(config: Config, prepared: PreparedSet, *, pictures: int = SHOWN) -> tuple[Inputs, Preprocess]:
    """What the first step of a run gives to the network, of its first pictures, and how it was centred."""
    config = patch(config, {"train.precision": "float32"})
    rows, _ = rows_of(config, prepared)
    here = Machine(device="cpu", threads=0, memory=0, bf16=False, name="")  # no memory: only one batch is read
    feed = feed_of(patch(config, {"train.batch": min(pictures, config.train.batch)}), prepared, rows, here)
    with torch.device("meta"):  # no network is needed for it
        network = build(config, len(prepared.classes))
    state = State(
        network=network,
        average=network,
        optimizer=make_optimizer(network, network.table, config.optim),
        schedule=Schedule(config.optim, config.train.epochs, 1),
        sums={},
    )
    statistics = prepared.statistics(config.data.all_of_train)
    setting = Setting(
        config=config,
        preprocess=Preprocess.fitted(statistics, config.data, config.augment),
        statistics=statistics,
        device="cpu",
        forward=network,
        objective=make_objective(feed.labels, len(prepared.classes), config.train, "cpu"),
    )
    batches = feed.epoch(config.train.seed, 1)
    try:
        return inputs(next(batches), state, setting), setting.preprocess
    finally:
        batches.close()  # type: ignore[attr-defined]


def first_batch(config: Config, prepared: PreparedSet) -> Figure:
    """The figure of it."""
    given, preprocess = first_inputs(config, prepared)
    pixels = given.images * preprocess.deviation + preprocess.mean  # N,3,crop,crop
    images = pixels.round().clamp(0, 255).to(torch.uint8).contiguous().numpy()
    titles = [_title(target, prepared.classes) for target in given.targets]
    return figures.samples(np.ascontiguousarray(images), titles, title="The first pictures of the first step")


def draw_first_batch(config: Config, prepared: PreparedSet, run: Path) -> None:
    """Write figures/first_batch.png into a run's folder, where it is not there yet: before hours are spent."""
    target = run / "figures" / "first_batch.png"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        figures.save(first_batch(config, prepared), target)


def _title(target: Tensor, classes: tuple[str, ...]) -> str:
    """A class, or the shares of a mixed picture's classes."""
    if target.ndim == 0:
        return classes[int(target)]
    shares, which = target.sort(descending=True)
    named = [f"{classes[int(i)]} {float(share):.1f}" for share, i in zip(shares, which, strict=True) if share >= 0.05]
    return " + ".join(named[:2]) if len(named) > 1 else classes[int(which[0])]
