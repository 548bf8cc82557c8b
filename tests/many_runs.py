"""Which runs do the tests of a study make, and how does a test start the command that makes them, to kill it?"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from alexnet.config import Config, patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import open_prepared
from alexnet.data.sources import list_source
from alexnet.recipes import RECIPES
from alexnet.study.planned import PlannedRun, key_of

SMALL: dict[str, Any] = {
    "train.epochs": 1,
    "train.batch": 32,
    "train.limit": 96,
    "train.precision": "float32",
    "augment.pad": 0,
    "data.size": 28,
    "augment.crop": 24,
    "model.width": 0.25,
    "model.classes": 10,
}
#: What must not depend on how often a run was killed.
SAME = (
    "weights/last.safetensors",
    "predictions.csv",
    "per_class.csv",
    "confusion.csv",
    "results.json",
    "measured.json",
)


def prepare_digits(folder: Path) -> Path:
    prepare(list_source("digits"), folder, size=28, workers=1)
    return folder


def small(**changes: Any) -> Config:
    """A config of a second; `train__epochs=2` changes that."""
    given = {name.replace("__", "."): value for name, value in changes.items()}
    return patch(RECIPES["digits"].config, SMALL | given)


def plan(prepared: Path, config: Config, measures: tuple[str, ...] = ("test_error",), about: str = "") -> PlannedRun:
    fingerprint = open_prepared(prepared).fingerprint
    return PlannedRun(
        key=key_of(config, fingerprint),
        config=config,
        prepared=prepared,
        fingerprint=fingerprint,
        measures=measures,
        about=about or f"seed {config.train.seed}",
    )


def seeds(prepared: Path, count: int, epochs: int) -> list[PlannedRun]:
    """Runs that differ in their seeds, and in their epochs, so that they do not end together."""
    return [plan(prepared, small(train__seed=seed, train__epochs=epochs + 3 * seed)) for seed in range(count)]


def starts(run: Path) -> int:
    """How often a process was started on a run."""
    log = run / "log.txt"
    return log.read_text().count("started: process") if log.exists() else 0


def process_of(run: Path) -> int:
    """The process that works on a run, as its lock says."""
    return int((run / "lock").read_text().split()[1])


def until(done: Any, seconds: float = 120.0) -> None:
    """Wait for something to become true."""
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.02)


def command(*words: object) -> subprocess.Popen[str]:
    """This file as a program: `local|cluster STORE PREPARED COUNT EPOCHS JOBS`."""
    return subprocess.Popen([sys.executable, __file__, *map(str, words)], stderr=subprocess.PIPE, text=True)


def main(where: str, store: str, prepared: str, count: str, epochs: str, jobs: str) -> None:
    from alexnet.study import cluster, processes
    from alexnet.study.store import Store
    from alexnet.training.listener import Interrupted

    run_all = {"local": processes.run_all, "cluster": cluster.run_all}[where]
    planned = seeds(Path(prepared), int(count), int(epochs))
    try:
        with Store(Path(store)) as opened:
            run_all(planned, opened, jobs=int(jobs), device="cpu", save_every=0.0, command="again")
    except Interrupted as stopped:
        print(f"to continue: {stopped.command}", file=sys.stderr)
        sys.exit(128 + stopped.signal_number)


if __name__ == "__main__":
    main(*sys.argv[1:])
