"""What does normalization by near responses compute? Across maps (section 3.3), or within one as the 2012 program can.

Both divide x by (k + alpha * sum of x^2)^beta; the sums are over near maps of the same column, or over a square of the
same map. Kernels do it in one pass over memory where they know the case; torch's operations give the same otherwise.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.kernels import gpu, normalization, within


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


def _by_kernel(x: Tensor, grad: Tensor | None, arguments: tuple[Any, ...]) -> Tensor | None:
    """The output, or with `grad` the gradient, where a kernel of the kernels room knows the case."""
    before, after, columns, k, alpha, beta = arguments
    traced = torch.compiler.is_compiling()
    if gpu.knows_compiled(x) and columns > 0 if traced else normalization.knows(x, columns, beta):
        return normalization.normalize(x, grad, before, after, columns, k, alpha, beta)
    if not (traced or columns) and within.knows(x, beta):
        return within.normalize(x, grad, before, after, k, alpha, beta)
    return None


class _Normalize(torch.autograd.Function):
    """x (k + alpha sum x^2)^-beta. Keeps x alone and computes the rest again; backward can itself be differentiated.

    By a kernel of the kernels room where one knows the case; else, and as a rule compiled, by torch's operations.
    """

    @staticmethod
    def forward(  # pyrefly: ignore[bad-override]
        ctx: Any, x: Tensor, before: int, after: int, columns: int, k: float, alpha: float, beta: float
    ) -> Tensor:
        ctx.save_for_backward(x)
        ctx.arguments = before, after, columns, k, alpha, beta
        found = _by_kernel(x, None, ctx.arguments)
        if found is not None:
            return found
        wide = _wide(x)
        scale = _sum_window(wide * wide, before, after, columns).mul_(alpha).add_(k)
        return _minus_power(scale, beta).mul_(wide).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (x,) = ctx.saved_tensors
        before, after, columns, k, alpha, beta = ctx.arguments
        # Grad mode is on where this gradient is to be differentiated again, which only torch's operations can be.
        if torch.compiler.is_compiling() or not torch.is_grad_enabled():
            found = _by_kernel(x, grads[0], ctx.arguments)
            if found is not None:
                return (found, *(None,) * 6)
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
