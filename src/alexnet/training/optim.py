"""How do gradients change the weights? Section 5's rule, and the standard ones; parameter groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from alexnet.config import OptimConfig
from alexnet.kernels import velocity as fused
from alexnet.tables import Table


class Velocity(Optimizer):
    """Section 5's update rule, in which the learning rate stands inside the velocity:

        v <- momentum v - decay rate w - rate g;    w <- w + v

    (weights.cu of the 2012 program writes the same). torch's SGD keeps the rate outside; both agree while the rate is
    constant and differ after a drop, when this velocity keeps the scale of the old rate. A group whose rate is 0 is not
    touched at all, not even by its velocity: the 2012 program freezes a layer that way.

    Args:
        parameters: tensors or groups of them.
        rate: learning rate, 0 or more. momentum: in [0, 1). decay: weight decay, 0 or more.

    Raises:
        ValueError: for a number outside these ranges.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        rate: float = 0.01,
        momentum: float = 0.9,
        decay: float = 0.0005,
    ) -> None:
        if not rate >= 0 or not 0 <= momentum < 1 or not decay >= 0:
            raise ValueError(
                f"the rate and decay must be 0 or more and the momentum in [0, 1), not {rate}, {decay} and {momentum}"
            )
        super().__init__(parameters, {"lr": rate, "momentum": momentum, "weight_decay": decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update from the parameters' `.grad`; a parameter without one is left alone."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            if group["lr"] == 0:
                continue
            weights = [w for w in group["params"] if w.grad is not None and not self._fused(w, group)]
            if not weights:
                continue
            velocities = [self._velocity(w) for w in weights]
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, weights, alpha=-group["weight_decay"] * group["lr"])
            torch._foreach_add_(velocities, [w.grad for w in weights], alpha=-group["lr"])
            torch._foreach_add_(weights, velocities)
        return loss

    def _fused(self, weight: Tensor, group: dict[str, Any]) -> bool:
        """Update in one pass over memory what the kernel knows; whether it did. The numbers are the same."""
        grad = weight.grad
        assert grad is not None, "only weights with a gradient are updated"
        velocity = self._velocity(weight)
        if not fused.knows(weight, velocity, grad):
            return False
        fused.update(weight, velocity, grad, group["momentum"], group["weight_decay"], group["lr"])
        return True

    def _velocity(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(weight)
        velocity: Tensor = state["velocity"]
        return velocity


def groups(network: nn.Module, table: Table, config: OptimConfig) -> list[dict[str, Any]]:
    """Parameter groups by layer and sort, so that a schedule can move one layer's weights or all biases.

    Each group carries `layer`, `sort` ("weight" or "bias"; normalization parameters count as biases), `scale` (of the
    rate) and its decay: `config.decay` times the row's `decay_scale`, on biases only if `decay_biases`.
    """
    rows = {row.name: row for row in table.layers}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name, weight in network.named_parameters():
        layer = name.split(".")[-2]
        sort = "weight" if weight.ndim > 1 else "bias"
        decayed = sort == "weight" or config.decay_biases
        group: dict[str, Any] = {
            "params": [],
            "layer": layer,
            "sort": sort,
            "scale": 1.0 if sort == "weight" else config.bias_rate,
            "weight_decay": config.decay * rows[layer].decay_scale if decayed else 0.0,
        }
        found.setdefault((layer, sort), group)["params"].append(weight)
    return list(found.values())


def make_optimizer(network: nn.Module, table: Table, config: OptimConfig) -> Optimizer:
    """The optimizer of a config over the network's groups, at the config's rate."""
    parameters = groups(network, table, config)
    for group in parameters:
        group["lr"] = config.rate * group["scale"]
    if config.rule == "velocity":
        return Velocity(parameters, config.rate, config.momentum, config.decay)
    if config.rule == "sgd":
        return SGD(parameters, lr=config.rate, momentum=config.momentum, nesterov=config.nesterov, foreach=True)
    return AdamW(parameters, lr=config.rate, betas=(config.momentum, 0.999), foreach=True)
