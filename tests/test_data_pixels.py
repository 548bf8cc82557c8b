"""Do the same pictures still become the same bytes, however fast they are prepared? Digests, noted once and kept."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet.data.prepare import prepare
from alexnet.data.prepared import VERSION
from alexnet.data.sources import list_source
from alexnet.data.square import FITS, Fit, load_square


def painted(width: int, height: int, channels: int = 3) -> np.ndarray:
    """Waves and hard edges, of whole numbers alone: uint8 (H, W, channels)."""
    y, x, c = np.ogrid[:height, :width, :channels]
    return ((x * x // (7 + c) + y * (3 + 2 * c) + 97 * ((x // 9 + y // 13) % 2)) % 256).astype(np.uint8)


def saved(pixels: np.ndarray | Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    (pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)).save(file, kind, **options)
    return file.getvalue()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def pictures() -> dict[str, bytes]:
    return {
        "photo": saved(painted(150, 111), "JPEG", quality=80),
        "large": saved(painted(900, 620), "JPEG", quality=85),
        "odd": saved(painted(451, 397), "JPEG", quality=90, subsampling=0),
        "turned": saved(painted(133, 90), "JPEG", quality=90, exif=turned()),
        "grey-jpeg": saved(painted(90, 120, 1)[..., 0], "JPEG", quality=75),
        "cmyk": saved(Image.fromarray(painted(90, 80)).convert("CMYK"), "JPEG", quality=75),
        "progressive": saved(painted(120, 100), "JPEG", quality=70, progressive=True),
        "exact": saved(painted(60, 48), "PNG"),
        "small": saved(painted(31, 22), "PNG"),
        "clear": saved(painted(70, 99, 4), "PNG"),
        "palette": saved(Image.fromarray(painted(80, 70)).quantize(16), "PNG"),
        "deep": saved((painted(70, 60, 1)[..., 0].astype(np.uint16) * 257), "PNG"),
        "strip": saved(painted(700, 5), "PNG"),
        "wide-png": saved(painted(801, 333), "PNG"),
    }


def digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()[:12]


#: Of each picture as a square of 48 pixels: crop, squash, letterbox.
NOTED: dict[str, tuple[str, str, str]] = {
    "photo": ("a1c4a04c8e0e", "16232a3fc67b", "f91d166ebbd6"),
    "large": ("f05329bfc24b", "6176c9f1d7f7", "affde41c1b15"),
    "odd": ("a30a2ee7cd4b", "b55558ed3af0", "2ec50d0367db"),
    "turned": ("e48c2d8b9355", "06f29fef97c0", "4c458a2c7e35"),
    "grey-jpeg": ("47999d22fb7c", "bf7ad054a522", "06a575e2afed"),
    "cmyk": ("e8199be225f8", "d7c354201268", "0eb6fe5f2f9f"),
    "progressive": ("ef5b529aaf65", "39b1677ad624", "21e9e704c647"),
    "exact": ("8dddd047e23c", "74e3c54f68f1", "348c83219f98"),
    "small": ("140c4800a338", "fd6143f61715", "4d52d59e8d06"),
    "clear": ("48324473ca6f", "4e253b1ca8ca", "bb7a9e3f0965"),
    "palette": ("25fc68e671ab", "84b0285009ef", "1673facdbff6"),
    "deep": ("55f109f14df2", "b02052faccd5", "f436b0b95005"),
    "strip": ("652ef3cfeb2d", "2831e3e0f843", "e7dfed4b2228"),
    "wide-png": ("0d78593f4756", "b12c8df9c5c4", "5a07c37f99e1"),
}
#: Of the first shard of all of them, at 48 pixels.
SHARDS: dict[Fit, str] = {"crop": "9a908cabae7c", "squash": "cc8ce87ee6d0", "letterbox": "c9796a8eb6fb"}


@pytest.mark.parametrize("name", NOTED)
def test_a_picture_becomes_the_square_that_it_always_became(name: str) -> None:
    data = pictures()[name]
    found = tuple(digest(np.ascontiguousarray(load_square(data, 48, fit)[0]).data) for fit in FITS)
    assert found == NOTED[name], f"the pixels of {name} changed; was that meant, then raise VERSION ({VERSION})"


@pytest.mark.parametrize("fit", FITS)
def test_a_shard_holds_the_bytes_that_it_always_held(tmp_path: Path, fit: Fit) -> None:
    for name, data in pictures().items():
        folder = tmp_path / "in" / ("a" if len(name) % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.{'png' if data[:4] == bytes([137, 80, 78, 71]) else 'jpg'}").write_bytes(data)
    prepare(list_source(tmp_path / "in"), tmp_path / "out", size=48, fit=fit, workers=1)
    assert digest((tmp_path / "out" / "shards" / "000000.bin").read_bytes()) == SHARDS[fit]
