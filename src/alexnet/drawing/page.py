"""How do results become a page a person reads? One self-contained HTML file: no script, no request, light or dark."""

from __future__ import annotations

import base64
import contextlib
import html
import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from alexnet.drawing.style import DPI

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --ink: #1f2328; --quiet: #5b6470; --line: #e3e6ea;
  --accent: #0072b2; --code: #f2f4f6; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1c2127; --ink: #e6e9ed; --quiet: #a0a9b4;
  --line: #323941; --accent: #6cb8e6; --code: #23292f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2.2rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 2.8rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
p, figcaption, summary, .lead { max-width: 46rem; }
p { margin: 0 0 .9rem; }
a { color: var(--accent); }
.lead { color: var(--quiet); font-size: 1.06rem; margin: 0 0 1.2rem; }
nav { margin: 0 0 1.6rem; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .92rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .8rem; margin: 0 0 1.4rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; }
.tile b { display: block; font-size: clamp(1.25rem, .4rem + 2.2vw, 1.75rem); line-height: 1.25; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: .9rem; }
.tile small { display: block; color: var(--quiet); font-size: .8rem; line-height: 1.4; margin-top: .15rem; }
.scroll { overflow-x: auto; margin: 0 0 1.2rem; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--quiet); font-size: .88rem; padding: 0 0 .4rem; }
th, td { padding: .32rem .9rem .32rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--quiet); white-space: nowrap; }
td:first-child { overflow-wrap: anywhere; min-width: 8rem; }
.number { text-align: right; white-space: nowrap; }
.files { list-style: none; padding: 0; margin: 0 0 1rem; }
.files li { margin: 0 0 .25rem; color: var(--quiet); }
figure { margin: 0 0 1.6rem; }
.picture { overflow-x: auto; background: #fff; border: 1px solid var(--line); border-radius: 10px; padding: .7rem; }
.picture img { display: block; width: 100%; height: auto; }
figcaption { color: var(--quiet); font-size: .9rem; margin-top: .5rem; }
pre, code { font: .86rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre { background: var(--code); border-radius: 8px; padding: .7rem .9rem; overflow-x: auto; margin: 0 0 1rem; }
details { border: 1px solid var(--line); border-radius: 10px; padding: .55rem .95rem; margin: 0 0 1rem;
  background: var(--card); }
details[open] { padding-bottom: .3rem; }
summary { cursor: pointer; font-weight: 600; }
details[open] > summary { margin-bottom: .7rem; }
footer { margin-top: 3rem; padding-top: .9rem; border-top: 1px solid var(--line); color: var(--quiet);
  font-size: .85rem; }
@media (max-width: 34rem) { main { padding: 1.3rem .9rem 3rem; } h1 { font-size: 1.5rem; }
  .tiles { grid-template-columns: 1fr 1fr; gap: .6rem; } .tile { padding: .6rem .75rem; }
  .tile b { font-size: 1.35rem; } .picture { padding: .4rem; } }
@media print { .picture, .tile, details { break-inside: avoid; } nav { display: none; } }
"""

#: No figure is shown narrower than this; on a phone one scrolls it sideways instead of guessing at its letters.
NARROWEST = 560

#: What looks like a number in a table, and is set to the right.
_NUMBER = re.compile(r"[-+\u2212]?[\d][\d,.\u00a0 ]*(e[-+]?\d+)?( ?%| ?s| ?MB| ?GB)?( \[.*\])?")


class Page:
    """A page that grows from top to bottom. All text is text: `<`, `&` and quotes in names mean nothing."""

    def __init__(self, title: str, lead: str = "") -> None:
        self._title = title
        self._lead = lead
        self._sections: list[str] = []
        self._body: list[str] = []
        self._foot = ""

    def section(self, title: str) -> None:
        """A heading of the first rank; from two on, the page begins with links to them."""
        self._sections.append(title)
        self._body.append(f'<h2 id="section-{len(self._sections)}">{_text(title)}</h2>')

    def heading(self, title: str) -> None:
        """A smaller heading within a section."""
        self._body.append(f"<h3>{_text(title)}</h3>")

    def paragraph(self, text: str) -> None:
        self._body.append(f"<p>{_text(text)}</p>")

    def tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """Key figures side by side: (value, what it is, and in small letters what belongs to it), each perhaps ""."""
        cells = (
            f'<div class="tile"><b>{_text(value)}</b><span>{_text(name)}</span>'
            + (f"<small>{_text(note)}</small>" if note else "")
            + "</div>"
            for value, name, note in tiles
        )
        self._body.append(f'<div class="tiles">{"".join(cells)}</div>')

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> None:
        """Rows of texts under a header; columns that hold only numbers are set to the right."""
        assert all(len(row) == len(header) for row in rows)
        columns = zip(*rows, strict=True) if rows else [()] * len(header)
        marks = [
            ' class="number"' if any(column) and all(not cell or _NUMBER.fullmatch(cell) for cell in column) else ""
            for column in columns
        ]
        head = "".join(f'<th scope="col"{mark}>{_text(name)}</th>' for name, mark in zip(header, marks, strict=True))
        body = "".join(
            f"<tr>{''.join(f'<td{mark}>{_text(cell)}</td>' for cell, mark in zip(row, marks, strict=True))}</tr>\n"
            for row in rows
        )
        said = f"<caption>{_text(caption)}</caption>" if caption else ""
        self._body.append(
            f'<div class="scroll"><table>{said}<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>'
        )

    def figure(self, png: bytes, *, alt: str, caption: str = "") -> None:
        """A PNG picture, held in the page itself, never larger than it was drawn.

        Args:
            alt: what it shows, for those who cannot see it.
        """
        assert alt, "a figure without words is nothing to those who cannot see it"
        width, height = _size(png)
        shown = round(width * 100 / DPI)
        data = base64.b64encode(png).decode("ascii")
        said = f"<figcaption>{_text(caption)}</figcaption>" if caption else ""
        self._body.append(
            f'<figure><div class="picture" style="max-width:calc({shown}px + 1.5rem)">'
            f'<img src="data:image/png;base64,{data}" alt="{_text(alt)}" width="{width}" '
            f'height="{height}" style="min-width:{min(NARROWEST, shown)}px"></div>{said}</figure>'
        )

    def code(self, text: str) -> None:
        """Commands or a file's text, as it is."""
        self._body.append(f"<pre><code>{_text(text)}</code></pre>")

    def files(self, files: Sequence[tuple[str, str]]) -> None:
        """Links to files beside the page: (path relative to it, what it holds)."""
        links = ((_address(path.lstrip("/")), path, what) for path, what in files)
        items = (f'<li><a href="{link}">{_text(path)}</a> {_text(what)}</li>' for link, path, what in links)
        self._body.append(f'<ul class="files">{"".join(items)}</ul>')

    @contextlib.contextmanager
    def details(self, summary: str, *, opened: bool = False) -> Iterator[None]:
        """What is added inside the `with` is folded away under `summary` until it is clicked."""
        self._body.append(f"<details{' open' if opened else ''}><summary>{_text(summary)}</summary>")
        yield
        self._body.append("</details>")

    def footer(self, text: str) -> None:
        self._foot = f"<footer>{_text(text)}</footer>\n"

    def html(self) -> str:
        """The whole page. Equal contents give equal text."""
        links = "".join(
            f'<a href="#section-{number}">{_text(title)}</a>' for number, title in enumerate(self._sections, 1)
        )
        nav = f'<nav aria-label="Sections">{links}</nav>\n' if len(self._sections) > 1 else ""
        lead = f'<p class="lead">{_text(self._lead)}</p>\n' if self._lead else ""
        body = "\n".join(self._body)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            # Even a mistake of ours cannot make the page ask for anything.
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">\n"
            f'<link rel="icon" href="data:,">\n<title>{_text(self._title)}</title>\n<style>{STYLE}</style>\n</head>\n'
            f"<body>\n<main>\n<h1>{_text(self._title)}</h1>\n{lead}{nav}{body}\n{self._foot}</main>\n</body>\n</html>\n"
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page as UTF-8."""
        Path(path).write_text(self.html(), encoding="utf-8")


def _text(text: str) -> str:
    """Text as HTML; bytes of file names that are no text, and control characters, become question marks."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return html.escape(re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "\ufffd", text), quote=True)


def _address(path: str) -> str:
    """A path as a link: its own bytes, where it came from the file system; what stands for no bytes becomes a `?`."""
    try:
        return quote(path, errors="surrogateescape")
    except UnicodeEncodeError:
        return quote(path, errors="replace")


def _size(png: bytes) -> tuple[int, int]:
    """Width and height of a PNG picture, pixels."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG picture"
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)
