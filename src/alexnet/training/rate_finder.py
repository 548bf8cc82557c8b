"""Which rate suits this network and these pictures? A sweep over rising rates with a network that is thrown away.

The rate grows by the same factor at every step, from far too low to far too high, and the loss is watched (Smith, 2017,
Cyclical learning rates for training neural networks, section 3.3). The pictures, their order and their changes are
those of a run's first steps, so a sweep gives the same curve every time.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from alexnet.config import Config, OptimConfig, patch
from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.drawing import figures
from alexnet.training.begin import feed_of, fresh
from alexnet.training.bound import rounded, safe_rate, stable_rate
from alexnet.training.curvature import curvature_at_start
from alexnet.training.folder import new_folder, request, write_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.schedule import Schedule
from alexnet.training.settle import settle
from alexnet.training.step import NotFinite, State, step

#: First and last rate, and the steps from one to the other.
LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 120
#: The smoothed loss is a running mean with this memory.
MEMORY = 0.9
#: A smoothed loss of so many times the lowest ends the sweep.
DIVERGED = 3.0
#: The rate suggested, as a share of the one with the lowest smoothed loss.
SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class RateCurve:
    """What a sweep found."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    """Mean training loss of each step."""
    smoothed: tuple[float, ...]
    lowest: float
    """Rate of the lowest smoothed loss."""
    suggested: float
    """A tenth of it, as 1, 2 or 5 times a power of ten."""
    stable: float | None
    """Above this rate steps are unstable at the start, by the curvature; None for adamw, to which it does not apply."""
    safe: float | None
    """A tenth of it, rounded likewise."""
    folder: str = ""
    """Where rate.json and figures/rate.png are."""

    def sentence(self) -> str:
        """What to do with it."""
        said = f"the smoothed loss is lowest at rate {self.lowest:.2g}; suggested: --rate {self.suggested:g}"
        if self.stable is not None:
            said += (
                f" (by the curvature at the start, first steps above {self.stable:.2g} are unstable, and "
                f"{self.safe:g} is safe)"
            )
        return said


class Sweep(Schedule):
    """A rate that grows by the same factor at every step."""

    def __init__(self, config: OptimConfig) -> None:
        super().__init__(config, 1, STEPS)

    def factor(self, step: int) -> float:
        return float((HIGHEST / LOWEST) ** (step / (STEPS - 1)))


def sweep_rates(config: Config, prepared: PreparedSet, machine: Machine) -> RateCurve:
    """Sweep the rate of a config's network over its own first steps; nothing is left behind."""
    plain = {
        "optim.rate": LOWEST,
        "optim.schedule": "constant",
        "optim.warmup": 0.0,
        "optim.bias_follows": True,
        "optim.ema": 0.0,
        "train.compile": False,
    }
    swept = patch(config, plain)
    feed = feed_of(swept, prepared, rows_of(swept, prepared)[0], machine)
    state, setting = fresh(swept, prepared, feed, machine.device)
    state.schedule = Sweep(swept.optim)
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    running = 0.0
    while len(rates) < STEPS:
        for batch in feed.epoch(swept.train.seed, state.epoch):
            try:
                step(state, batch, setting)
            except NotFinite:
                return _curve(config, prepared, machine, rates, losses, smoothed)
            loss = _taken(state)
            if not math.isfinite(loss):
                return _curve(config, prepared, machine, rates, losses, smoothed)
            running = MEMORY * running + (1 - MEMORY) * loss
            rates.append(LOWEST * state.schedule.factor(state.step - 1))
            losses.append(loss)
            smoothed.append(running / (1 - MEMORY ** len(losses)))
            if smoothed[-1] > DIVERGED * min(smoothed) or len(rates) == STEPS:
                return _curve(config, prepared, machine, rates, losses, smoothed)
        state.epoch, state.batch = state.epoch + 1, 0
    raise AssertionError("a sweep ends within its steps")


def find_rate(
    source: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str] | None = None,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 0,
    workers: int = 0,
    max_left_out: float = 0.05,
    listener: Listener | None = None,
) -> RateCurve:
    """Sweep the rate for what `train` would run with the same words; writes rate.json and figures/rate.png.

    Args:
        out: a new or empty folder; None makes `runs/NAME-rate-1`, ... The rest is as in `start.train`.

    Raises:
        ValueError: of one sentence, for anything in the request or the pictures that does not fit.
    """
    words = request(
        source,
        recipe=recipe,
        changes=changes,
        device=device,
        threads=threads,
        workers=workers,
        max_left_out=max_left_out,
    )
    folder = new_folder(out, str(source), "-rate")
    try:
        settled = settle(words, folder, listener or Silent())
        curve = sweep_rates(settled.config, settled.prepared, settled.machine)
    except ValueError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    curve = replace(curve, folder=str(folder))
    write_json(folder / "rate.json", asdict(curve) | {"config": settled.config.digest})
    (folder / "figures").mkdir(exist_ok=True)
    marks = {"suggested": curve.suggested} | ({"unstable above": curve.stable} if curve.stable else {})
    figures.save(
        figures.sweep(curve.rates, curve.losses, curve.smoothed, marks, note=curve.sentence()),
        folder / "figures" / "rate.png",
    )
    return curve


def _taken(state: State) -> float:
    """The loss of the step just done; the sums begin anew."""
    loss = float(state.sums["loss"] / state.sums["pictures"])
    for value in state.sums.values():
        value.zero_()
    return loss


def _curve(
    config: Config,
    prepared: PreparedSet,
    machine: Machine,
    rates: list[float],
    losses: list[float],
    smoothed: list[float],
) -> RateCurve:
    if not rates:
        raise ValueError("the loss is not finite at the lowest rate: the initial weights do not suit this input")
    lowest = rates[min(range(len(smoothed)), key=smoothed.__getitem__)]
    bounded = config.optim.rule in ("velocity", "sgd")
    curvature = curvature_at_start(config, prepared, machine.device) if bounded else 0.0
    return RateCurve(
        rates=tuple(rates),
        losses=tuple(losses),
        smoothed=tuple(smoothed),
        lowest=lowest,
        suggested=rounded(SHARE * lowest),
        stable=stable_rate(curvature, config.optim.momentum) if bounded else None,
        safe=safe_rate(curvature, config.optim.momentum) if bounded else None,
    )
