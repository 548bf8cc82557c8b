"""Can every figure be drawn, of whatever there is, with text that fits, and with the same bytes every time?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from PIL import Image

from alexnet.drawing import figures
from alexnet.drawing.curves import rate_drops
from alexnet.drawing.style import plain, short_names
from alexnet.scoring.scores import Calibration, ClassScores, calibration, per_class

NASTY = ["$x^2$", "\\frac", "帽子", "🎩 hat", "a" * 90, "line\nbreak\tand \x07", "e\u0301", "", "$", "ä_%{}#&~^"]


def names(k: int) -> list[str]:
    return [f"{NASTY[i % len(NASTY)]} {i}" for i in range(k)]


def texts(figure: Figure) -> list[Text]:
    """The texts that are really drawn, each in its place; not those of ticks out of view or of hidden axes."""
    found: list[Text] = []
    draw = Text.draw

    def remember(text: Text, *args: Any, **kwargs: Any) -> None:
        if text.get_visible() and text.get_text().strip():
            found.append(text)
        draw(text, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", remember)
        FigureCanvasAgg(figure).draw()
    return found


def said(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in texts(figure))


def check_texts(figure: Figure) -> None:
    """No text lies on another or reaches over the edge of the sheet."""
    found = texts(figure)
    assert found
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in found]
    for text, box in zip(found, boxes, strict=True):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{text.get_text()!r} is cut off"
    for (one, a), (other, b) in itertools.combinations(zip(found, boxes, strict=True), 2):
        across, down = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert across <= 1 or down <= 1, f"{one.get_text()!r} lies on {other.get_text()!r}"


def pictures(n: int, side: int = 24) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 3, side, side), dtype=np.uint8)


def run(epochs: int, *, val: bool = True, top5: bool = True, drops: Sequence[int] = ()) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"kind": "interval", "epoch": 1, "train_loss": 9.0, "rate": 0.1}]
    rate = 0.01
    for epoch in range(1, epochs + 1):
        rate = rate / 10 if epoch in drops else rate
        row = {"kind": "epoch", "epoch": epoch, "train_loss": 2 / epoch, "train_top1_error": 90 / epoch, "rate": rate}
        if val:
            row |= {"val_loss": 2.2 / epoch, "val_top1_error": 95 / epoch, "val_top5_error": 40 / epoch * top5}
        rows.append(row)
    return rows


def scores_of(k: int, n: int = 400) -> tuple[list[ClassScores], Calibration, np.ndarray]:
    generator = np.random.default_rng(1)
    probabilities, labels = generator.dirichlet(np.full(k, 0.4), n), generator.integers(0, k, n)
    matrix = generator.poisson(0.2, (k, k)) + np.diag(generator.integers(1, 99, k))
    return per_class(probabilities, labels, names(k)), calibration(probabilities, labels), matrix


def five(k: int = 5) -> list[tuple[str, float]]:
    return [(name, 0.6 / 2**i) for i, name in enumerate(names(k))]


DRAWN: dict[str, Callable[[], Figure]] = {
    "samples": lambda: figures.samples(pictures(11), names(11), title="Some", note="of 11"),
    "one sample": lambda: figures.samples(pictures(1, 200), ["one"]),
    "many samples": lambda: figures.samples(pictures(40), ["t-shirt"] * 40),
    "curves": lambda: figures.curves(run(40, drops=(10, 20, 30)), note="val, centre crop, 476 pictures"),
    "curves of one epoch": lambda: figures.curves(run(1)),
    "curves without validation": lambda: figures.curves(run(9, val=False)),
    "curves of four classes": lambda: figures.curves(run(300, top5=False)),
    "kernels": lambda: figures.kernels(np.random.default_rng(0).normal(size=(96, 3, 11, 11)), columns=2, title="conv1"),
    "few kernels": lambda: figures.kernels(np.zeros((5, 3, 3, 5)), note="all zero"),
    "grey kernels": lambda: figures.kernels(np.random.default_rng(0).normal(size=(256, 48, 5, 5)), columns=2, note="x"),
    "kernels of few channels": lambda: figures.kernels(np.random.default_rng(0).normal(size=(6, 2, 3, 3))),
    "confusion of 2": lambda: figures.confusion(np.array([[12345, 3], [0, 0]]), ["cat", "a" * 90]),
    "confusion of 10": lambda: figures.confusion(scores_of(10)[2], names(10), note="val"),
    "confusion of 20": lambda: figures.confusion(scores_of(20)[2] * 100, names(20)),
    "calibration": lambda: figures.calibration(scores_of(10)[1], note="val"),
    "panels": lambda: figures.panels(pictures(8, 160), [*names(4), None, "x", "y", "z"], [five()] * 8, note="val"),
    "one panel": lambda: figures.panels(pictures(1), ["a"], [five(2)]),
    "two classes": lambda: figures.per_class(scores_of(2)[0]),
    "60 classes": lambda: figures.per_class(scores_of(60)[0], note="val"),
    "120 classes": lambda: figures.per_class(scores_of(120)[0]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_no_text_lies_on_another(name: str) -> None:
    check_texts(DRAWN[name]())


@pytest.mark.parametrize("k", [40, 120])
def test_names_of_many_classes_fit(k: int) -> None:
    figure = figures.confusion(scores_of(k)[2], [f"{i} a long name of a class" for i in range(k)])
    labels = [text for text in texts(figure) if "long name" in text.get_text()]
    assert len(labels) == 2 * k
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    down = sorted(text.get_window_extent(canvas.get_renderer()).y0 for text in labels if text.get_rotation() == 0)
    size = labels[0].get_fontsize() * figure.dpi / 72
    assert len(down) == k
    assert min(b - a for a, b in itertools.pairwise(down)) >= 0.95 * size
    assert labels[0].get_fontsize() >= 5.5


def test_a_thousand_classes_go_by_number() -> None:
    figure = figures.confusion(np.eye(1000, dtype=int), [f"class {i}" for i in range(1000)])
    assert "by number" in said(figure)
    assert "class 7" not in said(figure)


@pytest.mark.parametrize("name", ["samples", "curves", "kernels", "confusion of 10", "calibration", "60 classes"])
def test_equal_figures_are_equal_bytes_without_time_or_version(name: str, tmp_path: Path) -> None:
    for place in ("a.png", "b.png"):
        figures.save(DRAWN[name](), tmp_path / place)
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert set(image.info) <= {"dpi"}
        assert image.mode in ("RGB", "RGBA")


def test_a_users_settings_neither_matter_nor_change() -> None:
    plainly = figures.png(DRAWN["curves"]())
    theirs = {"axes.facecolor": "black", "font.size": 30, "text.usetex": True, "savefig.bbox": "tight"}
    with matplotlib.rc_context(theirs):
        assert figures.png(DRAWN["curves"]()) == plainly
        assert {key: matplotlib.rcParams[key] for key in theirs} == theirs


def test_the_best_epoch_and_the_drops_are_marked() -> None:
    rows = run(30, drops=(11, 21))
    rows[8]["val_top1_error"] = rows[15]["val_top1_error"] = 1.25
    figure = figures.curves(rows)
    assert "best 1.2% in epoch 8" in said(figure)
    assert "the rate falls" in said(figure)
    for axes in figure.subfigs[0].axes:
        dotted = [
            line.get_xdata() for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
        ]
        assert sorted(float(x[0]) for x in dotted) == [10.5, 20.5]
    assert "the rate falls" not in said(figures.curves(run(5)))
    assert "best" not in said(figures.curves(run(5, val=False)))


def test_only_drops_from_a_constant_rate_count() -> None:
    assert rate_drops([1, 1, 0.1, 0.1, 0.01]) == [2, 4]
    assert rate_drops([1, 0.1, 0.1]) == [1]
    assert rate_drops([0.048, 0.033, 0.017, 0.002]) == []
    assert rate_drops([0.5 * (1 + math.cos(math.pi * i / 20)) for i in range(20)]) == []
    assert rate_drops([0.1, 0.5, 1, 1]) == []


def test_names_with_and_without_the_splits_prefix_draw_the_same() -> None:
    rows = run(12)
    bare = [{key.removeprefix("val_"): value for key, value in row.items()} for row in rows]
    assert figures.png(figures.curves(rows)) == figures.png(figures.curves(bare))


def test_a_loss_that_exploded_is_drawn() -> None:
    rows = run(6)
    rows[3]["train_loss"], rows[3]["val_loss"] = float("nan"), float("inf")
    rows[1]["train_loss"] = 5e8
    check_texts(figures.curves(rows))


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="no epochs"):
        figures.curves(run(0))
    with pytest.raises(ValueError, match="no class has a picture"):
        figures.per_class([])


def test_kernels_share_one_scale_and_the_columns_lie_apart() -> None:
    weights = np.zeros((4, 3, 4, 4))
    weights[0], weights[3] = 1.0, -0.5
    figure = figures.kernels(weights, columns=2)
    upper, lower = (np.asarray(axes.images[0].get_array()) for axes in figure.subfigs[0].axes)
    assert upper[0, 0].tolist() == [255, 255, 255]
    assert upper[0, -2].tolist() == [128, 128, 128]
    assert lower[0, -2].tolist() == [64, 64, 64]
    assert "column 1" in said(figure)
    assert "column 2: kernels 2 to 3" in said(figure)


def test_kernels_without_colour_say_what_is_shown() -> None:
    weights = np.full((20, 32, 3, 3), 0.1)
    weights[[3, 17]] = 1
    weights[:, 30] *= 2
    found = said(figures.kernels(weights))
    assert "8 of 20 kernels, those of largest norm" in found
    assert "grey" in found
    assert "the 16 of 32 of largest norm" in found
    assert "30" in found.splitlines()
    assert "kernel 3" in found
    assert "kernel 17" in found


def test_the_true_class_is_marked_by_more_than_colour() -> None:
    figure = figures.panels(pictures(1), ["hat"], [[("shoe", 0.7), ("hat", 0.2)]])
    ticked = [text for text in texts(figure) if "\u2713" in text.get_text()]
    assert [text.get_text() for text in ticked] == ["hat \u2713"]
    assert ticked[0].get_fontweight() == "bold"


def test_classes_without_pictures_have_no_bar_and_the_rest_keep_their_names() -> None:
    rows = per_class(np.eye(3)[[0, 0, 2]], np.array([0, 0, 2]), ["a", "b", "c"])
    found = said(figures.per_class(rows))
    assert "a  (2)" in found
    assert "b  (" not in found


def test_letters_that_the_bold_font_lacks_are_not_missed() -> None:
    normal, bold = (
        set(
            font_manager.get_font(
                font_manager.findfont(FontProperties(family="DejaVu Sans", weight=weight))
            ).get_charmap()
        )
        for weight in ("normal", "bold")
    )
    lacking = "".join(map(chr, sorted(normal - bold)[:200]))
    figure = Figure(figsize=(3, 1))
    figure.text(0, 0, plain(lacking), fontweight="bold")
    FigureCanvasAgg(figure).draw()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(3, 30))
def test_any_text_can_be_drawn(text: str, limit: int) -> None:
    short = plain(text, limit)
    assert len(short.replace(r"\$", "$")) <= limit
    assert "\n" not in short
    figure = Figure(figsize=(3, 1))
    figure.text(0, 0, short)
    figure.text(0, 0.5, short, fontweight="bold")
    FigureCanvasAgg(figure).draw()  # a missing glyph or a formula that is none would warn or raise


def test_short_names_stay_distinct() -> None:
    classes = ["a rather long name of a cat", "a rather long name of a dog", "short", "short name"]
    found = short_names(classes, 12)
    assert len(set(found)) == 4
    assert found[2:] == ["short", "short name"]
    assert found[0].endswith("cat")
    assert all(len(name) <= 12 for name in found)
    assert short_names(["\U000f0000\U000f0001", ""], 12) == ["class 0", "class 1"]
    assert plain("costs $5 and $6") == r"costs \$5 and \$6"


def test_real_photographs(shared_data: Path, tmp_path: Path) -> None:
    paths = sorted((shared_data / "clothing" / "val" / "hat").glob("*.jpg"))[:8]
    images = np.stack([np.asarray(Image.open(path).resize((96, 96))).transpose(2, 0, 1) for path in paths])
    figures.save(figures.samples(images, ["hat"] * 8), tmp_path / "s.png")
    with Image.open(tmp_path / "s.png") as drawn:
        colours = np.asarray(drawn.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) > 5000
