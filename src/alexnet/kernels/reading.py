"""Which tensors can a kernel in C read, and with how many threads? Plain memory of the CPU, float32 or bfloat16."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alexnet.kernels.build import library, wanted

#: Numbers below which one thread is as fast.
_FEW = 1 << 15


def readable(x: Tensor, kernel: str) -> bool:
    """Whether the kernel of that name is at hand and can read this tensor, whatever its layout."""
    return (
        type(x) in (Tensor, nn.Parameter)  # those that stand for others, in a trace, have no memory to read
        and x.device.type == "cpu"
        and x.dtype in (torch.float32, torch.bfloat16)
        and x.numel() > 0
        and wanted()
        and library(kernel) is not None
    )


def maps_together(x: Tensor) -> bool:
    """Whether the maps of a pixel lie together: N,C,H,W channels-last."""
    return x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)


def threads_for(x: Tensor) -> int:
    """Threads to work on a tensor with."""
    return torch.get_num_threads() if x.numel() > _FEW else 1
