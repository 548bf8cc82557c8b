"""Do pictures become the squares that section 2 asks for?"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from alexnet.data.square import FITS, GREY, load_square, to_square


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Random greys, not so far apart that the filter overshoots 0 or 255."""
    return np.random.default_rng(seed).integers(80, 176, (height, width, 3), np.uint8)


def cubic(distance: np.ndarray) -> np.ndarray:
    """The bicubic kernel with a = -1/2."""
    x = np.abs(distance)
    inner, outer = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x < 1, inner, np.where(x < 2, outer, 0))


def plain_scale(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased bicubic scaling by weighted sums over all pixels of a row or column, in float64."""
    for axis, out in ((0, height), (1, width)):
        size = image.shape[axis]
        ratio = size / out
        stretch = max(ratio, 1.0)
        centres = (np.arange(out) + 0.5) * ratio
        weights = cubic((np.arange(size)[None] + 0.5 - centres[:, None]) / stretch)
        weights /= weights.sum(1, keepdims=True)
        image = np.moveaxis(np.tensordot(weights, image.astype(np.float64), (1, axis)), 0, axis)
    return image


@pytest.mark.fidelity(
    topic="From a photograph to a square",
    paper="section 2: shorter side scaled to 256, central 256 x 256 cropped",
    source="the same, done before its batches were written",
    others="torchvision: shorter side to 256 at test time, random resized crops in training; many squash",
    option="`--size 256 --fit crop`",
)
@pytest.mark.parametrize(("height", "width"), [(96, 160), (160, 96), (40, 50), (64, 65), (33, 200)])
def test_the_shorter_side_is_scaled_and_the_centre_kept(height: int, width: int) -> None:
    image, size = noise(height, width), 32
    scale = size / min(height, width)
    long = round(max(height, width) * scale)
    square, lost = to_square(image, size, "crop")
    assert square.shape == (32, 32, 3)
    assert lost == pytest.approx(1 - min(height, width) / max(height, width))
    if long * min(height, width) == size * max(height, width) and (long - size) % 2 == 0:
        tall = height > width
        full = plain_scale(image, long if tall else size, size if tall else long)
        start = (long - size) // 2
        expected = full[start : start + size] if tall else full[:, start : start + size]
        assert np.abs(square - expected).max() < 1.5  # Pillow rounds between its two passes


def test_a_picture_of_the_right_height_keeps_its_pixels() -> None:
    for width in (64, 80, 81):
        image = noise(64, width)
        start = (width - 64) // 2
        assert (to_square(image, 64, "crop")[0] == image[:, start : start + 64]).all()


def test_squash_keeps_everything() -> None:
    image = noise(48, 96)
    square, lost = to_square(image, 24, "squash")
    assert lost == 0
    assert np.abs(square - plain_scale(image, 24, 24)).max() < 1.5


@pytest.mark.parametrize(("height", "width", "bars"), [(20, 40, "rows"), (40, 20, "columns"), (2, 20000, "rows")])
def test_letterbox_keeps_everything_between_grey_bars(height: int, width: int, bars: str) -> None:
    square, lost = to_square(np.zeros((height, width, 3), np.uint8), 32, "letterbox")
    assert lost == 0
    across = square if bars == "rows" else square.transpose(1, 0, 2)
    inside = max(1, round(32 * min(height, width) / max(height, width)))
    top = (32 - inside) // 2
    assert (across[:top] == GREY).all()
    assert (across[top + inside :] == GREY).all()
    assert not across[top : top + inside].any()


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_reading_at_a_reduced_scale_changes_little(fit: str, kind: str) -> None:
    rows, columns = np.mgrid[0:900, 0:1300]
    waves = 127 + 100 * np.sin(rows / 40)[..., None] * np.cos(columns[..., None] / np.array([50, 60, 70]))
    file = io.BytesIO()
    Image.fromarray(waves.astype(np.uint8)).save(file, kind, **({"quality": 98} if kind == "JPEG" else {}))
    square, lost, size = load_square(file.getvalue(), 48, fit)  # type: ignore[arg-type]
    expected, expected_lost = to_square(waves.astype(np.uint8), 48, fit)  # type: ignore[arg-type]
    assert size == (1300, 900)
    assert lost == pytest.approx(expected_lost, abs=1e-9)
    assert np.abs(square.astype(int) - expected).max() <= 5


@pytest.mark.parametrize("fit", FITS)
def test_one_pixel_and_extreme_strips_become_squares(fit: str) -> None:
    for height, width in ((1, 1), (2, 20000), (20000, 2), (1, 3)):
        square, lost = to_square(np.full((height, width, 3), 200, np.uint8), 256, fit)  # type: ignore[arg-type]
        assert square.shape == (256, 256, 3)
        assert 0 <= lost < 1
        assert (square == 200).any()
