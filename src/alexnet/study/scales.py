"""At which scale is a claim tried? What stands for the claimed recipe where pictures are small or hours few."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from alexnet.recipes import RECIPES

ScaleName = Literal["small", "full"]

#: The paper's network needs pictures of 224 pixels; smaller than this they would mostly be enlarged.
LEAST_SIDE = 128


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a claim's recipe becomes."""

    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """On top of the recipe, under what the claim's own baseline changes."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """What stands for a full-size table that an arm names."""


_SMALL_TABLES = {name: f"small-{name}" for name in ("paper", "half", "separate", "six-conv")}
#: An eighth of the paper's side; few pictures seen often, as in 2012, so that a run takes minutes and still can
#: overfit.
_SMALL: dict[str, Scale] = {
    "paper": Scale(recipe="small-paper", changes={"train.limit": 2_000, "train.epochs": 80}, tables=_SMALL_TABLES),
    "cifar-13": Scale(recipe="cifar-13", changes={"train.limit": 5_000, "model.width": 0.5}),
    "cifar-11": Scale(recipe="cifar-11", changes={"train.limit": 5_000, "model.width": 0.5, "train.epochs": 40}),
    "quick": Scale(recipe="quick", changes={"train.limit": 2_000, "train.epochs": 20}),
}


def at_scale(recipe: str, scale: ScaleName, side: int) -> Scale:
    """What stands for a recipe at a scale, for pictures of so many pixels a side.

    small: minutes a run on one core. full: the recipe itself; on pictures far smaller than the paper's network takes,
    its small relative, on all pictures and for the paper's ninety epochs. Raises ValueError for another scale.
    """
    if scale not in get_args(ScaleName):
        raise ValueError(f"the scale is one of {', '.join(get_args(ScaleName))}, not {scale!r}")
    if scale == "small":
        return _SMALL.get(recipe) or Scale(recipe=recipe, changes={"train.limit": 5_000})
    if recipe == "paper" and side < LEAST_SIDE:
        return Scale(recipe="small-paper", changes={"train.epochs": 90}, tables=_SMALL_TABLES)
    return Scale(recipe=recipe)


def rescaled(recipe: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes; where the number of epochs is another, the epochs at which the recipe's rate drops move along."""
    config = RECIPES[recipe].config
    epochs = changes.get("train.epochs", config.train.epochs)
    if epochs == config.train.epochs or not config.optim.steps or "optim.steps" in changes:
        return dict(changes)
    return dict(changes) | {"optim.steps": moved(config.optim.steps, epochs / config.train.epochs)}


def moved(steps: tuple[int, ...], times: float) -> tuple[int, ...]:
    """Epochs (counted from 1) at whose start something happens, in a run so many times as long."""
    return tuple(max(2, 1 + int((step - 1) * times + 1e-9)) for step in steps)
