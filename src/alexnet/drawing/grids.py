"""What does it look like inside? Pictures side by side, and the kernels of a layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from alexnet.drawing.style import MUTED, plain, sheet, styled

#: Of kernels with other than one or three input channels so many are drawn, and of each so many channels.
SHOWN_KERNELS, SHOWN_CHANNELS = 8, 16


def as_picture(image: np.ndarray) -> np.ndarray:
    """(3,H,W) or (1,H,W) uint8 -> (H,W,3) uint8, as matplotlib wants it."""
    assert image.dtype == np.uint8
    assert image.ndim == 3
    return np.repeat(image, 3 // image.shape[0], axis=0).transpose(1, 2, 0)


@styled
def samples(images: np.ndarray, titles: Sequence[str], *, title: str = "Samples", note: str = "") -> Figure:
    """Pictures in a grid with a line over each.

    Args:
        images: uint8 (N,3,H,W), N from 1 to some dozens; W may be more than H.
        titles: (N,), such as the pictures' classes.
    """
    n = len(images)
    assert n == len(titles)
    assert n > 0
    wide = min(n, max(4, min(8, math.ceil(math.sqrt(1.8 * n)))))
    tall = -(-n // wide)
    each = 9.6 / max(wide, 4)
    high = each * images.shape[2] / images.shape[3]
    figure, inner = sheet(each * max(wide, 3), tall * (high + 0.14) + 0.45 + 0.25 * bool(note), title, note)
    axes = inner.subplots(tall, wide, squeeze=False).ravel()
    letters = int(each * 12)
    for place, image, said in zip(axes, images, titles, strict=False):
        # Small pictures keep their pixels; large ones are averaged down.
        place.imshow(as_picture(image), interpolation="nearest" if image.shape[-1] <= 64 else "antialiased")
        place.set_title(plain(said, letters), fontsize=8.5, loc="center", pad=3)
    for place in axes:
        place.set_axis_off()
    return figure


@styled
def kernels(weights: np.ndarray, *, columns: int = 1, wide: int = 16, title: str = "Kernels", note: str = "") -> Figure:
    """The kernels of a convolution, as figure 3 of the paper shows those of the first.

    With three input channels each kernel is a small colour picture, with one a grey one. All are scaled together:
    middle grey is 0, and the ends of the scale are plus and minus the 99.5th percentile of all absolute weights,
    beyond which colours are cut. With another number of channels there is no colour to show: the kernels of largest
    norm are drawn a row each, those of their input channels that have the largest norm in them side by side in grey,
    and the figure says so.

    Args:
        weights: float (out, in, kh, kw).
        columns: 1, or 2 if the layer's kernels lie on two columns; the first half of them is the first column's.
        wide: of more than 24 colour kernels so many stand in a row.
    """
    weights = np.asarray(weights, dtype=np.float64)
    assert weights.ndim == 4
    assert len(weights) % columns == 0
    limit = float(np.quantile(np.abs(weights), 0.995)) or 1.0
    shades = np.rint(255 * np.clip(weights / (2 * limit) + 0.5, 0, 1)).astype(np.uint8)
    shades = shades.repeat(4, axis=2).repeat(4, axis=3)  # gaps between kernels may then be narrower than a weight
    if weights.shape[1] in (1, 3):
        return _all_kernels(shades, columns, wide, title, note)
    return _in_grey(shades, np.linalg.norm(weights, axis=(2, 3)), columns, title, note)


def _all_kernels(shades: np.ndarray, columns: int, most: int, title: str, note: str) -> Figure:
    shades = np.repeat(shades, 3 // shades.shape[1], axis=1)
    each = len(shades) // columns
    wide = min(most, each) if len(shades) > 24 else min(8, each)
    tall = -(-each // wide)
    cell = min(0.58, 9.3 / wide)
    height = columns * (tall * cell * _share(shades) + 0.16 + 0.22 * (columns > 1)) + 0.45 + 0.25 * bool(note)
    figure, inner = sheet(max(6.0, wide * cell + 0.3), height, title, note)
    for column, axes in enumerate(inner.subplots(columns, 1, squeeze=False).ravel()):
        part = shades[column * each : (column + 1) * each]
        axes.imshow(_mosaic(part.transpose(0, 2, 3, 1), wide), interpolation="nearest")
        axes.set_axis_off()
        axes.set_anchor("NW")
        if columns > 1:
            first = column * each
            said = f"column {column + 1}: kernels {first} to {first + each - 1}"
            axes.set_title(said, fontsize=9, color=MUTED, pad=4)
    return figure


def _in_grey(shades: np.ndarray, norms: np.ndarray, columns: int, title: str, note: str) -> Figure:
    """`norms` (out, in): of each kernel's part for each input channel."""
    out, channels = shades.shape[:2]
    rows, wide = min(SHOWN_KERNELS, out), min(SHOWN_CHANNELS, channels)
    each, share = out // columns, max(1, rows // columns)
    whole = np.linalg.norm(norms, axis=1)
    chosen = [
        np.sort(column * each + np.argsort(-whole[column * each : (column + 1) * each], kind="stable")[:share])
        for column in range(columns)
    ]
    # The same channels for all kernels of a column, so that they can be compared from row to row.
    read = [np.sort(np.argsort(-np.linalg.norm(norms[rows], axis=0), kind="stable")[:wide]) for rows in chosen]
    said = f"{share * columns} of {out} kernels, those of largest norm, a row each; in grey, by input channel"
    said += f": the {wide} of {channels} of largest norm in them" if wide < channels else ""
    cell = min(0.58, 9.0 / wide)
    height = columns * (share * cell * _share(shades) + 0.45) + 1.1
    figure, inner = sheet(max(6.4, wide * cell + 0.9), height, title, f"{note}\n{said}" if note else said)
    high, width = (side + _gap(side) for side in shades.shape[2:])
    for column, axes in enumerate(inner.subplots(columns, 1, squeeze=False).ravel()):
        part = shades[chosen[column]][:, read[column]].reshape(-1, *shades.shape[2:])
        axes.imshow(_mosaic(np.repeat(part[..., None], 3, axis=3), wide), interpolation="nearest")
        axes.set_yticks([(i + 0.5) * high - 1 for i in range(share)], [f"kernel {i}" for i in chosen[column]])
        axes.set_xticks([(i + 0.5) * width - 1 for i in range(wide)], [str(i) for i in read[column]])
        axes.tick_params(length=0, labelsize=7.5)
        axes.spines[:].set_visible(False)
        axes.set_anchor("NW")
        if columns > 1:
            axes.set_title(f"column {column + 1}", fontsize=9, color=MUTED, pad=4)
    axes.set_xlabel("input channel")
    return figure


def _share(shades: np.ndarray) -> float:
    """Height of a kernel for a width of 1."""
    return float(shades.shape[2] / shades.shape[3])


def _gap(side: int) -> int:
    return max(1, side // 9)


def _mosaic(tiles: np.ndarray, wide: int) -> np.ndarray:
    """(N,h,w,3) uint8 -> one white sheet of them, `wide` in a row, a gap after each."""
    n, high, width, _ = tiles.shape
    tall = -(-n // wide)
    high, width = high + _gap(high), width + _gap(width)
    sheet_of_tiles = np.full((tall * high, wide * width, 3), 255, dtype=np.uint8)
    for i, tile in enumerate(tiles):
        top, left = i // wide * high, i % wide * width
        sheet_of_tiles[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return sheet_of_tiles
