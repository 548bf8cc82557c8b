"""What is one step of training? `State`, and the one function that changes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from alexnet import device, draws
from alexnet.config import Config
from alexnet.data.augment import augment, colour_noise
from alexnet.data.prepared import Batch
from alexnet.data.preprocess import Preprocess
from alexnet.data.statistics import Statistics
from alexnet.training.schedule import Schedule


@dataclass(kw_only=True)
class State:
    """All that changes during a run: what a checkpoint must keep. The only mutable object of the project."""

    network: nn.Module
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


class NotFinite(Exception):
    """The loss of a step was infinite or not a number; the weights are as before the step."""


def new_sums(device: str) -> dict[str, Tensor]:
    """Zeros for: loss and top-1 hits and pictures of the epoch, loss and pictures of the interval."""
    kinds = ("loss", "hits", "pictures", "interval_loss", "interval_pictures")
    kind = torch.float32 if device.startswith("mps") else torch.float64  # Apple's GPUs have no float64
    return {name: torch.zeros((), dtype=kind, device=device) for name in kinds}


def inputs(batch: Batch, state: State, setting: Setting) -> tuple[Tensor, Tensor]:
    """What the network eats of a batch in training: pictures float (N,3,crop,crop) and draw keys int64 (N,)."""
    config = setting.config
    keys = draws.keys(config.train.seed, state.epoch, batch.index)
    shared = keys
    if config.augment.share > 1:
        first = state.batch * config.train.batch
        group = (torch.arange(len(keys), device=keys.device) + first) // config.augment.share
        shared = draws.keys(config.train.seed, state.epoch, group)
    images, shift = augment(batch.images, keys, shared, setting.statistics, config.augment, state.epoch)
    source_noise = config.augment.colour == "source" and colour_noise(config.augment, state.epoch)
    shrink = 1 + config.augment.colour_sigma if source_noise else 1.0  # convdata.py keeps the scale of the pixels so
    kind = torch.float64 if config.train.precision == "float64" else torch.float32
    return setting.preprocess(images, shift, shrink).to(kind, memory_format=torch.channels_last), keys


def step(state: State, batch: Batch, setting: Setting) -> None:
    """One update of the weights from one batch, in `accumulate` parts, and the running sums.

    Raises:
        NotFinite: on the CPU before the update; on other devices, where waiting for the loss would stall them, the
            loop finds it in the sums.
    """
    config = setting.config.train
    images, keys = inputs(batch, state, setting)
    state.schedule.apply(state.optimizer, state.step)
    state.optimizer.zero_grad(set_to_none=True)
    total = torch.zeros((), dtype=images.dtype, device=images.device)
    hits = torch.zeros((), device=images.device)
    count = len(images)
    parts = zip(*(tensor.tensor_split(config.accumulate) for tensor in (images, keys, batch.labels)), strict=True)
    for part_images, part_keys, part_labels in parts:
        if len(part_images) == 0:
            continue
        with device.autocast(setting.device, config.precision):
            logits = setting.forward(part_images, part_keys)  # N,K
        logits = logits if logits.dtype == torch.float64 else logits.float()
        loss = functional.cross_entropy(logits, part_labels, reduction="sum", label_smoothing=config.label_smoothing)
        (loss / count).backward()
        total += loss.detach()
        hits += (logits.detach().argmax(1) == part_labels).sum()
    if setting.device == "cpu" and not torch.isfinite(total):
        raise NotFinite
    state.optimizer.step()
    for name, value in (("loss", total), ("hits", hits), ("interval_loss", total)):
        state.sums[name] += value
    state.sums["pictures"] += count
    state.sums["interval_pictures"] += count
    state.step += 1
    state.batch += 1
