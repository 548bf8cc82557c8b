"""Which config does a request mean, on this data and this machine? The only place that derives anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from alexnet.config import Config, changes_between, patch
from alexnet.data.peek import DataFacts
from alexnet.device import Machine
from alexnet.edits import edited, edits_of
from alexnet.model.plan import lay_out
from alexnet.recipes import RECIPES, Recipe
from alexnet.training.bound import safe_rate, stable_rate
from alexnet.training.fitting import AUTO, chosen_batch, within_hours
from alexnet.training.ranges import require
from alexnet.training.schedule import Schedule, colour_off_epoch

#: Training pictures from which on `quick` spends none of them on selecting: under a falling rate the last epoch is the
#: best but for chance, and a tenth more pictures is worth more.
MANY = 20_000
#: Training pictures below which `quick` takes small batches and strong decay.
FEW = 5_000


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for: a recipe or nothing, and exactly the settings given, by dotted name."""

    recipe: str | None = None
    changes: Mapping[str, Any]
    """ "train.batch" may also be "auto"."""
    max_hours: float = 0.0
    """Hours that the run may take; 0 = as many as it needs."""


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """The complete config and what to tell the user about it, a sentence each."""

    config: Config
    recipe: str
    sentences: tuple[str, ...]


def choose_recipe(data: DataFacts, machine: Machine) -> Recipe:
    """The recipe for someone who named none.

    Pictures of digits must not be mirrored. The released program's network needs a GPU and very many pictures to be the
    right answer; otherwise the small modern one.
    """
    if data.name == "digits":
        return RECIPES["digits"]
    if machine.device != "cpu" and data.pictures >= 300_000 and data.side >= 200:
        return RECIPES["source"]
    return RECIPES["quick"]


def resolve(
    request: Request,
    data: DataFacts,
    machine: Machine,
    bound: Callable[[Config], float] | None = None,
    *,
    memory: Callable[[Config], int] | None = None,
    pace: Callable[[Config], tuple[float, float]] | None = None,
) -> Resolved:
    """The complete config: recipe, what fits the data and machine, the user's changes, the bounded rate.

    Args:
        bound: curvature of a config at initialization (`curvature.curvature_at_start`); None leaves the rate alone.
        memory: bytes that a config needs (`forecast.needs`), for a batch "auto".
        pace: seconds of an epoch of a config, and seconds that a run takes beside its epochs, for `max_hours`.

    Raises:
        ValueError: an unknown recipe or setting, or settings that contradict each other.
    """
    if request.recipe is not None and request.recipe not in RECIPES:
        raise ValueError(f"no recipe is called {request.recipe!r}; there are {', '.join(RECIPES)}")
    given = dict(request.changes)
    auto = given.get("train.batch") == AUTO
    if auto:
        given.pop("train.batch")
    recipe = RECIPES[request.recipe] if request.recipe else choose_recipe(data, machine)

    def complete(given: Mapping[str, Any]) -> Config:
        fitted = fit_to_data(recipe.config, data, machine, given)
        made = patch(fitted, {**given, "model.classes": given.get("model.classes", 0) or data.classes})
        _check(made, data)
        require(made, machine.device)
        return made

    config = complete(given)
    said: list[str] = []
    if auto:
        assert memory is not None
        chosen, said = chosen_batch(config, data, machine, memory, "optim.rate" in given)
        given |= chosen
        config = complete(given)
    if request.max_hours and "train.epochs" not in given and not config.train.steps:
        assert pace is not None
        fewer, sentence = within_hours(config, request.max_hours, *pace(config))
        if fewer:
            config = complete(given | {name: value for name, value in fewer.items() if name not in given})
            said.append(sentence)
    sentences = [_describe(recipe, request.recipe is None, config, data, machine), *said]
    if bound is not None and config.optim.bound and config.optim.rule in ("velocity", "sgd"):
        config, lowered = _bounded(config, data, "optim.rate" in request.changes, bound(config))
        sentences += lowered
    return Resolved(config=config, recipe=recipe.name, sentences=tuple(sentences))


def fit_to_data(config: Config, data: DataFacts, machine: Machine, given: Mapping[str, Any]) -> Config:
    """A recipe's config with the fields that depend on data or machine and that the user left open."""
    changes: dict[str, Any] = {}
    if config == RECIPES["quick"].config:
        changes |= _quick_for(data) | {"data.all_of_train": data.pictures >= MANY}
    if config.optim.schedule == "source" and given.get("train.epochs"):
        changes["augment.colour_off_epoch"] = colour_off_epoch(given["train.epochs"])
    if given.get("train.epochs", 0) > 0:  # a shorter run warms up for the same share of it
        changes["optim.warmup"] = config.optim.warmup / config.train.epochs * given["train.epochs"]
    if given.get("train.patience", 0) > 0:
        changes["data.all_of_train"] = False  # waiting for a better validation needs one
    if machine.bf16 and config.model.table == "quick":
        changes["train.precision"] = "bf16"
    if "data.size" in given and "augment.crop" not in given:
        old = patch(config, {k: v for k, v in changes.items() if k in ("data.size", "augment.crop")})
        size = given["data.size"]
        changes["augment.crop"] = min(size, round(old.augment.crop * size / old.data.size))
    if data.pictures and data.pictures < config.train.batch * 4 and "train.batch" not in given:
        changes["train.batch"] = max(8, 1 << int(math.log2(max(8, data.pictures / 4))))
    return patch(config, {name: value for name, value in changes.items() if name not in given})


