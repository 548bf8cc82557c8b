"""Which part of a picture does the network need? A grey square slid over it, and the picture itself moved about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alexnet.insight.changes import window

#: Pictures (N,3,crop,crop) on the 0-255 scale -> class probabilities (N,K).
See = Callable[[Tensor], np.ndarray]

#: So many places of the square in a row, and shifts in a row on either side of the middle.
PLACES, STEPS = 12, 4
#: Of the picture's side: how wide the square is, and how far the picture moves.
SQUARE, REACH = 0.2, 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Occlusion:
    """The true class's probability for every place of the square."""

    probabilities: np.ndarray
    """float64 (P,P): the square's centre in cell (row, column) of a grid that fills the picture."""
    side: int
    """Of the square, pixels."""
    stride: int
    """Side of a cell, pixels."""
    worst: tuple[int, int, int, int]
    """Where the square hurts most: top, left, bottom, right in pixels, the ends not included."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Shifts:
    """The true class's probability for every shift of the picture."""

    probabilities: np.ndarray
    """float64 (2k+1, 2k+1): row = down, column = right, from -k steps to k."""
    step: int
    """Pixels."""


def occlusion(see: See, picture: Tensor, label: int, grey: float, *, batch: int = 64) -> Occlusion:
    """Slide a grey square over a picture and ask for the true class each time (Zeiler and Fergus 2014, figure 7).

    The square is a fifth as wide as the picture and is cut off at its edges, so that all parts are covered alike.

    Args:
        picture: float (3,crop,crop) on the 0-255 scale.
        grey: what the square is filled with, on the same scale.
    """
    crop = picture.shape[1]
    stride, side = max(1, crop // PLACES), max(2, round(SQUARE * crop))
    number = -(-crop // stride)
    starts = [round((i + 0.5) * stride - side / 2) for i in range(number)]
    edges = [(max(0, start), min(crop, start + side)) for start in starts]
    places = [(row, column) for row in edges for column in edges]

    def hidden(some: list[tuple[tuple[int, int], tuple[int, int]]]) -> Tensor:
        pieces = picture.expand(len(some), *picture.shape).clone()
        for piece, ((top, bottom), (left, right)) in zip(pieces, some, strict=True):
            piece[:, top:bottom, left:right] = grey
        return pieces

    found = [see(hidden(places[at : at + batch]))[:, label] for at in range(0, len(places), batch)]
    probabilities = np.concatenate(found).reshape(number, number)
    (top, bottom), (left, right) = places[int(probabilities.argmin())]
    return Occlusion(probabilities=probabilities, side=side, stride=stride, worst=(top, left, bottom, right))


def shifts(see: See, square: Tensor, label: int, crop: int, *, batch: int = 64) -> Shifts:
    """Move a picture by up to a quarter of its side every way and ask for the true class each time.

    Args:
        square: uint8 (3,S,S), the stored square; beyond it its edge is repeated.
    """
    step = max(1, round(REACH * crop / STEPS))
    way = torch.arange(-STEPS, STEPS + 1, device=square.device) * step
    moved = torch.cartesian_prod(way, way)  # places,2
    found = [see(window(square.expand(len(some), *square.shape), some, crop))[:, label] for some in moved.split(batch)]
    return Shifts(probabilities=np.concatenate(found).reshape(len(way), len(way)), step=step)


def telling(probabilities: np.ndarray, labels: np.ndarray, number: int) -> list[int]:
    """Places of pictures worth looking at: named right, of different classes as far as there are, in their order.

    Where fewer are named right, others fill up.
    """
    right = probabilities.argmax(1) == labels
    seen: set[int] = set()
    first: list[int] = []
    second: list[int] = []
    for place in np.flatnonzero(right).tolist():
        (second if int(labels[place]) in seen else first).append(place)
        seen.add(int(labels[place]))
    return [*first, *second, *np.flatnonzero(~right).tolist()][:number]
