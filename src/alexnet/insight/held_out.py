"""Which pictures does the album look at? Those that the run holds out, drawn by its seed, as the network gets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.data.prepared import PreparedSet
from alexnet.scoring.infer import testing
from alexnet.scoring.protocols import cut, placements
from alexnet.training.evaluate import batch_for, chosen_pictures
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Some rows of a run's held-out split."""

    prepared: PreparedSet
    rows: np.ndarray
    """int64 (N,), ascending."""
    split: str
    note: str
    total: int
    """Pictures of the whole split."""

    def __str__(self) -> str:
        """E.g. "val, 476 pictures, centre crop; also used for selection", "test, 1,000 of its 10,000 pictures, ..."."""
        of = f"{len(self.rows):,} of its {self.total:,}" if len(self.rows) < self.total else f"{self.total:,}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.split}, {of} picture{'s' * (self.total != 1)}, centre crop{note}"


def held_out(run: Run, *, limit: int | None = None) -> HeldOut:
    """The held-out pictures of a run, or `limit` of them drawn by its seed: the same ones every time.

    Raises:
        ValueError: the run is weights alone, its pictures are gone or changed, or none are held out.
    """
    if not (run.folder / "data.json").exists():
        raise ValueError(
            f"{run.folder} does not say which pictures the network was trained on; give the run's folder rather than "
            "its weights alone"
        )
    chosen = chosen_pictures(run, None, None)
    total = len(chosen.rows)
    if not total:
        raise ValueError(f"the run {run.folder} holds out no pictures in its split {chosen.split!r}")
    order = draws.order(run.config.train.seed, 0, total, "look").numpy()
    rows = chosen.rows[np.sort(order[:limit])]
    return HeldOut(prepared=chosen.prepared, rows=rows, split=chosen.split, note=chosen.note, total=total)


def as_eaten(run: Run, squares: np.ndarray, device: str = "cpu") -> Tensor:
    """Stored squares uint8 (N,3,S,S) as the network takes them: the central crop, float32 (N,3,crop,crop)."""
    preprocess = run.preprocess.to(device)
    view = placements("centre", preprocess.size, preprocess.crop)[0]
    with torch.no_grad(), testing(preprocess):
        found: Tensor = preprocess(cut(torch.from_numpy(squares).to(device), view, preprocess.crop))
    return found


def central(run: Run, squares: np.ndarray) -> np.ndarray:
    """The part of stored squares uint8 (N,3,S,S) that the network sees, for people: uint8 (N,3,crop,crop)."""
    preprocess = run.preprocess
    top, left, _ = placements("centre", preprocess.size, preprocess.crop)[0]
    return squares[:, :, top : top + preprocess.crop, left : left + preprocess.crop]


def batches(run: Run, pictures: HeldOut, device: str = "cpu") -> Iterator[Tensor]:
    """All of the pictures as the network takes them, a batch at a time: the memory of one batch for any number."""
    size = batch_for(run.preprocess.crop)
    for start in range(0, len(pictures.rows), size):
        yield as_eaten(run, pictures.prepared.gather(pictures.rows[start : start + size]), device)
