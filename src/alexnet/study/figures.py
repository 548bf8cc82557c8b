"""Which figures does a claim have? Its arms setting by setting, a law over the pictures, and how each arm learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alexnet.drawing.by_epoch import Learned, by_epoch
from alexnet.drawing.study import series
from alexnet.drawing.style import png
from alexnet.study.claim import BASELINE, Claim
from alexnet.study.measures import MEASURES
from alexnet.study.more_pictures import drawn
from alexnet.study.outcome import Outcome, Study, Values

#: Rows of the kind "epoch" of a run's metrics.jsonl, by the run's key.
Curves = Mapping[str, Sequence[Mapping[str, Any]]]

#: A figure: the picture, what it shows in words, and its caption.
Figure = tuple[bytes, str, str]

#: Claims of more arms have a figure of their values.
_MANY = 3


def figures_of(claim: Claim, outcome: Outcome, study: Study, curves: Curves) -> list[Figure]:
    """A claim's figures, none for one that was not run."""
    if outcome.skipped:
        return []
    first = drawn(claim, outcome, study) or _settings(claim, outcome, study)
    return [one for one in (first, _learning(claim, outcome, study, curves)) if one is not None]


def _settings(claim: Claim, outcome: Outcome, study: Study) -> Figure | None:
    """Values arm by arm, where there are many, and all are measured alike."""
    known = [[value for value in arm.values if value is not None] for arm in outcome.arms]
    alike = all(arm.measure == claim.measure for arm in outcome.arms)
    if len(outcome.arms) <= _MANY or not alike or not any(known):
        return None
    measure = MEASURES[claim.measure]
    picture = series(
        [arm.arm for arm in outcome.arms],
        known,
        measured=measure.words,
        unit="%" if measure.unit == "points" else "",
        first=BASELINE,
        title=f"{claim.name}: setting by setting",
        note=f"{study.data}, {study.held_out}",
    )
    caption = "A dot a seed, a bar at the mean; the dashed line is the baseline's mean."
    return png(picture), f"{measure.words} of every run of {claim.name}, arm by arm", caption


def _learning(claim: Claim, outcome: Outcome, study: Study, curves: Curves) -> Figure | None:
    """Errors by epoch; an arm that is another's runs, measured otherwise, has no line of its own."""
    arms = [_learned(arm, curves) for arm in outcome.arms if _first_of_runs(arm, outcome)]
    if not any(any(arm.train) or any(arm.val) for arm in arms):
        return None
    picture = by_epoch(
        arms,
        goal=25.0 if claim.measure == "epochs_to_25" else None,
        title=f"{claim.name}: how each arm learned",
        note=f"{study.data}; training error as it was trained, augmentation and dropout included",
    )
    return png(picture), f"errors by epoch of every arm of {claim.name}", "The mean over seeds; their range pale."


def _first_of_runs(values: Values, outcome: Outcome) -> bool:
    """Whether no arm before this one has the same runs: an arm may be the same runs measured otherwise."""
    return next(arm for arm in outcome.arms if arm.keys == values.keys) is values


def _learned(values: Values, curves: Curves) -> Learned:
    keys = [key for joined in values.keys for key in joined.split("+")]
    return Learned(
        name=values.arm,
        train=[_errors(curves.get(key, ()), "train_top1_error") for key in keys],
        val=[_errors(curves.get(key, ()), "val_top1_error") for key in keys],
    )


def _errors(rows: Sequence[Mapping[str, Any]], name: str) -> dict[float, float]:
    return {
        row["epoch"]: row[name] for row in rows if row.get("kind", "epoch") == "epoch" and row.get(name) is not None
    }
