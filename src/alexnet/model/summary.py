"""How large is a network, layer by layer? Shapes, parameters, multiplications and memory, from the meta device."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from alexnet.edits import Input, complete
from alexnet.model.joints import SelfAttention, SqueezeExcite
from alexnet.model.local import LocalConv2d
from alexnet.model.plan import lay_out
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, Table

_FLOAT32 = 4  # bytes


@dataclass(frozen=True, kw_only=True)
class LayerSummary:
    """One row, for one picture."""

    name: str
    kind: str
    output: tuple[int, ...]
    """Maps, height, width; or units."""
    parameters: int
    macs: int
    """Multiplications with an addition each; counted where there are weights, normalizations apart."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A network's sizes; memory in bytes of float32."""

    table: str
    size: int
    """Side of the picture, pixels."""
    classes: int
    layers: tuple[LayerSummary, ...]
    parameters: int
    macs: int
    """Of one picture's forward pass."""
    units: int
    """Outputs of convolutions and dense layers: what the paper counts as neurons."""
    train_flops: int
    """Operations of one picture's training step, two a MAC: forward, gradients of weights, and gradients of
    inputs but for the first layer, whose input is the picture."""
    weights: int
    training_state: int
    """Weights, their gradients and one momentum."""
    activations: int
    """Of one picture: the picture and every row's output, those of activations and dropout apart, which in the 2012
    program take the place of their input. A training step holds about as much again in gradients if nothing is
    freed."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: parameters, macs, layers, memory and the rest."""
        values = asdict(self)
        memory = {name: values.pop(name) for name in ("weights", "training_state", "activations")}
        return values | {"memory": memory}


def summarize(
    table: str | Table = "paper", num_classes: int = 1000, size: int | None = None, *, input: Input = "table"
) -> Summary:
    """The sizes of a table's network for pictures of `size` pixels a side (None: the table's own).

    Computes nothing and takes no memory for weights. Raises ValueError as AlexNet does.
    """
    table = complete(table, num_classes, input=input)
    side = table.size if size is None else size
    plan = lay_out(table, side)
    layers = []
    for row in table.layers:
        module, output = plan.modules[row.name], plan.shapes[row.name]
        layers.append(
            LayerSummary(
                name=row.name,
                kind=row.kind,
                output=output,
                parameters=sum(parameter.numel() for parameter in module.parameters()),
                macs=_macs(module, output),
            )
        )
    parameters = sum(layer.parameters for layer in layers)
    macs = sum(layer.macs for layer in layers)
    on_pictures = sum(layer.macs for layer in layers if not plan.reads[layer.name])
    stored = sum(math.prod(layer.output) for layer in layers if layer.kind not in (*ACTIVATIONS, "dropout"))
    return Summary(
        table=table.name,
        size=side,
        classes=num_classes,
        layers=tuple(layers),
        parameters=parameters,
        macs=macs,
        units=sum(math.prod(layer.output) for layer in layers if layer.kind in (*CONVOLUTIONS, "dense")),
        train_flops=2 * (3 * macs - on_pictures),
        weights=_FLOAT32 * parameters,
        training_state=3 * _FLOAT32 * parameters,
        activations=_FLOAT32 * (stored + table.channels * side * side),
    )


def _macs(module: nn.Module, output: tuple[int, ...]) -> int:
    """Every output is a sum over the inputs that one unit's weights see."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        return math.prod(output) * module.weight[0].numel()
    if isinstance(module, LocalConv2d):
        return module.weight.numel()
    if isinstance(module, SqueezeExcite):
        return module.down.numel() + module.up.numel()
    if isinstance(module, SelfAttention):
        maps, places = output[0], math.prod(output[1:])
        return places * (module.inward.numel() + module.outward.numel()) + 2 * places * places * maps
    return 0
