"""What do a course's transforms do to one picture? Colour noise, and from a PIL picture to what the network eats."""

from __future__ import annotations

from typing import Literal, TypeVar, cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from alexnet.config import Config, patch
from alexnet.data.augment import augment, colour_shift
from alexnet.data.decode import from_pillow
from alexnet.data.preprocess import Preprocess
from alexnet.data.square import to_square
from alexnet.data.statistics import Moments, Statistics, from_moments
from alexnet.model.layers import draw_keys
from alexnet.recipes import RECIPES
from alexnet.scoring.protocols import views

Preset = Literal["modern", "paper"]
Picture = TypeVar("Picture", Image.Image, np.ndarray, Tensor)

#: paper: sections 2 and 4.1. modern: the recipe of later years that courses show, with the notes' recipes' numbers.
PRESETS: dict[str, Config] = {
    "paper": RECIPES["paper"].config,
    "modern": patch(RECIPES["notes-steps"].config, {"data.scale": "deviation"}),
}

#: Mean and deviation of ImageNet's channels, the usual constants, in grey levels.
IMAGENET = Statistics(
    count=1,
    mean_image=np.zeros((3, 1, 1), np.float32),
    channel_mean=255 * np.array([0.485, 0.456, 0.406]),
    channel_deviation=255 * np.array([0.229, 0.224, 0.225]),
    eigenvalues=np.zeros(3),
    eigenvectors=np.eye(3),
)


def pca_color_augmentation(
    image: Picture, alpha_std: float = 0.1, statistics: Statistics | None = None, *, key: int | None = None
) -> Picture:
    """Add section 4.1's colour noise: the sum of p_i a_i l_i to every pixel, with a_i ~ N(0, alpha_std) drawn once.

    p and l are the eigenvectors and eigenvalues of the covariance of RGB values in [0, 1] over the whole training set.
    The unit matters, since a l is an eigenvalue, a squared one: on the 0-255 scale the same formula would shift by
    thousands of grey levels.

    Args:
        image: a PIL picture; an array (H, W, 3); or a tensor (3, H, W). Whole numbers are grey levels from 0 to 255,
            fractions lie in [0, 1].
        alpha_std: standard deviation of the three draws.
        statistics: of the training set: `PreparedSet.statistics()`, such as `alexnet.load(RUN).data().statistics()`.
            None takes the covariance of this one picture, as course notes do. That is not the paper's: it shifts a
            picture along its own colours and leaves one of a single colour alone.
        key: the draw is a function of it; None draws one from torch's global generator.

    Returns:
        A new picture of the same kind, size and type, clipped to its range.

    Raises:
        ValueError: for another shape, or fractions outside of [0, 1].
    """
    if not alpha_std >= 0:
        raise ValueError(f"alpha_std is a standard deviation, 0 or more, not {alpha_std}")
    if isinstance(image, Image.Image):
        levels = torch.from_numpy(from_pillow(image)).permute(2, 0, 1)  # 3,H,W
        moved = _coloured(levels, alpha_std, statistics, key)
        return cast(Picture, Image.fromarray(moved.permute(1, 2, 0).numpy()))
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(f"an array is a picture of shape (height, width, 3), not {image.shape}")
        moved = _coloured(torch.from_numpy(image.copy()).permute(2, 0, 1), alpha_std, statistics, key)
        return cast(Picture, np.ascontiguousarray(moved.permute(1, 2, 0).numpy()))
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"a tensor is a picture of shape (3, height, width), not {tuple(image.shape)}")
    return cast(Picture, _coloured(image, alpha_std, statistics, key))


