"""Which files are in a tar archive, and where? Its headers, read one by one; also those of the tar files inside it.

ImageNet's training pictures come as a tar file of a tar file for every class: one in another counts as a folder of its
name. A tar file that is compressed as a whole is gone through once.
"""

from __future__ import annotations

import contextlib
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from alexnet.data.origins import shown
from alexnet.data.sources.spans import BOMB_RATIO, IN_STREAM, STORED, Member, open_stream

#: A header longer than this (names, attributes) is taken for damage.
_HEADER = 1 << 20
#: A compressed archive may unpack to so many bytes whatever its own size.
_STREAM = 1 << 30


class _Headers:
    """A file to `tarfile`, of which only headers are read: a damaged length cannot make it read gigabytes."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError("a header of impossible length")
        if self._file.tell() > self._most:
            raise tarfile.ReadError("it unpacks to more than a hundred times its size: a bomb")
        return self._file.read(size)


def tar_members(path: str) -> Iterator[Member]:
    """The files of a tar archive, plain or compressed, in its order, with those of tar files in it; folders are not.

    Raises:
        ValueError: it is damaged, cut off or a bomb.
    """
    count = 0
    stream = open_stream(path)
    length = os.path.getsize(path)
    with contextlib.closing(stream or open(path, "rb")) as file:
        try:
            most = max(_STREAM, 2 * BOMB_RATIO * length)
            for member in _members(file, 0, None if stream else length, most, "", IN_STREAM if stream else STORED):
                yield member
                count += 1
        except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:
            said = " ".join(str(error).split())[:80]
            raise ValueError(
                f"the tar archive {shown(path)} is damaged after {count:,} files ({said}); fetch it again"
            ) from None


def _members(file: IO[bytes], start: int, end: int | None, most: int, folder: str, method: int) -> Iterator[Member]:
    file.seek(start)
    headers: Any = _Headers(file, most)  # all of a file that tarfile uses of one it reads from
    with tarfile.open(
        fileobj=headers,
        mode="r:",
        encoding="utf-8",
        errors="surrogateescape",
    ) as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # it would keep them all
            last = info.offset_data + info.size
            if end is not None and (last if info.isreg() else info.offset_data) > end:
                raise tarfile.ReadError("cut off")
            name = folder + info.name.removeprefix("./")
            if info.isdir():
                continue
            if info.isreg() and not folder and name.endswith(".tar") and not info.issparse():
                yield from _members(file, info.offset_data, last, most, f"{name.removesuffix('.tar')}/", method)
                continue
            reason = ""
            if info.issym() or info.islnk():
                reason = "a link, which is not followed in an archive"
            elif info.issparse():
                reason = "kept as a sparse file, which is not read here"
            elif not info.isreg():
                reason = "not a file (a pipe, socket or device)"
            yield Member(name, info.offset_data, info.size, info.size, method, -1, reason)
        _check_end(file, tar.offset, end)  # type: ignore[attr-defined]


def _check_end(file: IO[bytes], at: int, end: int | None) -> None:
    """An archive ends with blocks of zeros: tarfile takes damage, and where a download stopped, for the end too."""
    file.seek(at)
    block = file.read(512)
    if not block or (end is not None and at >= end):
        raise tarfile.ReadError("cut off")
    if block.strip(b"\0"):
        raise tarfile.ReadError("no header where one should be")
