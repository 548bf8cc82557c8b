"""How is response normalization called on a GPU? Forward and backward as operators over Triton's kernels.

    y_i  = x_i s_i^-beta                                                s_i = k + alpha sum x_j^2
    dx_i = g_i s_i^-beta - 2 alpha beta x_i sum g_j x_j s_j^(-beta-1)   over the maps j in whose window i is

Storage of any floating type, arithmetic in float32 (float64 of float64). `triton_by_eight.py` reads and writes once; a
column of maps that is no multiple of eight, or a window that reaches over more than eight neighbours together, takes
the kernels of this file, a map a place, which read the neighbours from the cache.

Importing this file needs Triton, which torch's builds for GPUs bring: import it where a tensor lies on one. With
TRITON_INTERPRET=1 before that import the same kernels compute CPU tensors, slowly, for tests.
"""

# What a kernel is compiled with has capital letters, and its blocks have no types.
# pyrefly: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor, library

from alexnet.kernels.triton_by_eight import _power, backward_by_eight, forward_by_eight

#: Places or groups a program: of eight maps where maps come last, of eight maps otherwise, and of one map.
_LAST, _FIRST, _ONE = 128, 256, 1024
_KINDS = {torch.float64: tl.float64}


@triton.jit
def _forward_by_one(
    x, y, numel, step, columns, per_column,
    K: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
    KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    here = place < numel
    own = place // step % (columns * per_column) % per_column
    total = tl.zeros((BLOCK,), KIND)
    for near in range(-BEFORE, AFTER + 1):
        inside = here & (own + near >= 0) & (own + near < per_column)
        value = tl.load(x + place + near * step, mask=inside, other=0.0).to(KIND)
        total += value * value
    power, _ = _power(K + ALPHA * total, BETA)
    value = tl.load(x + place, mask=here, other=0.0).to(KIND) * power
    tl.store(y + place, value.to(y.dtype.element_ty), mask=here)


@triton.jit
def _backward_by_one(
    x, g, dx, numel, step, columns, per_column,
    K: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
    KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    here = place < numel
    own = place // step % (columns * per_column) % per_column
    direct, through = tl.zeros((BLOCK,), KIND), tl.zeros((BLOCK,), KIND)
    for at in range(-AFTER, BEFORE + 1):  # the maps in whose window the own one is
        there = here & (own + at >= 0) & (own + at < per_column)
        total = tl.zeros((BLOCK,), KIND)
        for near in range(at - BEFORE, at + AFTER + 1):
            inside = there & (own + near >= 0) & (own + near < per_column)
            value = tl.load(x + place + near * step, mask=inside, other=0.0).to(KIND)
            total += value * value
        power, inverse = _power(K + ALPHA * total, BETA)
        one = tl.load(g + place + at * step, mask=there, other=0.0).to(KIND) * power
        through += one * inverse * tl.load(x + place + at * step, mask=there, other=0.0).to(KIND)
        direct += tl.where(at == 0, one, 0.0)
    value = tl.load(x + place, mask=here, other=0.0).to(KIND)
    value = direct - 2 * ALPHA * BETA * value * through
    tl.store(dx + place, value.to(dx.dtype.element_ty), mask=here)


def _dense(x: Tensor) -> tuple[Tensor, bool]:
    """x without gaps, and whether its maps come last in memory."""
    if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return x, True
    x = x.contiguous()
    return x, x[0, 0].numel() == 1 if x.numel() else False


def _launch(
    kernels: tuple[Any, Any],
    tensors: list[Tensor],
    last: bool,
    before: int,
    after: int,
    columns: int,
    *constants: float,
) -> None:
    """Run a kernel, by eight maps or by one, over tensors of one shape and layout of which the last is the result."""
    x = tensors[0]
    pictures, maps = x.shape[:2]
    inner = x[0, 0].numel()
    assert columns >= 1
    assert maps % columns == 0
    kind = _KINDS.get(x.dtype, tl.float32)
    by_eight, by_one = kernels
    with torch.cuda.device_of(x):
        if maps // columns % 8 or before + after > 8:
            grid: tuple[int, ...] = (triton.cdiv(x.numel(), _ONE),)
            step = 1 if last else inner
            by_one[grid](
                *tensors, x.numel(), step, columns, maps // columns, *constants, before, after, KIND=kind, BLOCK=_ONE
            )
            return
        groups, column = maps // 8, maps // columns // 8
        rows = pictures * inner
        block = _LAST if last else _FIRST
        grid = (
            (triton.cdiv(rows * groups, block),)
            if last
            else (pictures * triton.cdiv(inner, 64), triton.cdiv(groups, block // 64))
        )
        by_eight[grid](
            *tensors, rows, maps, 1 if last else inner, *constants, before, after,
            GROUPS=groups, COLUMN=column, LAST=last, KIND=kind, BLOCK=block, num_warps=4,
        )  # fmt: skip


@library.custom_op("alexnet::normalize", mutates_args=())
def forward(x: Tensor, before: int, after: int, columns: int, k: float, alpha: float, beta: float) -> Tensor:
    """x (k + alpha * sum of the squares of near maps)^-beta of x N,C,... on a GPU, of x's type and layout.

    before, after: maps before and after each one that are summed; columns: equal parts of the maps, which do not see
    each other, 1 or more.
    """
    x, last = _dense(x)
    y = torch.empty_like(x)
    if x.numel():
        _launch((forward_by_eight, _forward_by_one), [x, y], last, before, after, columns, k, alpha, beta)
    return y


@library.custom_op("alexnet::normalize_backward", mutates_args=())
def backward(
    x: Tensor, grad: Tensor, before: int, after: int, columns: int, k: float, alpha: float, beta: float
) -> Tensor:
    """The gradient by x from that by `forward`'s result: x is all it needs of the forward pass."""
    x, last = _dense(x)
    grad = grad.to(x.dtype)
    grad = grad.contiguous(memory_format=torch.channels_last) if last and x.ndim == 4 else grad.contiguous()
    dx = torch.empty_like(x)
    if x.numel():
        kernels = (backward_by_eight, _backward_by_one)
        _launch(kernels, [x, grad, dx], last, before, after, columns, k, alpha, beta)
    return dx


@forward.register_fake
def _(x: Tensor, *_: float) -> Tensor:
    return torch.empty_like(_dense(x)[0])


@backward.register_fake
def _(x: Tensor, *_: float) -> Tensor:
    return torch.empty_like(_dense(x)[0])


def normalize(
    x: Tensor, grad: Tensor | None, before: int, after: int, columns: int, k: float, alpha: float, beta: float
) -> Tensor:
    """`forward`, or with the gradient by its result `backward`: as `normalization.normalize` for tensors on a CPU."""
    if grad is None:
        return forward(x, before, after, columns, k, alpha, beta)
    return backward(x, grad, before, after, columns, k, alpha, beta)
