"""How are a study's numbers written? Effects with their intervals, values seed by seed, what was published."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from alexnet.study.claim import BASELINE, Claim, Expects
from alexnet.study.measures import MEASURES
from alexnet.study.outcome import Comparison, Outcome, Study, Values

#: What stands where a claim was not run.
NOT_RUN = "not run"


def signed(value: float, digits: int = 2) -> str:
    """ "+0.31", "−0.90": with a true minus sign."""
    return f"{value:+.{digits}f}".replace("-", "−")


def number(value: float, unit: str) -> str:
    """An effect's number without its unit: signed points, or a factor."""
    return signed(value) if unit == "points" else f"{value:.2f}"


def short(value: float | None, unit: str) -> str:
    """An effect for a table: "+0.31", "3.90×", "none"."""
    return "none" if value is None else f"{number(value, unit)}{'×' if unit == 'times' else ''}"


def listed(names: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def mean_of(one: Comparison) -> str:
    """ "+0.31 points", "3.90 times", or "no value"."""
    return "no value" if one.mean is None else f"{number(one.mean, one.unit)} {one.unit}"


def interval_of(one: Comparison) -> str:
    """ "[−0.40, +1.02]"; "" where fewer than two pairs of runs succeeded."""
    return interval(one.low, one.high, one.unit)


def interval(low: float | None, high: float | None, unit: str) -> str:
    """Both ends in brackets; "" where one is not known."""
    return "" if low is None or high is None else f"[{number(low, unit)}, {number(high, unit)}]"


def effect_of(one: Comparison) -> str:
    """The mean effect with its unit and interval."""
    return f"{mean_of(one)} {interval_of(one)}".rstrip()


def relative_of(one: Comparison) -> str:
    """The effect in percent of the other's mean; "" where it is not known."""
    return "" if one.relative is None else f"{signed(one.relative, 1)}%"


def chance(p: float | None) -> str:
    """A p value to three digits."""
    if p is None:
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def published_of(claim: Claim) -> str:
    """ "+1.4 points", "6 times"; the words alone where no number was published."""
    effect = claim.published.effect
    if effect is None:
        return claim.published.words or "no number"
    if claim.unit == "points":
        return f"{effect:+g} points".replace("-", "−")
    return f"{effect:g} times"


def least_of(claim: Claim) -> str:
    """The smallest effect that counts: "0.2 points", "2.45 times"."""
    unit = claim.unit if claim.least != 1 else "point"
    return f"{claim.least:g} {unit}"


def value_of(value: float | None, measure: str, *, bound: bool = False) -> str:
    """A run's value in its measure: percent, or epochs; "> 30.0" for a lower bound; "failed" for none."""
    if value is None:
        return "failed"
    said = f"{value:.2f}%" if MEASURES[measure].unit == "points" else f"{value:.1f}"
    return (f"> {said}" if bound else said).replace("-", "−")


def spread_of(values: Values) -> tuple[str, str, str]:
    """Mean, standard deviation and n of the runs that succeeded; "" where there are too few.

    Where a value is only a lower bound, so is the mean, and the deviation is unknown.
    """
    known = [value for value in values.values if value is not None]
    if not known:
        return "", "", "0"
    bound = any(values.bounds)
    mean = value_of(statistics.mean(known), values.measure, bound=bound)
    return mean, f"{statistics.stdev(known):.2f}" if len(known) > 1 and not bound else "", str(len(known))


def changes_of(changes: Mapping[str, Any]) -> str:
    """ "model.norm = none, augment.flip = False"; "nothing" for none."""
    return ", ".join(f"{name} = {value}" for name, value in changes.items()) or "nothing"


def compared(one: Comparison) -> str:
    """ "tanh", beside the baseline; "1/4 beside 1/2"."""
    return one.arm if one.against == BASELINE else f"{one.arm} beside {one.against}"


def too_small(expects: Expects, least: float, unit: str) -> tuple[float, float]:
    """Between which two an effect is too small to count."""
    if unit == "times":
        return {"higher": (1.0, least), "lower": (1 / least, 1.0), "equal": (1 / least, least)}[expects]
    return {"higher": (0.0, least), "lower": (-least, 0.0), "equal": (-least, least)}[expects]


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many claims have each verdict, those that were not run last."""
    verdicts = ("supported", "not supported", "inconclusive", NOT_RUN)
    return {one: sum(verdict_of(outcome) == one for outcome in outcomes) for one in verdicts}


def verdict_of(outcome: Outcome) -> str:
    """A claim's verdict, or that it was not run."""
    return NOT_RUN if outcome.skipped else outcome.verdict


def seeds_of(study: Study) -> str:
    """ "3 seeds (0, 1, 2)"."""
    seeds = ", ".join(str(seed) for seed in study.seeds)
    return f"{len(study.seeds)} seed{'s' if len(study.seeds) != 1 else ''} ({seeds})"


def runs_of(outcome: Outcome) -> str:
    """ "10,000 training pictures, 20 epochs"."""
    epochs = f"{outcome.epochs} epoch{'s' if outcome.epochs != 1 else ''}"
    return f"{outcome.pictures:,} training pictures, {epochs}"
