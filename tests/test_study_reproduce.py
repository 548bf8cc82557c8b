"""Does `alexnet reproduce` answer, go on where it was killed, repeat nothing, and say what is wrong in a sentence?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import draw_shape

COMMAND = [sys.executable, "-m", "alexnet", "reproduce"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen pictures of each of two shapes."""
    import numpy as np

    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("shapes")
    for shape in ("circle", "square"):
        (root / shape).mkdir()
        for n in range(16):
            draw_shape(shape, 32, 32, random).save(root / shape / f"{n}.png")
    return root


def asked(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=cwd, capture_output=True, text=True, timeout=300, check=False)


def told(folder: Path, name: str) -> dict[str, Any]:
    """A report's numbers, without what may differ between equal studies."""
    study = json.loads((folder / f"{name}.json").read_text())
    study.pop("cost")
    for outcome in study["outcomes"]:
        for arm in outcome["arms"]:
            arm.pop("seconds")
    return study


def stamps(folder: Path) -> dict[str, int]:
    """When the finished runs' results were written."""
    return {str(path): path.stat().st_mtime_ns for path in folder.glob("runs/*/results.json")}


def test_it_lists_claims_without_torch() -> None:
    code = "import sys; from alexnet.cli.main import main; main(['reproduce']); assert 'torch' not in sys.modules"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert "overlapping-pooling (section 3.4)" in found.stdout
    listed = json.loads(asked("--json", cwd=Path()).stdout)
    assert {"name", "section", "sentence", "recipe", "changes", "measure", "published"} <= set(listed[0])


def test_published_tables() -> None:
    found = asked("--published", cwd=Path())
    assert found.returncode == 0
    for number in ("37.5", "17.0", "15.3", "26.2", "#145"):
        assert number in found.stdout
    assert json.loads(asked("--published", "--json", cwd=Path()).stdout)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dropuot", "--data", "digits"], "did you mean 'dropout'"),
        (["dropout"], "--data SOURCE"),
        (["--data", "digits"], "name the claims"),
        (["dropout", "--data", "nowhere"], "nowhere"),
        (["dropout", "--data", "digits", "--seeds", "0"], "--seeds must be 1 or more"),
        (["dropout", "--data", "digits", "--epochs", "-1"], "--epochs must be 1 or more"),
        (["pre-training", "--data", "digits"], "--pretrain SOURCE"),
        (["dropout", "--data", "digits", "--jobs", "-2"], "--jobs"),
    ],
)
def test_mistakes_are_told_in_a_sentence(words: list[str], said: str, tmp_path: Path) -> None:
    found = asked(*words, cwd=tmp_path)
    assert found.returncode == 2
    assert said in found.stderr
    assert found.stderr.count("\n") <= 4
    assert not list(tmp_path.rglob("*.html"))


def test_a_study_reports_and_its_runs_serve_other_commands(folder: Path, tmp_path: Path) -> None:
    size = ["--data", str(folder), "--seeds", "2", "--epochs", "1", "--limit", "16", "--out", "study"]
    first = asked("dropout", *size, "--json", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    study = json.loads(first.stdout)
    (outcome,) = study["outcomes"]
    assert outcome["claim"] == "dropout"
    assert [len(arm["values"]) for arm in outcome["arms"]] == [2, 2]
    assert study["command"].startswith("alexnet reproduce dropout --data")
    assert (tmp_path / "study" / "dropout.html").exists()
    assert "## dropout" in (tmp_path / "study" / "dropout.md").read_text()
    before = stamps(tmp_path / "study")
    assert len(before) == 4
    again = asked("dropout", "ten-views", *size, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "ten-views" in again.stdout
    assert "the report: " in again.stdout
    assert stamps(tmp_path / "study") == before


def test_a_plan_trains_nothing(folder: Path, tmp_path: Path) -> None:
    found = asked("layers", "--data", str(folder), "--seeds", "3", "--plan", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert "21 runs, 0 of them finished" in found.stdout + found.stderr
    assert not list(tmp_path.rglob("metrics.jsonl"))


@pytest.mark.slow
def test_a_study_killed_at_any_moment_repeats_nothing_and_ends_with_the_same_report(
    folder: Path, tmp_path: Path
) -> None:
    words = ["layers", "dropout", "--data", str(folder), "--seeds", "2", "--epochs", "30", "--limit", "16"]
    whole = asked(*words, "--out", "whole", "--json", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    finished: dict[str, int] = {}
    for pause in (6.0, 9.0, 12.0):
        process = subprocess.Popen(
            [*COMMAND, *words, "--out", "cut"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        now = stamps(tmp_path / "cut")
        assert finished.items() <= now.items()
        finished = now
    assert finished, "no run had ended before the last kill"
    last = asked(*words, "--out", "cut", "--json", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert finished.items() <= stamps(tmp_path / "cut").items()
    one, other = told(tmp_path / "whole", "layers+dropout"), told(tmp_path / "cut", "layers+dropout")
    one.pop("command"), other.pop("command")
    assert one == other
