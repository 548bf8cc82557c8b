"""How did a study's runs get on, epoch by epoch? Their lines of metrics.jsonl, by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alexnet.study.outcome import Study
from alexnet.study.store import Store
from alexnet.training.folder import lines_of


def curves_of(study: Study, store: Store) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Epochs of every run of a study; those that failed have the epochs before."""
    keys = {
        key
        for outcome in study.outcomes
        for arm in outcome.arms
        for joined in arm.keys
        for key in joined.split("+")
        if key
    }
    return {key: lines_of(store.run(key), "epoch") for key in sorted(keys)}
