"""Which picture files are measured on? The user's own, or photograph-like ones drawn on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from alexnet import draws

#: Width and height of a drawn photograph, pixels: what ImageNet's have most often.
USUAL = (500, 375)
#: JPEG quality of drawn photographs.
QUALITY = 90
#: Folders that the pictures are put into; the classes mean nothing.
CLASSES = ("one", "other")


def draw_photographs(folder: Path, count: int, size: tuple[int, int] = USUAL) -> list[Path]:
    """So many JPEG files of smooth colours with some grain, in two class folders."""
    generator = np.random.default_rng(0)
    width, height = size
    paths = []
    for number in range(count):
        rough = generator.integers(0, 256, (max(2, height // 25), max(2, width // 25), 3), np.uint8)
        smooth = np.asarray(Image.fromarray(rough).resize(size, Image.Resampling.BICUBIC), np.int16)
        grain = generator.integers(-12, 13, (height, width, 1), np.int16)
        pixels = np.clip(smooth + grain, 0, 255).astype(np.uint8)
        paths.append(_place(folder, number, ".jpg"))
        Image.fromarray(pixels).save(paths[-1], quality=QUALITY)
    return paths


def copy_pictures(source: str, folder: Path, count: int) -> list[Path]:
    """Copies of so many pictures of any source, drawn from all of it, in two class folders. Raises ValueError."""
    from alexnet.data.sources import list_source

    listing = list_source(source)
    reader = listing.reader()
    paths = []
    for number, row in enumerate(draws.order(0, 0, len(listing))[:count].tolist()):
        paths.append(_place(folder, number, ".jpg"))  # what a file is, its contents say
        paths[-1].write_bytes(reader.read(row))
    return paths


def gather(source: str, folder: Path, count: int, size: tuple[int, int] = USUAL) -> tuple[list[Path], str]:
    """The files to measure on, in `folder`, and a sentence on them."""
    if source:
        paths = copy_pictures(source, folder, count)
        return paths, f"{len(paths):,} pictures of {Path(source).name}."
    paths = draw_photographs(folder, count, size)
    mean = sum(path.stat().st_size for path in paths) / len(paths) / 1e3
    return paths, f"{count:,} drawn JPEG pictures, {size[0]} x {size[1]}, {mean:.0f} kB each."


def _place(folder: Path, number: int, ending: str) -> Path:
    place = folder / CLASSES[number % len(CLASSES)] / f"{number:06d}{ending}"
    place.parent.mkdir(parents=True, exist_ok=True)
    return place
