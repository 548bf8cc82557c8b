"""Which pictures are in Parquet files, as Hugging Face `datasets` writes them?

An image column is a struct of `bytes` (a whole picture file) and `path`; labels are numbers whose names stand in the
file's metadata (ClassLabel), or text. One file, or a folder with train*, test*, validation* files.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.data.listing import SPLIT_WORDS, Columns, Listing
from alexnet.data.origins import shown

#: Rows that are decoded at once: pictures may have megabytes.
_ROWS = 32
_SPLIT = re.compile(rf"({'|'.join(SPLIT_WORDS)})(?=[-_. ]|$)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class _Table:
    """One file: where the pictures and labels are in it."""

    path: str
    image: str
    packed: bool
    """Whether the image column is a struct of bytes and path, or plain bytes."""
    label: str
    names: tuple[str, ...] | None
    """Names of the classes that numbers stand for."""


class Rows:
    """Reads pictures from Parquet files, best in ascending order: a row group is decoded from its start up to the row.

    Args:
        tables: (path, image column, packed) of each file.
        places: int64 (n, 2), file and row in it, of the rows from `first` on.
    """

    def __init__(self, tables: tuple[tuple[str, str, bool], ...], places: np.ndarray, first: int = 0) -> None:
        self._tables, self._places, self._first = tables, places, first

    def read(self, row: int) -> bytes:
        """The picture's bytes. Raises OSError where they are neither in the file nor where it says they lie."""
        number, inside = self._places[row - self._first]
        path, image, packed = self._tables[number]
        try:
            value = _cursor(path, image).at(int(inside))
        except (pa.ArrowException, OSError) as error:
            what = " ".join(str(error).split())[:80]
            raise OSError(errno.EIO, f"{os.path.basename(path)} is damaged there: {what}") from None
        if packed and value is not None:
            value, name = value["bytes"], value.get("path")
            if value is None and name:
                with open(os.path.join(os.path.dirname(path), name), "rb") as file:
                    return file.read()
        return value or b""

    def part(self, start: int, stop: int) -> Rows:
        return Rows(self._tables, self._places[start - self._first : stop - self._first].copy(), start)


class _Cursor:
    """A place in one column of a file that moves forward; going back starts the row group again."""

    def __init__(self, path: str, column: str) -> None:
        # Buffered, so that a row group of gigabytes is never read at once.
        self._file = pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        self._column = column
        counts = [self._file.metadata.row_group(group).num_rows for group in range(self._file.num_row_groups)]
        self._starts = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        self._group, self._next, self._batches = -1, 0, iter(())
        self._batch: pa.Array = pa.array([])

    def at(self, row: int) -> Any:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if group != self._group or row < self._next - len(self._batch):
            self._batches = self._file.iter_batches(
                _ROWS, row_groups=[group], columns=[self._column], use_threads=False
            )
            self._group, self._next, self._batch = group, int(self._starts[group]), pa.array([])
        while row >= self._next:
            batch = next(self._batches, None)
            if batch is None:  # it ended with an error before
                raise pa.ArrowInvalid("this part of the file cannot be read")
            self._batch = batch.column(0)
            self._next += len(batch)
        return self._batch[row - self._next + len(self._batch)].as_py()


_open: dict[tuple[str, str], _Cursor] = {}


def _cursor(path: str, column: str) -> _Cursor:
    """The one cursor that a process keeps open: workers get ascending parts, and go on where they were."""
    if (path, column) not in _open:
        _open.clear()
        _open[path, column] = _Cursor(path, column)
    return _open[path, column]


