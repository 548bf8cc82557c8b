"""What does a layer compute for these pictures? Features of any number of them, one by one as they are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from alexnet import device as machines
from alexnet.data.decode import Unreadable
from alexnet.data.origins import shown
from alexnet.data.prepared import is_prepared, open_prepared
from alexnet.data.sources import find_pictures, list_source
from alexnet.data.square import load_square
from alexnet.device import Machine
from alexnet.model.network import AlexNet
from alexnet.scoring.infer import read_square, testing
from alexnet.scoring.protocols import cut, placements
from alexnet.training.evaluate import batch_for
from alexnet.training.run import Run, load

#: A picture: its path for people, its class or "", and what reads its square uint8 (S, S, 3) or gives a reason.
Item = tuple[str, str, Callable[[], tuple[np.ndarray | None, str]]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """What a layer computes for one picture; `reason` tells why nothing, where it could not be read."""

    path: str
    label: str = ""
    """Its class, where the source names one."""
    values: np.ndarray | None = None
    """float32 (D,): of maps channel by channel, row by row."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Features:
    """The features of a source, computed as they are asked for: iterate once."""

    layer: str
    shape: tuple[int, ...]
    """Of the layer's output for one picture: (units,) or (maps, height, width)."""
    classes: tuple[str, ...]
    """Those of the source, in its order; empty where it names none."""
    found: Iterator[Feature]

    def __iter__(self) -> Iterator[Feature]:
        return self.found


def last_hidden(network: AlexNet) -> str:
    """The row whose values the last dense layer weighs: relu7 in the networks of 2012, whose distances the paper shows.

    Dropout is passed over: in testing it is the same but for a factor.
    """
    rows = [row for row in network.table.layers if row.kind != "dropout"]
    last = max(place for place, row in enumerate(rows) if row.kind == "dense")
    return rows[max(0, last - 1)].name


def features(
    run: Run | str | os.PathLike[str],
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    layer: str | None = None,
    *,
    device: str = "auto",
    threads: int = 0,
) -> Features:
    """What a named layer of a run computes for pictures, central crop, test mode, float32.

    Args:
        run: a run, its folder, or a file of its weights.
        pictures: any source that `alexnet train` takes, which names a class for each; or files, folders and lists as
            `alexnet predict` takes them.
        layer: a row of the network's table, such as fc7 (before its ReLU) or relu7 (after it, what the paper compares);
            None is `last_hidden`.
        device: "auto", "cpu", "cuda" or "mps".
        threads: torch computes with on the CPU; 0 is its own number.

    Returns:
        A `Feature` for each picture in the source's order, batch by batch, so that any number of pictures needs the
        memory of one batch. A file that cannot be read gives one with a `reason` and does not stop the others.

    Raises:
        ValueError: no such run, layer (the nearest is named) or picture; a prepared set of another size or fit.
    """
    run = run if isinstance(run, Run) else load(run)
    name = last_hidden(run.network) if layer is None else layer
    run.network.layer(name)
    classes, items = pictures_of(pictures, run)
    computed = compute(run, items, name, machines.choose(device, threads))
    shape = run.network.shapes[name]
    return Features(layer=name, shape=shape, classes=classes, found=(feature for feature, _ in computed))


def values_of(run: Run, squares: np.ndarray, layer: str, device: str) -> np.ndarray:
    """What a layer computes for one batch of stored squares uint8 (n, 3, S, S): float32 (n, D); `device` as chosen."""
    network, preprocess = run.network.to(device), run.preprocess.to(device)
    view = placements("centre", preprocess.size, preprocess.crop)[0]
    with torch.inference_mode(), testing(preprocess):
        pieces = cut(torch.from_numpy(squares).to(device), view, preprocess.crop)
        return np.asarray(network.extract(preprocess(pieces), layer).flatten(1).float().cpu().numpy())


def compute(
    run: Run, items: Iterator[Item], layer: str, machine: Machine
) -> Iterator[tuple[Feature, np.ndarray | None]]:
    """The feature of each item with its stored square uint8 (S, S, 3), which is None where it could not be read."""
    while chunk := list(islice(items, batch_for(run.preprocess.crop))):
        squares = [read() for _, _, read in chunk]
        stack = [square for square, _ in squares if square is not None]
        rows: Iterator[np.ndarray] = iter(())
        if stack:
            rows = iter(values_of(run, np.stack(stack).transpose(0, 3, 1, 2), layer, machine.device))
        for (path, label, _), (square, reason) in zip(chunk, squares, strict=True):
            values = None if square is None else next(rows)
            if values is not None and not np.isfinite(values).all():
                values, reason = None, "what the layer computes for it is not finite"
            yield Feature(path=path, label=label, values=values, reason=reason), square


def pictures_of(
    pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], run: Run
) -> tuple[tuple[str, ...], Iterator[Item]]:
    """The classes and pictures of a labelled source; else the pictures of files, folders and lists, without classes."""
    given = [pictures] if isinstance(pictures, str | os.PathLike) else list(pictures)  # pyrefly: ignore[implicit-any-type-argument]
    if len(given) == 1:
        source = given[0]
        if is_prepared(source):
            return _of_prepared(source, run)
        try:
            return _of_source(source, run)
        except ValueError:  # no labels there: pictures all the same
            if source == "digits":
                raise
    if not given:
        raise ValueError("there are no pictures to compute features of; give files, folders, lists or a source")
    size, fit = run.preprocess.size, run.preprocess.fit

    def files() -> Iterator[Item]:
        for path in find_pictures(given):
            yield shown(path), "", lambda path=path: read_square(path, size, fit)  # type: ignore[misc]

    return (), files()


def _of_source(source: str | os.PathLike[str], run: Run) -> tuple[tuple[str, ...], Iterator[Item]]:
    listing = list_source(source)
    reader, size, fit = listing.reader(), run.preprocess.size, run.preprocess.fit

    def read(row: int) -> tuple[np.ndarray | None, str]:
        try:
            return load_square(reader.read(row), size, fit)[0], ""
        except Unreadable as error:
            return None, str(error)
        except OSError as error:
            return None, error.strerror or type(error).__name__

    def rows() -> Iterator[Item]:
        for row, label in enumerate(listing.labels.tolist()):
            yield listing.origins[row].as_py(), listing.classes[label], lambda row=row: read(row)  # type: ignore[misc]

    return listing.classes, rows()


def _of_prepared(source: str | os.PathLike[str], run: Run) -> tuple[tuple[str, ...], Iterator[Item]]:
    prepared = open_prepared(source)
    wanted = (run.preprocess.size, run.preprocess.fit)
    if (prepared.size, prepared.fit) != wanted:
        raise ValueError(
            f"{os.fspath(source)} is prepared with size {prepared.size} and fit {prepared.fit}, and the run takes "
            f"{wanted[0]} and {wanted[1]}; give the pictures themselves"
        )

    def read(row: int) -> tuple[np.ndarray | None, str]:
        return prepared.gather(np.array([row]))[0].transpose(1, 2, 0), ""

    def rows() -> Iterator[Item]:
        for row, label in enumerate(prepared.labels.tolist()):
            yield prepared.origins[row].as_py(), prepared.classes[label], lambda row=row: read(row)  # type: ignore[misc]

    return prepared.classes, rows()
