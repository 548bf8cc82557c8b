"""What of a study is done already? Its folder: runs by their key, what was measured of them, which failed.

studies/NAME/
  lock              names the process that works on the study
  runs/KEY/         a run's folder, and beside what every run has:
    task.json       what was to be done
    measured.json   {measure: {"value": x, "bound": true or false}}
    failed.json     {"sentence": why} in place of results, where the loss was not finite
    log.txt         what the run's process said
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from alexnet.study.planned import PlannedRun
from alexnet.training.folder import RunFolder, lines_of, read_json

RESULTS, MEASURED, FAILED, LOG, TASK = "results.json", "measured.json", "failed.json", "log.txt", "task.json"


@dataclass(frozen=True, kw_only=True)
class Number:
    """What a measure gave for a run."""

    value: float
    bound: bool
    """Whether it is only a lower bound."""


class Store:
    """A study's folder. As a context manager it is locked: one command works on it at a time.

    Raises:
        ValueError: on entering, when another living process holds the lock; the message names its process id.
    """

    def __init__(self, folder: Path) -> None:
        self.path = Path(folder).absolute()
        self._lock: RunFolder | None = None

    def __enter__(self) -> Store:
        (self.path / "runs").mkdir(parents=True, exist_ok=True)
        self._lock = RunFolder(self.path, "study")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lock is not None
        self._lock.close()
        self._lock = None

    def run(self, key: str) -> Path:
        """The folder of a run, whether it is there or not."""
        return self.path / "runs" / key

    def finished(self, key: str, measures: Iterable[str] = ()) -> bool:
        """Whether a run ended and these measures of it are kept, or it failed: nothing of it is to be done any more.

        Raises:
            ValueError: a file is damaged, or the folder holds a run of other settings or pictures.
        """
        return bool(self.failure(key)) or (self._ended(key) and set(measures) <= set(self._measured(key)))

    def missing(self, planned: Iterable[PlannedRun]) -> list[PlannedRun]:
        """The runs that are still to be made, each key once with all that is to be measured of it."""
        once: dict[str, PlannedRun] = {}
        for one in planned:
            before = once.get(one.key, one)
            once[one.key] = dataclasses.replace(before, measures=tuple(dict.fromkeys(before.measures + one.measures)))
        return [one for one in once.values() if not self.finished(one.key, one.measures)]

    def failure(self, key: str) -> str:
        """Why a run failed, in a sentence; "" where it did not."""
        path = self.run(key) / FAILED
        return str(_read(path).get("sentence") or "it failed") if path.exists() else ""

    def value(self, key: str, measure: str) -> Number | None:
        """What was measured of a run; None where it failed. Raises ValueError where it is not measured yet."""
        if self.failure(key):
            return None
        if not self.finished(key, [measure]):
            raise ValueError(f"the run {self.run(key)} has no {measure} yet; the same command again makes it")
        number = self._measured(key)[measure]
        return Number(value=float(number["value"]), bound=bool(number["bound"]))

    def seconds(self, key: str) -> float:
        """What the steps of a run took, finished or not; validation and measuring apart."""
        return sum(line.get("seconds", 0.0) for line in lines_of(self.run(key), "epoch"))

    def _ended(self, key: str) -> bool:
        path = self.run(key) / RESULTS
        if not path.exists():
            return False
        results = _read(path)
        digest, _, fingerprint = key.partition("-")
        there = (str(results.get("config_digest")), str(results.get("fingerprint"))[:16])
        if there != (digest, fingerprint):
            what = "settings" if there[0] != digest else "pictures"
            raise ValueError(
                f"{path.parent} holds a run of other {what} than its name says; move it away, and the same command "
                "makes the run"
            )
        return True

    def _measured(self, key: str) -> dict[str, Any]:
        path = self.run(key) / MEASURED
        return _read(path) if path.exists() else {}


def _read(path: Path) -> dict[str, Any]:
    """A JSON file's values. Raises ValueError with what to do where it is damaged."""
    try:
        values = read_json(path)
        if not isinstance(values, dict):
            raise ValueError(f"{path} is damaged: it holds no names")
    except ValueError as error:
        lost = path if path.name == MEASURED else path.parent
        raise ValueError(f"{error}; remove {lost}, and the same command makes it again") from None
    return values
