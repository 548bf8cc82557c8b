"""What else is asked of an evaluation? Calibration, an ensemble, groups of classes: each beside the scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alexnet.device import choose
from alexnet.scoring.protocols import PROTOCOLS
from alexnet.scoring.scores import ClassScores, per_class
from alexnet.scoring.subgroup import GroupScores, group_scores, read_groups
from alexnet.training.calibration import Calibrated, calibrate
from alexnet.training.ensemble import Ensemble, evaluate_together
from alexnet.training.evaluate import Evaluation, evaluate
from alexnet.training.listener import Listener, Silent
from alexnet.training.run import load


@dataclass(frozen=True, kw_only=True)
class Examination:
    """An evaluation with what was asked beside it."""

    evaluation: Evaluation
    ensemble: Ensemble | None
    calibrated: Calibrated | None
    groups: tuple[GroupScores, ...]

    def to_dict(self) -> dict[str, Any]:
        """The scores' JSON values; ensemble, calibration and groups where they were asked for."""
        values = self.evaluation.scores.to_dict()
        if self.ensemble is not None:
            values["ensemble"] = self.ensemble.to_dict()
        if self.calibrated is not None:
            values["calibration"] = self.calibrated.to_dict()
        if self.groups:
            values["groups"] = [one.to_dict() for one in self.groups]
        return values

    def lines(self) -> list[str]:
        """For a person."""
        scores = self.evaluation.scores
        lines = [str(scores)]
        for part in (self.ensemble, self.calibrated):
            if part is not None:
                lines += ["", *part.lines()]
        for one in self.groups:
            lines += ["", *one.lines(scores.split, PROTOCOLS[scores.protocol])]
        return lines

    def classes(self) -> list[ClassScores]:
        """Scores of the classes that have pictures."""
        found = self.evaluation
        rows = per_class(found.predictions.probabilities, found.predictions.labels, found.classes)
        return [row for row in rows if row.n]


def examine(
    run: str | os.PathLike[str],
    source: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    protocol: str = "centre",
    others: Sequence[str] = (),
    search_weights: bool = False,
    calibrated: bool = False,
    subgroups: Sequence[str] = (),
    device: str = "auto",
    threads: int = 0,
    precision: str = "float32",
    listener: Listener | None = None,
) -> Examination:
    """Evaluate a run, and answer what else is asked.

    Args:
        run, others: runs' folders or weights files; with others the average of all is evaluated.
        search_weights: weigh the members by what does best on the pictures that selected.
        calibrated: fit a temperature and keep it with the run (see `training/calibration.py`).
        subgroups: groups of classes, as `scoring.subgroup.read_groups` reads them.

    Raises:
        ValueError: as `evaluate`, and as each of the parts.
    """
    listener = listener or Silent()
    if search_weights and not others:
        raise ValueError("--search-weights weighs the members of an ensemble: name them with --ensemble RUN ...")
    if calibrated and others:
        raise ValueError("--calibrate fits the temperature of one run; leave out --ensemble, or --calibrate")
    groups = read_groups(subgroups)
    words: dict[str, Any] = {"split": split, "protocol": protocol, "device": device, "threads": threads}
    words |= {"precision": precision, "listener": listener}
    ensemble = found = None
    first = load(run)
    if others:
        runs = [(str(run), first), *((one, load(one)) for one in others)]
        ensemble = evaluate_together(runs, source, search=search_weights, **words)
        evaluation = ensemble.evaluation
    else:
        evaluation = evaluate(first, source, **words)
    if calibrated:
        found = calibrate(first, evaluation, source is not None, choose(device, threads), listener, precision=precision)
    return Examination(
        evaluation=evaluation,
        ensemble=ensemble,
        calibrated=found,
        groups=tuple(
            group_scores(
                evaluation.predictions.probabilities, evaluation.predictions.labels, evaluation.classes, name, members
            )
            for name, members in groups.items()
        ),
    )
