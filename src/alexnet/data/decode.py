"""How do bytes become an upright RGB picture, safely? The one path for training, evaluation and prediction.

Limits come before decoding: a file may claim any size. What cannot be read raises `Unreadable` with a reason in plain
words. Conventions: the first frame of animations; EXIF orientation applied, values that are none ignored; transparency
laid over white; 16-bit grey divided by 257, so that its white stays white; embedded colour profiles not applied.
"""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
from PIL import Image, UnidentifiedImageError

from alexnet.data.sniff import contents, format_of

#: Pictures of more pixels are refused before decoding: decoded, they would fill the memory of many processes.
MAX_PIXELS = 64_000_000
#: Files of more bytes are refused.
MAX_BYTES = 1 << 29
#: What Pillow may try. Other formats of its list start programs (EPS) or have no reliable first bytes.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "WEBP", "TIFF", "JPEG2000", "AVIF")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_THE_SIDE = (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8])
#: Pixels that are converted at once when a picture is reduced on the way, so that it is never held twice.
_BAND = 1 << 22
_TO_8_BIT = ((np.arange(1 << 16, dtype=np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


class Unreadable(Exception):
    """A picture that cannot be read; the text is the reason, for `left_out.csv`."""


class Picture:
    """An upright RGB picture, perhaps decoded at a reduced scale.

    Attributes:
        image: the pixels, mode RGB.
        extent: width and height of the picture in these pixels; where a side does not divide by the reduction, the last
            pixel is covered in part and the extent is a fraction.
        size: width and height of the whole picture, upright, in its own pixels.
        mode: Pillow's name of the pixels' kind in the file, such as "RGB", "L", "P" or "I;16".
    """

    def __init__(
        self, image: Image.Image, extent: tuple[float, float], size: tuple[int, int], mode: str = "RGB"
    ) -> None:
        self.image, self.extent, self.size, self.mode = image, extent, size, mode


def decode(data: bytes, *, near: int | None = None) -> np.ndarray:
    """The picture in a file's bytes: uint8 (H, W, 3), upright RGB.

    With `near`, pictures whose shorter side is much larger come at a reduced scale, the shorter side still at least
    twice `near`; that saves time and memory where they are scaled to `near` next. Raises Unreadable.
    """
    return np.array(open_picture(data, near=near).image)


def open_picture(data: bytes, *, near: int | None = None, long_near: int | None = None) -> Picture:
    """As `decode`, with what is known of the scale; `long_near` is the wanted longer side instead."""
    with warnings.catch_warnings():
        # Pillow's remarks on metadata do not concern the pixels; its bomb warning is settled by the limit below.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = _identified(data)
        width, height = image.size
        if near is None and long_near is not None:
            near = max(1, long_near * min(width, height) // max(width, height))
        try:
            return _upright(image, near)
        except Unreadable:
            raise
        except Exception as error:  # decoders raise whatever a damaged file leads them to
            raise Unreadable(_reason(error)) from None


def from_pillow(image: Image.Image) -> np.ndarray:
    """A picture that somebody else opened, by the same conventions: uint8 (H, W, 3). Raises Unreadable as `decode`."""
    return np.array(_upright(image, None).image)


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height that a picture's header gives (before any turn), without decoding it. Raises Unreadable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _identified(data).size


def _identified(data: bytes) -> Image.Image:
    """The picture, opened but not decoded, within the limits."""
    if len(data) > MAX_BYTES:
        raise Unreadable(f"too large: {len(data) / 1e6:,.0f} MB, more than the limit of {MAX_BYTES / 1e6:,.0f} MB")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Unreadable(f"too many pixels: its header claims more than the limit of {MAX_PIXELS:,}") from None
    except UnidentifiedImageError:
        name = format_of(data)
        raise Unreadable(
            f"damaged: its {name} header is cut off or makes no sense" if name else contents(data)
        ) from None
    except Exception as error:  # as above
        raise Unreadable(_reason(error)) from None
    width, height = image.size
    if width < 1 or height < 1:
        raise Unreadable(f"damaged: its header gives a size of {width} x {height} pixels")
    if width * height > MAX_PIXELS:
        raise Unreadable(f"too many pixels: {width:,} x {height:,}, more than the limit of {MAX_PIXELS:,}")
    return image


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())[:120]
    if isinstance(error, MemoryError):
        return "decoding it needs more memory than there is"
    if "truncated" in text.lower() or isinstance(error, EOFError):
        return f"truncated: the picture's data ends early ({text})" if text else "truncated: the data ends early"
    return f"damaged ({text or type(error).__name__})"


def _upright(image: Image.Image, near: int | None) -> Picture:
    """Decode, reduce, convert, turn."""
    (width, height), mode = image.size, image.mode
    drafted = None
    if near is not None:  # only JPEG decodes at half, a quarter or an eighth of its scale; others ignore the wish
        scale = 2 * near / min(width, height)
        drafted = image.draft(None, (math.ceil(width * scale), math.ceil(height * scale)))
    image.load()
    if drafted is None:
        width, height = image.size  # a TIFF is turned by Pillow when it is loaded
    try:
        turn = _TURNS.get(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata beside sound pixels
        turn = None
    # Three times the wanted side is left for the exact filter: beyond that, no difference is seen.
    factor = 1 if near is None else max(1, min(image.size) // (3 * near))
    rgb = _reduced(image, factor) if factor > 1 else _rgb(image)
    across, down = drafted[1][2:] if drafted else image.size
    extent, size = (across / factor, down / factor), (width, height)
    if turn is not None:
        rgb = rgb.transpose(turn)
        if turn in _ON_THE_SIDE:
            extent, size = extent[::-1], size[::-1]
    return Picture(rgb, extent, size, mode)


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """RGB at 1/factor of the sides, averaged, band by band."""
    small = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    rows = max(1, _BAND // (image.width * factor)) * factor
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(image.height, top + rows)))
        small.paste(_rgb(band).reduce(factor), (0, top // factor))
    return small


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB."""
    if image.mode.startswith("I;16"):
        return Image.fromarray(_TO_8_BIT[np.asarray(image).astype(np.uint16, copy=False)]).convert("RGB")
    if image.mode == "I":
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65535:
            raise Unreadable("its grey values have 32 bits, and which one is white is not known: save it with 8 or 16")
        return Image.fromarray(_TO_8_BIT[values]).convert("RGB")
    if image.mode == "F":
        raise Unreadable(
            "its grey values are fractions, and which one is white is not known: save it with 8 or 16 bits"
        )
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        clear = image.convert("RGBA")
        ground = Image.new("RGB", image.size, "white")
        ground.paste(clear, mask=clear.getchannel("A"))
        return ground
    return image if image.mode == "RGB" else image.convert("RGB")
