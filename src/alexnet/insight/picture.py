"""How does one picture, given as whatever people have, become what a network takes, and what people see?"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from alexnet.data.decode import Unreadable, decode, from_pillow
from alexnet.data.square import to_square
from alexnet.insight.held_out import as_eaten, central
from alexnet.scoring.infer import read_square
from alexnet.training.run import Run

#: A file; a picture of Pillow's; uint8 (H,W,3), (H,W) or, as a tensor, (3,H,W); or float (3,H,W) as the network takes.
Picture = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor

#: A picture of Pillow's to float (3,H,W) as the network takes it.
Transform = Callable[[Image.Image], Tensor]


def is_eaten(image: Picture) -> bool:
    """Whether a picture is given as the network takes it: a tensor of floats."""
    return isinstance(image, Tensor) and image.is_floating_point()


def pixels_of(image: Picture) -> np.ndarray:
    """A picture upright in its own size: uint8 (H,W,3). Raises ValueError for what is no picture, saying what is."""
    if isinstance(image, str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
        try:
            return decode(Path(image).read_bytes())
        except (Unreadable, OSError) as error:
            raise ValueError(f"{os.fspath(image)} cannot be read: {error}") from None
    if isinstance(image, Image.Image):
        try:
            return from_pillow(image)
        except Unreadable as error:
            raise ValueError(f"the picture cannot be used: {error}") from None
    values = np.asarray(image.detach().cpu() if isinstance(image, Tensor) else image)
    if isinstance(image, Tensor) and values.ndim == 3:
        values = values.transpose(1, 2, 0)
    if values.ndim == 2:
        values = values[:, :, None]
    if values.dtype != np.uint8 or values.ndim != 3 or values.shape[2] not in (1, 3) or not values.size:
        shape = tuple(image.shape)
        raise ValueError(
            f"a picture is a file, a Pillow picture, uint8 of shape (height, width, 3), or a tensor (3, height, "
            f"width), not {values.dtype} of shape {shape}"
        )
    return np.ascontiguousarray(np.repeat(values, 3 // values.shape[2], axis=2))


def square_of(run: Run, image: Picture) -> np.ndarray:
    """The stored square of a picture, as in the run's prepared set: uint8 (3,S,S).

    Raises:
        ValueError: a file that cannot be read, or what is no picture; floats, of which the square cannot be told.
    """
    size, fit = run.preprocess.size, run.preprocess.fit
    if is_eaten(image):
        raise ValueError(
            "this needs the picture itself, as a file, a Pillow picture or uint8, and not as the network's floats"
        )
    if isinstance(image, str | os.PathLike):  # pyrefly: ignore[implicit-any-type-argument]
        square, reason = read_square(Path(image), size, fit)
        if square is None:
            raise ValueError(f"{os.fspath(image)} cannot be read: {reason}")
    else:
        square, _ = to_square(pixels_of(image), size, fit)
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def eaten_and_seen(
    image: Picture, run: Run | None, transform: Transform | None, device: str | torch.device
) -> tuple[Tensor, np.ndarray]:
    """A picture as the network takes it, float (1,C,H,W) on the device, and as people see it, uint8 (3,h,w).

    Args:
        run: its own preprocessing and central crop; None for a network alone.
        transform: for a network alone.

    Raises:
        ValueError: as `square_of`; a picture for a network alone without a transform.
    """
    if is_eaten(image):
        assert isinstance(image, Tensor)
        one = image.detach()[None] if image.ndim == 3 else image.detach()
        if one.ndim != 4 or len(one) != 1:
            raise ValueError(f"one picture is a tensor of shape (channels, height, width), not {tuple(image.shape)}")
        return one.to(device), shades(one[0])
    if run is not None:
        square = square_of(run, image)[None]
        return as_eaten(run, square, str(device)), central(run, square)[0]
    if transform is None:
        raise ValueError(
            "how a picture becomes what this network takes is not known: give floats of shape (3, height, width), or "
            "AlexNetVisualizer(network, preprocess=...), such as alexnet.course.test_transform"
        )
    pixels = pixels_of(image)
    return transform(Image.fromarray(pixels))[None].to(device), pixels.transpose(2, 0, 1)


def shades(values: Tensor) -> np.ndarray:
    """Floats (C,H,W) as a picture for people, uint8 (3,H,W): from the smallest value, black, to the largest, white.

    With three channels these are the colours; of others the first is drawn in grey.
    """
    shown = values if len(values) == 3 else values[:1].expand(3, -1, -1)
    shown = torch.nan_to_num(shown.float().cpu())
    low, high = shown.min(), shown.max()
    return ((shown - low) / (high - low).clamp(min=1e-12) * 255).round().to(torch.uint8).numpy()
