"""In which order do the pictures of an epoch come? Every one once, or every class equally often.

An order is a list of draws, as many as there are pictures. A draw is one number, `place + turn * pictures`: which
picture it is, and how often that one has come before in this epoch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from alexnet import draws

#: Row numbers are smaller than this; added once for every earlier turn, it keeps the draws of two turns apart.
TURN = 1 << 40


def epoch_order(labels: Tensor, seed: int, epoch: int, sampling: str) -> Tensor:
    """The draws of an epoch (from 1): int64 (n,) for pictures with `labels` int64 (n,).

    all         every picture once, in the order of `draws.order`.
    balanced    every class n / classes times, rounded up for some classes that change with the epoch, and within a
                class every picture equally often or once less; which ones come more often changes with the epoch.
    """
    count = len(labels)
    shuffled = draws.order(seed, epoch, count)
    if sampling == "all":
        return shuffled
    by_class = [shuffled[labels[shuffled] == label] for label in torch.unique(labels)]
    more = draws.order(seed, epoch, len(by_class), "order:classes") < count % len(by_class)
    drawn = []
    for members, one_more in zip(by_class, more.tolist(), strict=True):
        number = torch.arange(count // len(by_class) + one_more)
        drawn.append(members[number % len(members)] + number // len(members) * count)
    # Another shuffle than the one that chose them: with that, the first pictures would be the ones that come again.
    return torch.cat(drawn)[draws.order(seed, epoch, count, "order:balanced")]


def numbers(order: Tensor, rows: Tensor) -> Tensor:
    """What the random draws of an order's pictures are keyed by: row numbers, moved for a picture that comes again."""
    count = max(1, len(rows))
    return rows[order % count] + order // count * TURN


def partners(order: Tensor, rows: Tensor, seed: int, epoch: int) -> Tensor:
    """The draw that each of an order's pictures is mixed with: any of the order's, with equal probability."""
    keys = draws.keys(seed, epoch, numbers(order, rows))
    return order[draws.integers(keys, "mix:partner", 1, len(order))[:, 0]]
