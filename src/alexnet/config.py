"""What is a complete description of one training run? Frozen dataclasses, `patch`, JSON both ways, a digest.

A `Config` holds every number that decides a run's result, and nothing else: no path, no device. Fields are scalars
or tuples of scalars, so that a flag (`--model.init source`), a JSON value and an ablation (`{"model.init": "source"}`)
are the same word. Nothing edits a config: variants are made by `patch`. This file imports no torch.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

#: Raised when a change to the code changes the numbers that an unchanged config gives.
NUMERICS_VERSION = 2


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """How pictures become the prepared squares, and how those are centred."""

    size: int = 256
    """Side of the stored square, pixels: the shorter side is scaled to it and the centre kept (section 2)."""
    fit: Literal["crop", "squash", "letterbox"] = "crop"
    """How a picture that is not square becomes one: cut the ends, squeeze, or pad with grey."""
    centre: Literal["mean-image", "channel-mean"] = "mean-image"
    """What is subtracted: the training set's mean of every pixel (section 2), or of every channel."""
    scale: Literal["raw", "deviation"] = "raw"
    """Pixels stay on the 0-255 scale (the paper and its source), or are divided by the channels' deviations."""
    split_seed: int = 0
    """Seed of the split, used only where the source names none."""
    all_of_train: bool = False
    """Train also on the part of the training pictures that would have selected; reports the last weights."""


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """What is done to a training picture at random (section 4.1)."""

    crop: int = 224
    """Side of the square the network sees, pixels; testing uses the central one."""
    pad: int = 0
    """Mirror padding added on every side before the crop, pixels (for pictures as small as the crop)."""
    flip: bool = True
    """Mirror left and right with probability one half."""
    share: int = 1
    """Pictures in a row of the epoch's order that share one crop and flip: 1, or 32 as in the 2012 program."""
    zoom: float = 1.0
    """Smallest share of the crop's area that a random zoom may keep; 1 = none."""
    stretch: float = 1.0
    """Largest ratio of the sides of the zoomed window; 1 = square."""
    colour: Literal["none", "paper", "source"] = "source"
    """Colour PCA. paper: eigenvalues of pixels in [0,1]; source: standard deviations, then divided by 1 + sigma."""
    colour_sigma: float = 0.1
    """Standard deviation of the three colour draws of a picture."""
    colour_off_epoch: int = 0
    """First epoch (counted from 1) without colour noise; 0 = never off."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which network."""

    table: str = "paper"
    """Name of the table of layers: `alexnet summary` lists them."""
    classes: int = 0
    """Outputs of the last layer; 0 = as many as the data has."""
    input: Literal["table", "ceil224", "crop227", "pad2"] = "table"
    """How the first layer reaches 55 x 55: the 2012 program's zeros right and below, Caffe's 227, or padding 2."""
    init: Literal["table", "paper", "source", "caffe", "torch", "he"] = "table"
    """Initial weights and biases: the table's own, or another named set."""


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The update rule and the learning rate (section 5)."""

    rule: Literal["velocity", "sgd", "adamw"] = "velocity"
    """velocity: section 5's rule (the rate inside the velocity); sgd: torch's; adamw."""
    rate: float = 0.01
    """Highest learning rate of the schedule."""
    momentum: float = 0.9
    """Momentum of velocity and sgd; the first beta of adamw."""
    nesterov: bool = False
    """Nesterov's momentum (rule sgd)."""
    decay: float = 0.0005
    """Weight decay, multiplied by each layer's own factor in its table."""
    decay_biases: bool = True
    """Decay biases and normalization parameters too (the text says all weights; the 2012 files say weights only)."""
    bias_rate: float = 1.0
    """Learning rate of biases relative to weights: 1 in the text, 2 in the 2012 files."""
    bias_follows: bool = True
    """Biases follow the schedule; False holds their rate, as the recorded end of the 2012 run shows."""
    schedule: Literal["constant", "plateau", "steps", "cosine", "one-cycle", "source"] = "plateau"
    """How the rate moves. source: the recorded one of the 2012 net, its epochs scaled to `train.epochs`."""
    warmup: float = 0.0
    """Epochs of linear warm-up; for one-cycle the rise to the highest rate."""
    steps: tuple[int, ...] = ()
    """Epochs (counted from 1) at whose start the rate is multiplied by `factor` (schedule steps)."""
    factor: float = 0.1
    """Multiplier at a plateau or step."""
    patience: int = 5
    """Epochs without a better validation error before a plateau drop."""
    drops: int = 3
    """Drops that a plateau schedule may make: three in section 5."""
    final: float = 0.0
    """Rate at the end of cosine and one-cycle, as a share of `rate`."""
    bound: bool = True
    """Bound the rate of the first step by the curvature at initialization (docs/does-it-train.md)."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How long, how many at once, in which arithmetic."""

    epochs: int = 90
    """Passes over the training pictures."""
    batch: int = 128
    """Pictures a step, over all processes."""
    accumulate: int = 1
    """Parts a step's batch is computed in; the gradients are summed before the update."""
    seed: int = 0
    """Seed of every draw: initial weights, order, crops, flips, colour, dropout."""
    precision: Literal["float32", "bf16", "float64"] = "float32"
    """Arithmetic of forward and backward; bf16 is autocast over float32 weights."""
    compile: bool = False
    """Compile the network with torch.compile(dynamic=False)."""
    label_smoothing: float = 0.0
    """Share of each target spread evenly over all classes."""
    limit: int = 0
    """Train on so many pictures only, equally many of every class; 0 = all."""
    steps: int = 0
    """Stop after so many steps; 0 = after the epochs."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that decides a run's result, apart from the pictures and the machine."""

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that name this config; equal configs, equal digests."""
        text = json.dumps([NUMERICS_VERSION, to_dict(self)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def field_names(config: Config) -> tuple[str, ...]:
    """The dotted name of every field, in order: `data.size`, ..., `train.steps`."""
    return tuple(
        f"{part.name}.{leaf.name}"
        for part in dataclasses.fields(config)
        for leaf in dataclasses.fields(getattr(config, part.name))
    )


def patch(config: Config, changes: Mapping[str, Any]) -> Config:
    """A copy of `config` with the named fields changed, e.g. `patch(c, {"model.init": "source"})`.

    The one mechanism by which flags, ablations, searches and tests make variants. Raises ValueError for a name that
    is no field (naming the nearest one), a value of the wrong type, or a choice that is not offered.
    """
    known = field_names(config)
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"no setting is called {name!r}; {_nearest(name, known)}")
        part, leaf = name.split(".")
        old = getattr(config, part)
        hint = typing.get_type_hints(type(old))[leaf]
        config = dataclasses.replace(config, **{part: dataclasses.replace(old, **{leaf: _checked(name, value, hint)})})
    return config


def get(config: Config, name: str) -> Any:
    """The value of a field by its dotted name."""
    if name not in field_names(config):
        raise ValueError(f"no setting is called {name!r}; {_nearest(name, field_names(config))}")
    part, leaf = name.split(".")
    return getattr(getattr(config, part), leaf)


def changes_between(old: Config, new: Config) -> dict[str, Any]:
    """The fields in which `new` differs from `old`, by dotted name, with `new`'s values."""
    return {name: get(new, name) for name in field_names(new) if get(new, name) != get(old, name)}


