"""Are two classifiers compared as the books say, and is the interval's promise kept?"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.scoring.paired import holm, mcnemar, newcombe, paired, said_p

halves = st.sampled_from([0.0, 0.5, 1.0])


@st.composite
def two(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 40))
    return tuple(np.array(draw(st.lists(halves, min_size=n, max_size=n))) for _ in "ab")  # type: ignore[return-value]


def test_newcombes_examples() -> None:
    """Newcombe (1998), counts 36, 12, 2, 0: method 10 gives .0569 to .3404; and the counts of Altman et al. (2000)."""
    found = newcombe(36, 12, 2, 0)
    assert (found.value, found.low, found.high) == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)
    plain = method_10(14, 5, 0, 22)
    found = newcombe(14, 5, 0, 22)
    assert (found.low, found.high) == pytest.approx(plain, abs=1e-12)


def method_10(r: int, s: int, t: int, u: int) -> tuple[float, float]:
    """The formula restated, with Wilson's ends as roots of a quadratic."""
    n, z2 = r + s + t + u, 1.959963984540054**2

    def ends(x: int) -> tuple[float, float]:
        a, b, c = n + z2, -(2 * x + z2), x * x / n
        root = math.sqrt(b * b - 4 * a * c)
        return (-b - root) / (2 * a), (-b + root) / (2 * a)

    p1, p2 = (r + s) / n, (r + t) / n
    (l1, u1), (l2, u2) = ends(r + s), ends(r + t)
    size = (r + s) * (t + u) * (r + t) * (s + u)
    q = r * u - s * t
    phi = 0 if size == 0 else (q - n / 2 if q > n / 2 else 0 if q >= 0 else q) / math.sqrt(size)
    down = math.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    up = math.sqrt((p2 - l2) ** 2 - 2 * phi * (p2 - l2) * (u1 - p1) + (u1 - p1) ** 2)
    return p1 - p2 - down, p1 - p2 + up


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=4, max_size=4).filter(any))
def test_the_interval_is_the_formula(counts: list[int]) -> None:
    found, (low, high) = newcombe(*counts), method_10(*counts)
    assert (found.low, found.high) == pytest.approx((max(-1, low), min(1, high)), abs=1e-7)
    assert -1 <= found.low <= found.value <= found.high <= 1


@pytest.mark.parametrize(("n", "shares"), [(60, (0.6, 0.1, 0.1, 0.2)), (200, (0.9, 0.02, 0.05, 0.03))])
def test_the_interval_holds_the_truth_as_often_as_it_says(n: int, shares: tuple[float, ...]) -> None:
    drawn = np.random.default_rng(7).multinomial(n, shares, 3000)
    truth = shares[1] - shares[2]
    held = np.mean([(i := newcombe(*counts)).low <= truth <= i.high for counts in drawn.tolist()])
    assert 0.935 <= held <= 0.98


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_the_test_is_that_of_fair_coins(a: int, b: int) -> None:
    n = a + b
    tail = sum(Fraction(math.comb(n, i), 2**n) for i in range(min(a, b) + 1))
    assert mcnemar(a, b) == pytest.approx(float(min(Fraction(1), 2 * tail)), rel=1e-9)


def test_the_test_of_many_pictures() -> None:
    assert mcnemar(5000, 5000) == 1
    assert mcnemar(0, 5000) == pytest.approx(0, abs=1e-300)
    assert mcnemar(24_800, 25_200) == pytest.approx(math.erfc(399 / math.sqrt(50_000) / math.sqrt(2)), rel=0.01)


@settings(max_examples=60, deadline=None)
@given(two())
def test_two_are_compared_picture_by_picture(data: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = data
    found = paired(a, b)
    both = only_a = only_b = neither = 0.0
    for x, y in zip(a.tolist(), b.tolist(), strict=True):
        both, neither = both + min(x, y), neither + 1 - max(x, y)
        only_a, only_b = only_a + max(0, x - y), only_b + max(0, y - x)
    assert (found.both_right, found.only_a, found.only_b, found.both_wrong) == (both, only_a, only_b, neither)
    assert found.difference.value == pytest.approx(found.a.value - found.b.value, abs=1e-9)
    assert found.difference.low <= found.difference.value <= found.difference.high


@settings(max_examples=60, deadline=None)
@given(two())
def test_exchanged_they_are_mirrored(data: tuple[np.ndarray, np.ndarray]) -> None:
    one, other = paired(*data), paired(*data[::-1])
    assert (one.a, one.b, one.p, one.told) == (other.b, other.a, other.p, other.told)
    mirrored = (-other.difference.value, -other.difference.high, -other.difference.low)
    assert (one.difference.value, one.difference.low, one.difference.high) == pytest.approx(mirrored, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(two())
def test_with_itself_there_is_no_difference(data: tuple[np.ndarray, np.ndarray]) -> None:
    found = paired(data[0], data[0])
    assert (found.difference.value, found.p, found.only_a, found.only_b, found.told) == (0, 1, 0, 0, False)
    assert found.difference.low < 0 < found.difference.high, "also pictures that never differ leave room for doubt"


def test_no_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        paired(np.zeros(0), np.zeros(0))


def test_holms_correction_is_that_of_a_plain_loop() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    values = np.random.default_rng(0).random(50).tolist()
    ranked, least = sorted(values), 0.0
    for rank, value in enumerate(ranked):
        least = max(least, min(1, (50 - rank) * value))
        assert holm(values)[values.index(value)] == pytest.approx(least)
    assert holm([]) == []


def test_chances_are_said_shortly() -> None:
    assert [said_p(p) for p in (0.0004, 0.0213, 0.5, 1.0)] == ["p<.001", "p=.021", "p=.500", "p=1"]
