"""Which parts of a picture does a test look at? The centre, the paper's ten views, or nine as its CIFAR-10 tests."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import torch
from torch import Tensor

#: What each protocol is called in a sentence.
PROTOCOLS = {"centre": "centre crop", "ten": "ten views", "nine": "nine views"}


class View(NamedTuple):
    """A square cut from a stored picture: its top left corner in pixels, and whether left and right are exchanged."""

    top: int
    left: int
    mirrored: bool


def placements(protocol: str, stored: int, crop: int) -> tuple[View, ...]:
    """Where the views of a protocol lie in a square of `stored` pixels, in the order of the 2012 program.

    With b the border on each side, (stored - crop) / 2:

    centre  (b, b).
    ten     (0, 0), (0, 2b), (2b, 0), (2b, 2b), (b, b), then the same five mirrored (section 4.1; convdata.py).
    nine    the offsets 0, b, 2b in both directions, row by row, never mirrored (the CIFAR-10 provider of convdata.py).

    Where stored and crop are equal there is no border and all places coincide: "ten" is then the whole picture five
    times and its mirror image five times, "nine" the whole picture nine times, and "centre" says as much as "nine".
    Where stored - crop is odd, b is rounded down and the far side lies at stored - crop, so that the views still reach
    the picture's edge.

    Raises:
        ValueError: there is no such protocol, or the crop is larger than the stored square.
    """
    require(protocol)
    if crop > stored:
        raise ValueError(
            f"a crop of {crop} pixels does not fit into pictures of {stored}; store them at {crop} or more"
        )
    far, middle = stored - crop, (stored - crop) // 2
    if protocol == "centre":
        return (View(middle, middle, False),)
    if protocol == "nine":
        return tuple(View(top, left, False) for top in (0, middle, far) for left in (0, middle, far))
    corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
    return tuple(View(top, left, mirrored) for mirrored in (False, True) for top, left in corners)


def cut(images: Tensor, view: View, crop: int) -> Tensor:
    """One view of every picture: (N,C,S,S) of any type -> (N,C,crop,crop)."""
    piece = images[:, :, view.top : view.top + crop, view.left : view.left + crop]
    return piece.flip(3) if view.mirrored else piece


def views(images: Tensor, protocol: str, crop: int) -> Tensor:
    """All views of a protocol: (N,C,S,S) -> (V,N,C,crop,crop), V being 1, 10 or 9, in the order of `placements`.

    Raises ValueError as `placements` does, and for pictures that are not square.
    """
    if images.shape[2] != images.shape[3]:
        raise ValueError(f"views are cut from square pictures, not from {images.shape[2]} x {images.shape[3]} pixels")
    return torch.stack([cut(images, view, crop) for view in placements(protocol, images.shape[3], crop)])


def require(protocol: str) -> None:
    """Raise ValueError, naming the nearest, if there is no such protocol."""
    if protocol not in PROTOCOLS:
        near = difflib.get_close_matches(protocol, PROTOCOLS, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(PROTOCOLS)}"
        raise ValueError(f"no protocol is called {protocol!r}; {advice}")
