"""How many units answer to a picture, and which never do? The zeros of every ReLU, and dead units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexnet.drawing.units import activity as draw_activity
from alexnet.insight.held_out import batches, held_out
from alexnet.insight.panel import Panel
from alexnet.model.network import AlexNet
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Activity:
    """How a layer of rectified units answered to some pictures."""

    layer: str
    n: int
    """Pictures."""
    active: np.ndarray
    """float64 (units,): the share of pictures and places at which each unit is above 0. A map is one unit."""

    @property
    def zeros(self) -> float:
        """The share of all outputs that are 0: the layer's sparsity."""
        return float(1 - self.active.mean())

    @property
    def dead(self) -> np.ndarray:
        """Numbers of the units that are 0 everywhere on all of the pictures, int64."""
        return np.flatnonzero(self.active == 0)

    def to_dict(self) -> dict[str, Any]:
        values = {"layer": self.layer, "n": self.n, "units": len(self.active), "zeros": self.zeros}
        return values | {"dead": self.dead.tolist()}


def rectified(network: AlexNet) -> tuple[str, ...]:
    """The rows that are ReLUs, in order: only they give exact zeros."""
    return tuple(row.name for row in network.table.layers if row.kind == "relu")


def activity(network: AlexNet, images: Iterable[Tensor]) -> list[Activity]:
    """How every ReLU of the network answers; empty where it has none.

    Args:
        images: batches float (N,3,H,W) as the network takes them, on its device; one is held at a time.

    Raises:
        ValueError: no pictures.
    """
    layers = rectified(network)
    above: dict[str, Tensor] = {}
    places: dict[str, int] = {}
    n = 0
    for batch in images:
        n += len(batch)
        with torch.no_grad():
            found = network.extract(batch, layers)
        for name, values in found.items():
            maps = values.flatten(2) if values.ndim == 4 else values[:, :, None]  # N,units,places
            counted = (maps > 0).sum(dim=(0, 2)).cpu()  # units
            above[name] = counted if name not in above else above[name] + counted
            places[name] = maps.shape[2]
    if not n:
        raise ValueError("there are no pictures to count the answering units of")
    return [Activity(layer=name, n=n, active=above[name].double().numpy() / (n * places[name])) for name in layers]


def panels(run: Run, *, device: str = "cpu", limit: int = 400) -> Iterator[Panel]:
    """The share of zeros and of dead units of every ReLU, over held-out pictures; nothing for a network without ReLUs.

    Args:
        limit: pictures looked at, drawn by the run's seed.

    Raises:
        ValueError: the run's pictures are not at hand.
    """
    pictures = held_out(run, limit=limit)
    if not rectified(run.network):
        return
    found = activity(run.network.to(device), batches(run, pictures, device))
    figure = draw_activity(
        [one.layer for one in found],
        [one.zeros for one in found],
        [(len(one.dead), len(one.active)) for one in found],
        title="How many units answer",
        note=str(pictures),
    )
    yield Panel(
        name="sparsity",
        title="How many units answer, and which never do",
        figure=figure,
        caption="A ReLU is silent, exactly 0, where its input is negative. Left: the share of answers that "
        "is 0; the larger it is, the fewer units tell of a picture. Right: units that were "
        "silent everywhere on all of these pictures. A few are harmless; a layer most of whose units are dead learns "
        "no more, often because the rate was too high.",
        numbers={
            "split": pictures.split,
            "protocol": "centre",
            "n": len(pictures.rows),
            "note": pictures.note,
            "layers": [one.to_dict() for one in found],
        },
    )
