"""Which pictures are in a data set of the Hugging Face hub? `hub:OWNER/NAME`, fetched by the `datasets` library.

What is fetched lies in that library's own cache, as Arrow files from which pictures are read one by one, undecoded.
"""

from __future__ import annotations

import errno
import os
from typing import Any

import numpy as np

from alexnet.data.listing import SPLIT_WORDS, Columns, Listing
from alexnet.data.origins import absolute, shown

PREFIX = "hub:"
_FORM = "hub:OWNER/NAME, hub:OWNER/NAME/CONFIG or either with @REVISION"
_INSTALL = "pip install 'alexnet[hub]'"


class Tables:
    """Reads pictures from the tables of a data set.

    Args:
        tables: a `datasets.Dataset` of the picture column alone, undecoded, and the row of the listing that its first
            is; in ascending order.
        image: the column.
        rows: int64 (n,), each listed row's row in its table, of the rows from `first` on.
    """

    def __init__(self, tables: tuple[tuple[Any, int], ...], image: str, rows: np.ndarray, first: int = 0) -> None:
        self._tables, self._image, self._rows, self._first = tables, image, rows, first

    def read(self, row: int) -> bytes:
        """The picture's bytes. Raises OSError where they are neither in the table nor where it says they lie."""
        table = next(table for table, start in reversed(self._tables) if row >= start)
        value = table[int(self._rows[row - self._first])][self._image]
        if value is None:
            raise OSError(errno.ENODATA, "the row holds no picture")
        if value["bytes"] is None:
            with open(value["path"] or "", "rb") as file:
                return file.read()
        data: bytes = value["bytes"]
        return data

    def part(self, start: int, stop: int) -> Tables:
        rows = self._rows[start - self._first : stop - self._first].copy()
        ends = [begin for _, begin in self._tables[1:]] + [stop]
        needed = tuple(pair for pair, end in zip(self._tables, ends, strict=True) if pair[1] < stop and end > start)
        return Tables(needed, self._image, rows, start)


def list_hub(spec: str) -> Listing:
    """The pictures of `hub:OWNER/NAME[/CONFIG][@REVISION]`; of `hub:./FOLDER`, a data set that lies in a folder.

    Splits are taken by their names. The picture column is the one declared as Image; the label column the one declared
    as ClassLabel, else the column `label`.

    Raises:
        ValueError: the library is missing, the hub cannot be reached, there is no such data set, or it has no column of
            pictures or labels.
    """
    found = _loaded(spec)
    columns = Columns()
    tables: list[tuple[Any, int]] = []
    rows: list[np.ndarray] = []
    ordered = True
    image, label = _columns(next(iter(found.values())).features, spec)
    known = {name: SPLIT_WORDS[name.lower()] for name in found if name.lower() in SPLIT_WORDS}
    for name in sorted(found, key=lambda name: (known.get(name, -1), name)):
        if known and name not in known:
            columns.leave_out(name, "a split that is none of train, val, test, beside some that are")
            continue
        table = found[name]
        names = getattr(table.features[label], "names", None)
        ordered = ordered and names is not None
        for one in names or ():
            columns.label(one)
        columns.note(f"{name} {table._fingerprint}", int(table.data.nbytes))
        start = len(columns)
        rows.append(_list_rows(table, name, label, names, known.get(name, -1), columns))
        tables.append((_undecoded(table, image), start))
    if not len(columns):
        raise ValueError(f"{shown(spec)} holds no picture with a label")
    source = Tables(tuple(tables), image, np.concatenate(rows))
    name = shown(_parsed(spec)[0].rstrip("/").rsplit("/", 1)[-1] or "hub")
    return columns.finish(name=name, kind="hub", location=absolute(spec), source=source, ordered=ordered)


