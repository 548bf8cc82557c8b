"""How good is a trained network on these pictures? Its predictions, and every number made of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pyarrow.parquet import read_table

from alexnet.data.feed import Feed
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine, choose
from alexnet.scoring.infer import Predictions, infer
from alexnet.scoring.scores import Scores, score
from alexnet.training.listener import Listener, Silent
from alexnet.training.pictures import prepared_for, reopen
from alexnet.training.trained import Trained

if TYPE_CHECKING:
    from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores, and the predictions they were made from."""

    scores: Scores
    predictions: Predictions
    classes: tuple[str, ...]
    paths: list[str]
    """Where each picture came from, in the predictions' order."""


def batch_for(crop: int) -> int:
    """Pictures at once in inference: some millions of input values, which keeps memory flat at any size of picture."""
    return int(np.clip(4_000_000 // (3 * crop * crop), 16, 512))


def evaluate_rows(
    trained: Trained,
    prepared: PreparedSet,
    rows: np.ndarray,
    *,
    split: str,
    protocol: str = "centre",
    machine: Machine,
    note: str = "",
    precision: str = "float32",
) -> Evaluation:
    """Evaluate on some rows of a prepared set; its classes are matched to the network's by name.

    Raises:
        ValueError: the set has a class the network does not know, or no rows to evaluate on.
    """
    if len(rows) == 0:
        raise ValueError(f"there are no pictures in the split {split!r} to evaluate on")
    unknown = [name for name in prepared.classes if name not in trained.classes]
    if unknown:
        raise ValueError(
            f"the network does not know the class {unknown[0]!r}; it knows {', '.join(trained.classes[:20])}"
            + (" ..." if len(trained.classes) > 20 else "")
        )
    feed = Feed(prepared, rows, batch=batch_for(trained.preprocess.crop), device=machine.device, memory=machine.memory)
    network, preprocess = trained.network.to(machine.device), trained.preprocess.to(machine.device)
    predictions = infer(
        network, preprocess, feed.straight(), protocol=protocol, device=machine.device, precision=precision
    )
    to_network = np.array([trained.classes.index(name) for name in prepared.classes])
    predictions = replace(predictions, labels=to_network[np.asarray(predictions.labels)])
    scores = score(predictions.probabilities, predictions.labels, split=split, protocol=protocol, note=note)
    paths = [str(path) for path in prepared.origins.take(rows).to_pylist()]
    return Evaluation(scores=scores, predictions=predictions, classes=trained.classes, paths=paths)


def evaluate(
    run: Run,
    source: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    protocol: str = "centre",
    device: str = "auto",
    threads: int = 0,
    listener: Listener | None = None,
) -> Evaluation:
    """Evaluate a run on its own pictures or on others.

    Args:
        source: labelled pictures, in any form `train` takes; None = the run's own.
        split: "train", "val" or "test"; None = the split that the source holds out, or all of a source without splits.
        protocol: "centre", "ten" or "nine" views.

    Raises:
        ValueError: there is no such split, or a class that the network does not know.
    """
    listener = listener or Silent()
    if source is None:
        prepared = reopen(run.folder, listener)
    else:
        data = replace(run.config.data, size=run.preprocess.size, fit=run.preprocess.fit)
        prepared = prepared_for(str(source), data, workers=0, max_left_out=0.05, listener=listener)
    held_out, note = prepared.evaluated
    if split is None and source is not None and not _names_splits(prepared):
        rows, split, note = np.arange(len(prepared.labels)), "all", ""
    elif split in (None, held_out):
        rows, split = prepared.rows(held_out), held_out
    else:
        names = {"train": ("train",), "val": ("val", "select"), "test": ("test",)}
        if split not in names:
            raise ValueError(f"no split is called {split!r}; there are {', '.join(names)}")
        rows, note = prepared.rows(*names[split]), ""
    return evaluate_rows(
        run.trained, prepared, rows, split=split, protocol=protocol, machine=choose(device, threads), note=note
    )


def _names_splits(prepared: PreparedSet) -> bool:
    """Whether the pictures came with a split of their own, rather than one drawn by us."""
    return bool((read_table(prepared.path / "manifest.parquet", columns=["split"])["split"].to_numpy() >= 0).any())
