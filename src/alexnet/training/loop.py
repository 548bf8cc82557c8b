"""How is a network trained? Epochs of steps, a validation after each, checkpoints in between: `train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from alexnet.config import Config
from alexnet.data.feed import Feed, rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.scoring.infer import Predictions, infer
from alexnet.scoring.scores import Scores, score
from alexnet.training import folder as files
from alexnet.training.begin import begin, feed_of, save
from alexnet.training.clock import TIME_COLUMNS, Clock
from alexnet.training.doctor.watch import Doctor
from alexnet.training.listener import Interrupted, Listener, Progress, Silent
from alexnet.training.signals import Stop
from alexnet.training.step import NotFinite, Setting, State, step
from alexnet.training.trained import save_network

#: Steps between two lines of metrics.jsonl within an epoch, and between two looks at the loss on a GPU.
INTERVAL = 50


class Diverged(ValueError):
    """The loss is not finite: with this config, on these pictures, it will not be."""


def train(
    config: Config,
    prepared: PreparedSet,
    run: Path,
    *,
    machine: Machine,
    listener: Listener | None = None,
    save_every: float = 60.0,
    max_hours: float = 0.0,
) -> State:
    """Train from the run's current checkpoint, or from the start, to the end.

    Writes metrics.jsonl, weights/last.safetensors, weights/best.safetensors where a split selects, and checkpoints at
    least `save_every` seconds apart. Returns the state after the last step. Where patience or `max_hours` (0 = none)
    end a run before its epochs do, the last line of metrics.jsonl says so; out of hours it stops within an epoch, and
    goes on there when it is resumed.

    Raises:
        Interrupted: a signal asked to stop; the checkpoint holds the run as it is.
        Diverged: the loss is not finite; says at which step, in which layer and why that is likely.
    """
    listener = listener or Silent()
    device = machine.device
    rows, selecting = rows_of(config, prepared)
    feed = feed_of(config, prepared, rows, machine)
    watched = Feed(prepared, selecting, batch=config.train.batch, device=device, memory=machine.memory)
    state, setting = begin(config, prepared, run, feed, machine, listener)
    clock = Clock(save_every, state.step, len(feed) * config.train.epochs, config.train.steps, max_hours)
    doctor = Doctor(setting, prepared, rows, run, listener)
    if state.step == 0:
        doctor.before_the_first_step(state, next(feed.epoch(config.train.seed, 1)))
    with Stop() as stop:
        while state.epoch <= config.train.epochs and not clock.done(state.step) and not _why_ended(state, config, run):
            for batch in clock.waiting(feed.epoch(config.train.seed, state.epoch, state.batch)):
                try:
                    step(state, batch, setting)
                except NotFinite:
                    raise Diverged(doctor.not_finite(state, batch)) from None
                clock.count(len(batch.labels))
                _report_step(state, setting, clock, listener)
                if state.step % INTERVAL == 0:
                    if not torch.isfinite(state.sums["loss"]):
                        raise Diverged(doctor.not_finite(state, batch))
                    doctor.after_an_interval(state, batch, _end_interval(state, run))
                if clock.done(state.step):
                    break
                if stop.received:
                    save(state, prepared, setting, run, machine)
                    raise Interrupted(stop.received, f"alexnet resume {run}")
                if clock.late():
                    return _out_of_time(state, prepared, setting, run, machine, watched, clock, listener, doctor)
                if clock.due():
                    clock.saved(save(state, prepared, setting, run, machine))
            _end_epoch(state, prepared, setting, run, watched, clock, listener, doctor)
            if stop.received:
                save(state, prepared, setting, run, machine)
                raise Interrupted(stop.received, f"alexnet resume {run}")
            if clock.due():
                clock.saved(save(state, prepared, setting, run, machine))
    save(state, prepared, setting, run, machine)
    why = _why_ended(state, config, run)
    if why:
        files.append_line(run / "metrics.jsonl", {"kind": "ended", "why": why, "step": state.step})
        listener.say(_ENDED[why].format(config.train))
    save_network(run / "weights" / "last.safetensors", state, setting, prepared)
    return state


#: What is said of a run that ended before its epochs did.
_ENDED = {
    "patience": "no better validation error for {0.patience} epochs: ended as --patience asks",
    "until": "the training error is {0.until:g}% or less: ended as --train.until asks",
}


def _why_ended(state: State, config: Config, run: Path) -> str:
    """ "patience" where `train.patience` epochs have gone by without a better validation error, "until" where the last
    epoch's training error is as low as `train.until` asks; else ""."""
    waited = state.best is not None and state.epoch - 1 - state.best["epoch"] >= config.train.patience
    if config.train.patience and waited:
        return "patience"
    if config.train.until and state.batch == 0:
        epochs = files.lines_of(run, "epoch")
        if epochs and epochs[-1]["train_top1_error"] <= config.train.until:
            return "until"
    return ""


