"""Which change matters most on these pictures? All that were compared with the same runs, in points of error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from alexnet.study.claim import BASELINE, Arm, Claim
from alexnet.study.effects import Ranked, ranking
from alexnet.study.measures import MEASURES
from alexnet.study.numbers import listed, runs_of
from alexnet.study.outcome import Comparison, Outcome, Study


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Changes beside one baseline, the one that adds most errors first."""

    caption: str
    """Of what the points are, and how the baseline was trained."""
    rows: tuple[Ranked, ...]
    left_out: tuple[str, ...]
    """Changes without an effect, because their runs failed."""

    @property
    def sentence(self) -> str:
        """What comes first, and what cannot be told apart."""
        alike = [row.name for row in self.rows if row.alike]
        if len(alike) == len(self.rows) - 1:
            said = "No two neighbours of this table can be told apart at this size."
        else:
            said = f"Most errors come with {self.rows[0].name}. "
            if alike:
                said += f"At this size it cannot be told from the one after it: {listed(alike)}."
            else:
                said += "Every place is told apart from the next."
        return said + (f" Without a value: {listed(self.left_out)}." if self.left_out else "")


def rankings(study: Study, claims: Mapping[str, Claim]) -> list[Ranking]:
    """A ranking for every baseline that two changes or more were compared with, the longest first.

    Arms with fewer pictures have no place in it: they change no ingredient.
    """
    found: dict[tuple[tuple[str, ...], str], list[Comparison]] = {}
    captions: dict[tuple[tuple[str, ...], str], str] = {}
    for outcome in study.outcomes:
        claim = claims[outcome.claim]
        base = next((arm for arm in outcome.arms if arm.arm == BASELINE), None)
        if base is None or MEASURES[base.measure].unit != "points":
            continue
        key = (base.keys, base.measure)
        captions.setdefault(key, _caption(base.measure, outcome))
        changes = found.setdefault(key, [])
        for one in outcome.comparisons:
            # Two claims may have the same arm; it has one place.
            fresh = all(one.differences != other.differences for other in changes) or not one.differences
            if one.against == BASELINE and _changes(claim.arm(one.arm)) and fresh:
                changes.append(replace(one, arm=name_of(outcome, one)))
    ranked = [
        Ranking(
            caption=captions[key],
            rows=tuple(ranking(changes)),
            left_out=tuple(one.arm for one in changes if one.mean is None),
        )
        for key, changes in found.items()
    ]
    return sorted((one for one in ranked if len(one.rows) > 1), key=lambda one: -len(one.rows))


def _changes(arm: Arm) -> bool:
    """Whether it is a change of the training; another way to test, or fewer pictures, is none."""
    return arm.share == 1 and not arm.measure and not arm.together


def name_of(outcome: Outcome, one: Comparison) -> str:
    """A comparison's name beside those of other claims: "layers: no conv3"."""
    return f"{outcome.claim}: {one.arm}"


def _caption(measure: str, outcome: Outcome) -> str:
    words = MEASURES[measure].words
    return f"{words[:1].upper()}{words[1:]}; {runs_of(outcome)}. Points more (+) or fewer (−) than the baseline."
