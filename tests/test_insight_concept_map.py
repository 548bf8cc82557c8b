"""Does the map keep what it should, say how much, and can it be read with one class or a hundred?"""

from __future__ import annotations

import numpy as np
import pytest

from alexnet.drawing.scatter import scatter, thumbnails
from alexnet.drawing.style import png
from alexnet.insight.concept_map import concept_map
from test_drawing_figures import check_texts, names, pictures, said


def groups(each: int = 20, kinds: int = 4, wide: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Far-off groups, one a class."""
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(kinds), each)
    return (20 * np.eye(kinds, wide)[labels] + generator.normal(size=(len(labels), wide))).astype(np.float32), labels


def test_groups_stay_together() -> None:
    values, labels = groups()
    found = concept_map(values, labels)
    assert found.tsne is not None
    assert found.pca.shape == found.tsne.shape == (80, 2)
    assert found.same["features"].share.value == 1
    assert found.same["tsne"].share.value == 1
    assert found.same["features"].chance == pytest.approx(19 / 79)
    assert {one.number for one in found.same.values()} == {10}
    again = concept_map(values, labels)
    assert again.tsne is not None
    np.testing.assert_array_equal(found.tsne, again.tsne)


def test_labels_have_no_part_in_the_placing_and_chance_is_chance() -> None:
    values, labels = groups(each=40)
    shuffled = np.random.default_rng(1).permutation(labels)
    one, other = concept_map(values, labels), concept_map(values, shuffled)
    np.testing.assert_array_equal(one.pca, other.pca)
    measured = other.same["features"]
    assert measured.share.low - 0.03 < measured.chance < measured.share.high + 0.03


def test_components_are_those_of_largest_variance() -> None:
    values, labels = groups(kinds=3, wide=6)
    found = concept_map(values, labels)
    centred = values.astype(np.float64) - values.astype(np.float64).mean(axis=0)
    expected = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.pca), np.abs(expected[0][:, :2] * expected[1][:2]), rtol=1e-5, atol=1e-5)
    assert sum(found.explained) == pytest.approx((expected[1][:2] ** 2).sum() / (expected[1] ** 2).sum())


def test_a_picture_is_no_neighbour_of_its_own() -> None:
    values = np.arange(8, dtype=np.float32)[:, None] ** 2
    labels = np.arange(8)
    assert concept_map(values, labels).same["features"].share.value == 0
    equal = concept_map(np.repeat(values[:1], 30, axis=0), np.arange(30))
    assert equal.tsne is None
    assert equal.same["features"].share.value == 0
    assert equal.same["features"].number == 10


@pytest.mark.parametrize(("n", "wide"), [(2, 3), (4, 1), (5, 1), (6, 2), (12, 700)])
def test_few_pictures_and_few_values(n: int, wide: int) -> None:
    values = np.random.default_rng(0).normal(size=(n, wide)).astype(np.float32)
    found = concept_map(values, np.zeros(n, np.int64))
    assert found.pca.shape == (n, 2)
    assert (found.tsne is None) == (n < 5)
    assert found.same["features"].share.value == 1
    for places in (found.pca, found.tsne):
        assert places is None or np.isfinite(places).all()


@pytest.mark.parametrize("kinds", [1, 10, 130])
def test_the_figures_can_be_read(kinds: int) -> None:
    generator = np.random.default_rng(0)
    labels = np.concatenate([np.arange(kinds), generator.integers(0, kinds, 200)])
    places = generator.normal(size=(len(labels), 2))
    maps = [("Principal components", places, "same class among 10 nearest: 15.7%"), ("t-SNE", places, "the same")]
    figure = scatter(maps, labels, names(kinds), title="A map", note="each point a picture")
    check_texts(figure)
    assert (f"{kinds - 12} other classes" in said(figure)) == (kinds > 12)
    pasted = thumbnails(places, pictures(len(labels), 8), labels, names(kinds), title="A map", note="of pictures")
    check_texts(pasted)
    assert png(figure) == png(scatter(maps, labels, names(kinds), title="A map", note="each point a picture"))


def test_one_place_for_all_is_drawn() -> None:
    check_texts(scatter([("Principal components", np.zeros((3, 2)), "no variance")], np.arange(3), names(3)))
    check_texts(thumbnails(np.zeros((3, 2)), pictures(3), np.arange(3), names(3)))
