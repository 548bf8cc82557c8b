"""How is section 5's update computed in one pass over memory? The C kernel beside, for what it knows."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from alexnet.kernels import gpu
from alexnet.kernels.build import library
from alexnet.kernels.reading import maps_together, readable, threads_for


def knows(weight: Tensor, velocity: Tensor, grad: Tensor) -> bool:
    """Whether a kernel updates this: float32 in one place, all three dense and laid out alike."""
    return (
        all(each.device == weight.device and each.dtype == torch.float32 for each in (weight, velocity, grad))
        and weight.stride() == velocity.stride() == grad.stride()
        and (weight.is_contiguous() or maps_together(weight))
        and (gpu.knows(weight) if weight.is_cuda else readable(weight, "velocity"))
    )


def update(weight: Tensor, velocity: Tensor, grad: Tensor, momentum: float, decay: float, rate: float) -> None:
    """v <- momentum v - decay rate w - rate g; w <- w + v, in place, for tensors that `knows` accepts."""
    if weight.is_cuda:
        from alexnet.kernels import triton_velocity

        triton_velocity.update(weight, velocity, grad, momentum, decay, rate)
        return
    kernels = library("velocity")
    assert kernels is not None, "asked for without `knows`"
    kernels.update(
        *(ctypes.c_void_p(each.data_ptr()) for each in (weight, velocity, grad)),
        ctypes.c_long(weight.numel()),
        *(ctypes.c_float(each) for each in (momentum, decay * rate, rate)),
        threads_for(weight),
    )
