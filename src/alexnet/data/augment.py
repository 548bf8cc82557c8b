"""What happens to a batch of training pictures at random? Section 4.1, batched, on the batch's own device.

Random crops, mirror images, and colour PCA in both conventions; between the two what `modern.py` adds.
Each draw belongs to the picture (`draws.py`), so a picture's crop does not depend on which batch it is in.
"""

from __future__ import annotations

import functools

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from alexnet import draws
from alexnet.config import AugmentConfig
from alexnet.data.modern import jitter
from alexnet.data.randaugment import randaugment
from alexnet.data.statistics import Statistics


def offsets(keys: Tensor, stored: int, config: AugmentConfig) -> Tensor:
    """Top and left corner of every picture's crop: int64 (N, 2), uniform over stored + 2 pad - crop + 1 places.

    With 256 and 224 there are 33 places an axis, as in convdata.py; the paper's text counts 32. Without `shift` it is
    the central place, as in testing.
    """
    if not config.shift:
        return torch.full((len(keys), 2), (stored + 2 * config.pad - config.crop) // 2, device=keys.device)
    return draws.integers(keys, "crop", 2, stored + 2 * config.pad - config.crop + 1)


def flips(keys: Tensor) -> Tensor:
    """Which pictures are mirrored: bool (N,), each with probability one half."""
    return draws.integers(keys, "flip", 1, 2)[:, 0].bool()


def mirror_pad(images: Tensor, pad: int) -> Tensor:
    """Pictures (N,C,H,W) of any type with `pad` mirrored pixels on every side (the edge itself is not repeated)."""
    if pad == 0:
        return images
    side = torch.arange(-pad, images.shape[2] + pad, device=images.device).abs()
    side = (images.shape[2] - 1) - ((images.shape[2] - 1) - side).abs()
    return images.index_select(2, side).index_select(3, side)


def crop(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """The square of `side` pixels at each picture's own corner: (N,C,H,W), (N,2) -> (N,C,side,side)."""
    count, channels, height, width = images.shape
    pieces = images.reshape(-1).unfold(0, side, 1)  # every run of `side` pixels, a view
    planes = torch.arange(count * channels, device=images.device).view(count, channels, 1)
    rows = corners[:, 0, None] + torch.arange(side, device=images.device)  # N,side
    starts = (planes * height + rows[:, None, :]) * width + corners[:, 1, None, None]  # N,C,side
    return pieces.index_select(0, starts.reshape(-1)).view(count, channels, side, side)


def zoom_windows(keys: Tensor, stored: int, config: AugmentConfig) -> Tensor:
    """Random windows for `zoom`: top, left, height, width in pixels of the stored square, float32 (N, 4).

    Area uniform in [zoom, 1] of the stored square, the ratio of the sides log-uniform up to `stretch` either way. As
    torchvision's RandomResizedCrop, but for three things: a side that would be longer than the square is cut to it,
    where torchvision draws again up to ten times; windows are not rounded to whole pixels; and `resample` does not
    average where it shrinks (antialias), which it does by at most the ratio of the stored square to the crop.
    """
    draw = draws.uniform(keys, "zoom", 4)
    area = config.zoom + (1 - config.zoom) * draw[:, 0]
    ratio = config.stretch ** (2 * draw[:, 1] - 1)
    height = (area / ratio).sqrt().clamp(max=1) * stored
    width = (area * ratio).sqrt().clamp(max=1) * stored
    return torch.stack(((stored - height) * draw[:, 2], (stored - width) * draw[:, 3], height, width), 1)


def resample(images: Tensor, windows: Tensor, side: int) -> Tensor:
    """Each picture's window scaled to side x side: float32 (N,C,side,side), bilinear over the stored pixels."""
    stored = images.shape[2]
    step = (torch.arange(side, device=images.device) + 0.5) / side
    rows = (windows[:, 0, None] + windows[:, 2, None] * step) * 2 / stored - 1  # N,side
    columns = (windows[:, 1, None] + windows[:, 3, None] * step) * 2 / stored - 1
    grid = torch.stack((columns[:, None, :].expand(-1, side, -1), rows[:, :, None].expand(-1, -1, side)), -1)
    return functional.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)


def colour_shift(keys: Tensor, statistics: Statistics, convention: str, sigma: float) -> Tensor:
    """What is added to all pixels of a picture: float32 (N, 3) on the 0-255 scale.

    paper   sum of p_i a_i l_i with eigenvalues l of pixels scaled to [0, 1] (section 4.1): a*l has pixels' units only
            up to a choice of scale, and 0-255 would shift by thousands of levels;
    source  sum of p_i a_i sqrt(l_i), standard deviations, as convdata.py names and uses them; free of scale.
    """
    values, vectors = (np.asarray(part, np.float64) for part in (statistics.eigenvalues, statistics.eigenvectors))
    spread = values / 255 if convention == "paper" else np.sqrt(np.maximum(values, 0))  # grey levels
    # Summed term by term: a matrix product's order of adding depends on the processor.
    basis = _colour_basis(tuple((vectors * (sigma * spread)).ravel().tolist()), keys.device)  # channel,component
    draw = draws.normal(keys, "colour", 3)[:, None, :] * basis  # N,channel,component
    return draw[..., 0] + draw[..., 1] + draw[..., 2]


@functools.lru_cache(maxsize=8)
def _colour_basis(entries: tuple[float, ...], device: torch.device) -> Tensor:
    """Nine numbers as a float32 (3, 3) on a device: kept, for copying them there in every step would make it wait."""
    return torch.tensor(entries, dtype=torch.float64).float().view(3, 3).to(device)


def colour_noise(config: AugmentConfig, epoch: int) -> bool:
    """Whether colours are shifted in this epoch (counted from 1)."""
    return config.colour != "none" and not (config.colour_off_epoch and epoch >= config.colour_off_epoch)


def augment(
    images: Tensor, keys: Tensor, shared: Tensor, statistics: Statistics, config: AugmentConfig, epoch: int
) -> tuple[Tensor, Tensor | None]:
    """Crops and colours of one batch: cut or zoomed, mirrored, RandAugment, jittered; and the shift of colour PCA.

    Args:
        images: uint8 (N, 3, S, S), stored squares.
        keys: int64 (N,), a key a picture and epoch.
        shared: int64 (N,), the keys that decide crop and flip: `keys`, or one for `config.share` pictures in a row.
        statistics: the training set's, for the colour basis.
        epoch: counted from 1; colour noise may end at one.

    Returns:
        Pictures (N, 3, crop, crop) on the 0-255 scale, uint8 or, when zoomed or
        jittered, float32, and the shift (N, 3) in grey levels, or None.
    """
    stored = images.shape[2]
    if config.zoom < 1:
        cut = resample(images, zoom_windows(shared, stored, config), config.crop)
    else:
        cut = crop(mirror_pad(images, config.pad), offsets(shared, stored, config), config.crop)
    if config.flip:
        cut = torch.where(flips(shared)[:, None, None, None], cut.flip(3), cut)
    cut = randaugment(cut, keys, config.randaugment, config.randaugment_magnitude)
    cut = jitter(cut, keys, config.jitter, config.hue)
    if not colour_noise(config, epoch):
        return cut, None
    return cut, colour_shift(keys, statistics, config.colour, config.colour_sigma)
