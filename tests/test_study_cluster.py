"""Does the same command work on a Ray cluster? A real one on this machine, whose workers are killed."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from alexnet.study import cluster, processes
from alexnet.study.progress import last_line
from alexnet.study.store import Store
from many_runs import SAME, command, prepare_digits, process_of, seeds, starts, until


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_digits(tmp_path_factory.mktemp("set") / "digits")


def parent_of(process: int) -> int:
    found = re.search(r"^PPid:\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.M)
    assert found is not None
    return int(found[1])


def name_of(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")[0]


def test_without_ray_one_sentence_says_how_to_get_it(
    prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in ("RAY_USAGE_STATS_ENABLED", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"):
        monkeypatch.delenv(name, raising=False)
    with Store(tmp_path) as store, pytest.raises(ValueError, match=r"--cluster needs Ray.*pip install 'alexnet\[clus"):
        cluster.run_all(seeds(prepared, 1, 1), store, device="cpu")
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_a_cluster_that_is_not_there_is_said_at_once(prepared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    with socket.socket() as nobody:  # bound, and not listening
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with Store(tmp_path) as store, pytest.raises(ValueError, match=rf"no Ray cluster answers at {address} \("):
            cluster.run_all(seeds(prepared, 1, 1), store, address=address, device="cpu")


def test_a_folder_that_a_machine_does_not_see_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"does not see .*/task\.json; a cluster's machines must share the study's"):
        cluster.in_a_task(str(tmp_path / "task.json"), 1)


@pytest.mark.slow
def test_a_killed_ray_worker_costs_nothing_that_was_finished(prepared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    planned = seeds(prepared, 3, 40)
    here, there = Store(tmp_path / "here"), Store(tmp_path / "there")
    with here:
        processes.run_all(planned, here, jobs=2, device="cpu")

    driver = command("cluster", there.path, prepared, 3, 40, 2)
    try:
        longest = there.run(planned[2].key)
        until(lambda: driver.poll() is not None or last_line(longest) is not None)
        first = process_of(longest)
        worker = parent_of(first)
        assert name_of(worker).startswith("ray::")
        os.kill(worker, signal.SIGKILL)
        until(lambda: driver.poll() is not None or starts(longest) == 2)
        _, complaint = driver.communicate(timeout=300)
    finally:
        driver.kill()
        driver.communicate()
    assert driver.returncode == 0, complaint
    assert not Path(f"/proc/{first}").exists()
    assert [starts(there.run(one.key)) for one in planned] == [1, 1, 2]
    for one in planned:
        for name in SAME:
            assert (here.run(one.key) / name).read_bytes() == (there.run(one.key) / name).read_bytes(), name


@pytest.mark.slow
def test_a_stopped_command_saves_its_runs_and_goes_on_without_ray(prepared: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    planned, store = seeds(prepared, 2, 40), Store(tmp_path)
    driver = command("cluster", tmp_path, prepared, 2, 40, 1)
    try:
        run = store.run(planned[1].key)
        until(lambda: driver.poll() is not None or last_line(run) is not None)
        process = process_of(run)
        driver.send_signal(signal.SIGTERM)
        _, complaint = driver.communicate(timeout=120)
    finally:
        driver.kill()
        driver.communicate()
    assert driver.returncode == 143, complaint
    assert "to continue: again" in complaint
    assert "interrupted, and saved" in (run / "log.txt").read_text()
    until(lambda: not Path(f"/proc/{process}").exists(), 30)
    with store:
        processes.run_all(planned, store, jobs=1, device="cpu")
    assert [starts(store.run(one.key)) for one in planned] == [1, 2]
