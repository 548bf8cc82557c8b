"""Which conventions do the tests hold? Reads the fidelity marks and lays out docs/fidelity.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One place where implementations differ: what each says, our option, and the test that holds it."""

    topic: str
    paper: str
    source: str
    others: str
    option: str
    test: str


COLUMNS = tuple(one.name for one in fields(Convention) if one.name != "test")

OPENING = """\
# Where implementations differ

Many networks are called AlexNet, and most differ from the one of 2012 in small, silent ways. This page lists every
place where they do, and which way each goes here: what the paper's text says, what the program that produced its
numbers did, what other libraries do, the option that chooses here, and the test that holds it. A row is written in
the test itself and fails with it; `make docs` gathers them.
"""


def conventions_of(items: Iterable[pytest.Item], root: Path) -> list[Convention]:
    """The conventions marked on the given tests, sorted by topic; one row for a test however it is parametrized."""
    found: dict[tuple[str, str], Convention] = {}
    for item in items:
        name = item.originalname if isinstance(item, pytest.Function) else item.name
        where = f"{item.path.relative_to(root).as_posix()}::{name}"
        for mark in item.iter_markers("fidelity"):
            if mark.args or set(mark.kwargs) != set(COLUMNS):
                raise pytest.UsageError(f"{where}: fidelity takes {', '.join(COLUMNS)}, each by name, and all of them")
            found[mark.kwargs["topic"], where] = Convention(**mark.kwargs, test=where)
    return sorted(found.values(), key=lambda one: (one.topic.lower(), one.test))


def page(conventions: list[Convention]) -> str:
    """The Markdown page: a table whose rows share a topic where several tests hold it."""
    lines = [
        OPENING,
        "| | the paper | its program | others | here | held by |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows: dict[tuple[str, ...], list[str]] = {}
    for one in conventions:
        rows.setdefault(tuple(getattr(one, column) for column in COLUMNS), []).append(one.test)
    for cells, tests in rows.items():
        held = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)
        lines.append("| " + " | ".join([f"**{_cell(cells[0])}**", *map(_cell, cells[1:]), held]) + " |")
    if not rows:
        lines.append("| none yet | | | | | |")
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    """Text that cannot end its cell: no bars, no line breaks."""
    return " ".join(text.split()).replace("|", "\\|") or "-"
