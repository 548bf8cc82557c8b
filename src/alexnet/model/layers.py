"""What does each kind of row compute? The layers that torch does not have, or has with other conventions.

Response normalization (section 3.3) within columns and with alpha divided or not, the 2012 program's normalization
within one map, both dropouts (section 4.2) with masks drawn by picture, and the first layer that rounds up.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet import draws
from alexnet.kernels import normalization


def _halves(size: int) -> tuple[int, int]:
    """Terms before and after the middle one of a window; an even window has one more before, as torch's has."""
    return size // 2, (size - 1) // 2


def _sum_near(x: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Sums over `before` entries before to `after` entries after each one along an axis, fewer at its ends."""
    length = x.shape[axis]
    steps = range(1, min(max(before, after), length - 1) + 1)
    if torch.compiler.is_compiling():  # fused into one pass; the slices below become scatters, four times slower
        total, inner = x, (0, 0) * (x.ndim - axis - 1)
        for step in steps:
            rest = length - step
            if step <= after:
                total = total + F.pad(x.narrow(axis, step, rest), (*inner, 0, step))
            if step <= before:
                total = total + F.pad(x.narrow(axis, 0, rest), (*inner, step, 0))
    else:
        total = x.clone()
        for step in steps:
            rest = length - step
            if step <= after:
                total.narrow(axis, 0, rest).add_(x.narrow(axis, step, rest))
            if step <= before:
                total.narrow(axis, step, rest).add_(x.narrow(axis, 0, rest))
    return total


def _sum_window(x: Tensor, before: int, after: int, columns: int) -> Tensor:
    """Sums over near maps of the same column, or where `columns` is 0 over a square of the same map: N,C,... both."""
    if not columns:
        return _sum_near(_sum_near(x, 2, before, after), 3, before, after)
    return _sum_near(x.unflatten(1, (columns, -1)), 2, before, after).flatten(1, 2)  # N,columns,C/columns,...


def _minus_power(x: Tensor, beta: float) -> Tensor:
    """x^-beta; the paper's 3/4 by roots, which take a fifth of the time of a power."""
    if beta != 0.75:
        return x.pow(-beta)
    root = x.rsqrt()
    return root * root.sqrt()


def _wide(x: Tensor) -> Tensor:
    """At least float32: squares of bfloat16 added up in bfloat16 would lose the small ones."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


class _Normalize(torch.autograd.Function):
    """x (k + alpha sum x^2)^-beta. Keeps x alone and computes the rest again; backward can itself be differentiated.

    By the kernel in kernels/normalization.c where that knows the case; else, and compiled, by torch's operations.
    """

    @staticmethod
    def forward(  # pyrefly: ignore[bad-override]
        ctx: Any, x: Tensor, before: int, after: int, columns: int, k: float, alpha: float, beta: float
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.arguments = before, after, columns, k, alpha, beta
        if not torch.compiler.is_compiling() and normalization.knows(x, columns, beta):
            return normalization.normalize(x, None, before, after, columns, k, alpha, beta)
        wide = _wide(x)
        scale = _sum_window(wide * wide, before, after, columns).mul_(alpha).add_(k)
        return _minus_power(scale, beta).mul_(wide).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        before, after, columns, k, alpha, beta = ctx.arguments
        # Grad mode is on where this gradient is to be differentiated again, which only torch's operations can be.
        if not (torch.compiler.is_compiling() or torch.is_grad_enabled()) and normalization.knows(x, columns, beta):
            given = normalization.normalize(x, grads[0], before, after, columns, k, alpha, beta)
            return (given, *(None,) * 6)
        wide = _wide(x)
        scale = _sum_window(wide * wide, before, after, columns).mul_(alpha).add_(k)
        direct = _minus_power(scale, beta).mul_(grads[0])
        # x_j is in the windows of the maps `after` before it to `before` after it: the window turned around.
        through = _sum_window((direct * wide).div_(scale), after, before, columns).mul_(wide)
        return (torch.sub(direct, through, alpha=2 * alpha * beta).to(x.dtype), *(None,) * 6)


class _Normalization(nn.Module):
    """What both normalizations have in common: their constants, checked."""

    def __init__(self, size: int, alpha: float, beta: float, k: float, divide: bool) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"a normalization window has one term or more, not {size}")
        if not (k > 0 and alpha >= 0):
            raise ValueError(
                "normalization divides by a power of k + alpha * sum, so k must be above 0 and alpha not below it; "
                f"k is {k}, alpha {alpha}"
            )
        self.size, self.alpha, self.beta, self.k, self.divide = size, alpha, beta, k, divide

    def extra_repr(self) -> str:
        return f"size={self.size}, alpha={self.alpha:g}, beta={self.beta:g}, k={self.k:g}, divide={self.divide}"


class ResponseNormalization(_Normalization):
    """Local response normalization across maps (section 3.3): x_i (k + alpha * sum of x_j^2 over near maps)^-beta.

    `size` maps around each are summed, fewer at the edges of its column (`columns` equal parts of the maps: the 2012
    network's columns do not see each other here); an even window has one more map before than after. `divide` divides
    alpha by `size`, edges included, as the 2012 program (`cmrnorm`), Caffe and torch do and the paper's formula does
    not. Without arguments it is the paper's. Input and output are N,C,... of any floating type; squares are summed in
    float32 or wider. Raises ValueError for impossible constants, and in forward where C is no multiple of `columns`.
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        divide: bool = False,
        columns: int = 1,
    ) -> None:
        super().__init__(size, alpha, beta, k, divide)
        if columns < 1:
            raise ValueError(f"response normalization has one column or more, not {columns}")
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] % self.columns:
            raise ValueError(
                f"response normalization in {self.columns} columns needs N,C,... with C a multiple of {self.columns}, "
                f"not {tuple(x.shape)}"
            )
        alpha = self.alpha / self.size if self.divide else self.alpha
        out: Tensor = _Normalize.apply(x, *_halves(self.size), self.columns, self.k, alpha, self.beta)
        return out

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, columns={self.columns}"


