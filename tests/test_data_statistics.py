"""Are the statistics those of the pixels, whatever the order and grouping of the pictures?"""

from __future__ import annotations

import numpy as np
import pytest

from alexnet.data import statistics
from alexnet.data.statistics import Moments, from_moments


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    generator = np.random.default_rng(0)
    base = generator.normal(120, 40, (37, 1, 9, 9))
    return (base + generator.normal(0, 15, (37, 3, 9, 9)) + [[[[10]], [[0]], [[-20]]]]).clip(0, 255).astype(np.uint8)


def test_they_are_numpys(images: np.ndarray) -> None:
    found = from_moments(Moments.of(images))
    pixels = images.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    assert found.count == 37
    assert np.allclose(found.mean_image, images.mean(0), atol=1e-4)
    assert found.mean_image.dtype == np.float32
    assert np.allclose(found.channel_mean, pixels.mean(1), rtol=1e-13)
    assert np.allclose(found.channel_deviation, pixels.std(1), rtol=1e-12)
    covariance = np.cov(pixels, bias=True)
    values, vectors = found.eigenvalues, found.eigenvectors
    assert (np.diff(values) <= 0).all()
    assert np.allclose(vectors @ np.diag(values) @ vectors.T, covariance, rtol=1e-10)
    assert np.allclose(vectors.T @ vectors, np.eye(3), atol=1e-12)
    assert all(column[np.abs(column).argmax()] > 0 for column in vectors.T)


def test_sums_do_not_depend_on_the_grouping(images: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Moments.of(images)
    monkeypatch.setattr(statistics, "_PIXELS", 100)
    order = np.random.default_rng(1).permutation(37)
    parts = Moments.of(images[order[:5]]) + Moments.of(images[order[5:5]]) + Moments.of(images[order[5:]])
    assert parts.count == whole.count
    assert (parts.total == whole.total).all()
    assert (parts.products == whole.products).all()


def test_a_million_white_pictures_are_exactly_white() -> None:
    white = Moments.of(np.full((1, 3, 256, 256), 255, np.uint8))
    many = Moments(count=10**6, total=white.total * 10**6, products=white.products * 10**6)
    found = from_moments(many)
    assert found.channel_mean.tolist() == [255] * 3
    assert found.channel_deviation.tolist() == [0] * 3
    assert found.eigenvalues.tolist() == [0] * 3


def test_the_sample_of_imagenet_has_the_known_colour_basis(shared_data) -> None:  # type: ignore[no-untyped-def]
    """The eigenvalues that others use for ImageNet, on the scale 0 to 1: 0.2175, 0.0188, 0.0045."""
    from alexnet.data.square import load_square

    files = sorted((shared_data / "imagenet_sample" / "images").rglob("*.jpg"))[::5]
    squares = np.stack([load_square(file.read_bytes(), 64, "crop")[0] for file in files]).transpose(0, 3, 1, 2)
    found = from_moments(Moments.of(squares))
    assert np.allclose(found.channel_mean / 255, (0.485, 0.456, 0.406), atol=0.03)
    assert np.allclose(found.eigenvalues / 255**2, (0.2175, 0.0188, 0.0045), rtol=0.4)  # small squares vary less
