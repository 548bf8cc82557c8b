"""How much do accuracy and features suffer when pictures are changed? Every level of every probe, with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexnet.insight.changes import About, Probe, central, probes
from alexnet.insight.features import last_hidden
from alexnet.scoring.infer import testing
from alexnet.scoring.resample import between, picks
from alexnet.scoring.tally import Interval, points, wilson
from alexnet.training.evaluate import batch_for
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One level of one probe, over the same pictures as all others."""

    label: str
    accuracy: Interval
    """Percent of the pictures named right."""
    drift: Interval
    """Mean cosine distance of a picture's features from those of the unchanged picture."""

    def to_dict(self) -> dict[str, Any]:
        return {"level": self.label, "accuracy": self.accuracy.to_dict(), "drift": self.drift.to_dict()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Robustness:
    """Every probe at every level."""

    n: int
    layer: str
    """Whose features drift."""
    probes: tuple[Probe, ...]
    levels: tuple[tuple[Measured, ...], ...]
    same: float
    """Mean cosine distance of two pictures of one class, nan where no class has two."""
    other: float
    """Of two pictures of different classes, nan where there is one class only."""
    probabilities: np.ndarray
    """float64 (N,K) of the unchanged pictures."""

    def to_dict(self) -> dict[str, Any]:
        return {
            "n": self.n,
            "layer": self.layer,
            "same_class": self.same,
            "other_class": self.other,
            "probes": {
                probe.name: {"unit": probe.axis, "levels": [level.to_dict() for level in levels]}
                for probe, levels in zip(self.probes, self.levels, strict=True)
            },
        }


def measure(run: Run, squares: np.ndarray, labels: np.ndarray, about: About, device: str = "cpu") -> Robustness:
    """Accuracy and drift of some pictures at every level of every probe; float32, test mode.

    Args:
        squares: uint8 (N,3,S,S); labels: int64 (N,).
        about: with the pictures' keys; on the CPU.
    """
    layer, size = last_hidden(run.network), batch_for(about.crop)
    table = probes(about.crop)
    plain: list[tuple[np.ndarray, np.ndarray]] = []
    changed: dict[tuple[int, int], list[tuple[np.ndarray, np.ndarray]]] = {}
    for at in range(0, len(squares), size):
        some = torch.from_numpy(squares[at : at + size]).to(device)
        here = replace(about, keys=about.keys[at : at + size].to(device))
        plain.append(seen(run, central(some, about.crop), layer, device))
        for row, probe in enumerate(table):
            for column, level in enumerate(probe.levels):
                same = level == probe.neutral
                found = plain[-1] if same else seen(run, probe.change(some, level, here), layer, device)
                apart = cosine_distance(plain[-1][1], found[1])
                changed.setdefault((row, column), []).append((points(found[0], labels[at : at + size]), apart))
    probabilities, features = (np.concatenate(parts) for parts in zip(*plain, strict=True))
    drawn_again = np.concatenate(list(picks(len(labels))))  # replicates,N

    def measured(row: int, column: int) -> Measured:
        right, apart = (np.concatenate(parts) for parts in zip(*changed[row, column], strict=True))
        share = wilson(min(float(right.sum()), len(right)), len(right))
        accuracy = Interval(value=100 * share.value, low=100 * share.low, high=100 * share.high)
        drift = between(float(apart.mean()), apart[drawn_again].mean(1))
        return Measured(label=table[row].label(column), accuracy=accuracy, drift=drift)

    same, other = typical_distances(features, labels)
    return Robustness(
        n=len(labels),
        layer=layer,
        probes=table,
        levels=tuple(
            tuple(measured(row, column) for column in range(len(probe.levels))) for row, probe in enumerate(table)
        ),
        same=same,
        other=other,
        probabilities=probabilities,
    )


def seen(run: Run, pieces: Tensor, layer: str, device: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities float64 (N,K) and a layer's values float64 (N,D) of pictures (N,3,crop,crop) on the 0-255 scale."""
    network, preprocess = run.network.to(device), run.preprocess.to(device)
    last = network.layer_names[-1]
    with torch.inference_mode(), testing(preprocess):
        found = network.extract(preprocess(pieces), {layer, last})
    features, logits = (found[name].flatten(1).float().cpu().double() for name in (layer, last))
    return logits.softmax(1).numpy(), features.numpy()


def cosine_distance(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """1 - cosine of the angle between rows, float64 (N,) from 0 to 2; of nothing to nothing 0, to something 1."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
    cosine = np.divide((one * two).sum(1), lengths, out=np.zeros(len(one)), where=lengths > 0)
    cosine[(one == two).all(1)] = 1
    return np.clip(1 - cosine, 0, 2)


def typical_distances(features: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cosine distance of two pictures of the same class and of different ones, over all pairs; nan without any."""
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    apart, upper = 1 - unit @ unit.T, np.triu(np.ones((len(labels),) * 2, bool), 1)
    alike = labels[:, None] == labels[None]
    same, other = (apart[upper & chosen] for chosen in (alike, ~alike))
    return (float(same.mean()) if len(same) else np.nan), (float(other.mean()) if len(other) else np.nan)