def _coloured(image: Tensor, sigma: float, statistics: Statistics | None, key: int | None) -> Tensor:
    """3,H,W of any type to the same."""
    scale = 255.0 if image.is_floating_point() else 1.0
    levels = image.double() * scale
    if not (levels.min() >= 0 and levels.max() <= 255):
        raise ValueError(
            f"pixels lie in [0, 1] as fractions or 0-255 as whole numbers, not from {image.min()} to {image.max()}; "
            "add colour noise before the mean is subtracted"
        )
    if statistics is None:
        statistics = from_moments(Moments.of(levels.round().to("cpu", torch.uint8).numpy()[None]))
    keys = draw_keys(image[:1]) if key is None else torch.tensor([key], device=image.device)
    shift = colour_shift(keys, statistics, "paper", sigma)[0]  # 3
    moved = (levels + shift[:, None, None]).clamp(0, 255)
    return (moved / scale if image.is_floating_point() else moved.round()).to(image.dtype)


def train_transform(
    picture: Image.Image, *, preset: Preset = "modern", statistics: Statistics | None = None, key: int | None = None
) -> Tensor:
    """A PIL picture as a network is trained on it: float32 (3, 224, 224), cut, mirrored and coloured at random.

    modern  a random window of 8 to 100% of the area, mirror images, colour jitter; mean and deviation of the channels.
    paper   the shorter side scaled to 256 and the middle kept (section 2), a random 224 x 224 piece of it, mirror
            images and colour noise (section 4.1); raw grey levels minus the mean image, nothing is divided.

    Args:
        statistics: of the training set (`PreparedSet.statistics()`), with a mean image of 256 x 256 pixels for "paper",
            which cannot do without; None is ImageNet's channel means and deviations for "modern".
        key: all draws are a function of it; None draws one from torch's global generator.

    Raises:
        ValueError: an unknown preset, or "paper" without statistics.
    """
    config, statistics = _settle(preset, statistics)
    square = _square(picture, config)
    keys = draw_keys(square) if key is None else torch.tensor([key])
    cut, shift = augment(square, keys, keys, statistics, config.augment, 1)
    return Preprocess.fitted(statistics, config.data, config.augment)(cut, shift)[0].contiguous()


def test_transform(
    picture: Image.Image,
    *,
    preset: Preset = "modern",  # noqa: PT028  the course's name, no test of pytest's
    statistics: Statistics | None = None,  # noqa: PT028
    protocol: str = "centre",  # noqa: PT028
) -> Tensor:
    """A PIL picture as a network is tested on it: the central crop, float32 (3, 224, 224).

    With protocol "ten" the paper's ten views (10, 3, 224, 224), in the order of the 2012 program; their probabilities
    are averaged, not their logits. `preset` and `statistics` as in `train_transform`. Raises ValueError as it does.
    """
    config, statistics = _settle(preset, statistics)
    preprocess = Preprocess.fitted(statistics, config.data, config.augment)
    found: Tensor = preprocess(views(_square(picture, config), protocol, config.augment.crop)[:, 0])  # V,3,224,224
    return found[0].contiguous() if protocol == "centre" else found.contiguous()


# pytest takes functions of this name for tests wherever they are imported.
test_transform.__test__ = False  # type: ignore[attr-defined]


def _settle(preset: str, statistics: Statistics | None) -> tuple[Config, Statistics]:
    if preset not in PRESETS:
        raise ValueError(f"no preset is called {preset!r}; there are {', '.join(PRESETS)}")
    config = PRESETS[preset]
    if statistics is not None and config.data.centre == "mean-image":
        side, wanted = statistics.mean_image.shape[-1], config.data.size
        if side != wanted:
            raise ValueError(f"the paper preset subtracts a mean image of {wanted} pixels a side; this one has {side}")
    if statistics is None and preset == "paper":
        raise ValueError(
            "the paper preset subtracts the training set's mean image: give statistics=PreparedSet.statistics(), "
            "or take preset='modern'"
        )
    return config, IMAGENET if statistics is None else statistics


def _square(picture: Image.Image, config: Config) -> Tensor:
    """uint8 (1, 3, size, size)."""
    square, _ = to_square(from_pillow(picture), config.data.size, config.data.fit)
    return torch.from_numpy(square).permute(2, 0, 1)[None]