def list_parquet(path: Path) -> Listing:
    """The pictures of a file or folder. Raises ValueError saying which column or file is not as it should be."""
    columns = Columns()
    files = list(_files(path, columns))
    where = os.path.abspath(path)
    tables: list[tuple[str, str, bool]] = []
    places: list[np.ndarray] = []
    ordered = True
    for number, (file, split) in enumerate(files):
        table = _table(file)
        info = os.stat(file)
        columns.note(f"{os.path.basename(file)} {info.st_mtime_ns}", info.st_size)
        tables.append((table.path, table.image, table.packed))
        for one in table.names or ():
            columns.label(one)
        ordered = ordered and table.names is not None
        kept = _list_rows(table, split, columns)
        places.append(np.stack((np.full(len(kept), number), kept), 1))
    if not len(columns):
        raise ValueError(f"{shown(where)} holds no picture with a label")
    source = Rows(tuple(tables), np.concatenate(places))
    return columns.finish(name=shown(Path(where).stem), kind="parquet", location=where, source=source, ordered=ordered)


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files of a folder, or of its `data` folder, where the hub keeps them."""
    return sorted(folder.glob("*.parquet")) or sorted((folder / "data").glob("*.parquet"))


def _files(path: Path, columns: Columns) -> Iterator[tuple[str, int]]:
    """(file, split) in the order train, val, test; files that name no split are left out where others do."""
    if path.is_file():
        yield os.path.abspath(path), -1
        return
    found = parquet_files(path)
    named = [(SPLIT_WORDS[match[1].lower()], file) for file in found if (match := _SPLIT.match(file.name))]
    for file in found if not named else []:
        yield os.path.abspath(file), -1
    for file in set(found) - {file for _, file in named} if named else []:
        columns.leave_out(file.name, "beside files that name a split in their name, and names none itself")
    for split, file in sorted(named):
        yield os.path.abspath(file), split


def _table(file: str) -> _Table:
    """Find the columns of a file by its metadata, types and names."""
    try:
        schema = pq.read_schema(file)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{shown(file)} is not a whole Parquet file ({str(error)[:80]})") from None
    features = _features(schema)
    packed = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.get_field_index("bytes") >= 0]
    images = packed or [f.name for f in schema if pa.types.is_binary(f.type) or pa.types.is_large_binary(f.type)]
    classed = [name for name, feature in features.items() if feature.get("_type") == "ClassLabel"]
    labels = classed or [name for name in ("label", "labels", "class", "fine_label") if name in schema.names]
    have = ", ".join(f"{field.name}: {field.type}" for field in schema)[:200]
    if not images:
        raise ValueError(f"{shown(file)} has no column of pictures, a struct of bytes and path; it has {have}")
    if not labels or labels[0] not in schema.names:
        raise ValueError(f"{shown(file)} has no column 'label' or one declared as ClassLabel; it has {have}")
    image = next((name for name in images if name in ("image", "img")), images[0])
    kind = schema.field(labels[0]).type
    if not (
        pa.types.is_integer(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_boolean(kind)
    ):
        raise ValueError(f"{shown(file)}: labels must be whole numbers or text, but the column {labels[0]!r} is {kind}")
    names = features.get(labels[0], {}).get("names")
    return _Table(
        path=file, image=image, packed=bool(packed), label=labels[0], names=tuple(map(str, names)) if names else None
    )


def _features(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
        return {name: feature for name, feature in found.items() if isinstance(feature, dict)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _list_rows(table: _Table, split: int, columns: Columns) -> np.ndarray:
    """Add a file's rows; returns the rows (int64) that have a label."""
    file = pq.ParquetFile(table.path)
    shows_path = table.packed and file.schema_arrow.field(table.image).type.get_field_index("path") >= 0
    wanted = [table.label] + ([f"{table.image}.path"] if shows_path else [])
    short = os.path.basename(table.path)
    kept: list[int] = []
    row = -1
    for batch in file.iter_batches(1 << 16, columns=wanted, use_threads=False):
        paths = batch.column(table.image).field("path").to_pylist() if shows_path else [None] * len(batch)
        for label, path in zip(batch.column(table.label).to_pylist(), paths, strict=True):
            row += 1
            if label is None or (table.names is not None and label == -1):  # how label-less test sets are written
                columns.leave_out(f"{short}#{row}", "no label")
                continue
            if table.names is not None and not (isinstance(label, int) and 0 <= label < len(table.names)):
                raise ValueError(
                    f"{shown(table.path)}, row {row}: the label {label!r} is none of {len(table.names)} classes"
                )
            columns.add(
                path or f"{short}#{row}", columns.label(table.names[label] if table.names else str(label)), split
            )
            kept.append(row)
    return np.array(kept, np.int64)
