"""Which temperature belongs to a run? Fitted on pictures that are not reported, kept in calibration.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.scoring.calibrate import FOLDS, Mended, cross_fitted, fit_temperature, mended, temper
from alexnet.scoring.protocols import PROTOCOLS
from alexnet.training.evaluate import Evaluation, contents_of, evaluate_rows, trained_on
from alexnet.training.folder import read_json, write_json
from alexnet.training.listener import Listener
from alexnet.training.pictures import reopen

if TYPE_CHECKING:
    from alexnet.training.run import Run

FILE = "calibration.json"
#: Fewer pictures than this say too little to fit anything on.
LEAST = 30


@dataclass(frozen=True, kw_only=True)
class Temperature:
    """A temperature, and what it was fitted on."""

    value: float
    protocol: str
    split: str
    n: int
    """Pictures it was fitted on."""
    cross_fitted: bool
    """Whether the numbers reported with it are of other temperatures, each fitted on four fifths of these pictures."""
    epoch: int
    step: int
    """Of the weights it belongs to."""

    def __str__(self) -> str:
        return f"temperature {self.value:.3f}, fitted on {self.split} ({self.n:,} pictures, {PROTOCOLS[self.protocol]})"


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A temperature, what it does on the reported pictures, and whether the run keeps it."""

    temperature: Temperature
    mended: Mended
    kept: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; the calibration error as a share, the log loss in nats."""
        one = self.mended
        changes = {"ece": one.ece_change.to_dict(), "nll": one.nll_change.to_dict()}
        return {
            "temperature": asdict(self.temperature),
            "before": one.before.to_dict(),
            "after": one.after.to_dict(),
            "change": changes,
            "kept": self.kept,
        }

    def lines(self) -> list[str]:
        """For a person."""
        one, found = self.mended, self.temperature
        lines = [str(found)]
        if found.cross_fitted:
            lines.append(
                f"  these are the reported pictures: the numbers after are cross-fitted, every picture's by a "
                f"temperature fitted on the other {FOLDS - 1} of {FOLDS} parts"
            )
        rows = (
            ("calibration error", 100, "%", one.before.ece, one.after.ece, one.ece_change),
            ("log loss, nats", 1, "", one.before.nll, one.after.nll, one.nll_change),
        )
        lines.append(f"{'':<19}{'before':<22}{'after':<22}change")
        for name, times, unit, before, after, change in rows:
            form = ".1f" if times > 1 else ".3f"
            cells = [
                f"{times * e.value:{sign}{form}}{unit} [{times * e.low:{sign}{form}}, {times * e.high:{sign}{form}}]"
                for e, sign in ((before, ""), (after, ""), (change, "+"))
            ]
            lines.append(f"{name:<19}{cells[0]:<22}{cells[1]:<22}{cells[2]}")
        chance = one.after.by_chance
        lines.append(
            f"(a network that is exactly as often right as it says would show {100 * chance.value:.1f}% "
            f"[{100 * chance.low:.1f}, {100 * chance.high:.1f}] by chance)"
        )
        lines += ["", "sure          pictures   says   right  (after)"]
        for row in one.after.to_dict()["bins"]:
            right = row["accuracy"]
            lines.append(
                f"{100 * row['low']:>5.1f}-{100 * row['high']:.1f}%".ljust(14)
                + f"{row['n']:>8,}  {100 * row['confidence']:>4.0f}%  {100 * right['value']:>5.0f}% "
                f"[{100 * right['low']:.0f}, {100 * right['high']:.0f}]"
            )
        kept = f"kept in the run's {FILE}: alexnet predict RUN PICTURES --calibrated"
        lines += ["", kept if self.kept else "not kept: it was not fitted on the run's own pictures"]
        return lines


def calibrate(
    run: Run,
    reported: Evaluation,
    source_given: bool,
    machine: Machine,
    listener: Listener,
    *,
    precision: str = "float32",
) -> Calibrated:
    """Fit a temperature on pictures that are not the reported ones, and say what it does on those.

    It is fitted on the pictures that chose the run's best epoch. Where these are the reported ones, or there are none,
    the reported pictures are parted into five, and each part is tempered by what the other four say (cross-fitting);
    the temperature kept is then fitted on all of them. Where others than the run's held-out pictures are reported (its
    training pictures, or another source), those held out will do as well. Pictures with the content of a reported one
    are left out of the fitting.

    Raises:
        ValueError: fewer than 30 pictures to fit on, or no temperature fits.
    """
    predictions, protocol = reported.predictions, reported.scores.protocol
    own = reopen(run.folder, listener) if (run.folder / "data.json").exists() else None
    found = None if own is None else fitting_pictures(run, own, reported, source_given)
    foreign = found is None and source_given
    if found is not None and own is not None:
        split, rows = found
        fitting = evaluate_rows(
            run.trained, own, rows, split=split, protocol=protocol, machine=machine, precision=precision
        )
        value = fit_temperature(fitting.predictions.probabilities, fitting.predictions.labels)
        after, n = temper(predictions.probabilities, value), len(rows)
    else:
        split, n = reported.scores.split, len(predictions.labels)
        if n < LEAST:
            raise ValueError(f"{n} pictures are too few to fit a temperature on; it takes {LEAST}")
        if own is not None and trained_on(run, own, reported.contents):
            raise ValueError(
                "a temperature fitted on pictures that were trained on says nothing, and this run holds too few others "
                "out; name other labelled pictures"
            )
        after = cross_fitted(predictions.probabilities, predictions.labels, reported.contents)
        value = fit_temperature(predictions.probabilities, predictions.labels)
    provenance = run.trained.metadata["provenance"]
    temperature = Temperature(
        value=value,
        protocol=protocol,
        split=split,
        n=n,
        cross_fitted=found is None,
        epoch=provenance["epoch"],
        step=provenance["step"],
    )
    kept = own is not None and not foreign
    if kept:
        _keep(run, temperature)
    return Calibrated(
        temperature=temperature, mended=mended(predictions.probabilities, after, predictions.labels), kept=kept
    )


def fitting_pictures(
    run: Run, own: PreparedSet, reported: Evaluation, others_reported: bool
) -> tuple[str, np.ndarray] | None:
    """(split, rows) of a run's own pictures to fit something on: never trained on, and none of them reported.

    None where fewer than 30 are left.
    """
    held_out = own.evaluated[0]
    choices: Sequence[tuple[str, np.ndarray]] = [("val", rows_of(run.config, own)[1])]
    if others_reported or reported.scores.split == "train":
        choices = [*choices, (held_out, own.rows(held_out))]
    seen = set(reported.contents)
    for split, rows in choices:
        fresh = np.array([content not in seen for content in contents_of(own, rows)], bool)
        if fresh.sum() >= LEAST:
            return split, rows[fresh]
    return None


def _keep(run: Run, temperature: Temperature) -> None:
    """Write it into the run's folder, beside those of other protocols."""
    path = run.folder / FILE
    kept = read_json(path) if path.exists() else {}
    write_json(path, kept | {temperature.protocol: asdict(temperature)})


def kept_temperature(run: Run, protocol: str) -> Temperature:
    """What `calibrate` kept for these weights and this protocol.

    Raises:
        ValueError: nothing was kept, or the run has been trained on since.
    """
    advice = "" if protocol == "centre" else f" --protocol {protocol}"
    command = f"alexnet evaluate {run.folder} --calibrate{advice}"
    path = run.folder / FILE
    kept = read_json(path) if path.exists() else {}
    if protocol not in kept:
        raise ValueError(f"the run {run.folder} is not calibrated for the {PROTOCOLS[protocol]}: {command}")
    try:
        temperature = Temperature(**kept[protocol])
    except TypeError:
        raise ValueError(f"{path} is damaged; make it again: {command}") from None
    provenance = run.trained.metadata["provenance"]
    if (temperature.epoch, temperature.step) != (provenance["epoch"], provenance["step"]):
        raise ValueError(
            f"the temperature of {run.folder} is for the weights of epoch {temperature.epoch}, and these are of epoch "
            f"{provenance['epoch']}: {command}"
        )
    return temperature
