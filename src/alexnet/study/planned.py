"""What is a run that a study needs? Its config, its pictures, what is measured of it; its key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alexnet.config import Config


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """A run to be made, or found finished. Equal keys mean equal results."""

    key: str
    """`key_of(config, fingerprint)`: the name of its folder."""
    config: Config
    """Complete: nothing is derived any more."""
    prepared: Path
    """The prepared set it trains on."""
    fingerprint: str
    measures: tuple[str, ...]
    """Names in MEASURES, to be kept in its measured.json."""
    start: Path | None = None
    """Weights file it starts from; `config.train.start` holds its digest."""
    about: str = ""
    """For the progress view: "overlap: pools of 2/2, seed 1"."""


def key_of(config: Config, fingerprint: str) -> str:
    """The key of a run: its config's digest, which holds the numerics version, and its pictures' fingerprint."""
    return f"{config.digest}-{fingerprint[:16]}"
