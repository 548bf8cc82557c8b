"""What fits this machine and these hours? The parts of `resolve` that choose a batch and a number of epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from alexnet.config import Config, patch
from alexnet.data.peek import DataFacts
from alexnet.device import Machine

#: What stands for a batch that is to be chosen: as many pictures as fit.
AUTO = "auto"
#: A chosen batch is at most so many times the recipe's, at least so small, and leaves an epoch so many steps: what is
#: known of scaling the rate along with the batch ends at a few doublings, and few steps an epoch learn little.
MOST_TIMES, LEAST_BATCH, LEAST_STEPS = 4, 8, 16
#: Share of the device's memory that a chosen batch may fill.
MEMORY_SHARE = 0.5
#: Share of the hours given that the epochs may be planned to take.
HOURS_SHARE = 0.95


def chosen_batch(
    config: Config, data: DataFacts, machine: Machine, memory: Callable[[Config], int], rate_given: bool
) -> tuple[dict[str, Any], list[str]]:
    """The largest power of two that fits; the rate follows in proportion, as its square root for adamw.

    Linear scaling keeps the sum of the steps of an epoch (Goyal et al., 2017); adamw's steps do not depend on the size
    of the gradient, only its noise does.
    """
    own = config.train.batch
    batch = 1 << int(math.log2(max(LEAST_BATCH, min(MOST_TIMES * own, data.pictures // LEAST_STEPS))))
    allowed = MEMORY_SHARE * machine.memory
    while batch > 1 and memory(patch(config, {"train.batch": batch})) > allowed:
        batch //= 2
    changes: dict[str, Any] = {"train.batch": batch}
    words = f"batch {batch} chosen: the largest power of two that fits memory, pictures and recipe"
    if not rate_given and batch != own:
        times = math.sqrt(batch / own) if config.optim.rule == "adamw" else batch / own
        changes["optim.rate"] = float(f"{config.optim.rate * times:.3g}")
        words += f"; rate {config.optim.rate:g} becomes {changes['optim.rate']:g} with it"
    return changes, [words]


def within_hours(config: Config, hours: float, epoch: float, fixed: float) -> tuple[dict[str, Any], str]:
    """Fewer epochs where the recipe's do not fit into the hours, with what stands at fixed epochs moved along.

    Args:
        epoch: seconds of one. fixed: seconds that do not depend on the epochs.

    Returns:
        The changes, none where all epochs fit, and a sentence on them.
    """
    if not 0 < hours < math.inf:
        raise ValueError(f"--max-hours takes a number of hours above 0, not {hours:g}")
    epochs = max(1, int((HOURS_SHARE * hours * 3600 - fixed) / max(epoch, 1e-9)))
    if epochs >= config.train.epochs:
        return {}, ""
    share = epochs / config.train.epochs
    changes: dict[str, Any] = {"train.epochs": epochs}
    if config.optim.steps:
        changes["optim.steps"] = tuple(max(2, 1 + round((step - 1) * share)) for step in config.optim.steps)
    return changes, (
        f"epochs {config.train.epochs} lowered to {epochs}: at {epoch:.3g} s an epoch, so many fit into "
        f"--max-hours {hours:g}"
    )
