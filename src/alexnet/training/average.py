"""Which weights are measured and kept? The network's own, or their exponential moving average over the steps.

    average <- d average + (1 - d) weights,    d = min(ema, (1 + t) / (10 + t)),  t = steps done before this one

With the second term early averages follow the weights and not the random numbers they began with (the schedule of
TensorFlow's ExponentialMovingAverage). Running statistics of batch normalization are averaged like weights, since it
is the averaged network that they normalize; whole numbers are copied.
"""

from __future__ import annotations

import copy

import torch
from torch import nn


def make_average(network: nn.Module, ema: float) -> nn.Module:
    """The network to measure: a copy that `follow` moves, or `network` itself where `ema` is 0.

    Raises ValueError for an `ema` outside [0, 1).
    """
    if not 0 <= ema < 1:
        raise ValueError(
            f"optim.ema must be 0 (no average) or more and below 1, such as 0.999 for about 1,000 steps; not {ema:g}"
        )
    return copy.deepcopy(network).requires_grad_(False).eval() if ema else network


def decay_at(step: int, ema: float) -> float:
    """The share that the average keeps at a step, counted from 0."""
    return min(ema, (1 + step) / (10 + step))


@torch.no_grad()
def follow(average: nn.Module, network: nn.Module, ema: float, step: int) -> None:
    """Move the average towards the network after a step (counted from 0); nothing to do where they are one."""
    if average is network:
        return
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    moved = [(ours, theirs) for ours, theirs in pairs if ours.is_floating_point()]
    torch._foreach_lerp_([ours for ours, _ in moved], [theirs for _, theirs in moved], 1 - decay_at(step, ema))
    for ours, theirs in pairs:
        if not ours.is_floating_point():
            ours.copy_(theirs)
