"""Which pictures are in a zip or tar archive? Laid out inside as folders are; read in place, nothing is unpacked.

A folder that holds all the others is passed through (photos.zip with photos/cat/1.jpg in it). Rows are in the
archive's own order. Links, devices, encrypted files and unsafe names are left out, each with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from alexnet.data.listing import Columns, Listing
from alexnet.data.origins import is_dropping, named_like_picture, shown
from alexnet.data.sources.folders import LAYOUT, choose_splits
from alexnet.data.sources.spans import Member, Places, Spans, refused
from alexnet.data.sources.tars import tar_members
from alexnet.data.sources.zips import zip_members

#: What archives are called; the longest first where one ends in another.
SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz", ".tar")
#: Names are held in chunks of so many.
_CHUNK = 1 << 13


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether a file is an archive by its name."""
    return bool(_suffix(os.fspath(path)))


def _suffix(name: str) -> str:
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")


def members(path: str | os.PathLike[str]) -> Iterator[Member]:
    """The files in an archive, droppings of systems apart. Raises ValueError where it is damaged."""
    given = os.fspath(path)
    for member in (zip_members if _suffix(given) == ".zip" else tar_members)(given):
        parts = member.name.split("/")
        if not any(is_dropping(part) for part in parts if part not in ("", ".", "..")):
            yield member


def list_archive(path: Path) -> Listing:
    """The pictures of an archive. Raises ValueError when it is damaged, or has no class folders with pictures."""
    where = os.path.abspath(path)
    columns, names, places = Columns(), _Names(), Places()
    number = places.file(where)
    columns.note(f"{os.path.basename(where)} {os.stat(where).st_mtime_ns}")
    for member in members(where):
        reason = refused(member)
        if not reason and not named_like_picture(member.name):
            reason = "not named like a picture (.jpg, .png, ...)"
        if reason:
            columns.leave_out(member.name, reason)
        else:
            names.add(member.name)
            places.add(number, member)
    depth, splits = _layout(names.folders, where)
    kept = _label(columns, names, places, depth, splits)
    if not len(columns):
        raise ValueError(_nothing_found(where, len(names)))
    name = os.path.basename(where)[: -len(_suffix(where))]
    source = Spans(tuple(places.files), kept)
    return columns.finish(name=shown(name or "pictures"), kind="archive", location=where, source=source)


class _Names:
    """The names of an archive's pictures in few bytes, and the folders they lie in."""

    def __init__(self) -> None:
        self.folders: set[tuple[str, ...]] = set()
        self._chunks: list[pa.Array] = []
        self._last: list[bytes] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, name: str) -> None:
        self.folders.add(tuple(_parts(name)[:-1]))
        self._last.append(os.fsencode(name))
        self._count += 1
        if len(self._last) == _CHUNK:
            self._chunks.append(pa.array(self._last, pa.large_binary()))
            self._last = []

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield from (os.fsdecode(name) for name in chunk.to_pylist())
        yield from (os.fsdecode(name) for name in self._last)


def _parts(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _layout(folders: set[tuple[str, ...]], where: str) -> tuple[int, dict[str, int]]:
    """How many folders hold all the others, and the split of those below them: none if these are classes."""
    depth = 0
    while True:
        tops = sorted({folder[depth] for folder in folders if len(folder) > depth})
        only = len(tops) == 1 and any(len(folder) > depth + 1 for folder in folders)
        if not only or choose_splits(where, tops, lambda name: True):
            break
        depth += 1
    deep = {folder[depth] for folder in folders if len(folder) > depth + 1}
    return depth, choose_splits(where, tops, lambda name: name in deep)


def _label(columns: Columns, names: _Names, places: Places, depth: int, splits: dict[str, int]) -> np.ndarray:
    """Fill the columns; returns the places of the rows that have a class."""
    rows = places.rows()
    keep = np.zeros(len(rows), bool)
    level = depth + (1 if splits else 0)
    for row, name in enumerate(names):
        parts = _parts(name)
        if splits and (len(parts) <= depth + 1 or parts[depth] not in splits):
            columns.leave_out(name, "beside the folders train, val and test")
        elif len(parts) < level + 2:
            columns.leave_out(name, "beside the class folders, so without a class")
        else:
            split = splits[parts[depth]] if splits else -1
            columns.add(name, columns.label(parts[level]), split, int(rows[row]["size"]))
            keep[row] = True
    return rows[keep]


def _nothing_found(where: str, pictures: int) -> str:
    layout = LAYOUT.format(root="photos")
    if pictures:
        return (
            f"{shown(where)} holds {pictures:,} pictures but no class folders, so nothing says what they show; it must "
            f"hold {layout}"
        )
    return f"{shown(where)} holds no picture that can be read; it must hold {layout}"
