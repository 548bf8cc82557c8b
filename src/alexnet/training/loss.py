"""What is minimized? Cross-entropy, with smoothed or mixed targets, weighed classes, adjusted logits.

For a picture with target shares t_k (one class, or the two of mixed pictures), class weights w_k, smoothing e over K
classes, and logits z_k:

    s_k  = w_k t_k
    loss = - sum_k [(1 - e) s_k + e / K sum_j s_j] log softmax(z + tau log prior)_k

that is, the smoothed loss of each class times the weight of that class, shared out as the target is. A step descends
the mean over its pictures; the weights are on average 1 over the training pictures, so that the rate keeps its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from alexnet.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What the loss needs beside logits and targets."""

    classes: int
    smoothing: float
    weights: Tensor | None
    """float32 (K,), of each class; None = all 1."""
    adjustment: Tensor | None
    """float32 (K,), added to the logits in training: tau log prior (Menon et al. 2021, Long-tail learning via logit
    adjustment, section 4.2); None = 0."""


def make_objective(labels: Tensor, classes: int, config: TrainConfig, device: str) -> Objective:
    """The objective of a config, from the labels int64 (n,) of the training pictures.

    A class without training pictures has weight 0 and, in the prior, the share of one picture.
    """
    counts = torch.bincount(labels, minlength=classes).double()  # K
    weights = adjustment = None
    if config.class_weights == "balanced":
        there = counts > 0
        weights = torch.where(there, len(labels) / (there.sum() * counts.clamp(min=1)), 0.0).float().to(device)
    if config.logit_adjustment:
        prior = counts.clamp(min=1) / len(labels)
        adjustment = (config.logit_adjustment * prior.log()).float().to(device)
    return Objective(classes=classes, smoothing=config.label_smoothing, weights=weights, adjustment=adjustment)


def total_loss(logits: Tensor, targets: Tensor, objective: Objective) -> Tensor:
    """Sum of the losses of a part of a batch, a scalar of the logits' type.

    Args:
        logits: float (N, K). targets: int64 (N,), or shares of the classes, float (N, K).
    """
    if objective.adjustment is not None:
        logits = logits + objective.adjustment.to(logits.dtype)
    if targets.ndim == 1 and objective.weights is None:
        return functional.cross_entropy(logits, targets, reduction="sum", label_smoothing=objective.smoothing)
    if targets.ndim == 1:
        targets = functional.one_hot(targets, objective.classes)
    shares = targets.to(logits.dtype)  # N,K
    if objective.weights is not None:
        shares = shares * objective.weights.to(logits.dtype)
    even = shares.sum(1, keepdim=True) / objective.classes  # N,1
    shares = torch.lerp(shares, even, objective.smoothing)
    return -(shares * logits.log_softmax(1)).sum()


def count_hits(logits: Tensor, targets: Tensor) -> Tensor:
    """How many pictures have the largest logit at their class; of mixed pictures, at the class with the larger share.

    The logits are those that are measured in testing, without adjustment.
    """
    classes = targets if targets.ndim == 1 else targets.argmax(1)
    return (logits.argmax(1) == classes).sum()
