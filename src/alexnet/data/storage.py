"""How do a prepared set's files get onto the disk whole? Written aside, synced, renamed; by one process at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from alexnet.data.origins import shown

#: Error numbers of a disk, or a person's share of it, that is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LOCK = ".lock"


@contextlib.contextmanager
def placed(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which appears at `path` when the block ends without an error, whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def is_part(name: str) -> bool:
    """Whether a file name is that of a file still being written, or left so by a killed process."""
    return name.startswith(".") and name.endswith(".part")


def clear_parts(folder: Path) -> None:
    """Remove what killed processes left unfinished in a folder. The caller holds the lock."""
    for name in os.listdir(folder) if folder.is_dir() else ():
        if is_part(name):
            with contextlib.suppress(FileNotFoundError):
                (folder / name).unlink()


def write_json(path: Path, values: Any) -> None:
    """A JSON file, put in place whole."""
    with placed(path) as file:
        file.write((json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


@contextlib.contextmanager
def locked(folder: Path, say: Callable[[str], None]) -> Iterator[bool]:
    """Hold a folder's lock, which ends with the process however that ends; yields whether it had to be waited for."""
    with open(folder / LOCK, "a+") as lock:
        waited = False
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "another process"
            say(f"{owner} is preparing {shown(folder)}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
            waited = True
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
        lock.flush()
        yield waited


def gigabytes(count: float) -> str:
    """Bytes in words: "310 MB", "2.4 GB"."""
    return f"{max(1, round(count / 1e6)):,} MB" if count < 1e9 else f"{count / 1e9:,.1f} GB"
