"""What is in a source? A row for every picture: where it is, its class, its split; without the pictures themselves.

Columns, not objects: a source may have millions of rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa

from alexnet.data.columns import column
from alexnet.data.origins import class_name, natural, shown

Kind = Literal["folder", "split-folder", "tree", "list", "parquet", "archive", "ilsvrc", "hub", "digits"]

#: Number of a row's split; -1 where the source names none.
SPLITS = {"train": 0, "val": 1, "test": 2}
#: What sources call the splits.
SPLIT_WORDS = {"train": 0, "training": 0, "val": 1, "valid": 1, "validation": 1, "dev": 1, "test": 2, "testing": 2}

_CHUNK = 1 << 16


class Reader(Protocol):
    """Fetches the bytes of pictures; can be pickled."""

    def read(self, row: int) -> bytes:
        """The bytes of the picture in that row of the listing. Raises OSError if they cannot be had."""
        ...

    def part(self, start: int, stop: int) -> Reader:
        """One that needs to know of rows start ... stop-1 only, small enough to be sent to a worker."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Listing:
    """The rows of a source."""

    name: str
    """Short, for the names of runs."""
    kind: Kind
    location: str
    """Absolute path, or "digits"."""
    classes: tuple[str, ...]
    """In natural order, or in that of a ClassLabel; every one has a row."""
    origins: pa.LargeStringArray
    """Path of each picture as shown to people, relative to the location where it lies inside it."""
    labels: np.ndarray
    """int32 (N,), places in `classes`."""
    splits: np.ndarray
    """int8 (N,), numbers of `SPLITS` or -1."""
    left_out: tuple[tuple[str, str], ...]
    """(origin, reason) of what is there but is no picture with a label."""
    digest: str
    """SHA-256 of origins, sizes, times, classes, labels and splits: changes when a file does."""
    source_bytes: int
    """Size of the pictures' files together."""
    source: Reader

    def __len__(self) -> int:
        return len(self.labels)

    def reader(self, start: int = 0, stop: int | None = None) -> Reader:
        """What fetches the bytes of rows start ... stop-1 (by their number in the whole listing), also in a worker."""
        return (
            self.source if (start, stop) == (0, None) else self.source.part(start, len(self) if stop is None else stop)
        )


class Columns:
    """A listing while it is being filled, row by row."""

    def __init__(self) -> None:
        self.left_out: list[tuple[str, str]] = []
        self._classes: dict[str, int] = {}
        self._names: list[str] = []
        self._chunks: list[pa.Array] = []
        self._labels = _Growing(np.int32)
        self._splits = _Growing(np.int8)
        self._hash = hashlib.sha256()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._labels)

    def label(self, name: str) -> int:
        """The number of a class, given in order of appearance until `finish` sorts them."""
        return self._classes.setdefault(class_name(name), len(self._classes))

    def add(self, name: str, label: int, split: int = -1, size: int = -1, time: int = -1) -> None:
        """One picture: its name as Python has it, size in bytes and time in ns where they are known."""
        self._names.append(shown(name))
        self._labels.add(label)
        self._splits.add(split)
        self._hash.update(b"%d,%d\n" % (size, time))
        self._bytes += max(0, size)
        if len(self._names) == _CHUNK:
            self._flush()

    def leave_out(self, name: str, reason: str) -> None:
        """One file or folder that is there but is not used."""
        self.left_out.append((shown(name), reason))

    def note(self, fact: str, size: int = 0) -> None:
        """Let the digest depend on a fact, e.g. the size and time of a file that holds many pictures."""
        self._hash.update(fact.encode("utf-8", "surrogateescape") + b"\n")
        self._bytes += size

    def _flush(self) -> None:
        if not self._names:
            return
        self._hash.update(("\n".join(self._names) + "\n").encode())
        self._chunks.append(column(self._names, pa.large_string()))
        self._names = []

    def columns(self) -> pa.LargeStringArray:
        """The origins so far, as one array."""
        self._flush()
        if len(self._chunks) != 1:
            self._chunks = [pa.concat_arrays(self._chunks)]
        return self._chunks[0]

    def finish(self, *, name: str, kind: Kind, location: str, source: Reader, ordered: bool = False) -> Listing:
        """The listing, its classes in natural order, or with `ordered` as they were named.

        Raises:
            ValueError: for a single class, or one that is named in val or test alone.
        """
        origins, labels, splits = self.columns(), self._labels.values(), self._splits.values()
        found = np.bincount(labels, minlength=len(self._classes)) > 0
        for one, number in self._classes.items():
            if not found[number]:
                self.left_out.append((one, "a class without a picture"))
        classes = [one for one, number in self._classes.items() if found[number]]
        classes = classes if ordered else sorted(classes, key=natural)
        if len(classes) == 1:
            raise ValueError(
                f"{shown(location)} holds pictures of one class only, {classes[0]!r}: "
                "there is nothing to tell apart, give at least two classes"
            )
        place = np.zeros(len(self._classes), np.int32)
        for new, one in enumerate(classes):
            place[self._classes[one]] = new
        labels = place[labels]
        _check_taught(classes, labels, splits, shown(location))
        self._hash.update("\n".join(classes).encode() + labels.astype("<i4").tobytes() + splits.tobytes())
        return Listing(
            name=name,
            kind=kind,
            location=location,
            classes=tuple(classes),
            origins=origins,
            labels=labels,
            splits=splits,
            left_out=tuple(self.left_out),
            digest=self._hash.hexdigest(),
            source_bytes=self._bytes,
            source=source,
        )


def _check_taught(classes: Sequence[str], labels: np.ndarray, splits: np.ndarray, location: str) -> None:
    """Refuse classes that are asked for in val or test and never shown in train, where there is a train."""
    taught = np.unique(labels[splits == SPLITS["train"]])
    if not len(taught):
        return
    for split in ("val", "test"):
        unknown = np.setdiff1d(labels[splits == SPLITS[split]], taught)
        if len(unknown):
            names = ", ".join(repr(classes[label]) for label in unknown[:3]) + (", ..." if len(unknown) > 3 else "")
            raise ValueError(
                f"{location}: the class {names} is in {split} but not in train, so that nothing can learn it; "
                "classes are matched by name: add training pictures of it, or take it out"
            )


class _Growing:
    """A numpy array that is appended to."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._held = np.empty(1024, kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, value: int) -> None:
        if self._count == len(self._held):
            self._held = np.concatenate((self._held, np.empty_like(self._held)))
        self._held[self._count] = value
        self._count += 1

    def values(self) -> np.ndarray:
        return self._held[: self._count].copy()
