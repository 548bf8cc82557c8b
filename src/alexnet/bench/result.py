"""What came of a measurement? Rows with every round's value, and the table that people read."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from alexnet.bench.timing import Case


def spread(values: Sequence[float], digits: int = 4) -> dict[str, Any]:
    """Median, lowest, highest, and the value of every round."""
    rounded = [_significant(value, digits) for value in values]
    return {
        "median": _significant(statistics.median(values), digits),
        "low": min(rounded),
        "high": max(rounded),
        "rounds": rounded,
    }


def timed_rows(group: str, cases: Sequence[Case], seconds: Mapping[str, Sequence[float]]) -> list[dict[str, Any]]:
    """A row a case, in milliseconds, from the seconds of its rounds (`timing.alternate`)."""
    rows = []
    for case in cases:
        own = seconds[case.name]
        peers = {peer: seconds[peer] for peer in case.against}
        made = row(group, case.name, "ms", [1e3 * one for one in own], ratios=ratios(own, peers))
        if case.pictures:
            made["pictures"] = case.pictures
            made["pictures_per_second"] = spread([case.pictures / one for one in own])
        rows.append(made)
    return rows


def row(
    group: str, what: str, unit: str, values: Sequence[float], *, ratios: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One line of a result: what was measured, in which unit, and its ratios to peers by their names."""
    return {"group": group, "what": what, "unit": unit, "value": spread(values), "ratios": dict(ratios or {})}


def ratios(own: Sequence[float], peers: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """How many times as much each peer needs, round by round: above 1 where ours is the better."""
    return {name: spread([b / a for a, b in zip(own, theirs, strict=True)]) for name, theirs in peers.items()}


def table(result: Mapping[str, Any]) -> str:
    """A result as text: the question, a line a row, what is to be known of it, the machine."""
    lines = [f"{result['question']}: {result['text']}", ""]
    cells: list[tuple[str, ...]] = [("", "what", "median", "low", "high", "", "pictures/s", "against")]
    group = ""
    for one in result["rows"]:
        value = one["value"]
        speed = one.get("pictures_per_second")
        cells.append(
            (
                one["group"] if one["group"] != group else "",
                one["what"],
                *(number(value[name]) for name in ("median", "low", "high")),
                one["unit"],
                number(speed["median"]) if speed else "",
                "; ".join(against(peer, ratio) for peer, ratio in one["ratios"].items()),
            )
        )
        group = one["group"]
    wide = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    right = (2, 3, 4, 6)
    for line in cells:
        parts = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, wide, strict=True))
            if width
        ]
        lines.append("  ".join(parts).rstrip())
    lines.append("")
    for sentence in (*result["notes"], conditions(result)):
        lines += textwrap.wrap(sentence, 110)
    lines.append(result["command"])
    return "\n".join(lines) + "\n"


def against(peer: str, ratio: Mapping[str, Any]) -> str:
    """A ratio with its range: "2.1 x plain (2.0 to 2.3)"."""
    return f"{ratio['median']:.2f} x {peer} ({ratio['low']:.2f} to {ratio['high']:.2f})"


def conditions(result: Mapping[str, Any]) -> str:
    """One sentence: how often, on what."""
    where = result["environment"]
    rounds = sorted({len(one["value"]["rounds"]) for one in result["rows"]})
    times = f"{rounds[0]} to {rounds[-1]}" if len(rounds) > 1 else "".join(map(str, rounds)) or "no"
    many = "round" if times == "1" else "rounds"
    gpu = f"{where['gpu']}, " if result["machine"]["device"].startswith("cuda") else ""
    return (
        f"Median of {times} {many}, lowest and highest. {gpu}{where['processor']}, {where['threads']} thread(s) of "
        f"{where['cores']} cores, {where['instruction_set']}, torch {where['torch']}."
    )


def number(value: float) -> str:
    """Three digits or more, thousands parted."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")
