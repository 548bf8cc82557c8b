"""Do a course's colour noise and transforms do what sections 2 and 4.1 say, to pictures of every kind?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet.course import (
    pca_color_augmentation,
    test_transform,
    train_transform,
)
from alexnet.data.statistics import Moments, Statistics, from_moments
from conftest import draw_shape

# --- colour noise -----------------------------------------------------------------------------------------------------


def statistics_of(seed: int = 0, size: int = 256) -> Statistics:
    generator = np.random.default_rng(seed)
    grey = generator.integers(40, 200, (4, 1, size, size))
    return from_moments(Moments.of((grey + generator.integers(-30, 30, (4, 3, size, size))).astype(np.uint8)))


STATISTICS = statistics_of()


def photo(seed: int = 0, mode: str = "RGB") -> Image.Image:
    generator = np.random.default_rng(seed)
    return draw_shape("circle", 300, 260, generator).convert(mode)


def test_colour_noise_has_the_size_of_section_4_1() -> None:
    """The sum of p a l with RGB in [0, 1], restated; the spread over draws is .1 of the eigenvalue along its vector."""
    grey = np.full((2, 2, 3), 0.5)
    moved = np.array([pca_color_augmentation(grey, 0.1, STATISTICS, key=key)[0, 0] - 0.5 for key in range(3000)])
    values = STATISTICS.eigenvalues / 255**2
    along = moved @ STATISTICS.eigenvectors
    np.testing.assert_allclose(along.std(0), 0.1 * values, rtol=0.06)
    assert 100 * values[0] > 0.1  # the noise is there to be seen


def test_one_draw_for_all_pixels_and_no_scrambling() -> None:
    array = np.asarray(photo())[100:120, 100:130].astype(np.float64) / 510 + 0.25  # H,W,3
    shift = pca_color_augmentation(array, 0.1, STATISTICS, key=5) - array
    assert shift.shape == (20, 30, 3)
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0, 0], shift.shape), atol=1e-12)
    assert np.abs(shift).max() > 1e-4


def test_same_kind_in_and_out() -> None:
    picture = photo()
    levels = np.asarray(picture)
    as_picture = pca_color_augmentation(picture, 0.5, STATISTICS, key=1)
    as_array = pca_color_augmentation(levels, 0.5, STATISTICS, key=1)
    as_tensor = pca_color_augmentation(torch.tensor(levels).permute(2, 0, 1), 0.5, STATISTICS, key=1)
    as_floats = pca_color_augmentation(np.float32(levels / 255), 0.5, STATISTICS, key=1)
    assert isinstance(as_picture, Image.Image)
    assert as_array.dtype == np.uint8
    assert as_tensor.dtype == torch.uint8
    assert as_floats.dtype == np.float32
    assert (np.asarray(as_picture) == as_array).all()
    assert (as_tensor.permute(1, 2, 0).numpy() == as_array).all()
    assert np.abs(as_floats * 255 - as_array).max() < 0.51
    assert (as_array != levels).any()
    assert pca_color_augmentation(picture, 0.0, STATISTICS).tobytes() == picture.tobytes()


def test_whole_numbers_are_clipped_and_never_wrap() -> None:
    white = np.full((4, 4, 3), 255, np.uint8)
    for key in range(20):
        assert pca_color_augmentation(white, 5.0, STATISTICS, key=key).min() >= 0
        moved = pca_color_augmentation(white, 1.0, STATISTICS, key=key).astype(int)
        plain = pca_color_augmentation(np.full((4, 4, 3), 0.5), 1.0, STATISTICS, key=key) - 0.5
        assert ((moved == 255) | (np.broadcast_to(plain, moved.shape) < 1e-6)).all()


def test_without_statistics_it_is_the_pictures_own_colours() -> None:
    flat = np.full((8, 8, 3), (200, 10, 10), np.uint8)
    assert (pca_color_augmentation(flat, 0.5) == flat).all()
    assert (pca_color_augmentation(flat, 0.5, STATISTICS, key=1) != flat).any()
    levels = np.asarray(photo())[::4, ::3] // 2 + 64
    own = from_moments(Moments.of(levels.transpose(2, 0, 1)[None]))
    assert (pca_color_augmentation(levels, 0.3, key=2) == pca_color_augmentation(levels, 0.3, own, key=2)).all()


def test_torchs_generator_seeds_the_draws_that_are_given_no_key() -> None:
    grey = np.full((2, 2, 3), 0.5)
    torch.manual_seed(3)
    first, second = (pca_color_augmentation(grey, 0.1, STATISTICS) for _ in range(2))
    torch.manual_seed(3)
    assert (pca_color_augmentation(grey, 0.1, STATISTICS) == first).all()
    assert (first != second).any()


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(height, width, 3\)"):
        pca_color_augmentation(np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match=r"\(3, height, width\)"):
        pca_color_augmentation(torch.zeros(8, 8, 3))
    with pytest.raises(ValueError, match="before the mean is subtracted"):
        pca_color_augmentation(torch.full((3, 2, 2), -1.5))
    with pytest.raises(ValueError, match="standard deviation"):
        pca_color_augmentation(np.zeros((2, 2, 3)), -0.1)


# --- transforms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["modern", "paper"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_transforms_give_what_the_network_eats(preset: str, mode: str) -> None:
    options = {"preset": preset, "statistics": STATISTICS if preset == "paper" else None}
    for made in (train_transform(photo(mode=mode), **options), test_transform(photo(mode=mode), **options)):  # type: ignore[arg-type]
        assert (made.shape, made.dtype) == ((3, 224, 224), torch.float32)
        assert torch.isfinite(made).all()


def test_testing_is_the_centre_minus_the_mean() -> None:
    picture = photo(1)
    square = picture.resize((256, 256), Image.Resampling.BICUBIC, box=(20, 0, 280, 260), reducing_gap=3.0)
    centre = torch.from_numpy(np.array(square)).permute(2, 0, 1)[:, 16:240, 16:240].float()
    ours = test_transform(picture, preset="paper", statistics=STATISTICS)
    torch.testing.assert_close(ours, centre - torch.from_numpy(STATISTICS.mean_image[:, 16:240, 16:240]))
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    modern = (centre / 255 - mean[:, None, None]) / deviation[:, None, None]
    torch.testing.assert_close(test_transform(picture), modern, rtol=1e-4, atol=1e-4)


def test_ten_views() -> None:
    found = test_transform(photo(), protocol="ten")
    assert found.shape == (10, 3, 224, 224)
    assert torch.equal(found[4], test_transform(photo()))
    assert torch.equal(found[9], found[4].flip(2))


def test_paper_training_cuts_mirrors_and_colours() -> None:
    ramp = np.zeros((256, 256, 3), np.uint8)
    ramp[:, :, 0] = np.arange(256)
    ramp[:, :, 1] = np.arange(256)[:, None]
    flat = Statistics(
        count=1,
        mean_image=np.zeros((3, 256, 256), np.float32),
        channel_mean=np.zeros(3),
        channel_deviation=np.ones(3),
        eigenvalues=np.zeros(3),
        eigenvectors=np.eye(3),
    )
    made = [train_transform(Image.fromarray(ramp), preset="paper", statistics=flat, key=key) for key in range(80)]
    tops = {int(one[1, 0, 0]) for one in made}
    mirrored = [bool(one[0, 0, 0] > one[0, 0, 1]) for one in made]
    assert tops <= set(range(33))
    assert len(tops) > 20
    assert 20 < sum(mirrored) < 60
    for one in made:  # a piece of the picture, whole pixels
        assert torch.equal(one[1], one[1, 0, 0] + torch.arange(224.0)[:, None].expand(224, 224))
    coloured = train_transform(photo(), preset="paper", statistics=STATISTICS, key=3)
    plain = train_transform(photo(), preset="paper", statistics=_without_colour(STATISTICS), key=3)
    assert len({round(float(one), 3) for one in (coloured - plain).flatten(1).mean(1)}) == 3


def _without_colour(statistics: Statistics) -> Statistics:
    return Statistics(**{**vars(statistics), "eigenvalues": np.zeros(3)})


def test_a_key_makes_a_transform_repeatable() -> None:
    assert torch.equal(train_transform(photo(), key=7), train_transform(photo(), key=7))
    assert not torch.equal(train_transform(photo(), key=7), train_transform(photo(), key=8))


def test_transforms_say_what_they_need() -> None:
    with pytest.raises(ValueError, match="mean image: give statistics"):
        train_transform(photo(), preset="paper")
    with pytest.raises(ValueError, match="there are paper, modern"):
        test_transform(photo(), preset="old")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mean image of 256 pixels a side; this one has 16"):
        train_transform(photo(), preset="paper", statistics=statistics_of(size=16))
