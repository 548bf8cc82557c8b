"""How is response normalization computed in one pass over memory? The C kernel beside, for what it knows."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from alexnet.kernels import gpu
from alexnet.kernels.build import library
from alexnet.kernels.reading import maps_together, readable, threads_for


class _Task(ctypes.Structure):
    """As in normalization.c."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("images", "maps", "pixels", "columns")),
        ("before", ctypes.c_int),
        ("after", ctypes.c_int),
        *((name, ctypes.c_float) for name in ("k", "alpha", "beta")),
    )


def knows(x: Tensor, columns: int, beta: float) -> bool:
    """Whether a kernel computes this: across maps (`columns` > 0); on the CPU float32 or bfloat16, and beta 3/4."""
    if x.is_cuda:
        return columns > 0 and gpu.knows(x)
    return columns > 0 and beta == 0.75 and readable(x, "normalization")


def normalize(
    x: Tensor, grad: Tensor | None, before: int, after: int, columns: int, k: float, alpha: float, beta: float
) -> Tensor:
    """x_i (k + alpha * sum of x_j^2)^-beta over maps i - before ... i + after of its column; with `grad` its gradient.

    x, grad: N,C,... of one type that `knows` accepts, contiguous or channels-last (others are copied). The output has
    x's layout. Raises MemoryError where a tile's memory is not to be had.
    """
    if x.is_cuda:
        from alexnet.kernels import triton_normalization

        return triton_normalization.normalize(x, grad, before, after, columns, k, alpha, beta)
    last = maps_together(x) and not x.is_contiguous()
    layout = torch.channels_last if last else torch.contiguous_format
    x = x.contiguous(memory_format=layout)
    if grad is not None:
        grad = grad.to(x.dtype).contiguous(memory_format=layout)
    out = torch.empty_like(x)
    task = _Task(
        x=x.data_ptr(),
        grad=None if grad is None else grad.data_ptr(),
        out=out.data_ptr(),
        images=x.shape[0],
        maps=x.shape[1],
        pixels=x[0, 0].numel(),
        columns=columns,
        before=min(before, x.shape[1]),
        after=min(after, x.shape[1]),
        k=k,
        alpha=alpha,
        beta=beta,
    )
    kernels = library("normalization")
    assert kernels is not None, "asked for without `knows`"
    half = int(x.dtype == torch.bfloat16)
    if kernels.normalize(ctypes.byref(task), half, int(last), threads_for(x)):
        raise MemoryError("there is no memory for the tiles of response normalization")
    return out
