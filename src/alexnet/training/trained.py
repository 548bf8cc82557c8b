"""What is a trained network, apart from its run? Weights with all that is needed to use them, in one file.

The safetensors file holds the weights, the mean image and the colour basis as tensors, and in its metadata the class
names, the config, the preprocessing and the provenance. Nothing in it depends on the time or the place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexnet.config import Config, from_dict, to_dict
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.edits import edited
from alexnet.model.network import AlexNet
from alexnet.model.weights import load_into, load_weights, save_weights
from alexnet.training.step import Setting, State

FORMAT = "alexnet weights 1"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network that can be used: pictures in, class names out."""

    network: AlexNet
    preprocess: Preprocess
    classes: tuple[str, ...]
    config: Config
    metadata: dict[str, Any]
    basis: Tensor | None = None
    """float32 (3, 3), grey levels: a column for each principal direction of the training pictures' colours, as long as
    the deviation along it; None where the file does not tell."""


def save_network(path: Path, state: State, setting: Setting, prepared: PreparedSet) -> None:
    """Write a run's network (its moving average, if it keeps one) as it is now; atomic; equal states, equal bytes."""
    preprocess, statistics = setting.preprocess, setting.statistics
    extra: dict[str, Tensor] = {
        "preprocess.mean": preprocess.mean,
        "preprocess.deviation": preprocess.deviation,
        "colour.eigenvalues": torch.as_tensor(statistics.eigenvalues, dtype=torch.float32),
        "colour.eigenvectors": torch.as_tensor(statistics.eigenvectors, dtype=torch.float32),
    }
    metadata = {
        "format": FORMAT,
        "classes": list(prepared.classes),
        "config": to_dict(setting.config),
        "preprocess": {"size": preprocess.size, "fit": preprocess.fit, "crop": preprocess.crop},
        "provenance": {
            "data": prepared.name,
            "fingerprint": prepared.fingerprint,
            "epoch": state.epoch if state.batch else state.epoch - 1,  # that of the last step
            "step": state.step,
        },
    }
    save_weights(path, state.average.state_dict(), metadata, {name: t.cpu().contiguous() for name, t in extra.items()})


def load_network(path: Path) -> Trained:
    """The network in a weights file, in evaluation mode on the CPU.

    Raises:
        ValueError: the file is damaged, not of this format, or holds other tensors than its table has.
    """
    weights = load_weights(path)
    metadata = weights.metadata
    missing = [key for key in ("classes", "config", "preprocess") if key not in metadata]
    if missing or "preprocess.mean" not in weights.extra:
        raise ValueError(
            f"{path} holds tensors but no {' and no '.join(missing or ['preprocessing'])}, so it cannot be used "
            "by itself; give a run's folder or a file of its weights folder"
        )
    config = from_dict(metadata["config"])
    classes = tuple(metadata["classes"])
    network = AlexNet(
        config.model.classes,
        edited(config.model),
        init="empty",
        size=config.augment.crop,
    )
    load_into(network, weights)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    preprocess = Preprocess(
        weights.extra["preprocess.mean"], weights.extra["preprocess.deviation"], **metadata["preprocess"]
    )
    basis = None
    if "colour.eigenvalues" in weights.extra and "colour.eigenvectors" in weights.extra:
        basis = weights.extra["colour.eigenvectors"] * weights.extra["colour.eigenvalues"].clamp_min(0).sqrt()
    return Trained(
        network=network.eval(),
        preprocess=preprocess.eval(),
        classes=classes,
        config=config,
        metadata=metadata,
        basis=basis,
    )
