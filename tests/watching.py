"""How does a command end, and how much memory does it take on the way?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str
    most: int
    """Largest amount of memory of its own (RssAnon) that was seen, bytes, over all processes that it started."""
    seconds: float
    """From its start to its end."""


def start(*words: str | Path, cwd: Path | None = None) -> Done:
    """The command as a person starts it, watched."""
    return watched([sys.executable, "-m", "alexnet", *map(os.fspath, words)], cwd)


def watched(command: list[str], cwd: Path | None = None) -> Done:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    most = 0
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
    )

    def watch() -> None:
        nonlocal most
        while process.poll() is None:
            most = max(most, sum(map(memory_of, family(process.pid))))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, err = process.communicate(timeout=600)
    seconds = time.monotonic() - began
    watcher.join()
    return Done(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"), most, seconds)


def family(process: int) -> list[int]:
    """A process and those it started, directly or not."""
    found = [process]
    for one in found:
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:  # it ended just now
            continue
    return found


def memory_of(process: int) -> int:
    try:
        found = re.search(r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.M)
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0
