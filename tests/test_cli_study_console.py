"""Is a study's view one line for each run that ended, and on a terminal a bar for each that is under way?"""

from __future__ import annotations

import io

import pytest

from alexnet.cli.study_console import StudyConsole
from alexnet.study.progress import Line, Standing


def standing(*keys: str, done: int = 1, failed: int = 0, left: float | None = 200.0) -> Standing:
    lines = tuple(Line(key=key, about=f"overlap: {key}", epoch=2, epochs=9, loss=1.25, share=0.25) for key in keys)
    return Standing(total=4, done=done, failed=failed, lines=lines, seconds_left=left)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_it_is_a_line_a_run() -> None:
    stream = io.StringIO()
    with StudyConsole(stream=stream) as console:
        console.moved(standing("a"))
        console.ended("1 of 4 runs: overlap: a: steps took 3 s")
        console.say("a sentence")
    assert stream.getvalue() == "1 of 4 runs: overlap: a: steps took 3 s\na sentence\n"
    with StudyConsole(stream=stream, quiet=True) as console:
        console.ended("more")
    assert "more" not in stream.getvalue()


def test_on_a_terminal_it_is_a_bar_for_all_and_one_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    with StudyConsole(stream=Terminal()) as console:
        bar = console._bar
        assert bar is not None
        console.preparing(3, 10)
        console.moved(standing("a", "b", failed=1))
        console.ended("not shown")
        rows = [(task.description, task.completed, task.total, task.fields["words"]) for task in bar.tasks]
        assert rows == [
            ("1 of 4 runs", 1.5, 4, "3 min 20 s left, 1 failed"),
            ("overlap: a", 0.25, 1.0, "epoch 2 of 9  loss 1.250"),
            ("overlap: b", 0.25, 1.0, "epoch 2 of 9  loss 1.250"),
        ]
        console.moved(standing("b", done=2, left=None))
        assert [task.description for task in bar.tasks] == ["2 of 4 runs", "overlap: b"]
        assert bar.tasks[0].fields["words"] == ""
