"""Does the one decoding path read what is a picture, and refuse the rest in plain words?"""

from __future__ import annotations

import contextlib
import io
import struct
import subprocess
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from alexnet.data import decode as module
from alexnet.data.decode import MAX_PIXELS, Unreadable, decode, picture_size


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def smooth(height: int, width: int) -> np.ndarray:
    """A picture without fine detail, upright ones of which are told from turned ones: uint8 (H, W, 3)."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = (255 * rows / height, 255 * columns / width, 127 + 60 * np.sin(columns / width * 3) * rows / height)
    return np.stack(channels, 2).astype(np.uint8)


def png_header(width: int, height: int) -> bytes:
    """A PNG of a header and three bytes of data."""
    chunks = (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"")[:3])
    packed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.mark.fidelity(
    topic="16-bit grey pictures",
    paper="not mentioned: 8-bit photographs",
    source="not mentioned: 8-bit JPEG",
    others="Pillow's convert('RGB') clips to 255: the picture becomes white",
    option="always divided by 257",
)
def test_sixteen_bit_grey_keeps_its_greys() -> None:
    grey = (np.arange(256, dtype=np.uint16) * 257).reshape(16, 16)
    for kind in ("PNG", "TIFF"):
        pixels = decode(encoded(Image.fromarray(grey), kind))
        assert (pixels == np.arange(256, dtype=np.uint8).reshape(16, 16, 1)).all(), kind


def test_every_orientation_comes_upright() -> None:
    upright = smooth(40, 64)
    turned = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }
    for value, stored in turned.items():
        exif = Image.Exif()
        exif[0x0112] = value
        for kind in ("PNG", "TIFF"):
            data = encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif)
            assert (decode(data) == upright).all(), (value, kind)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_is_ignored(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert (decode(encoded(Image.fromarray(smooth(8, 12)), exif=exif)) == smooth(8, 12)).all()


def test_transparency_is_laid_over_white() -> None:
    clear = np.zeros((1, 3, 4), np.uint8)
    clear[0, :, 3] = (0, 128, 255)  # black, more and more opaque
    assert decode(encoded(Image.fromarray(clear)))[0, :, 0].tolist() == [255, 127, 0]
    palette = Image.new("P", (2, 1))
    palette.putpalette([0, 0, 0, 10, 20, 30])
    palette.putpixel((1, 0), 1)
    assert decode(encoded(palette, transparency=b"\x00\xff")).tolist() == [[[255, 255, 255], [10, 20, 30]]]
    assert decode(encoded(palette, transparency=0)).tolist() == [[[255, 255, 255], [10, 20, 30]]]


def test_modes_become_rgb() -> None:
    assert decode(encoded(Image.new("1", (3, 2), 1))).tolist() == [[[255] * 3] * 3] * 2
    assert decode(encoded(Image.new("L", (1, 1), 7))).tolist() == [[[7] * 3]]
    cyan = decode(encoded(Image.new("CMYK", (8, 8), (255, 0, 0, 0)), "JPEG"))
    assert cyan[0, 0, 0] < 10
    assert cyan[0, 0, 1] > 245


@pytest.mark.parametrize("mode", ["F", "I"])
def test_greys_without_a_known_white_are_refused(mode: str) -> None:
    image = Image.fromarray(np.full((2, 2), 70000, np.float32 if mode == "F" else np.int32))
    assert image.mode == mode
    with pytest.raises(Unreadable, match="white is not known"):
        decode(encoded(image, "TIFF"))


def test_the_first_frame_counts() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "green", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(("kind", "side"), [("JPEG", 640), ("JPEG", 637), ("PNG", 640), ("PNG", 631)])
def test_a_reduced_scale_shows_the_same_picture(kind: str, side: int) -> None:
    options = {"quality": 98, "subsampling": 0} if kind == "JPEG" else {}
    data = encoded(Image.fromarray(smooth(side, side + 90)), kind, **options)
    picture = module.open_picture(data, near=32)
    reduced = np.asarray(picture.image)
    assert picture.size == (side + 90, side)
    assert 64 <= min(reduced.shape[:2]) < side / 2, "at least twice what is wanted, and less than all"
    assert picture.extent[1] / picture.extent[0] == pytest.approx(side / (side + 90), abs=1e-12)
    step = side / picture.extent[1]
    rows = ((np.arange(int(picture.extent[1])) + 0.5) * step).astype(int)
    columns = ((np.arange(int(picture.extent[0])) + 0.5) * step).astype(int)
    expected = smooth(side, side + 90)[rows][:, columns].astype(float)
    assert np.abs(reduced[: len(rows), : len(columns)] - expected).max() < 6


def test_no_picture_comes_smaller_than_asked_for() -> None:
    for side in range(50, 70):
        assert min(decode(encoded(Image.fromarray(smooth(side, 100)), "JPEG"), near=64).shape[:2]) == side


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html><body>404</body></html>", r"not a picture \(HTML text\)"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"these are words", r"not a picture \(text\)"),
        ("Übung".encode(), r"not a picture \(text\)"),
        (b"\x00\x05\x16\x07" + bytes(50), "macOS resource file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC"),
        (bytes(range(256)), r"not a picture \(unknown contents\)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "truncated"),
        (png_header(0, 10), "damaged"),
        (png_header(2_000_000_000, 2_000_000_000), "too many pixels"),
        (png_header(9000, 8000), "too many pixels: 9,000 x 8,000"),
        (png_header(100, 100), "truncated|damaged"),
    ],
)
def test_what_is_no_picture_is_said_in_plain_words(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_any_cut_or_damage_is_read_or_refused_but_nothing_else(kind: str) -> None:
    whole = encoded(Image.fromarray(smooth(60, 80)), kind)
    generator = np.random.default_rng(0)
    for keep in generator.integers(0, len(whole), 25):
        with pytest.raises(Unreadable):
            # BMP and TIFF are raw rows: what lies behind the cut may be padding only.
            decode(whole[: min(keep, len(whole) - 200)])
    for _ in range(25):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 8):
            damaged[place] = generator.integers(0, 256)
        with contextlib.suppress(Unreadable):  # any other error fails
            assert decode(bytes(damaged)).dtype == np.uint8


def test_too_large_files_are_refused_unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 100)
    with pytest.raises(Unreadable, match="too large"):
        decode(encoded(Image.fromarray(smooth(60, 80))))


def test_the_header_alone_gives_the_size() -> None:
    assert picture_size(png_header(30, 20)) == (30, 20)
    with pytest.raises(Unreadable, match="too many pixels"):
        picture_size(png_header(9000, 8000))


def test_pillow_is_left_as_it_was() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    for data in (png_header(9999, 9999), b"x", encoded(Image.new("RGB", (2, 2)))):
        try:
            decode(data)
        except Unreadable:
            continue
    assert before == (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))


LARGEST = f"""
import io, resource
import numpy as np
from PIL import Image
from alexnet.data.square import load_square
file = io.BytesIO()
side = int({MAX_PIXELS} ** 0.5)
Image.new("P", (side, side)).save(file, "PNG")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
load_square(file.getvalue(), 256, "crop")
strip = io.BytesIO()
Image.new("L", (2, 20000), 9).save(strip, "PNG")
for fit in ("crop", "squash", "letterbox"):
    load_square(strip.getvalue(), 256, fit)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_the_largest_palette_and_the_longest_strip_take_little_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LARGEST], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 200, "MiB above 64 for the picture itself; as RGB whole it would be 256"


