"""What do later papers do to a training picture? Squares cut out, colours jittered; batched, a draw a picture.

None of this is in the paper of 2012; every option is off unless asked for (docs/augmentation.md).
"""

from __future__ import annotations

import torch
from torch import Tensor

from alexnet import draws


def holes(keys: Tensor, size: int, side: int) -> Tensor:
    """Which pixels of pictures of `size` pixels Cutout covers: bool (N, size, size), a square of `side` pixels each.

    Its centre is uniform over all pixels, so that the square may reach over the edge and cover less (DeVries & Taylor
    2017, section 3.2: better than squares that lie inside always). Pixel `side // 2` of the square is its centre.
    """
    corner = draws.integers(keys, "cutout", 2, size) - side // 2  # N,2
    place = torch.arange(size, device=keys.device)
    inside = (place >= corner[:, :, None]) & (place < corner[:, :, None] + side)  # N,2,size
    return inside[:, 0, :, None] & inside[:, 1, None, :]


def cutout(images: Tensor, keys: Tensor, side: int) -> Tensor:
    """Centred pictures (N,C,size,size) with a square each set to 0, the training set's mean; side 0 changes nothing."""
    if side == 0:
        return images
    return images.masked_fill(holes(keys, images.shape[2], side)[:, None], 0)


def jitter(images: Tensor, keys: Tensor, spread: float, hue: float) -> Tensor:
    """Brightness, contrast, saturation and hue changed by a factor or turn of each picture's own.

    Pictures (N,3,H,W) of any type on the 0-255 scale -> float32, not rounded; without jitter they are given back as
    they are. The operations are those of torchvision's ColorJitter, each cut off at 0 and 255; their order is always
    the one above, where torchvision draws one.

    Args:
        spread: each of the first three factors is uniform in 1 - spread ... 1 + spread; at most 1.
        hue: the turn of the hue is uniform in -hue ... hue, in turns; at most 0.5.
    """
    if not spread and not hue:
        return images
    draw = 2 * draws.uniform(keys, "jitter", 4) - 1  # N,4 in [-1, 1)
    if spread:
        factor = (1 + spread * draw[:, :3])[:, :, None, None, None]  # N,3,1,1,1
        images = (images.float() * factor[:, 0]).clamp(0, 255)
        mean = grey(images).mean((1, 2, 3), keepdim=True)  # N,1,1,1
        images = (mean + (images - mean) * factor[:, 1]).clamp(0, 255)
        own = grey(images)
        images = (own + (images - own) * factor[:, 2]).clamp(0, 255)
    return turn_hue(images, hue * draw[:, 3]) if hue else images


def grey(images: Tensor) -> Tensor:
    """What is seen of a picture without colour: (N,3,H,W) -> (N,1,H,W), with the weights of ITU-R BT.601."""
    red, green, blue = images.unbind(1)
    return (0.299 * red + 0.587 * green + 0.114 * blue)[:, None]


def turn_hue(images: Tensor, turns: Tensor) -> Tensor:
    """Pictures (N,3,H,W) on the 0-255 scale with the hue of HSV turned by `turns` (N,), value and saturation kept."""
    red, green, blue = images.float().unbind(1)  # N,H,W
    largest = torch.maximum(torch.maximum(red, green), blue)
    chroma = largest - torch.minimum(torch.minimum(red, green), blue)
    safe = torch.where(chroma == 0, torch.ones_like(chroma), chroma)
    sixths = torch.where(
        largest == red,
        (green - blue) / safe,
        torch.where(largest == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sixths = sixths + 6 * turns[:, None, None]

    def channel(start: int) -> Tensor:
        place = (start + sixths).remainder(6)
        return largest - chroma * torch.minimum(place, 4 - place).clamp(0, 1)

    return torch.stack((channel(5), channel(3), channel(1)), 1)