def _parsed(spec: str) -> tuple[str, str | None, str | None]:
    """Name, configuration, revision."""
    given = spec.removeprefix(PREFIX)
    if given.startswith((".", "/")):
        return given, None, None
    given, _, revision = given.partition("@")
    parts = given.split("/")
    if not all(parts) or len(parts) > 3:
        raise ValueError(f"{shown(spec)} names no data set of the hub; write {_FORM}")
    return "/".join(parts[:2]), parts[2] if len(parts) == 3 else None, revision or None


def _loaded(spec: str) -> Any:
    """The splits of a data set by name."""
    name, config, revision = _parsed(spec)
    if not name.startswith((".", "/")) and os.path.exists(name):
        raise ValueError(
            f"{shown(name)} names a folder here as well as a data set of the hub; for the folder write "
            f"hub:./{shown(name)}, for the hub go to another folder"
        )
    if name.startswith((".", "/")) and not os.path.isdir(name):
        raise ValueError(f"there is no folder {shown(name)}; a data set of the hub is named {_FORM}")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # read when the library is imported
    try:
        import datasets
    except (ImportError, RuntimeError) as error:
        raise ValueError(
            f"{shown(spec)} needs the library datasets, which is missing or broken here ({_said(error)}): {_INSTALL}"
        ) from None
    try:
        if os.path.isfile(os.path.join(name, "dataset_dict.json")):
            return datasets.load_from_disk(name)
        return datasets.load_dataset(name, config, revision=revision)
    except Exception as error:  # of the library, of what it reads, and of its way to the network
        raise ValueError(_why(error, spec)) from None


def _why(error: Exception, spec: str) -> str:
    """In one sentence, why a data set did not come; judged by the whole chain of what was raised."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) and len(chain) < 10:
        chain.append(cause)
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if kinds & {"GatedRepoError"}:
        return f"{shown(spec)} is given only to those who asked for it: ask on its page, then `hf auth login`"
    if "ConnectionError" in kinds or "ConnectError" in kinds or "TimeoutException" in kinds or "gaierror" in kinds:
        return (
            f"the hub cannot be reached to fetch {shown(spec)}, and no copy of it is in the cache of `datasets`; "
            "connect once, or give pictures that are here"
        )
    if "DatasetNotFoundError" in kinds or "RepositoryNotFoundError" in kinds:
        return f"the hub has no data set {shown(spec)} that you may read; write {_FORM}"
    return f"{shown(spec)} could not be loaded: {_said(error)}"


def _said(error: BaseException) -> str:
    return shown(" ".join(str(error).split())[:160]) or type(error).__name__


def _columns(features: Any, spec: str) -> tuple[str, str]:
    """The columns of pictures and labels, by what they are declared as."""
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    images = [name for name, kind in kinds.items() if kind == "Image"]
    classed = [name for name, kind in kinds.items() if kind == "ClassLabel"]
    plain = [name for name in ("label", "labels", "class") if kinds.get(name) == "Value"]
    have = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())[:200]
    if not images:
        raise ValueError(f"{shown(spec)} has no column declared as Image; it has {have}")
    if not classed + plain:
        raise ValueError(f"{shown(spec)} has no column declared as ClassLabel and none called label; it has {have}")
    image = next((name for name in images if name in ("image", "img")), images[0])
    label = next((name for name in classed if name in ("label", "labels", "fine_label")), (classed + plain)[0])
    return image, label


def _undecoded(table: Any, image: str) -> Any:
    from datasets import Image

    return table.select_columns([image]).cast_column(image, Image(decode=False))


def _list_rows(table: Any, name: str, label: str, names: list[str] | None, split: int, columns: Columns) -> np.ndarray:
    """Add a split's rows; returns those (int64) that have a label."""
    kept: list[int] = []
    row = -1
    for batch in table.select_columns([label]).with_format("arrow").iter(1 << 16):
        for value in batch.column(0).to_pylist():
            row += 1
            if value is None or (names is not None and not 0 <= value < len(names)):
                columns.leave_out(f"{name}#{row}", "no label")
                continue
            columns.add(f"{name}#{row}", columns.label(names[value] if names else str(value)), split)
            kept.append(row)
    return np.array(kept, np.int64)
