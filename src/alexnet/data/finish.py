"""How do finished shards become a set? The split, the manifest, the statistics, the list of what was left out.

Shard by shard, so that memory does not grow with the pictures' bytes.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alexnet.data.columns import column
from alexnet.data.listing import Listing
from alexnet.data.origins import shown
from alexnet.data.prepared import DATASET, FORMAT, MANIFEST_SCHEMA, squares
from alexnet.data.shards import part_path, shard_path
from alexnet.data.split import ROLES, assign
from alexnet.data.statistics import Moments
from alexnet.data.storage import placed, write_json
from alexnet.data.workers import how_many, in_workers

#: Values of pixels that are summed in a second on one core, measured; and seconds of it that are worth more processes.
_SUMMED, _WORTH = 5e8, 2.0


def finish(
    listing: Listing, path: Path, request: dict[str, Any], seconds: Callable[[], float], workers: int | None = 1
) -> None:
    """Write everything but the shards; `dataset.json` last. `seconds` says what the set has cost so far."""
    size, parts = request["size"], _parts(path)
    labels, given, hashes, lost = _columns(path, parts)
    classes, labels, nameless = _kept_classes(listing.classes, labels)
    if len(classes) < 2:
        raise ValueError(
            f"of {len(listing):,} pictures those that can be read show {len(classes)} class; at least two are needed"
        )
    split = assign(labels, given, hashes, request["split_seed"])
    unreadable = write_left_out(
        path, [*listing.left_out, *((name, "a class without a readable picture") for name in nameless)]
    )
    counts, fingerprint = _write_manifest(path, parts, labels, split.roles, hashes.shape[0])
    _write_moments(path, _moments(path, parts, counts, split.roles, size, workers))
    head = json.dumps([list(classes), size, request["fit"]], ensure_ascii=False)
    write_json(
        path / DATASET,
        {
            "format": FORMAT,
            "name": listing.name,
            "kind": listing.kind,
            "location": shown(listing.location),
            "classes": list(classes),
            "size": size,
            "fit": request["fit"],
            "fingerprint": hashlib.sha256(head.encode() + fingerprint).hexdigest(),
            "counts": {name: int((split.roles == role).sum()) for name, role in ROLES.items()},
            "rule": split.rule,
            "evaluated": split.evaluated,
            "note": split.note,
            "selects": split.selects,
            "left_out": len(listing.left_out) + len(nameless) + unreadable,
            "unreadable": unreadable,
            "area_lost": float(lost),
            "shards": counts,
            "seconds": round(seconds(), 3),
            "request": request,
        },
    )


def _parts(path: Path) -> list[int]:
    return [int(part.stem) for part in sorted((path / "parts").glob("*.parquet"))]


def _columns(path: Path, parts: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Labels, given splits and 16 bytes of the contents' hashes of the readable rows; the mean share of area lost."""
    labels: list[np.ndarray] = []
    given: list[np.ndarray] = []
    hashes: list[np.ndarray] = []
    lost: list[np.ndarray] = []
    for number in parts:
        table = _readable(path, number, ["label", "split", "sha256", "lost", "reason"])
        labels.append(table["label"].to_numpy())
        given.append(table["split"].to_numpy())
        hashes.append(_hashes(table)[:, :16].copy())
        lost.append(table["lost"].to_numpy())
    area = np.concatenate(lost).mean(dtype=np.float64) if sum(map(len, lost)) else 0.0
    return np.concatenate(labels), np.concatenate(given), np.concatenate(hashes), float(area)


def _readable(path: Path, number: int, columns: list[str] | None = None) -> pa.Table:
    table = pq.read_table(part_path(path, number), columns=columns)
    return table.filter(table["reason"].is_null())


def _hashes(table: pa.Table) -> np.ndarray:
    """SHA-256 of the contents: uint8 (n, 32)."""
    return np.frombuffer(b"".join(table["sha256"].to_pylist()), np.uint8).reshape(-1, 32)


