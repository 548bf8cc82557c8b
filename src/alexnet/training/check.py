"""What does `check` do? Looks at a source, asks a run's network about its labels, writes what was found to a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alexnet.data.decode import Unreadable
from alexnet.data.inspect import Inspection, inspect
from alexnet.data.inspect.findings import write_tables
from alexnet.data.inspect.wording import told
from alexnet.data.origins import file_name, shown
from alexnet.data.prepared import is_prepared, open_prepared
from alexnet.data.sources import list_source
from alexnet.data.square import load_square
from alexnet.data.storage import write_json
from alexnet.training.folder import read_json
from alexnet.training.listener import Listener, Silent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from alexnet.data.prepared import PreparedSet
    from alexnet.training.label_errors import Suspects

#: Pairs, pictures and suspects drawn on a sheet; pixels of each.
PAIRS, SUSPECTS, SIDE = 24, 48, 128
#: Pictures from which the search for near copies is told of.
MANY = 20_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Check:
    """What was found."""

    inspection: Inspection
    suspects: tuple[Suspects, ...] | None
    """Likely label errors of each split; None without a run."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        found = self.inspection.to_dict()
        if self.suspects is not None:
            found["label_errors"] = [one.to_dict() for one in self.suspects]
        return found

    def __str__(self) -> str:
        text = told(self.inspection)
        if self.suspects is not None:
            from alexnet.training.label_errors import told_suspects

            text += "\n" + told_suspects(self.suspects)
        return text


def check(
    source: str,
    *,
    run: str | None = None,
    out: str | os.PathLike[str] | None = None,
    near: float | None = None,
    search: bool = True,
    workers: int | None = None,
    device: str = "auto",
    threads: int = 0,
    listener: Listener | None = None,
) -> Check:
    """Look at a source; nothing is written into it.

    Args:
        source: anything `list_source` takes; a prepared set, of which the original pictures are looked at; or a run,
            of which the pictures are, with its network's opinion of their labels.
        run: a run that was trained on the source.
        out: a new or empty folder for tables and figures.
        near, search, workers: of `inspect`.

    Raises:
        ValueError: the source is none, the run is of other pictures, or `out` cannot be used.
    """
    listener = listener or Silent()
    source, run = _resolved(source, run, listener)
    listing = list_source(source)
    if run is not None:
        _require_same(run, listing.location)
    target = _target(out, listing.location) if out is not None else None
    found = inspect(
        listing,
        near=near,
        search=search,
        workers=workers,
        report=listener.preparing,
        searching=_every_tenth(listener),
    )
    prepared, suspects = None, None
    if run is not None:
        from alexnet.training.label_errors import find_suspects
        from alexnet.training.run import load

        prepared, splits = find_suspects(load(run), listener, device=device, threads=threads)
        suspects = tuple(splits)
    done = Check(inspection=found, suspects=suspects)
    if target is not None:
        _write(done, prepared, target)
    return done


def _every_tenth(listener: Listener) -> Callable[[int, int], None]:
    """A report of the search for near copies, in sentences; of a small one nothing is said."""
    told = 0

    def report(done: int, total: int) -> None:
        nonlocal told
        if total >= MANY and 10 * done // total > told:
            told = 10 * done // total
            listener.say(f"compared with all others: {done:,} of {total:,} pictures")

    return report


def _resolved(source: str, run: str | None, listener: Listener) -> tuple[str, str | None]:
    """The source of pictures, and the run, from what was given in its place."""
    if (Path(source) / "data.json").is_file():
        if run is not None:
            raise ValueError(f"{source} is a run itself; give it alone, or a source of pictures with --run")
        source, run = read_json(Path(source) / "data.json")["location"], source
        source = file_name(source)
    if is_prepared(source):
        location = open_prepared(source).location
        listener.say(f"{source} is a prepared set; looking at the pictures it was made from, {location}")
        source = file_name(location)
    return source, run


