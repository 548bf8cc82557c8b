"""What is in a prepared set? Squares mapped from the disk, labels, roles, origins, statistics; and what a batch is."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.data.origins import nothing_there, shown
from alexnet.data.split import ROLES
from alexnet.data.statistics import Moments, Statistics, from_moments

if TYPE_CHECKING:
    from torch import Tensor

DATASET, REQUEST = "dataset.json", "prepare.json"
FORMAT = "alexnet prepared set"
#: Raised when the files' layout changes, or the pixels that the same picture gives.
VERSION = 1

MANIFEST_SCHEMA = pa.schema(
    [
        ("origin", pa.large_string()),
        ("label", pa.int32()),
        ("role", pa.int8()),
        ("split", pa.int8()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("lost", pa.float32()),
        ("sha256", pa.binary()),
    ]
)
#: Shards that are kept mapped, of which systems allow some 65,000; enough for a terabyte.
_MAPPED = 16384
#: Bytes of a picture that is so small that gathering many at once is faster than one by one.
_SMALL = 1 << 13


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Pictures on their way to the network."""

    images: Tensor
    """uint8 (N, 3, H, W)."""
    labels: Tensor
    """int64 (N,)."""
    index: Tensor
    """int64 (N,), row numbers in the prepared set."""
    numbers: Tensor | None = None
    """int64 (N,), what a picture's draws are keyed by where pictures may come again within an epoch; None = `index`."""
    partners: Batch | None = None
    """The pictures that MixUp and CutMix take the other part from, as many; None where nothing is mixed."""


