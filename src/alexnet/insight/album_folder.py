"""Where does an album live while it is made? Beside its place, into which it comes whole or not at all."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from types import TracebackType

from alexnet.data.origins import shown


class AlbumFolder:
    """A folder to write an album into, `part`; `put_in_place` exchanges it for what is at `path`.

    What a killed process left beside the place is cleared away, and an album that it had moved aside is put back.

    Raises:
        ValueError: `path` holds something that is not of an album, its parent cannot be made, or another process is
            making an album there.
    """

    FORMAT = "alexnet album 1"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.part")
        self._before = path.with_name(f".{path.name}.before")
        self._placed = False

    def __enter__(self) -> AlbumFolder:
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"{shown(self.path)} is a file; name a folder for the album with --out")
        if self._before.is_dir() and not self.path.exists():
            os.rename(self._before, self.path)
        strange = foreign(self.path)
        if strange:
            raise ValueError(
                f"{shown(self.path)} holds {strange}, which is of no album; name another folder with --out"
            )
        self.part.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self.part, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise ValueError(f"another process is making the album {shown(self.path)}; wait for it") from None
        for file in self.part.iterdir():  # a killed process left it
            file.unlink()
        return self

    def put_in_place(self) -> None:
        """The new album takes the place of the old one, in two renames."""
        if self.path.exists():
            shutil.rmtree(self._before, ignore_errors=True)
            os.rename(self.path, self._before)
        os.rename(self.part, self.path)
        self._placed = True
        shutil.rmtree(self._before, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._placed:
            shutil.rmtree(self.part, ignore_errors=True)
        os.close(self._lock)


def foreign(folder: Path) -> str:
    """The name of a file in a folder that no album wrote, which must not be deleted; empty where all is an album's."""
    if not folder.is_dir():
        return ""
    names = sorted(entry.name for entry in folder.iterdir())
    if not names:
        return ""
    try:
        about = json.loads((folder / "look.json").read_bytes())
        figures = [figure["name"] for topic in about["topics"] for figure in topic["figures"]]
        known = about["format"].startswith("alexnet album ")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return shown(names[0])
    own = {"index.html", "look.json", *(f"{name}{ending}" for name in figures for ending in (".png", ".svg"))}
    return next((shown(name) for name in names if not known or name not in own), "")
