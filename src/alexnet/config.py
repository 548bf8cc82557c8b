"""What is a complete description of one training run? The parts together, `patch`, JSON both ways, a digest.

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

from alexnet.settings import AugmentConfig, DataConfig, ModelConfig, OptimConfig, TrainConfig

__all__ = [
    "NUMERICS_VERSION",
    "AugmentConfig",
    "Config",
    "DataConfig",
    "ModelConfig",
    "OptimConfig",
    "TrainConfig",
    "changes_between",
    "field_names",
    "from_dict",
    "get",
    "patch",
    "to_dict",
]

#: Raised when a change to the code changes the numbers that an unchanged config gives.
NUMERICS_VERSION = 3


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
    """The config whose `to_dict` is `values`. Raises ValueError for an unknown part or field, or a missing part.

    A missing field was not yet there when the values were written, and has its default: a new field's default
    therefore always means "as before".
    """
    flat: dict[str, Any] = {}
    for part, leaves in values.items():
        if not isinstance(leaves, Mapping):
            raise ValueError(f"the configuration's part {part!r} must hold named settings, not {leaves!r}")
        flat.update({f"{part}.{leaf}": value for leaf, value in leaves.items()})
    missing = [part.name for part in dataclasses.fields(Config) if part.name not in values]
    if missing:
        raise ValueError(f"the configuration lacks the part {', '.join(missing)}; was it written by another program?")
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
