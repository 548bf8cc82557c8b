"""Who is told how a run goes? The protocol between training and whoever shows its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run is after a step."""

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    """Mean training loss of the epoch so far, as of the last time it was read from the device."""
    pictures_per_second: float
    seconds_left: float


class Listener(Protocol):
    """Told what happens; must not change anything."""

    def say(self, sentence: str) -> None:
        """A sentence for the user."""

    def preparing(self, done: int, total: int) -> None:
        """`done` of `total` pictures are prepared."""

    def stepped(self, progress: Progress) -> None:
        """A step is done."""

    def epoch_ended(self, row: Mapping[str, object]) -> None:
        """An epoch is done; `row` is its line of metrics.jsonl."""


class Silent:
    """Shows nothing."""

    def say(self, sentence: str) -> None:
        return

    def preparing(self, done: int, total: int) -> None:
        return

    def stepped(self, progress: Progress) -> None:
        return

    def epoch_ended(self, row: Mapping[str, object]) -> None:
        return


class Interrupted(Exception):
    """The run was asked to stop by a signal and saved itself. The message is the command that resumes."""

    def __init__(self, signal_number: int, command: str) -> None:
        super().__init__(command)
        self.signal_number, self.command = signal_number, command
