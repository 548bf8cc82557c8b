"""Why did the loss become infinite or not a number? The step, the first layer, the likely cause and the cure."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from alexnet.data.prepared import Batch
from alexnet.training.step import Setting, State, inputs


def explain_not_finite(state: State, batch: Batch | None, setting: Setting) -> str:
    """One sentence on a loss that is not finite: at which step, where first, why that is likely, what to do.

    Args:
        state: with weights from before the step on the CPU, from some steps later on other devices.
        batch: the step's pictures, to look layer by layer; None where they are gone.
    """
    config = setting.config
    step = state.step + 1
    broken = _first_broken_weight(state.network)
    if broken:
        where = f"the weights of {broken} are no longer finite"
    else:
        first, largest = _first_broken_row(state, batch, setting) if batch is not None else ("", 0.0)
        where = f"{first} is the first layer whose output is not finite" if first else "every layer is still finite"
        if largest:
            where += f" (the largest value before it is {largest:.2g})"
    if state.step == 0:
        cause = (
            "before any update, so the initial weights are too large for this input: "
            "try --model.init table, or --data.scale deviation"
        )
    else:
        lower = config.optim.rate / 10
        cause = f"the rate {config.optim.rate:g} is likely too high for this network and data: try --rate {lower:g}"
    return f"the loss is not finite at step {step} (epoch {state.epoch}): {where}; {cause}"


def _first_broken_weight(network: nn.Module) -> str:
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight).all():
            return name.split(".")[-2]
    return ""


def _first_broken_row(state: State, batch: Batch, setting: Setting) -> tuple[str, float]:
    """Name of the first row whose output is not finite, and the largest absolute output of the rows before it."""
    found: list[str] = []
    largest = [0.0]

    def look(name: str) -> object:
        def hook(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            if not found and not torch.isfinite(output).all():
                found.append(name)
            if not found:
                largest[0] = max(largest[0], float(output.abs().max()))

        return hook

    handles = [
        module.register_forward_hook(look(name.rsplit(".", 1)[-1]))  # type: ignore[arg-type]
        for name, module in state.network.named_modules()
        if name.count(".") == 1
    ]
    try:
        with torch.no_grad():
            given = inputs(batch, state, setting)
            state.network(given.images, given.keys)
    finally:
        for handle in handles:
            handle.remove()
    return (found[0] if found else ""), largest[0]
