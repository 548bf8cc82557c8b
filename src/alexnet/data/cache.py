"""Where in the cache do these pictures with these options belong, and are they still what was prepared?"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from alexnet.data.listing import Listing


def cache_folder(cache: str | os.PathLike[str] | None = None) -> Path:
    """Where prepared sets are kept: as given, else alexnet in $XDG_CACHE_HOME or ~/.cache."""
    if cache is not None:
        return Path(cache)
    given = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".cache") / "alexnet"


def cached_path(listing: Listing, request: dict[str, Any], cache: str | os.PathLike[str] | None) -> Path:
    """A prepared set's folder in the cache: its name holds the source's place, listing (paths, sizes, times) and options."""
    key = json.dumps([listing.location, request], sort_keys=True)
    digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in listing.name)[:60]
    return cache_folder(cache) / "prepared" / f"{name}-{digest}"


def unchanged(listing: Listing, path: Path) -> bool:
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
