"""How fast is it, in numbers? Lays out the tables of docs/speed.md and of the README; `make docs` writes them.

Both are made of the results that `make bench` leaves in benchmarks/results/bench.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet.bench.result import conditions, number
from alexnet.bench.run import kept

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results" / "bench"
BEGIN, END = "<!-- speed, made by `make docs` -->\n\n", "\n<!-- as far as the speed -->"
NOTHING = "Not measured yet: `make bench` measures, `make docs` writes the tables.\n"

#: What the README shows: question, how the row's group begins, and what was measured; and a name for it.
HEADLINES = (
    ("normalization", "float32, contiguous", "ours", "response normalization, forward and backward, float32"),
    ("step", "paper", "ours, float32", "a training step of `paper`, float32"),
    ("step", "paper", "ours, bf16", "a training step of `paper`, bf16"),
    ("step", "quick", "ours, float32", "a training step of `quick`, float32"),
    ("step", "quick", "ours, bf16", "a training step of `quick`, bf16"),
    ("inference", "paper, batch 64", "ours, float32", "probabilities of 64 pictures, `paper`, float32"),
    ("inference", "paper, batch 64", "ours, bf16", "probabilities of 64 pictures, `paper`, bf16"),
    ("prepare", "", "ours, 1 process", "preparing picture files, one process"),
    ("feed", "ending in uint8", "ours", "the feed on one core, ending in uint8"),
    ("feed", "ending in float32", "ours", "the feed on one core, ending in augmented float32"),
    ("memory", "paper", "ours, float32", "memory of a training step of `paper`, float32"),
)


def all_results(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """What has been measured; empty where nothing was."""
    return kept(folder) if any(folder.glob("*.json")) else []


def page_tables(results: Sequence[Mapping[str, Any]]) -> str:
    """A heading, a table and the conditions for every result, as Markdown."""
    return "\n".join(_section(one) for one in results) or NOTHING


def readme_table(results: Sequence[Mapping[str, Any]]) -> str:
    """A row for every headline that was measured, and where; as Markdown."""
    lines = []
    for device in sorted({one["machine"]["device"] for one in results}):
        here = [one for one in results if one["machine"]["device"] == device]
        rows = [row for headline in HEADLINES for row in _headline(here, *headline)]
        if rows:
            lines += ["| what | ours | pictures/s | beside |", "| --- | --- | --- | --- |", *rows, ""]
            lines += [conditions(here[0]), ""]
    return "\n".join(lines[:-1]) + "\n" if lines else NOTHING


def with_speed(page: str, made: str) -> str:
    """The page with what stands between its two marks replaced. Raises ValueError where the marks are missing."""
    if page.count(BEGIN) != 1 or page.count(END) != 1:
        raise ValueError(f"the page lacks the marks {BEGIN.strip()} and {END.strip()}")
    before, rest = page.split(BEGIN)
    return before + BEGIN + made + END + rest.split(END)[1]


def makers() -> dict[str, Callable[[Sequence[Mapping[str, Any]]], str]]:
    """What belongs between the marks of a page, by the page's name."""
    return {"speed.md": page_tables, "README.md": readme_table}


def _section(result: Mapping[str, Any]) -> str:
    where = "" if result["machine"]["device"] == "cpu" else f", on {result['environment']['gpu']}"
    lines = [
        f"### {result['text'][0].upper()}{result['text'][1:].rstrip('?')}{where}?",
        "",
        "| | what | median | range | pictures/s | beside |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    group = ""
    for one in result["rows"]:
        cells = (one["group"] if one["group"] != group else "", one["what"], *_values(one), _beside(one))
        group = one["group"]
        lines.append("|" + "".join(f" {cell} |" if cell else " |" for cell in cells))
    lines += ["", *result["notes"], f"{conditions(result)} `{result['command']}`", ""]
    return "\n".join(lines)


def _values(one: Mapping[str, Any]) -> tuple[str, str, str]:
    value, speed = one["value"], one.get("pictures_per_second")
    spread = f"{number(value['low'])} to {number(value['high'])}"
    return f"{number(value['median'])} {one['unit']}", spread, number(speed["median"]) if speed else ""


def _beside(one: Mapping[str, Any]) -> str:
    return "; ".join(
        f"**{ratio['median']:.2f} x** {peer} ({ratio['low']:.2f} to {ratio['high']:.2f})"
        for peer, ratio in one["ratios"].items()
    )


def _headline(results: Sequence[Mapping[str, Any]], question: str, group: str, what: str, name: str) -> list[str]:
    """The row of a headline, or none."""
    for result in results:
        for one in result["rows"] if result["question"] == question else ():
            if one["group"].startswith(group) and one["what"] == what:
                median, _, speed = _values(one)
                batch = one["group"].partition(", batch ")[2]
                title = f"{name}, batch {batch}" if batch and batch not in name else name
                return [f"| {title} | {median} | {speed} | {_beside(one)} |"]
    return []


if __name__ == "__main__":
    found = all_results()
    for path in map(Path, sys.argv[1:]):
        try:
            path.write_text(with_speed(path.read_text(), makers()[path.name](found)))
        except ValueError as error:
            sys.exit(f"{path.name}: {error}")