class WithinMapNormalization(_Normalization):
    """Normalization over a square of `size` x `size` pixels of the same map, with zeros beyond the edges.

    The 2012 program's `rnorm`, which the paper does not mention: x (k + alpha * sum of x^2 in the square)^-beta.
    `divide` divides alpha by size^2, edges included. Input and output N,C,H,W of any floating type.
    """

    def __init__(self, size: int, alpha: float, beta: float = 0.75, k: float = 1.0, divide: bool = True) -> None:
        super().__init__(size, alpha, beta, k, divide)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4:
            raise ValueError(f"normalization within maps needs N,C,H,W, not {tuple(x.shape)}")
        alpha = self.alpha / self.size**2 if self.divide else self.alpha
        out: Tensor = _Normalize.apply(x, *_halves(self.size), 0, self.k, alpha, self.beta)
        return out


class Dropout(nn.Module):
    """Silences each unit of a picture with probability `rate` in training (section 4.2).

    mode "paper": no other change in training; at test time every output is multiplied by 1 - rate (the 2012 program's
    `hs` layers). mode "inverted": outputs are divided by 1 - rate in training and untouched at test time (torch).
    The mask of a picture is a function of its key (draws.py), this layer's `name` and the unit, so that it does
    not depend on the batch, the device or the process it is computed in.
    """

    def __init__(self, rate: float = 0.5, mode: str = "paper", name: str = "") -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"dropout silences a share of units from 0 to below 1, not {rate}")
        if mode not in ("paper", "inverted"):
            raise ValueError(f"dropout's mode is 'paper' or 'inverted', not {mode!r}")
        self.rate, self.mode, self.name = rate, mode, name
        self.stream = draws.word(f"dropout:{name}")

    def forward(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """x: N,... to the same; keys: int64 (N,), drawn from torch's global generator where not given (training)."""
        keep = 1.0 - self.rate
        if not self.training:
            return x * keep if self.mode == "paper" else x
        if keys is None:
            keys = draw_keys(x)
        mask = draws.uniform(keys, self.stream, x[0].numel()).view_as(x) < keep
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
