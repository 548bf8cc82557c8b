"""Does a prepared set come out the same, whoever makes it, however often it is killed, and lose nothing on the way?"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from alexnet.data import making, shards, storage
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet, is_prepared, open_prepared
from alexnet.data.sources import list_source
from alexnet.data.split import ROLES
from alexnet.data.square import load_square
from alexnet.data.statistics import Moments, from_moments
from conftest import draw_folder


def contents(out: Path) -> dict[str, str]:
    """SHA-256 of all files that must be equal between equal sets: all but dataset.json, which holds a time."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("dataset.json", ".lock")
    }


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_PICTURES", 10)


def test_squares_labels_and_origins_belong_together(picture_folder: Path, tmp_path: Path, small_shards: None) -> None:
    listing = list_source(picture_folder)
    seen: list[tuple[int, int]] = []
    said: list[str] = []
    made = prepare(listing, tmp_path / "out", size=24, report=lambda *pair: seen.append(pair), say=said.append)
    assert len(made) == 72
    assert made.classes == ("circle", "square", "triangle")
    squares = made.gather(np.arange(72))
    for row, origin in enumerate(made.origins.to_pylist()):
        square, _, _ = load_square((picture_folder / origin).read_bytes(), 24, "crop")
        assert (squares[row] == square.transpose(2, 0, 1)).all()
        assert made.classes[made.labels[row]] == origin.split("/")[0]
    assert seen[0] == (0, 72)
    assert seen[-1] == (72, 72)
    assert seen == sorted(seen)
    assert any("72 pictures at 24 x 24 pixels: 1 MB" in sentence for sentence in said)
    assert set(os.listdir(made.path)) == {
        ".lock", "dataset.json", "left_out.csv", "manifest.parquet", "shards", "statistics.safetensors",
    }  # fmt: skip
    rows = pq.read_table(made.path / "manifest.parquet").to_pylist()
    assert rows[5]["sha256"] == hashlib.sha256((picture_folder / rows[5]["origin"]).read_bytes()).digest()
    with Image.open(picture_folder / rows[5]["origin"]) as picture:
        assert (rows[5]["width"], rows[5]["height"]) == picture.size
    lost = [1 - min(row["width"], row["height"]) / max(row["width"], row["height"]) for row in rows]
    assert made.area_lost == pytest.approx(np.mean(lost), abs=1e-6)


def test_statistics_are_of_the_training_pictures_only(picture_folder: Path, tmp_path: Path, small_shards: None) -> None:
    made = prepare(list_source(picture_folder), tmp_path / "out", size=16)
    for all_of_train, names in ((False, ["train"]), (True, ["train", "select"])):
        rows = np.flatnonzero(np.isin(made.roles, [ROLES[name] for name in names]))
        expected = from_moments(Moments.of(made.gather(rows)))
        found = made.statistics(all_of_train)
        assert found.count == len(rows) == len(made.rows(*names))
        assert (found.mean_image == expected.mean_image).all()
        assert (found.eigenvectors == expected.eigenvectors).all()


def test_one_process_or_several_here_or_there_the_set_is_the_same(tmp_path: Path, small_shards: None) -> None:
    source = draw_folder(tmp_path / "a", each=14)
    (source / "circle" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    first = prepare(list_source(source), tmp_path / "one", size=20, workers=1)
    shutil.copytree(source, tmp_path / "elsewhere" / "b")
    second = prepare(list_source(tmp_path / "elsewhere" / "b"), tmp_path / "two", size=20, workers=3)
    assert contents(first.path) == contents(second.path)
    assert first.fingerprint == second.fingerprint
    assert first.left_out == 1
    other = {"seed": {"split_seed": 1}, "size": {"size": 21}, "fit": {"fit": "squash"}}
    for name, changes in other.items():
        changed = prepare(list_source(source), tmp_path / name, **({"size": 20} | changes))  # type: ignore[arg-type]
        assert changed.fingerprint != first.fingerprint, name


def test_what_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path, small_shards: None) -> None:
    source = draw_folder(tmp_path / "in", each=20)
    (source / "square" / "cut.jpg").write_bytes((source / "square" / "square-001.jpg").read_bytes()[:200])
    (source / "square" / "none.png").symlink_to("nowhere")
    (source / "circle" / "notes.txt").write_text("notes")
    (source / "hopeless").mkdir()
    (source / "hopeless" / "empty.png").touch()
    made = prepare(list_source(source), tmp_path / "out", size=16)
    with open(made.path / "left_out.csv", newline="") as file:
        found = {row["path"]: row["reason"] for row in csv.DictReader(file)}
    assert set(found) == {"circle/notes.txt", "hopeless", "hopeless/empty.png", "square/cut.jpg", "square/none.png"}
    assert "truncated" in found["square/cut.jpg"]
    assert found["hopeless/empty.png"] == "the file is empty"
    assert found["hopeless"] == "a class without a readable picture"
    assert "link that leads nowhere" in found["square/none.png"]
    assert (made.left_out, made.unreadable, len(made)) == (5, 3, 60)
    assert made.classes == ("circle", "square", "triangle")
    assert set(made.labels.tolist()) == {0, 1, 2}
    assert made.describe().startswith("60 pictures, 3 classes, 6 held out (test); 5 files left out, see ")


