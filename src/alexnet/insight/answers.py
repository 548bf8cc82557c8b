"""What is told of similar pictures? For each picture asked about those found, as lines, JSON and a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alexnet.insight.search import CALLED
from alexnet.scoring.tables import write_rows


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A picture that was found."""

    path: str
    label: str
    """Its class; "" where none is known."""
    distance: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A picture that was asked about, and the pictures nearest to it, nearest first."""

    path: str
    label: str
    neighbours: tuple[Neighbour, ...]

    def to_dict(self) -> dict[str, Any]:
        return {"path": self.path, "label": self.label, "neighbours": [vars(one) for one in self.neighbours]}


@dataclass(frozen=True, kw_only=True)
class Similar:
    """What was found, among what, and by what."""

    answers: tuple[Answer, ...]
    left_out: tuple[tuple[str, str], ...]
    """(path, reason) of files that could not be read."""
    among: str
    pictures: int
    """Searched."""
    layer: str
    values: int
    """Of the layer, for each picture."""
    metric: str
    written: tuple[str, ...] = ()
    """Files, where a folder was given."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "among": self.among,
            "n": self.pictures,
            "layer": self.layer,
            "values": self.values,
            "metric": self.metric,
            "protocol": "centre",
            "pictures": [answer.to_dict() for answer in self.answers],
            "left_out": [{"path": path, "reason": reason} for path, reason in self.left_out],
            "written": list(self.written),
        }

    def lines(self) -> Iterator[str]:
        """For a person: what was searched, then for each picture those found, with distance, class and path."""
        yield f"among {self.among}, by {CALLED[self.metric]} in {self.layer} ({self.values:,} values, central crop)"
        wide = max((len(one.label) for answer in self.answers for one in answer.neighbours), default=0)
        for answer in self.answers:
            yield ""
            yield answer.path
            for one in answer.neighbours:
                yield f"  {one.distance:>#10.4g}  {one.label:<{wide}}  {one.path}"
        if self.written:
            yield ""
            yield f"written: {', '.join(self.written[:3])}" + (" ..." if len(self.written) > 3 else "")


def write_answers(path: Path, answers: Sequence[Answer]) -> None:
    """A row for every picture found: path, rank, neighbour, label, distance. Raises ValueError if it cannot be."""
    rows = [
        [answer.path, rank, one.path, one.label, repr(one.distance)]
        for answer in answers
        for rank, one in enumerate(answer.neighbours, 1)
    ]
    try:
        write_rows(path, ["path", "rank", "neighbour", "label", "distance"], rows)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None
