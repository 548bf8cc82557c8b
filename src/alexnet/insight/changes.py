"""What is done to a picture to see whether the network still knows it? Shift, flip, scale, colour, noise, light.

Every change starts from the stored square and ends in what the network's preprocessing takes. A shift or a smaller
scale shows more of the stored square; where that ends too, its edge is repeated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from alexnet import draws
from alexnet.data.augment import colour_shift, resample
from alexnet.data.statistics import Statistics


@dataclass(frozen=True, kw_only=True, eq=False)
class About:
    """What a change may need to know besides the pictures."""

    crop: int
    """Side of the network's input, pixels."""
    keys: Tensor
    """int64 (N,), one a picture: what is drawn at random belongs to the picture."""
    statistics: Statistics
    """Of the training pictures, for the colour basis."""
    convention: str
    """"paper" or "source": how colour PCA is scaled (`augment.colour_shift`)."""
    sigma: float
    """Standard deviation of colour PCA's draws, 0.1 in the paper."""


#: uint8 squares (N,3,S,S) and a level -> float32 (N,3,crop,crop) on the 0-255 scale.
Change = Callable[[Tensor, float, About], Tensor]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One way to change pictures, from not at all to much."""

    name: str
    title: str
    axis: str
    """What the levels count, with the unit."""
    levels: tuple[float, ...]
    neutral: float
    """The level at which nothing is changed."""
    change: Change
    labels: tuple[str, ...] = ()
    """What the levels are called, where they are no amounts."""

    def label(self, place: int) -> str:
        """What the level at a place is called."""
        return self.labels[place] if self.labels else f"{self.levels[place]:g}"


def probes(crop: int) -> tuple[Probe, ...]:
    """All of them, for a network that sees `crop` x `crop` pixels: the shifts are shares of that."""
    shifts = sorted({round(crop * share) for share in (0, 1 / 32, 1 / 16, 1 / 8, 3 / 16, 1 / 4)})
    return (
        Probe(
            name="shift",
            title="Shifted",
            axis="pixels, one of four ways",
            levels=tuple(float(pixels) for pixels in shifts),
            neutral=0,
            change=shifted,
        ),
        Probe(
            name="flip",
            title="Mirrored",
            axis="which sides change places",
            levels=(0, 1, 2),
            neutral=0,
            change=flipped,
            labels=("none", "left, right", "top, bottom"),
        ),
        Probe(
            name="scale",
            title="Scaled",
            axis="times as large",
            levels=(0.5, 0.71, 0.84, 1, 1.19, 1.41, 2),
            neutral=1,
            change=scaled,
        ),
        Probe(
            name="colour",
            title="Colours shifted",
            axis="times the colour PCA of section 4.1",
            levels=(0, 1, 2, 4, 8, 16),
            neutral=0,
            change=coloured,
        ),
        Probe(
            name="noise",
            title="Noise",
            axis="standard deviation, of 255 grey levels",
            levels=(0, 4, 8, 16, 32, 64),
            neutral=0,
            change=noisy,
        ),
        Probe(
            name="brightness",
            title="Brightness",
            axis="times as bright",
            levels=(0.25, 0.5, 0.75, 1, 1.33, 2),
            neutral=1,
            change=brightened,
        ),
        Probe(
            name="contrast",
            title="Contrast",
            axis="times as far from the picture's mean",
            levels=(0.1, 0.25, 0.5, 1, 2, 4),
            neutral=1,
            change=contrasted,
        ),
    )


def window(squares: Tensor, moved: Tensor, crop: int) -> Tensor:
    """The central crop after each picture's content has moved: uint8 (N,3,S,S), int64 (N,2) -> float32 (N,3,c,c).

    moved: pixels down and to the right. What comes in from outside of the stored square repeats its edge.
    """
    stored = squares.shape[2]
    place = (stored - crop) // 2 + torch.arange(crop, device=squares.device)
    rows, columns = ((place - moved[:, axis, None]).clamp(0, stored - 1) for axis in (0, 1))  # N,crop
    picture = torch.arange(len(squares), device=squares.device)[:, None, None]
    return squares.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2).float()


def central(squares: Tensor, crop: int) -> Tensor:
    """What the network sees when nothing is changed: uint8 (N,3,S,S) -> float32 (N,3,crop,crop)."""
    return window(squares, torch.zeros(len(squares), 2, dtype=torch.int64, device=squares.device), crop)


def shifted(squares: Tensor, level: float, about: About) -> Tensor:
    """Moved by so many pixels down, up, right or left; which of these belongs to the picture."""
    ways = torch.tensor([[1, 0], [-1, 0], [0, 1], [0, -1]], device=squares.device) * int(level)
    return window(squares, ways[draws.integers(about.keys, "probe:shift", 1, 4)[:, 0]], about.crop)


def flipped(squares: Tensor, level: float, about: About) -> Tensor:
    """0: as it is; 1: left and right exchanged, as in training; 2: top and bottom."""
    pieces = central(squares, about.crop)
    return pieces.flip({1: 3, 2: 2}[int(level)]) if level else pieces


def scaled(squares: Tensor, level: float, about: About) -> Tensor:
    """So many times as large, about the centre of what the network sees; bilinear."""
    stored, side = squares.shape[2], about.crop / level
    corner = (stored - about.crop) // 2 + (about.crop - side) / 2
    windows = torch.tensor([[corner, corner, side, side]], device=squares.device).expand(len(squares), 4)
    return resample(squares, windows, about.crop)


def coloured(squares: Tensor, level: float, about: About) -> Tensor:
    """Colour PCA with so many times the paper's deviation; as in training, nothing is cut to 0-255."""
    shift = colour_shift(about.keys, about.statistics, about.convention, about.sigma * level)  # N,3
    return central(squares, about.crop) + shift[:, :, None, None]


def noisy(squares: Tensor, level: float, about: About) -> Tensor:
    """Independent normal noise on every value, cut to 0-255; the same draws at every level."""
    pieces = central(squares, about.crop)
    draw = draws.normal(about.keys, "probe:noise", pieces[0].numel()).view_as(pieces)
    return (pieces + level * draw).clamp(0, 255)


def brightened(squares: Tensor, level: float, about: About) -> Tensor:
    """Every value times the level, cut to 0-255."""
    return (central(squares, about.crop) * level).clamp(0, 255)


def contrasted(squares: Tensor, level: float, about: About) -> Tensor:
    """Every value so many times as far from the picture's mean grey, cut to 0-255."""
    pieces = central(squares, about.crop)
    middle = pieces.mean((1, 2, 3), keepdim=True)
    return (middle + level * (pieces - middle)).clamp(0, 255)