def _require_same(run: str, location: str) -> None:
    folder = Path(run)
    folder = folder.parent.parent if folder.is_file() and folder.parent.name == "weights" else folder
    if not (folder / "data.json").is_file():
        raise ValueError(f"there is no run {run} with a data.json; give the folder of a run that was trained on SOURCE")
    trained_on = read_json(folder / "data.json")["location"]
    if is_prepared(trained_on):
        trained_on = open_prepared(trained_on).location
    if trained_on != shown(location):
        raise ValueError(
            f"the run {run} was trained on {trained_on}, not on {shown(location)}; "
            "give the pictures it was trained on, or the run alone"
        )


def _target(out: str | os.PathLike[str], location: str) -> Path:
    """The folder to write to. Raises ValueError if it holds something, or lies among the pictures."""
    path = Path(out)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{shown(path)} is not an empty folder; name a new or empty one")
    source = Path(location).resolve()
    if source.is_dir() and source in (path.resolve(), *path.resolve().parents):
        raise ValueError(f"{shown(path)} is inside the pictures' own folder, which is never written to; name another")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"the folder {shown(path)} cannot be made ({error.strerror}); name another") from None
    return path


def _write(done: Check, prepared: PreparedSet | None, folder: Path) -> None:
    from alexnet.drawing.figures import save

    write_json(folder / "check.json", done.to_dict())
    (folder / "check.txt").write_text(f"{done}\n", encoding="utf-8")
    write_tables(done.inspection, folder)
    for name, figure in _figures(done.inspection):
        save(figure, folder / f"{name}.png")
    if prepared is not None and done.suspects is not None:
        from alexnet.training.label_errors import write_label_errors

        write_label_errors(folder / "label_errors.csv", done.suspects)
        for one in done.suspects:
            if len(one.errors):
                save(_suspects(one, prepared), folder / f"label_errors_{one.split}.png")


def _figures(found: Inspection) -> Iterator[tuple[str, Figure]]:
    """Near copies, those across splits and classes first: each picture beside its partner."""
    from alexnet.drawing.figures import samples

    copies, listing = found.copies, found.listing
    near = np.flatnonzero(copies.kind == 2)
    if not len(near):
        return
    first, second = copies.first[near], copies.second[near]
    plain = (listing.splits[first] == listing.splits[second]) & (listing.labels[first] == listing.labels[second])
    chosen = near[np.argsort(plain, kind="stable")][:PAIRS]
    rows = np.stack((copies.first[chosen], copies.second[chosen]), 1)
    reader, order = listing.reader(), np.unique(rows)
    pictures = {int(row): _square(reader.read(int(row))) for row in order}
    gap = np.full((3, SIDE, 4), 255, np.uint8)
    images = np.stack([np.concatenate((pictures[int(a)], gap, pictures[int(b)]), 2) for a, b in rows])
    titles = []
    for pair, both in zip(chosen, rows, strict=True):
        names = dict.fromkeys(listing.classes[listing.labels[row]] for row in both)
        titles.append(f"{copies.similarity[pair]:.2f} {' / '.join(names)}")
    note = (
        f"{len(chosen)} of {len(near):,} pairs, side by side; those across splits or classes first; padded to squares"
    )
    yield "near_copies", samples(images, titles, title="Nearly the same", note=note)


def _square(data: bytes) -> np.ndarray:
    try:
        return np.ascontiguousarray(load_square(data, SIDE, "letterbox")[0].transpose(2, 0, 1))
    except Unreadable:  # it changed since it was looked at
        return np.zeros((3, SIDE, SIDE), np.uint8)


def _suspects(one: Suspects, prepared: PreparedSet) -> Figure:
    from alexnet.drawing.figures import samples

    table = one.table()[:SUSPECTS]
    titles = [f"{given} / {suggested}?" for _, given, suggested, _ in table]
    caveat = "trained on" if one.trained_on else "not trained on"
    note = f"given / suggested; {len(table)} of {len(one.errors):,}, the likeliest first"
    note += f"; among {one.pictures:,} pictures of {one.split} ({caveat})"
    return samples(prepared.gather(one.rows[: len(table)]), titles, title="Likely label errors", note=note)
