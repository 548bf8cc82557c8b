"""What do these bytes hold, judged by how they begin?"""

from __future__ import annotations

#: Beginnings of pictures that `decode` reads, or would if they were whole.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF8", "GIF"),
    (8, b"WEBP", "WebP"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"BM", "BMP"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (4, b"ftypavif", "AVIF"),
    *((0, b"P%d" % number + gap, "PNM") for number in range(1, 7) for gap in (b"\n", b" ", b"\r", b"\t")),
)
_OTHERS: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyphei", "HEIC, which is not read here: save it as JPEG"),
    (4, b"ftypmif1", "HEIF, which is not read here: save it as JPEG"),
    (4, b"ftyp", "a video"),
    (0, b"\x00\x05\x16\x07", "a macOS resource file"),
    (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"PK\x03\x04", "a ZIP archive or an office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"PAR1", "a Parquet file"),
    (0, b"version https://git-lfs", "a Git LFS pointer: the picture itself was not fetched"),
)


def format_of(head: bytes) -> str | None:
    """The format of a picture whose first bytes (32 are enough) these are, None if it is no picture."""
    if head[:2] == b"BM" and head[6:10] != b"\0\0\0\0":  # two letters alone also begin words
        return None
    return next((name for at, magic, name in _MAGIC if head.startswith(magic, at)), None)


def contents(data: bytes) -> str:
    """In plain words, what bytes that are not a picture hold instead. The first 512 are looked at."""
    if not data:
        return "the file is empty"
    head = data[:512]
    for at, magic, what in _OTHERS:
        if head.startswith(magic, at):
            return f"not a picture ({what})"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "not a picture (HTML text)"
    if b"<svg" in text:
        return "not a picture of pixels (SVG drawing)"
    if text.startswith(b"<?xml"):
        return "not a picture (XML text)"
    if _is_text(head):
        return "not a picture (text)"
    return "not a picture (unknown contents)"


def _is_text(head: bytes) -> bool:
    if any(byte < 9 or 13 < byte < 32 for byte in head):
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut by the end of what is looked at
    return True
