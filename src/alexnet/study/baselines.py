"""Which config is a claim's baseline on these pictures? Resolved once and kept, then only patched."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet.config import Config, from_dict, patch, to_dict
from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine
from alexnet.edits import edited
from alexnet.model.plan import lay_out
from alexnet.study.claim import Arm, Claim
from alexnet.study.scales import Scale, ScaleName, at_scale, moved, rescaled
from alexnet.training.curvature import curvature_at_start
from alexnet.training.folder import read_json, write_json
from alexnet.training.listener import Listener
from alexnet.training.pictures import choose_pictures, look_at, prepared_for
from alexnet.training.ranges import require
from alexnet.training.resolve import Request, resolve


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command asks for, beside the claims."""

    source: str
    pretrain: str = ""
    """Other pictures, with a larger set of labels, to pre-train on."""
    scale: ScaleName = "small"
    epochs: int = 0
    """0 = the claim's and scale's own."""
    limit: int = 0
    """Training pictures; 0 = the scale's own."""
    seeds: int = 5


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A complete config, and what it was resolved on."""

    config: Config
    prepared: PreparedSet
    scale: Scale
    pictures: int
    """Training pictures."""


class Baselines:
    """The baselines of a study, each resolved once.

    Args:
        folder: the study's; `baselines.json` there keeps what was resolved, so that a study that is gone on with, on
            whatever machine, has the same configs.
    """

    def __init__(self, folder: Path, asked: Asked, machine: Machine, listener: Listener, workers: int = 0) -> None:
        self._path = folder / "baselines.json"
        self._asked, self._machine, self._listener, self._workers = asked, machine, listener, workers
        self._kept: dict[str, Any] = read_json(self._path) if self._path.exists() else {}
        self._prepared: dict[tuple[str, int, str], PreparedSet] = {}
        self._sides: dict[str, int] = {}
        self._made: dict[tuple[str, str, bool], Baseline] = {}

    def of(self, claim: Claim, *, elsewhere: bool = False) -> Baseline:
        """A claim's baseline on its pictures, or on those to pre-train on.

        Raises:
            ValueError: of one sentence, where the claim does not fit the pictures.
        """
        key = (claim.recipe, json.dumps(dict(claim.base), sort_keys=True), elsewhere)
        if key not in self._made:
            self._made[key] = self._make(claim, self.source_of(elsewhere=elsewhere))
        return self._made[key]

    def _make(self, claim: Claim, source: str) -> Baseline:
        scale = at_scale(claim.recipe, self._asked.scale, self._side(source))
        changes = dict(scale.changes) | dict(claim.base)
        for name, value in (("train.epochs", self._asked.epochs), ("train.limit", self._asked.limit)):
            changes |= {name: value} if value else {}
        config = self._resolved(source, scale, rescaled(scale.recipe, changes))
        prepared = self.prepared(source, config)
        return Baseline(config=config, prepared=prepared, scale=scale, pictures=len(rows_of(config, prepared)[0]))

    def check(self, claim: Claim) -> None:
        """Raises ValueError, one sentence, where a claim's network or one of its arms' cannot be had here."""
        baseline = self.of(claim)
        for arm in claim.arms:
            config = arm_config(claim, arm, baseline)
            lay_out(edited(config.model), config.augment.crop)
            require(config, self._machine.device)

    def prepared(self, source: str, config: Config) -> PreparedSet:
        """The pictures as a config wants them; made on first use."""
        key = (source, config.data.size, f"{config.data.fit} {config.data.split_seed}")
        if key not in self._prepared:
            self._prepared[key] = prepared_for(
                source, config.data, workers=self._workers, max_left_out=0.05, listener=self._listener
            )
        return self._prepared[key]

    def source_of(self, *, elsewhere: bool) -> str:
        return self._asked.pretrain if elsewhere else self._asked.source

    def _side(self, source: str) -> int:
        if source not in self._sides:
            self._sides[source] = look_at(source).side
        return self._sides[source]

    def _resolved(self, source: str, scale: Scale, changes: Mapping[str, Any]) -> Config:
        """The complete config: as kept, or resolved now and kept."""
        if self._machine.bf16 and "train.precision" not in changes:
            changes = dict(changes) | {"train.precision": "bf16"}
        words = json.dumps([source, scale.recipe, dict(changes)], sort_keys=True)
        name = hashlib.sha256(words.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        if name in self._kept:
            return from_dict(self._kept[name]["config"])
        pictures = choose_pictures(source, scale.recipe, changes, self._machine, self._listener)
        resolved = resolve(
            Request(recipe=scale.recipe, changes=pictures.given),
            pictures.facts,
            self._machine,
            lambda config: curvature_at_start(config, self.prepared(source, config), self._machine.device),
        )
        for sentence in resolved.sentences:
            self._listener.say(sentence)
        config = patch(resolved.config, {"train.seed": 0})
        self._kept[name] = {"asked": json.loads(words), "config": to_dict(config)}
        write_json(self._path, self._kept)
        return config


def arm_config(claim: Claim, arm: Arm, baseline: Baseline) -> Config:
    """An arm's config but for its seed, its own rate and the weights it starts from: the baseline's, patched.

    Raises:
        ValueError: a change that the baseline's network cannot have.
    """
    tables = baseline.scale.tables
    changes = {
        name: tables.get(value, value) if name == "model.table" else value for name, value in arm.changes.items()
    }
    if arm.share != 1:
        config = baseline.config
        changes |= {
            "train.limit": max(1, round(baseline.pictures * arm.share)),
            "train.epochs": round(config.train.epochs / arm.share),
            "optim.steps": moved(config.optim.steps, 1 / arm.share),
            "optim.warmup": config.optim.warmup / arm.share,
        }
    return patch(baseline.config, changes)
