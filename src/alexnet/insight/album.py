"""What has this run's network learned, all on one page? Every topic's figures, written into RUN/look."""

from __future__ import annotations

import difflib
import importlib
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from alexnet import device as machines
from alexnet.drawing.page import Page
from alexnet.drawing.style import png, svg
from alexnet.insight.album_folder import AlbumFolder
from alexnet.insight.panel import Panel
from alexnet.training.folder import write_json
from alexnet.training.listener import Listener, Silent
from alexnet.training.run import Run, load


class Topic(NamedTuple):
    """A part of the album, and the file in `alexnet.insight` whose `panels` makes it."""

    module: str
    title: str
    purpose: str
    by_pictures: bool = False
    """Whether the `limit` of its panels counts pictures, as `--pictures` does."""


#: In the order in which they stand in the album.
TOPICS = {
    "kernels": Topic("kernels", "Kernels", "what the convolutions look for, and whether two columns share the work"),
    "sparsity": Topic("sparsity", "Sparsity", "how many units are silent, layer by layer, and which never speak", True),
    "maps": Topic("maps", "Feature maps", "what every layer makes of one picture"),
    "curves": Topic("curves", "Curves", "how the loss and the errors fell"),
    "predictions": Topic("predictions", "Predictions", "what it says, where it errs, and what it mixes up", True),
    "neighbours": Topic("neighbours", "Neighbours", "which training pictures are alike to it", True),
    "codes": Topic("codes", "Codes", "how short a code of a picture may be and still find its like", True),
    "concept_map": Topic("concept_map", "Concept map", "which classes lie near each other", True),
    "attribution": Topic("attribution", "Attribution", "which pixels it decides by"),
    "imagined": Topic("imagined", "Imagined pictures", "what excites a unit most"),
    "probes": Topic("probes", "Probes", "what happens when pictures are shifted, recoloured, noisy or hidden", True),
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A topic that the album holds."""

    topic: str
    panels: tuple[str, ...]
    """Names of its figures' files, without an ending."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A topic that it does not hold, and why."""

    topic: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Album:
    """What was made."""

    folder: Path
    shown: tuple[Shown, ...]
    missing: tuple[Missing, ...]

    @property
    def page(self) -> Path:
        return self.folder / "index.html"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: page, topics with their figures and seconds, and what is missing and why."""
        return {
            "page": str(self.page),
            "topics": {
                one.topic: {"figures": list(one.panels), "seconds": round(one.seconds, 3)} for one in self.shown
            },
            "missing": {one.topic: one.why for one in self.missing},
        }


def album(
    run: Run | str | os.PathLike[str],
    *,
    only: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 0,
    pictures: int | None = None,
    svgs: bool = False,
    listener: Listener | None = None,
) -> Album:
    """Make the album of a run: index.html, a PNG file a figure, and look.json with every figure's numbers.

    An album that is there already is replaced as a whole when the new one is complete, and stays if that fails. The
    same run gives the same bytes on the same machine. A topic that cannot be made, for want of a library or of the
    run's pictures, is left out with the sentence that says why.

    Args:
        run: a run, its folder, or a file of its weights.
        only: names of TOPICS; none means all.
        out: the folder; None is `look` in the run's folder.
        pictures: how many each topic that looks at many takes, where its own number is not wanted.
        svgs: also write each figure as SVG.

    Raises:
        ValueError: no such run or topic (the nearest is named), no topic that could be made, fewer than one picture,
            or a folder that holds something else than an album.
    """
    wanted = topics_named(only)
    if pictures is not None and pictures < 1:
        raise ValueError(f"--pictures takes 1 or more, not {pictures}")
    listener = listener or Silent()
    run = run if isinstance(run, Run) else load(run)
    machine = machines.choose(device, threads)
    shown: list[Shown] = []
    missing: list[Missing] = []
    values: list[dict[str, Any]] = []
    page = Page(f"Inside {_name(run)}", _lead(run))
    with AlbumFolder(Path(out) if out is not None else run.folder / "look") as folder:
        for number, name in enumerate(wanted, 1):
            topic, begun = TOPICS[name], time.monotonic()
            listener.say(f"[{number} of {len(wanted)}] {name}: {topic.purpose}")
            section, why = _Section(page, topic), ""
            try:
                for panel in _panels(topic, run, machine.device, pictures):
                    section.add(panel, folder.part, svgs)
                why = "" if section.figures else f"the network has nothing to show of {topic.title.lower()}"
            except ValueError as error:  # what was made before it stays
                why = str(error)
            if why:
                missing.append(Missing(topic=name, why=why))
                listener.say(f"    left out: {why}")
            if section.figures:
                names, seconds = tuple(one["name"] for one in section.figures), time.monotonic() - begun
                shown.append(Shown(topic=name, panels=names, seconds=seconds))
                words = {"topic": name, "title": topic.title, "purpose": topic.purpose}
                values.append({**words, "figures": section.figures})
                listener.say(f"    {len(names)} figure{'s' * (len(names) != 1)}, {seconds:.1f} s")
        if not shown:
            raise ValueError(missing[0].why if len(missing) == 1 else f"no figure could be made: {missing[0].why}")
        _close(page, run, missing)
        page.write(folder.part / "index.html")
        left = {one.topic: one.why for one in missing}
        write_json(folder.part / "look.json", {**_about(run), "topics": values, "missing": left})
        folder.put_in_place()
    return Album(folder=folder.path, shown=tuple(shown), missing=tuple(missing))


def topics_named(names: Sequence[str]) -> tuple[str, ...]:
    """The topics of some names, in the album's order; all where none is named. Raises ValueError for a wrong one."""
    for name in names:
        if name not in TOPICS:
            near = difflib.get_close_matches(name, TOPICS, n=1, cutoff=0.5)
            advice = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(TOPICS)}"
            raise ValueError(f"the album has no topic {name!r}; {advice}")
    return tuple(name for name in TOPICS if name in names or not names)


