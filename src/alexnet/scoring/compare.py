"""Which of two classifiers is better on the same pictures, on which classes, and on which pictures do they differ?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from alexnet.scoring.paired import Paired, holm, mcnemar, paired, said_p
from alexnet.scoring.tables import Listed, write_rows
from alexnet.scoring.tally import points

#: Less than this share of the larger table in both, and the two are not about the same pictures.
COMMON = 0.9


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a classifier said of some pictures, in any order."""

    name: str
    about: str
    """Split, pictures and protocol in words; empty where nobody knows."""
    paths: list[str]
    true: list[str]
    label: list[str]
    """The most probable class of each picture."""
    top1: np.ndarray
    """Points of each picture by the tie rule, float64 (N,) from 0 to 1."""
    top5: np.ndarray | None
    """The same for the five most probable; None where they are not known."""


def from_probabilities(
    name: str, about: str, paths: Sequence[str], classes: Sequence[str], probabilities: np.ndarray, labels: np.ndarray
) -> Answers:
    """Of a network's predictions (N, K). Raises ValueError as `score` does."""
    return Answers(
        name=name,
        about=about,
        paths=list(paths),
        true=[classes[i] for i in labels.tolist()],
        label=[classes[i] for i in probabilities.argmax(axis=1).tolist()],
        top1=points(probabilities, labels, 1),
        top5=points(probabilities, labels, 5),
    )


def from_table(name: str, about: str, rows: Sequence[Listed]) -> Answers:
    """Of a table. Ties count among the classes it lists; what would tie with the fifth beyond them is not known."""
    known = bool(rows) and all(row.top for row in rows)
    return Answers(
        name=name,
        about=about,
        paths=[row.path for row in rows],
        true=[row.true for row in rows],
        label=[row.label for row in rows],
        top1=np.array([_share(row, 1) for row in rows]),
        top5=np.array([_share(row, 5) for row in rows]) if known else None,
    )


def _share(row: Listed, k: int) -> float:
    """The tie rule of `tally.points` for one row."""
    if not row.top:
        return float(row.label == row.true)
    own = [value for name, value in row.top if name == row.true]
    if not own:
        return 0.0
    above, equal = sum(value > own[0] for _, value in row.top), sum(value == own[0] for _, value in row.top)
    return min(max(k - above, 0), equal) / equal


@dataclass(frozen=True, kw_only=True)
class ClassDifference:
    """One class: pictures, those that only one got right, and the test before and after Holm's correction."""

    name: str
    n: int
    only_a: int
    only_b: int
    p: float
    corrected: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two classifiers on their common pictures."""

    a: str
    b: str
    about: str
    n: int
    left_a: int
    """Pictures that only A's table tells of: left aside."""
    left_b: int
    top1: Paired
    top5: Paired | None
    classes: tuple[ClassDifference, ...]
    """The classes on which the two differ most come first."""
    differing: list[tuple[str, str, str, str, str]] = field(repr=False)
    """(path, true, A's label, B's label, who is right: A, B, both or neither) where labels or points differ."""

    @property
    def verdict(self) -> str:
        """One sentence."""
        one, error = self.top1, self.top1.difference
        ends = sorted((abs(error.low), abs(error.high))) if one.told else [error.low, error.high]
        size = f"{abs(error.value):.1f} points fewer errors"
        if one.told:
            better = "B" if error.value > 0 else "A"
            return f"{better} is better: {size} [{ends[0]:.1f}, {ends[1]:.1f}], {said_p(one.p)}, {self.n:,} pictures"
        seen = f"{'B' if error.value > 0 else 'A'} makes {size}" if error.value else "both make equally many errors"
        span = f"A's error less B's lies in [{error.low:.1f}, {error.high:.1f}] points"
        pictures = "1 picture" if self.n == 1 else f"{self.n:,} pictures"
        return f"no difference can be told with {pictures}: {seen}; {span}, {said_p(one.p)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "a": self.a,
            "b": self.b,
            "about": self.about,
            "n": self.n,
            "left_aside": {"a": self.left_a, "b": self.left_b},
            "top1": self.top1.to_dict(),
            "top5": self.top5.to_dict() if self.top5 else None,
            "classes": [
                {"class": one.name, "n": one.n, "only_a": one.only_a, "only_b": one.only_b, "p": one.p}
                | {"p_corrected": one.corrected}
                for one in self.classes
            ],
            "differing": len(self.differing),
            "verdict": self.verdict,
        }

    def lines(self) -> list[str]:
        """For a person: both errors, the four counts, the classes that differ most, the verdict."""
        lines = [
            f"A  {self.a}",
            f"B  {self.b}",
            f"on {self.about or 'pictures that both tell of'} ({self.n:,} in both)",
        ]
        if self.left_a or self.left_b:
            lines.append(f"left aside: {self.left_a:,} pictures that only A tells of, {self.left_b:,} that only B does")
        for name, one in (("top-1", self.top1), ("top-5", self.top5)):
            if one is None or (name == "top-5" and one.a.value == one.b.value == 0):
                continue  # with five classes or fewer it says nothing
            errors = ", ".join(
                f"{who} {e.value:.1f}% [{e.low:.1f}, {e.high:.1f}]" for who, e in (("A", one.a), ("B", one.b))
            )
            gap = one.difference
            lines += [
                "",
                f"{name} error: {errors}",
                f"  A less B {gap.value:+.1f} points [{gap.low:+.1f}, {gap.high:+.1f}], {said_p(one.p)}",
                f"  both right {one.both_right:,.6g}, only A {one.only_a:,.6g}, only B {one.only_b:,.6g}, "
                f"both wrong {one.both_wrong:,.6g}",
            ]
        shown = [one for one in self.classes if one.only_a or one.only_b][:10]
        if shown:
            wide = max(5, *(len(one.name) for one in shown))
            lines += ["", f"{'class':<{wide}}  pictures  only A  only B       p  corrected"]
            for one in shown:
                tests = f"{one.p:>6.3f}  {one.corrected:>9.3f}"
                lines.append(f"{one.name:<{wide}}  {one.n:>8}  {one.only_a:>6}  {one.only_b:>6}  {tests}")
            lines.append(f"(corrected by Holm's rule for looking at {len(self.classes):,} classes)")
        return [*lines, "", self.verdict]


