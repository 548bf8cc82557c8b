"""How good is a trained network on these pictures? Its predictions, and every number made of them."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pyarrow.parquet import read_table

from alexnet.data.feed import Feed, rows_of
from alexnet.data.origins import class_key
from alexnet.data.prepared import PreparedSet, is_prepared, open_prepared
from alexnet.device import Machine, choose
from alexnet.scoring.infer import Predictions, infer
from alexnet.scoring.scores import Scores, score
from alexnet.training.folder import read_json
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
    contents: list[bytes]
    """SHA-256 of each picture's file."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which pictures an evaluation is about."""

    prepared: PreparedSet
    rows: np.ndarray
    """int64 (N,)."""
    split: str
    note: str


def batch_for(crop: int) -> int:
    """Pictures at once in inference: 1.5 million input values, so that testing needs less memory than training does."""
    return int(np.clip(1_500_000 // (3 * crop * crop), 16, 512))


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
    known = {class_key(name): place for place, name in enumerate(trained.classes)}
    unknown = [name for name in prepared.classes if class_key(name) not in known]
    if unknown:
        raise ValueError(
            f"the network does not know the class {unknown[0]!r}; it knows {', '.join(trained.classes[:20])}"
            + (" ..." if len(trained.classes) > 20 else "")
        )
    if precision == "float64" and machine.device.startswith("mps"):
        raise ValueError("--precision float64 needs --device cpu or cuda: Apple's GPUs have no float64")
    feed = Feed(prepared, rows, batch=batch_for(trained.preprocess.crop), device=machine.device, memory=machine.memory)
    network, preprocess = trained.network.to(machine.device), trained.preprocess.to(machine.device)
    if precision == "float64":
        network = copy.deepcopy(network).double()
    predictions = infer(
        network, preprocess, feed.straight(), protocol=protocol, device=machine.device, precision=precision
    )
    to_network = np.array([known[class_key(name)] for name in prepared.classes])
    predictions = replace(predictions, labels=to_network[np.asarray(predictions.labels)])
    scores = score(predictions.probabilities, predictions.labels, split=split, protocol=protocol, note=note)
    paths = [str(path) for path in prepared.origins.take(rows).to_pylist()]
    return Evaluation(
        scores=scores,
        predictions=predictions,
        classes=trained.classes,
        paths=paths,
        contents=contents_of(prepared, rows),
    )


def contents_of(prepared: PreparedSet, rows: np.ndarray) -> list[bytes]:
    """SHA-256 of the files of some rows, in their order."""
    column = read_table(prepared.path / "manifest.parquet", columns=["sha256"])["sha256"]
    contents: list[bytes] = column.take(rows).to_pylist()
    return contents


def evaluate(
    run: Run,
    source: str | os.PathLike[str] | None = None,
    *,
    split: str | None = None,
    protocol: str = "centre",
    device: str = "auto",
    threads: int = 0,
    precision: str = "float32",
    listener: Listener | None = None,
) -> Evaluation:
    """Evaluate a run on its own pictures or on others.

    Args:
        source: labelled pictures, in any form `train` takes; None = the run's own.
        split: "train", "val" or "test"; None = the split that the source holds out, or all of a source without splits.
        protocol: "centre", "ten" or "nine" views.
        precision: "float32", "bf16" or "float64".

    Raises:
        ValueError: there is no such split, or a class that the network does not know.
    """
    chosen = chosen_pictures(run, source, split, listener or Silent())
    return evaluate_rows(
        run.trained,
        chosen.prepared,
        chosen.rows,
        split=chosen.split,
        protocol=protocol,
        machine=choose(device, threads),
        note=chosen.note,
        precision=precision,
    )


def chosen_pictures(
    run: Run, source: str | os.PathLike[str] | None, split: str | None, listener: Listener | None = None
) -> Chosen:
    """The pictures that `evaluate` means by these words. Raises ValueError as it does."""
    listener = listener or Silent()
    if source is None:
        prepared = reopen(run.folder, listener)
    else:
        data = replace(run.config.data, size=run.preprocess.size, fit=run.preprocess.fit)
        prepared = prepared_for(str(source), data, workers=0, max_left_out=0.05, listener=listener)
    held_out, note = prepared.evaluated
    if split is None and source is not None and not _names_splits(prepared):
        rows = np.arange(len(prepared.labels))
        return Chosen(prepared=prepared, rows=rows, split="all", note=_note_of_source(run, prepared, rows))
    names = {"train": ("train",), "val": ("val", "select"), "test": ("test",)}
    split = split or held_out
    if split not in names:
        raise ValueError(f"no split is called {split!r}; there are {', '.join(names)}")
    rows = prepared.rows(*names[split])
    if source is not None and prepared.fingerprint != run.trained.metadata["provenance"]["fingerprint"]:
        note = _note_of_source(run, prepared, rows)  # whatever the source's val selected, it was not this run
    elif split == "val" and len(prepared.selecting):
        # A run on all of the training pictures selects nothing, but trains on those that were carved out of them.
        carved = len(prepared.rows("select")) > 0
        note = ("also trained on" if carved else "") if run.config.data.all_of_train else "also used for selection"
    else:
        note = "" if split != held_out or run.config.data.all_of_train else note
    return Chosen(prepared=prepared, rows=rows, split=split, note=note)


def trained_on(run: Run, own: PreparedSet, contents: list[bytes]) -> int:
    """How many of some pictures the run was trained on, by their contents. `own` is the run's own prepared set."""
    seen = set(contents_of(own, rows_of(run.config, own)[0]))
    return sum(content in seen for content in contents)


def _note_of_source(run: Run, prepared: PreparedSet, rows: np.ndarray) -> str:
    """ "12 of them trained on", where the run's own pictures are at hand to tell; empty if none were."""
    path = run.folder / "data.json"
    own = Path(read_json(path)["prepared"]) if path.exists() else None
    if own is None or not is_prepared(own):
        return ""
    count = trained_on(run, open_prepared(own), contents_of(prepared, rows))
    return f"{count:,} of them trained on" if count else ""


def _names_splits(prepared: PreparedSet) -> bool:
    """Whether the pictures came with a split of their own, rather than one drawn by us."""
    return bool((read_table(prepared.path / "manifest.parquet", columns=["split"])["split"].to_numpy() >= 0).any())
