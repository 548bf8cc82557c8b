"""What is one step of training? `State`, and the one function that changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from alexnet import device, draws
from alexnet.config import Config
from alexnet.data.mixing import mix, soft_targets
from alexnet.data.prepared import Batch
from alexnet.data.preprocess import Preprocess
from alexnet.data.ready import ready
from alexnet.data.statistics import Statistics
from alexnet.training.average import follow
from alexnet.training.loss import Objective, count_hits, total_loss
from alexnet.training.schedule import Schedule


@dataclass(kw_only=True)
class State:
    """All that changes during a run: what a checkpoint must keep. The only mutable object of the project."""

    network: nn.Module
    average: nn.Module
    """The network that is measured and kept: the moving average, or `network` itself without one (average.py)."""
    optimizer: Optimizer
    schedule: Schedule
    sums: dict[str, Tensor]
    """Sums over the epoch and over the interval so far, float64 on the device; see `new_sums`."""
    epoch: int = 1
    """The epoch under way, from 1."""
    batch: int = 0
    """Batches of this epoch that are done."""
    step: int = 0
    """Steps that are done."""
    best: dict[str, Any] | None = None
    """The epoch with the lowest validation error so far: its line of metrics.jsonl."""
    lines: dict[str, int] = field(default_factory=dict)
    """Bytes of each log at the last checkpoint."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a step reads and never changes."""

    config: Config
    preprocess: Preprocess
    statistics: Statistics
    device: str
    forward: Any
    """The network, or its compiled form."""
    objective: Objective


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """A batch as the network meets it."""

    images: Tensor
    """float (N, 3, crop, crop)."""
    keys: Tensor
    """int64 (N,), the pictures' draw keys."""
    targets: Tensor
    """int64 (N,), classes; or where pictures are mixed their shares, float (N, K)."""


class NotFinite(Exception):
    """The loss of a step was infinite or not a number; the weights are as before the step."""


def new_sums(device: str) -> dict[str, Tensor]:
    """Zeros for: loss and top-1 hits and pictures of the epoch, loss and pictures of the interval."""
    kinds = ("loss", "hits", "pictures", "interval_loss", "interval_pictures")
    kind = torch.float32 if device.startswith("mps") else torch.float64  # Apple's GPUs have no float64
    return {name: torch.zeros((), dtype=kind, device=device) for name in kinds}


def inputs(batch: Batch, state: State, setting: Setting) -> Inputs:
    """What the network eats of a batch in training, and what it should answer."""
    images, keys = altered(batch, state, setting)
    if batch.partners is None:
        return Inputs(images=images, keys=keys, targets=batch.labels)
    others, _ = altered(batch.partners, state, setting)
    mixed, own = mix(images, others, keys, setting.config.augment)
    targets = soft_targets(batch.labels, batch.partners.labels, own, setting.objective.classes)
    return Inputs(images=mixed.contiguous(memory_format=torch.channels_last), keys=keys, targets=targets)


def altered(batch: Batch, state: State, setting: Setting) -> tuple[Tensor, Tensor]:
    """Augmented and centred pictures, float (N,3,crop,crop), and their draw keys, int64 (N,)."""
    config = setting.config
    keys = draws.keys(config.train.seed, state.epoch, batch.index if batch.numbers is None else batch.numbers)
    shared = keys
    if config.augment.share > 1:  # a partner is cut as the picture it is mixed with
        first = state.batch * config.train.batch
        group = (torch.arange(len(keys), device=keys.device) + first) // config.augment.share
        shared = draws.keys(config.train.seed, state.epoch, group)
    kind = torch.float64 if config.train.precision == "float64" else torch.float32
    centred = ready(
        batch.images, keys, shared, setting.preprocess, setting.statistics, config.augment, state.epoch
    )  # N,3,crop,crop
    return centred.to(kind, memory_format=torch.channels_last), keys


def step(state: State, batch: Batch, setting: Setting) -> None:
    """One update of the weights from one batch, in `accumulate` parts, and the running sums.

    Raises:
        NotFinite: on the CPU before the update; on other devices, where waiting for the loss would stall them, the
            loop finds it in the sums.
    """
    config = setting.config.train
    given = inputs(batch, state, setting)
    images = given.images
    state.schedule.apply(state.optimizer, state.step)
    state.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), dtype=images.dtype, device=images.device)
    hits = torch.zeros((), device=images.device)
    count = len(images)
    wholes = (images, given.keys, given.targets)
    parts = zip(*(tensor.tensor_split(config.accumulate) for tensor in wholes), strict=True)
    for part_images, part_keys, part_targets in parts:
        if len(part_images) == 0:
            continue
        with device.autocast(setting.device, config.precision):
            logits = setting.forward(part_images, part_keys)  # N,K
        logits = logits if logits.dtype == torch.float64 else logits.float()
        loss = total_loss(logits, part_targets, setting.objective)
        (loss / count).backward()
        total += loss.detach()
        hits += count_hits(logits.detach(), part_targets)
    if setting.device == "cpu" and not torch.isfinite(total):
        raise NotFinite
    state.optimizer.step()
    follow(state.average, state.network, setting.config.optim.ema, state.step)
    for name, value in (("loss", total), ("hits", hits), ("interval_loss", total)):
        state.sums[name] += value
    state.sums["pictures"] += count
    state.sums["interval_pictures"] += count
    state.step += 1
    state.batch += 1
