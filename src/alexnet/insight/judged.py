"""What did the network say of its held-out pictures? From the run's predictions.csv, or computed anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch

from alexnet.device import choose
from alexnet.insight.held_out import HeldOut, held_out
from alexnet.scoring.infer import probabilities
from alexnet.scoring.tables import read_predictions
from alexnet.training.evaluate import batch_for, evaluate_rows
from alexnet.training.run import Run

Top = tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """Held-out pictures with what was said of them, all in the same order."""

    pictures: HeldOut
    true: list[str]
    top: list[Top]
    """For each its most probable classes, up to five, best first."""
    own: np.ndarray
    """float64 (N,): the true class's probability; nan where the table does not tell."""

    def __len__(self) -> int:
        return len(self.top)

    @cached_property
    def wrong(self) -> np.ndarray:
        """bool (N,): the most probable class is another one."""
        return np.array([top[0][0] != name for top, name in zip(self.top, self.true, strict=True)], dtype=bool)

    @cached_property
    def sure(self) -> np.ndarray:
        """float64 (N,): the probability of the most probable class."""
        return np.array([top[0][1] for top in self.top], dtype=np.float64)

    def squares(self, places: np.ndarray) -> np.ndarray:
        """The stored squares of some of them, uint8 (n,3,S,S)."""
        return self.pictures.prepared.gather(self.pictures.rows[places])

    def path(self, place: int) -> str:
        return str(self.pictures.prepared.origins[int(self.pictures.rows[place])].as_py())


def judge(run: Run, *, device: str = "cpu", limit: int = 2000) -> Judged:
    """The run's predictions.csv, which tells of all held-out pictures, where it is there and tells of just these.

    Else, as for a run that did not finish, the predictions are computed, for `limit` pictures drawn by its seed.

    Raises:
        ValueError: the run's pictures are not at hand.
    """
    every = held_out(run)
    listed = _listed(run, every)
    return listed if listed is not None else _computed(run, held_out(run, limit=limit), device)


def _listed(run: Run, pictures: HeldOut) -> Judged | None:
    table = run.folder / "predictions.csv"
    if not (table.exists() and (run.folder / "results.json").exists()):  # unfinished: of older weights, perhaps
        return None
    rows = read_predictions(table)
    if [row.path for row in rows] != pictures.prepared.origins.take(pictures.rows).to_pylist():
        return None
    if not all(row.top for row in rows):
        return None
    own = np.array([dict(row.top).get(row.true, np.nan) for row in rows], dtype=np.float64)
    return Judged(pictures=pictures, true=[row.true for row in rows], top=[row.top for row in rows], own=own)


def _computed(run: Run, pictures: HeldOut, device: str) -> Judged:
    found = evaluate_rows(
        run.trained, pictures.prepared, pictures.rows, split=pictures.split, machine=choose(device), note=pictures.note
    )
    shares, labels = found.predictions.probabilities, found.predictions.labels
    return Judged(
        pictures=pictures,
        true=[run.classes[label] for label in labels],
        top=tops(shares, run.classes),
        own=shares[np.arange(len(labels)), labels],
    )


def tops(shares: np.ndarray, classes: tuple[str, ...], number: int = 5) -> list[Top]:
    """The most probable classes of each row of probabilities (N,K), best first; of equals the first class first."""
    order = np.argsort(-shares, axis=1, kind="stable")[:, :number]
    return [tuple((classes[i], float(row[i])) for i in best) for row, best in zip(shares, order, strict=True)]


def with_own(run: Run, judged: Judged, *, device: str = "cpu", limit: int = 2000) -> Judged:
    """The same with the true class's probability of every picture, those that the table leaves out being computed.

    The table tells of the five most probable classes. Where more than `limit` pictures have theirs beyond these, it is
    computed for those whose fifth probability, which theirs cannot exceed, is smallest; others stay nan.
    """
    fifth = np.array([top[-1][1] for top in judged.top], dtype=np.float64)
    lacking = np.flatnonzero(np.isnan(judged.own))
    lacking = lacking[np.argsort(fifth[lacking], kind="stable")][:limit]
    own, number = judged.own.copy(), {name: place for place, name in enumerate(run.classes)}
    size, network = batch_for(run.preprocess.crop), run.network.to(device)
    preprocess = run.preprocess.to(device)
    for start in range(0, len(lacking), size):
        places = lacking[start : start + size]
        shares = probabilities(network, preprocess, torch.from_numpy(judged.squares(places)), device=device)
        own[places] = shares[np.arange(len(places)), [number[judged.true[place]] for place in places]]
    return replace(judged, own=own)
