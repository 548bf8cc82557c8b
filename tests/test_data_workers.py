"""Do workers start without torch, end with their caller, and say when they were ended?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from alexnet.data import shards, storage, workers
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
from conftest import draw_folder


def test_what_workers_import_leaves_torch_alone() -> None:
    rooms = "alexnet.data.workers", "alexnet.data.shards", "alexnet.data.inspect.survey"
    code = f"import sys, {', '.join(rooms)}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


#: A script as people write them: no guard, and the call at its top level.
SCRIPT = """
import signal, sys
from alexnet.data import shards
signal.signal(signal.SIGINT, signal.default_int_handler)  # background jobs of a shell inherit that it is ignored
shards.SHARD_PICTURES = 16
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
print(len(prepare(list_source(sys.argv[1]), sys.argv[2], size=64, workers=2)))
"""


def test_a_script_needs_no_guard(picture_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [sys.executable, str(tmp_path / "script.py"), str(picture_folder), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("72\n", 0), done.stderr


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_caller(tmp_path: Path, ending: signal.Signals) -> None:
    source = draw_folder(tmp_path / "in", each=300)
    with open(tmp_path / "errors.txt", "w") as errors:
        command = [sys.executable, "-c", SCRIPT, str(source), str(tmp_path / "out")]
        caller = subprocess.Popen(command, stderr=errors, start_new_session=True)
    deadline = time.monotonic() + 20
    while len(found := children(caller.pid)) < 2 or not any((tmp_path / "out" / "shards").glob("*.bin")):
        assert time.monotonic() < deadline
        assert caller.poll() is None
        time.sleep(0.005)
    if ending == signal.SIGINT:
        os.killpg(caller.pid, ending)  # as Ctrl-C does
    else:
        caller.send_signal(ending)
    assert caller.wait(timeout=10) != 0
    while any(map(alive, found)):
        assert time.monotonic() < deadline, "a worker outlived its caller"
        time.sleep(0.02)
    tracebacks = (tmp_path / "errors.txt").read_text().count("Traceback")
    assert tracebacks == (1 if ending == signal.SIGINT else 0), "the workers end without a word"
    assert not any(storage.is_part(path.name) for path in (tmp_path / "out" / "shards").iterdir())


def test_a_worker_that_is_killed_is_reported_and_its_work_done_again(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_PICTURES", 10)
    started: list[int] = []
    popen = subprocess.Popen

    def recorded(*given: object, **named: object) -> subprocess.Popen[bytes]:
        process = popen(*given, **named)  # type: ignore[call-overload]
        started.append(process.pid)
        return process  # type: ignore[no-any-return]

    monkeypatch.setattr(workers.subprocess, "Popen", recorded)

    def kill(done: int, total: int) -> None:
        if done and len(started) == 2:
            os.kill(started[0], signal.SIGKILL)
            os.kill(started[1], signal.SIGKILL)
            started.append(0)

    listing = list_source(picture_folder)
    with pytest.raises(RuntimeError, match="ended from outside, perhaps for want of memory; what is finished is kept"):
        prepare(listing, tmp_path / "out", size=16, workers=2, report=kill)
    assert len(prepare(listing, tmp_path / "out", size=16, workers=2)) == 72


def test_a_fault_of_ours_in_a_worker_is_shown(picture_folder: Path, tmp_path: Path) -> None:
    listing = list_source(picture_folder)
    for folder in ("shards", "parts"):
        (tmp_path / folder).mkdir()
    jobs = iter([shards.cut(listing, 16, 0)])
    with pytest.raises(RuntimeError, match="AssertionError"):
        list(workers.in_workers(shards.write_shard, jobs, 1, (tmp_path, 16, "bent")))
