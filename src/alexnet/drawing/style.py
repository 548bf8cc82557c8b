"""What do all figures have in common? Colours that everybody can tell apart, text that always fits, equal bytes."""

from __future__ import annotations

import functools
import io
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ParamSpec

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure, SubFigure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine

P = ParamSpec("P")

# The palette of Okabe and Ito: distinct in all common forms of colour blindness.
BLUE, VERMILLION, GREEN, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9"
INK, MUTED, FAINT = "#1f2328", "#5b6470", "#e3e6ea"
#: Light enough to write upon.
LIGHT_BLUE, LIGHT_VERMILLION = "#cfe3f1", "#f7c8a6"

#: Pixels an inch of the saved figures; a page shows them at 100, so they stay sharp on dense screens.
DPI = 160

#: Fonts beyond the one that comes with matplotlib, for scripts that it lacks; used where they are installed.
_OTHER_FONTS = (
    "Noto Sans CJK SC, Noto Sans CJK JP, Noto Sans CJK KR, Noto Sans SC, Noto Sans JP, Noto Sans KR, "
    "WenQuanYi Zen Hei, WenQuanYi Micro Hei, Droid Sans Fallback, Hiragino Sans, PingFang SC, Apple SD Gothic Neo, "
    "Microsoft YaHei, Yu Gothic, Malgun Gothic, Noto Sans Arabic, Noto Sans Hebrew, Noto Sans Devanagari, "
    "Noto Sans Bengali, Noto Sans Tamil, Noto Sans Thai, Noto Sans Ethiopic, Unifont"
).split(", ")
_UNDRAWABLE = "\u25a1"  # a hollow square, as browsers show


@functools.cache
def _fonts() -> tuple[str, ...]:
    installed = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _OTHER_FONTS if name in installed))


@functools.cache
def _characters() -> frozenset[int]:
    """All that the fonts can draw, in normal and in bold letters: the bold ones of a font know fewer."""
    both = []
    for name in _fonts():
        faces = (FontProperties(family=name, weight=weight) for weight in ("normal", "bold"))
        charmaps = [font_manager.get_font(font_manager.findfont(face)).get_charmap() for face in faces]
        both.append(frozenset(charmaps[0]) & frozenset(charmaps[1]))
    return frozenset().union(*both)


def _settings() -> dict[str, object]:
    """What a user's own matplotlibrc would otherwise decide."""
    return {
        "font.family": list(_fonts()),
        "font.size": 9.0,
        "text.usetex": False,
        "text.color": INK,
        "text.hinting": "force_autohint",
        "text.antialiased": True,
        "axes.titlesize": 10.0,
        "axes.titleweight": "normal",
        "axes.titlelocation": "left",
        "axes.titlecolor": INK,
        "axes.labelsize": 9.0,
        "axes.labelcolor": MUTED,
        "axes.edgecolor": "#9aa2ac",
        "axes.facecolor": "white",
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": False,
        "axes.unicode_minus": True,
        "axes.formatter.use_mathtext": False,
        "grid.color": FAINT,
        "grid.linewidth": 0.8,
        "xtick.color": "#9aa2ac",
        "ytick.color": "#9aa2ac",
        "xtick.labelcolor": MUTED,
        "ytick.labelcolor": MUTED,
        "xtick.labelsize": 8.0,
        "ytick.labelsize": 8.0,
        "lines.linewidth": 1.6,
        "lines.markersize": 4.0,
        "legend.frameon": False,
        "legend.fontsize": 8.5,
        "figure.facecolor": "white",
        "figure.dpi": 100.0,
        "figure.titlesize": 12.0,
        "figure.titleweight": "bold",
        "image.interpolation": "auto",
        "image.resample": True,
        "savefig.facecolor": "white",
        "savefig.bbox": None,
        "svg.hashsalt": "",
        "svg.fonttype": "path",
    }


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """The function with our settings in force while it runs, and nobody's settings changed afterwards."""

    @functools.wraps(draw)
    def inside(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(_settings()):
            return draw(*args, **kwargs)

    return inside


def sheet(width: float, height: float, title: str, note: str = "") -> tuple[Figure, SubFigure]:
    """An empty figure of so many inches with a bold title and a quiet line under it; axes go into the second.

    The layout moves axes apart until no text lies on another. Nothing here touches pyplot's global figures.
    """
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.07))
    if title:
        figure.suptitle(plain(title), x=0.01, ha="left")
    inner = figure.subfigures(1, 1)
    assert isinstance(inner, SubFigure)
    if note:
        inner.suptitle(plain(note), x=0.01, ha="left", fontsize=9, fontweight="normal", color=MUTED)
    return figure, inner


def plain(text: str, limit: int | None = None) -> str:
    """Text as a figure can show it: of at most `limit` columns (an ellipsis ends what was longer), `$` without meaning.

    What no installed font can draw becomes a hollow square, and control characters a space. Wide characters, as the
    Chinese, take two columns.
    """
    text = " ".join(unicodedata.normalize("NFC", text).split())
    drawable = _characters()
    text = "".join(
        letter if ord(letter) in drawable else _UNDRAWABLE
        for letter in text
        if unicodedata.category(letter) not in ("Cc", "Cf", "Mn") or ord(letter) in drawable
    )
    if limit is not None and _columns(text) > limit:
        while text and _columns(text) > limit - 1:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text.replace("$", r"\$")


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def short_names(classes: Sequence[str], limit: int) -> list[str]:
    """Names of classes for a figure, distinct wherever the classes are.

    Names that would be cut to the same start keep their ends instead; a name that no font can draw becomes its number.
    """
    first = [plain(name, limit) for name in classes]
    occurring, names = Counter(first), list(first)
    for i, name in enumerate(first):
        if not name or 2 * name.count(_UNDRAWABLE) > len(name):
            names[i] = f"class {i}"
        elif occurring[name] > 1 and name.endswith("…"):
            names[i] = "…" + plain(classes[i][-(limit - 1) :].lstrip(), limit - 1)
    return names


def png(figure: Figure) -> bytes:
    """The figure as a PNG file: equal figures give equal bytes, for it holds neither time nor versions."""
    target = io.BytesIO()
    with matplotlib.rc_context(_settings()):
        figure.savefig(target, format="png", dpi=DPI, metadata={"Software": None})
    return target.getvalue()


def svg(figure: Figure) -> bytes:
    """The figure as an SVG file, letters as shapes, so that it needs no fonts; equal figures give equal bytes."""
    target = io.BytesIO()
    with matplotlib.rc_context(_settings()):
        figure.savefig(target, format="svg", dpi=DPI, metadata={"Date": None, "Creator": None})
    return target.getvalue()


#: How a figure is written under an ending.
_FORMS: dict[str, Callable[[Figure], bytes]] = {".png": png, ".svg": svg}


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write the figure as a PNG or an SVG file, as the name ends. Raises ValueError for another ending."""
    form = _FORMS.get(Path(path).suffix.lower())
    if form is None:
        raise ValueError(f"a figure is saved as {' or '.join(_FORMS)}, and {os.fspath(path)} ends otherwise")
    Path(path).write_bytes(form(figure))