def _kept_classes(classes: tuple[str, ...], labels: np.ndarray) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """Classes of which a picture could be read, labels among them, and the other classes."""
    found = np.bincount(labels, minlength=len(classes)) > 0
    place = (np.cumsum(found) - 1).astype(np.int32)
    kept = tuple(name for name, there in zip(classes, found, strict=True) if there)
    return kept, place[labels], [name for name, there in zip(classes, found, strict=True) if not there]


def write_left_out(path: Path, listed: Iterable[tuple[str, str]]) -> int:
    """`left_out.csv`: what the listing left out, then the unreadable pictures; returns how many these are."""
    count = 0
    with placed(path / "left_out.csv") as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("path", "reason"))
        rows.writerows(listed)
        for number in _parts(path):
            for row in unreadable_of(path, number):
                rows.writerow(row)
                count += 1
        text.flush()
        text.detach()
    return count


def unreadable_of(path: Path, number: int) -> Iterator[tuple[str, str]]:
    """(origin, reason) of the pictures of a finished shard that could not be read."""
    table = pq.read_table(part_path(path, number), columns=["origin", "reason"])
    table = table.filter(table["reason"].is_valid())
    yield from zip(table["origin"].to_pylist(), table["reason"].to_pylist(), strict=True)


def _write_manifest(
    path: Path, parts: list[int], labels: np.ndarray, roles: np.ndarray, total: int
) -> tuple[list[int], bytes]:
    """The manifest, a row group a shard; returns pictures in each shard, and what identifies the content."""
    contents = hashlib.sha256()
    counts: list[int] = []
    with placed(path / "manifest.parquet") as file, pq.ParquetWriter(file, MANIFEST_SCHEMA) as manifest:
        at = 0
        for number in parts:
            table = _readable(path, number)
            rows = slice(at, at + len(table))
            at += len(table)
            counts.append(len(table))
            contents.update(_hashes(table).tobytes())
            filled = table.drop_columns(["reason"]).set_column(1, "label", column(labels[rows], pa.int32()))
            filled = filled.append_column("role", column(roles[rows], pa.int8()))
            manifest.write_table(filled.select(MANIFEST_SCHEMA.names).cast(MANIFEST_SCHEMA))
        assert at == total == len(labels)
    parts_of_it = (contents.digest(), labels.astype("<i4").tobytes(), roles.astype("<i1").tobytes())
    return counts, b"".join(hashlib.sha256(part).digest() for part in parts_of_it)


def _moments(
    path: Path, parts: list[int], counts: list[int], roles: np.ndarray, size: int, workers: int | None
) -> dict[str, Moments]:
    """The sums over the pictures of each role, by as many processes as are worth it: whole numbers, in any order."""
    ends = np.cumsum(counts)
    jobs = zip(parts, np.split(roles, ends[:-1]), strict=True)
    seconds = len(roles) * 3 * size**2 / _SUMMED
    processes = how_many(workers, len(parts), worth=seconds >= _WORTH)
    moments = {name: Moments.none(size) for name in ROLES}
    if processes > 1:
        sums = in_workers(shard_moments, jobs, processes, (path, size), kept="what is finished is kept")
    else:
        sums = (shard_moments(job, path, size, _unheard) for job in jobs)
    with contextlib.closing(sums):
        for one in sums:
            for name, more in one.items():
                moments[name] += more
    return moments


def _unheard(done: int) -> None:
    """Sums are not reported."""


def shard_moments(
    job: tuple[int, np.ndarray], path: Path, size: int, report: Callable[[int], None]
) -> dict[str, Moments]:
    """The sums over a shard's pictures of each role that it has; the job is its number and their roles, int8 (n,)."""
    number, roles = job
    images = squares(shard_path(path, number), len(roles), size)
    found = {name: np.flatnonzero(roles == role) for name, role in ROLES.items()}
    return {name: Moments.of(images, chosen) for name, chosen in found.items() if len(chosen)}


def _write_moments(path: Path, moments: dict[str, Moments]) -> None:
    from safetensors.numpy import save

    tensors: dict[str, np.ndarray] = {}
    for name, one in moments.items():
        tensors[f"{name}.count"] = np.array([one.count], np.int64)
        tensors[f"{name}.total"] = one.total
        tensors[f"{name}.products"] = one.products
    with placed(path / "statistics.safetensors") as file:
        file.write(save(tensors))
