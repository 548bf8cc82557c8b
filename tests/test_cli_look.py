"""Does `alexnet look` do what its words say, and tell a mistake in one sentence?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alexnet.cli.main import main
from alexnet.insight.album import TOPICS
from conftest import small_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Path:
    out = tmp_path_factory.mktemp("run") / "a"
    return small_run(picture_folder, out).folder


def test_results_on_stdout_and_progress_on_stderr(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["look", str(run), "--only", "kernels, curves", "--out", str(tmp_path / "album"), "--svg"]
    assert main([*words, "--device", "cpu", "--threads", "1"]) == 0
    said = capsys.readouterr()
    figures = sorted(path.stem for path in (tmp_path / "album").glob("*.png"))
    assert sorted(path.stem for path in (tmp_path / "album").glob("*.svg")) == figures
    assert said.out == f"{len(figures)} figures: {tmp_path / 'album' / 'index.html'}\n"
    assert "[1 of 2] kernels" in said.err
    assert "[2 of 2] curves" in said.err
    assert not (run / "look").exists()


def test_as_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", str(run), "--only", "kernels,sparsity", "--pictures", "5", "--json", "--quiet"]) == 0
    said = capsys.readouterr()
    values = json.loads(said.out)
    assert values["page"] == str(run / "look" / "index.html")
    assert set(values["topics"]) == {"kernels", "sparsity"}
    assert values["missing"] == {}
    assert said.err == ""
    numbers = json.loads((run / "look" / "look.json").read_text())["topics"][1]["figures"][0]["numbers"]
    assert "5" in json.dumps(numbers)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--only", "kernls"], "the album has no topic 'kernls'; did you mean 'kernels'?"),
        (["--pictures", "0"], "--pictures takes 1 or more, not 0"),
        (["--out", "RUN"], "is of no album; name another folder with --out"),
        (["--onyl", "maps"], "look has no option --onyl; did you mean --only?"),
    ],
)
def test_a_mistake_is_one_sentence(
    words: list[str], sentence: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["look", str(run), *(word.replace("RUN", str(run)) for word in words)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert sentence in said[0]


def test_the_help_names_every_topic(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["look", "--help"]) == 0
    page = capsys.readouterr().out
    assert all(name in page for name in TOPICS)


def test_the_report_says_how(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert f"alexnet look {run}" in page
    assert '<a href="look/index.html">' in page
