"""Do the later papers' augmentations do what they say, batched as picture by picture, as often as they should?"""

from __future__ import annotations

import colorsys

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet import draws
from alexnet.data import modern


def keys(count: int = 20_000, epoch: int = 1) -> torch.Tensor:
    return draws.keys(0, epoch, torch.arange(count))


@given(st.integers(4, 40), st.integers(1, 60))
def test_a_hole_is_the_square_around_its_centre_cut_at_the_edges(size: int, side: int) -> None:
    found = modern.holes(keys(5), size, side)
    centres = draws.integers(keys(5), "cutout", 2, size)
    for picture, (row, column) in enumerate(centres.tolist()):
        expected = torch.zeros(size, size, dtype=torch.bool)
        top, left = row - side // 2, column - side // 2
        expected[max(top, 0) : top + side, max(left, 0) : left + side] = True
        assert torch.equal(found[picture], expected)
        assert found[picture, row, column]


def test_holes_are_everywhere_equally_often_but_at_the_edges() -> None:
    covered = modern.holes(keys(), 32, 16).double().mean(0)
    inner = covered[8:24, 8:24]
    assert (inner - 16 * 16 / 32**2).abs().max() < 5 * (0.25 * 0.75 / 20_000) ** 0.5
    assert covered[0, 0] < 0.1
    area = modern.holes(keys(), 32, 16).double().mean((1, 2))
    assert area.max() == 0.25
    assert area.min() < 0.1


def test_cutout_sets_the_square_to_the_mean_and_nothing_else() -> None:
    images = torch.randn(6, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    cut = modern.cutout(images, keys(6), 8)
    hole = modern.holes(keys(6), 20, 8)[:, None].expand_as(images)
    assert (cut[hole] == 0).all()
    assert torch.equal(cut[~hole], images[~hole])
    assert modern.cutout(images, keys(6), 0) is images
    for i in range(6):
        assert torch.equal(modern.cutout(images[i : i + 1], keys(6)[i : i + 1], 8)[0], cut[i])


def picture(count: int = 6, size: int = 9) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), generator=torch.Generator().manual_seed(3)).to(torch.uint8)


def test_jitter_is_its_restatement_picture_by_picture() -> None:
    """Brightness, contrast and saturation with numpy, then the hue with the standard library."""
    spread, hue = 0.4, 0.2
    got = modern.jitter(picture(), keys(6), spread, hue)
    draw = 2 * draws.uniform(keys(6), "jitter", 4).double().numpy() - 1
    for i in range(6):
        x = picture()[i].numpy().astype(np.float64)
        bright, contrast, saturation = 1 + spread * draw[i, :3]
        x = np.clip(x * bright, 0, 255)
        weights = np.array([0.299, 0.587, 0.114])[:, None, None]
        mean = (x * weights).sum(0).mean()
        x = np.clip(mean + (x - mean) * contrast, 0, 255)
        grey = (x * weights).sum(0)
        x = np.clip(grey + (x - grey) * saturation, 0, 255)
        for row in range(9):
            for column in range(9):
                h, s, v = colorsys.rgb_to_hsv(*(x[:, row, column] / 255))
                x[:, row, column] = 255 * np.array(colorsys.hsv_to_rgb((h + hue * draw[i, 3]) % 1, s, v))
        np.testing.assert_allclose(got[i].numpy(), x, atol=0.05)


def test_without_jitter_a_picture_is_given_back_as_it_is() -> None:
    images = picture()
    assert modern.jitter(images, keys(6), 0, 0) is images
    torch.testing.assert_close(modern.turn_hue(images, torch.zeros(6)), images.float(), atol=1e-3, rtol=0)
    grey = images[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(modern.turn_hue(grey, torch.full((6,), 0.3)), grey.float(), atol=1e-3, rtol=0)


def test_half_a_turn_is_the_opposite_colour() -> None:
    red = torch.tensor([255.0, 0, 0])[None, :, None, None]
    torch.testing.assert_close(modern.turn_hue(red, torch.tensor([0.5]))[0, :, 0, 0], torch.tensor([0.0, 255, 255]))


def test_a_batch_is_jittered_like_its_pictures_one_by_one() -> None:
    whole = modern.jitter(picture(), keys(6), 0.4, 0.1)
    for i in range(6):
        one = modern.jitter(picture()[i : i + 1], keys(6)[i : i + 1], 0.4, 0.1)
        torch.testing.assert_close(one[0], whole[i], atol=1e-3, rtol=0)


def test_factors_are_uniform_and_independent() -> None:
    grey = torch.full((20_000, 3, 1, 1), 100.0)
    bright = modern.jitter(grey, keys(), 0.5, 0.0)[:, 0, 0, 0].double()  # a flat grey picture shows brightness alone
    assert 50 <= bright.min() < 50.2
    assert 149.8 < bright.max() <= 150
    assert abs(bright.mean() - 100) < 5 * 100 / 12**0.5 / 20_000**0.5