def compare(a: Answers, b: Answers, *, common: bool = False) -> Comparison:
    """Compare two classifiers on the pictures that both tell of, matched by path.

    Args:
        common: compare on the common pictures however few they are.

    Raises:
        ValueError: no common pictures, fewer than nine tenths of the larger table without `common`, or a picture whose
            true class differs between the two.
    """
    place = {path: i for i, path in enumerate(b.paths)}
    ours = [i for i, path in enumerate(a.paths) if path in place]
    theirs = [place[a.paths[i]] for i in ours]
    counted = f"A tells of {len(a.paths):,} pictures, B of {len(b.paths):,}, and {len(ours):,} paths are in both"
    if not ours:
        raise ValueError(f"{a.name} and {b.name} cannot be compared: {counted}")
    if len(ours) < COMMON * max(len(a.paths), len(b.paths)) and not common:
        raise ValueError(
            f"{a.name} and {b.name} are about different pictures: {counted}; --common compares on those alone"
        )
    strange = [(i, j) for i, j in zip(ours, theirs, strict=True) if a.true[i] != b.true[j]]
    if strange:
        i, j = strange[0]
        raise ValueError(
            f"the true class differs for {len(strange):,} of {len(ours):,} pictures: {a.paths[i]} is {a.true[i]!r} in "
            f"{a.name} and {b.true[j]!r} in {b.name}"
        )
    one, other = a.top1[ours], b.top1[theirs]
    top5 = paired(a.top5[ours], b.top5[theirs]) if a.top5 is not None and b.top5 is not None else None
    true = [a.true[i] for i in ours]
    differing = []
    for k, (i, j) in enumerate(zip(ours, theirs, strict=True)):
        if a.label[i] != b.label[j] or one[k] != other[k]:
            who = "A" if one[k] > other[k] else "B" if other[k] > one[k] else "both" if one[k] > 0 else "neither"
            differing.append((a.paths[i], true[k], a.label[i], b.label[j], who))
    return Comparison(
        a=a.name,
        b=b.name,
        about=a.about or b.about,
        n=len(ours),
        left_a=len(a.paths) - len(ours),
        left_b=len(b.paths) - len(ours),
        top1=paired(one, other),
        top5=top5,
        classes=_by_class(true, one, other),
        differing=differing,
    )


def _by_class(true: Sequence[str], one: np.ndarray, other: np.ndarray) -> tuple[ClassDifference, ...]:
    names, place = np.unique(np.array(true, dtype=object), return_inverse=True)
    n, only_a, only_b = (
        np.bincount(place, weights=weights, minlength=len(names)).astype(int).tolist()
        for weights in (np.ones(len(place)), one > other, other > one)
    )
    tests = [mcnemar(x, y) for x, y in zip(only_a, only_b, strict=True)]
    rows = [
        ClassDifference(name=str(name), n=n[i], only_a=only_a[i], only_b=only_b[i], p=tests[i], corrected=corrected)
        for i, (name, corrected) in enumerate(zip(names, holm(tests), strict=True))
    ]
    return tuple(sorted(rows, key=lambda row: (row.p, -(row.only_a + row.only_b), row.name)))


def write_differing(path: str | os.PathLike[str], found: Comparison) -> None:
    """The pictures on which the two differ: path, true, a, b (the labels), right (A, B, both, neither)."""
    write_rows(path, ["path", "true", "a", "b", "right"], found.differing)
