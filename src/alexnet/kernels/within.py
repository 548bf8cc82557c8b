"""How is normalization within a map computed in one pass over memory? The C kernel beside, for what it knows."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from alexnet.kernels.build import library
from alexnet.kernels.reading import maps_together, readable, threads_for


class _Task(ctypes.Structure):
    """As in within.c."""

    _fields_ = (
        ("x", ctypes.c_void_p),
        ("grad", ctypes.c_void_p),
        ("out", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("images", "rows", "columns", "maps")),
        ("before", ctypes.c_int),
        ("after", ctypes.c_int),
        *((name, ctypes.c_float) for name in ("k", "alpha", "beta")),
    )


def knows(x: Tensor, beta: float) -> bool:
    """Whether the kernel computes this: N,C,H,W channels-last, float32 or bfloat16, on the CPU, beta 3/4."""
    return maps_together(x) and beta == 0.75 and readable(x, "within")


def normalize(x: Tensor, grad: Tensor | None, before: int, after: int, k: float, alpha: float, beta: float) -> Tensor:
    """x (k + alpha * sum of x^2)^-beta over squares of the same map, N,C,H,W; with `grad` its gradient.

    Raises MemoryError where the memory of an image's gradients is not to be had.
    """
    if grad is not None:
        grad = grad.to(x.dtype).contiguous(memory_format=torch.channels_last)
    out = torch.empty_like(x, memory_format=torch.channels_last)
    images, maps, rows, columns = x.shape
    task = _Task(
        x=x.data_ptr(),
        grad=None if grad is None else grad.data_ptr(),
        out=out.data_ptr(),
        images=images,
        rows=rows,
        columns=columns,
        maps=maps,
        before=before,
        after=after,
        k=k,
        alpha=alpha,
        beta=beta,
    )
    kernels = library("within")
    assert kernels is not None, "asked for without `knows`"
    if kernels.normalize(ctypes.byref(task), int(x.dtype == torch.bfloat16), threads_for(x)):
        raise MemoryError("there is no memory for the gradients of normalization within maps")
    return out
