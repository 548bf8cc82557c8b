"""What came of a claim? Comparisons with their effect, interval and verdict; the outcome of a claim; of a study."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["supported", "not supported", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class Values:
    """One arm's measure, seed by seed."""

    arm: str
    measure: str
    seeds: tuple[int, ...]
    values: tuple[float | None, ...]
    """None where a run failed (`reasons` says why)."""
    bounds: tuple[bool, ...]
    """Whether a value is only a lower bound: 25% was not reached within the epochs."""
    keys: tuple[str, ...]
    """Keys of the runs, by seed; of an arm of several networks joined by +."""
    reasons: tuple[str, ...]
    """Why there is no value, by seed; "" where there is one."""
    seconds: float
    """Of training, over all seeds."""
    rate: float
    """The learning rate it was trained at."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """An arm beside another, paired by seed. Effects are arm less other: in points, or a ratio where `unit` says so."""

    arm: str
    against: str
    unit: Literal["points", "times"]
    n: int
    mean: float | None
    """Mean effect: points, or the geometric mean of the ratios. None where no pair of runs succeeded."""
    sd: float | None
    """Standard deviation over seeds: points, or of the logarithms of the ratios. None for fewer than two."""
    low: float | None
    high: float | None
    """95% interval of the effect."""
    relative: float | None
    """Effect in percent of the other's mean."""
    p: float | None
    """One-sided, of the claim's direction, after Holm's correction over the study."""
    p_against: float | None
    """One-sided, of an effect at least as large as counts, after Holm's correction over the study."""
    verdict: Verdict
    settles: str
    """What would settle it, in words; "" where it is settled."""
    note: str = ""
    """What else has to be known: ratios that are only bounds, failed runs."""
    differences: tuple[tuple[int, float], ...] = ()
    """(seed, effect) of every pair that has one: points, or the natural logarithm of the ratio."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A claim's answer on these pictures."""

    claim: str
    verdict: Verdict
    sentence: str
    """The answer in one sentence, with its number."""
    comparisons: tuple[Comparison, ...]
    arms: tuple[Values, ...]
    """The baseline first."""
    pictures: int
    """Training pictures of the baseline."""
    epochs: int
    """Of the baseline."""
    skipped: str = ""
    """Why the claim was not run on these pictures; "" where it was."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """All outcomes of one command."""

    command: str
    """The exact command."""
    data: str
    """Name of the pictures."""
    fingerprint: str
    held_out: str
    """The split the errors are of, and its number of pictures: "test, 10,000 pictures"."""
    scale: str
    seeds: tuple[int, ...]
    outcomes: tuple[Outcome, ...]
    cost: dict[str, Any]
    """seconds of training (one after another), runs made, runs reused, machine, threads. Not part of equality."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)