def _quick_for(data: DataFacts) -> dict[str, Any]:
    """Size, augmentation, passes and rates of `quick`.

    Fewer pictures need more passes, smaller batches and more decay; larger ones are zoomed into at random, since what
    they show fills more or less of them. Many small ones are learned by heart within the recipe's own 18 passes: they
    get thirty, with more shifts, squares cut out and averaged weights. Calibrated on CIFAR-10 and on 1,100 photographs
    of clothes (docs/recipes.md).
    """
    share = max(data.pictures, 1) / 50_000
    epochs = min(100, max(18, round(18 * share**-0.21)))
    changes: dict[str, Any] = {"train.epochs": epochs, "optim.warmup": epochs / 5}
    if data.pictures >= MANY and data.side <= 48:
        epochs = max(30, epochs)
        changes |= {"train.epochs": epochs, "optim.warmup": epochs * 3.5 / 18, "optim.ema": 0.998}
        changes |= {"augment.pad": 4, "augment.cutout": 8}
    if data.pictures < FEW:
        changes |= {"train.batch": 64, "optim.rate": 0.05, "optim.decay": 0.005}
    if data.side > 48:
        changes |= {"data.size": 72, "augment.crop": 64, "augment.pad": 0}
        changes |= {"augment.zoom": 0.3, "augment.stretch": 1.5, "augment.colour": "source"}
    return changes


def _check(config: Config, data: DataFacts) -> None:
    table = edited(config.model, data.classes)
    if config.model.classes != data.classes:
        raise ValueError(
            f"--model.classes {config.model.classes} is not the data's {data.classes} classes; leave it out"
        )
    places = config.data.size + 2 * config.augment.pad - config.augment.crop
    if places < 0:
        raise ValueError(
            f"a crop of {config.augment.crop} pixels does not fit stored squares of {config.data.size}; "
            "raise --size or lower --augment.crop"
        )
    low, high = table.sizes or (1, config.augment.crop)
    if not low <= config.augment.crop <= high:
        raise ValueError(
            f"the table {config.model.table} takes pictures of {low} to {high} pixels, "
            f"not {config.augment.crop}; give another --size or --augment.crop"
        )
    lay_out(table, config.augment.crop)  # raises where nothing would be left of the maps
    for name, value in (("train.epochs", config.train.epochs), ("train.batch", config.train.batch)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, not {value}")


def _network(config: Config) -> str:
    """The table's name and what is changed in it."""
    edits = edits_of(config.model).items()
    told = [f"{name} {' '.join(map(str, value)) if isinstance(value, tuple) else value}" for name, value in edits]
    return config.model.table + (f" ({', '.join(told)})" if told else "")


def _describe(recipe: Recipe, chosen: bool, config: Config, data: DataFacts, machine: Machine) -> str:
    why = (
        f"chosen for {data.pictures:,} pictures of about {data.side} pixels on {machine.device}"
        if chosen
        else "as asked"
    )
    return (
        f"recipe {recipe.name} ({why}): network {_network(config)} at {config.augment.crop} pixels, "
        f"{config.train.epochs} epochs, batch {config.train.batch}, rate {config.optim.rate:g}, "
        f"{config.train.precision}"
    )


def _bounded(config: Config, data: DataFacts, given: bool, curvature: float) -> tuple[Config, list[str]]:
    """Lower the first step's rate to a tenth of the stability bound, or only warn where the user chose the rate."""
    steps_per_epoch = max(1, -(-data.pictures // config.train.batch))
    first = config.optim.rate * Schedule(config.optim, config.train.epochs, steps_per_epoch).factor(0)
    safe = safe_rate(curvature, config.optim.momentum)
    if first <= safe:
        return config, []
    stable = stable_rate(curvature, config.optim.momentum)
    reason = f"the curvature at the start, {curvature:.3g}, makes steps above {stable:.2g} unstable"
    if given:
        return config, [
            f"warning: {reason}; the rate {config.optim.rate:g} was given and is kept, {safe:g} would be safe"
        ]
    lowered = patch(config, {"optim.rate": safe * config.optim.rate / first})
    assert list(changes_between(config, lowered)) == ["optim.rate"]
    return lowered, [f"rate {config.optim.rate:g} lowered to {lowered.optim.rate:g}: {reason}"]
