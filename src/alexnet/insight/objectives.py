"""What shall a picture excite? A unit, a map, a layer, a direction or a class, and sums of these with weights.

unit("conv5", 17)              the map's strongest place, wherever it is; of a dense layer the unit
unit("conv5", 17, (6, 6))      the unit at that row and column
channel("conv5", 17)           the mean of the map's places
layer("conv3")                 the mean square of all values: what a layer already sees is made more of (deep dream)
direction("fc7", vector)       the values along a vector of the layer's maps or units, of length 1
of_class(3)                    the class's logit

unit("conv5", 17) + 0.5 * unit("conv5", 40) - channel("conv2", 3)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from alexnet.model.network import AlexNet

#: Stands for the layer of the logits, whatever its name.
LOGITS = ""


@dataclass(frozen=True, kw_only=True)
class Term:
    """One number that a layer's values give for each picture, with its weight."""

    kind: str
    layer: str
    index: int = 0
    place: tuple[int, int] | None = None
    vector: tuple[float, ...] = ()
    weight: float = 1.0

    def __str__(self) -> str:
        said = {
            "unit": f"{self.layer} unit {self.index}",
            "channel": f"{self.layer} map {self.index}",
            "layer": f"{self.layer}",
            "direction": f"{self.layer} direction",
            "class": f"class {self.index}",
        }[self.kind]
        return said if self.weight == 1 else f"{self.weight:g} x {said}"


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A sum of terms. Objectives can be added, subtracted, and multiplied by numbers."""

    terms: tuple[Term, ...]

    def __add__(self, other: Objective) -> Objective:
        return Objective(terms=self.terms + other.terms)

    def __mul__(self, factor: float) -> Objective:
        return Objective(terms=tuple(replace(term, weight=term.weight * factor) for term in self.terms))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1.0

    def __sub__(self, other: Objective) -> Objective:
        return self + -other

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms))


def unit(layer: str, channel: int, place: tuple[int, int] | None = None) -> Objective:
    """A unit: of a layer of maps the one at `place` (row, column), or the map's strongest."""
    return Objective(terms=(Term(kind="unit", layer=layer, index=channel, place=place),))


def channel(layer: str, channel: int) -> Objective:
    """The mean of a map's places."""
    return Objective(terms=(Term(kind="channel", layer=layer, index=channel),))


def layer(name: str) -> Objective:
    """The mean square of all values of a layer (deep dream)."""
    return Objective(terms=(Term(kind="layer", layer=name),))


def direction(layer: str, vector: Sequence[float] | np.ndarray | Tensor) -> Objective:
    """The mean over the places of the values along a vector, one number a map or unit, taken at length 1.

    Raises ValueError for a vector without length or with values that are not finite.
    """
    values = [float(value) for value in vector]
    length = math.hypot(*values)
    if not values or not math.isfinite(length) or length == 0:
        raise ValueError(f"a direction is a vector of finite numbers that are not all 0, one for each unit of {layer}")
    return Objective(terms=(Term(kind="direction", layer=layer, vector=tuple(value / length for value in values)),))


def of_class(number: int) -> Objective:
    """The logit of a class, counted from 0."""
    return Objective(terms=(Term(kind="class", layer=LOGITS, index=number),))


def layers_of(network: AlexNet, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """The rows whose values objectives read. Raises ValueError for a layer, unit, place or class that is none."""
    found: dict[str, None] = {}
    for term in (term for objective in objectives for term in objective.terms):
        name = term.layer or network.layer_names[-1]
        network.layer(name)
        shape = network.shapes[name]
        if term.kind in ("unit", "channel", "class") and not 0 <= term.index < shape[0]:
            what = {"class": "classes"}.get(term.kind, "maps" if len(shape) == 3 else "units")
            raise ValueError(f"{name} has {shape[0]} {what}, numbered from 0, so {term.index} is none of them")
        if term.place is not None and (
            len(shape) != 3 or not all(0 <= at < side for at, side in zip(term.place, shape[1:], strict=True))
        ):
            raise ValueError(
                f"{name} computes {' x '.join(map(str, shape))} values, and {term.place} is no place there"
            )
        if term.kind == "direction" and len(term.vector) != shape[0]:
            raise ValueError(f"a direction in {name} has {shape[0]} numbers, not {len(term.vector)}")
        found[name] = None
    return tuple(found)


def value_of(objective: Objective, values: Mapping[str, Tensor], last: str) -> Tensor:
    """The objective for each picture, (N,), from the values of rows, N,C,H,W or N,units; `last` is the logits' row."""
    total = [term.weight * _KINDS[term.kind](values[term.layer or last], term) for term in objective.terms]
    return torch.stack(total).sum(0)


def _unit(values: Tensor, term: Term) -> Tensor:
    own = values[:, term.index]
    if own.ndim == 1:
        return own
    return own.flatten(1).amax(1) if term.place is None else own[:, term.place[0], term.place[1]]


def _direction(values: Tensor, term: Term) -> Tensor:
    vector = torch.tensor(term.vector, dtype=values.dtype, device=values.device)
    return (values.flatten(2).mean(2) if values.ndim > 2 else values) @ vector


_KINDS: dict[str, Callable[[Tensor, Term], Tensor]] = {
    "unit": _unit,
    "channel": lambda values, term: values[:, term.index].flatten(1).mean(1),
    "layer": lambda values, term: values.flatten(1).square().mean(1),
    "direction": _direction,
    "class": lambda values, term: values[:, term.index],
}
