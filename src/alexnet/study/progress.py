"""How far are a study's runs, and how long will the others take? Read from what the runs write, told to a watcher."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet, open_prepared
from alexnet.edits import edited
from alexnet.model.summary import summarize
from alexnet.study.planned import PlannedRun
from alexnet.study.store import Store

#: Bytes at the end of metrics.jsonl in which the last line is looked for.
_TAIL = 8192


@dataclass(frozen=True, kw_only=True)
class Line:
    """A run that is under way."""

    key: str
    about: str
    epoch: int
    """Under way; 0 before the first is heard of."""
    epochs: int
    loss: float | None
    """Mean training loss, of the last interval or epoch that was noted."""
    share: float
    """Of its steps that are done, from 0 to 1, as of the last line that it wrote."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a study's runs are."""

    total: int
    done: int
    """Ended, those of earlier commands and those that failed included."""
    failed: int
    lines: tuple[Line, ...]
    seconds_left: float | None
    """None until something has been measured."""


class Watcher(Protocol):
    """Told how the runs go; must not change anything."""

    def say(self, sentence: str) -> None:
        """A sentence for the user."""

    def ended(self, sentence: str) -> None:
        """A run ended; the sentence says which, and how."""

    def moved(self, standing: Standing) -> None:
        """About once a second while runs are under way."""


class Unwatched:
    """Shows nothing."""

    def say(self, sentence: str) -> None:
        return

    def ended(self, sentence: str) -> None:
        return

    def moved(self, standing: Standing) -> None:
        return


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is to do in a run."""

    steps: int
    work: float
    """Of a step: multiply-adds of a forward pass, times pictures."""
    kind: tuple[Any, ...]
    """Runs of one kind take equally long for a step."""


def sizes_of(planned: Iterable[PlannedRun]) -> dict[str, Size]:
    """The sizes of runs by key. Raises ValueError where a prepared set is gone or damaged."""
    opened: dict[Path, PreparedSet] = {}
    macs: dict[Any, int] = {}
    sizes = {}
    for one in planned:
        if one.prepared not in opened:
            opened[one.prepared] = open_prepared(one.prepared)
        config, prepared = one.config, opened[one.prepared]
        network = (config.model, config.augment.crop, len(prepared.classes))
        if network not in macs:
            table = edited(config.model, len(prepared.classes))
            macs[network] = summarize(table, len(prepared.classes), size=config.augment.crop).macs
        steps = -(-len(rows_of(config, prepared)[0]) // config.train.batch) * config.train.epochs
        train = (config.train.batch, config.train.precision, config.train.compile)
        sizes[one.key] = Size(
            steps=max(1, min(steps, config.train.steps or steps)),
            work=float(max(1, macs[network]) * config.train.batch),
            kind=(*network, config.augment, *train),
        )
    return sizes


class Board:
    """What is known of the time that steps take; it is asked where the runs are.

    Args:
        planned: all runs, each key once.
        sizes: of all of them.
        running: how many can be under way at once.
    """

    def __init__(self, planned: Sequence[PlannedRun], sizes: dict[str, Size], store: Store, running: int) -> None:
        self._planned, self._sizes, self._store, self._running = {p.key: p for p in planned}, sizes, store, running
        self._done: set[str] = set()
        self._seen: dict[str, tuple[float, int]] = {}
        self._pace: dict[str, float] = {}
        """Seconds of a step, by key."""

    def ended(self, key: str) -> None:
        """A run ended, now or before."""
        self._done.add(key)
        last = last_line(self._store.run(key), "epoch")
        seconds = self._store.seconds(key)
        if last and seconds:
            self._pace[key] = seconds / last["step"]

    def standing(self, under_way: Iterable[str]) -> Standing:
        """Where everything is now, with these runs under way."""
        left, longest, known = 0.0, 0.0, True
        lines: list[Line] = []
        places = {key: self._place(key) for key in under_way}
        for key, (step, line) in places.items():
            self._watch(key, step)
            lines.append(line)
        for key in self._planned:
            if key in self._done:
                continue
            pace = self._pace_of(key)
            known &= pace is not None
            seconds = (pace or 0.0) * (self._sizes[key].steps - (places[key][0] if key in places else 0))
            left, longest = left + seconds, max(longest, seconds)
        return Standing(
            total=len(self._planned),
            done=len(self._done),
            failed=sum(bool(self._store.failure(key)) for key in self._done),
            lines=tuple(lines),
            seconds_left=max(left / max(1, self._running), longest) if known else None,
        )

    def _place(self, key: str) -> tuple[int, Line]:
        planned, size, last = self._planned[key], self._sizes[key], last_line(self._store.run(key)) or {}
        step, epochs = int(last.get("step", 0)), planned.config.train.epochs
        epoch = min(int(last.get("epoch", 0)) + (last.get("kind") == "epoch"), epochs)
        share = min(1.0, step / size.steps)
        loss = last.get("train_loss")
        return step, Line(key=key, about=planned.about, epoch=epoch, epochs=epochs, loss=loss, share=share)

    def _watch(self, key: str, step: int) -> None:
        """The pace of a run under way: between the first line that was seen of it and the last."""
        now = time.monotonic()
        began, first = self._seen.setdefault(key, (now, step))
        if step < first:  # a killed run began again further back
            self._seen[key] = (now, step)
        elif step > first:
            self._pace[key] = (now - began) / (step - first)

    def _pace_of(self, key: str) -> float | None:
        """Seconds of a run's step: its own, or of those of its kind, or by the size of its network beside others."""
        if key in self._pace:
            return self._pace[key]
        size = self._sizes[key]
        alike = [pace for other, pace in self._pace.items() if self._sizes[other].kind == size.kind]
        if alike:
            return sum(alike) / len(alike)
        for_work = [pace / self._sizes[other].work for other, pace in self._pace.items()]
        return size.work * sum(for_work) / len(for_work) if for_work else None


def last_line(run: Path, kind: str = "") -> dict[str, Any] | None:
    """The last whole line of a run's metrics.jsonl that has a loss (of a kind), though it may be written right now."""
    try:
        with open(run / "metrics.jsonl", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            lines = file.read().split(b"\n")[:-1]
    except OSError:
        return None
    for text in reversed(lines):
        try:
            line = json.loads(text)
        except ValueError:  # cut off at its beginning
            continue
        if line.get("kind") in ((kind,) if kind else ("interval", "epoch")):
            return dict(line)
    return None
