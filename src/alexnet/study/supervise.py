"""How do many runs come to an end, whatever happens to the processes they run in? `supervise`, wherever they run.

Nothing is kept here that is not on the disk: a command that is killed is simply given again.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from alexnet.study.planned import PlannedRun
from alexnet.study.progress import Board, Unwatched, Watcher, sizes_of
from alexnet.study.store import LOG, Store
from alexnet.study.work import SAVE_EVERY, Task, write_task
from alexnet.training.listener import Interrupted
from alexnet.training.signals import Stop

#: How often a run is started again whose process was killed.
AGAIN = 3
#: Seconds between two looks at the processes, and between two pictures of the progress.
_LOOK, _SHOW = 0.1, 1.0


class Working(Protocol):
    """A run under way."""

    def poll(self) -> int | None:
        """Its exit code; negative where it was killed; None while it works."""

    def stop(self) -> None:
        """Ask it to save and end."""


class Place(Protocol):
    """Where runs are made."""

    device: str
    """What each computes on: "cpu", "cuda" or "mps"."""
    room: int
    """How many at once."""

    def start(self, task: Path) -> Working:
        """Begin the work of a task file."""


def supervise(
    planned: Sequence[PlannedRun],
    store: Store,
    place: Place,
    *,
    threads: int = 1,
    progress: Watcher | None = None,
    command: str = "give the same command again",
    save_every: float = SAVE_EVERY,
) -> None:
    """Make the runs that the store lacks, longest first, each key once; those that failed are results, too.

    A run whose process is killed is started again up to three times and goes on from its checkpoint. One that cannot be
    made for another reason keeps none of the others from being made.

    Args:
        command: what goes on after a signal.
        save_every: least seconds between two checkpoints of a run.

    Raises:
        Interrupted: a signal asked to stop; the runs are saved.
        ValueError: of one sentence, where runs do not fit; RuntimeError where they crashed. After all others ended.
    """
    progress = progress or Unwatched()
    every = list({one.key: one for one in planned}.values())
    missing = store.missing(planned)
    if not missing:
        return
    sizes = sizes_of(every)
    board = Board(every, sizes, store, place.room)
    for one in every:
        if store.finished(one.key):
            board.ended(one.key)
    if len(missing) < len(every):
        progress.say(f"{len(every) - len(missing):,} of {len(every):,} runs are there already")
    waiting = deque(sorted(missing, key=lambda one: -sizes[one.key].steps * sizes[one.key].work))
    working: dict[str, tuple[PlannedRun, Working]] = {}
    kills: dict[str, int] = {}
    troubles: list[_Trouble] = []
    shown = 0.0
    with Stop() as stop:
        try:
            while (waiting or working) and not stop.received:
                while waiting and len(working) < place.room:
                    one = waiting.popleft()
                    task = Task(planned=one, device=place.device, threads=threads, save_every=save_every)
                    working[one.key] = one, place.start(write_task(task, store.run(one.key)))
                for key, (one, work) in list(working.items()):
                    code = work.poll()
                    if code is None:
                        continue
                    del working[key]
                    # A worker that a signal stopped, of which we know nothing, has saved and may as well go on.
                    if (code < 0 or code > 128) and kills.setdefault(key, 0) < AGAIN:
                        kills[key] += 1
                        progress.say(f"{_name(one)}: its process was killed; started again, from its checkpoint")
                        waiting.appendleft(one)
                    elif code:
                        troubles.append(_Trouble(one, code, store.run(key) / LOG))
                        progress.say(str(troubles[-1]))
                    else:
                        board.ended(key)
                        progress.ended(_sentence(one, store, board))
                if time.monotonic() - shown > _SHOW:
                    progress.moved(board.standing(working))
                    shown = time.monotonic()
                time.sleep(_LOOK)
        finally:
            _stop([work for _, work in working.values()])
    if stop.received:
        raise Interrupted(stop.received, command)
    progress.moved(board.standing(()))
    if troubles:
        raise (RuntimeError if any(one.code == 1 for one in troubles) else ValueError)(_all(troubles))


def _stop(working: Sequence[Working]) -> None:
    for work in working:
        work.stop()
    while any(work.poll() is None for work in working):
        time.sleep(_LOOK)


def _name(one: PlannedRun) -> str:
    return one.about or f"the run {one.key}"


def _sentence(one: PlannedRun, store: Store, board: Board) -> str:
    """ "3 of 12 runs: relu, seed 1: trained in 34 s, test_error 23.40"."""
    standing = board.standing(())
    head = f"{standing.done:,} of {standing.total:,} runs: {_name(one)}"
    failure = store.failure(one.key)
    if failure:
        return f"{head}: failed: {failure}"
    numbers = []
    for name in one.measures:
        number = store.value(one.key, name)
        assert number is not None
        numbers.append(f"{name} {'more than ' if number.bound else ''}{number.value:.2f}")
    return ", ".join([f"{head}: steps took {store.seconds(one.key):,.0f} s", *numbers])


class _Trouble:
    """A run that could not be made."""

    def __init__(self, one: PlannedRun, code: int, log: Path) -> None:
        self.one, self.code, self.log = one, code, log

    def __str__(self) -> str:
        if self.code < 0 or self.code > 128:
            number = -self.code if self.code < 0 else self.code - 128
            why = f"its process was killed {AGAIN + 1} times, the last time by signal {number}"
            why += ", as the system does where memory is short" if number == 9 else ""
        else:
            lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
            last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
            why = last.removeprefix("alexnet: ")
        return f"{_name(self.one)} could not be made: {why} ({self.log})"


def _all(troubles: Sequence[_Trouble]) -> str:
    more = f"; nor could {len(troubles) - 1:,} more" if len(troubles) > 1 else ""
    return f"{troubles[0]}{more}; all other runs are done, and the same command tries again"
