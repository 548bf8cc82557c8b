"""How does a picture of any shape become a square? Shorter side scaled, centre kept (section 2); squash; letterbox."""

from __future__ import annotations

from typing import Literal

import numpy as np
from PIL import Image

from alexnet.data.decode import Picture, open_picture

Fit = Literal["crop", "squash", "letterbox"]
FITS: tuple[Fit, ...] = ("crop", "squash", "letterbox")

#: Grey of the bars of a letterbox.
GREY = 128


def to_square(image: np.ndarray, size: int, fit: Fit) -> tuple[np.ndarray, float]:
    """A square of `size` pixels from a picture, bicubic with antialiasing.

    crop scales the shorter side to `size` and keeps the centre (section 2); squash scales both sides; letterbox scales
    the longer side and fills with grey 128.

    Args:
        image: uint8 (H, W, 3).

    Returns:
        uint8 (size, size, 3), and the share of the picture's area that was cut off.
    """
    height, width, _ = image.shape
    square, lost = _fitted(Picture(Image.fromarray(image), (width, height), (width, height)), size, fit)
    return np.array(square), lost


def load_square(data: bytes, size: int, fit: Fit) -> tuple[np.ndarray, float, tuple[int, int]]:
    """The square from a file's bytes, as training, evaluation and prediction see it.

    Returns:
        uint8 (size, size, 3); the share of the area that was cut off; width and height of the upright picture.

    Raises:
        Unreadable: with the reason.
    """
    square, lost, whole = _loaded(data, size, fit)
    return np.array(square), lost, whole


def load_planes(data: bytes, size: int, fit: Fit) -> tuple[bytes, float, tuple[int, int]]:
    """As `load_square`, but the bytes of uint8 (3, size, size): Pillow takes channels apart faster than numpy."""
    square, lost, whole = _loaded(data, size, fit)
    return b"".join(plane.tobytes() for plane in square.split()), lost, whole


def _loaded(data: bytes, size: int, fit: Fit) -> tuple[Image.Image, float, tuple[int, int]]:
    picture = open_picture(data, long_near=size) if fit == "letterbox" else open_picture(data, near=size)
    square, lost = _fitted(picture, size, fit)
    return square, lost, picture.size


def _fitted(picture: Picture, size: int, fit: Fit) -> tuple[Image.Image, float]:
    image, (width, height) = picture.image, picture.extent
    if fit == "squash":
        return _scaled(image, (size, size), (0, 0, width, height)), 0.0
    if fit == "letterbox":
        scale = size / max(width, height)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        square = Image.new("RGB", (size, size), (GREY, GREY, GREY))
        square.paste(_scaled(image, inner, (0, 0, width, height)), ((size - inner[0]) // 2, (size - inner[1]) // 2))
        return square, 0.0
    assert fit == "crop", fit
    short = min(width, height)
    left, top = (width - short) / 2, (height - short) / 2
    if short == size:  # nothing to scale: whole pixels are kept as they are
        left, top = left // 1, top // 1
    # The part that is kept is cut from the source, not from the scaled picture: that one may be a strip of gigabytes.
    square = _scaled(image, (size, size), (left, top, left + short, top + short))
    return square, 1 - short / max(width, height)


def _scaled(image: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    return image.resize(size, Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
