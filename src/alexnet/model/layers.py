"""What does each kind of row compute? The layers that torch does not have, or has with other conventions.

Both dropouts (section 4.2) with masks drawn by picture, the first layer that rounds up, the dense layer; the others are
in normalization.py, pooling.py, local.py and joints.py.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet import draws


class Dropout(nn.Module):
    """Silences each unit of a picture with probability `rate` in training (section 4.2).

    mode "paper": no other change in training; at test time every output is multiplied by 1 - rate (the 2012 program's
    `hs` layers). mode "inverted": outputs are divided by 1 - rate in training and untouched at test time (torch).
    The mask of a picture is a function of its key (draws.py), this layer's `name` and the unit, so that it does
    not depend on the batch, the device or the process it is computed in. `first` is the place of this module's first
    unit in the whole layer, where others hold the rest (columns.py).
    """

    def __init__(self, rate: float = 0.5, mode: str = "paper", name: str = "") -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout silences a share of units from 0 to below 1, not {rate}")
        if mode not in ("paper", "inverted"):
            raise ValueError(f"dropout's mode is 'paper' or 'inverted', not {mode!r}")
        self.rate, self.mode, self.name = rate, mode, name
        self.stream = draws.word(f"dropout:{name}")
        self.first = 0

    def forward(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """x: N,... to the same; keys: int64 (N,), drawn from torch's global generator where not given (training)."""
        keep = 1.0 - self.rate
        if not self.training:
            return x * keep if self.mode == "paper" else x
        if keys is None:
            keys = draw_keys(x)
        mask = draws.uniform(keys, self.stream, x[0].numel(), self.first).view_as(x) < keep
        return x * mask if self.mode == "paper" else x * mask / keep

    def extra_repr(self) -> str:
        return f"rate={self.rate:g}, mode={self.mode}"


def draw_keys(x: Tensor) -> Tensor:
    """A key for each picture of N,... from torch's global generator, for loops that give none: int64 (N,)."""
    return torch.randint(-(2**63), 2**63 - 1, (len(x),), dtype=torch.int64, device=x.device)


class CeilConv2d(nn.Conv2d):
    """A convolution with `pad_end` more zeros on the right and below only.

    The 2012 program rounds the number of windows up and reads zeros beyond the picture (layer.py): 224 pixels, kernel
    11 and stride 4 give 55 windows, the last of which reaches three pixels over the edge.
    """

    def __init__(self, *args: Any, pad_end: int, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self.pad_end = pad_end

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, (0, self.pad_end, 0, self.pad_end)))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, pad_end={self.pad_end}"


class Dense(nn.Linear):
    """A dense layer that reads maps in the order channel, row, column: N,C,H,W or N,D to N,units."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.flatten(1))
