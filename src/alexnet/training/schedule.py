"""How does the learning rate move? Plateau (capped), steps, cosine, one-cycle, constant, and the recorded one of 2012.

A rate is the config's highest rate times a factor of the place in the run; only the plateau schedule remembers
anything (its best error, how long it waited, its drops), and that is part of a checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch.optim import Optimizer

from alexnet.config import OptimConfig

#: The run #145 behind the paper's ILSVRC-2012 numbers, from the notes in layer-params-145.cfg: (first epoch, factor of
#: .01) for all weights, and for the first convolution, which was slowed down and then frozen. The run ended at 91.
RECORDED_EPOCHS = 91
RECORDED_DROPS = ((25, 0.1), (51, 0.01), (79, 0.001))
RECORDED_FIRST_LAYER = ((67, 0.001), (72, 0.0))
RECORDED_COLOUR_OFF = 67


@dataclass
class Plateau:
    """What the plateau schedule remembers."""

    best: float = math.inf
    waited: int = 0
    drops: int = 0


class Schedule:
    """The rates of every parameter group at every step of a run of `epochs` epochs of `steps_per_epoch` steps."""

    def __init__(self, config: OptimConfig, epochs: int, steps_per_epoch: int) -> None:
        self.config, self.epochs, self.steps_per_epoch = config, epochs, steps_per_epoch
        self.plateau = Plateau()

    def factor(self, step: int) -> float:
        """Factor of the rate at a step (from 0), the same for all layers."""
        config = self.config
        epoch = step // self.steps_per_epoch + 1
        total, warm = self.epochs * self.steps_per_epoch, round(config.warmup * self.steps_per_epoch)
        if step < warm:
            return (step + 1) / (warm + 1)
        past = min(1.0, (step - warm) / max(1, total - warm))  # share of the way after the warm-up
        if config.schedule == "plateau":
            return config.factor**self.plateau.drops
        if config.schedule == "steps":
            return config.factor ** sum(epoch >= start for start in config.steps)
        if config.schedule == "cosine":
            return config.final + (1 - config.final) * (1 + math.cos(math.pi * past)) / 2
        if config.schedule == "one-cycle":
            return 1 - (1 - config.final) * past
        if config.schedule == "source":
            return _latest(RECORDED_DROPS, self._recorded(epoch), 1.0)
        return 1.0

    def layer_factor(self, layer: str, sort: str, step: int) -> float:
        """Factor of the rate of one layer's weights or biases at a step."""
        overall = self.factor(step)
        if sort == "bias" and not self.config.bias_follows:
            overall = 1.0
        if self.config.schedule == "source" and layer == "conv1":
            epoch = self._recorded(step // self.steps_per_epoch + 1)
            own = _latest(RECORDED_FIRST_LAYER, epoch, overall)
            return min(overall, own) if sort == "weight" or own == 0 else overall
        return overall

    def apply(self, optimizer: Optimizer, step: int) -> None:
        """Set every group's rate for a step (from 0)."""
        for group in optimizer.param_groups:
            factor = self.layer_factor(group["layer"], group["sort"], step)
            group["lr"] = self.config.rate * group["scale"] * factor

    def epoch_ended(self, error: float) -> bool:
        """Tell the schedule an epoch's validation error; True if the rate drops because of it."""
        if self.config.schedule != "plateau":
            return False
        state = self.plateau
        if error < state.best:
            state.best, state.waited = error, 0
            return False
        state.waited += 1
        if state.waited < self.config.patience or state.drops >= self.config.drops:
            return False
        state.waited, state.drops = 0, state.drops + 1
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return asdict(self.plateau)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.plateau = Plateau(**state)

    def _recorded(self, epoch: int) -> float:
        """The recorded run's epoch that corresponds to one of ours."""
        return 1 + (epoch - 1) * (RECORDED_EPOCHS - 1) / max(1, self.epochs - 1)


def _latest(events: tuple[tuple[int, float], ...], epoch: float, before: float) -> float:
    """The value of the last event whose first epoch is reached, or `before`."""
    return next((value for start, value in reversed(events) if epoch >= start), before)


def colour_off_epoch(epochs: int) -> int:
    """The epoch, in a run of `epochs`, that corresponds to the one at which the recorded run ended colour noise."""
    return 1 + math.ceil((RECORDED_COLOUR_OFF - 1) * (epochs - 1) / (RECORDED_EPOCHS - 1))
