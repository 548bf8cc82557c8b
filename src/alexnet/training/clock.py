"""How fast does a run go, and when is it time to save? What may differ between two equal runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")

#: What `Clock.next_lap` gives: the columns of a line that may differ between equal runs.
TIME_COLUMNS = ("seconds", "pictures_per_second", "waited_seconds")


class Clock:
    """Time and speed: what may differ between equal runs, kept apart from what may not."""

    def __init__(self, save_every: float, step: int, steps: int, limit: int, hours: float = 0.0) -> None:
        self.save_every, self.steps, self.limit = save_every, min(steps, limit or steps), limit
        self.began = self.last_save = self.lap = time.monotonic()
        self.hours = hours
        self.first_step, self.pictures, self.lap_pictures, self.lap_waited = step, 0, 0, 0.0

    def done(self, step: int) -> bool:
        return bool(self.limit) and step >= self.limit

    def late(self) -> bool:
        """Whether the hours given are over."""
        return bool(self.hours) and time.monotonic() - self.began >= 3600 * self.hours

    def count(self, pictures: int) -> None:
        self.pictures += pictures
        self.lap_pictures += pictures

    def waiting(self, batches: Iterable[T]) -> Iterator[T]:
        """The batches, with the time noted that their user waits for each."""
        coming = iter(batches)
        while True:
            began = time.monotonic()
            try:
                batch = next(coming)
            except StopIteration:
                return
            finally:
                self.lap_waited += time.monotonic() - began
            yield batch

    def due(self) -> bool:
        return time.monotonic() - self.last_save >= self.save_every

    def saved(self, seconds: float) -> None:
        """A slow disk must not slow the run: writing takes at most a twentieth of the time."""
        self.save_every = max(self.save_every, 20 * seconds)
        self.last_save = time.monotonic()

    def speed(self) -> float:
        return self.pictures / max(1e-9, time.monotonic() - self.began)

    def seconds_left(self, step: int) -> float:
        done = max(1, step - self.first_step)
        return (time.monotonic() - self.began) / done * (self.steps - step)

    def next_lap(self) -> dict[str, float]:
        """Since the last call: seconds, speed, and the seconds that steps waited for pictures; the time columns."""
        now = time.monotonic()
        values = (now - self.lap, self.lap_pictures / max(1e-9, now - self.lap), self.lap_waited)
        self.lap, self.lap_pictures, self.lap_waited = now, 0, 0.0
        return {name: round(value, 3) for name, value in zip(TIME_COLUMNS, values, strict=True)}
