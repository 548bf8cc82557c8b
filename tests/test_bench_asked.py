"""Are the questions' options understood, refused where they do not belong, and told again?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alexnet.bench.asked import QUESTIONS, Asked, chosen, command
from alexnet.bench.result import number, row, spread, table
from alexnet.bench.run import file_name, kept
from alexnet.cli.main import main


def result(**changes: Any) -> dict[str, Any]:
    made = {
        "question": "step",
        "text": "how long?",
        "command": "alexnet bench step",
        "options": {},
        "environment": {"processor": "P", "threads": 2, "cores": 4, "instruction_set": "I", "torch": "T", "gpu": "G"},
        "machine": {"device": "cpu"},
        "rows": [row("small", "ours", "ms", [2.0, 1.0, 4.0], ratios={"plain": spread([2.0, 1.5, 3.0])})],
        "notes": ["A note."],
    }
    return made | changes


def test_every_question_has_its_file() -> None:
    room = Path(__import__("alexnet.bench").bench.__file__).parent
    assert all((room / f"{name}.py").exists() for name in QUESTIONS)


def test_all_means_all_and_none_comes_twice() -> None:
    assert [one.name for one in chosen(["all"], Asked())] == list(QUESTIONS)
    assert [one.name for one in chosen(["feed", "step", "feed"], Asked())] == ["feed", "step"]
    assert len(chosen(["all"], Asked(only=("quick",)))) == len(QUESTIONS), "heeded by those that take it"


@pytest.mark.parametrize(
    ("names", "asked", "said"),
    [
        (["steps"], Asked(), "no question 'steps'; did you mean 'step'"),
        (["zzz"], Asked(), "it is one of normalization"),
        (["step"], Asked(count=3), "step takes no --count; it belongs to prepare, feed, stall"),
        (["step"], Asked(rounds=-1), "--rounds"),
        (["step"], Asked(seconds=0), "--seconds"),
    ],
)
def test_mistakes_are_told(names: list[str], asked: Asked, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        chosen(names, asked)


def test_the_command_asks_again() -> None:
    asked = Asked(rounds=3, seconds=9.5, only=("paper", "quick"), compile=True, pictures="somewhere/of mine")
    assert command(QUESTIONS["step"], asked) == (
        "alexnet bench step --rounds 3 --seconds 9.5 --only paper quick --compile"
    )
    assert command(QUESTIONS["feed"], asked) == "alexnet bench feed --rounds 3 --seconds 9.5 --pictures 'of mine'"


def test_a_spread_holds_every_round() -> None:
    assert spread([3.00004, 1.0, 2.0]) == {"median": 2.0, "low": 1.0, "high": 3.0, "rounds": [3.0, 1.0, 2.0]}
    assert [number(one) for one in (1234.5, 12.34, 1.234, -200.0)] == ["1,234", "12.3", "1.23", "-200"]


def test_a_table_says_what_there_is() -> None:
    text = table(result())
    cells = ["small", "ours", "2.00", "1.00", "4.00", "ms", "2.00", "x", "plain", "(1.50", "to", "3.00)"]
    assert cells in [line.split() for line in text.splitlines()]
    assert "A note." in text
    assert "Median of 3 rounds, lowest and highest. P, 2 thread(s) of 4 cores, I, torch T." in text
    assert text.endswith("alexnet bench step\n")
    assert "G, P" in table(result(machine={"device": "cuda"}))


def test_results_are_kept_by_question_and_device(tmp_path: Path) -> None:
    assert [file_name("step", device) for device in ("cpu", "cuda", "cuda:1")] == [
        *("step.json", "step-cuda.json", "step-cuda.json")
    ]
    with pytest.raises(ValueError, match="no results of bench"):
        kept(tmp_path / "none")
    for question, device in (("feed", "cpu"), ("step", "cuda"), ("step", "cpu")):
        path = tmp_path / file_name(question, device)
        path.write_text(json.dumps(result(question=question, machine={"device": device})))
    assert [(one["question"], one["machine"]["device"]) for one in kept(tmp_path)] == [
        *(("step", "cpu"), ("step", "cuda"), ("feed", "cpu"))
    ]
    (tmp_path / "foreign.json").write_text("{}")
    with pytest.raises(ValueError, match="no results of bench"):
        kept(tmp_path)


def test_the_verb_lists_shows_and_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{one.name}\n    {one.text}" in listed for one in QUESTIONS.values())
    assert main(["bench", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == list(QUESTIONS)
    words = ["normalization", "--batch", "1", "--rounds", "1", "--precision", "float32", "--device", "cpu"]
    assert main(["bench", *words, "--out", str(tmp_path / "out"), "--json", "--quiet"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    (measured,) = json.loads(printed.out)
    assert main(["bench", "--show", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == table(measured)
    assert main(["bench", "--show", str(tmp_path / "out"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [measured]


def test_the_verb_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["steps"], "did you mean 'step'"),
        (["step", "--only", "papr"], "did you mean 'paper'"),
        (["step", "--precision", "float16"], "one of"),
        (["--show", "a", "b"], "one folder"),
        (["--show", str(tmp_path)], "no results"),
        (["step", "--device", "tpu"], "is not known"),
    ):
        assert main(["bench", *words]) == 2
        assert said in capsys.readouterr().err
