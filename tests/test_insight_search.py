"""Are the nearest rows those that brute force finds, with measured distances, however they are searched?"""

from __future__ import annotations

import math
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.insight.search import nearest


def away(query: list[float], row: list[float], metric: str) -> float:
    """One distance in Python's own floats, sums rounded once."""
    if metric == "euclidean":
        return math.sqrt(math.fsum((a - b) ** 2 for a, b in zip(query, row, strict=True)))
    lengths = math.hypot(*query) * math.hypot(*row)
    return 1 - math.fsum(a * b for a, b in zip(query, row, strict=True)) / lengths if lengths else 1.0


def by_hand(queries: np.ndarray, among: np.ndarray, number: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Pair by pair, sorted by (distance, row number)."""
    found = [
        sorted((away(query, row, metric), place) for place, row in enumerate(among.astype(np.float64).tolist()))
        for query in queries.astype(np.float64).tolist()
    ]
    rows = np.array([[place for _, place in one[:number]] for one in found])
    return rows, np.array([[distance for distance, _ in one[:number]] for one in found])


def values(rows: int, wide: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, wide)).astype(np.float32)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("how", ["exact", "faiss"])
@pytest.mark.parametrize("chunk", [1, 7 * 8 * 20, 1 << 25], ids=["a row", "seven rows", "all"])
def test_as_brute_force(metric: str, how: str, chunk: int) -> None:
    if how == "faiss":
        pytest.importorskip("faiss")
    queries, among = values(5, 20), values(60, 20, seed=1)
    rows, distances = by_hand(queries, among, 6, metric)
    found = nearest(queries, among, 6, metric=metric, how=how, chunk=chunk)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-12, atol=1e-15)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(),
    wide=st.integers(1, 4),
    count=st.integers(1, 12),
    number=st.integers(1, 14),
    chunk=st.integers(1, 200),
)
def test_ties_go_by_row_number(data: st.DataObject, wide: int, count: int, number: int, chunk: int) -> None:
    """Small whole numbers, of which many pairs are equally far apart, far from zero: exact in float64."""
    row = st.lists(st.integers(-2, 2), min_size=wide, max_size=wide)
    shift = data.draw(st.sampled_from([0, 4096]))
    among = np.array(data.draw(st.lists(row, min_size=count, max_size=count)), np.float32) + shift
    queries = np.array(data.draw(st.lists(row, min_size=1, max_size=3)), np.float32) + shift
    rows, distances = by_hand(queries, among, number, "euclidean")
    found = nearest(queries, among, number, chunk=chunk)
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, distances)


def test_small_differences_of_large_values_are_seen() -> None:
    """|q|^2 + |x|^2 - 2qx is wrong by some hundredths here, far more than what tells these rows apart."""
    generator = np.random.default_rng(0)
    query = generator.normal(size=(1, 64)) * 1e6
    apart = generator.normal(size=(100, 64))
    away = 0.0005 * generator.permutation(100)
    among = query + away[:, None] * apart / np.linalg.norm(apart, axis=1, keepdims=True)
    for chunk in (8 * 64 * 4, 1 << 20):
        found = nearest(query, among, 3, chunk=chunk)
        assert found.rows[0].tolist() == np.argsort(away)[:3].tolist()
        np.testing.assert_allclose(found.distances[0], [0, 0.0005, 0.001], atol=1e-8)
        assert found.distances[0, 0] == 0


@pytest.mark.parametrize("how", ["exact", "faiss"])
def test_nothing_but_zeros_has_no_direction(how: str) -> None:
    if how == "faiss":
        pytest.importorskip("faiss")
    among = np.array([[0, 0], [1, 0.2], [-1, 0], [0, 0]], np.float32)
    found = nearest(np.array([[1, 0], [0, 0]], np.float32), among, 4, metric="cosine", how=how, chunk=16)
    assert found.rows.tolist() == [[1, 0, 3, 2], [0, 1, 2, 3]]
    assert found.distances[0, 1:].tolist() == [1, 1, 2]
    assert found.distances[1].tolist() == [1, 1, 1, 1]


def test_cosine_does_not_see_length() -> None:
    among = values(30, 8)
    query = among[[4]] * np.float32(1e30)
    found = nearest(query, among, 3, metric="cosine")
    assert found.rows[0, 0] == 4
    assert found.distances[0, 0] < 1e-14
    assert nearest(among[[4]], among * np.float32(1e-30), 3, metric="cosine").rows.tolist() == found.rows.tolist()


def test_memory_is_that_of_a_chunk(tmp_path: Path) -> None:
    """64 MB of rows on the disk, searched with chunks of 1 MB."""
    made = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.float32, (62_500, 256))
    made[:] = 1
    made[61_000] = 0.5
    made.flush()
    among = np.load(tmp_path / "a.npy", mmap_mode="r")
    tracemalloc.start()
    found = nearest(np.zeros((1, 256), np.float32), among, 2, chunk=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.rows.tolist() == [[61_000, 0]]
    assert peak < 12e6


def test_what_cannot_be_searched_is_told() -> None:
    among = values(4, 3)
    for words, said in (
        ({"metric": "manhattan"}, "no distance is called 'manhattan'; there are euclidean and cosine"),
        ({"how": "fast"}, "no way to search is called 'fast'"),
        ({"number": 0}, "at least 1 neighbour"),
    ):
        with pytest.raises(ValueError, match=said):
            nearest(among, among, **({"number": 2} | words))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="cannot be compared"):
        nearest(values(1, 2), among, 1)
    with pytest.raises(ValueError, match="no pictures to search among"):
        nearest(among, among[:0], 1)
    broken = among.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        nearest(among, broken, 1)
    with pytest.raises(ValueError, match="not finite"):
        nearest(broken, among, 1)


def test_without_faiss_one_sentence_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match=r"faiss, which is not installed .*pip install 'alexnet\[insight\]'"):
        nearest(values(1, 2), values(3, 2), 1, how="faiss")
    assert nearest(values(1, 2), values(3, 2), 1).rows.shape == (1, 1)
