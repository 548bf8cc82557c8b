"""What is left to do when the last step is done? Evaluate, write the tables, draw the figures, compose the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alexnet.config import Config, to_dict
from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.scoring.scores import confusion, per_class
from alexnet.scoring.tables import write_confusion, write_per_class, write_predictions
from alexnet.training.doctor.watch import examine_result
from alexnet.training.epochs import write_results_csv
from alexnet.training.evaluate import Evaluation, evaluate_rows
from alexnet.training.folder import lines_of, read_json, write_json
from alexnet.training.forecast import came
from alexnet.training.listener import Listener, Silent
from alexnet.training.report import write_report
from alexnet.training.run import Run

#: What is measured of a run, by whether its pictures may be mirrored, as some of the ten views are.
_MEASURED = {False: ("centre",), True: ("centre", "ten")}


def finish(
    run: Run, prepared: PreparedSet, machine: Machine, listener: Listener | None = None, *, page: bool = True
) -> None:
    """Write predictions.csv, per_class.csv, confusion.csv, figures/, report.html and, last, results.json into the run.

    results.json is what marks a run as finished. Without `page` there are no figures, no report and no ten views, which
    is what takes long of it; `make_page` makes them up.
    """
    config = run.config
    evaluations = evaluate_held_out(run, prepared, machine, _MEASURED[page and config.augment.flip])
    write_tables(run, evaluations[0])
    rows, _ = rows_of(config, prepared)
    examine_result(run.folder, prepared, rows, evaluations[0].predictions, listener or Silent())
    write_results_csv(run.folder)
    results = {
        "scores": [evaluation.scores.to_dict() for evaluation in evaluations],
        "weights": "best" if (run.folder / "weights" / "best.safetensors").exists() else "last",
        "epoch": run.trained.metadata["provenance"]["epoch"],
        "step": run.trained.metadata["provenance"]["step"],
        "ended": why_ended(run.folder, config),
        "config_digest": config.digest,
        "fingerprint": prepared.fingerprint,
        "config": to_dict(config),
    }
    note_what_came(run.folder, machine.device)
    if page:
        write_report(run, prepared, evaluations, results)
    write_json(run.folder / "results.json", results)


def make_page(run: Run, prepared: PreparedSet, machine: Machine) -> None:
    """Draw the figures and write report.html of a finished run that was made without them. Changes none of its files.

    Raises:
        ValueError: the run is not finished.
    """
    if not run.results:
        raise ValueError(f"the run {run.folder} is not finished; `alexnet resume {run.folder}` goes on with it")
    evaluations = evaluate_held_out(run, prepared, machine, _MEASURED[run.config.augment.flip])
    write_report(run, prepared, evaluations, run.results)


def evaluate_held_out(run: Run, prepared: PreparedSet, machine: Machine, protocols: Sequence[str]) -> list[Evaluation]:
    """A run's network on its held-out pictures, by each protocol."""
    split, note = prepared.evaluated
    note = "" if run.config.data.all_of_train else note
    return [
        evaluate_rows(
            run.trained, prepared, prepared.rows(split), split=split, protocol=name, machine=machine, note=note
        )
        for name in protocols
    ]


def why_ended(folder: Path, config: Config) -> str:
    """ "epochs", "steps", "patience", "until" or "max-hours"."""
    ended = [line["why"] for line in lines_of(folder, "ended")]
    return str(ended[-1]) if ended else "steps" if config.train.steps else "epochs"


def note_what_came(folder: Path, device: str) -> None:
    """Put what the run took beside what was forecast; a run from before there were forecasts has none."""
    path = folder / "forecast.json"
    if path.exists():
        write_json(path, read_json(path) | {"came": came(folder, lines_of(folder, "epoch"), device)})


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
