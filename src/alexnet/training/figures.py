"""What does a run look like? Its figures, each with what it shows in words: samples, curves, kernels, mistakes, ..."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure

from alexnet import draws
from alexnet.data.prepared import PreparedSet
from alexnet.drawing import figures
from alexnet.scoring.scores import calibration, confusion, per_class
from alexnet.training.evaluate import Evaluation
from alexnet.training.first_batch import CAPTION, first_batch
from alexnet.training.run import Run

SAMPLES = 32
PANELS = 8


class Shown(NamedTuple):
    """One figure of a run."""

    name: str
    """Of its file in figures/, without the ending."""
    caption: str
    figure: Figure


def draw_run(run: Run, prepared: PreparedSet, evaluation: Evaluation) -> Iterator[Shown]:
    """The figures of a run, one at a time."""
    yield _samples(run, prepared)
    yield Shown("first_batch", CAPTION, first_batch(run.config, prepared))
    yield _curves(run, evaluation)
    probabilities, labels = evaluation.predictions.probabilities, evaluation.predictions.labels
    about = f"On {evaluation.scores.split}, {evaluation.scores.n:,} pictures."
    matrix = confusion(probabilities, labels, len(run.classes))
    yield Shown(
        "confusion",
        f"{about} A row is a true class, a column what it was taken for.",
        figures.confusion(matrix, run.classes),
    )
    rows = per_class(probabilities, labels, run.classes)
    yield Shown(
        "per_class", f"{about} The share of each class that is found, with 95% intervals.", figures.per_class(rows)
    )
    yield Shown(
        "calibration",
        f"{about} Where the dots lie on the diagonal, a probability can be taken at its word.",
        figures.calibration(calibration(probabilities, labels)),
    )
    yield from _best_and_worst(run, prepared, evaluation)
    yield from _kernels(run)


def _samples(run: Run, prepared: PreparedSet) -> Shown:
    rows = prepared.rows("train")
    chosen = rows[draws.order(0, 0, len(rows))[:SAMPLES].numpy()]
    titles = [prepared.classes[label] for label in prepared.labels[chosen]]
    figure = figures.samples(
        prepared.gather(chosen), titles, title="Some training pictures as the network gets them, uncut"
    )
    size, crop = run.preprocess.size, run.preprocess.crop
    return Shown("samples", f"Stored squares of {size} pixels; the network sees {crop} x {crop} of them.", figure)


def _curves(run: Run, evaluation: Evaluation) -> Shown:
    lines = (run.folder / "metrics.jsonl").read_text().splitlines()
    rows = [row for row in map(json.loads, lines) if row["kind"] == "epoch"]
    return Shown("curves", "Training and validation by epoch.", figures.curves(rows, split="val"))


def _kernels(run: Run) -> Iterator[Shown]:
    table = run.network.table
    first = next((row for row in table.layers if row.kind == "conv"), None)
    if first is None:  # every convolution was left out
        return
    columns = max(row.columns for row in table.layers)
    weights = run.network.get_parameter(f"features.{first.name}.weight").detach().to(torch.float32).cpu().numpy()
    figure = figures.kernels(weights, columns=columns, title=f"The {len(weights)} kernels of {first.name}")
    yield Shown(
        "kernels", f"What the first layer looks for: {first.kernel} x {first.kernel} pixels, in colour.", figure
    )


def _best_and_worst(run: Run, prepared: PreparedSet, evaluation: Evaluation) -> Iterator[Shown]:
    predictions = evaluation.predictions
    own = predictions.probabilities[np.arange(len(predictions.labels)), predictions.labels]
    order = np.argsort(own, kind="stable")
    for name, places, caption in (
        ("worst", order[:PANELS], "The pictures whose true class the network thought least of."),
        ("best", order[::-1][:PANELS], "The pictures it was most sure of, and right."),
    ):
        images = prepared.gather(predictions.index[places])
        top = []
        for place in places:
            probabilities = predictions.probabilities[place]
            ranked = np.argsort(-probabilities, kind="stable")[:5]
            top.append([(run.classes[i], float(probabilities[i])) for i in ranked])
        names = [run.classes[label] for label in predictions.labels[places]]
        yield Shown(name, caption, figures.panels(images, names, top, title=f"{name.capitalize()} predictions"))
