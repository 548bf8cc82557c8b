"""Do the views lie where the 2012 program cut them, in its order?"""

from __future__ import annotations

import pytest
import torch

from alexnet.scoring.protocols import PROTOCOLS, placements, views


def numbered(side: int, count: int = 1) -> torch.Tensor:
    """Pictures (count,3,side,side) whose every pixel is another number."""
    return torch.arange(count * 3 * side * side).view(count, 3, side, side)


@pytest.mark.fidelity(
    topic="ten views",
    paper="four corners and the centre, and their mirror images; the softmax outputs are averaged (section 4.1)",
    source="(0,0), (0,2b), (2b,0), (2b,2b), (b,b), then the five mirrored; softmax averaged",
    others="torchvision's TenCrop has the centre last too, but its crops come corner by corner by name",
    option="--protocol ten",
)
def test_ten_views_in_the_order_of_the_program() -> None:
    images = numbered(256, 2)
    found = views(images, "ten", 224)
    assert found.shape == (10, 2, 3, 224, 224)
    for i, (top, left) in enumerate([(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]):
        for y, x in [(0, 0), (0, 223), (223, 0), (100, 50)]:
            assert torch.equal(found[i, :, :, y, x], images[:, :, top + y, left + x])
            assert torch.equal(found[5 + i, :, :, y, x], images[:, :, top + y, left + 223 - x])


@pytest.mark.fidelity(
    topic="views of CIFAR-10 tests",
    paper="not said",
    source="nine: offsets 0, 4, 8 in both directions, row by row, no mirror images",
    others="one view",
    option="--protocol nine",
)
def test_nine_views_row_by_row() -> None:
    images = numbered(32)
    found = views(images, "nine", 24)
    expected = [images[:, :, top : top + 24, left : left + 24] for top in (0, 4, 8) for left in (0, 4, 8)]
    assert torch.equal(found, torch.stack(expected))


def test_the_centre_is_one_view() -> None:
    images = numbered(256)
    assert torch.equal(views(images, "centre", 224), images[None, :, :, 16:240, 16:240])


def test_without_a_border_all_places_coincide() -> None:
    images = numbered(8)
    assert torch.equal(views(images, "centre", 8)[0], images)
    assert all(torch.equal(view, images) for view in views(images, "nine", 8))
    ten = views(images, "ten", 8)
    assert all(torch.equal(view, images) for view in ten[:5])
    assert all(torch.equal(view, images.flip(3)) for view in ten[5:])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("stored", "crop"), [(9, 6), (8, 5), (5, 4), (7, 7)])
def test_an_odd_border_still_reaches_the_edges(protocol: str, stored: int, crop: int) -> None:
    found = placements(protocol, stored, crop)
    assert len(found) == {"centre": 1, "ten": 10, "nine": 9}[protocol]
    if protocol != "centre":
        assert {view.top for view in found} == {view.left for view in found} == {0, (stored - crop) // 2, stored - crop}


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(ValueError, match="crop of 9 pixels does not fit into pictures of 8"):
        views(numbered(8), "centre", 9)
    with pytest.raises(ValueError, match="did you mean 'ten'"):
        views(numbered(8), "tenn", 4)
    with pytest.raises(ValueError, match="there are centre, ten, nine"):
        placements("144", 8, 4)
    with pytest.raises(ValueError, match="not from 4 x 8 pixels"):
        views(numbered(8)[:, :, :4], "centre", 4)
