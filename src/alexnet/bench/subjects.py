"""Which trainings are measured? The networks, their settings, and one batch of each, from memory."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from alexnet.bench.asked import Asked
from alexnet.config import Config, patch
from alexnet.data.feed import Feed, rows_of
from alexnet.data.memory import HeldSet
from alexnet.data.prepared import Batch, PreparedSet
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.training.begin import feed_of, fresh
from alexnet.training.step import Setting, State, inputs, step

#: Nothing may grow while the same batch is learned over and over; the arithmetic is that of any other rate.
_STEADY = {"optim.rate": 1e-6, "optim.schedule": "constant", "optim.warmup": 0.0, "optim.bound": False}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A network to measure, with a recipe's settings."""

    name: str
    """Also that of its table."""
    recipe: str
    classes: int
    batch: int
    """Pictures a step where none are asked for."""
    epoch: int
    """Pictures of the training set it is meant for."""


_LARGE = {"recipe": "paper", "classes": 1000, "batch": 64, "epoch": 1_281_167}
_SMALL = {"classes": 10, "epoch": 50_000}
SUBJECTS: dict[str, Subject] = {
    one.name: one
    for one in (
        *(Subject(name=name, **_LARGE) for name in ("paper", "one-column", "torchvision")),  # type: ignore[arg-type]
        *(
            Subject(name=name, recipe=name, batch=RECIPES[name].config.train.batch, **_SMALL)
            for name in ("quick", "cifar-18")
        ),
    )
}


def subjects(asked: Asked, usual: Sequence[str] = tuple(SUBJECTS)) -> list[Subject]:
    """The networks of `--only`, or the usual ones. Raises ValueError for one that is not measured."""
    for name in asked.only:
        if name not in SUBJECTS:
            near = difflib.get_close_matches(name, SUBJECTS, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(SUBJECTS)}"
            raise ValueError(f"--only cannot be {name!r}; {advice}")
    return [SUBJECTS[name] for name in asked.only or usual]


def config_of(subject: Subject, batch: int, precision: str, *, compile: bool = False) -> Config:
    """The recipe's settings with this batch and arithmetic, and a rate at which nothing moves."""
    return patch(
        RECIPES[subject.recipe].config,
        _STEADY
        | {
            "model.table": subject.name,
            "train.batch": batch,
            "train.precision": precision,
            "train.compile": compile,
        },
    )


def held(config: Config, classes: int, count: int) -> HeldSet:
    """So many squares of noise, of the config's size, with labels."""
    generator = np.random.default_rng(0)
    size = config.data.size
    squares = generator.integers(0, 256, (count, 3, size, size), np.uint8)
    labels = np.arange(count) % classes
    return HeldSet(squares, labels, [str(label) for label in range(classes)], config.data.fit)


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training of ours that is about to take its first step, and its first batch."""

    config: Config
    prepared: PreparedSet
    feed: Feed
    state: State
    setting: Setting
    batch: Batch

    def step(self) -> None:
        """The first step, again and again."""
        self.state.step = self.state.batch = 0
        step(self.state, self.batch, self.setting)

    def inputs(self) -> tuple[Tensor, Tensor]:
        """The batch as a plain loop would be given it: contiguous float32 N,3,crop,crop, and labels."""
        given = inputs(self.batch, self.state, self.setting)
        return given.images.contiguous(), self.batch.labels


def training(config: Config, prepared: PreparedSet, machine: Machine, *, resident: bool = True) -> Training:
    """A fresh training of a config on a set, from the device's memory or, if not `resident`, from where the set is."""
    rows, _ = rows_of(config, prepared)
    feed = feed_of(config, prepared, rows, machine if resident else replace(machine, memory=0))
    state, setting = fresh(config, prepared, feed, machine.device)
    batch = next(feed.epoch(config.train.seed, 1))
    return Training(config=config, prepared=prepared, feed=feed, state=state, setting=setting, batch=batch)


def of_subject(subject: Subject, batch: int, precision: str, machine: Machine, *, compile: bool = False) -> Training:
    """A training of a subject on one batch of noise."""
    config = config_of(subject, batch, precision, compile=compile)
    return training(config, held(config, subject.classes, batch), machine)


def noise(subject: Subject, batch: int, device: str) -> tuple[Tensor, Tensor]:
    """Inputs for a plain network without any code of ours: float32 N,3,crop,crop and labels int64 N."""
    crop = RECIPES[subject.recipe].config.augment.crop
    images = torch.randn(batch, 3, crop, crop, generator=torch.Generator().manual_seed(0)) * 60
    return images.to(device), (torch.arange(batch) % subject.classes).to(device)


Say = Callable[[str], None]
