"""Does the rule keep its error rates, find what is there, and name the seeds that settle the rest?

The draws are fixed; bounds are those of the binomial distribution, three standard errors wide.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from alexnet.study.seeds import power, seeds_to_settle
from alexnet.study.spread import moderated
from alexnet.study.verdict import Answer, Question, judge

SD, LEAST = 0.5, 0.5


def asked(*rows: Sequence[float], **others: object) -> list[Answer]:
    settle = {"settle": bool(others.pop("settle", True))}
    return judge([Question(name=str(i), differences=tuple(row), **{"least": LEAST} | others)  # type: ignore[arg-type]
                  for i, row in enumerate(rows)], **settle)  # fmt: skip


def simulated(effects: Sequence[float], seeds: int, studies: int, factor: float = 1, **others: object) -> np.ndarray:
    """Verdicts (studies, questions): 1 supported, -1 not supported, 0 inconclusive; half the variances differ."""
    scale = SD * np.sqrt(np.where(np.arange(len(effects)) < len(effects) // 2, factor, 1.0))
    raw = np.random.default_rng(5).standard_normal((studies, len(effects), seeds))
    differences = np.array(effects)[:, None] + scale[:, None] * raw
    number = {"supported": 1, "not supported": -1, "inconclusive": 0}
    return np.array(
        [[number[one.verdict] for one in asked(*rows, settle=False, **others)] for rows in differences.tolist()]
    )


def above(share: float, n: int) -> float:
    """A share that chance exceeds in one case of a thousand."""
    return share + 3 * math.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize(("questions", "seeds", "factor"), [(1, 3, 1), (3, 3, 10), (8, 3, 10), (8, 5, 4), (20, 3, 10)])
def test_null_effects_are_seldom_supported(questions: int, seeds: int, factor: float) -> None:
    came = simulated([0.0] * questions, seeds, 500, factor)
    assert (came == 1).any(axis=1).mean() <= above(0.05, 500)


@pytest.mark.parametrize(("questions", "seeds"), [(1, 3), (1, 5), (8, 3)])
def test_effects_that_count_are_seldom_called_not_supported(questions: int, seeds: int) -> None:
    came = simulated([LEAST] * questions, seeds, 500)
    assert (came == -1).any(axis=1).mean() <= above(0.05, 500)


def test_the_rates_are_not_kept_by_never_deciding() -> None:
    """One question alone is Student's test: its error rate is 5%, not less."""
    came = simulated([0.0], 3, 1500, least=1e-9)
    assert (came == 1).mean() == pytest.approx(0.05, abs=3 * math.sqrt(0.05 * 0.95 / 1500))
    assert (simulated([4 * SD] * 8, 3, 60) == 1).mean() > 0.95
    assert (simulated([-4 * SD] * 8, 3, 60) == -1).mean() > 0.95


@pytest.mark.parametrize("truth", [-LEAST, LEAST])
def test_equality_is_seldom_told_where_it_is_not_nor_denied_where_it_is(truth: float) -> None:
    came = simulated([truth], 5, 1000, expects="equal")
    assert (came == 1).mean() <= above(0.05, 1000)
    assert (came == -1).mean() <= above(0.05, 1000)
    assert (simulated([0.0], 20, 100, expects="equal") == 1).mean() > 0.9
    assert (simulated([4 * SD], 5, 100, expects="equal") == -1).mean() > 0.9


def test_the_power_is_that_of_simulated_studies() -> None:
    for effect, equal in ((1.0, False), (-0.1, False), (0.0, True), (1.0, True)):
        stated = power(np.array([6.0]), effect, SD**2, 0.0, LEAST, equal, (0.05, 0.05))[0]
        came = simulated([effect], 6, 1500, expects="equal" if equal else "higher")
        # The power is that of the likelier of the two decisions.
        decided = max((came == 1).mean(), (came == -1).mean())
        assert decided == pytest.approx(stated, abs=0.05 if equal else 0.035), (effect, equal)


def test_the_seeds_that_are_named_settle_it_in_four_of_five_studies() -> None:
    wanted = seeds_to_settle(2, 0.6, SD**2, 0.0, LEAST, False, (0.05, 0.05))
    assert wanted is not None
    assert (simulated([0.6], wanted, 1000) != 0).mean() == pytest.approx(0.8, abs=0.05)
    fewer = power(np.array([wanted - 1.0]), 0.6, SD**2, 0.0, LEAST, False, (0.05, 0.05))[0]
    assert fewer < 0.8
    assert seeds_to_settle(2, 0.25, 4.0, 0.0, LEAST, False, (0.05, 0.05)) is None
    more = seeds_to_settle(2, 0.6, SD**2, 0.0, LEAST, False, (0.05 / 20, 0.05 / 20))
    assert more is not None
    assert more > wanted


def test_one_question_is_students_test() -> None:
    row = (0.9, 0.4, 1.3, 0.2)
    [one] = asked(row)
    assert one.p == pytest.approx(stats.ttest_1samp(row, 0, alternative="greater").pvalue)
    assert one.p_against == pytest.approx(stats.ttest_1samp(row, LEAST, alternative="less").pvalue)
    interval = stats.ttest_1samp(row, 0).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((interval.low, interval.high))
    assert (one.n, one.mean, one.sd, one.df) == (4, pytest.approx(0.7), pytest.approx(statistics.stdev(row)), 3)


