"""Which pictures are like these? Answers for any number of files, as lines, JSON, a CSV file and figures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from alexnet import device as machines
from alexnet.data.origins import nothing_there, shown
from alexnet.drawing.neighbours import MOST_FOUND
from alexnet.drawing.neighbours import neighbours as draw
from alexnet.drawing.style import save
from alexnet.insight.answers import Answer, Neighbour, Similar, write_answers
from alexnet.insight.features import Feature, compute, last_hidden, pictures_of
from alexnet.insight.index import Index, of_source, of_training
from alexnet.insight.search import CALLED, Nearest, nearest, require
from alexnet.training.listener import Listener, Silent
from alexnet.training.run import Run, load

#: Pictures asked about in one figure, and those that are searched for together.
_DRAWN, _TOGETHER = 6, 240


def similar(
    run: Run | str | os.PathLike[str],
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    index: str | os.PathLike[str] | None = None,
    layer: str | None = None,
    metric: str = "euclidean",
    number: int = 6,
    how: str = "exact",
    out: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int = 0,
    left_out: Callable[[str, str], None] | None = None,
    listener: Listener | None = None,
) -> Similar:
    """The pictures most like each of `pictures`: those whose values in a layer lie nearest.

    A picture that is itself among those searched is its own nearest, at distance 0 but for rounding.

    Args:
        run: a run, its folder, or a file of its weights.
        pictures: files, folders and lists, or a source with classes.
        index: pictures to search, of any source or folder; None = those that the run was trained on.
        layer: a row of the network's table; None is what the last dense layer reads.
        metric: "euclidean" or "cosine". how: "exact" or "faiss" (`search.nearest`).
        out: a folder for figures of six pictures each, neighbours-001.png and so on, which show at most ten found ones,
            and for neighbours.csv; files of these names are replaced.
        left_out: told the path and the reason of every file that cannot be read, which does not stop the others.

    Raises:
        ValueError: no such run, layer or source, nothing readable among the pictures or to search, a run without the
            pictures it was trained on, `out` cannot be written, or faiss is missing.
    """
    require(metric, how, number)
    run = run if isinstance(run, Run) else load(run)
    layer = last_hidden(run.network) if layer is None else layer
    run.network.layer(layer)
    machine = machines.choose(device, threads)
    skipped: list[tuple[str, str]] = []

    def skip(path: str, reason: str) -> None:
        skipped.append((path, reason))
        if left_out is not None:
            left_out(path, reason)

    wanted = compute(run, pictures_of(_present(pictures, skip), run)[1], layer, machine)
    among: Index | None = None
    answers: list[Answer] = []
    written: list[str] = []
    folder = None if out is None else _made(Path(out))
    while some := _readable(wanted, skip):
        if among is None:  # not before, so that a mistake in the pictures costs no search
            if index is None:
                among = of_training(run, layer, machine, listener or Silent())
            else:
                among = of_source(run, index, layer, machine, skip)
        asked = np.stack([one.values for one, _ in some if one.values is not None])
        found = nearest(asked, among.values, number, metric=metric, how=how)
        answers += _answers([one for one, _ in some], among, found)
        if folder is not None:
            for first in range(0, len(some), _DRAWN):
                place = folder / f"neighbours-{len(written) + 1:03d}.png"
                _draw(place, some[first : first + _DRAWN], among, found, first, metric)
                written.append(str(place))
    if among is None:
        raise ValueError("none of the files given is a picture that can be read")
    if folder is not None:
        write_answers(folder / "neighbours.csv", answers)
        written.append(str(folder / "neighbours.csv"))
    return Similar(
        answers=tuple(answers),
        left_out=tuple(skipped),
        among=among.name,
        pictures=len(among),
        layer=layer,
        values=among.values.shape[1],
        metric=metric,
        written=tuple(written),
    )


def _present(
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], skip: Callable[[str, str], None]
) -> list[str | os.PathLike[str]]:
    """Of several paths those that are there; a single one may be the name of a source."""
    given = [pictures] if isinstance(pictures, str | os.PathLike) else list(pictures)  # pyrefly: ignore[implicit-any-type-argument]
    if len(given) < 2:
        return given
    there = []
    for path in given:
        if os.path.lexists(path):
            there.append(path)
        else:
            skip(shown(path), nothing_there(Path(path)))
    if not there:
        raise ValueError("none of the files given is there")
    return there


def _readable(
    wanted: Iterator[tuple[Feature, np.ndarray | None]], skip: Callable[[str, str], None]
) -> list[tuple[Feature, np.ndarray]]:
    """The next pictures that can be read, with their squares uint8 (3, S, S)."""

    def readable() -> Iterator[tuple[Feature, np.ndarray]]:
        for one, square in wanted:
            if one.values is None or square is None:
                skip(one.path, one.reason)
            else:
                yield one, square.transpose(2, 0, 1)

    return list(islice(readable(), _TOGETHER))


def _answers(asked: list[Feature], among: Index, found: Nearest) -> list[Answer]:
    return [
        Answer(
            path=one.path,
            label=one.label,
            neighbours=tuple(
                Neighbour(path=among.paths[row], label=among.labels[row], distance=distance)
                for row, distance in zip(rows, distances, strict=True)
            ),
        )
        for one, rows, distances in zip(asked, found.rows.tolist(), found.distances.tolist(), strict=True)
    ]


def _draw(
    path: Path, some: list[tuple[Feature, np.ndarray]], among: Index, found: Nearest, first: int, metric: str
) -> None:
    rows = found.rows[first : first + len(some), :MOST_FOUND].tolist()
    figure = draw(
        np.stack([square for _, square in some]),
        [one.label for one, _ in some],
        [np.stack([among.square(row) for row in line]) for line in rows],
        [[among.labels[row] for row in line] for line in rows],
        found.distances[first : first + len(some), :MOST_FOUND].tolist(),
        title="Similar pictures",
        note=f"the nearest of {among.name}; under each its {CALLED[metric]} in {among.layer}",
    )
    try:
        save(figure, path)
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror}") from None


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"cannot write into {folder}: {error.strerror}") from None
    return folder