def test_too_many_unreadable_pictures_stop_it_until_more_are_allowed(tmp_path: Path, small_shards: None) -> None:
    source = draw_folder(tmp_path / "in", each=20)
    for number in range(6):
        (source / "circle" / f"bad-{number}.jpg").write_bytes(b"no")
    listing, out = list_source(source), tmp_path / "out"
    with pytest.raises(
        ValueError, match=r"at least \d of 66 pictures cannot be read, .*--max-left-out .*bad-0.jpg: not"
    ):
        prepare(listing, out, size=16)
    assert "circle/bad-0.jpg,not a picture (text)" in (out / "left_out.csv").read_text()
    assert not is_prepared(out)
    with pytest.raises(ValueError, match="is not finished: run the same prepare again"):
        open_prepared(out)
    assert prepare(listing, out, size=16, max_left_out=0.1).left_out == 6
    with pytest.raises(ValueError, match=r"^6 of 66 pictures cannot be read"):
        prepare(listing, out, size=16)
    with pytest.raises(ValueError, match="a share from 0 to 1"):
        prepare(listing, out, size=16, max_left_out=5)


def test_other_peoples_folders_are_refused_and_left_alone(picture_folder: Path, tmp_path: Path) -> None:
    listing = list_source(picture_folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        prepare(listing, tmp_path / "full", size=8)
    assert os.listdir(tmp_path / "full") == ["thesis.txt"]
    with pytest.raises(ValueError, match="is a file"):
        prepare(listing, tmp_path / "file", size=8)
    with pytest.raises(ValueError, match="inside the pictures' own folder"):
        prepare(listing, picture_folder / "prepared", size=8)
    assert not (picture_folder / "prepared").exists()
    prepare(listing, tmp_path / "out", size=8)
    with pytest.raises(ValueError, match="a prepared set of other pictures or options"):
        prepare(listing, tmp_path / "out", size=9)
    with pytest.raises(ValueError, match="is a prepared set, not a source"):
        list_source(tmp_path / "out")
    for wrong in ({"size": 0}, {"fit": "stretch"}, {"workers": -1}):
        with pytest.raises(ValueError, match=r"--size must be|--fit cannot be|--workers must be"):
            prepare(listing, tmp_path / "new", **wrong)  # type: ignore[arg-type]


def test_a_finished_set_is_reused_and_said_so(picture_folder: Path, tmp_path: Path) -> None:
    listing, said = list_source(picture_folder), []
    first = prepare(listing, tmp_path / "out", size=8)
    before = os.stat(tmp_path / "out" / "dataset.json").st_mtime_ns
    again = prepare(listing, tmp_path / "out", size=8, say=said.append)
    assert again.fingerprint == first.fingerprint
    assert os.stat(tmp_path / "out" / "dataset.json").st_mtime_ns == before
    assert any("prepared already" in sentence for sentence in said)


def test_a_full_disk_is_said_and_loses_nothing(
    picture_folder: Path, tmp_path: Path, small_shards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing, out, said = list_source(picture_folder), tmp_path / "out", []
    writing = making.write_shard

    def full(job: shards.Job, *rest: object) -> int:
        if job.number == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        return writing(job, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(making, "write_shard", full)
    with pytest.raises(ValueError, match=r"disk of .*out is full; free some space.*what is finished is kept, 4 of 8"):
        prepare(listing, out, size=16, workers=1)
    kept = {path: path.stat().st_mtime_ns for path in (out / "shards").iterdir()}
    assert len(kept) == 4
    monkeypatch.setattr(making, "write_shard", writing)
    made = prepare(listing, out, size=16, workers=1, say=said.append)
    assert any("40 of 72 pictures were prepared before" in sentence for sentence in said)
    assert all(path.stat().st_mtime_ns == time_ for path, time_ in kept.items()), "finished parts were not made again"
    assert contents(out) == contents(prepare(listing, tmp_path / "whole", size=16).path)
    assert len(made) == 72


def test_a_disk_that_is_too_small_is_said_before_the_work(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6, 10**6))
    with pytest.raises(ValueError, match=r"72 pictures at 256 x 256 pixels need 14 MB in .*its disk has 1 MB free"):
        prepare(list_source(picture_folder), tmp_path / "out")


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
try:
    prepare(list_source(sys.argv[1]), sys.argv[2], size=128, workers=2)
except ValueError as error:
    print(error)
"""


def test_workers_say_that_the_disk_is_full(picture_folder: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(picture_folder), str(tmp_path / "out")], capture_output=True, text=True
    )
    assert "is full; free some space" in done.stdout, done.stderr
    assert not [name for name in os.listdir(tmp_path / "out" / "shards") if name.endswith(".part")]


def test_a_part_file_left_by_a_kill_does_not_make_the_folder_foreign(picture_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "shards").mkdir(parents=True)
    (tmp_path / "out" / "shards").rmdir()
    (tmp_path / "out" / ".prepare.json.123.part").write_text("{")
    prepare(list_source(picture_folder), tmp_path / "out", size=8)
    assert not [name for name in os.listdir(tmp_path / "out") if storage.is_part(name)]


PREPARE = """
import sys
import alexnet.data.shards as shards
shards.SHARD_PICTURES = 16
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
say = lambda sentence: print(sentence, flush=True)
made = prepare(list_source(sys.argv[1]), sys.argv[2], size=96, workers=int(sys.argv[3]), say=say)
print(made.fingerprint)
"""


def start(source: Path, out: Path, workers: int = 2) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PREPARE, str(source), str(out), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finish(source: Path, out: Path) -> None:
    running = start(source, out)
    running.communicate()
    assert running.returncode == 0


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = draw_folder(tmp_path_factory.mktemp("many") / "shapes", each=130)
    (source / "circle" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    return source


@pytest.fixture(scope="module")
def never_killed(many: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A set made in one go, and the seconds it took."""
    out, began = tmp_path_factory.mktemp("made") / "out", time.monotonic()
    finish(many, out)
    return out, time.monotonic() - began


def check_killed(many: Path, never_killed: tuple[Path, float], out: Path, kills: int, seed: int) -> None:
    """Kill a prepare and continue it, `kills` sets one after the other, each at its own moment."""
    whole, seconds = never_killed
    moments, met = random.Random(seed), 0
    for kill in range(kills):
        target = out / str(kill)
        running = start(many, target)
        try:
            running.wait(timeout=moments.uniform(0.15, 1.0) * seconds)
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            met += 1
        running.communicate()
        finish(many, target)
        assert contents(target) == contents(whole)
        assert open_prepared(target).fingerprint == open_prepared(whole).fingerprint
        shutil.rmtree(target)
    assert met >= kills / 2, "most were killed before their end"


def test_a_killed_prepare_goes_on_and_ends_the_same(
    many: Path, never_killed: tuple[Path, float], tmp_path: Path
) -> None:
    check_killed(many, never_killed, tmp_path, kills=2, seed=0)


@pytest.mark.slow
def test_twenty_kills_end_the_same_twenty_times(many: Path, never_killed: tuple[Path, float], tmp_path: Path) -> None:
    check_killed(many, never_killed, tmp_path, kills=20, seed=1)


def test_a_prepare_killed_again_and_again_ends_the_same(
    many: Path, never_killed: tuple[Path, float], tmp_path: Path
) -> None:
    whole, seconds = never_killed
    out, moments = tmp_path / "out", random.Random(2)
    for _ in range(4):
        running = start(many, out)
        try:
            running.wait(timeout=moments.uniform(0.2, 0.8) * seconds)
        except subprocess.TimeoutExpired:
            running.kill()
        running.communicate()
    finish(many, out)
    assert contents(out) == contents(whole)


def test_two_that_start_at_once_make_one_set(many: Path, never_killed: tuple[Path, float], tmp_path: Path) -> None:
    both = [start(many, tmp_path / "out", workers=1) for _ in range(2)]
    said = [process.communicate()[0].splitlines() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0][-1] == said[1][-1] == open_prepared(never_killed[0]).fingerprint
    waited = [any("waiting for it" in line for line in lines) for lines in said]
    reused = [any("prepared already" in line for line in lines) for lines in said]
    assert sorted(reused) == [False, True]
    assert waited in (reused, [False, False])
    assert contents(tmp_path / "out") == contents(never_killed[0])


MEASURED = """
import sys
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source

def anonymous():
    return int(next(line for line in open("/proc/self/status") if line.startswith("RssAnon")).split()[1])

most = 0
def measure(done, total):
    global most
    most = max(most, anonymous())

prepare(list_source(sys.argv[1]), sys.argv[2], size=1024, workers=1, report=measure)
print(max(most, anonymous()), "torch" in sys.modules)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads its memory in /proc")
def test_memory_does_not_hold_the_pictures(tmp_path: Path) -> None:
    """40 squares of 1024 pixels are 126 MB; making them takes a small part of that."""
    for number in range(40):
        (tmp_path / "in" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (number, 0, 0)).save(tmp_path / "in" / "ab"[number % 2] / f"{number}.png")
    command = [sys.executable, "-c", MEASURED, str(tmp_path / "in"), str(tmp_path / "out")]
    kilobytes, torch_loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert int(kilobytes) < 100_000
    assert torch_loaded == "False"


def test_the_clothing_set(shared_data: Path, tmp_path: Path) -> None:
    made = prepare(list_source(shared_data / "clothing"), tmp_path / "out", size=32, workers=1)
    assert (len(made), len(made.classes), made.left_out) == (1576, 10, 1)
    assert made.counts == {"train": 1100, "val": 476, "test": 0, "select": 0}
    assert made.evaluated == ("val", "also used for selection")
    assert json.loads((made.path / "dataset.json").read_bytes())["location"].endswith("clothing")
    assert isinstance(made, PreparedSet)
