"""How does a person see that a run gets on? Progress and sentences on stderr; results are for stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    import rich.progress

    from alexnet.training.listener import Progress

#: Seconds between two lines on how far the preparing is, where there is no bar.
PAUSE = 30.0


class Console:
    """A `Listener`: a bar where stderr is a terminal, else a line for each epoch; nothing where `quiet`.

    Use it as a context manager, which leaves the terminal in order however the run ends.
    """

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._bar: rich.progress.Progress | None = None
        self._tasks: dict[str, Any] = {}
        self._told = time.monotonic()

    def __enter__(self) -> Self:
        if not self._quiet and self._stream.isatty():
            self._bar = _bar(self._stream)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def say(self, sentence: str) -> None:
        """A sentence, above the bar where there is one."""
        if self._quiet:
            return
        if self._bar is not None:
            self._bar.console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        else:
            self._stream.write(sentence + "\n")
            self._stream.flush()

    def preparing(self, done: int, total: int) -> None:
        """Pictures decoded so far."""
        if self._bar is not None:
            self._draw("preparing", done, total, f"{done:,} of {total:,} pictures")
            return
        now = time.monotonic()
        if now - self._told >= PAUSE:
            self._told = now
            self.say(f"preparing: {done:,} of {total:,} pictures")

    def stepped(self, progress: Progress) -> None:
        """A step: speed and time left, on the bar only."""
        if self._bar is None:
            return
        self._forget("preparing")
        self._draw(
            f"epoch {progress.epoch} of {progress.epochs}",
            progress.step,
            progress.steps,
            f"loss {progress.loss:.3f}  {progress.pictures_per_second:,.0f} pictures/s  "
            f"{duration(progress.seconds_left)} left",
        )

    def epoch_ended(self, row: Mapping[str, Any]) -> None:
        """A line for the epoch."""
        parts = [f"epoch {row['epoch']}:", f"loss {row['train_loss']:.4f}"]
        if "val_top1_error" in row:
            parts.append(f"validation loss {row['val_loss']:.4f}, top-1 error {row['val_top1_error']:.2f}%")
        elif "train_top1_error" in row:
            parts.append(f"training top-1 error {row['train_top1_error']:.2f}%")
        parts.append(f"rate {row['rate']:.3g}")
        if "seconds" in row:
            parts.append(duration(row["seconds"]))
        self.say(f"{parts[0]} {', '.join(parts[1:])}")

    def _draw(self, what: str, done: int, total: int, words: str) -> None:
        assert self._bar is not None
        kind = "preparing" if what == "preparing" else "training"
        if kind not in self._tasks:
            self._tasks[kind] = self._bar.add_task(what, total=total, words=words)
        self._bar.update(self._tasks[kind], description=what, completed=done, total=total, words=words)

    def _forget(self, kind: str) -> None:
        if self._bar is not None and kind in self._tasks:
            self._bar.remove_task(self._tasks.pop(kind))


def _bar(stream: TextIO) -> rich.progress.Progress:
    from rich.console import Console as Terminal
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[words]}", markup=False),
        console=Terminal(file=stream),
        transient=True,
        expand=True,
    )


def say_left_out(path: str, reason: str) -> None:
    """Name a picture that could not be read, and why, on stderr."""
    sys.stderr.write(f"alexnet: left out {path}: {reason}\n")


def duration(seconds: float) -> str:
    """Seconds as a person says them: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def scores_line(scores: Mapping[str, Any], classes: int) -> str:
    """What `str` says of a `Scores`, from its JSON values: errors, intervals, split, number of pictures, protocol."""
    from alexnet.scoring.protocols import PROTOCOLS

    # With five classes or fewer the top-5 error is always 0 and says nothing.
    errors = ", ".join(
        f"{name} error {error['value']:.1f}% [{error['low']:.1f}, {error['high']:.1f}]"
        for name, error in (("top-1", scores["top1_error"]), ("top-5", scores["top5_error"]))
        if name == "top-1" or classes > 5
    )
    pictures = "1 picture" if scores["n"] == 1 else f"{scores['n']:,} pictures"
    note = f"; {scores['note']}" if scores.get("note") else ""
    return f"{errors} on {scores['split']} ({pictures}, {PROTOCOLS[scores['protocol']]}{note})"
