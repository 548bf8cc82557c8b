"""What do rows compute that join or weigh maps? Sums, and attention over maps or over places."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Squeeze-and-excitation has so many maps to a hidden unit (Hu et al., 2018, section 6.1), and at least so many of
#: these: the means are not negative, so that every other hidden unit starts silent.
REDUCTION, LEAST_HIDDEN = 16, 8
#: Self-attention has at least so many maps to a head.
HEAD = 32


class Add(nn.Module):
    """The sum of tensors of one shape: where a residual connection comes back (He et al., 2016)."""

    def forward(self, *values: Tensor) -> Tensor:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


class SqueezeExcite(nn.Module):
    """Every map N,C,H,W times a weight between 0 and 1 that follows from the means of all (Hu et al., 2018).

    weight = sigmoid(up relu(down means)), with C / 16 hidden units, eight or more.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = max(LEAST_HIDDEN, channels // REDUCTION)
        self.down = nn.Parameter(torch.empty(hidden, channels))
        self.down_bias = nn.Parameter(torch.empty(hidden))
        self.up = nn.Parameter(torch.empty(channels, hidden))
        self.up_bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.linear(x.mean((2, 3)), self.down, self.down_bias).relu()
        return x * F.linear(hidden, self.up, self.up_bias).sigmoid()[:, :, None, None]

    def extra_repr(self) -> str:
        return f"{self.up.shape[0]} maps, {self.up.shape[1]} hidden"


class SelfAttention(nn.Module):
    """Every place of N,C,H,W adds what it gathers from all places, by likeness (Vaswani et al., 2017).

    x + outward(softmax(q k' / sqrt(maps of a head)) v), where q, k and v are linear in x, and x first has mean 0 and
    variance 1 over the maps of each place: scores then do not depend on the scale of the maps. Up to eight heads.
    Written out, since torch's own cannot be differentiated twice, as the bound of the rate asks (training/bound.py).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = next(n for n in (8, 4, 2, 1) if n == 1 or (channels % n == 0 and channels >= n * HEAD))
        self.inward = nn.Parameter(torch.empty(3 * channels, channels))
        self.outward = nn.Parameter(torch.empty(channels, channels))
        self.outward_bias = nn.Parameter(torch.empty(channels))

    def forward(self, x: Tensor) -> Tensor:
        number, channels, height, width = x.shape
        places = x.flatten(2).transpose(1, 2)  # N,P,C
        even = F.layer_norm(places, (channels,))
        threes = F.linear(even, self.inward).view(number, height * width, 3, self.heads, -1)
        q, k, v = threes.permute(2, 0, 3, 1, 4)  # N,heads,P,C/heads each
        scores = (q @ k.transpose(2, 3) / math.sqrt(q.shape[3])).softmax(3)  # N,heads,P,P
        gathered = (scores @ v).transpose(1, 2).reshape(number, height * width, channels)
        found = places + F.linear(gathered, self.outward, self.outward_bias)
        return found.transpose(1, 2).reshape(x.shape)

    def extra_repr(self) -> str:
        return f"{self.outward.shape[0]} maps, {self.heads} heads"
