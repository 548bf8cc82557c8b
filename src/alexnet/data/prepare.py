"""How do pictures become a prepared set? Decoded once, squared, written as shards with a manifest and statistics.

    OUT/prepare.json            what is being prepared; there while it is unfinished
        shards/000000.bin       squares, uint8 (n, 3, S, S)
        parts/000000.parquet    a shard's facts; there while the set is unfinished
        manifest.parquet        a row a picture, in the order of the shards
        statistics.safetensors  sums over the pictures of each role
        left_out.csv            path, reason
        dataset.json            what it is; written last

Killed at any moment and started again, it goes on behind the last finished shard and ends with the same bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from alexnet.data.listing import Listing
from alexnet.data.making import check_left_out, clear, count_shards, finished_shards, make
from alexnet.data.origins import shown
from alexnet.data.prepared import DATASET, REQUEST, VERSION, PreparedSet, is_prepared, open_prepared, read_json
from alexnet.data.square import FITS, Fit
from alexnet.data.storage import FULL, LOCK, is_part, locked
from alexnet.data.workers import require


def prepare(
    listing: Listing,
    out: str | os.PathLike[str],
    *,
    size: int = 256,
    fit: Fit = "crop",
    split_seed: int = 0,
    workers: int | None = None,
    max_left_out: float = 0.05,
    report: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> PreparedSet:
    """Prepare a listing's pictures in the folder `out`: new, empty, or left unfinished by the same call.

    Args:
        listing: of `list_source`.
        out: made with its parents.
        size: side of the squares, pixels.
        fit: how pictures become squares (`square.to_square`).
        split_seed: of the split, where the source gives none.
        workers: processes; None chooses, 1 reads in this process.
        max_left_out: share of the pictures that may be unreadable.
        report: told (pictures done, pictures in all).
        say: told sentences for people.

    Raises:
        ValueError: when `out` holds something else, the disk is full, or too many pictures cannot be read; what is
            finished is kept, and `left_out.csv` written.
    """
    path, say = Path(out), say or (lambda sentence: None)
    request = request_of(listing, size, fit, split_seed)
    if not 0 <= max_left_out <= 1:
        raise ValueError(f"--max-left-out is a share from 0 to 1 (5% is 0.05), not {max_left_out}")
    require(workers)
    _refuse_foreign(path, listing, request)
    try:
        path.mkdir(parents=True, exist_ok=True)
        with locked(path, say) as waited:
            _refuse_foreign(path, listing, request)
            if is_prepared(path):
                say(f"{shown(path)} is prepared already" + (", by the other process" if waited else ""))
                clear(path)
            else:
                quiet: Callable[[int, int], None] = lambda done, total: None  # noqa: E731
                make(
                    listing, path, request, workers=workers, max_left_out=max_left_out, report=report or quiet, say=say
                )
            prepared = open_prepared(path)
            check_left_out(prepared.unreadable, len(listing), max_left_out, path, None)
            return prepared
    except OSError as error:
        if error.errno in FULL:
            kept = f"{len(finished_shards(listing, path, size))} of {count_shards(listing, size)} parts"
            raise ValueError(
                f"the disk of {shown(path)} is full; free some space and run the same command again: "
                f"what is finished is kept, {kept}"
            ) from None
        if isinstance(error, PermissionError):
            raise ValueError(f"{shown(path)} may not be written to; name another folder") from None
        raise


def request_of(listing: Listing, size: int, fit: Fit, split_seed: int) -> dict[str, Any]:
    """What makes two calls the same. Raises ValueError for a fit or size that is none."""
    if fit not in FITS:
        raise ValueError(f"--fit cannot be {fit!r}; it is one of {', '.join(FITS)}")
    if not 1 <= size <= 4096:
        raise ValueError(f"--size must be from 1 to 4096 pixels, not {size}")
    return {"version": VERSION, "listing": listing.digest, "size": size, "fit": fit, "split_seed": split_seed}


def _refuse_foreign(path: Path, listing: Listing, request: dict[str, Any]) -> None:
    """ValueError unless the folder is new, empty, or of the same request."""
    if path.exists() and not path.is_dir():
        raise ValueError(f"{shown(path)} is a file; name a new or empty folder")
    own = Path(listing.location.removeprefix("tree:")).resolve()
    if listing.kind in ("folder", "split-folder", "tree", "ilsvrc") and own in (
        path.resolve(),
        *path.resolve().parents,
    ):
        raise ValueError(f"{shown(path)} is inside the pictures' own folder, which is never written to; name another")
    for name in (DATASET, REQUEST):
        if (path / name).is_file():
            found = read_json(path / name)
            if found.get("request") == request:
                return
            what = "a prepared set" if name == DATASET else "an unfinished prepared set"
            raise ValueError(
                f"{shown(path)} holds {what} of other pictures or options, or the pictures changed since; "
                "name another folder, or remove it"
            )
    if path.is_dir() and any(name != LOCK and not is_part(name) for name in os.listdir(path)):
        raise ValueError(f"the folder {shown(path)} is not empty; name a new or empty folder")