class PreparedSet:
    """A prepared set on the disk.

    Attributes:
        path: its folder.
        name, kind, location: of the source it was made of.
        classes: names, in the order of the labels.
        size, fit: side of the squares in pixels, and how pictures became squares.
        fingerprint: names contents, labels, roles, size, fit and classes.
        labels: int64 (N,).
        roles: int8 (N,), numbers of `split.ROLES`.
        rule: one sentence on the split.
        evaluated: (split, note): "test" or "val", and "also used for selection" where that is so.
        left_out, unreadable: rows of left_out.csv, and those among them that were pictures by name.
        area_lost: mean share of the pictures' area that the crop cut off.
    """

    def __init__(self, path: Path, facts: dict[str, Any]) -> None:
        self.path = path
        self.name: str = facts["name"]
        self.kind: str = facts["kind"]
        self.location: str = facts["location"]
        self.classes: tuple[str, ...] = tuple(facts["classes"])
        self.size: int = facts["size"]
        self.fit: str = facts["fit"]
        self.fingerprint: str = facts["fingerprint"]
        self.rule: str = facts["rule"]
        self.evaluated: tuple[str, str] = (facts["evaluated"], facts["note"])
        self.counts: dict[str, int] = facts["counts"]
        self.left_out: int = facts["left_out"]
        self.unreadable: int = facts["unreadable"]
        self.area_lost: float = facts["area_lost"]
        self.seconds: float = facts["seconds"]
        self._selects: bool = facts["selects"]
        self._shards: list[int] = facts["shards"]
        self._starts = np.concatenate(([0], np.cumsum(self._shards, dtype=np.int64)))
        table = pq.read_table(path / "manifest.parquet", columns=["label", "role"])
        self.labels = table["label"].to_numpy().astype(np.int64)
        self.roles = table["role"].to_numpy()
        self._mapped = functools.lru_cache(maxsize=_MAPPED)(self._map)

    def __len__(self) -> int:
        return len(self.labels)

    def _map(self, shard: int) -> np.ndarray:
        """A shard, uint8 (n, 3, S, S), mapped by torch: numpy's maps keep their files open, of which 1,000 may be."""
        import torch

        count, path = self._shards[shard], self.path / "shards" / f"{shard:06d}.bin"
        whole = torch.from_file(str(path), shared=False, size=count * 3 * self.size**2, dtype=torch.uint8)
        return whole.numpy().reshape(count, 3, self.size, self.size)

    @functools.cached_property
    def origins(self) -> pa.LargeStringArray:
        """Each picture's path as shown to people, read when first asked for."""
        column = pq.read_table(self.path / "manifest.parquet", columns=["origin"])["origin"]
        return pa.concat_arrays(column.chunks)

    def rows(self, *names: str) -> np.ndarray:
        """Row numbers, int64 ascending, of "train", "val", "test" or "select", or of several.

        "val" also gives the rows to select on that were carved out of the training pictures: no set has both, and
        that is what people call them. "select" gives only these.
        """
        wanted = set()
        for name in names:
            if name not in ROLES:
                raise ValueError(f"no split is called {name!r}; it is one of {', '.join(ROLES)}")
            wanted |= {ROLES[name], ROLES["select"]} if name == "val" else {ROLES[name]}
        return np.flatnonzero(np.isin(self.roles, list(wanted)))

    @property
    def selecting(self) -> np.ndarray:
        """Row numbers, int64, of the pictures that choose the best epoch; empty where none may."""
        return self.rows("val") if self._selects else np.empty(0, np.int64)

    def gather(self, rows: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """The squares of some rows, in their order: uint8 (n, 3, S, S), a copy; into `out` where that is given."""
        out = np.empty((len(rows), 3, self.size, self.size), np.uint8) if out is None else out
        assert out.shape == (len(rows), 3, self.size, self.size)
        if not len(rows):
            return out
        rows = np.asarray(rows, np.int64)
        order = np.argsort(rows, kind="stable")  # read as they lie on the disk
        rows = rows[order]
        assert rows[0] >= 0
        assert rows[-1] < len(self)
        shards = np.searchsorted(self._starts, rows, side="right") - 1
        bounds = np.flatnonzero(np.diff(shards, prepend=-1))
        for begin, end in zip(bounds, [*bounds[1:], len(rows)], strict=True):
            shard = int(shards[begin])
            places, inside, images = order[begin:end], rows[begin:end] - self._starts[shard], self._mapped(shard)
            first, length = int(inside[0]), end - begin
            if (np.diff(inside) == 1).all() and (np.diff(places) == 1).all():  # a run, as where nothing is shuffled
                out[places[0] : places[0] + length] = images[first : first + length]
            elif images[0].nbytes <= _SMALL:
                out[places] = images[inside]
            else:  # copied twice by numpy's way, which costs more than a line of Python each
                for place, one in zip(places.tolist(), inside.tolist(), strict=True):
                    out[place] = images[one]
        return out

    def statistics(self, all_of_train: bool = False) -> Statistics:
        """Of the training pictures; with `all_of_train` also of those carved out of them to select on."""
        from safetensors.numpy import load_file

        tensors = load_file(self.path / "statistics.safetensors")
        moments = Moments.none(self.size)
        for name in ("train", "select") if all_of_train else ("train",):
            count, total, products = (tensors[f"{name}.{part}"] for part in ("count", "total", "products"))
            moments += Moments(count=int(count[0]), total=total, products=products)
        if not moments.count:
            raise ValueError(f"{shown(self.path)} has no training pictures, of which statistics could be taken")
        return from_moments(moments)

    def describe(self, folder: Path | None = None) -> str:
        """One line: "1,576 pictures, 10 classes, 476 held out (val); 3 files left out, see left_out.csv".

        The list of files left out is in the set, or where the caller has copied it: in `folder`.
        """
        name = self.evaluated[0]
        line = f"{len(self):,} pictures, {len(self.classes):,} classes, {len(self.rows(name)):,} held out ({name})"
        if self.left_out:
            files = "file" if self.left_out == 1 else "files"
            place = (self.path if folder is None else folder) / "left_out.csv"
            line += f"; {self.left_out:,} {files} left out, see {shown(place)}"
        return line


def squares(path: Path, count: int, size: int) -> np.ndarray:
    """A shard's squares, uint8 (count, 3, S, S), mapped and not read."""
    if count == 0:
        return np.empty((0, 3, size, size), np.uint8)
    return np.memmap(path, np.uint8, "r", shape=(count, 3, size, size)).view(np.ndarray)


def is_prepared(path: str | os.PathLike[str]) -> bool:
    """Whether a folder is a finished prepared set."""
    try:
        return bool(json.loads((Path(path) / DATASET).read_bytes()).get("format") == FORMAT)
    except (OSError, ValueError, AttributeError):
        return False


def read_json(path: Path) -> dict[str, Any]:
    """The values of a set's JSON file. Raises ValueError if it is no such file."""
    try:
        values = json.loads(path.read_bytes())
    except ValueError:
        values = None
    if not isinstance(values, dict):
        raise ValueError(f"{shown(path)} is damaged or not of a prepared set; remove it or name another folder")
    return values


def open_prepared(path: str | os.PathLike[str]) -> PreparedSet:
    """Open a prepared set. Raises ValueError when there is none, it is unfinished, damaged or of another version."""
    folder = Path(path)
    if not folder.exists():
        raise ValueError(nothing_there(folder))
    if not is_prepared(folder):
        unfinished = (folder / REQUEST).is_file()
        why = "is not finished: run the same prepare again" if unfinished else f"is not a prepared set (no {DATASET})"
        raise ValueError(f"{shown(folder)} {why}")
    facts = read_json(folder / DATASET)
    if facts.get("request", {}).get("version") != VERSION:
        raise ValueError(f"{shown(folder)} was prepared by another version of alexnet; prepare the pictures again")
    try:
        prepared = PreparedSet(folder, facts)
        sizes = [(folder / "shards" / f"{number:06d}.bin").stat().st_size for number in range(len(facts["shards"]))]
    except (KeyError, TypeError, OSError, pa.ArrowException) as error:
        raise ValueError(f"{shown(folder)} is damaged ({error}); remove it and prepare the pictures again") from None
    bytes_each = 3 * prepared.size**2
    if sizes != [count * bytes_each for count in facts["shards"]] or len(prepared) != sum(facts["shards"]):
        raise ValueError(f"{shown(folder)} is damaged: a shard is not as long as it was; remove it and prepare again")
    return prepared
