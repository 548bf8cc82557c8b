"""How do others load a picture? One file at a time, as torchvision's ImageFolder and transforms do.

Those of torchvision itself where it imports; where not, the same steps restated with Pillow: open, convert to RGB,
shorter side to 256 (bilinear), a random square of 224, mirrored half the time, and from there to a tensor.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from alexnet.bench.peers import torchvision

#: The means and deviations that torchvision's examples use.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Loader = Callable[[Path], Tensor]
End = Literal["uint8", "float32"]


def load(path: Path) -> Image.Image:
    """A file as torchvision.datasets.folder.pil_loader opens it."""
    with open(path, "rb") as file:
        return Image.open(file).convert("RGB")


def resize(image: Image.Image, side: int) -> Image.Image:
    """The shorter side at `side` pixels, as torchvision.transforms.Resize of one number."""
    width, height = image.size
    short, long = sorted((width, height))
    size = (side, side * long // short) if width <= height else (side * long // short, side)
    return image if size == image.size else image.resize(size, Image.Resampling.BILINEAR)


def restated(side: int, crop: int, end: End, seed: int = 0) -> Loader:
    """A file's path to a tensor (3, crop, crop): uint8, or float32 divided by 255 and normalized."""
    draw = random.Random(seed)
    mean = torch.tensor(MEAN).view(3, 1, 1)
    deviation = torch.tensor(DEVIATION).view(3, 1, 1)

    def one(path: Path) -> Tensor:
        image = resize(load(path), side)
        left, top = draw.randint(0, image.width - crop), draw.randint(0, image.height - crop)
        image = image.crop((left, top, left + crop, top + crop))
        if draw.random() < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()  # 3,crop,crop
        if end == "uint8":
            return pixels
        return (pixels.to(torch.float32).div(255) - mean) / deviation

    return one


def of_torchvision(side: int, crop: int, end: End) -> Loader:
    """The same of torchvision's own transforms, which must import."""
    transforms: Any = torchvision().transforms
    last = (
        [transforms.PILToTensor()]
        if end == "uint8"
        else [transforms.ToTensor(), transforms.Normalize(list(MEAN), list(DEVIATION))]
    )
    steps = [transforms.Resize(side), transforms.RandomCrop(crop), transforms.RandomHorizontalFlip(), *last]
    composed = transforms.Compose(steps)
    return lambda path: composed(load(path))


def loader(side: int, crop: int, end: End) -> tuple[Loader, str]:
    """How others load a picture here, and whose code it is."""
    if torchvision() is None:
        return restated(side, crop, end), "torchvision's loading, restated with Pillow"
    return of_torchvision(side, crop, end), f"torchvision {torchvision().__version__}"


def load_batch(paths: Sequence[Path], one: Loader) -> Tensor:
    """A batch, picture by picture: N,3,crop,crop."""
    return torch.stack([one(path) for path in paths])
