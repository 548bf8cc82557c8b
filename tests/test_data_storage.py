"""Do files appear whole or not at all, and does one process write at a time?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alexnet.data.storage import LOCK, clear_parts, gigabytes, is_part, locked, placed


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with placed(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
        assert all(map(is_part, set(os.listdir(tmp_path)) - {"file"}))
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with placed(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_only_parts_are_cleared(tmp_path: Path) -> None:
    for name in (".shard.12.part", "mine.part", ".lock", "file"):
        (tmp_path / name).touch()
    clear_parts(tmp_path)
    clear_parts(tmp_path / "nowhere")
    assert set(os.listdir(tmp_path)) == {"mine.part", ".lock", "file"}


HOLDER = """
import sys
from pathlib import Path
from alexnet.data.storage import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_waits_and_says_for_whom(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        said: list[str] = []

        def hear(sentence: str) -> None:
            said.append(sentence)
            holder.kill()  # the lock ends with its process, however that ends

        with locked(tmp_path, hear) as waited:
            assert waited
            assert f"process {os.getpid()}" in (tmp_path / LOCK).read_text()
        assert said == [f"process {holder.pid} is preparing {tmp_path}; waiting for it"]
    with locked(tmp_path, said.append) as waited:
        assert not waited


def test_sizes_are_said_in_words() -> None:
    assert [gigabytes(size) for size in (200, 310e6, 2.44e9)] == ["1 MB", "310 MB", "2.4 GB"]
