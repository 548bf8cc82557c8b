"""How do two arms differ? From numbers by seed to the effect of one beside the other, its verdict, and a ranking.

All comparisons of a study are judged in one call: they share what is known of the scatter, and the correction for their
number.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alexnet.study.claim import Expects
from alexnet.study.measures import MEASURES
from alexnet.study.outcome import Comparison, Values, Verdict
from alexnet.study.seeds import MOST
from alexnet.study.verdict import LEVEL, Answer, Question, judge

#: What was not reached, by measure, where a value is only a bound.
_GOALS = {"epochs_to_25": "25% training error"}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """An arm, what it is compared with, and what is claimed of it."""

    arm: Values
    against: Values
    expects: Expects
    least: float
    """The smallest effect that counts: points, or a factor above 1."""


@dataclass(frozen=True, kw_only=True)
class _Paired:
    """What two arms have by seed."""

    differences: tuple[tuple[int, float], ...] = ()
    """(seed, points or logarithm of the ratio)."""
    others: tuple[float, ...] = ()
    """The other arm's values, of the same seeds."""
    bounds: tuple[int, ...] = ()
    """Seeds whose difference may be larger in the claimed direction."""
    open: tuple[int, ...] = ()
    """Seeds of which nothing can be said: the arm that should be the faster had not arrived either."""
    within: float = 0.0
    """Epochs within which those had not."""
    failed: tuple[int, ...] = ()
    """Seeds of which an arm has no number."""


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Effect, interval and verdict of every comparison of a study, in their order.

    Ratios of which the arm that should be the slower has only a lower bound are lower bounds themselves: they can
    support a claim, and never speak against it. Where the one that should be the faster is a bound, there is no ratio
    for that seed, and so no effect: to leave only such seeds out would flatter the claim.
    """
    found = [_pair(pair) for pair in pairs]
    questions = [
        Question(
            name=pair.arm.arm,
            differences=() if one.open else tuple(value for _, value in one.differences),
            unit=MEASURES[pair.arm.measure].unit,
            kind=f"{pair.arm.measure} - {pair.against.measure}",
            expects=pair.expects,
            least=pair.least,
            bounded=bool(one.bounds),
        )
        for pair, one in zip(pairs, found)
    ]
    return [_comparison(*three) for three in zip(pairs, found, judge(questions))]


def claim_verdict(comparisons: Sequence[Comparison]) -> Verdict:
    """A claim is supported if every comparison is, not supported if any is not, and else inconclusive."""
    verdicts = {comparison.verdict for comparison in comparisons}
    if "not supported" in verdicts:
        return "not supported"
    return "supported" if verdicts == {"supported"} else "inconclusive"


def _pair(pair: Pair) -> _Paired:
    arm, other = pair.arm, pair.against
    assert MEASURES[arm.measure].unit == MEASURES[other.measure].unit
    times = MEASURES[arm.measure].unit == "times"
    theirs = {seed: (value, bound) for seed, value, bound in zip(other.seeds, other.values, other.bounds)}
    differences: list[tuple[int, float]] = []
    others: list[float] = []
    bounds: list[int] = []
    unknown: list[int] = []
    failed: list[int] = []
    within = 0.0
    for seed, value, bound in zip(arm.seeds, arm.values, arm.bounds):
        base, base_bound = theirs.get(seed, (None, False))
        numbers = [x for x in (value, base) if x is not None and math.isfinite(x) and (x > 0 or not times)]
        if len(numbers) < 2:
            failed.append(seed)
            continue
        if bound or base_bound:
            # The claim's slower arm alone may be a bound.
            if bound != base_bound and pair.expects == ("higher" if bound else "lower"):
                bounds.append(seed)
            else:
                unknown.append(seed)
                within = max(within, *(x for x, least in zip(numbers, (bound, base_bound)) if least))
                continue
        differences.append((seed, math.log(numbers[0] / numbers[1]) if times else numbers[0] - numbers[1]))
        others.append(numbers[1])
    return _Paired(
        differences=tuple(differences),
        others=tuple(others),
        bounds=tuple(bounds),
        open=tuple(unknown),
        within=within,
        failed=tuple(failed),
    )


def _comparison(pair: Pair, one: _Paired, answer: Answer) -> Comparison:
    unit = MEASURES[pair.arm.measure].unit
    mean, low, high = (
        None if value is None else math.exp(value) if unit == "times" else value
        for value in (answer.mean, answer.low, answer.high)
    )
    relative = None
    if mean is not None and unit == "times":
        relative = 100 * (mean - 1)
    elif mean is not None and (base := statistics.fmean(one.others)):
        relative = 100 * mean / base
    return Comparison(
        arm=pair.arm.arm,
        against=pair.against.arm,
        unit=unit,
        n=answer.n,
        mean=mean,
        sd=answer.sd,
        low=low,
        high=high,
        relative=relative,
        p=answer.p if answer.n > 1 else None,
        p_against=answer.p_against if answer.n > 1 else None,
        verdict=answer.verdict,
        settles=_settles(pair, one, answer),
        note=_note(pair, one, answer),
        differences=one.differences,
    )


def _settles(pair: Pair, one: _Paired, answer: Answer) -> str:
    """What would settle it, in words."""
    if answer.verdict != "inconclusive":
        return ""
    if one.open:
        goal = _GOALS.get(pair.arm.measure)
        return f"more epochs: {goal or 'the end'} was not reached within {one.within:g}"
    if not answer.n:
        return "runs that succeed"
    if answer.n == 1:
        return "at least 2 seeds"
    wanted = f"more than {MOST} seeds" if answer.seeds_to_settle is None else f"about {answer.seeds_to_settle} seeds"
    return f"{wanted}, or more epochs" if one.bounds else wanted


def _note(pair: Pair, one: _Paired, answer: Answer) -> str:
    """What else has to be known, in sentences."""
    notes = []
    if answer.verdict == "not supported" and pair.expects != "equal" and answer.p < LEVEL:
        notes.append("an effect in that direction is told, but it is smaller than what counts")
    if one.open:
        notes.append(f"no ratio for {_seeds(one.open)}: the arm that should be the faster did not arrive")
    if one.bounds:
        slower, side = (pair.arm.arm, "a lower") if pair.expects == "higher" else (pair.against.arm, "an upper")
        notes.append(f"the ratio is {side} bound: {slower} did not arrive with {_seeds(one.bounds)}")
    if one.failed:
        notes.append(f"no pair of numbers for {_seeds(one.failed)}")
    return "; ".join(notes)


def _seeds(seeds: Sequence[int]) -> str:
    """ "seed 2", "seeds 0, 3"."""
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


class Ranked(NamedTuple):
    """A comparison's place."""

    name: str
    """Of its arm."""
    mean: float
    low: float | None
    high: float | None
    alike: bool
    """Whether it cannot be told apart from the next; False for the last."""


def ranking(comparisons: Sequence[Comparison]) -> list[Ranked]:
    """Which change matters most? Comparisons of one unit, the largest mean effect first; those without one left out.

    Neighbours are told apart by a two-sided paired test over the seeds that both have, corrected after Holm for the
    number of neighbours. The order itself was read off the same numbers: with many places the first is more likely
    lucky than its interval says.
    """
    assert len({one.unit for one in comparisons}) <= 1
    order = sorted((one for one in comparisons if one.mean is not None), key=lambda one: -float(one.mean or 0.0))
    questions = []
    for one, below in zip(order, order[1:]):
        theirs = dict(below.differences)
        gaps = tuple(value - theirs[seed] for seed, value in one.differences if seed in theirs)
        questions.append(Question(name=one.arm, differences=gaps, least=1.0))
    alike = [2 * answer.p >= LEVEL for answer in judge(questions, settle=False)]
    return [
        Ranked(name=one.arm, mean=float(one.mean or 0.0), low=one.low, high=one.high, alike=same)
        for one, same in zip(order, [*alike, False])
    ]
