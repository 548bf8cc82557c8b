"""Does a run that is killed again and again end as one that never was? SIGKILL at random moments."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from alexnet.training.clock import TIME_COLUMNS

KILLS = 20


def start(words: list[str], cache: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"XDG_CACHE_HOME": str(cache), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "alexnet", *words],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(words: list[str], cache: Path) -> None:
    process = start(words, cache)
    _, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, complaint.decode()


def kill(process: subprocess.Popen[bytes]) -> bool:
    """Kill the process and its workers; False if it had ended before."""
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    return not ended


def wait_for(process: subprocess.Popen[bytes], path: Path, least: int = 1) -> None:
    """Until the folder holds something, or the process ended."""
    while process.poll() is None and not (path.is_dir() and len(list(path.iterdir())) >= least):
        time.sleep(0.01)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 pictures of 3 classes, of several sizes, and two that cannot be read."""
    root = tmp_path_factory.mktemp("pictures")
    numbers = np.random.default_rng(0)
    for label, name in enumerate(("red", "green", "blue")):
        (root / name).mkdir()
        for number in range(80):
            pixels = numbers.integers(0, 140, (40 + number % 9, 48, 3))
            pixels[:, :: label + 2, label] += 90
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:02d}.png")
    (root / "red" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    (root / "blue" / "page.jpg").write_bytes(b"<html>not found</html>")
    return root


def without_time(path: Path) -> Any:
    """A file's content but for its columns of time and of place."""
    if path.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text())))
        return [{k: v for k, v in row.items() if k not in (*TIME_COLUMNS, "time")} for row in rows]
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [{k: v for k, v in line.items() if k not in TIME_COLUMNS} for line in lines]
    return path.read_bytes()


def ending(run: Path) -> dict[str, Any]:
    """Everything of a finished run that must not depend on how often it was killed."""
    state = next((run / "state").iterdir())
    files = [
        *(run / "weights").iterdir(),
        state / "tensors.safetensors",
        *(run / name for name in ("config.json", "results.json", "metrics.jsonl", "results.csv")),
        *(run / name for name in ("predictions.csv", "per_class.csv", "confusion.csv")),
    ]
    return {str(path.relative_to(run)): without_time(path) for path in files}


@pytest.mark.slow
def test_training_killed_at_random_moments_ends_the_same(pictures: Path, tmp_path: Path) -> None:
    words = ["train", str(pictures), "--epochs", "12", "--batch", "16", "--threads", "1", "--save-every", "0"]
    words += ["--recipe", "quick", "--size", "32", "--precision", "float32", "--quiet"]
    finish([*words, "--out", str(tmp_path / "whole")], tmp_path / "cache")
    expected = ending(tmp_path / "whole")
    random.seed(0)
    killed, run = tmp_path / "killed", 0
    moments: list[str] = []
    while len(moments) < KILLS:
        run += 1
        out = killed / str(run)
        process = start([*words, "--out", str(out)], tmp_path / "cache")
        while process.poll() is None and len(moments) < KILLS:
            # A third of the kills come while a checkpoint is being written, the others whenever they come.
            if len(moments) % 3 == 0:
                wait_for(process, out / "state")
                while process.poll() is None and not list((out / "state").glob(".*.part")):
                    time.sleep(0.0005)
            elif len(moments) % 3 == 1:
                wait_for(process, out / "state")
                time.sleep(random.uniform(0, 1.5))
            else:
                time.sleep(random.uniform(0.3, 6))
            if not kill(process):
                break
            parts = list((out / "state").glob(".*.part")) if (out / "state").is_dir() else []
            moments.append("in a checkpoint" if parts else "elsewhere")
            if not (out / "request.json").exists():  # so early that there is nothing to resume
                process = start([*words, "--out", str(out)], tmp_path / "cache")
            else:
                process = start(["resume", str(out), "--save-every", "0", "--quiet"], tmp_path / "cache")
        _, complaint = process.communicate(timeout=300)
        assert process.returncode == 0, complaint.decode()
        assert ending(out) == expected
    assert moments.count("in a checkpoint") >= 3


@pytest.mark.slow
def test_a_live_run_is_not_resumed(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["train", str(pictures), "--epochs", "200", "--size", "32", "--threads", "1", "--quiet", "--out", str(out)]
    process = start(words, tmp_path / "cache")
    try:
        wait_for(process, out / "weights")
        second = start(["resume", str(out)], tmp_path / "cache")
        _, complaint = second.communicate(timeout=120)
        assert second.returncode == 2
        assert f"in use by process {process.pid} on" in complaint.decode()
        os.kill(process.pid, signal.SIGTERM)
        _, complaint = process.communicate(timeout=120)
        assert process.returncode == 143
        assert f"alexnet resume {out}" in complaint.decode()
    finally:
        kill(process)
