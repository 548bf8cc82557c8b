"""Do the numbers support a claim? The rule of the verdict, fixed before any run: two one-sided tests.

    not supported   the effect is smaller than the least that counts (p < .05)
    supported       else, if it is above 0 in the claimed direction (p < .05)
    inconclusive    else, with the number of seeds that would settle it

An effect that is told to be there, and told to be too small to count, does not support a claim.

A claim of equality is supported if the effect is told to lie within the least that counts on either side (both
one-sided tests below .05), not supported if it is told to lie outside (either one below .025): an effect that is told
from 0, but not whether it is small, stays open.

Differences are paired by seed; the t is Student's with the moderated variance of `spread.py`. The p values of either
kind of test are corrected after Holm for all questions of the study, those that cannot be tested included: a null
effect among them is called supported in at most 5% of studies, and so is one that counts called not supported.
docs/verdicts.md shows these rates by simulation.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from alexnet.scoring.paired import holm
from alexnet.study.claim import Expects
from alexnet.study.outcome import Verdict
from alexnet.study.seeds import seeds_to_settle
from alexnet.study.spread import moderated

LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a comparison asks, and what was measured."""

    name: str
    differences: tuple[float, ...]
    """By seed, arm less other: points, or natural logarithms of ratios. What is not finite is left out."""
    unit: Literal["points", "times"] = "points"
    expects: Expects = "higher"
    least: float
    """The smallest effect that counts: points, or a factor above 1."""
    kind: str = ""
    """What is subtracted from what, by the names of the measures: questions of one kind and unit share variances."""
    bounded: bool = False
    """The differences may be larger in the claimed direction than they are here: nothing then speaks against."""

    @property
    def margin(self) -> float:
        """`least` in the unit of the differences."""
        return math.log(self.least) if self.unit == "times" else self.least


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of a question, in the unit of its differences."""

    name: str
    n: int
    mean: float | None
    """None for no seed."""
    sd: float | None
    """The differences' own; None below two seeds."""
    low: float | None
    high: float | None
    """95% interval of Student's t with the moderated variance, not corrected for the number of questions; None where
    there is nothing to test."""
    df: float | None
    """Degrees of freedom, the prior's included."""
    p: float
    """Of the claim: its direction or, if it says "equal", within the least that counts. After Holm's correction."""
    p_against: float
    """Against the claim: smaller than the least that counts or, if it says "equal", beyond it. After Holm's."""
    verdict: Verdict
    seeds_to_settle: int | None
    """Seeds in all that would settle it; None where it is settled, or where 100 would not do."""


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A question's numbers, in the claimed direction (up where it says "equal")."""

    n: int = 0
    mean: float = math.nan
    own: float = math.nan
    variance: float = math.nan
    prior: float = 0.0

    @property
    def df(self) -> float:
        return self.n - 1 + self.prior

    @property
    def error(self) -> float:
        """Standard error of the mean."""
        return math.sqrt(self.variance / self.n)

    @property
    def tells(self) -> bool:
        """Whether it can be tested. Differences that are all equal, all 0 too, show no spread to test with: errors are
        counted, and coarse counts agree by chance."""
        return self.n > 1 and self.variance > 0


def judge(questions: Sequence[Question], *, settle: bool = True) -> list[Answer]:
    """Answer all questions of a study at once, in their order: they share variances and the correction.

    Args:
        questions: each with its differences by seed; `least` is above 0, as a factor above 1.
        settle: whether to look for the seeds that would settle what is inconclusive (simulations need not).
    """
    assert all(question.margin > 0 for question in questions)
    seen = _see(questions)
    pairs = [_tests(question, one) for question, one in zip(questions, seen)]
    for_it, against = holm([p for p, _ in pairs]), holm([p for _, p in pairs])
    # What Holm's next step would be held to: as many questions as are not decided yet share the level.
    levels = tuple(LEVEL / max(1, sum(p >= LEVEL for p in corrected)) for corrected in (for_it, against))
    answers = []
    for i, (question, one) in enumerate(zip(questions, seen)):
        verdict: Verdict = "inconclusive"
        if against[i] < LEVEL:
            verdict = "not supported"
        elif for_it[i] < LEVEL:
            verdict = "supported"
        wanted = None
        if verdict == "inconclusive" and settle:
            wanted = _wanted(question, one, levels)
        answers.append(_answer(question, one, for_it[i], against[i], verdict, wanted))
    return answers


def _see(questions: Sequence[Question]) -> list[_Seen]:
    """Means and variances, the latter moderated among all questions of a unit and kind that have one."""
    found: list[_Seen] = []
    for question in questions:
        sign = -1.0 if question.expects == "lower" else 1.0
        values = [sign * value for value in question.differences if math.isfinite(value)]
        mean = statistics.fmean(values) if values else math.nan
        own = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) if len(set(values)) > 1 else 0.0
        found.append(_Seen(n=len(values), mean=mean, own=own, variance=own))
    for kind in dict.fromkeys((question.unit, question.kind) for question in questions):
        places = [i for i, one in enumerate(questions) if (one.unit, one.kind) == kind and found[i].n > 1]
        df = np.array([found[i].n - 1 for i in places], np.float64)
        variances, priors = moderated(np.array([found[i].own for i in places]), df)
        for i, variance, prior in zip(places, variances.tolist(), priors.tolist()):
            one = found[i]
            found[i] = _Seen(n=one.n, mean=one.mean, own=one.own, variance=variance, prior=prior)
    return found


def _tests(question: Question, one: _Seen) -> tuple[float, float]:
    """p of the claim and p against it, not corrected; 1 where nothing can be tested."""
    from scipy.special import stdtr

    if not one.tells:
        return 1.0, 1.0

    def below(bound: float) -> float:
        """p of the effect being below a bound."""
        return float(stdtr(one.df, (one.mean - bound) / one.error))

    def above(bound: float) -> float:
        return float(stdtr(one.df, (bound - one.mean) / one.error))

    least = question.margin
    if question.expects == "equal":
        for_it, against = max(below(least), above(-least)), min(1.0, 2 * min(above(least), below(-least)))
    else:
        for_it, against = above(0.0), below(least)
    return for_it, 1.0 if question.bounded else against


def _wanted(question: Question, one: _Seen, levels: tuple[float, ...]) -> int | None:
    if one.n < 2:
        return 2
    if one.variance == 0:
        return one.n + 1  # all seeds agree: the next one shows a spread, or that there is none
    levels = (levels[0], 0.0 if question.bounded else levels[1])
    return seeds_to_settle(
        one.n, one.mean, one.variance, one.prior, question.margin, question.expects == "equal", levels
    )


def _answer(question: Question, one: _Seen, p: float, p_against: float, verdict: Verdict, wanted: int | None) -> Answer:
    """In the unit and the sign of the differences."""
    from scipy.special import stdtrit

    sign = -1.0 if question.expects == "lower" else 1.0
    mean = sign * one.mean + 0.0 if one.n else None
    low = high = None
    if one.tells and mean is not None:
        half = float(stdtrit(one.df, 0.975)) * one.error
        low, high = mean - half, mean + half
    return Answer(
        name=question.name,
        n=one.n,
        mean=mean,
        sd=math.sqrt(one.own) if one.n > 1 else None,
        low=low,
        high=high,
        df=one.df if one.n > 1 else None,
        p=p,
        p_against=p_against,
        verdict=verdict,
        seeds_to_settle=wanted,
    )
