"""Is the page whole, self-contained and safe, whatever the names in it?"""

from __future__ import annotations

import base64
import html.parser
import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from alexnet.drawing.page import Page

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(html.parser.HTMLParser):
    """Checks that every element is closed in its turn; collects tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data if self.open[-1:] != ["style"] else ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def png(width: int = 32, height: int = 20) -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(target, "PNG")
    return target.getvalue()


def full(text: str = "text") -> Page:
    page = Page(text, text)
    page.section(text)
    page.tiles([("25.2%", text, text), ("1", text, "")])
    page.heading(text)
    page.paragraph(text)
    page.section(text)
    page.table(["class", "n"], [[text, "1"], ["b", "2,000"]], caption=text)
    page.figure(png(), alt=text or "x", caption=text)
    with page.details(text):
        page.code(text)
    page.files([(text, text)])
    page.footer(text)
    return page


def test_a_page_is_whole_and_asks_for_nothing() -> None:
    text = full().html()
    read = Reader(text)
    assert read.all("html") == [{"lang": "en"}]
    assert not read.all("script")
    for tag, attributes in read.tags:
        for key in ("src", "href", "srcset", "action", "data"):
            if key in attributes:
                assert re.match(r"data:|#|text$", attributes[key]), (tag, attributes[key][:60])
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert any(one.get("name") == "viewport" for one in read.all("meta"))
    assert any("default-src 'none'" in one.get("content", "") for one in read.all("meta"))


@settings(max_examples=50, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=30))
@example("\ud800")  # no byte stands for it
def test_no_name_can_become_markup(text: str) -> None:
    plain = [tag for tag, _ in Reader(full("text").html()).tags]
    read = Reader(full(f"{text}<b onclick='x'>&amp;\"</style><script>1</script>").html())
    assert [tag for tag, _ in read.tags] == plain
    assert "<script>1</script>" in read.words
    assert "&amp;" in read.words


def test_file_names_that_are_no_text_can_be_written(tmp_path: Path) -> None:
    full("odd \udcff \x00 name").write(tmp_path / "p.html")
    assert "\x00" not in (tmp_path / "p.html").read_text(encoding="utf-8")


def test_pictures_are_held_in_the_page() -> None:
    page = Page("t")
    page.figure(png(1600, 800), alt='a "picture"', caption="what it shows")
    page.figure(png(160, 80), alt="small")
    large, small = Reader(page.html()).all("img")
    assert base64.b64decode(large["src"].removeprefix("data:image/png;base64,")) == png(1600, 800)
    assert (large["width"], large["height"], large["alt"]) == ("1600", "800", 'a "picture"')
    assert "min-width:560px" in large["style"]
    assert "min-width:100px" in small["style"]
    assert "max-width:calc(1000px" in page.html()
    with pytest.raises(AssertionError):
        page.figure(b"GIF89a", alt="not a PNG picture")
    with pytest.raises(AssertionError):
        page.figure(png(), alt="")


def test_columns_of_numbers_are_set_to_the_right() -> None:
    page = Page("t")
    page.table(
        ["class", "n", "recall", "mixed", "empty"],
        [["a", "1,000", "25.2% [21, 29]", "1", ""], ["b", "-2.5e-3", "", "x", ""]],
    )
    classes = [one.get("class", "") for one in Reader(page.html()).all("th")]
    assert classes == ["", "number", "number", "", ""]
    page.table(["nothing"], [])


def test_links_lead_to_sections_and_to_files_beside_the_page() -> None:
    page = Page("t")
    page.section("One")
    assert not Reader(page.html()).all("nav")
    page.section("Two")
    page.files([("a b/ü#?.csv", "odd"), ("javascript:alert(1)", "no scheme"), ("//host/x", "no host")])
    read = Reader(page.html())
    ids = {f"#{one['id']}" for one in read.all("h2")}
    links = [one["href"] for one in read.all("a")]
    assert set(links[:2]) == ids
    assert links[2:4] == ["a%20b/%C3%BC%23%3F.csv", "javascript%3Aalert%281%29"]
    assert not links[4].startswith("//")


def test_equal_contents_give_equal_pages(tmp_path: Path) -> None:
    full().write(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text(encoding="utf-8") == full().html()