def expected_size(name: str) -> tuple[int, int]:
    """(height, width), upright."""
    sizes = {
        "one_by_one.png": (1, 1),
        "bmp_image.bmp": (40, 30),
        "png_named.jpg": (64, 48),
        "strip_20000x2.png": (2, 20000),
        "strip_2x20000.png": (20000, 2),
        "all_black_256.png": (256, 256),
    }
    return sizes.get(name, (160, 120))


def test_unusual_pictures_are_read(shared_data: Path) -> None:
    valid = shared_data / "hostile" / "images" / "valid"
    good = decode((valid / "good_rgb.jpg").read_bytes()).astype(float)
    files = sorted(valid.iterdir())
    assert len(files) == 25
    for file in files:
        pixels = decode(file.read_bytes())
        if file.name == "exif_orientation_6.jpg":  # its stored pixels are those of good_rgb
            assert pixels.shape == (120, 160, 3)
            assert np.abs(np.rot90(pixels) - good).mean() < 4
            continue
        assert pixels.shape == (*expected_size(file.name), 3), file.name
    for name, distance in {
        "exif_orientation_0_invalid.jpg": 1,
        "UPPERCASE.JPEG": 1,
        "progressive.jpg": 1,
        "cmyk.jpg": 4,
    }.items():
        assert np.abs(decode((valid / name).read_bytes()) - good).mean() < distance, name
    assert np.abs(decode((valid / "exif_orientation_3.jpg").read_bytes())[::-1, ::-1] - good).mean() < 4
    grey = decode((valid / "grey_8bit.jpg").read_bytes()).astype(float)
    for name in ("grey_16bit.png", "grey_16bit.tif"):
        assert np.abs(decode((valid / name).read_bytes()) - grey).mean() < 4, name
    assert not decode((valid / "all_black_256.png").read_bytes()).any()


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("broken/zero_bytes.jpg", "the file is empty"),
        ("broken/truncated_half.jpg", "truncated"),
        ("broken/truncated_header_only.jpg", "JPEG header is cut off"),
        ("broken/text_named.png", r"not a picture \(text\)"),
        ("broken/html_error_page.jpg", "HTML text"),
        ("broken/random_bytes.jpg", "unknown contents"),
        ("broken/png_bad_crc.png", "damaged"),
        ("broken/png_truncated.png", "truncated"),
        ("broken/png_header_claims_2e9.png", "too many pixels"),
        ("broken/png_zero_width.png", "damaged"),
        ("bomb/white_20000x20000_1bit.png", "too many pixels"),
        ("bomb/palette_10000x10000.png", "too many pixels"),
    ],
)
def test_broken_pictures_and_bombs_are_refused(shared_data: Path, file: str, reason: str) -> None:
    for near in (None, 64):
        with pytest.raises(Unreadable, match=reason):
            decode((shared_data / "hostile" / "images" / file).read_bytes(), near=near)
