"""How curved is the loss where a run of this config starts? The bound's measure, on the run's own first pictures."""

from __future__ import annotations

import torch

from alexnet import draws
from alexnet.config import Config, patch
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.scoring.protocols import cut, placements
from alexnet.training.begin import build
from alexnet.training.bound import largest_curvature

#: Pictures on which the curvature is measured.
PICTURES = 32


def curvature_at_start(config: Config, prepared: PreparedSet, device: str) -> float:
    """The curvature of a config's network at initialization, on the first pictures of its first epoch."""
    rows = prepared.rows("train", "select") if config.data.all_of_train else prepared.rows("train")
    chosen = rows[draws.order(config.train.seed, 1, len(rows))[:PICTURES].numpy()]
    network = build(patch(config, {"train.precision": "float32"}), len(prepared.classes)).to(device)
    statistics = prepared.statistics(config.data.all_of_train)
    preprocess = Preprocess.fitted(statistics, config.data, config.augment).to(device)
    images = torch.from_numpy(prepared.gather(chosen)).to(device)
    if prepared.size >= config.augment.crop:
        images = cut(images, placements("centre", prepared.size, config.augment.crop)[0], config.augment.crop)
    keys = draws.keys(config.train.seed, 1, torch.from_numpy(chosen)).to(device)
    return largest_curvature(network, preprocess(images), keys)
