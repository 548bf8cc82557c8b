"""Does a map show what was learned? Weights drawn at random must change it (Adebayo et al., 2018).

A method whose maps stay as they are shows edges of the picture, which any network of this build passes on, and no
reason of this one. The weights of the last dense layer, or of all layers, are drawn anew as large as they were, so that
signals keep their size; the class asked about stays the same.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.drawing.attribution import sanity as draw
from alexnet.edits import last_dense
from alexnet.insight.methods import METHODS, compute
from alexnet.insight.panel import Panel
from alexnet.model.network import AlexNet

#: At this rank correlation and above a map counts as unchanged.
UNCHANGED = 0.5


@dataclass(frozen=True, kw_only=True)
class Sanity:
    """How alike a method's maps are before and after, as means over pictures of Spearman's rank correlation."""

    method: str
    last: float
    """With the last dense layer drawn at random."""
    everything: float
    """With all layers drawn at random."""
    last_range: tuple[float, float]
    """The lowest and the highest of the pictures."""
    everything_range: tuple[float, float]
    n: int
    """Pictures."""

    @property
    def follows(self) -> bool:
        """Whether the map changes with the weights."""
        return self.everything < UNCHANGED


def drawn_anew(network: AlexNet, which: Literal["last", "all"], *, seed: int = 0) -> AlexNet:
    """A copy with the last dense layer's weights, or all, drawn from a normal distribution as wide as each tensor
    was: weights about 0, biases about their mean. The draws are functions of the seed and the tensor's name."""
    found = copy.deepcopy(network)
    last = found.layer(last_dense(found.table).name)
    chosen = {id(parameter) for parameter in (last if which == "last" else found).parameters()}
    with torch.no_grad():
        for name, parameter in found.named_parameters():
            if id(parameter) not in chosen:
                continue
            rows = parameter.view(len(parameter), -1)
            # Weights start about 0; biases and what scales a normalization about what they have become.
            mean = parameter.new_zeros(()) if parameter.ndim > 1 else parameter.mean()
            sd = (parameter - mean).square().mean().sqrt()
            for place, keys in enumerate(draws.keys(seed, 0, torch.arange(len(rows))).split(64)):
                values = draws.normal(keys, f"sanity:{name}", rows.shape[1]).to(parameter.device)
                rows[64 * place : 64 * place + len(keys)] = mean + sd * values
    return found


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rank correlation of all values, ties at their mean rank: -1 to 1.

    1 where both are constant, for they are alike; 0 where only one of them is.
    """
    first, second = (_ranks(np.asarray(values).ravel()) for values in (one, other))
    first, second = first - first.mean(), second - second.mean()
    sizes = float(np.sqrt((first @ first) * (second @ second)))
    if sizes == 0:
        return float(not first.any() and not second.any())
    return float(first @ second) / sizes


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place], dtype=np.float64)


def check(
    network: AlexNet,
    images: Tensor,
    targets: Tensor,
    maps: dict[str, Tensor],
    *,
    seed: int = 0,
) -> tuple[Sanity, ...]:
    """Every method's maps against those of networks with weights drawn at random.

    Args:
        network: from `methods.opened`.
        images, targets: float (N,3,H,W) as the network takes them, and a class each, int64 (N,).
        maps: by method, float (N,H,W): those of the network itself.

    The sizes of values are compared and not their signs, as the paper does: a map that only changes sign lies in the
    same places.
    """
    alike: dict[str, dict[str, list[float]]] = {name: {} for name in maps}
    for which in ("last", "all"):
        other = drawn_anew(network, which, seed=seed)  # type: ignore[arg-type]
        for name, own in maps.items():
            values = compute(other, images, targets, name).values
            pairs = zip(own.abs().cpu().numpy(), values.abs().cpu().numpy(), strict=True)
            alike[name][which] = [rank_correlation(*pair) for pair in pairs]
    return tuple(
        Sanity(
            method=name,
            last=float(np.mean(found["last"])),
            everything=float(np.mean(found["all"])),
            last_range=(min(found["last"]), max(found["last"])),
            everything_range=(min(found["all"]), max(found["all"])),
            n=len(images),
        )
        for name, found in alike.items()
    )


def panels(found: Iterable[Sanity]) -> Iterator[Panel]:
    """The check as a figure, with its numbers."""
    found = tuple(found)
    n = found[0].n
    figure = draw(
        [METHODS[one.method].title for one in found],
        [one.last for one in found],
        [one.everything for one in found],
        limit=UNCHANGED,
        note=f"mean over {n} held-out picture{'s' * (n != 1)}; 1 = the same map, 0 = nothing in common",
    )
    deaf = [METHODS[one.method].title for one in found if not one.follows]
    verdict = (
        f"Changed little even then: {', '.join(deaf)}. Read such a map as a drawing of the picture's edges, and not as "
        "this network's reasons."
        if deaf
        else "All methods' maps changed, as they must."
    )
    yield Panel(
        name="attribution_sanity",
        title="Do the maps depend on what was learned?",
        figure=figure,
        caption=(
            "The same maps were made again after the network's weights had been replaced by random ones, first in its "
            "last layer, then everywhere. A network of random weights has no reasons, so an honest map must change. "
            f"{verdict} Rank correlations with all layers random, means of {n} pictures with the lowest and highest: "
            + "; ".join(
                f"{METHODS[one.method].title} {one.everything:.2f} ({one.everything_range[0]:.2f} to "
                f"{one.everything_range[1]:.2f})"
                for one in found
            )
            + "."
        ),
        numbers={
            "pictures": n,
            "unchanged_from": UNCHANGED,
            "methods": {
                one.method: {
                    "last_layer": one.last,
                    "last_layer_range": list(one.last_range),
                    "all_layers": one.everything,
                    "all_layers_range": list(one.everything_range),
                    "follows_the_weights": one.follows,
                }
                for one in found
            },
        },
    )
