"""Does the search for near copies find all that are there, also mirrored, in bounded memory?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings as how
from hypothesis import strategies as some

from alexnet.data.inspect import alike
from alexnet.data.inspect.alignment import cosines, similarity
from alexnet.data.inspect.alike import find_alike


def textures(count: int, seed: int = 0) -> np.ndarray:
    """uint8 (count, 64, 64): noise that falls off with frequency as photographs do."""
    generator = np.random.default_rng(seed)
    waves = cosines(64, 32)
    amplitudes = generator.normal(size=(count, 32, 32)) / (1 + np.hypot(*np.mgrid[:32, :32]))
    images = waves.T @ amplitudes @ waves
    images -= images.min((1, 2), keepdims=True)
    return np.asarray(255 * images / images.max((1, 2), keepdims=True)).astype(np.uint8)


def search(thumbs: np.ndarray, side: int = 200) -> alike.Pairs:
    return find_alike(thumbs, np.arange(len(thumbs)), np.full(len(thumbs), side))


def test_cosines_are_orthonormal() -> None:
    assert np.allclose(cosines(64, 64) @ cosines(64, 64).T, np.eye(64), atol=1e-5)


def test_pairs_are_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the pictures are cut into blocks, the same pairs: each once, the smaller row first."""
    thumbs = textures(60)
    thumbs[50] = thumbs[3]
    thumbs[41] = thumbs[17][:, ::-1]
    whole = search(thumbs)
    monkeypatch.setattr(alike, "_BLOCK", 7)
    cut = search(thumbs)
    for pairs in (whole, cut):
        found = {(int(a), int(b)): bool(m) for a, b, m in zip(pairs.first, pairs.second, pairs.mirrored, strict=True)}
        assert found == {(3, 50): False, (17, 41): True}
        assert pairs.similarity == pytest.approx(1, abs=1e-4)
        assert pairs.complete


def test_more_likely_pairs_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The likeliest are kept, and it is said that others may be missing."""
    monkeypatch.setattr(alike, "MOST", 10)
    monkeypatch.setattr(alike, "_BLOCK", 8)
    pairs = search(np.repeat(textures(1), 40, 0))
    assert not pairs.complete
    assert len(pairs) == 10


def test_pale_and_small_pictures_are_not_compared() -> None:
    pale = np.full((4, 64, 64), 200, np.uint8)
    assert len(search(pale)) == 0
    twice = np.repeat(textures(2), 2, 0)
    assert len(search(twice, alike.SMALLEST - 1)) == 0
    assert len(search(twice, alike.SMALLEST)) == 2
    assert len(search(textures(0))) == 0


def test_a_common_frame_is_not_enough() -> None:
    """Most of the contrast is in an equal black frame; the pictures inside are different."""
    thumbs = textures(30, seed=3) // 4 + 150
    thumbs[:, :6] = thumbs[:, -6:] = thumbs[:, :, :6] = thumbs[:, :, -6:] = 0
    assert len(search(thumbs)) == 0


@how(max_examples=25, deadline=None)
@for_all(
    seed=some.integers(0, 10**6),
    gain=some.floats(0.5, 1.0),
    offset=some.floats(0, 60),
    side=some.sampled_from((32, 64)),
)
def test_similarity_knows_no_brightness_and_no_order(seed: int, gain: float, offset: float, side: int) -> None:
    first, second = textures(2, seed)[:1], textures(2, seed)[1:]
    lit = (first * gain + offset * (1 - gain)).astype(np.uint8)
    assert similarity(first, lit, side)[0] > 0.97
    there, back = similarity(first, second, side), similarity(second, first, side)
    assert there == pytest.approx(back, abs=1e-5)
    assert there[0] < 0.8
