"""What did the paper publish? Its tables and effects as text and as JSON, with the cuts and what the logs confirm."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from typing import Any

from alexnet.study.literature import CUTS, INGREDIENTS, SOURCE, TABLES, Ingredient, Log, Table

#: Columns of a line.
_WIDE = 110


def tables() -> tuple[Table, ...]:
    """The paper's tables of errors, percent."""
    return TABLES


def confirmed(top1: float | None, top5: float | None, log: Log | None) -> bool | None:
    """Whether the log has the published numbers, to their one digit; None where one of both is silent."""
    if log is None:
        return None
    both = [(top1, log.top1), (top5, log.top5)]
    known = [(ours, theirs) for ours, theirs in both if ours is not None and theirs is not None]
    return all(abs(ours - theirs) < 0.0501 for ours, theirs in known) if known else None


def as_dict() -> dict[str, Any]:
    """All of it as plain JSON values; errors in percent, ingredients in points, cuts in percent of the error before."""
    return {
        "source": SOURCE,
        "tables": [_with_rows(table) for table in TABLES],
        "ingredients": [
            dataclasses.asdict(one) | {"confirmed": confirmed(one.top1, one.top5, one.log)} for one in INGREDIENTS
        ],
        "relative_cuts": [dataclasses.asdict(one) | {"relative": round(one.relative, 1)} for one in CUTS],
    }


def _with_rows(table: Table) -> dict[str, Any]:
    rows = [dataclasses.asdict(row) | {"confirmed": confirmed(row.top1, row.top5, row.log)} for row in table.rows]
    return dataclasses.asdict(table) | {"rows": rows}


def as_text() -> str:
    """All of it for a terminal."""
    parts = [_filled(f"{SOURCE}.", 0)]
    for table in TABLES:
        rows = [
            [row.model, row.pictures, _number(row.top1), _number(row.top5), *_logged(row.log)] for row in table.rows
        ]
        header = ["errors in percent", "pictures", "top-1", "top-5", "log top-1", "top-5", "network"]
        parts.append(f"{table.title} ({table.section})\n{_aligned([header, *rows])}")
        if table.note:
            parts[-1] += f"\n{_filled(table.note, 2)}"
    cuts = [[one.what, f"{one.before:.1f}", f"{one.after:.1f}", f"{one.relative:.1f}%"] for one in CUTS]
    header = ["errors in percent", "from", "to", "cut by"]
    parts.append(f"How much of an error went, in percent of what it was\n{_aligned([header, *cuts])}")
    rows = [[one.name, _number(one.top1), _number(one.top5), *_logged(one.log)[:2], one.claim] for one in INGREDIENTS]
    header = ["points of error taken away", "top-1", "top-5", "log top-1", "top-5", "claim"]
    lines = _aligned([header, *rows]).splitlines()
    for row, one in zip(lines[1:], INGREDIENTS, strict=True):
        lines[lines.index(row)] = f"{row}\n{_filled(_explained(one), 6)}"
    said = "What each ingredient is worth; `alexnet reproduce CLAIM --data PICTURES` measures it on any pictures"
    parts.append("\n".join([said, *lines]))
    return "\n\n".join(parts) + "\n"


def _explained(one: Ingredient) -> str:
    log = "" if one.log is None else f"log: {one.log.network}" + (f" ({one.log.words})" if one.log.words else "")
    return "; ".join(part for part in (one.section, one.words, log) if part)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _logged(log: Log | None) -> list[str]:
    if log is None:
        return ["", "", ""]
    both = ["" if value is None else f"{value:.2f}" for value in (log.top1, log.top5)]
    return [*both, log.network + (f", {log.words}" if log.words else "")]


def _filled(words: str, indent: int) -> str:
    return textwrap.fill(words, _WIDE, initial_indent=" " * indent, subsequent_indent=" " * indent)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows as columns two blanks apart; numbers to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(len(cell) for cell in column) for column in columns]
    right = [all(not cell or cell[0].isdigit() for cell in column[1:]) for column in columns]
    right[0] = False
    lines = (
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        for row in rows
    )
    return "\n".join(f"  {line}".rstrip() for line in lines)
