"""What does the network eat? From 8-bit pixels to centred floats; travels with the weights.

Section 2: nothing but the training set's mean is subtracted, on the 0-255 scale. The mean image is cropped once, at the
centre, and does not move with a picture's crop (convdata.py).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from alexnet.config import AugmentConfig, DataConfig
from alexnet.data.square import Fit
from alexnet.data.statistics import Statistics


class Preprocess(nn.Module):
    """Pictures (N, 3, crop, crop) on the 0-255 scale, any type -> centred float32 of the same shape.

    Attributes:
        size, fit: how a picture of any size becomes the stored square.
        crop: side of the network's input, pixels.
        mean: float32 (3, crop, crop) or (3, 1, 1); deviation: float32 (3, 1, 1).
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor, *, size: int, fit: Fit, crop: int) -> None:
        super().__init__()
        self.size: int = size
        self.fit: Fit = fit
        self.crop: int = crop
        self.register_buffer("mean", mean.float())
        self.register_buffer("deviation", deviation.float())

    @classmethod
    def fitted(cls, statistics: Statistics, data: DataConfig, augment: AugmentConfig) -> Preprocess:
        """The one that a config asks for, from the training set's statistics."""
        border = (data.size - augment.crop) // 2
        if data.centre == "mean-image" and border >= 0:
            inner = slice(border, border + augment.crop)
            mean = np.ascontiguousarray(statistics.mean_image[:, inner, inner])
        else:
            mean = np.asarray(statistics.channel_mean).reshape(3, 1, 1)
        raw = data.scale == "raw"
        deviation = np.ones(3) if raw else np.maximum(np.asarray(statistics.channel_deviation), 1e-3)
        return cls(
            torch.as_tensor(mean),
            torch.as_tensor(deviation).reshape(3, 1, 1),
            size=data.size,
            fit=data.fit,
            crop=augment.crop,
        )

    def forward(self, images: Tensor, shift: Tensor | None = None, shrink: float = 1.0) -> Tensor:
        """Centred pictures; `shift` (N, 3) grey levels are added and the sum divided by `shrink` (training only)."""
        centred = images.to(self.mean.dtype) - self.mean  # N,3,crop,crop
        if shift is not None:
            centred = (centred + shift[:, :, None, None].to(centred.dtype)) / shrink
        return centred / self.deviation
