"""Is a run's folder named, refused, locked and written as it should be?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alexnet.training.checkpoint import load_checkpoint, save_checkpoint
from alexnet.training.folder import (
    RunFolder,
    append_line,
    cut,
    length,
    open_run_folder,
    read_json,
    request,
    write_json,
)


def test_folders_are_numbered_and_hold_the_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = []
    for _ in range(3):
        with open_run_folder(None, "digits", request("digits", changes={"train.epochs": 2})) as folder:
            names.append(str(folder.path))
            assert read_json(folder.path / "request.json")["changes"] == {"train.epochs": 2}
    assert names == ["runs/digits-1", "runs/digits-2", "runs/digits-3"]


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ValueError, match="is not empty; name a new or empty folder"):
        open_run_folder(tmp_path, "digits", {})
    write_json(tmp_path / "request.json", {})
    with pytest.raises(ValueError, match="alexnet resume"):
        open_run_folder(tmp_path, "digits", {})
    assert (tmp_path / "note.txt").read_text() == "mine"
    with pytest.raises(ValueError, match="is a file"):
        open_run_folder(tmp_path / "note.txt", "digits", {})


def test_a_folder_in_use_names_its_process_and_is_free_after_a_kill(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time; from pathlib import Path; from alexnet.training.folder import RunFolder\n"
            "folder = RunFolder(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline().strip() == "held"
        with pytest.raises(ValueError, match=f"in use by process {holder.pid} on"):
            RunFolder(tmp_path)
        holder.kill()
    RunFolder(tmp_path).close()


def test_the_folder_module_loads_no_torch() -> None:
    code = "import alexnet.training.folder, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_logs_are_cut_back_to_a_checkpoints_length(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    append_line(log, {"step": 1})
    kept = length(log)
    append_line(log, {"step": 2})
    cut(log, kept)
    assert log.read_text() == '{"step": 1}\n'
    assert length(tmp_path / "none") == 0


def test_a_damaged_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json is damaged"):
        read_json(tmp_path / "config.json")
    with pytest.raises(ValueError, match="is missing"):
        read_json(tmp_path / "data.json")


def test_a_checkpoint_is_read_back_and_replaces_the_one_before(tmp_path: Path) -> None:
    import torch

    assert load_checkpoint(tmp_path) is None
    for step in (5, 12):
        save_checkpoint(tmp_path, step, {"w": torch.full((3,), float(step))}, {"step": step})
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 12}
    assert found[0]["w"].tolist() == [12.0] * 3
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["000000012"]


def test_an_unfinished_checkpoint_does_not_count(tmp_path: Path) -> None:
    import torch

    save_checkpoint(tmp_path, 5, {"w": torch.ones(3)}, {"step": 5})
    (tmp_path / "state" / ".000000009.part").mkdir()
    (tmp_path / "state" / ".000000009.part" / "tensors.safetensors").write_bytes(b"half")
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 5}
    save_checkpoint(tmp_path, 9, {"w": torch.ones(3)}, {"step": 9})
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["000000009"]


def test_the_end_of_an_epoch_takes_the_place_of_its_last_step(tmp_path: Path) -> None:
    """Whether the time to save came at the last step, before the epoch was measured, must not show in the end."""
    import torch

    save_checkpoint(tmp_path, 12, {"sum": torch.ones(3)}, {"step": 12, "batch": 4})
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["000000012-within"]
    assert load_checkpoint(tmp_path) is not None
    within = tmp_path / "state" / "000000012-within"
    before = {path.name: path.read_bytes() for path in within.iterdir()}
    save_checkpoint(tmp_path, 12, {"sum": torch.zeros(3)}, {"step": 12, "batch": 0})
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["000000012"]
    within.mkdir()  # as after a kill that came before its removal
    for name, content in before.items():
        (within / name).write_bytes(content)
    found = load_checkpoint(tmp_path)
    assert found is not None
    assert found[1] == {"step": 12, "batch": 0}
    assert found[0]["sum"].tolist() == [0.0] * 3
