"""How does every setting of a Config become an option? Under its dotted name, and a short one where it is common.

A recipe, or what `resolve` chooses for the data, stands behind every option: so it matters which ones the user gave,
also where the value given equals the default. `given` answers that.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import typing
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any

import tyro

from alexnet.config import Config, field_names, get

#: Short option -> the setting it stands for. The names are what people type first, whatever part they belong to.
SHORT = {
    "--table": "model.table",
    "--size": "data.size",
    "--fit": "data.fit",
    "--epochs": "train.epochs",
    "--batch": "train.batch",
    "--rate": "optim.rate",
    "--seed": "train.seed",
    "--limit": "train.limit",
    "--patience": "train.patience",
    "--precision": "train.precision",
}


def settings_type(config: Config, source: str) -> type[Any]:
    """A dataclass for tyro with the parts and fields of Config, `config`'s values as defaults.

    `source` says in the help whose values these are: "(paper: 256)".
    """
    parts: list[tuple[str, Any, Any]] = []
    for part in dataclasses.fields(config):
        value = getattr(config, part.name)
        kind = part_type(type(value), part.name, config, source)
        explained = Annotated[kind, tyro.conf.arg(help=_first(type(value)))]
        parts.append((part.name, explained, dataclasses.field(default_factory=kind)))
    return dataclasses.make_dataclass("Settings", parts, frozen=True, kw_only=True)


def given(words: Sequence[str]) -> tuple[str, ...]:
    """The dotted names of the settings that `words` set, in the order of Config, whatever the values."""
    flags = {word.split("=")[0].replace("_", "-") for word in words if word.startswith("--")}
    known = {f"--{name.replace('_', '-')}": name for name in field_names(Config())} | SHORT
    for name in field_names(Config()):
        part, leaf = name.replace("_", "-").split(".")
        known[f"--{part}.no-{leaf}"] = name
    named = {known[flag] for flag in flags if flag in known}
    return tuple(name for name in field_names(Config()) if name in named)


def without_auto(words: Sequence[str]) -> tuple[list[str], bool]:
    """The words without `--batch auto`, and whether it was among them; the setting itself takes numbers alone."""
    left: list[str] = []
    found = False
    for word in words:
        if word in ("--batch=auto", "--train.batch=auto"):
            found = True
        elif word == "auto" and left and left[-1] in ("--batch", "--train.batch"):
            left.pop()
            found = True
        else:
            left.append(word)
    return left, found


def changes(settings: Any, words: Sequence[str]) -> dict[str, Any]:
    """What `words` set, by dotted name, with the values tyro read into `settings`."""
    found: dict[str, Any] = {}
    for name in given(words):
        part, leaf = name.split(".")
        found[name] = getattr(getattr(settings, part), leaf)
    return found


def part_type(part: type[Any], name: str, config: Config, source: str, leave_out: Collection[str] = ()) -> type[Any]:
    """A dataclass for tyro with the fields of one part, but for those left out; `source` as in `settings_type`."""
    hints, docs = typing.get_type_hints(part), field_docs(part)
    fields: list[tuple[str, Any, Any]] = []
    for leaf in dataclasses.fields(part):
        if leaf.name in leave_out:
            continue
        dotted = f"{name}.{leaf.name}"
        value = get(config, dotted)
        argument = tyro.conf.arg(
            aliases=[short for short, long in SHORT.items() if long == dotted] or None,
            help=docs.get(leaf.name, ""),
            help_behavior_hint=f"({source}: {_shown(value)})",
        )
        fields.append((leaf.name, Annotated[hints[leaf.name], argument], value))
    return dataclasses.make_dataclass(part.__name__, fields, frozen=True, kw_only=True)


def field_docs(kind: type[Any]) -> Mapping[str, str]:
    """The docstring under each field of a dataclass, on one line."""
    body = typing.cast(ast.ClassDef, ast.parse(inspect.getsource(kind).lstrip()).body[-1]).body
    docs: dict[str, str] = {}
    for field, doc in itertools.pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(doc, ast.Expr)
            and isinstance(doc.value, ast.Constant)
        ):
            docs[field.target.id] = " ".join(str(doc.value.value).split())
    return docs


def _first(kind: type[Any]) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return str(value)
