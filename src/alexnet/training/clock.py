"""How fast does a run go, and when is it time to save? What may differ between two equal runs."""

from __future__ import annotations

import time


class Clock:
    """Time and speed: what may differ between equal runs, kept apart from what may not."""

    def __init__(self, save_every: float, step: int, steps: int, limit: int, hours: float = 0.0) -> None:
        self.save_every, self.steps, self.limit = save_every, min(steps, limit or steps), limit
        self.began = self.last_save = self.lap = time.monotonic()
        self.hours = hours
        self.first_step, self.pictures, self.lap_pictures = step, 0, 0

    def done(self, step: int) -> bool:
        return bool(self.limit) and step >= self.limit

    def late(self) -> bool:
        """Whether the hours given are over."""
        return bool(self.hours) and time.monotonic() - self.began >= 3600 * self.hours

    def count(self, pictures: int) -> None:
        self.pictures += pictures
        self.lap_pictures += pictures

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
        """Seconds and speed since the last call: the time columns of a line."""
        now = time.monotonic()
        seconds, pictures = now - self.lap, self.lap_pictures
        self.lap, self.lap_pictures = now, 0
        return {"seconds": round(seconds, 3), "pictures_per_second": round(pictures / max(1e-9, seconds), 1)}
