"""Where does a run live on disk? Its folder: named, locked, and written so that a kill at any moment loses nothing.

This file imports no torch, so that `request.json` stands before torch is loaded.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from alexnet.data.origins import absolute


class RunFolder:
    """A run's folder, or of another `kind`, locked by this process while it is open.

    Raises:
        ValueError: when another living process holds the lock; the message names its process id.
    """

    def __init__(self, path: Path, kind: str = "run") -> None:
        self.path = path
        self._lock: IO[str] = open(path / "lock", "a+")  # noqa: SIM115  held open as long as the run lives
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.seek(0)
            owner = self._lock.read().strip() or "an unknown process"
            self._lock.close()
            raise ValueError(f"the {kind} {path} is in use by {owner}; wait for it, or stop it first") from None
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {platform.node()}")
        self._lock.flush()

    def close(self) -> None:
        """Let others use the folder. The lock also ends with the process, however that ends."""
        self._lock.close()

    def discard(self) -> None:
        """Remove the folder: for a mistake found before anything was made that is worth keeping."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_run_folder(out: str | os.PathLike[str] | None, source: str, words: Mapping[str, Any]) -> RunFolder:
    """Make and lock a run's folder and write `request.json`, the command's own words.

    Args:
        out: the folder, new or empty; None makes the first free `runs/NAME-1`, `runs/NAME-2`, ...
        source: what is trained on; its last part names the folder.
        words: what was asked for, as plain JSON values.

    Raises:
        ValueError: when `out` holds something already.
    """
    path = new_folder(out, source)
    folder = RunFolder(path)
    write_json(path / "request.json", words)
    return folder


def request(
    source: str | os.PathLike[str],
    *,
    recipe: str | None = None,
    changes: Mapping[str, Any] | None = None,
    device: str = "auto",
    threads: int = 0,
    workers: int = 0,
    max_left_out: float = 0.05,
    max_hours: float = 0.0,
) -> dict[str, Any]:
    """What `request.json` holds: the words of `alexnet train`, from which a run that got no further can begin again."""
    return {
        "source": absolute(source),
        "recipe": recipe,
        "changes": dict(changes or {}),
        "device": device,
        "threads": threads,
        "workers": workers,
        "max_left_out": max_left_out,
        "max_hours": max_hours,
    }


def new_folder(out: str | os.PathLike[str] | None, source: str, ending: str = "") -> Path:
    """Make the folder `out`, or where it is None the first free one after the source's name.

    Raises:
        ValueError: when `out` is a file or holds something already.
    """
    if out is None:
        return free_folder(source, ending)
    path = Path(out)
    if path.exists() and not path.is_dir():
        raise ValueError(f"--out {path} is a file; name a new or empty folder")
    if path.is_dir() and any(path.iterdir()):
        resumable = (path / "request.json").exists()
        advice = f"to go on with it: alexnet resume {path}" if resumable else "name a new or empty folder"
        raise ValueError(f"the folder {path} is not empty; {advice}")
    path.mkdir(parents=True, exist_ok=True)
    return path


def free_folder(source: str, ending: str = "") -> Path:
    """Make the first free one of `runs/NAME-1`, `runs/NAME-2`, ..., named after a source; `ending` follows NAME."""
    name = Path(os.path.abspath(source)).stem if os.path.exists(source) else source
    name = "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "run"
    number = 1
    while True:
        path = Path("runs") / f"{name}{ending}-{number}"
        try:
            path.mkdir(parents=True)
            return path
        except FileExistsError:
            number += 1


def write_bytes(path: Path, content: bytes) -> None:
    """Put a file in place in one rename, so that a reader or a crash sees the old one or the new one, whole."""
    part = path.with_name(f".{path.name}.part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def write_json(path: Path, values: Any) -> None:
    """A JSON file, sorted and indented, put in place in one rename."""
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
    write_bytes(path, (text + "\n").encode("utf-8", "surrogateescape"))


def read_json(path: Path) -> Any:
    """The values of a JSON file of a run. Raises ValueError naming the file if it is not there or not JSON."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ValueError(f"{path} is missing; is {path.parent} a run's folder?") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def append_line(path: Path, values: Mapping[str, Any]) -> None:
    """One JSON object as a line at a file's end."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(values, sort_keys=True) + "\n")


def lines_of(run: Path, kind: str = "") -> list[dict[str, Any]]:
    """The lines of a run's metrics.jsonl, or those of one kind; none where there is no such file."""
    path = run / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return [line for line in lines if kind in ("", line["kind"])]


def length(path: Path) -> int:
    """Bytes of a file, 0 if it is not there: what a checkpoint notes of a log."""
    return path.stat().st_size if path.exists() else 0


def cut(path: Path, size: int) -> None:
    """Forget what a log holds past `size` bytes: lines written after the checkpoint that a run goes on from."""
    if path.exists():
        os.truncate(path, size)
