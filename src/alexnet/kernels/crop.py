"""How does a stored square become what the network eats in one pass over memory? The C kernel beside."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from alexnet.kernels.build import library, wanted


def knows(images: Tensor, mean: Tensor) -> bool:
    """Whether the kernel cuts these: dense 8-bit pictures on the CPU, centred in float32."""
    return (
        images.device.type == mean.device.type == "cpu"
        and images.dtype == torch.uint8
        and mean.dtype == torch.float32
        and images.is_contiguous()
        and wanted()
        and library("crop") is not None
    )


def centred(
    images: Tensor,
    corners: Tensor,
    mirrored: Tensor | None,
    mean: Tensor,
    shift: Tensor | None,
    shrink: float,
    deviation: Tensor | None,
    side: int,
) -> Tensor:
    """Crops of `side` pixels of pictures that `knows` accepts: float32 (N,3,side,side), channels-last.

    Args:
        images: uint8 (N, 3, H, W).
        corners: int64 (N, 2), top and left; the crops lie inside.
        mirrored: bool (N,); None mirrors none.
        mean: float32 (3, side, side) or (3, 1, 1), subtracted.
        shift: float32 (N, 3), added before the sum is divided by `shrink`; None does neither.
        deviation: float32 (3, 1, 1), divides; None does not.
    """
    kernels = library("crop")
    assert kernels is not None, "asked for without `knows`"
    count, _, height, width = images.shape
    assert not count or (int(corners.min()) >= 0 and int(corners.max()) <= min(height, width) - side)
    out = torch.empty((count, 3, side, side), memory_format=torch.channels_last)
    rows = mean.expand(3, side, side).permute(1, 2, 0).contiguous()  # side,side,3
    parts = (
        images,
        corners.contiguous(),
        None if mirrored is None else mirrored.contiguous(),
        rows,
        None if shift is None else shift.float().contiguous(),
    )
    kernels.centred(
        *(_address(part) for part in parts),
        ctypes.c_float(shrink),
        _address(None if deviation is None else deviation.contiguous()),
        _address(out),
        *(ctypes.c_long(value) for value in (count, height, width, side)),
        torch.get_num_threads(),
    )
    return out


def _address(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())
