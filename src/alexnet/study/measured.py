"""What are the measures of this run? Read from what it wrote where it stands there, else computed from its network.

RUN means as everywhere: its best weights if there are any, else its last. Errors are in percent.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alexnet.data.feed import Feed, rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine, choose
from alexnet.scoring.scores import score
from alexnet.study.measures import MEASURES
from alexnet.study.monte_carlo import average_draws
from alexnet.training.ensemble import evaluate_together
from alexnet.training.evaluate import batch_for, evaluate_rows
from alexnet.training.folder import lines_of
from alexnet.training.listener import Silent
from alexnet.training.pictures import reopen
from alexnet.training.run import Run, load

#: Training pictures that `train_error` looks at, at most.
MOST = 10_000
#: Percent of running training error that the race of Figure 1 runs to.
GOAL = 25.0
#: Points above the lowest validation error within which it counts as settled.
NEAR = 1.0


def measured(run_folder: Path, names: Sequence[str], *, device: str, threads: int) -> dict[str, dict[str, Any]]:
    """Measures of a run by name: {"test_error": {"value": 18.2, "bound": False}, ...}, in the order of `names`.

    `bound` says that the value is only a lower bound: 25% was not reached within the epochs.

    Raises:
        ValueError: no such measure, no weights yet, or a measure that this run cannot have (no dropout, no validation).
    """
    for name in names:
        if name not in MEASURES:
            raise ValueError(f"no measure is called {name!r}; there are {', '.join(MEASURES)}")
    measuring = _Measuring(run_folder, device, threads)
    found: dict[str, dict[str, Any]] = {}
    for name in names:
        value, bound = _HOW[name](measuring)
        found[name] = {"value": value, "bound": bound}
    return found


def together(run_folders: Sequence[Path], *, device: str, threads: int) -> float:
    """Top-1 error, percent, of several runs' averaged probabilities on the pictures that all of them held out.

    Raises ValueError as `evaluate_together` does: fewer than two runs, other classes or other pictures.
    """
    runs = [(str(folder), load(folder)) for folder in run_folders]
    found = evaluate_together(runs, device=device, threads=threads, listener=Silent())
    return found.evaluation.scores.top1_error.value


class _Measuring:
    """A run, with what several measures need of it, each made once and only when something asks for it."""

    def __init__(self, folder: Path, device: str, threads: int) -> None:
        self.folder, self._device, self._threads = folder, device, threads
        self._scores: dict[str, dict[str, Any]] = {}

    @functools.cached_property
    def machine(self) -> Machine:
        return choose(self._device, self._threads)

    @functools.cached_property
    def run(self) -> Run:
        return load(self.folder)

    @functools.cached_property
    def prepared(self) -> PreparedSet:
        return reopen(self.folder)

    @functools.cached_property
    def epochs(self) -> list[dict[str, Any]]:
        """The epochs' lines of metrics.jsonl."""
        lines = lines_of(self.folder, "epoch")
        if not lines:
            raise ValueError(f"the run {self.folder} has no epochs in metrics.jsonl, which are to be counted")
        return lines

    def held_out(self, protocol: str) -> dict[str, Any]:
        """Scores on the held-out pictures, as in results.json, and from there where they stand there."""
        if protocol not in self._scores:
            kept = [one for one in self.run.results.get("scores", ()) if one["protocol"] == protocol]
            self._scores[protocol] = kept[0] if kept else self._score(*self.rows(), protocol)
        return self._scores[protocol]

    def rows(self) -> tuple[np.ndarray, str]:
        """The held-out pictures, int64 (N,), and the name of their split."""
        split = self.prepared.evaluated[0]
        return self.prepared.rows(split), split

    @functools.cached_property
    def trained_on(self) -> dict[str, Any]:
        """Scores on the very pictures that it trained on, evenly spread where they are many."""
        rows = rows_of(self.run.config, self.prepared)[0]
        return self._score(spread(rows), "train", "centre")

    def _score(self, rows: np.ndarray, split: str, protocol: str) -> dict[str, Any]:
        found = evaluate_rows(
            self.run.trained, self.prepared, rows, split=split, protocol=protocol, machine=self.machine
        )
        return found.scores.to_dict()


def spread(rows: np.ndarray, most: int = MOST) -> np.ndarray:
    """At most so many of some rows, evenly spread over them; all where there are no more."""
    count = min(len(rows), most)
    return rows[np.arange(count) * len(rows) // max(count, 1)]


def epochs_to(lines: Sequence[dict[str, Any]], classes: int, goal: float = GOAL) -> tuple[float, bool]:
    """Epochs until the running training error is first at most `goal` percent; whether that is only a lower bound.

    Between two epochs' ends the error is taken to fall along a line, and before the first from chance, 100 (1 - 1/K).
    """
    epoch, error = 0.0, 100 * (1 - 1 / classes)
    if error <= goal:
        return 0.0, False
    for line in lines:
        after, lower = float(line["epoch"]), float(line["train_top1_error"])
        if lower <= goal:
            return epoch + (after - epoch) * (error - goal) / (error - lower), False
        epoch, error = after, lower
    return epoch, True


def early_error(lines: Sequence[dict[str, Any]]) -> float:
    """Mean running training error over the first fifth of the epochs, percent; over the first where there are few."""
    early = lines[: max(1, len(lines) // 5)]
    return float(np.mean([line["train_top1_error"] for line in early]))


def epochs_to_settle(lines: Sequence[dict[str, Any]]) -> float:
    """Epochs until the validation error is first within a point of its lowest. ValueError where nothing validated."""
    errors = [(line["epoch"], line["val_top1_error"]) for line in lines if "val_top1_error" in line]
    if not errors:
        raise ValueError(
            "epochs_to_settle needs a validation error after every epoch, and no pictures select in this run; "
            "give --data.no-all-of-train, or bring a folder val/"
        )
    lowest = min(error for _, error in errors)
    return float(next(epoch for epoch, error in errors if error <= lowest + NEAR))


def _monte_carlo(of: _Measuring) -> float:
    (rows, split), machine, run = of.rows(), of.machine, of.run
    batch = batch_for(run.preprocess.crop)
    feed = Feed(of.prepared, rows, batch=batch, device=machine.device, memory=machine.memory)
    network, preprocess = run.network.to(machine.device), run.preprocess.to(machine.device)
    found = average_draws(network, preprocess, feed.straight(), seed=run.config.train.seed)
    return score(found.probabilities, found.labels, split=split, protocol="centre").top1_error.value


def _error(of: _Measuring, protocol: str = "centre", kind: str = "top1_error") -> float:
    return float(of.held_out(protocol)[kind]["value"])


def _train_error(of: _Measuring) -> float:
    return float(of.trained_on["top1_error"]["value"])


#: Measure -> its value, and whether that is only a lower bound.
_HOW: dict[str, Callable[[_Measuring], tuple[float, bool]]] = {
    "test_error": lambda of: (_error(of), False),
    "top5_error": lambda of: (_error(of, kind="top5_error"), False),
    "ten_view_error": lambda of: (_error(of, "ten"), False),
    "nine_view_error": lambda of: (_error(of, "nine"), False),
    "monte_carlo_error": lambda of: (_monte_carlo(of), False),
    "train_error": lambda of: (_train_error(of), False),
    "gap": lambda of: (_error(of) - _train_error(of), False),
    "early_error": lambda of: (early_error(of.epochs), False),
    "epochs_to_25": lambda of: epochs_to(of.epochs, of.run.config.model.classes),
    "epochs_to_settle": lambda of: (epochs_to_settle(of.epochs), False),
}
assert set(_HOW) == set(MEASURES)
