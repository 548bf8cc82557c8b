"""How do features lie on disk? As .npz for numpy, or as Parquet; written as they come, whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.data.storage import placed
from alexnet.insight.features import Feature, Features

Form = Literal["npz", "parquet"]
FORMS: tuple[Form, ...] = ("npz", "parquet")

#: Bytes of values in a row group of Parquet, and that are copied at once into an .npz.
_GROUP = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was written, and how many files could not be read."""

    path: Path
    format: Form
    layer: str
    shape: tuple[int, ...]
    values: int
    """Values of each picture: the shape's product."""
    pictures: int
    left_out: int
    classes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {**vars(self), "path": str(self.path), "shape": list(self.shape), "classes": list(self.classes)}


def write_features(
    found: Features, out: str | os.PathLike[str], *, form: Form | None = None, left_out: Callable[[str, str], None]
) -> Written:
    """Write features to a file, which appears whole at the end or not at all; one that exists is replaced.

    npz      numpy arrays by name: `paths` (N,) text; `features` float32 (N, D); `layer`; `shape`, that of the layer's
             output for one picture; and where the source has classes, `classes` (K,) text and `labels` int64 (N,).
    parquet  a row a picture: `path`, `label` (text) where the source has classes, `features`, D float32 values; layer,
             shape and classes as JSON in the file's metadata, under "alexnet".

    Memory does not grow with the features: they go to the disk as they come.

    Args:
        out: where to write. form: None is what `out` ends in.
        left_out: told the path and the reason of every file that cannot be read.

    Raises:
        ValueError: a form that is not known, `out` cannot be written, or none of the pictures can be read.
    """
    path = Path(out)
    form = form_of(path) if form is None else form
    if form not in FORMS:
        raise ValueError(f"features are written as {' or '.join(FORMS)}, not as {form!r}")
    counts = {"pictures": 0, "left_out": 0}

    def readable() -> Iterator[Feature]:
        for one in found:
            counts["left_out" if one.reason else "pictures"] += 1
            if one.reason:
                left_out(one.path, one.reason)
            else:
                yield one
        if not counts["pictures"]:
            raise ValueError("none of the files given is a picture that can be read")

    try:
        with placed(path) as file:
            (_write_npz if form == "npz" else _write_parquet)(file, found, readable())
    except OSError as error:
        raise ValueError(f"cannot write {path}: {error.strerror or error}") from None
    return Written(
        path=path,
        format=form,
        layer=found.layer,
        shape=found.shape,
        values=int(np.prod(found.shape)),
        classes=found.classes,
        **counts,
    )


def form_of(path: Path) -> Form:
    """The form that a file's name asks for. Raises ValueError for another ending."""
    for form in FORMS:
        if path.suffix.lower() == f".{form}":
            return form
    raise ValueError(f"{path} ends in neither .npz nor .parquet; end it so, or say --format npz or --format parquet")


def _write_parquet(file: IO[bytes], found: Features, readable: Iterator[Feature]) -> None:
    width = int(np.prod(found.shape))
    facts = {"layer": found.layer, "shape": list(found.shape), "classes": list(found.classes)}
    columns = [pa.field("path", pa.string()), pa.field("features", pa.list_(pa.float32(), width))]
    if found.classes:
        columns.insert(1, pa.field("label", pa.string()))
    schema = pa.schema(columns, metadata={"alexnet": json.dumps(facts)})
    rows_at_once = max(1, _GROUP // (4 * width))
    # Floats that a network computed repeat too seldom for dictionaries or compression to be worth their time.
    with pq.ParquetWriter(file, schema, use_dictionary=["label"], compression="none") as table:
        for group in _groups(readable, rows_at_once):
            values = np.concatenate([one.values for one in group if one.values is not None])
            arrays: dict[str, pa.Array] = {
                "path": pa.array([one.path for one in group], pa.string()),
                "label": pa.array([one.label for one in group], pa.string()),
                "features": pa.FixedSizeListArray.from_arrays(pa.array(values, pa.float32()), width),
            }
            table.write_table(pa.table([arrays[name] for name in schema.names], schema=schema))


def _write_npz(file: IO[bytes], found: Features, readable: Iterator[Feature]) -> None:
    """The values go to a nameless file first: an array's header, which stands before them, says how many there are."""
    width = int(np.prod(found.shape))
    paths: list[str] = []
    labels: list[int] = []
    numbers = {name: number for number, name in enumerate(found.classes)}
    with tempfile.TemporaryFile(dir=Path(file.name).parent) as held:
        for one in readable:
            assert one.values is not None
            held.write(one.values.tobytes())
            paths.append(one.path)
            labels.append(numbers.get(one.label, -1))
        held.seek(0)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            with archive.open("features.npy", "w", force_zip64=True) as entry:
                header = {"descr": "<f4", "fortran_order": False, "shape": (len(paths), width)}
                np.lib.format.write_array_header_1_0(entry, header)
                while part := held.read(_GROUP):
                    entry.write(part)
            arrays = {"paths": np.array(paths), "layer": np.array(found.layer), "shape": np.array(found.shape)}
            if found.classes:
                arrays |= {"classes": np.array(found.classes), "labels": np.array(labels, np.int64)}
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                    np.lib.format.write_array(entry, array, allow_pickle=False)


def _groups(readable: Iterator[Feature], size: int) -> Iterator[list[Feature]]:
    group: list[Feature] = []
    for one in readable:
        group.append(one)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
