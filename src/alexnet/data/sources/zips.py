"""Which files are in a zip archive, and where? Its table of contents, read entry by entry.

The standard library keeps an object for every entry, gigabytes for the archives that pictures come in; here they pass
by one at a time. The format is PKWARE's APPNOTE 6.3.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from typing import IO

from alexnet.data.origins import shown
from alexnet.data.sources.spans import DEFLATED, STORED, Member

_END, _END64, _LOCATOR, _ENTRY = (struct.Struct(form) for form in ("<4s4H2LH", "<4sQ2H2L4Q", "<4sLQL", "<4s4B4H3L5H2L"))
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "encryption"}
_UTF8_NAME, _WIDE = 0x7075, 0x0001


def zip_members(path: str) -> Iterator[Member]:
    """The files of a zip archive in the order of its table; folders are passed over.

    Raises:
        ValueError: the table is damaged or cut off.
    """
    with open(path, "rb") as file:
        start, size, shift = _table(file, path)
        file.seek(start)
        left, count = size, 0
        while left > 0:
            head = file.read(_ENTRY.size)
            entry = _ENTRY.unpack(head) if len(head) == _ENTRY.size and head.startswith(b"PK\1\2") else None
            body = file.read(sum(entry[12:15])) if entry else b""
            if entry is None or len(body) < sum(entry[12:15]) or len(head) + len(body) > left:
                raise ValueError(
                    f"the zip archive {shown(path)} is damaged: its table of contents breaks off after {count:,} "
                    "files; fetch it again"
                )
            left -= len(head) + len(body)
            count += 1
            member = _member(entry, body, shift)
            if not member.name.endswith("/"):
                yield member


def _table(file: IO[bytes], path: str) -> tuple[int, int, int]:
    """Where the table of contents begins, its size, and by how much the archive stands behind other bytes."""
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - (1 << 16) - _END.size))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) < at + _END.size:
        raise ValueError(
            f"{shown(path)} is not a whole zip archive: its end, where the table of contents is, is missing"
        )
    end = length - len(tail) + at
    _, disk, first, _, _, size, start, _ = _END.unpack_from(tail, at)
    file.seek(max(0, end - _LOCATOR.size))
    wide = file.read(_LOCATOR.size)
    if wide.startswith(b"PK\6\7") and len(wide) == _LOCATOR.size:
        file.seek(_LOCATOR.unpack(wide)[2] if _LOCATOR.unpack(wide)[2] < length else end)
        record = file.read(_END64.size)
        if len(record) == _END64.size and record.startswith(b"PK\6\6"):
            end -= _LOCATOR.size + _END64.size
            _, _, _, _, disk, first, _, _, size, start = _END64.unpack(record)
    shift = end - size - start
    if disk or first or shift < 0:
        raise ValueError(f"{shown(path)} is one part of a zip archive that was split, or damaged; join the parts first")
    return start + shift, size, shift


def _member(entry: tuple[int, ...], body: bytes, shift: int) -> Member:
    system, flags, method, crc = entry[2], entry[5], entry[6], entry[9]
    packed, size, wide, outer, offset = entry[10], entry[11], entry[12], entry[17], entry[18]
    raw, extra = body[:wide], _extras(body[wide : wide + entry[13]])
    longer = extra.get(_WIDE, b"")
    numbers = iter(struct.unpack_from(f"<{len(longer) // 8}Q", longer))  # only of those that do not fit in 32 bits
    size, packed, offset = (next(numbers, value) if value == 0xFFFFFFFF else value for value in (size, packed, offset))
    unicode = extra.get(_UTF8_NAME, b"")
    if len(unicode) > 5 and int.from_bytes(unicode[1:5], "little") == zlib.crc32(raw):
        raw = unicode[5:]
    # Where the archive does not say that a name is UTF-8, its bytes are kept, as for names of files.
    name = raw.decode("utf-8", "surrogateescape")
    kind = stat.S_IFMT(outer >> 16) if system == 3 else 0
    reason = ""
    if flags & 1:
        reason = "encrypted: unpack it with its password"
    elif kind == stat.S_IFLNK:
        reason = "a link, which is not followed in an archive"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        reason = "not a file (a pipe, socket or device)"
    elif method not in (STORED, DEFLATED):
        reason = f"packed by {_METHODS.get(method, f'method {method}')}, which is not read here: pack it with Deflate"
    return Member(name, offset + shift, packed, size, method, crc, reason)


def _extras(data: bytes) -> dict[int, bytes]:
    """The additional fields of an entry by their number."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        number, length = struct.unpack_from("<HH", data, at)
        found[number] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found
