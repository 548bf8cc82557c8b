"""How does a report become Markdown? The calls of `drawing.page.Page`, and text that stays text."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from alexnet.study.numbers import seeds_of
from alexnet.study.outcome import Study

#: What would begin something at the start of a line: a heading, a list, a quotation, a rule.
_STARTS = re.compile(r"^(\s*)([#>+-]|\d+(?=[.)]\s)|\[)")


class MarkdownPage:
    """A page that grows from top to bottom, written as GitHub reads it. Characters in names mean nothing.

    What is folded away in HTML stands here in full; of a figure there are its words.
    """

    def __init__(self, title: str, lead: str = "") -> None:
        self._parts = [f"# {text(title)}"]
        if lead:
            self.paragraph(lead)

    def section(self, title: str) -> None:
        self._parts.append(f"## {text(title)}")

    def heading(self, title: str) -> None:
        self._parts.append(f"### {text(title)}")

    def paragraph(self, words: str) -> None:
        self._parts.append(_line(words))

    def tiles(self, tiles: Sequence[tuple[str, str, str]]) -> None:
        """A list: the value in bold letters, what it is, and what belongs to it."""
        rows = (
            f"- **{text(value)}** {text(name)}" + (f": {text(note)}" if note else "") for value, name, note in tiles
        )
        self._parts.append("\n".join(rows))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, caption: str = "") -> None:
        assert all(len(row) == len(header) for row in rows)
        if caption:
            self.paragraph(caption)
        lines = [
            [text(name) for name in header],
            ["---"] * len(header),
            *([text(cell) for cell in row] for row in rows),
        ]
        self._parts.append("\n".join(_row(line) for line in lines))

    def figure(self, png: bytes, *, alt: str, caption: str = "") -> None:
        """Its words: the picture itself is in the HTML page."""
        del png
        self._parts.append(f"*Figure: {text(alt)}*" + (f"\n{text(caption)}" if caption else ""))

    def code(self, words: str) -> None:
        ticks = max((len(run) for run in re.findall("`+", words)), default=0)
        fence = "`" * max(3, ticks + 1)
        self._parts.append(f"{fence}\n{words}\n{fence}")

    @contextlib.contextmanager
    def details(self, summary: str, *, opened: bool = False) -> Iterator[None]:
        """What HTML folds away, under a heading."""
        del opened
        self._parts.append(f"### {text(summary)}")
        yield

    def footer(self, words: str) -> None:
        self._parts += ["---", _line(words)]

    def raw(self, markdown: str) -> None:
        """Markdown of ours, such as a paragraph with links."""
        self._parts.append(markdown)

    def markdown(self) -> str:
        """The whole page. Equal contents give equal text."""
        return "\n\n".join(self._parts) + "\n"

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page as UTF-8."""
        Path(path).write_text(self.markdown(), encoding="utf-8")


def summary(study: Study) -> str:
    """Claim by claim its verdict and answer, for a terminal."""
    parts = [f"{study.data}: {study.held_out}; {study.scale} scale, {seeds_of(study)}"]
    for one in study.outcomes:
        said = f"not run\n    {one.skipped}" if one.skipped else f"{one.verdict}\n    {one.sentence}"
        parts.append(f"{one.claim}: {said}")
    return "\n".join(parts) + "\n"


def text(words: str) -> str:
    """Text as Markdown that shows exactly it, on one line; what no byte stands for becomes a question mark."""
    words = " ".join(words.encode("utf-8", "replace").decode("utf-8").split())
    words = re.sub(r"[\x00-\x1f\x7f-\x9f]", "\ufffd", words)
    words = re.sub(r"[\\`*~|$]", r"\\\g<0>", words)
    words = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", words)  # within a word it means nothing
    words = words.replace("](", "]\\(").replace("![", "!\\[")
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _line(words: str) -> str:
    """Text that begins a line of its own."""
    return _STARTS.sub(lambda found: f"{found[1]}{_kept(found[2])}", text(words))


def _kept(start: str) -> str:
    # A number keeps its digits; what follows it would make it a list.
    return start + "\\" if start.isdigit() else "\\" + start


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
