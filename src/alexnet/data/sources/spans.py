"""How is a picture read from the middle of a file? By its place in an archive, without unpacking anything else.

A zip file and a plain tar file are read by offset. A compressed tar file has no offsets to go to: its places are those
of the unpacked stream, which is followed from the start, best in ascending order. Nothing is ever written.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from alexnet.data.decode import MAX_BYTES
from alexnet.data.listing import Reader

#: How the bytes of a member are kept.
STORED, DEFLATED, IN_STREAM = 0, 8, 255
#: Members that unpack to more than this and to so many times their packed size are not unpacked.
BOMB_BYTES, BOMB_RATIO = 1 << 24, 100
_PLACE = np.dtype([("file", "i4"), ("method", "u1"), ("offset", "i8"), ("packed", "i8"), ("size", "i8"), ("crc", "i8")])
#: Archives that a process keeps open.
_OPEN = 4
_LOCAL = 30


class Member(NamedTuple):
    """A file in an archive."""

    name: str
    """As Python has file names; parts are divided by "/"."""
    offset: int
    """Of its data; in a zip file, of the header before them."""
    packed: int
    size: int
    """Bytes in the archive, and unpacked."""
    method: int
    crc: int
    """CRC-32 of the unpacked bytes, -1 where the archive has none."""
    reason: str
    """Why it cannot be read, or empty."""


def refused(member: Member) -> str:
    """Why a member is not read: what its archive's format says, an unsafe name, its size; empty if it is."""
    if member.reason:
        return member.reason
    if member.name.startswith(("/", "\\")) or member.name[1:3] in (":/", ":\\"):
        return "an absolute path, which no archive should hold"
    if ".." in member.name.replace("\\", "/").split("/"):
        return "a path that leads out of the archive"
    if "\0" in member.name:
        return "a name with a zero byte in it"
    if max(member.size, member.packed) > MAX_BYTES:
        return f"too large: {member.size / 1e6:,.0f} MB, more than the limit of {MAX_BYTES / 1e6:,.0f} MB"
    if member.size > max(BOMB_BYTES, BOMB_RATIO * member.packed):
        return f"would grow from {member.packed / 1e6:,.1f} MB to {member.size / 1e6:,.0f} MB when unpacked: a bomb"
    return ""


class Spans:
    """Reads pictures that lie in archives.

    Args:
        files: the archives.
        places: records of `Places`, of the rows from `first` on.
    """

    def __init__(self, files: tuple[str, ...], places: np.ndarray, first: int = 0) -> None:
        self._files, self._places, self._first = files, places, first

    def read(self, row: int) -> bytes:
        """The member's bytes. Raises OSError where the archive is gone, or damaged there."""
        number, method, offset, packed, size, crc = self._places[row - self._first].tolist()
        file = _opened(self._files[number], streamed=method == IN_STREAM)
        name = os.path.basename(self._files[number])
        try:
            file.seek(offset)
            if method in (STORED, DEFLATED) and crc >= 0:  # a zip file's own header, whose length only it knows
                head = file.read(_LOCAL)
                if len(head) < _LOCAL or not head.startswith(b"PK\3\4"):
                    raise _damaged(name)
                file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), os.SEEK_CUR)
            data = file.read(packed)
            if len(data) == packed and method == DEFLATED:
                data = zlib.decompressobj(-15).decompress(data, size + 1)
        except (zlib.error, lzma.LZMAError, EOFError) as error:
            raise _damaged(name) from error
        if len(data) != size or (crc >= 0 and zlib.crc32(data) != crc):
            raise _damaged(name)
        return data

    def part(self, start: int, stop: int) -> Spans:
        return Spans(self._files, self._places[start - self._first : stop - self._first].copy(), start)


class Mixed:
    """Reads rows of which each lies with one of several readers.

    Args:
        readers: each for all rows.
        which: uint8 (n,), the reader of the rows from `first` on.
    """

    def __init__(self, readers: tuple[Reader, ...], which: np.ndarray, first: int = 0) -> None:
        self._readers, self._which, self._first = readers, which, first

    def read(self, row: int) -> bytes:
        """The picture's bytes. Raises OSError."""
        return self._readers[self._which[row - self._first]].read(row)

    def part(self, start: int, stop: int) -> Mixed:
        readers = tuple(reader.part(start, stop) for reader in self._readers)
        return Mixed(readers, self._which[start - self._first : stop - self._first].copy(), start)


class Places:
    """Where pictures lie, while they are being listed: a row for each, 33 bytes."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self._held = np.empty(1024, _PLACE)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def file(self, path: str | os.PathLike[str]) -> int:
        """The number of an archive, which is added where it is new."""
        given = os.path.abspath(path)
        if given not in self.files:
            self.files.append(given)
        return self.files.index(given)

    def add(self, file: int, member: Member | None) -> None:
        """One row; None where another reader has it."""
        if self._count == len(self._held):
            self._held = np.concatenate((self._held, np.empty_like(self._held)))
        self._held[self._count] = (
            (file, member.method, member.offset, member.packed, member.size, member.crc)
            if member
            else (-1, 0, 0, 0, 0, -1)
        )
        self._count += 1

    def rows(self) -> np.ndarray:
        """The records so far."""
        return self._held[: self._count].copy()


def open_stream(path: str | os.PathLike[str]) -> IO[bytes] | None:
    """The unpacked stream of a file that gzip, bzip2 or xz wrote; None for any other file."""
    with open(path, "rb") as file:
        head = file.read(6)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if head.startswith(b"BZh"):
        return bz2.open(path, "rb")
    if head == b"\xfd7zXZ\0":
        return lzma.open(path, "rb")
    return None


_open: dict[tuple[str, int, int, int], IO[bytes]] = {}


def _opened(path: str, *, streamed: bool) -> IO[bytes]:
    """An archive that stays open, at any place in it: workers read many members of one, in ascending order."""
    info = os.stat(path)
    key = (path, info.st_ino, info.st_size, info.st_mtime_ns)
    if key not in _open:
        while len(_open) >= _OPEN:
            _open.pop(next(iter(_open))).close()
        found = open_stream(path) if streamed else open(path, "rb")  # noqa: SIM115  kept
        if found is None:
            raise _damaged(Path(path).name)
        _open[key] = found
    return _open[key]


def _damaged(name: str) -> OSError:
    return OSError(errno.EIO, f"{name} is damaged there")
