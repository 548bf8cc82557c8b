"""Are pictures that are made ready piece by piece, or by the kernel, those of the plain operations, bit for bit?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet import draws
from alexnet.config import AugmentConfig
from alexnet.data import ready as pieces
from alexnet.data.augment import augment
from alexnet.data.modern import cutout
from alexnet.data.preprocess import Preprocess
from alexnet.data.ready import centred, ready
from alexnet.data.statistics import Moments, Statistics, from_moments
from alexnet.kernels import crop as kernel
from alexnet.kernels.build import SWITCH

STORED = 21


def squares(count: int = 11, side: int = STORED) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(count).integers(0, 256, (count, 3, side, side), np.uint8))


def statistics() -> Statistics:
    return from_moments(Moments.of(squares().numpy()))


def eater(crop: int, *, image: bool = True, scaled: bool = False, kind: torch.dtype = torch.float32) -> Preprocess:
    found, border = statistics(), max(0, (STORED - crop) // 2)
    inner = torch.from_numpy(found.mean_image)[:, border : border + crop, border : border + crop]
    mean = inner if image and crop <= STORED else torch.tensor([120.5, 99.3, 64.7]).reshape(3, 1, 1)
    deviation = torch.tensor([61.0, 50.3, 77.7] if scaled else [1.0] * 3).reshape(3, 1, 1)
    return Preprocess(mean, deviation, size=STORED, fit="crop", crop=crop).to(kind)


def plainly(images: torch.Tensor, preprocess: Preprocess, config: AugmentConfig, epoch: int = 1) -> torch.Tensor:
    """The operations of `augment` and `Preprocess`, one after the other on the whole batch."""
    keys = draws.keys(0, epoch, torch.arange(len(images)))
    altered, shift = augment(images, keys, keys, statistics(), config, epoch)
    shrink = 1 + config.colour_sigma if config.colour == "source" and shift is not None else 1.0
    return cutout(preprocess(altered, shift, shrink), keys, config.cutout)


CONFIGS = {
    "source": AugmentConfig(crop=16),
    "paper": AugmentConfig(crop=16, colour="paper"),
    "none": AugmentConfig(crop=16, colour="none", flip=False),
    "padded": AugmentConfig(crop=STORED, pad=4, colour="none"),
    "cutout": AugmentConfig(crop=15, cutout=5),
    "unshifted": AugmentConfig(crop=16, shift=False),
    "whole": AugmentConfig(crop=STORED),
    "over": AugmentConfig(crop=16, colour_off_epoch=1),
    "zoomed": AugmentConfig(crop=16, zoom=0.5, stretch=1.3),
    "jittered": AugmentConfig(crop=16, jitter=0.3, hue=0.1),
}


@pytest.mark.parametrize("kernels", ["on", "off"])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_gives_the_plain_numbers(
    name: str, scaled: bool, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, kernels)
    monkeypatch.setattr(pieces, "PIECE", 3 * 16 * 16 * 4 * 3)  # three pictures at once, the last piece shorter
    config, images = CONFIGS[name], squares()
    preprocess = eater(config.crop, image=config.pad == 0, scaled=scaled)
    keys = draws.keys(0, 1, torch.arange(len(images)))
    found = ready(images, keys, keys, preprocess, statistics(), config, 1)
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, plainly(images, preprocess, config))


def test_pictures_that_share_a_crop_get_the_same_corner() -> None:
    images = squares(1).repeat(6, 1, 1, 1)
    config, preprocess = AugmentConfig(crop=9, colour="none"), eater(9)
    keys = draws.keys(0, 1, torch.arange(6))
    found = ready(images, keys, keys[[0, 0, 0, 3, 3, 3]], preprocess, statistics(), config, 1)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[3])


@settings(deadline=None)  # the first example may compile the kernel
@given(
    st.integers(1, 9), st.integers(1, 40), st.integers(0, 7), st.integers(0, 2**31), st.booleans(), st.booleans(),
    st.booleans(),
)  # fmt: skip
def test_the_kernel_gives_the_pieces_numbers(
    count: int, side: int, border: int, seed: int, mirrors: bool, shifts: bool, scales: bool
) -> None:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, side + border, side + border), dtype=torch.uint8, generator=random)
    corners = torch.randint(0, border + 1, (count, 2), generator=random)
    mirrored = torch.randint(0, 2, (count,), generator=random).bool() if mirrors else None
    shift = torch.randn((count, 3), generator=random) * 20 if shifts else None
    deviation = torch.rand((3, 1, 1), generator=random) + 0.5 if scales else torch.ones(3, 1, 1)
    preprocess = Preprocess(
        torch.rand((3, side, side), generator=random) * 255, deviation, size=side + border, fit="crop", crop=side
    )
    if not kernel.knows(images, preprocess.mean):
        pytest.skip("no C compiler here, or kernels are switched off")
    shrink = 1.1 if shifts else 1.0
    native = centred(images, corners, preprocess, mirrored, shift, shrink)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, "off")
        plain = centred(images, corners, preprocess, mirrored, shift, shrink)
    assert torch.equal(native, plain)
    assert native.stride() == plain.stride()


def test_what_the_kernel_does_not_know_is_done_by_torch() -> None:
    double = eater(16, kind=torch.float64)
    assert not kernel.knows(squares(), double.mean)
    assert not kernel.knows(squares().float(), eater(16).mean)
    assert not kernel.knows(squares().transpose(2, 3), eater(16).mean)
    assert torch.equal(
        centred(squares(), torch.zeros(11, 2, dtype=torch.int64), double), double(squares()[:, :, :16, :16])
    )


def test_a_corner_that_lies_outside_is_our_mistake() -> None:
    preprocess = eater(16)
    if not kernel.knows(squares(), preprocess.mean):
        pytest.skip("no C compiler here, or kernels are switched off")
    with pytest.raises(AssertionError):
        centred(squares(), torch.full((11, 2), 6), preprocess)
