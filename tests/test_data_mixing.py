"""Are MixUp and CutMix those of their papers, a share a picture, whatever batch it is in?"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet import draws
from alexnet.config import AugmentConfig
from alexnet.data import mixing

MIXUP, CUTMIX = AugmentConfig(mixup=0.4), AugmentConfig(cutmix=1.0)
BOTH = AugmentConfig(mixup=0.4, cutmix=1.0)


def keys(count: int = 8) -> torch.Tensor:
    return draws.keys(0, 1, torch.arange(count))


def pictures(count: int = 8, size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return tuple(torch.randn(count, 3, size, size, generator=random) for _ in range(2))  # type: ignore[return-value]


def test_mixup_is_the_stated_sum() -> None:
    images, partners = pictures()
    mixed, own = mixing.mix(images, partners, keys(), MIXUP)
    share = draws.beta(keys(), "mix:mixup", 0.4).float()
    assert torch.equal(own, share)
    for i in range(8):
        expected = float(share[i]) * images[i] + (1 - float(share[i])) * partners[i]
        torch.testing.assert_close(mixed[i], expected, atol=1e-6, rtol=0)


def test_cutmix_lays_one_box_of_the_partner_over_the_picture() -> None:
    size = 16
    images, partners = pictures(40, size)
    mixed, own = mixing.mix(images, partners, keys(40), CUTMIX)
    centres = draws.integers(keys(40), "mix:centre", 2, size)
    for i, share in enumerate(draws.beta(keys(40), "mix:cutmix", 1.0).tolist()):
        side = int((1 - share) ** 0.5 * size)
        top, left = (int(place) - side // 2 for place in centres[i])
        expected = images[i].clone()
        rows, columns = slice(max(0, top), max(0, top + side)), slice(max(0, left), max(0, left + side))
        expected[:, rows, columns] = partners[i][:, rows, columns]
        assert torch.equal(mixed[i], expected)
        taken = expected[0, rows, columns].numel() / size**2  # what the edges left of the box
        assert float(own[i]) == pytest.approx(1 - taken, abs=1e-6)
        assert float(own[i]) >= share - 1e-6


def test_with_both_on_half_of_the_pictures_are_cut() -> None:
    count, size = 4000, 8
    pixels, own = mixing.own_part(keys(count), size, BOTH)
    cut = ((pixels == 0) | (pixels == 1)).flatten(1).all(1)
    assert abs(float(cut.double().mean()) - 0.5) < 5 * 0.5 / count**0.5
    torch.testing.assert_close(pixels.mean((1, 2, 3)), own, atol=1e-5, rtol=0)
    for config in (MIXUP, CUTMIX):  # each kind alone draws what it draws together
        alone, _ = mixing.own_part(keys(count), size, config)
        chosen = cut if config is CUTMIX else ~cut
        assert torch.equal(alone[chosen], pixels[chosen])


@pytest.mark.parametrize("config", [MIXUP, CUTMIX, BOTH], ids=["mixup", "cutmix", "both"])
def test_a_batch_is_mixed_like_its_pictures_one_by_one(config: AugmentConfig) -> None:
    images, partners = pictures()
    whole, own = mixing.mix(images, partners, keys(), config)
    for i in range(8):
        one = slice(i, i + 1)
        mixed, share = mixing.mix(images[one], partners[one], keys()[one], config)
        assert torch.equal(mixed[0], whole[i])
        assert torch.equal(share[0], own[i])


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0, 1)), min_size=1, max_size=9))
def test_soft_targets_sum_to_one_and_name_both_classes(rows: list[tuple[int, int, float]]) -> None:
    first, second = (torch.tensor([row[i] for row in rows], dtype=torch.int64) for i in (0, 1))
    own = torch.tensor([row[2] for row in rows], dtype=torch.float64)
    targets = mixing.soft_targets(first, second, own, 7)
    torch.testing.assert_close(targets.sum(1), torch.ones(len(rows), dtype=torch.float64), atol=1e-12, rtol=0)
    for target, (one, other, share) in zip(targets, rows, strict=True):
        expected = [0.0] * 7
        expected[one] += share
        expected[other] += 1 - share
        assert target.tolist() == pytest.approx(expected)
