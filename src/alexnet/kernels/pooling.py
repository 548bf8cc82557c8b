"""How is maximum pooling computed in one pass over memory? The C kernel beside, for what it knows."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from alexnet.kernels.build import library
from alexnet.kernels.reading import maps_together, readable, threads_for


class _Task(ctypes.Structure):
    """As in pooling.c."""

    _fields_ = (
        ("source", ctypes.c_void_p),
        ("target", ctypes.c_void_p),
        ("place", ctypes.c_void_p),
        *((name, ctypes.c_long) for name in ("images", "rows", "columns", "out_rows", "out_columns", "maps")),
        *((name, ctypes.c_int) for name in ("kernel", "stride", "pad")),
    )


def knows(x: Tensor, kernel: int) -> bool:
    """Whether the kernel computes this: N,C,H,W channels-last, float32 or bfloat16, on the CPU."""
    return maps_together(x) and kernel <= 15 and readable(x, "pooling")


def pool(x: Tensor, kernel: int, stride: int, pad: int, rows: int, columns: int) -> tuple[Tensor, Tensor]:
    """The maxima, N,C,rows,columns, and where in its window each lies (row * kernel + column), uint8."""
    out = _empty(x, rows, columns)
    place = torch.empty_like(out, dtype=torch.uint8)
    _call("pool", x, out, place, x, out, kernel, stride, pad)
    return out, place


def gather(grad: Tensor, place: Tensor, rows: int, columns: int, kernel: int, stride: int, pad: int) -> Tensor:
    """The gradient of the input, N,C,rows,columns, from that of the output."""
    grad = grad.contiguous(memory_format=torch.channels_last)
    out = _empty(grad, rows, columns)
    _call("gather", grad, out, place, out, grad, kernel, stride, pad)
    return out


def _empty(like: Tensor, rows: int, columns: int) -> Tensor:
    return torch.empty(
        (*like.shape[:2], rows, columns), dtype=like.dtype, device=like.device, memory_format=torch.channels_last
    )


def _call(name: str, source: Tensor, target: Tensor, place: Tensor, wide: Tensor, narrow: Tensor, *shape: int) -> None:
    kernels = library("pooling")
    assert kernels is not None, "asked for without `knows`"
    (images, maps, rows, columns), (out_rows, out_columns) = wide.shape, narrow.shape[2:]
    task = _Task(
        source=source.data_ptr(),
        target=target.data_ptr(),
        place=place.data_ptr(),
        images=images,
        rows=rows,
        columns=columns,
        out_rows=out_rows,
        out_columns=out_columns,
        maps=maps,
        kernel=shape[0],
        stride=shape[1],
        pad=shape[2],
    )
    getattr(kernels, name)(ctypes.byref(task), int(wide.dtype == torch.bfloat16), threads_for(wide))