def _panels(topic: Topic, run: Run, device: str, pictures: int | None) -> Iterator[Panel]:
    module = importlib.import_module(f"alexnet.insight.{topic.module}")
    limit = {"limit": pictures} if pictures is not None and topic.by_pictures else {}
    found: Iterator[Panel] = module.panels(run, device=device, **limit)
    return found


class _Section:
    """A topic's part of the page, begun with its first figure."""

    def __init__(self, page: Page, topic: Topic) -> None:
        self._page, self._topic = page, topic
        self.figures: list[dict[str, Any]] = []
        """What look.json says of them."""

    def add(self, panel: Panel, folder: Path, svgs: bool) -> None:
        """Put a figure into the page and the folder."""
        if not self.figures:
            self._page.section(self._topic.title)
            self._page.paragraph(f"{self._topic.purpose[:1].upper()}{self._topic.purpose[1:]}.")
        picture, file = png(panel.figure), folder / f"{panel.name}.png"
        assert not file.exists(), f"two figures of the album are called {panel.name}"
        file.write_bytes(picture)
        if svgs:
            file.with_suffix(".svg").write_bytes(svg(panel.figure))
        self._page.figure(picture, alt=panel.title, caption=panel.caption)
        words = {"name": panel.name, "title": panel.title, "caption": panel.caption}
        self.figures.append({**words, "numbers": plain_values(panel.numbers)})


def plain_values(value: Any) -> Any:
    """Numbers as JSON knows them: numpy's become Python's, and what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain_values(one) for key, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain_values(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain_values(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _name(run: Run) -> str:
    return run.folder.resolve().name


def _lead(run: Run) -> str:
    found = run.trained.metadata.get("provenance", {})
    trained = f" in {found['step']:,} steps on {found['data']}" if {"step", "data"} <= set(found) else ""
    return (
        f"What a network of the AlexNet family ({run.config.model.table}) has learned{trained}, to tell "
        f"{len(run.classes):,} class{'es' * (len(run.classes) != 1)} apart."
    )


def _about(run: Run) -> dict[str, Any]:
    found = run.trained.metadata.get("provenance", {})
    return {
        "format": AlbumFolder.FORMAT,
        "run": _name(run),
        "config_digest": run.config.digest,
        "trained": {name: found[name] for name in ("data", "fingerprint", "step") if name in found},
    }


def _close(page: Page, run: Run, missing: Sequence[Missing]) -> None:
    if missing:
        page.section("What is not here")
        page.table(("topic", "why"), [(TOPICS[one.topic].title, f"{one.why}.") for one in missing])
    page.section("The numbers")
    page.paragraph("Every figure is also a file beside this page, and the numbers behind it are in one file.")
    page.files((("look.json", "what every figure shows, as numbers"),))
    page.footer(f"Run {_name(run)}; configuration {run.config.digest}.")
