"""Among which pictures is searched? A run's own or others, with what a layer computes for each, held on the disk."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import torch

from alexnet.data.cache import cache_folder
from alexnet.data.feed import rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.data.storage import gigabytes, placed
from alexnet.device import Machine
from alexnet.insight.features import compute, pictures_of, values_of
from alexnet.training.evaluate import batch_for
from alexnet.training.listener import Listener, Silent
from alexnet.training.pictures import reopen
from alexnet.training.run import Run

#: Raised when the same pictures and weights give other values than before.
_VERSION = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Index:
    """Pictures that can be searched."""

    name: str
    """In words: "1,040 training pictures of clothing"."""
    layer: str
    values: np.ndarray
    """float32 (N, D), mapped from the disk."""
    paths: Sequence[str]
    labels: Sequence[str]
    """Each picture's class; "" where none is known."""
    square: Callable[[int], np.ndarray]
    """The stored square of a row, uint8 (3, S, S), read when asked for."""

    def __len__(self) -> int:
        return len(self.values)


def of_training(run: Run, layer: str, machine: Machine, listener: Listener | None = None) -> Index:
    """The pictures that a run was trained on. Raises ValueError where they are gone, or the run is its weights only."""
    _require_pictures(run)
    prepared = reopen(run.folder, listener)
    return of_rows(run, prepared, rows_of(run.config, prepared)[0], layer, machine, listener, said="training")


def _require_pictures(run: Run) -> None:
    if not (run.folder / "data.json").exists():
        raise ValueError(
            f"{run.folder} holds weights and not what the run was trained on (no data.json), and this needs pictures; "
            "give the run's whole folder, or a folder of pictures to search"
        )


def of_rows(
    run: Run,
    prepared: PreparedSet,
    rows: np.ndarray,
    layer: str,
    machine: Machine,
    listener: Listener | None = None,
    *,
    said: str = "",
) -> Index:
    """Some rows of a run's prepared set. Their features are kept in the cache, under what they were made of.

    Raises:
        ValueError: the network has no such layer, or computes something that is not finite.
    """
    run.network.layer(layer)
    width = int(np.prod(run.network.shapes[layer]))
    words = f"{len(rows):,} {said} pictures of {prepared.name}".replace("  ", " ")
    kept = cache_folder() / "features" / f"{_key(run, prepared, rows, layer, machine)}.npy"
    values = _kept(kept, (len(rows), width))
    if values is None:
        size = gigabytes(4 * len(rows) * width)
        (listener or Silent()).say(f"computing {layer} of {words}; kept for the next time ({size})")
        values = _written(kept, _blocks(run, prepared, rows, layer, machine), (len(rows), width))
    labels = [prepared.classes[label] for label in prepared.labels[rows].tolist()]
    paths = [str(path) for path in prepared.origins.take(rows).to_pylist()]
    return Index(
        name=words,
        layer=layer,
        values=values,
        paths=paths,
        labels=labels,
        square=lambda row: prepared.gather(rows[row : row + 1])[0],
    )


def of_source(
    run: Run, source: str | os.PathLike[str], layer: str, machine: Machine, left_out: Callable[[str, str], None]
) -> Index:
    """The pictures of any source or folder; those that cannot be read are told to `left_out`.

    Their features lie in a file without a name, which goes with the process.

    Raises:
        ValueError: the network has no such layer, or nothing there is a picture that can be read.
    """
    run.network.layer(layer)
    paths: list[str] = []
    labels: list[str] = []
    readers: list[Callable[[], tuple[np.ndarray | None, str]]] = []

    def items() -> Iterator[tuple[str, str, Callable[[], tuple[np.ndarray | None, str]]]]:
        for item in pictures_of(source, run)[1]:
            readers.append(item[2])
            yield item

    def blocks() -> Iterator[np.ndarray]:
        for number, (one, _) in enumerate(compute(run, items(), layer, machine)):
            if one.values is None:
                left_out(one.path, one.reason)
                continue
            readers[len(paths)] = readers[number]  # never behind: at most as many were kept as were read
            paths.append(one.path)
            labels.append(one.label)
            yield one.values[None]

    with tempfile.TemporaryFile() as file:
        for block in blocks():
            file.write(block.tobytes())
        if not paths:
            raise ValueError(f"nothing in {os.fspath(source)} is a picture that can be read")
        values = _mapped(file, (len(paths), int(np.prod(run.network.shapes[layer]))))

    def square(row: int) -> np.ndarray:
        found, reason = readers[row]()
        if found is None:
            raise ValueError(f"{paths[row]} could be read a moment ago and cannot any more: {reason}")
        return found.transpose(2, 0, 1)

    name = f"{len(paths):,} pictures of {os.fspath(source)}"
    return Index(name=name, layer=layer, values=values, paths=paths, labels=labels, square=square)


def _blocks(run: Run, prepared: PreparedSet, rows: np.ndarray, layer: str, machine: Machine) -> Iterator[np.ndarray]:
    """float32 (n, D), batch by batch."""
    batch = batch_for(run.preprocess.crop)
    for first in range(0, len(rows), batch):
        values = values_of(run, prepared.gather(rows[first : first + batch]), layer, machine.device)
        if not np.isfinite(values).all():
            raise ValueError(
                f"what {layer} computes is not finite for some training pictures: the run has diverged; "
                "train it again with a lower rate"
            )
        yield values


def _key(run: Run, prepared: PreparedSet, rows: np.ndarray, layer: str, machine: Machine) -> str:
    """A digest of all that the values depend on: weights, preprocessing, layer, pictures, kind of machine, torch."""
    network, preprocess = run.network, run.preprocess
    facts = [_VERSION, layer, repr(network.table), network.size, preprocess.crop, prepared.fingerprint]
    digest = hashlib.sha256(json.dumps([*facts, machine.device.split(":")[0], torch.__version__]).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64).tobytes())
    for module in (network, preprocess):
        for name, tensor in sorted(module.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def _kept(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """The values of an earlier time, mapped; None where there are none, or it is not such a file."""
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == shape and values.dtype == np.float32 else None


def _written(path: Path, blocks: Iterator[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """Values as they come, put whole into the cache; where that cannot be written, into a file without a name."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        writable = os.access(path.parent, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        with tempfile.TemporaryFile() as file:
            for block in blocks:
                file.write(block.tobytes())
            return _mapped(file, shape)
    with placed(path) as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for block in blocks:
            file.write(block.tobytes())
    values = _kept(path, shape)
    assert values is not None, "the features just written cannot be read"
    return values


def _mapped(file: IO[bytes], shape: tuple[int, int]) -> np.ndarray:
    """A file's float32 values; the mapping outlives the file's name and its being closed."""
    file.flush()
    return np.memmap(file, np.float32, "r", shape=shape)
