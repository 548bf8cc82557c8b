"""How do stored squares become what the network eats, with few passes over memory? Augmented, centred, channels-last.

A picture of 224 pixels is 600 kB of floats: an operation on a whole batch reads and writes it from and to memory, and
takes fresh pages for it. So on the CPU pictures are cut, mirrored, centred and shifted a few at a time, within the
processor's cache, or by one kernel (kernels/crop.c). Both give the numbers of `augment` and `Preprocess`, bit for bit.
"""

from __future__ import annotations

import torch
from torch import Tensor

from alexnet.config import AugmentConfig
from alexnet.data.augment import augment, colour_noise, colour_shift, crop, flips, mirror_pad, offsets
from alexnet.data.modern import cutout
from alexnet.data.preprocess import Preprocess
from alexnet.data.statistics import Statistics
from alexnet.kernels import crop as kernel

#: Bytes of floats that are worked on at once: a part of a core's second cache.
PIECE = 1 << 20


def ready(
    images: Tensor,
    keys: Tensor,
    shared: Tensor,
    preprocess: Preprocess,
    statistics: Statistics,
    config: AugmentConfig,
    epoch: int,
) -> Tensor:
    """Training pictures as the network eats them: float32 (N, 3, crop, crop), channels-last.

    Args:
        images: uint8 (N, 3, S, S), stored squares.
        keys, shared: int64 (N,), as of `augment`.
        epoch: counted from 1.
    """
    noise = colour_noise(config, epoch)
    # convdata.py keeps the scale of the pixels so
    shrink = 1 + config.colour_sigma if noise and config.colour == "source" else 1.0
    if images.device.type != "cpu" or not _cuts_only(config):
        altered, shift = augment(images, keys, shared, statistics, config, epoch)
        whole = preprocess(altered, shift, shrink)
    else:
        shift = colour_shift(keys, statistics, config.colour, config.colour_sigma) if noise else None
        corners = offsets(shared, images.shape[2], config)
        mirrored = flips(shared) if config.flip else None
        whole = centred(mirror_pad(images, config.pad), corners, preprocess, mirrored, shift, shrink)
    return cutout(whole, keys, config.cutout).contiguous(memory_format=torch.channels_last)


def _cuts_only(config: AugmentConfig) -> bool:
    """Whether pictures are cut, mirrored and shifted, and nothing else is done to their pixels."""
    return config.zoom == 1 and not (config.jitter or config.hue or config.randaugment)


def centred(
    images: Tensor,
    corners: Tensor,
    preprocess: Preprocess,
    mirrored: Tensor | None = None,
    shift: Tensor | None = None,
    shrink: float = 1.0,
) -> Tensor:
    """`preprocess` of each picture's own crop, on the CPU: float (N, 3, crop, crop), channels-last.

    Args:
        images: uint8 (N, 3, H, W).
        corners: int64 (N, 2), top and left of the crops.
        mirrored: bool (N,); None mirrors none.
        shift, shrink: as of `Preprocess`.
    """
    side, mean = preprocess.crop, preprocess.mean
    deviation = None if bool((preprocess.deviation == 1).all()) else preprocess.deviation
    if kernel.knows(images, mean):
        return kernel.centred(images, corners, mirrored, mean, shift, shrink, deviation, side)
    out = torch.empty((len(images), 3, side, side), dtype=mean.dtype, memory_format=torch.channels_last)
    step = max(1, PIECE // (3 * side * side * mean.element_size()))
    for at in range(0, len(images), step):
        some = slice(at, at + step)
        cut = crop(images[some], corners[some], side)
        if mirrored is not None:
            cut = torch.where(mirrored[some, None, None, None], cut.flip(3), cut)
        pixels = cut.to(mean.dtype).sub_(mean)
        if shift is not None:
            pixels.add_(shift[some, :, None, None].to(mean.dtype)).div_(shrink)
        if deviation is not None:
            pixels.div_(deviation)
        out[some] = pixels
    return out
