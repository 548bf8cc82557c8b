"""What do several runs say together? An ensemble beside its members, on pictures that all of them held out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet.device import choose
from alexnet.scoring.ensemble import average, search_weights
from alexnet.scoring.paired import Paired, paired, said_p
from alexnet.scoring.scores import Scores, score
from alexnet.scoring.tally import points
from alexnet.training.calibration import fitting_pictures
from alexnet.training.evaluate import Evaluation, evaluate, evaluate_rows
from alexnet.training.listener import Listener
from alexnet.training.pictures import reopen

if TYPE_CHECKING:
    from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Member:
    """One network of an ensemble."""

    run: str
    weight: float
    scores: Scores
    difference: Paired
    """A is this member, B the ensemble."""


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Several networks as one."""

    evaluation: Evaluation
    members: tuple[Member, ...]
    searched_on: str
    """Split and pictures that the weights were searched on; empty for equal weights."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        members = [
            {
                "run": one.run,
                "weight": one.weight,
                "scores": one.scores.to_dict(),
                "difference": one.difference.to_dict(),
            }
            for one in self.members
        ]
        return {"members": members, "weights_searched_on": self.searched_on or None}

    def lines(self) -> list[str]:
        """For a person: the members beside the ensemble, and the differences."""
        wide = max(6, *(len(one.run) for one in self.members))
        lines = [f"{'member':<{wide}}  weight  top-1 error           less the ensemble's"]
        for one in self.members:
            error, gap = one.scores.top1_error, one.difference.difference
            own = f"{error.value:.1f}% [{error.low:.1f}, {error.high:.1f}]"
            less = f"{gap.value:+.1f} points [{gap.low:+.1f}, {gap.high:+.1f}], {said_p(one.difference.p)}"
            lines.append(f"{one.run:<{wide}}  {one.weight:>6.3f}  {own:<20}  {less}")
        if self.searched_on:
            lines.append(f"(weights searched on {self.searched_on})")
        return lines


def evaluate_together(
    runs: Sequence[tuple[str, Run]],
    source: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    protocol: str = "centre",
    search: bool = False,
    device: str = "auto",
    threads: int = 0,
    precision: str = "float32",
    listener: Listener,
) -> Ensemble:
    """Evaluate runs one by one and together; the first gives the order of classes and pictures.

    Every run looks at its own copy of the pictures, prepared as it was trained; they are matched by origin and content,
    and all must hold out the same ones. Classes are matched by name.

    Args:
        runs: (name, run), two or more.
        search: search the weights by the log loss on the pictures that selected, instead of equal ones.

    Raises:
        ValueError: other classes or other pictures, or no pictures to search weights on that are not reported.
    """
    if len(runs) < 2:
        raise ValueError("an ensemble takes two runs or more")
    evaluations = [
        evaluate(
            run, source, split=split, protocol=protocol, device=device, threads=threads, precision=precision,
            listener=listener,
        )
        for _, run in runs
    ]  # fmt: skip
    names = [name for name, _ in runs]
    tables = _aligned(names, evaluations)
    weights, searched_on = [1 / len(runs)] * len(runs), ""
    if search:
        fitting = [
            _fitting(name, run, evaluation, source is not None, protocol, device, threads, precision, listener)
            for (name, run), evaluation in zip(runs, evaluations, strict=True)
        ]
        weights = list(search_weights(_aligned(names, fitting), fitting[0].predictions.labels))
        searched_on = f"{fitting[0].scores.split}, {fitting[0].scores.n:,} pictures"
    first = evaluations[0]
    labels = first.predictions.labels
    together = average(tables, weights)
    count = f"average of {len(runs)} networks"
    note = f"{first.scores.note}; {count}" if first.scores.note else count
    scores = score(together, labels, split=first.scores.split, protocol=protocol, note=note)
    right = points(together, labels)
    members = [
        Member(
            run=name,
            weight=weight,
            scores=score(table, labels, split=first.scores.split, protocol=protocol, note=evaluation.scores.note),
            difference=paired(points(table, labels), right),
        )
        for name, weight, table, evaluation in zip(names, weights, tables, evaluations, strict=True)
    ]
    whole = replace(first, scores=scores, predictions=replace(first.predictions, probabilities=together))
    return Ensemble(evaluation=whole, members=tuple(members), searched_on=searched_on)


def _fitting(
    name: str,
    run: Run,
    reported: Evaluation,
    source_given: bool,
    protocol: str,
    device: str,
    threads: int,
    precision: str,
    listener: Listener,
) -> Evaluation:
    own = reopen(run.folder, listener)
    found = fitting_pictures(run, own, reported, source_given)
    if found is None:
        raise ValueError(
            f"there are no pictures to search weights on: {name} holds none out that are not reported, and weights "
            "fitted to those would flatter; train with folders train/, val/ and test/, or leave --search-weights out"
        )
    split, rows = found
    return evaluate_rows(
        run.trained, own, rows, split=split, protocol=protocol, machine=choose(device, threads), precision=precision
    )


def _aligned(names: Sequence[str], evaluations: Sequence[Evaluation]) -> list[np.ndarray]:
    """Probabilities (N, K) of each, with the pictures and classes of the first in its order."""
    first = evaluations[0]
    wanted = list(zip(first.paths, first.contents, strict=True))
    tables = []
    for name, one in zip(names, evaluations, strict=True):
        other = set(one.classes) ^ set(first.classes)
        if other:
            raise ValueError(
                f"{names[0]} and {name} do not know the same classes: {sorted(other)[0]!r} is known to one of them only"
            )
        place = {key: i for i, key in enumerate(zip(one.paths, one.contents, strict=True))}
        common = sum(key in place for key in wanted)
        if not common == len(wanted) == len(place):
            raise ValueError(
                f"{names[0]} and {name} do not hold out the same pictures ({len(wanted):,} and {len(place):,}, "
                f"{common:,} of them in both), and one may have trained on what the other is tested on; train them on "
                "the same split"
            )
        rows = [place[key] for key in wanted]
        columns = [one.classes.index(known) for known in first.classes]
        table = one.predictions.probabilities[rows][:, columns]
        true = [one.classes[i] for i in one.predictions.labels[rows].tolist()]
        if true != [first.classes[i] for i in first.predictions.labels.tolist()]:
            raise ValueError(f"{names[0]} and {name} disagree on the true classes of the pictures")
        tables.append(table)
    return tables
