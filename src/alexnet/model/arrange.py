"""How else can a convolution be computed? The same sums in an order that suits a GPU's matrix units.

Those read maps in eights or more, and are slow at a first layer of three channels and at convolutions in columns:

    space_to_depth   a stride of s becomes 1: each square of s x s pixels becomes the s^2 values of one, so that three
                     channels at stride 4 are 48 at stride 1, and a kernel of 11 one of 3 (12 pixels, the last zeros)
    split            one convolution a column, side by side
    dense            one convolution over all maps, whose kernels are zero where a column does not see

Each equals torch's convolution up to rounding, and so do its gradients. Weights keep their shapes and names.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.config import TrainConfig


def space_to_depth(x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int, padding: int) -> Tensor:
    """conv2d of x N,C,H,W with weight O,C,K,K at a stride above 1, at stride 1."""
    kernel = weight.shape[2]
    reach = -(-kernel // stride)  # squares a kernel covers, a side
    ends: list[int] = []
    for side in (x.shape[3], x.shape[2]):  # F.pad counts from the last axis
        windows = (side + 2 * padding - kernel) // stride + 1
        ends += [padding, (windows - 1 + reach) * stride - side - padding]  # negative: pixels that no window reads
    squares = F.pixel_unshuffle(F.pad(x, ends), stride)  # N,C*s*s,H/s,W/s
    more = reach * stride - kernel
    blocks = F.pad(weight, (0, more, 0, more)).unflatten(3, (reach, stride)).unflatten(2, (reach, stride))
    blocks = blocks.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)  # O,C*s*s,reach,reach
    if x.is_contiguous(memory_format=torch.channels_last):
        squares = squares.contiguous(memory_format=torch.channels_last)
    return F.conv2d(squares, blocks, bias)


def split(x: Tensor, weight: Tensor, bias: Tensor | None, *, columns: int, **fields: int) -> Tensor:
    """conv2d with `columns` groups, a convolution for each."""
    biases = [None] * columns if bias is None else bias.chunk(columns)
    parts = zip(x.chunk(columns, 1), weight.chunk(columns), biases, strict=True)
    return torch.cat([F.conv2d(own, kernels, offset, **fields) for own, kernels, offset in parts], 1)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None, *, columns: int, **fields: int) -> Tensor:
    """conv2d with `columns` groups as one without, of `columns` times the work."""
    maps = weight.shape[1]
    wide = [
        F.pad(kernels, (0, 0, 0, 0, place * maps, (columns - 1 - place) * maps))
        for place, kernels in enumerate(weight.chunk(columns))
    ]
    return F.conv2d(x, torch.cat(wide), bias, **fields)


_GROUPED: dict[str, Callable[..., Tensor]] = {"split": split, "dense": dense}


def arrange(network: nn.Module, config: TrainConfig) -> None:
    """Let the convolutions of a network be computed as `train.space_to_depth` and `train.grouped` say."""
    for module in network.modules():
        if not isinstance(module, nn.Conv2d) or not isinstance(module.padding, tuple):
            continue
        stride, padding, dilation = module.stride[0], module.padding[0], module.dilation[0]
        way: Callable[..., Tensor] | None = None
        if module.groups > 1 and config.grouped != "plain":
            fields = {"stride": stride, "padding": padding, "dilation": dilation}
            way = partial(_GROUPED[config.grouped], columns=module.groups, **fields)
        elif config.space_to_depth and module.in_channels <= 4 and stride > 1 and module.groups == dilation == 1:
            way = partial(space_to_depth, stride=stride, padding=padding)
        if way is not None:
            # What torch's module calls with its weight and bias; so CeilConv2d's zeros come before it as ever.
            module._conv_forward = way  # type: ignore[method-assign]
