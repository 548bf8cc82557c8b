"""Do docs/speed.md and the README show what was measured last?"""

from __future__ import annotations

from pathlib import Path

import pytest

from alexnet.bench.asked import QUESTIONS
from alexnet.bench.result import row, spread
from speed import BEGIN, END, HEADLINES, NOTHING, all_results, makers, page_tables, readme_table, with_speed
from test_bench_asked import result

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("path", [ROOT / "docs" / "speed.md", ROOT / "README.md"], ids=lambda path: path.name)
def test_a_page_is_up_to_date(path: Path) -> None:
    text = path.read_text()
    made = makers()[path.name](all_results())
    assert with_speed(text, made) == text, "the measurements have changed: run `make docs`"


def measured() -> list[dict[str, object]]:
    ratio = {"plain": spread([2.0, 1.5, 3.0])}
    rows = [
        row("paper, batch 64", "ours, bf16", "ms", [2.0, 1.0, 4.0], ratios=ratio)
        | {"pictures": 64, "pictures_per_second": spread([32_000.0])},
        row("paper, batch 64", "plain", "ms", [4.0]),
    ]
    return [result(rows=rows)]


def test_the_tables_hold_every_row_and_the_headlines() -> None:
    page = page_tables(measured())
    assert "### How long?" in page
    ours = "ours, bf16 | 2.00 ms | 1.00 to 4.00 | 32,000 | **2.00 x** plain (1.50 to 3.00) |"
    assert f"| paper, batch 64 | {ours}" in page
    assert "| | plain | 4.00 ms | 4.00 to 4.00 | | |" in page
    assert "A note.\nMedian of 1 to 3 rounds" in page
    short = readme_table(measured())
    assert (
        "| a training step of `paper`, bf16, batch 64 | 2.00 ms | 32,000 | **2.00 x** plain (1.50 to 3.00) |\n" in short
    )
    assert short.count("\n|") == 2, "the heading's rule and one row"
    assert page_tables([]) == readme_table([]) == NOTHING


def test_the_marks_must_be_there() -> None:
    assert with_speed(f"a\n{BEGIN}old{END}\nb", "new") == f"a\n{BEGIN}new{END}\nb"
    with pytest.raises(ValueError, match="lacks the marks"):
        with_speed("a\nb", "new")


def test_headlines_are_of_questions() -> None:
    assert {question for question, *_ in HEADLINES} <= set(QUESTIONS)
