"""When does the doctor look, and what is said? Before the first step, every interval, every epoch; each fault once.

The doctor has no memory of its own: what was said and what was measured stands in metrics.jsonl, so that a resumed run
gets the diagnoses that an uninterrupted one would have had. Nothing it does changes a number of the run.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from alexnet.data.prepared import Batch, PreparedSet
from alexnet.scoring.infer import Predictions
from alexnet.training.begin import build
from alexnet.training.curvature import curvature_at_start
from alexnet.training.doctor import signs
from alexnet.training.doctor.diagnosis import Diagnosis, command
from alexnet.training.doctor.look import look, moved, updates
from alexnet.training.doctor.not_finite import explain_not_finite
from alexnet.training.doctor.pictures import chance_loss, examine_pictures, largest_share
from alexnet.training.folder import append_line, lines_of, read_json
from alexnet.training.listener import Listener
from alexnet.training.starting import start_from
from alexnet.training.step import Setting, State

#: Intervals without learning after which the rate is looked into, and after which a loss is called stuck.
DOUBT, STUCK = 2, 6


class Doctor:
    """Watches one run. `rows` are the training pictures' rows in the prepared set."""

    def __init__(
        self, setting: Setting, prepared: PreparedSet, rows: np.ndarray, run: Path, listener: Listener
    ) -> None:
        self._setting, self._prepared, self._rows = setting, prepared, rows
        self._run, self._listener = run, listener
        self._labels = prepared.labels[rows]
        self._chance = chance_loss(setting.config, self._labels, len(prepared.classes))
        lines = lines_of(run)
        self._said = {line["fault"] for line in lines if line["kind"] == "diagnosis"}
        self._losses: list[float] = [line["train_loss"] for line in lines if line["kind"] == "interval"]
        self._epochs: list[dict[str, Any]] = [line for line in lines if line["kind"] == "epoch"]

    def before_the_first_step(self, state: State, batch: Batch) -> None:
        """Examine the pictures, and the network before it has learned anything, on the first batch."""
        config = self._setting.config
        self._say(state, examine_pictures(config, self._prepared, self._rows))
        normalizes = any(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in state.network.modules())
        self._say(state, signs.at_start(config, look(state, batch, self._setting), self._chance, normalizes))

    def after_an_interval(self, state: State, batch: Batch, loss: float) -> None:
        """Examine the network and its last step; `loss` is the interval's mean training loss."""
        config = self._setting.config
        self._losses.append(loss)
        self._say(state, signs.of_the_network(config, look(state, batch, self._setting), updates(state)))
        doubt = signs.learns_nothing(self._losses, self._chance, DOUBT)
        if doubt and not self._said & {"rate too high", "rate too low"}:
            # Where no gradient arrives, weights that do not move say nothing of the rate.
            blocked = self._said & {"dead units", "vanishing", "input scale"}
            distance = math.inf if blocked else moved(state, self._start)
            self._say(
                state,
                signs.of_the_rate(
                    config, self._losses, self._chance, self._first_rate(state), self._curvature, distance
                ),
            )
        if signs.learns_nothing(self._losses, self._chance, STUCK) and not self._said - {"leak", "small batch"}:
            self._say(state, [signs.of_the_loss(config, self._losses, self._chance, len(self._prepared.classes))])

    def after_an_epoch(self, state: State, row: dict[str, Any], predictions: Predictions | None) -> None:
        """Examine an epoch's line, and what the network answers to the pictures that select."""
        self._epochs.append(row)
        if predictions is None:
            return
        answers = predictions.probabilities.argmax(1)
        self._say(state, signs.of_the_answers(answers, predictions.labels, self._labels, self._prepared.classes))
        train, held_out = (100 * (1 - largest_share(labels)) for labels in (self._labels, predictions.labels))
        self._say(state, signs.of_the_epochs(self._epochs, train, held_out, len(answers)))

    def not_finite(self, state: State, batch: Batch | None) -> str:
        """Note a loss that is not finite; returns the sentence to stop with."""
        sentence = explain_not_finite(state, batch, self._setting)
        line = {"kind": "diagnosis", "epoch": state.epoch, "step": state.step + 1, "fault": "not finite"}
        append_line(self._run / "metrics.jsonl", line | {"sentence": sentence, "cure": ""})
        return sentence

    def _say(self, state: State, found: Iterable[Diagnosis]) -> None:
        for diagnosis in found:
            if diagnosis.fault not in self._said:
                self._said.add(diagnosis.fault)
                _tell(diagnosis, self._run, self._listener, epoch=state.epoch, step=state.step)

    @functools.cached_property
    def _start(self) -> nn.Module:
        """The network as it was before the first step."""
        config, classes = self._setting.config, self._prepared.classes
        network = build(config, len(classes))
        if config.train.start:
            start_from(network, self._run, config.train.start, classes)
        return network

    @functools.cached_property
    def _curvature(self) -> float:
        return curvature_at_start(self._setting.config, self._prepared, self._setting.device)

    def _first_rate(self, state: State) -> float:
        return self._setting.config.optim.rate * max(state.schedule.factor(0), state.schedule.factor(state.step - 1))


def examine_result(
    run: Path, prepared: PreparedSet, rows: np.ndarray, predictions: Predictions, listener: Listener
) -> None:
    """Examine the evaluation of a run that no pictures could watch over: where none select, it is the first to tell."""
    epochs = lines_of(run, "epoch")
    if not epochs or any("val_top1_error" in row for row in epochs):
        return
    answers, truth = predictions.probabilities.argmax(1), np.asarray(predictions.labels)
    found = list(signs.of_the_answers(answers, truth, prepared.labels[rows], prepared.classes))
    error = 100 * float((answers != truth).mean())
    chances = [100 * (1 - largest_share(labels)) for labels in (prepared.labels[rows], truth)]
    found += signs.of_the_errors(epochs[-1]["train_top1_error"], chances[0], error, chances[1], len(truth))
    for diagnosis in found:
        _tell(diagnosis, run, listener, epoch=epochs[-1]["epoch"], step=epochs[-1]["step"])


def _tell(diagnosis: Diagnosis, run: Path, listener: Listener, *, epoch: int, step: int) -> None:
    """A diagnosis to the user, and into metrics.jsonl."""
    request = run / "request.json"
    cure = command(diagnosis, read_json(request) if request.exists() else {})
    line = {"kind": "diagnosis", "epoch": epoch, "step": step, "fault": diagnosis.fault}
    append_line(run / "metrics.jsonl", line | {"sentence": diagnosis.sentence, "cure": cure})
    listener.say(f"doctor: {diagnosis.fault}: {diagnosis.sentence}; try: {cure}")
