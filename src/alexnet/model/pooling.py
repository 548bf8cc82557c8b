"""What does maximum pooling compute? What torch computes, by a kernel of one pass over memory where that knows it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.kernels import pooling


class _Pool(torch.autograd.Function):
    """The largest of each window. Keeps where it lies in 8 bits; backward can itself be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: int, stride: int, pad: int, rows: int, columns: int) -> Tensor:  # pyrefly: ignore[bad-override]
        out, place = pooling.pool(x, kernel, stride, pad, rows, columns)
        ctx.save_for_backward(place)
        ctx.arguments = x.shape[2], x.shape[3], kernel, stride, pad
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (place,) = ctx.saved_tensors
        rows, columns, kernel, stride, pad = ctx.arguments
        if not torch.is_grad_enabled():
            return (pooling.gather(grads[0], place, rows, columns, kernel, stride, pad), *(None,) * 5)
        # This gradient is to be differentiated again, which only torch's operations can be.
        images, maps = place.shape[:2]
        down = torch.arange(place.shape[2]).view(-1, 1) * stride - pad + place.long() // kernel
        across = torch.arange(place.shape[3]) * stride - pad + place.long() % kernel
        spread = grads[0].new_zeros((images, maps, rows * columns))
        spread = spread.scatter_add(2, (down * columns + across).flatten(2), grads[0].flatten(2))
        return (spread.view(images, maps, rows, columns), *(None,) * 5)


class MaxPool2d(nn.MaxPool2d):
    """Maximum pooling of square windows (section 3.4), N,C,H,W to N,C,H',W'; numbers and arguments are torch's."""

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride, pad = self.kernel_size, self.stride, self.padding
        if torch.compiler.is_compiling() or not pooling.knows(input, kernel):  # type: ignore[arg-type]
            return super().forward(input)
        meta = torch.empty((1, 1, *input.shape[2:]), device="meta")
        rows, columns = F.max_pool2d(meta, kernel, stride, pad, ceil_mode=self.ceil_mode).shape[2:]
        out: Tensor = _Pool.apply(input, kernel, stride, pad, rows, columns)
        return out
