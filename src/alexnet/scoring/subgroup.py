"""How good is it over some of the classes, such as all breeds of dogs?

Errors on the pictures of these classes, among all classes and among themselves only.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alexnet.scoring.tally import Interval, Tally, checked, error_percent, tally, wilson


@dataclass(frozen=True, kw_only=True)
class GroupScores:
    """Errors on the pictures of a group of classes. In percent, with 95% intervals."""

    name: str
    classes: int
    all_classes: int
    """Of the network."""
    n: int
    """Pictures of these classes."""
    top1_error: Interval
    """All classes compete, as in the error of a run."""
    top5_error: Interval
    restricted_top1_error: Interval
    """Only the group's classes compete: what remains hard when it is known that it is a dog."""
    restricted_top5_error: Interval
    wrong: int
    """Pictures taken for another class; of equals the first is taken."""
    inside: Interval | None
    """Percent of these taken for another class of the same group; None where nothing is wrong."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "group": self.name,
            "classes": self.classes,
            "n": self.n,
            "top1_error": self.top1_error.to_dict(),
            "top5_error": self.top5_error.to_dict(),
            "restricted_top1_error": self.restricted_top1_error.to_dict(),
            "restricted_top5_error": self.restricted_top5_error.to_dict(),
            "wrong": self.wrong,
            "inside": self.inside.to_dict() if self.inside else None,
        }

    def lines(self, split: str, protocol: str) -> list[str]:
        """For a person; `protocol` in words."""

        def errors(top1: Interval, top5: Interval, more: bool) -> str:
            shown = [("top-1", top1), *([("top-5", top5)] if more else [])]
            return ", ".join(f"{name} error {e.value:.1f}% [{e.low:.1f}, {e.high:.1f}]" for name, e in shown)

        classes = "1 class" if self.classes == 1 else f"{self.classes:,} classes"
        lines = [
            f"{self.name}: {classes}, {self.n:,} pictures of {split}, {protocol}",
            f"  among all classes:   {errors(self.top1_error, self.top5_error, self.all_classes > 5)}",
            "  among these classes: "
            + errors(self.restricted_top1_error, self.restricted_top5_error, self.classes > 5),
        ]
        if self.inside is not None:
            share = f"{self.inside.value:.0f}% [{self.inside.low:.0f}, {self.inside.high:.0f}]"
            lines.append(f"  of {self.wrong:,} taken for another class, {share} for one of the same group")
        return lines


def group_scores(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], name: str, members: Sequence[str]
) -> GroupScores:
    """Scores over the pictures (N, K) whose class is one of `members`.

    Raises:
        ValueError: as `score` does; a member that is no class (names the nearest), or no picture of any member.
    """
    probabilities, labels = checked(probabilities, labels)
    inside = np.array(sorted({_number(one, classes, name) for one in members}), np.int64)
    if not len(inside):
        raise ValueError(f"the group {name!r} names no class")
    rows = np.flatnonzero(np.isin(labels, inside))
    if not len(rows):
        raise ValueError(f"no picture evaluated is of a class of the group {name!r}")
    probabilities, labels = probabilities[rows], labels[rows]
    whole = tally(probabilities, labels)
    within = probabilities[:, inside]
    own = np.searchsorted(inside, labels)
    # Where all of the group's classes underflow to 0, they are equals and the tie rule shares the point.
    alone = tally(within, own)
    taken = probabilities.argmax(axis=1)
    wrong = taken != labels
    stays = int((wrong & np.isin(taken, inside)).sum())
    return GroupScores(
        name=name,
        classes=len(inside),
        all_classes=len(classes),
        n=len(rows),
        **_errors(whole, ""),
        **_errors(alone, "restricted_"),
        wrong=int(wrong.sum()),
        inside=_percent(stays, int(wrong.sum())) if wrong.any() else None,
    )


def _errors(counted: Tally, before: str) -> dict[str, Interval]:
    return {
        f"{before}top1_error": error_percent(counted.top1, counted.n),
        f"{before}top5_error": error_percent(counted.top5, counted.n),
    }


def _percent(part: int, n: int) -> Interval:
    share = wilson(part, n)
    return Interval(value=100 * share.value, low=100 * share.low, high=100 * share.high)


def _number(one: str, classes: Sequence[str], name: str) -> int:
    if one in classes:
        return classes.index(one)
    near = difflib.get_close_matches(one, classes, n=1)
    advice = (
        f"did you mean {near[0]!r}?"
        if near
        else f"it knows {', '.join(classes[:5])}" + (" ..." if len(classes) > 5 else "")
    )
    raise ValueError(f"the group {name!r} names {one!r}, which is no class of the network; {advice}")


def read_groups(words: Sequence[str]) -> dict[str, list[str]]:
    """Groups from words: "NAME=class,class" or a file: CSV with the columns group and class, or JSON {group: [class]}.

    A class whose name holds a comma needs a file. A group named twice has the classes of both.

    Raises:
        ValueError: a word that is neither, or a file that does not hold groups.
    """
    groups: dict[str, list[str]] = {}
    for word in words:
        if Path(word).is_file():
            found: Mapping[str, list[str]] = _from_file(Path(word))
        else:
            name, equals, listed = word.partition("=")
            if not equals or not name.strip() or not listed.strip(", "):
                raise ValueError(
                    f"--subgroup takes NAME=class,class,... or a file of groups (CSV: group,class; JSON: "
                    f'{{"group": ["class"]}}), and {word!r} is neither'
                )
            found = {name.strip(): [one.strip() for one in listed.split(",") if one.strip()]}
        for name, members in found.items():
            groups.setdefault(name, []).extend(members)
    return groups


def _from_file(path: Path) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            values = json.loads(text)
            if not isinstance(values, dict) or not all(
                isinstance(members, list) and all(isinstance(one, str) for one in members)
                for members in values.values()
            ):
                raise ValueError
            return values
        for row in csv.DictReader(io.StringIO(text), strict=True):
            groups.setdefault(row["group"].strip(), []).append(row["class"].strip())
    except (ValueError, KeyError, AttributeError, csv.Error):
        raise ValueError(
            f'{path} holds no groups: a CSV file has the columns group and class, a JSON file {{"group": ["class"]}}'
        ) from None
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from None
    if not groups:
        raise ValueError(f"{path} holds no groups: there is no row under its heading")
    return groups
