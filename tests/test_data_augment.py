"""Is the augmentation section 4.1's: offsets, flips, colours, each as often as it should be?"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from alexnet import draws
from alexnet.config import AugmentConfig
from alexnet.data import augment as module
from alexnet.data.statistics import Statistics
from alexnet.scoring.protocols import cut, placements

PICTURES = 20_000


def keys(count: int = PICTURES) -> torch.Tensor:
    return draws.keys(0, 1, torch.arange(count))


def statistics(eigenvalues: tuple[float, float, float] = (14_143.0, 1_222.0, 292.0)) -> Statistics:
    vectors, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    return Statistics(
        mean_image=np.full((3, 8, 8), 100, np.float32),
        channel_mean=np.full(3, 100.0),
        channel_deviation=np.full(3, 60.0),
        eigenvalues=np.array(eigenvalues),
        eigenvectors=vectors,
        count=10,
    )


@pytest.mark.fidelity(
    topic="random crops",
    paper="224 x 224 patches of 256 x 256 and their mirror images, a factor of 2048 = 32 x 32 x 2",
    source="33 offsets an axis (randint(0, 2 border + 1)): 2178; one crop for 32 pictures in a row",
    others="random resized crop",
    option="--augment.crop, --augment.share 1 | 32",
)
def test_offsets_take_33_places_an_axis_evenly() -> None:
    corners = module.offsets(keys(), 256, AugmentConfig())
    for axis in (0, 1):
        counts = torch.bincount(corners[:, axis], minlength=33).double()
        assert len(counts) == 33
        expected = PICTURES / 33
        assert ((counts - expected) ** 2 / expected).sum() < 80  # 32 degrees of freedom: p < .00001
    both = torch.unique(corners[:, 0] * 33 + corners[:, 1])
    assert len(both) == 33 * 33


def test_without_shift_the_crop_is_the_one_of_testing() -> None:
    for stored, pad, side in ((256, 0, 224), (32, 0, 28), (11, 2, 8), (9, 0, 9)):
        config = AugmentConfig(crop=side, pad=pad, shift=False, flip=False, colour="none")
        images = torch.arange(5 * 3 * stored * stored).remainder(251).to(torch.uint8).view(5, 3, stored, stored)
        made, _ = module.augment(images, keys(5), keys(5), statistics(), config, 1)
        middle = cut(module.mirror_pad(images, pad), placements("centre", stored + 2 * pad, side)[0], side)
        assert torch.equal(made, middle)


def test_half_of_the_pictures_are_mirrored() -> None:
    assert abs(float(module.flips(keys()).double().mean()) - 0.5) < 5 * 0.5 / PICTURES**0.5


def test_a_batched_crop_is_each_pictures_slice() -> None:
    images = torch.arange(6 * 3 * 11 * 11).view(6, 3, 11, 11)
    corners = torch.tensor([[0, 0], [4, 4], [2, 1], [0, 4], [4, 0], [3, 3]])
    got = module.crop(images, corners, 7)
    for picture, (top, left) in enumerate(corners.tolist()):
        assert torch.equal(got[picture], images[picture, :, top : top + 7, left : left + 7])


@pytest.mark.parametrize("kind", [torch.uint8, torch.float32])
def test_mirror_padding_is_torchs_reflection(kind: torch.dtype) -> None:
    images = torch.randint(0, 255, (2, 3, 9, 9), generator=torch.Generator().manual_seed(0)).to(kind)
    expected = torch.nn.functional.pad(images.float(), (4, 4, 4, 4), mode="reflect").to(kind)
    assert torch.equal(module.mirror_pad(images, 4), expected)


def test_a_whole_window_resampled_is_the_picture() -> None:
    images = torch.rand(3, 3, 8, 8)
    whole = torch.tensor([[0.0, 0.0, 8.0, 8.0]]).expand(3, 4)
    torch.testing.assert_close(module.resample(images, whole, 8), images, atol=1e-5, rtol=0)


def test_zoom_windows_lie_inside_and_keep_the_asked_area() -> None:
    windows = module.zoom_windows(keys(), 64, AugmentConfig(zoom=0.4, stretch=1.3))
    top, left, height, width = windows.unbind(1)
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 64 + 1e-3).all()
    assert (left + width <= 64 + 1e-3).all()
    area = height * width / 64**2
    assert area.min() >= 0.4 / 1.3 - 1e-3
    assert 0.6 < float(area.mean()) < 0.75


@pytest.mark.fidelity(
    topic="colour PCA",
    paper="[p1 p2 p3][a1 l1, a2 l2, a3 l3]: eigenvalues, a of deviation .1; of the whole training set",
    source="standard deviations instead of eigenvalues, then pixels divided by 1 + .1; off near the end",
    others="ColorJitter; or eigenvalues of single pictures",
    option="--augment.colour paper | source | none",
)
@pytest.mark.parametrize(("convention", "levels"), [("paper", 0.1 * 14_143 / 255), ("source", 0.1 * 14_143**0.5)])
def test_colour_shifts_have_the_stated_spread(convention: str, levels: float) -> None:
    found = statistics()
    shift = module.colour_shift(keys(), found, convention, 0.1).double()  # N,3
    along = shift @ torch.as_tensor(found.eigenvectors)
    assert float(along[:, 0].std()) == pytest.approx(levels, rel=0.03)
    assert float(along[:, 0].mean()) == pytest.approx(0, abs=5 * levels / PICTURES**0.5)
    ratio = float(along[:, 1].std() / along[:, 0].std())
    assert ratio == pytest.approx(1_222 / 14_143 if convention == "paper" else (1_222 / 14_143) ** 0.5, rel=0.05)


def test_the_papers_shift_is_some_levels_not_thousands() -> None:
    """a*l with eigenvalues of 0-255 pixels would shift by about 1,414 levels."""
    assert module.colour_shift(keys(), statistics(), "paper", 0.1).abs().max() < 60


def test_colour_noise_ends_at_its_epoch() -> None:
    config = AugmentConfig(colour="source", colour_off_epoch=67)
    assert module.colour_noise(config, 66)
    assert not module.colour_noise(config, 67)
    assert module.colour_noise(AugmentConfig(colour="paper"), 1000)
    assert not module.colour_noise(AugmentConfig(colour="none"), 1)


def test_a_batch_is_augmented_like_its_pictures_one_by_one() -> None:
    images = torch.randint(0, 255, (8, 3, 40, 40), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    for config in (AugmentConfig(crop=32), AugmentConfig(crop=40, pad=4), AugmentConfig(crop=32, zoom=0.5)):
        whole, shift = module.augment(images, keys(8), keys(8), statistics(), config, 1)
        assert shift is not None
        for i in range(8):
            one, own = module.augment(
                images[i : i + 1], keys(8)[i : i + 1], keys(8)[i : i + 1], statistics(), config, 1
            )
            assert own is not None
            torch.testing.assert_close(whole[i], one[0], atol=1e-3, rtol=0)
            torch.testing.assert_close(shift[i], own[0])


def test_pictures_that_share_a_key_share_crop_and_flip_but_not_colour() -> None:
    image = torch.randint(0, 255, (1, 3, 40, 40), dtype=torch.uint8).expand(32, -1, -1, -1).contiguous()
    shared = draws.keys(0, 1, torch.zeros(32, dtype=torch.int64))
    cut, shift = module.augment(image, keys(32), shared, statistics(), AugmentConfig(crop=32), 1)
    assert (cut == cut[0]).all()
    assert shift is not None
    assert len(torch.unique(shift[:, 0])) == 32


def test_zoom_windows_are_torchvisions_where_they_fit() -> None:
    """Area uniform and ratio log-uniform, as RandomResizedCrop(scale=(0.3, 0.6), ratio=(2/3, 3/2)) draws them."""
    windows = module.zoom_windows(keys(), 64, AugmentConfig(zoom=0.3, stretch=1.5)).double()
    top, left, height, width = windows.unbind(1)
    area, ratio = height * width / 64**2, (width / height).log() / np.log(1.5)
    fits = area < 0.6  # no side of these can be longer than the square: .6 * 1.5 < 1
    for value, low, high in ((area[fits], 0.3, 0.6), (ratio[fits], -1.0, 1.0)):
        counts = torch.histc(value, 10, low, high)
        expected = len(value) / 10
        assert ((counts - expected) ** 2 / expected).sum() < 40  # 9 degrees of freedom: p < .00001
    for place, side in ((top, height), (left, width)):
        share = (place / (64 - side))[fits]
        assert abs(share.mean() - 0.5) < 5 / 12**0.5 / fits.sum() ** 0.5
