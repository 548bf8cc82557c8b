"""What is left to do when the last step is done? Evaluate, write the tables, draw the figures, compose the report."""

from __future__ import annotations

import csv
import json

from alexnet.config import to_dict
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.scoring.scores import confusion, per_class
from alexnet.scoring.tables import write_confusion, write_per_class, write_predictions
from alexnet.training.evaluate import Evaluation, evaluate_rows
from alexnet.training.folder import write_json
from alexnet.training.report import write_report
from alexnet.training.run import Run


def finish(run: Run, prepared: PreparedSet, machine: Machine) -> None:
    """Write predictions.csv, per_class.csv, confusion.csv, figures/, report.html and, last, results.json into the run.

    results.json is what marks a run as finished.
    """
    config = run.config
    split, note = prepared.evaluated
    note = "" if config.data.all_of_train else note
    protocols = ("centre", "ten") if config.augment.flip else ("centre",)  # the ten views mirror
    evaluations = [
        evaluate_rows(
            run.trained, prepared, prepared.rows(split), split=split, protocol=name, machine=machine, note=note
        )
        for name in protocols
    ]
    write_tables(run, evaluations[0])
    write_results_csv(run)
    results = {
        "scores": [evaluation.scores.to_dict() for evaluation in evaluations],
        "weights": "best" if (run.folder / "weights" / "best.safetensors").exists() else "last",
        "epoch": run.trained.metadata["provenance"]["epoch"],
        "step": run.trained.metadata["provenance"]["step"],
        "config_digest": config.digest,
        "fingerprint": prepared.fingerprint,
        "config": to_dict(config),
    }
    write_report(run, prepared, evaluations, results)
    write_json(run.folder / "results.json", results)


def write_results_csv(run: Run) -> None:
    """results.csv: a row an epoch, with the columns of metrics.jsonl's epoch lines, for people's own scripts."""
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    rows = [line for line in lines if line.pop("kind") == "epoch"]
    with (run.folder / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_tables(run: Run, evaluation: Evaluation) -> None:
    """The three CSV files of an evaluation."""
    predictions, classes = evaluation.predictions, evaluation.classes
    write_predictions(
        run.folder / "predictions.csv", evaluation.paths, predictions.probabilities, classes, predictions.labels
    )
    write_per_class(run.folder / "per_class.csv", per_class(predictions.probabilities, predictions.labels, classes))
    write_confusion(
        run.folder / "confusion.csv", confusion(predictions.probabilities, predictions.labels, len(classes)), classes
    )
