"""Are arms paired by seed, bounds read the right way round, and ranks told apart only where they can be?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from alexnet.study.claim import Expects
from alexnet.study.effects import Pair, claim_verdict, compare, ranking
from alexnet.study.outcome import Comparison, Values


def arm(
    name: str, values: Sequence[float | None], measure: str = "test_error", bounds: Sequence[int] = (), first: int = 0
) -> Values:
    n = len(values)
    return Values(
        arm=name, measure=measure, seeds=tuple(range(first, first + n)), values=tuple(values),
        bounds=tuple(i in bounds for i in range(n)), keys=("",) * n, reasons=("",) * n, seconds=0.0, rate=0.01,
    )  # fmt: skip


def one(mine: Values, theirs: Values, expects: Expects = "higher", least: float = 0.5) -> Comparison:
    return compare([Pair(arm=mine, against=theirs, expects=expects, least=least)])[0]


def race(
    slow: Sequence[float | None], fast: Sequence[float | None], bounds: Sequence[int] = (), late: Sequence[int] = ()
) -> Comparison:
    """tanh beside ReLU: the ratio of their epochs is claimed to be above 1."""
    return one(arm("tanh", slow, "epochs_to_25", bounds), arm("ReLU", fast, "epochs_to_25", late), "higher", 2.0)


def test_points_are_paired_by_seed_and_not_by_place() -> None:
    found = one(arm("no overlap", [21.0, 33.0, 27.2]), arm("baseline", [99.0, 20.0, 32.1, 26.0, 0.0], first=-1))
    assert dict(found.differences) == pytest.approx({0: 1.0, 1: 0.9, 2: 1.2})
    assert found.mean == pytest.approx(31 / 30)
    assert found.sd == pytest.approx(np.std([1, 0.9, 1.2], ddof=1))
    assert found.relative == pytest.approx(100 * 3.1 / 78.1)
    assert (found.arm, found.against, found.unit, found.n) == ("no overlap", "baseline", "points", 3)
    assert (found.verdict, found.settles, found.note) == ("supported", "", "")
    assert found.low is not None
    assert 0 < found.low < 1 < (found.high or 0)


def test_ratios_have_a_geometric_mean() -> None:
    found = race([20.0, 12.0, 24.0], [4.0, 3.0, 4.0])
    assert found.mean == pytest.approx((5 * 4 * 6) ** (1 / 3))
    assert found.relative == pytest.approx(100 * (found.mean or 0) - 100)
    assert found.sd == pytest.approx(np.std(np.log([5, 4, 6]), ddof=1))
    assert (found.low or 0) * (found.high or 0) == pytest.approx((found.mean or 0) ** 2)
    assert (found.unit, found.verdict) == ("times", "supported")


def test_a_slower_arm_that_did_not_arrive_still_supports() -> None:
    found = race([30.0, 30.0, 28.0], [5.0, 6.0, 5.5], bounds=[0, 1])
    assert found.verdict == "supported"
    assert found.note == "the ratio is a lower bound: tanh did not arrive with seeds 0, 1"
    # The same numbers the other way round: ReLU beside tanh, claimed to be lower.
    other = one(arm("ReLU", [5.0, 6.0, 5.5], "epochs_to_25"), arm("tanh", [30.0, 30.0, 28.0], "epochs_to_25", [0, 1]),
                "lower", 2.0)  # fmt: skip
    assert (other.verdict, other.p) == (found.verdict, pytest.approx(found.p))
    assert other.note == "the ratio is an upper bound: tanh did not arrive with seeds 0, 1"
    # A bound that is small says nothing against.
    assert race([6.0, 6.1, 6.0], [5.9, 6.0, 6.05]).verdict == "not supported"
    open_ = race([6.0, 6.1, 6.0], [5.9, 6.0, 6.05], bounds=[0, 1, 2])
    assert open_.verdict == "inconclusive"
    assert open_.settles.endswith("seeds, or more epochs")


@pytest.mark.parametrize("bounds", [(), (1,)])
def test_a_faster_arm_that_did_not_arrive_leaves_it_open(bounds: tuple[int, ...]) -> None:
    found = race([30.0, 30.0, 29.0, 28.0], [5.0, 30.0, 5.2, 6.0], bounds=bounds, late=[1])
    assert (found.n, found.mean, found.relative, found.p) == (0, None, None, None)
    assert found.verdict == "inconclusive"
    assert found.settles == "more epochs: 25% training error was not reached within 30"
    assert found.note == "no ratio for seed 1: the arm that should be the faster did not arrive"


def test_equal_times_need_both_to_arrive() -> None:
    found = one(arm("a", [30.0, 5.0], "epochs_to_25", [0]), arm("b", [5.0, 5.0], "epochs_to_25"), "equal", 1.2)
    assert (found.verdict, found.n) == ("inconclusive", 0)


def test_failed_runs_are_left_out_and_named() -> None:
    found = one(arm("a", [None, 21.0, math.nan]), arm("b", [20.0, 20.0, 20.0]))
    assert (found.n, found.mean, found.low, found.sd) == (1, 1.0, None, None)
    assert (found.settles, found.note) == ("at least 2 seeds", "no pair of numbers for seeds 0, 2")
    nothing = one(arm("a", [None]), arm("b", [20.0]))
    assert (nothing.n, nothing.mean, nothing.settles) == (0, None, "runs that succeed")
    zero = one(arm("a", [1.0, 1.1]), arm("b", [0.0, 0.0]))
    assert zero.relative is None


def test_what_is_open_says_how_many_seeds() -> None:
    found = one(arm("a", [21.0, 20.2, 20.9]), arm("b", [20.0, 20.0, 20.0]))
    assert found.verdict == "inconclusive"
    words, number, seeds = found.settles.split()
    assert (words, seeds) == ("about", "seeds")
    assert 3 < int(number) < 15
    far = one(arm("a", [25.0, 15.0, 20.75]), arm("b", [20.0, 20.0, 20.0]))
    assert far.settles == "more than 100 seeds"


def test_comparisons_share_the_correction() -> None:
    pair = Pair(arm=arm("a", [21.0, 21.3, 20.8]), against=arm("b", [20.0] * 3), expects="higher", least=0.5)
    failed = Pair(arm=arm("c", [None]), against=arm("b", [20.0]), expects="higher", least=0.5)
    [alone], several = compare([pair]), compare([pair, failed, failed])
    assert alone.p is not None
    assert several[0].p == pytest.approx(3 * alone.p)
    assert compare([]) == []


def test_a_claim_is_as_good_as_its_worst_comparison() -> None:
    good = one(arm("a", [22.0, 22.3, 21.8]), arm("b", [20.0] * 3))
    bad = one(arm("a", [20.0, 20.01, 19.99]), arm("b", [20.0] * 3))
    open_ = one(arm("a", [22.0]), arm("b", [20.0]))
    assert [c.verdict for c in (good, bad, open_)] == ["supported", "not supported", "inconclusive"]
    assert claim_verdict([good, good]) == "supported"
    assert claim_verdict([good, open_]) == "inconclusive"
    assert claim_verdict([good, open_, bad]) == "not supported"
    assert claim_verdict([]) == "inconclusive"


def test_a_ranking_tells_neighbours_apart_where_it_can() -> None:
    """The arms' differences share the baseline's ups and downs, which cancel between neighbours."""
    base = np.array([20.0, 23.0, 18.0, 21.0, 19.5])
    shifts = {"first": (6.0, 0.0), "second": (3.0, 0.0), "third": (2.99, 1.0)}
    own = np.random.default_rng(3).standard_normal((3, 5)) * 0.05
    noise = np.array([0.0, 1.0, -1.0, 0.5, -0.4])
    pairs = [
        Pair(arm=arm(name, (base.mean() + shift + odd * noise + o).tolist()), against=arm("baseline", base.tolist()),
             expects="higher", least=0.5)
        for (name, (shift, odd)), o in zip(shifts.items(), own)
    ]  # fmt: skip
    found = ranking(compare([pairs[1], pairs[0], pairs[2]]))
    assert [row.name for row in found] == ["first", "second", "third"]
    assert [row.alike for row in found] == [False, True, False]
    assert all(row.low is not None and row.low < row.mean < (row.high or 0) for row in found)
    # Their intervals overlap: only the pairing tells the first from the second.
    assert found[0].low is not None
    assert found[0].low < (found[1].high or 0)
    missing = compare([Pair(arm=arm("gone", [None]), against=arm("baseline", [20.0]), expects="higher", least=0.5)])
    assert ranking(missing) == []
    assert ranking([]) == []


def test_null_effects_are_ranked_alike() -> None:
    generator = np.random.default_rng(9)
    told = 0
    for _ in range(150):
        base = generator.standard_normal(3)
        pairs = [
            Pair(arm=arm(str(i), (20 + generator.standard_normal(3)).tolist()), against=arm("b", (20 + base).tolist()),
                 expects="higher", least=0.5)
            for i in range(4)
        ]  # fmt: skip
        told += not all(row.alike for row in ranking(compare(pairs))[:-1])
    assert told / 150 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 150)


def test_an_effect_that_is_too_small_is_told_in_the_note() -> None:
    found = race([9.0, 9.1, 9.2], [6.0, 6.1, 6.0])
    assert (found.verdict, found.settles) == ("not supported", "")
    assert found.note == "an effect in that direction is told, but it is smaller than what counts"
