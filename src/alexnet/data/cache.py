"""Which prepared set of the cache belongs to these pictures and options? Made if it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from alexnet.data.listing import Listing
from alexnet.data.origins import shown
from alexnet.data.prepare import prepare, request_of
from alexnet.data.prepared import PreparedSet, is_prepared
from alexnet.data.square import Fit


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Where prepared sets are kept: as given, else alexnet in $XDG_CACHE_HOME or ~/.cache."""
    if cache is not None:
        return Path(cache)
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "alexnet"


def prepare_cached(
    listing: Listing,
    *,
    size: int = 256,
    fit: Fit = "crop",
    split_seed: int = 0,
    workers: int | None = None,
    max_left_out: float = 0.05,
    report: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
    cache: str | os.PathLike[str] | None = None,
    verify: bool = False,
) -> PreparedSet:
    """As `prepare`, in the cache (`cache_folder`); a set that is there already is used.

    `verify` reads all pictures again and prepares them anew if one differs from what was prepared, which sizes and
    times of files may not show.
    """
    path = _cached_path(listing, request_of(listing, size, fit, split_seed), cache)
    if verify and is_prepared(path) and not _unchanged(listing, path):
        if say:
            say(f"the pictures are not those prepared in {shown(path)}; preparing them again")
        shutil.rmtree(path)
    return prepare(
        listing,
        path,
        size=size,
        fit=fit,
        split_seed=split_seed,
        workers=workers,
        max_left_out=max_left_out,
        report=report,
        say=say,
    )


def _cached_path(listing: Listing, request: dict[str, Any], cache: str | os.PathLike[str] | None) -> Path:
    """A prepared set's folder in the cache: named by its place, paths, sizes, times and options."""
    key = json.dumps([listing.location, request], sort_keys=True)
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in listing.name)[:60]
    return cache_folder(cache) / "prepared" / f"{name}-{digest}"


def _unchanged(listing: Listing, path: Path) -> bool:
    """Whether the contents of all prepared pictures are as they were."""
    row, reader = 0, listing.reader()
    for batch in pq.ParquetFile(path / "manifest.parquet").iter_batches(1024, columns=["origin", "sha256"]):
        for origin, content in zip(batch["origin"].to_pylist(), batch["sha256"].to_pylist(), strict=True):
            while row < len(listing) and listing.origins[row].as_py() != origin:  # left out then
                row += 1
            try:
                if row == len(listing) or hashlib.sha256(reader.read(row)).digest() != content:
                    return False
            except OSError:
                return False
            row += 1
    return True
