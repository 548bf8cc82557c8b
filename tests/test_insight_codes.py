"""Are codes signs of the right directions, compared bit by bit, and is their loss told as it is?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.drawing.recall import recall as draw
from alexnet.insight.binary import basis, fit, hamming, nearest_codes
from alexnet.insight.codes import lengths_for, losses, recall
from test_drawing_figures import check_texts


def values(rows: int, wide: int, seed: int = 0) -> np.ndarray:
    """Variance falls from direction to direction, none of which is an axis."""
    generator = np.random.default_rng(seed)
    turned = np.linalg.qr(np.random.default_rng(99).normal(size=(wide, wide)))[0]
    return (generator.normal(size=(rows, wide)) * 0.8 ** np.arange(wide) @ turned + 3).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 7), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_bits_that_differ_are_counted(queries: int, rows: int, bits: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    one, other = generator.random((queries, bits)) > 0.5, generator.random((rows, bits)) > 0.5
    expected = (one[:, None] != other[None]).sum(axis=2)
    packed, among = np.packbits(one, axis=1), np.packbits(other, axis=1)
    np.testing.assert_array_equal(hamming(packed, among), expected)
    found, apart = nearest_codes(packed, among, 3)
    for place, row in enumerate(expected.tolist()):
        best = sorted((away, number) for number, away in enumerate(row))[:3]
        assert found[place].tolist() == [number for _, number in best]
        assert apart[place].tolist() == [away for away, _ in best]


@pytest.mark.parametrize("shape", [(300, 20), (15, 40)], ids=["more rows", "more values"])
def test_the_basis_is_the_principal_components(shape: tuple[int, int]) -> None:
    rows = values(*shape)
    found = basis(rows)
    count = min(shape[0] - 1, shape[1])
    assert found.components.shape == (shape[1], count)
    np.testing.assert_allclose(found.components.T @ found.components, np.eye(count), atol=1e-7)
    expected = np.linalg.svd(rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0))[2][:count]
    alike = np.abs((found.components.T[:8] * expected[:8]).sum(axis=1))
    np.testing.assert_allclose(alike, 1, atol=1e-6)


def test_plain_codes_are_signs_of_the_components() -> None:
    rows = values(300, 20)
    found = basis(rows)
    coder = fit(found, 12, method="pca")
    bits = np.unpackbits(coder.encode(rows), axis=1)[:, :12]
    np.testing.assert_array_equal(bits, (rows - found.mean) @ found.components[:, :12] > 0)
    assert coder.encode(rows).shape == (300, 2)
    assert coder.encode(rows[:0]).shape == (0, 2)


def test_turning_keeps_the_subspace_and_loses_less() -> None:
    """The error of quantization, which the rotation is there to make small (Gong and Lazebnik 2011, equation 2)."""
    rows = values(400, 32)
    found = basis(rows)
    plain, turned = fit(found, 16, method="pca"), fit(found, 16, method="itq")

    def lost(directions: np.ndarray) -> float:
        projected = found.centred @ directions
        return float(((np.sign(projected) - projected) ** 2).sum())

    np.testing.assert_allclose(turned.directions.T @ turned.directions, np.eye(16), atol=1e-9)
    span = found.components[:, :16]
    np.testing.assert_allclose(span @ (span.T @ turned.directions), turned.directions, atol=1e-9)
    assert lost(turned.directions) < lost(plain.directions)
    np.testing.assert_array_equal(fit(found, 16).directions, turned.directions)
    assert not np.array_equal(fit(found, 16, seed=1).directions, turned.directions)


def test_recall_shares_the_last_places_among_equals() -> None:
    apart = np.array([[0, 1, 1, 1, 2], [3, 3, 3, 3, 3]])
    exact = np.array([[0, 3], [1, 4]])
    # The first query: row 0 is in, one place is left for three. The second: two places for five.
    np.testing.assert_allclose(recall(apart, exact, 2), [(1 + 1 / 3) / 2, 2 / 5])
    np.testing.assert_allclose(recall(apart, exact, 5), [1, 1])
    np.testing.assert_allclose(recall(apart, exact, 50), [1, 1])


def test_recall_does_not_depend_on_the_order_of_the_pictures() -> None:
    generator = np.random.default_rng(0)
    apart = generator.integers(0, 4, (6, 30))
    exact = np.stack([generator.permutation(30)[:5] for _ in range(6)])
    shuffled = generator.permutation(30)
    moved = np.argsort(shuffled)
    np.testing.assert_allclose(recall(apart, exact, 7), recall(apart[:, shuffled], moved[exact], 7))


def test_longer_codes_find_more_and_random_ones_find_chance() -> None:
    among, queries = values(500, 40), values(60, 40, seed=1)
    found = basis(among)
    made = {(one.method, one.bits): one for one in losses(queries, among, found, lengths=(4, 8, 32), candidates=50)}
    itq = [made["itq", bits].long.value for bits in (4, 8, 32)]
    assert itq == sorted(itq)
    assert itq[-1] > 0.7
    assert itq[0] > 2 * 50 / 500
    for one in made.values():
        assert one.short.low <= one.short.value <= one.short.high
        assert one.short.value <= one.long.value
    shuffled = np.random.default_rng(2).permutation(len(among))
    codes, asked = fit(found, 32).encode(among), fit(found, 32).encode(queries)
    exact = np.argsort(((queries[:, None] - among[None]) ** 2).sum(axis=2), axis=1)[:, :10]
    by_chance = recall(hamming(asked, codes[shuffled]), exact, 50).mean()
    assert by_chance < 0.2


def test_what_cannot_be_coded_is_told() -> None:
    found = basis(values(10, 40))
    with pytest.raises(ValueError, match=r"codes of 16 bits cannot be made .* differ in 9 directions"):
        fit(found, 16)
    with pytest.raises(ValueError, match="no way to make codes is called 'lsh'"):
        fit(found, 8, method="lsh")
    assert basis(np.ones((5, 3), np.float32)).components.shape == (3, 0)
    assert [lengths_for(count) for count in (600, 64, 40, 31, 1)] == [[32, 64, 128, 256], [32, 64], [32], [16], [1]]


def test_the_figure_can_be_read() -> None:
    share = {"value": 0.5, "low": 0.4, "high": 0.55}
    rows = [
        {"method": method, "bits": bits, "short": share, "long": share}
        for method in ("itq", "pca")
        for bits in (32, 64)
    ]
    check_texts(draw(rows, 10, 100, note="test, 500 of its 8,000 pictures"))
    check_texts(draw(rows[:1], 3, 5))
