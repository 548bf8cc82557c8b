"""Which of two runs is better? Their tables of predictions, read or made, side by side."""

from __future__ import annotations

import os
from pathlib import Path

from alexnet.scoring.compare import Answers, Comparison, compare, from_probabilities, from_table
from alexnet.scoring.protocols import PROTOCOLS
from alexnet.scoring.tables import read_predictions
from alexnet.training.evaluate import evaluate
from alexnet.training.folder import read_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.run import load


def compare_runs(
    a: str | os.PathLike[str],
    b: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    split: str | None = None,
    protocol: str = "centre",
    common: bool = False,
    device: str = "auto",
    threads: int = 0,
    listener: Listener | None = None,
) -> Comparison:
    """Compare two runs, or tables of predictions, on the same pictures.

    A finished run's own predictions.csv is read where nothing else is asked for (its held-out pictures, centre crop);
    otherwise its network is evaluated.

    Args:
        a, b: each a run's folder, one of its weights files, or a CSV file with the columns path, true and label.
        source, split, protocol: as `evaluate` takes them.
        common: compare on the common pictures however few they are.

    Raises:
        ValueError: as `evaluate`, `read_predictions` and `scoring.compare.compare`.
    """
    listener = listener or Silent()

    def answers(name: str) -> Answers:
        path = Path(name)
        other = source is not None or split is not None or protocol != "centre"
        if path.is_file() and path.suffix.lower() == ".csv":
            if other:
                raise ValueError(
                    f"{name} is a table: it says what it says, on its own pictures; --source, --split and --protocol "
                    "are for runs"
                )
            return from_table(name, _about(path.parent, path.name), read_predictions(path))
        table = path / "predictions.csv"
        if table.exists() and not other and (path / "results.json").exists():
            return from_table(name, _about(path, table.name), read_predictions(table))
        found = evaluate(
            load(name), source, split=split, protocol=protocol, device=device, threads=threads, listener=listener
        )
        scores = found.scores
        about = _words(scores.split, scores.protocol, scores.note)
        predictions = found.predictions
        return from_probabilities(
            name, about, found.paths, found.classes, predictions.probabilities, predictions.labels
        )

    return compare(answers(str(a)), answers(str(b)), common=common)


def _about(folder: Path, name: str) -> str:
    """What a run's results.json says of its predictions.csv; of another table nobody knows."""
    if name != "predictions.csv" or not (folder / "results.json").exists():
        return ""
    scores = read_json(folder / "results.json")["scores"][0]
    return _words(scores["split"], scores["protocol"], scores.get("note", ""))


def _words(split: str, protocol: str, note: str) -> str:
    return ", ".join([split, PROTOCOLS[protocol], *([note] if note else [])])