@given(st.lists(st.floats(-3, 3), min_size=2, max_size=6))
@settings(max_examples=40, deadline=None)
def test_lower_is_the_mirror_of_higher(row: list[float]) -> None:
    [up], [down] = asked(row), asked([-x for x in row], expects="lower")
    assert (up.p, up.p_against, up.verdict, up.seeds_to_settle) == (
        down.p, down.p_against, down.verdict, down.seeds_to_settle)  # fmt: skip
    assert up.mean is not None
    assert down.mean == pytest.approx(-up.mean)
    if up.low is not None:
        assert down.high == pytest.approx(-up.low)


def test_ratios_are_logarithms_and_their_least_a_factor() -> None:
    logs = [math.log(x) for x in (3.0, 3.5, 2.6)]
    [times], [points] = asked(logs, unit="times", least=2.0), asked(logs, least=math.log(2))
    assert (times.p, times.p_against, times.mean) == (points.p, points.p_against, points.mean)
    # Points and ratios share the correction, not the variances.
    both = judge([Question(name="", differences=tuple(logs), unit="times", least=2.0),
                  Question(name="", differences=(9.0, 1.0, 4.0), least=LEAST)])  # fmt: skip
    assert both[0].df == 2
    assert both[0].p == pytest.approx(2 * times.p)


def test_more_questions_are_harder_to_answer() -> None:
    row = (1.0, 1.4, 0.8)
    [alone] = asked(row)
    several = asked(row, *[()] * 19)
    assert alone.verdict == "supported"
    assert several[0].p == pytest.approx(20 * alone.p)
    assert several[0].verdict == "inconclusive"
    assert {one.verdict for one in several} == {"inconclusive"}


def test_a_bound_may_support_and_never_speaks_against() -> None:
    large, small = (1.0, 1.1, 1.2), (0.0, 0.01, -0.01)
    assert asked(large, bounded=True)[0].verdict == "supported"
    assert asked(small)[0].verdict == "not supported"
    [open_] = asked(small, bounded=True)
    assert (open_.verdict, open_.p_against) == ("inconclusive", 1)


def test_too_few_seeds_decide_nothing() -> None:
    none, one, broken = asked((), (0.3,), (0.4, math.nan, math.inf))
    assert (none.n, none.mean, none.sd, none.low, none.verdict) == (0, None, None, None, "inconclusive")
    assert (one.n, one.mean, one.sd, one.low, one.verdict) == (1, 0.3, None, None, "inconclusive")
    assert broken.n == 1
    assert {found.seeds_to_settle for found in (none, one, broken)} == {2}
    assert judge([]) == []


def test_seeds_that_all_agree() -> None:
    """All equal, all 0 too: there is no spread to test with, unless others show one."""
    for expects in ("higher", "lower", "equal"):
        [none] = asked((0.0,) * 3, expects=expects)
        assert (none.verdict, none.mean, none.low, none.p, none.p_against) == ("inconclusive", 0, None, 1, 1)
    beside, *_ = asked((0.0,) * 3, (0.01, -0.02, 0.01), (0.02, 0.0, -0.01))
    assert (beside.verdict, beside.sd) == ("not supported", 0)
    [same] = asked((1.0,) * 3)
    assert (same.verdict, same.sd, same.low, same.seeds_to_settle) == ("inconclusive", 0, None, 4)
    beside, *_ = asked((2.0,) * 3, (0.1, -0.1, 0.2), (0.3, 0.2, -0.1), (0.0, 0.2, 0.1))
    assert beside.verdict == "supported"
    assert beside.low is not None
    assert beside.low < 2 < (beside.high or 0)


def test_variances_are_drawn_to_their_mean() -> None:
    variances, df = np.array([1.0, 1.2, 0.9, 4.0]), np.array([2.0, 2.0, 2.0, 2.0])
    shrunk, prior = moderated(variances, df)
    assert ((shrunk - variances) * (variances.mean() - variances) > 0).all()
    assert (prior == 0.25 * 6).all()
    # Variances that clearly differ are left nearly as they are.
    wild = np.array([0.0001, 0.01, 1.0, 100.0])
    apart, less = moderated(wild, np.full(4, 20.0))
    assert (less < 1).all()
    assert apart[2:] == pytest.approx(wild[2:], rel=0.05)
    # More questions inform more, up to four times the own degrees of freedom.
    assert moderated(np.ones(100), np.full(100, 2.0))[1] == pytest.approx(8)
    assert moderated(np.array([2.0]), np.array([3.0])) == (np.array([2.0]), np.array([0.0]))
    assert (moderated(np.zeros(3), np.full(3, 2.0))[0] == 0).all()


def test_an_effect_that_is_told_and_too_small_does_not_support() -> None:
    [small] = asked((0.10, 0.11, 0.12))
    assert small.p < 0.05
    assert (small.verdict, small.seeds_to_settle) == ("not supported", None)
    [open_] = asked((0.30, 0.35, 0.55))  # told, and may count
    assert open_.p < 0.05
    assert open_.verdict == "supported"


def test_questions_of_other_kinds_share_no_variance() -> None:
    rows = [(1.0, 1.4, 0.8), (0.1, 0.5, -0.4), (9.0, -9.0, 3.0)]
    apart = judge([Question(name="", differences=row, least=LEAST, kind=str(i)) for i, row in enumerate(rows)])
    alone = [asked(row)[0] for row in rows]
    assert [(one.low, one.high, one.df) for one in apart] == [(one.low, one.high, one.df) for one in alone]
    together = asked(*rows)
    assert [one.df for one in together] != [one.df for one in apart]
