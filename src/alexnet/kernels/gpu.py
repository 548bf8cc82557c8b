"""May Triton's kernels compute a tensor? Those on a GPU, where torch brought Triton, and kernels are not turned off."""

from __future__ import annotations

import importlib.util

from torch import Tensor

from alexnet.kernels.build import wanted

#: Whether a compiled network too calls the kernel, instead of fusing torch's operations with those around them.
IN_COMPILED = False
#: Whether torch brought Triton, as its builds for GPUs do.
TRITON = importlib.util.find_spec("triton") is not None


def knows(x: Tensor) -> bool:
    """Whether the kernels of triton_*.py may be imported for this tensor."""
    return TRITON and x.is_cuda and x.numel() > 0 and wanted()


def knows_compiled(x: Tensor) -> bool:
    """`knows` while torch's compiler traces: of tensors that stand for others."""
    return IN_COMPILED and TRITON and x.is_cuda
