"""What does RandAugment do to a picture? Some of fifteen operations at one strength, computed by kornia.

Cubuk et al. 2020 (RandAugment: Practical automated data augmentation): each picture gets `operations` of them, drawn
with equal probability and with replacement, one after the other. Which ones belongs to the picture (`draws.py`). The
signs of rotations, shears and shifts and the threshold of solarize_add are drawn by kornia from a generator seeded with
the batch's first picture and epoch: exact when a run is resumed, others when pictures are batched otherwise.

kornia reads strength m as low + (high - low) m / 30 of each operation's range, with a random sign for rotations, shears
and shifts, and from the other end for the bits of posterize. Colour, contrast, brightness and sharpness go from 0.1 to
1.9, so that m = 15 leaves them alone and less weakens them, as in the paper's program.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from alexnet import draws

INSTALL = "RandAugment needs kornia, which {why}; pip install 'alexnet[modern]', or leave out --augment.randaugment"


#: Operations and their ranges, kornia's own: the paper's fourteen without the identity, with invert and solarize_add.
RANGES = (
    ("auto_contrast", 0, 1),
    ("equalize", 0, 1),
    ("invert", 0, 1),
    ("rotate", -30.0, 30.0),
    ("posterize", 4.0, 8.0),
    ("solarize", 0.0, 1.0),
    ("solarize_add", 0.0, 0.43),
    ("color", 0.1, 1.9),
    ("contrast", 0.1, 1.9),
    ("brightness", 0.1, 1.9),
    ("sharpness", 0.1, 1.9),
    ("shear_x", -0.3, 0.3),
    ("shear_y", -0.3, 0.3),
    ("translate_x", -0.1, 0.1),
    ("translate_y", -0.1, 0.1),
)


@functools.lru_cache(maxsize=4)
def operations(magnitude: int) -> tuple[Any, ...]:
    """One module for each row of `RANGES`, pictures in [0, 1] -> pictures, at a strength of 1 to 29.

    Raises ValueError where kornia is missing or does not import.
    """
    try:
        from kornia.augmentation.auto import RandAugment
    except ImportError as error:
        raise ValueError(INSTALL.format(why=f"is not installed ({error})")) from error
    except RuntimeError as error:  # what a broken torchvision beside it ends in
        raise ValueError(INSTALL.format(why=f"does not work here ({error})")) from error
    return tuple(RandAugment(n=1, m=magnitude, policy=[[row]]) for row in RANGES)


@torch.no_grad()
def randaugment(images: Tensor, keys: Tensor, count: int, magnitude: int) -> Tensor:
    """Pictures (N,3,H,W) of any type on the 0-255 scale -> float32, after `count` operations each; 0 = as they are."""
    if count == 0:
        return images
    known = operations(magnitude)
    chosen = draws.integers(keys, "randaugment", count, len(known))  # N,count
    seed = int(draws.bits(keys[:1], "randaugment:signs", 1))
    images = images.float() / 255
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for turn in range(count):
            for number, operation in enumerate(known):
                places = torch.nonzero(chosen[:, turn] == number)[:, 0]
                if len(places):
                    images = images.index_copy(0, places, operation(images[places]).clamp(0, 1))
    return images * 255