def to_dict(config: Config) -> dict[str, Any]:
    """Nested plain values, ready for JSON; `from_dict` is its inverse."""
    return dataclasses.asdict(config)


def from_dict(values: Mapping[str, Any]) -> Config:
    """The config whose `to_dict` is `values`. Raises ValueError for a missing or unknown part or field."""
    flat: dict[str, Any] = {}
    for part, leaves in values.items():
        if not isinstance(leaves, Mapping):
            raise ValueError(f"the configuration's part {part!r} must hold named settings, not {leaves!r}")
        flat.update({f"{part}.{leaf}": value for leaf, value in leaves.items()})
    missing = [name for name in field_names(Config()) if name not in flat]
    if missing:
        raise ValueError(f"the configuration lacks {', '.join(missing)}; was it written by another version?")
    return patch(Config(), flat)


def _nearest(name: str, known: tuple[str, ...]) -> str:
    leaf = name.rsplit(".", 1)[-1]
    by_leaf = [k for k in known if k.rsplit(".", 1)[-1] == leaf]
    near = by_leaf or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else "see `alexnet recipes` for all of them"


def _checked(name: str, value: Any, hint: Any) -> Any:
    """`value` as the field's own type, or ValueError saying what is allowed."""
    if typing.get_origin(hint) is Literal:
        choices = typing.get_args(hint)
        if value not in choices:
            raise ValueError(f"{name} cannot be {value!r}; it is one of {', '.join(map(repr, choices))}")
        return value
    if typing.get_origin(hint) is tuple:
        inner = typing.get_args(hint)[0]
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise ValueError(f"{name} takes several values of type {inner.__name__}, not {value!r}")
        return tuple(_checked(name, one, inner) for one in value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{name} takes a value of type {hint.__name__}, not {value!r}")
    return value
