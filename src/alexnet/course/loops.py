"""How is a network trained by hand, and how does its error fall with more pictures? The loops that courses show."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from alexnet.scoring.infer import testing
from alexnet.scoring.tally import points
from alexnet.training.listener import Listener
from alexnet.training.pictures import look_at
from alexnet.training.run import Run
from alexnet.training.start import train

Batches = Iterable[tuple[Tensor, Tensor]]


class Validated(NamedTuple):
    """What `validate` found: `loss, accuracy = validate(...)`."""

    loss: float
    """Mean over the pictures."""
    accuracy: float
    """Percent; ties count in part, as in the 2012 program."""


def train_one_epoch(
    model: nn.Module,
    loader: Batches,
    criterion: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer,
    device: str | torch.device,
) -> float:
    """One pass over the training pictures, one update a batch; the mean loss of a picture.

    The mean is over pictures: a mean over batches, the usual one, counts those of a short last batch too much. Plain
    torch throughout, for reading; `alexnet.train` is what resumes, measures and explains.

    Args:
        model: pictures float (N, 3, H, W) to logits (N, K); in training mode afterwards.
        loader: batches (pictures, labels int64 (N,)), such as a `DataLoader`'s.
        criterion: (logits, labels) -> the batch's mean loss, such as `nn.CrossEntropyLoss()`, which takes the softmax
            itself.
        device: where the model is.

    Raises:
        ValueError: no batch, or a loss that is not finite.
    """
    model.train()
    total, count = 0.0, 0
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad(set_to_none=True)
        loss = criterion(model(images), labels)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ValueError(
                f"the loss is {value} after {count:,} pictures of this epoch: lower the rate, or look at the scale of "
                "the input against the initial weights (docs/does-it-train.md)"
            )
        loss.backward()
        optimizer.step()
        total += value * len(labels)
        count += len(labels)
    if not count:
        raise ValueError("the loader gave no pictures to train on")
    return total / count


@torch.no_grad()
def validate(
    model: nn.Module,
    loader: Batches,
    criterion: Callable[[Tensor, Tensor], Tensor],
    device: str | torch.device,
    *,
    top: int = 1,
) -> Validated:
    """Mean loss and accuracy in percent, in test mode; the model's mode is as before afterwards.

    Args:
        model, loader, criterion, device: as in `train_one_epoch`.
        top: a picture is right if its class is among so many most probable. The well-known 84.7% of 2012 is a top-5
            accuracy (of seven networks together): it belongs beside `top=5`.

    Raises:
        ValueError: no batch, or outputs that are not finite.
    """
    total, right, count = 0.0, 0.0, 0
    with testing(model):
        for images, labels in loader:
            images, labels = images.to(device), labels.to(device)
            logits = model(images)  # N,K
            total += float(criterion(logits, labels)) * len(labels)
            right += float(points(logits.double().cpu().numpy(), labels.cpu().numpy(), top).sum())
            count += len(labels)
    if not count:
        raise ValueError("the loader gave no pictures to validate on")
    return Validated(loss=total / count, accuracy=100 * right / count)


def train_alexnet(
    subset: int,
    source: str | os.PathLike[str] = "digits",
    *,
    out: str | os.PathLike[str] | None = None,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 0,
    listener: Listener | None = None,
) -> Run:
    """Train on `subset` training pictures only: one point of the curve "how much do more pictures help?".

    The subsets are nested, the smaller part of the larger, and have equally many pictures of every class. All are
    measured on the same held-out pictures (`run.results`) after as many epochs, and so after fewer updates for fewer
    pictures; `changes={"train.epochs": N}` sets them by hand.

    Args:
        subset: training pictures.
        source, out, recipe, changes, device, threads, listener: as in `alexnet.train`.

    Raises:
        ValueError: a subset that is not positive, or larger than the source; and as `alexnet.train`.
    """
    if subset < 1:
        raise ValueError(f"a subset has 1 picture or more, not {subset}")
    there = look_at(os.fspath(source)).pictures
    if subset > there:
        raise ValueError(
            f"{os.fspath(source)} has about {there:,} training pictures, fewer than the subset of {subset:,}"
        )
    return train(
        source,
        out=out,
        recipe=recipe,
        changes={**(changes or {}), "train.limit": subset},
        device=device,
        threads=threads,
        listener=listener,
    )
