"""How is one run of a study made, in this process? Trained or gone on with, then measured: `work`.

`python -m alexnet.study.work runs/KEY/task.json` does it by hand. Exit code 0 also for a run whose loss is not finite,
which is a result; 2 for what does not fit; 130 and 143 for one that a signal stopped, after saving.
"""

from __future__ import annotations

import os
import platform
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alexnet.config import from_dict, to_dict
from alexnet.study.planned import PlannedRun
from alexnet.study.store import FAILED, MEASURED, TASK
from alexnet.training.folder import RunFolder, read_json, write_json

#: Seconds that a process which is about to end may still hold the run.
PATIENCE = 120.0
#: The word that makes a worker end when its caller does.
WATCHED = "--watched"
#: Least seconds between two checkpoints.
SAVE_EVERY = 60.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """A run to be made, and with what."""

    planned: PlannedRun
    device: str
    threads: int
    save_every: float = SAVE_EVERY


def write_task(task: Task, run: Path) -> Path:
    """Put a task into its run's folder, which it makes; returns the file."""
    planned = task.planned
    run.mkdir(parents=True, exist_ok=True)
    write_json(
        run / TASK,
        {
            "key": planned.key,
            "config": to_dict(planned.config),
            "prepared": str(planned.prepared.absolute()),
            "fingerprint": planned.fingerprint,
            "measures": list(planned.measures),
            "start": None if planned.start is None else str(planned.start.absolute()),
            "about": planned.about,
            "device": task.device,
            "threads": task.threads,
            "save_every": task.save_every,
        },
    )
    return run / TASK


def read_task(path: Path) -> Task:
    """Inverse of `write_task`. Raises ValueError for a file that is no task."""
    values = read_json(path)
    try:
        planned = PlannedRun(
            key=values["key"],
            config=from_dict(values["config"]),
            prepared=Path(values["prepared"]),
            fingerprint=values["fingerprint"],
            measures=tuple(values["measures"]),
            start=None if values["start"] is None else Path(values["start"]),
            about=values["about"],
        )
        return Task(
            planned=planned, device=values["device"], threads=values["threads"], save_every=values["save_every"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a task of a study: {error}") from None


def work(path: Path) -> None:
    """Do a task in its file's folder: train or go on, then measure what is not measured yet.

    Raises:
        ValueError: of one sentence, for anything that does not fit. A loss that is not finite is no error: the run's
            failed.json then says so.
        Interrupted: a signal asked to stop; the run is saved.
    """
    task, run = read_task(path), path.parent
    planned = task.planned
    _wait_until_free(run)

    from alexnet.data.prepared import open_prepared
    from alexnet.study.measured import measured
    from alexnet.training.complete import train_config
    from alexnet.training.loop import Diverged

    prepared = open_prepared(planned.prepared)
    if prepared.fingerprint != planned.fingerprint:
        raise ValueError(f"the pictures in {planned.prepared} are not those that the study was planned for")
    try:
        train_config(
            planned.config,
            prepared,
            run,
            device=task.device,
            threads=task.threads,
            start=planned.start,
            save_every=task.save_every,
            listener=_Log(),
        )
    except Diverged as error:
        with RunFolder(run):
            write_json(run / FAILED, {"sentence": str(error)})
        return
    with RunFolder(run):
        known = read_json(run / MEASURED) if (run / MEASURED).exists() else {}
        wanted = [name for name in planned.measures if name not in known]
        if wanted:
            found = measured(run, wanted, device=task.device, threads=task.threads)
            write_json(run / MEASURED, known | found)


def _wait_until_free(run: Path) -> None:
    """A worker whose caller was killed saves before it ends; the next one on its run waits for that."""
    ends = time.monotonic() + PATIENCE
    while True:
        try:
            RunFolder(run).close()
            return
        except ValueError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.2)


class _Log:
    """A `Listener` that writes sentences to stderr, which is the run's log.txt."""

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    def preparing(self, done: int, total: int) -> None:
        return

    def stepped(self, progress: object) -> None:
        return

    def epoch_ended(self, row: Mapping[str, object]) -> None:
        return


def _end_with_caller() -> None:
    """End when stdin closes: the caller holds its other end, and the system closes that however the caller ends."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)  # the loop saves; anything else just ends
        time.sleep(PATIENCE)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main(words: list[str]) -> int:
    """Do the task that the first word names; returns the exit code."""
    if WATCHED in words:
        _end_with_caller()
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    print(f"{now} started: process {os.getpid()} on {platform.node()}", file=sys.stderr, flush=True)
    try:
        work(Path(words[0]))
    except ValueError as error:
        if isinstance(error, UnicodeError):
            raise
        print(f"alexnet: {error}", file=sys.stderr)
        return 2
    except Exception as error:
        from alexnet.training.listener import Interrupted

        if not isinstance(error, Interrupted):
            raise
        print("interrupted, and saved", file=sys.stderr)
        return 128 + error.signal_number
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
