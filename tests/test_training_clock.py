"""Is the time noted that a run's steps wait for pictures, and only that?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alexnet.training import clock as clocks
from alexnet.training.clock import TIME_COLUMNS, Clock


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A time that passes when the test says so: what is added to it."""
    now = [100.0]
    monkeypatch.setattr(clocks.time, "monotonic", lambda: now[0])
    return now


def test_waiting_for_pictures_is_counted_and_computing_is_not(passing: list[float]) -> None:
    def feed() -> Iterator[int]:
        for number in range(3):
            passing[0] += 0.5
            yield number

    clock = Clock(60, 0, 3, 0)
    for number in clock.waiting(feed()):
        assert number in range(3)
        passing[0] += 4
        clock.count(9)
    assert clock.next_lap() == {"seconds": 13.5, "pictures_per_second": 2.0, "waited_seconds": 1.5}
    assert tuple(clock.next_lap()) == TIME_COLUMNS
    assert clock.next_lap()["waited_seconds"] == 0


def test_an_error_of_the_feed_is_raised_and_a_left_feed_is_closed(passing: list[float]) -> None:
    closed = []

    def feed(broken: bool) -> Iterator[int]:
        try:
            yield 1
            if broken:
                raise OSError("gone")
            yield 2
        finally:
            closed.append(broken)

    clock = Clock(60, 0, 3, 0)
    with pytest.raises(OSError, match="gone"):
        list(clock.waiting(feed(True)))
    for _ in clock.waiting(feed(False)):
        break
    assert closed == [True, False]
