"""Which pictures does a CSV or JSON-lines list name? Columns path, label and, if wanted, split.

Relative paths are relative to the list's own folder.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from alexnet.data.listing import SPLIT_WORDS, Columns, Listing
from alexnet.data.origins import shown
from alexnet.data.sources.folders import Files

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson")


def list_list(path: Path) -> Listing:
    """The pictures that a list names, in its order. Raises ValueError naming the line that is wrong."""
    columns = Columns()
    folder = os.path.dirname(os.path.abspath(path))
    for line, row in rows(path, needed=("path", "label")):
        label = row["label"]
        split = row.get("split", "").lower()
        if split and split not in SPLIT_WORDS:
            raise ValueError(f"{shown(path)}, line {line}: the split {split!r} is none of train, val, test")
        try:
            info = os.stat(os.path.join(folder, row["path"]))
            size, time = info.st_size, info.st_mtime_ns
        except (OSError, ValueError):  # missing ones are counted when they cannot be read
            size = time = -1
        columns.add(row["path"], columns.label(label), SPLIT_WORDS[split] if split else -1, size, time)
    if not len(columns):
        raise ValueError(
            f"the list {shown(path)} names no picture; give lines below the header, each a path and a label"
        )
    source = Files(folder, columns.columns())
    return columns.finish(name=shown(path.stem), kind="list", location=os.path.abspath(path), source=source)


def rows(path: Path, *, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, values by column) of a list, every value a stripped string, those of `needed` not empty.

    Raises:
        ValueError: for a missing column or value, or a line that cannot be read; it names the line.
    """
    lines = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _csv_rows(path, needed)
    for line, values in lines:
        for column in needed:
            if column not in values:
                have = ", ".join(map(repr, values)) or "nothing"
                raise ValueError(f"{shown(path)}, line {line}: the column {column!r} is missing; there is {have}")
            if not values[column]:
                raise ValueError(f"{shown(path)}, line {line}: the {column} is empty")
        yield line, values


def _csv_rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    # Bytes that are not UTF-8 become surrogates, as in file names, so that such paths lead to their files.
    with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        first = file.readline()
        file.seek(0)
        separator = max(",;\t", key=first.count)  # some spreadsheets write semicolons
        reader = csv.reader(file, delimiter=separator, strict=True)
        header: list[str] | None = None
        try:
            for values in reader:
                if not any(value.strip() for value in values):
                    continue
                if header is None:
                    header = [name.strip().lower() for name in values]
                    for column in needed:
                        if column not in header:
                            have = ", ".join(map(repr, header))
                            raise ValueError(
                                f"{shown(path)}, line {reader.line_num}: the column {column!r} is missing; the first "
                                f"line must name the columns path, label and, if wanted, split, but names {have}"
                            )
                    continue
                if len(values) != len(header):
                    raise ValueError(
                        f"{shown(path)}, line {reader.line_num}: {len(values)} values for {len(header)} columns; "
                        "put values that hold a separator in double quotes"
                    )
                yield reader.line_num, {name: value.strip() for name, value in zip(header, values, strict=True)}
        except csv.Error as error:
            raise ValueError(f"{shown(path)}, line {reader.line_num}: not CSV ({error})") from None


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
        for line, text in enumerate(file, start=1):
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except ValueError as error:
                raise ValueError(f"{shown(path)}, line {line}: not JSON ({error})") from None
            if not isinstance(values, Mapping):
                raise ValueError(f'{shown(path)}, line {line}: not an object like {{"path": "1.jpg", "label": "cat"}}')
            yield line, {str(key).lower(): "" if value is None else str(value).strip() for key, value in values.items()}
