"""How does a person see that a study's runs get on? A view of all that are under way, or a line for each that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alexnet.cli.console import Console, duration

if TYPE_CHECKING:
    from alexnet.study.progress import Standing

#: Runs that are shown at a time, of those under way: a terminal's height is not endless.
MOST = 16
_ALL = "all runs"


class StudyConsole(Console):
    """A `Listener` and a `Watcher`: bars where stderr is a terminal, else a line for each run that ended."""

    def ended(self, sentence: str) -> None:
        """A line; where there are bars, they tell."""
        if self._bar is None:
            self.say(sentence)

    def moved(self, standing: Standing) -> None:
        """A bar for all runs, and one for each that is under way."""
        if self._bar is None:
            return
        done = standing.done + sum(line.share for line in standing.lines)
        words = [f"{duration(standing.seconds_left)} left"] if standing.seconds_left is not None else []
        words += [f"{standing.failed:,} failed"] if standing.failed else []
        self._put(_ALL, f"{standing.done:,} of {standing.total:,} runs", done, standing.total, ", ".join(words))
        shown = standing.lines[:MOST]
        for line in shown:
            epoch = f"epoch {line.epoch} of {line.epochs}" if line.epoch else "beginning"
            loss = f"  loss {line.loss:.3f}" if line.loss is not None else ""
            self._put(line.key, line.about or line.key, line.share, 1.0, epoch + loss)
        for kind in set(self._tasks) - {_ALL, *(line.key for line in shown)}:
            self._forget(kind)

    def _put(self, kind: str, what: str, done: float, total: float, words: str) -> None:
        assert self._bar is not None
        if kind not in self._tasks:
            self._tasks[kind] = self._bar.add_task(what, total=total, words=words)
        self._bar.update(self._tasks[kind], description=what, completed=done, total=total, words=words)
