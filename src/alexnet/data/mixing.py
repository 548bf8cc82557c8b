"""How are two training pictures made into one? MixUp and CutMix, every picture with a share of its own.

MixUp (Zhang et al. 2018, mixup: Beyond Empirical Risk Minimization): every pixel and the target are
`share` of the picture and 1 - share of its partner, share ~ Beta(a, a).
CutMix (Yun et al. 2019, section 3.1): a box of the partner is laid over the picture; its sides are sqrt(1 - share) of
the picture's, its centre is uniform over the picture, what reaches over the edge is cut off, and the target's share is
the area that is left of the picture.

The published programs draw one share for a batch and take partners from within it. Here shares, boxes and the choice
between the two belong to the picture (`draws.py`), and the partner is any position of the epoch's order (`feed.py`), so
that nothing depends on the batch a picture is in.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from alexnet import draws
from alexnet.config import AugmentConfig


def mixes(config: AugmentConfig) -> bool:
    """Whether pictures are mixed, and so need partners."""
    return config.mixup > 0 or config.cutmix > 0


def boxes(keys: Tensor, share: Tensor, size: int) -> Tensor:
    """Which pixels CutMix takes from the partner: bool (N, size, size), of a share 1 - `share` (N,) before the edges.

    A side is sqrt(1 - share) of the picture's, rounded down to whole pixels.
    """
    side = ((1 - share).sqrt() * size).to(torch.int64)  # N
    corner = draws.integers(keys, "mix:centre", 2, size) - side[:, None] // 2  # N,2
    place = torch.arange(size, device=keys.device)
    inside = (place >= corner[:, :, None]) & (place < (corner + side[:, None])[:, :, None])  # N,2,size
    return inside[:, 0, :, None] & inside[:, 1, None, :]


def _share(keys: Tensor, stream: str, concentration: float) -> Tensor:
    return draws.beta(keys, stream, concentration).float().to(keys.device)  # N


def own_part(keys: Tensor, size: int, config: AugmentConfig) -> tuple[Tensor, Tensor]:
    """What is a picture's own after mixing: of each pixel, float32 (N,1,size,size), and of the target, float32 (N,).

    With both kinds on, each is a picture's with probability one half.
    """
    whole = torch.ones(len(keys), device=keys.device)
    cuts = whole.bool() if not config.mixup else ~whole.bool()
    if config.mixup and config.cutmix:
        cuts = draws.integers(keys, "mix:kind", 1, 2)[:, 0].bool()
    target = _share(keys, "mix:mixup", config.mixup) if config.mixup else whole
    pixels = target[:, None, None, None].expand(-1, 1, size, size)
    if config.cutmix:
        share = _share(keys, "mix:cutmix", config.cutmix)
        kept = (~boxes(keys, share, size)).float()[:, None]  # N,1,size,size
        pixels = torch.where(cuts[:, None, None, None], kept, pixels)
        target = torch.where(cuts, kept.mean((1, 2, 3)), target)
    return pixels, target


def mix(images: Tensor, partners: Tensor, keys: Tensor, config: AugmentConfig) -> tuple[Tensor, Tensor]:
    """Pictures mixed with partners, float (N,C,size,size), and the share of the target that stays their own, (N,).

    A pixel that is wholly one picture's is copied exactly.
    """
    pixels, target = own_part(keys, images.shape[2], config)
    return images * pixels + partners * (1 - pixels), target


def soft_targets(labels: Tensor, partner_labels: Tensor, own: Tensor, classes: int) -> Tensor:
    """Shares of the classes, of the type of `own`, (N, classes); rows sum to 1. `own` (N,) goes to `labels`."""
    first, second = (functional.one_hot(part, classes).to(own) for part in (labels, partner_labels))
    return first * own[:, None] + second * (1 - own[:, None])