def _out_of_time(
    state: State,
    prepared: PreparedSet,
    setting: Setting,
    run: Path,
    machine: Machine,
    watched: Feed,
    clock: Clock,
    listener: Listener,
    doctor: Doctor,
) -> State:
    """Save within the epoch, to go on from; then measure what there is. A resumed run forgets those lines again."""
    save(state, prepared, setting, run, machine)
    listener.say(f"the {clock.hours:g} hours of --max-hours are over: stopped at step {state.step}, saved")
    step = state.step
    _end_epoch(state, prepared, setting, run, watched, clock, listener, doctor, whole=False)
    files.append_line(run / "metrics.jsonl", {"kind": "ended", "why": "max-hours", "step": step})
    save_network(run / "weights" / "last.safetensors", state, setting, prepared)
    return state


def _report_step(state: State, setting: Setting, clock: Clock, listener: Listener) -> None:
    if setting.device != "cpu" and state.step % INTERVAL:
        return  # reading the loss would wait for the device
    listener.stepped(
        Progress(
            step=state.step,
            steps=clock.steps,
            epoch=state.epoch,
            epochs=setting.config.train.epochs,
            loss=float(state.sums["loss"] / state.sums["pictures"]),
            pictures_per_second=clock.speed(),
            seconds_left=clock.seconds_left(state.step),
        )
    )


def _end_interval(state: State, run: Path) -> float:
    """Note the interval; returns its mean training loss."""
    line: dict[str, Any] = {
        "kind": "interval",
        "epoch": state.epoch,
        "step": state.step,
        "train_loss": float(state.sums["interval_loss"] / state.sums["interval_pictures"]),
        "rate": _rate(state),
    }
    state.sums["interval_loss"].zero_()
    state.sums["interval_pictures"].zero_()
    files.append_line(run / "metrics.jsonl", line)
    return float(line["train_loss"])


def _rate(state: State) -> float:
    """The weights' rate of the step just done, of the layer with the highest one."""
    state.schedule.apply(state.optimizer, state.step - 1)  # that step may have been done before a resume
    return max(group["lr"] for group in state.optimizer.param_groups if group["sort"] == "weight")


def validate(state: State, setting: Setting, watched: Feed) -> tuple[Scores, Predictions]:
    """Scores and predictions of the state on the split that selects, centre crop."""
    config = setting.config
    predictions = infer(
        state.average,
        setting.preprocess,
        watched.straight(),
        protocol="centre",
        device=setting.device,
        precision=config.train.precision,
    )
    return score(predictions.probabilities, predictions.labels, split="val", protocol="centre"), predictions


def _end_epoch(
    state: State,
    prepared: PreparedSet,
    setting: Setting,
    run: Path,
    watched: Feed,
    clock: Clock,
    listener: Listener,
    doctor: Doctor,
    whole: bool = True,
) -> None:
    """Validate, note the epoch, keep the weights if they are the best, move the schedule, begin the next epoch.

    An epoch that is not whole, for want of time, does not take the place of a best one: it will be gone on with.
    """
    if not torch.isfinite(state.sums["loss"]):
        raise Diverged(doctor.not_finite(state, None))
    predictions = None
    pictures = state.sums["pictures"]
    row: dict[str, Any] = {
        "kind": "epoch",
        "epoch": state.epoch,
        "step": state.step,
        "train_loss": float(state.sums["loss"] / pictures),
        "train_top1_error": float(100 - 100 * state.sums["hits"] / pictures),
        "rate": _rate(state),
    } | clock.next_lap()
    if len(watched.rows):
        scores, predictions = validate(state, setting, watched)
        row |= {
            "val_loss": scores.loss,
            "val_top1_error": scores.top1_error.value,
            "val_top5_error": scores.top5_error.value,
        }
        if state.best is None or (whole and scores.top1_error.value < state.best["val_top1_error"]):
            state.best = {key: row[key] for key in row if key not in TIME_COLUMNS}
            save_network(run / "weights" / "best.safetensors", state, setting, prepared)
        state.schedule.epoch_ended(scores.top1_error.value)
    elif setting.config.optim.schedule == "plateau":
        state.schedule.epoch_ended(row["train_top1_error"])
    files.append_line(run / "metrics.jsonl", row)
    listener.epoch_ended(row)
    doctor.after_an_epoch(state, row, predictions)
    for value in state.sums.values():
        value.zero_()
    state.epoch, state.batch = state.epoch + 1, 0
    clock.next_lap()
