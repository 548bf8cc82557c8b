"""How are weights moved in one pass over a GPU's memory? Section 5's rule, reading and writing everything once.

    v <- momentum v - decay rate w - rate g;    w <- w + v

Five passes of four bytes a weight (w, v and g read, w and v written) where torch's own operations make eleven.
Importing this file needs Triton: import it where the weights lie on a GPU.
"""

# What a kernel is compiled with has capital letters, and its blocks have no types.
# pyrefly: ignore-errors
# ruff: noqa: N803

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 2048


@triton.jit
def _move(w, v, g, numel, momentum, decay_rate, rate, BLOCK: tl.constexpr):
    place = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    here = place < numel
    weight = tl.load(w + place, mask=here, other=0.0)
    velocity = tl.load(v + place, mask=here, other=0.0) * momentum - decay_rate * weight
    velocity -= rate * tl.load(g + place, mask=here, other=0.0).to(weight.dtype)
    tl.store(v + place, velocity, mask=here)
    tl.store(w + place, weight + velocity, mask=here)


def update(weight: Tensor, velocity: Tensor, grad: Tensor, momentum: float, decay: float, rate: float) -> None:
    """One update in place, as `velocity.update` for tensors on a CPU: float32, all three dense and laid out alike."""
    numel = weight.numel()
    with torch.cuda.device_of(weight):
        _move[(triton.cdiv(numel, _BLOCK),)](
            weight, velocity, grad, numel, momentum, decay * rate, rate, BLOCK=_BLOCK, num_warps=8
        )
