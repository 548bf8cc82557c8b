"""What goes on inside the network just now? One look at some pictures: outputs, units that fire, sizes of updates.

A look computes one forward pass and changes nothing: running statistics and modes are put back, no gradient is made,
and the draws have no state. The sizes of the updates are read from what the last step left behind.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from alexnet.data.prepared import Batch
from alexnet.model.layers import Dropout
from alexnet.scoring.protocols import cut, placements
from alexnet.training.step import Setting, State

#: Pictures of one look.
PICTURES = 64


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was seen on some training pictures, cut at the centre, without dropout."""

    pictures: int
    loss: float
    """Mean cross-entropy, nats."""
    spread: float
    """Standard deviation of an output across pictures, the mean over the classes."""
    input: float
    """Root mean square of what the network eats."""
    silent: dict[str, float]
    """Of every ReLU row, the share of units (of maps, in a convolution) that fire for no picture."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """Of one layer's weights at the last step."""

    gradient: float
    """Norm of the gradient, by that of the weights."""
    step: float
    """Norm of rate times gradient, by that of the weights (for adamw about that of its step)."""


def look(state: State, batch: Batch, setting: Setting) -> Look:
    """See what the network of a state makes of a batch's first pictures."""
    network = state.network
    crop = setting.config.augment.crop
    images = batch.images[:PICTURES]
    labels = batch.labels[: len(images)]
    if images.shape[3] >= crop:
        images = cut(images, placements("centre", images.shape[3], crop)[0], crop)
    kind = next(network.parameters()).dtype
    silent: dict[str, float] = {}

    def watch(name: str) -> object:
        def hook(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            fires = (output > 0).flatten(2).any(2).any(0) if output.ndim > 2 else (output > 0).any(0)
            silent[name] = float(1 - fires.float().mean())

        return hook

    modes = [(module, module.training) for module in network.modules()]
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    handles = [
        module.register_forward_hook(watch(name.rsplit(".", 1)[-1]))  # type: ignore[arg-type]
        for name, module in network.named_modules()
        if isinstance(module, nn.ReLU)
    ]
    try:
        # Batch normalization as in training: before the first step its running statistics mean nothing.
        network.train()
        for module, _ in modes:
            if isinstance(module, Dropout | nn.Dropout):
                module.eval()
        with torch.no_grad():
            eaten = setting.preprocess(images).to(kind)
            logits = network(eaten, torch.zeros(len(eaten), dtype=torch.int64, device=eaten.device)).double().cpu()
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for name, value in network.named_buffers():
                value.copy_(buffers[name])
    return Look(
        pictures=len(images),
        loss=float(functional.cross_entropy(logits, labels.cpu())),
        spread=float(logits.std(0).mean()) if len(images) > 1 else math.nan,
        input=float(eaten.double().pow(2).mean().sqrt()),
        silent=silent,
    )


def updates(state: State) -> dict[str, Update]:
    """How the last step moved the weights of every layer, in the network's order; biases apart."""
    rates = {
        id(weight): (group["lr"], "betas" in group)
        for group in state.optimizer.param_groups
        for weight in group["params"]
    }
    found: dict[str, Update] = {}
    for name, weight in state.network.named_parameters():
        if weight.ndim < 2 or weight.grad is None or id(weight) not in rates:
            continue
        rate, adaptive = rates[id(weight)]
        size = float(weight.detach().double().norm()) or 1e-30
        gradient = float(weight.grad.double().norm()) / size
        # adamw divides by the gradient's own size: every weight moves by about the rate.
        step = rate * math.sqrt(weight.numel()) / size if adaptive else rate * gradient
        found[name.split(".")[-2]] = Update(gradient=gradient, step=step)
    return found


def moved(state: State, start: nn.Module) -> float:
    """How far the weights are from those of another network, by their norm: the median over the layers; no biases.

    0 where nothing moved, about 1 where layers are no longer what they were. The median, since a layer that starts as
    small as the first of the networks of 2011 moves far at any rate.
    """
    before = dict(start.named_parameters())
    found = []
    for name, weight in state.network.named_parameters():
        if weight.ndim > 1:
            old = before[name].detach().to(weight)
            found.append(float((weight.detach() - old).norm() / old.norm().clamp(min=1e-30)))
    return statistics.median(found)
