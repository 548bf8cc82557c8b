"""Which text stands for a file's name? One that prints, is valid UTF-8, and leads back to the file.

File names are bytes. Python hands those that are not UTF-8 over with surrogates, which Arrow, JSON and terminals
refuse, and names may hold line breaks and control characters. An origin writes such characters as `\\xNN` (a byte) or
`\\uNNNN`, and a backslash as two; every other name is its own origin.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from pathlib import Path

#: Extensions (lower case) of files that are taken for pictures by their name.
PICTURES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".avif"),
        *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".heic", ".heif"),
    )
)
_DROPPINGS = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "icon\r"))
_SPECIAL = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WNID = re.compile(r"n\d{8}( |$)")
_ESCAPED = re.compile(r"\\(?:(\\)|x([0-9a-f]{2})|u([0-9a-f]{4}))")


def shown(name: str | os.PathLike[str]) -> str:
    """The origin of a file name as Python gives it; `file_name` is its inverse."""
    return _SPECIAL.sub(_escape, os.fspath(name))


def file_name(origin: str) -> str:
    """The file name that an origin stands for."""
    return _ESCAPED.sub(_unescape, origin) if "\\" in origin else origin


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if found[0] == "\\":
        return "\\\\"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def _unescape(found: re.Match[str]) -> str:
    backslash, byte, unit = found.groups()
    if backslash:
        return "\\"
    if byte:
        code = int(byte, 16)
        return chr(code if code < 0x80 else 0xDC00 + code)
    return chr(int(unit, 16))


def class_name(name: str) -> str:
    """The name of a class from a folder's or a list's: printable, accents composed, so that equal names are equal.

    Systems differ in whether they store an accented letter as one character or two.
    """
    return shown(unicodedata.normalize("NFC", name))


def natural(name: str) -> tuple[list[str | int], str]:
    """Sorting key by which "class 2" comes before "class 10"."""
    parts: list[str | int] = [*re.split(r"([0-9]+)", name)]
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, name


def class_key(name: str) -> str:
    """What classes are matched by: the wnid where a name begins with one ("n01440764 tench"), else the name."""
    return name[:9] if _WNID.match(name) else name


def is_dropping(name: str) -> bool:
    """Whether a file or folder was left by a system, not a person: hidden, Thumbs.db, desktop.ini and the like."""
    return name.startswith(".") or name.lower() in _DROPPINGS


def named_like_picture(name: str) -> bool:
    """Whether a file's extension is a picture's, in any case."""
    return os.path.splitext(name)[1].lower() in PICTURES


def absolute(source: str | os.PathLike[str]) -> str:
    """A source as it can be named from any folder: its path from the root on, also behind `tree:` and `hub:`."""
    given = os.fspath(source)
    if os.path.exists(given):
        return os.path.abspath(given)
    word, colon, path = given.partition(":")
    local = (word == "tree" and path) or (word == "hub" and path.startswith((".", "/")))
    return f"{word}:{os.path.abspath(path)}" if colon and local else given


def nothing_there(path: Path) -> str:
    """The sentence for a path that does not exist; it names the nearest one that does."""
    parent = path.parent
    if not parent.is_dir():
        while not parent.is_dir():
            path, parent = parent, parent.parent
        return f"there is no folder {shown(path)}{_nearest(path)}"
    return f"there is no file or folder {shown(path)}{_nearest(path)}"


def _nearest(path: Path) -> str:
    try:
        siblings = [name for name in os.listdir(path.parent) if not is_dropping(name)]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, siblings, n=1, cutoff=0.4)
    return f"; did you mean {shown(path.parent / near[0])}?" if near else ""
