"""In which coordinates is a picture imagined? Waves and colours that real pictures have independently of one another.

A picture is the sum of waves in the principal colours of the training pictures; the longer a wave the larger, as in
photographs; a sigmoid keeps every pixel between 0 and 255. A step of equal length in all these numbers is a step
towards a natural picture, where a step in pixels would draw noise (Olah, Mordvintsev and Schubert, 2017, Feature
Visualization, "preconditioning and parameterization"). While it is being imagined a picture is moved, turned and scaled
a little at every step, so that what excites the network does so in more than one exact place ("transformation
robustness").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet import draws

#: Shift as a share of the side, degrees, and the ends of the scale.
SHIFT, TURN, SCALE = 1 / 8, 5.0, (0.95, 1.1)
#: A wave's size falls with this power of its frequency: 1 is that of photographs, and leaves networks of few pictures
#: too much freedom to be excited by fine noise.
_FALL = 1.5
#: Deviation of the waves at the start.
_START = 0.02


@dataclass(frozen=True, kw_only=True, eq=False)
class Canvas:
    """What turns waves into pictures."""

    side: int
    mean: Tensor
    """float32 (3,): the training pictures' mean colour, 0 to 255, from which all begin."""
    colours: Tensor
    """float32 (3, 3): a column for each principal colour, the longest of length 1."""
    sizes: Tensor
    """float32 (side, side // 2 + 1): of each wave."""

    @property
    def waves(self) -> int:
        """Numbers that describe a picture."""
        return 6 * self.sizes.numel()

    def start(self, keys: Tensor) -> Tensor:
        """Waves to begin with, (N, 3, side, side // 2 + 1, 2), a function of the keys int64 (N,)."""
        found = draws.normal(keys, "imagined:start", self.waves) * _START
        return found.view(len(keys), 3, *self.sizes.shape, 2)

    def pictures(self, waves: Tensor) -> Tensor:
        """float (N,3,side,side), above 0 and below 255."""
        spectrum = torch.view_as_complex(waves * self.sizes[..., None])
        plain = torch.fft.irfft2(spectrum, s=(self.side, self.side))  # N,3,side,side
        coloured = torch.einsum("ij,njhw->nihw", self.colours, plain)
        return 255 * torch.sigmoid(coloured + torch.logit(self.mean / 255)[:, None, None])


def canvas(side: int, mean: Tensor, basis: Tensor | None) -> Canvas:
    """The one for pictures of `side` pixels whose colours vary about `mean` as `basis` says (float (3, 3), grey levels,
    a column for each principal direction; None = all alike)."""
    down = torch.fft.fftfreq(side)[:, None]
    across = torch.fft.rfftfreq(side)[None]
    frequency = torch.sqrt(down**2 + across**2).clamp_min(1 / side)
    colours = torch.eye(3) if basis is None else basis.float()
    longest = float(colours.norm(dim=0).max())
    colours = colours / longest if longest > 0 else torch.eye(3)  # pictures of one colour
    return Canvas(
        side=side,
        mean=mean.float().clamp(8, 247),  # at the ends a sigmoid has no slope
        colours=colours.to(mean.device),
        sizes=(side**2 / 4 * (side * frequency) ** -_FALL).to(mean.device),
    )


def moved(pictures: Tensor, keys: Tensor) -> Tensor:
    """Each picture (N,3,S,S) shifted, turned and scaled a little as its key int64 (N,) draws; mirrored beyond edges."""
    draw = draws.uniform(keys, "imagined:moved", 4).to(pictures.device)
    shift = (2 * draw[:, :2] - 1) * 2 * SHIFT  # the side has length 2
    angle = (2 * draw[:, 2] - 1) * math.radians(TURN)
    scale = 1 / (SCALE[0] + (SCALE[1] - SCALE[0]) * draw[:, 3])
    cosine, sine = scale * angle.cos(), scale * angle.sin()
    rows = (torch.stack((cosine, -sine, shift[:, 0]), 1), torch.stack((sine, cosine, shift[:, 1]), 1))
    grid = F.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


class _Redirected(torch.autograd.Function):
    """ReLU; where no gradient comes through for a picture, what would raise the silent units does."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # pyrefly: ignore[bad-override]
        ctx.save_for_backward(x)
        return x.relu()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        through = grads[0] * (x > 0)
        silent = (through.flatten(1) == 0).all(1).view(-1, *(1,) * (x.ndim - 1))
        return torch.where(silent, grads[0].clamp_max(0), through)


class Redirected(nn.Module):
    """ReLU for pictures that are still to excite anything: from a plain picture all units of a layer may be silent, and
    none of them would ever learn what it lacks (as the authors' program does it)."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = _Redirected.apply(x)
        return out


def wakened(network: nn.Module) -> None:
    """Put `Redirected` in the place of every ReLU."""
    for part in list(network.modules()):
        for name, module in part.named_children():
            if isinstance(module, nn.ReLU):
                setattr(part, name, Redirected())
