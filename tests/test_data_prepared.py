"""Does an opened set give what it holds, fast and in any order, and notice when it is damaged?"""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from alexnet.data import prepared, shards
from alexnet.data.prepare import prepare
from alexnet.data.prepared import Batch, PreparedSet, is_prepared, open_prepared
from alexnet.data.sources import list_source


@pytest.fixture(scope="module")
def made(picture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """72 pictures in 8 shards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "SHARD_PICTURES", 10)
        return prepare(list_source(picture_folder), tmp_path_factory.mktemp("set") / "out", size=12)


@pytest.mark.parametrize("small", [0, 1 << 13])  # copied one by one; many at once
def test_rows_come_in_the_order_asked_for(made: PreparedSet, small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_SMALL", small)
    whole = np.concatenate([made.gather(np.array([row])) for row in range(72)])
    generator = np.random.default_rng(0)
    orders = [
        np.arange(72),
        np.arange(72)[::-1],
        np.arange(7, 33),
        np.array([9, 10, 9, 71, 0, 0]),
        np.array([0, 2, 1, 3]),
        np.array([3, 10, 4, 11, 5]),
        generator.permutation(72),
        generator.integers(0, 72, 500),
    ]
    for rows in orders:
        found = made.gather(rows)
        assert found.dtype == np.uint8
        assert found.shape == (len(rows), 3, 12, 12)
        assert (found == whole[rows]).all()
        given = np.zeros_like(found)
        assert made.gather(rows, given) is given
        assert (given == found).all()
    assert made.gather(np.array([], np.int64)).shape == (0, 3, 12, 12)
    assert len(np.unique(whole.reshape(72, -1), axis=0)) == 72


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files as Linux shows them")
def test_shards_are_mapped_without_open_files(made: PreparedSet) -> None:
    """A large set has thousands of shards, and a process may often open a thousand files."""
    opened = open_prepared(made.path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    opened.gather(np.arange(72))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_gathered_is_a_copy(made: PreparedSet) -> None:
    first = made.gather(np.arange(20))
    first[:] = 0
    assert made.gather(np.arange(20)).any()


def test_splits_by_name(made: PreparedSet) -> None:
    train, select, test = made.rows("train"), made.rows("select"), made.rows("test")
    assert np.array_equal(np.sort(np.concatenate((train, select, test))), np.arange(72))
    assert np.array_equal(made.rows("val"), select), "what selects is called val"
    assert np.array_equal(made.selecting, select)
    assert np.array_equal(made.rows("train", "select"), np.sort(np.concatenate((train, select))))
    assert made.evaluated == ("test", "")
    assert made.counts == {"train": len(train), "val": 0, "test": len(test), "select": len(select)}
    assert made.labels.dtype == np.int64
    assert len(made.origins) == len(made) == 72
    with pytest.raises(ValueError, match="no split is called 'dev'; it is one of train, val, test, select"):
        made.rows("dev")


def test_a_set_without_training_pictures_has_no_statistics(picture_folder: Path, tmp_path: Path) -> None:
    lines = [f"{picture_folder}/circle/circle-000.png,a,val", f"{picture_folder}/square/square-000.png,b,val"]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,split", *lines]))
    made = prepare(list_source(tmp_path / "list.csv"), tmp_path / "out", size=8)
    assert made.evaluated == ("val", "")
    assert len(made.selecting) == 0
    with pytest.raises(ValueError, match="has no training pictures"):
        made.statistics()


def test_damage_is_noticed(made: PreparedSet, tmp_path: Path) -> None:
    def damaged(name: str) -> Path:
        return shutil.copytree(made.path, tmp_path / name)

    with open(damaged("short") / "shards" / "000003.bin", "ab") as file:
        file.truncate(100)
    (damaged("gone") / "shards" / "000003.bin").unlink()
    (damaged("manifest") / "manifest.parquet").write_bytes(b"PAR1")
    facts = json.loads((made.path / "dataset.json").read_bytes())
    (damaged("older") / "dataset.json").write_text(json.dumps(facts | {"request": {"version": 0}}))
    del facts["shards"]
    (damaged("lacking") / "dataset.json").write_text(json.dumps(facts))
    (damaged("text") / "dataset.json").write_text("x")
    for name, sentence in {
        "short": "a shard is not as long as it was",
        "gone": "is damaged",
        "manifest": "is damaged",
        "older": "another version",
        "lacking": "is damaged",
        "text": "is not a prepared set",
        "nowhere": "no file or folder",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            open_prepared(tmp_path / name)
    assert open_prepared(damaged("whole")).fingerprint == made.fingerprint


def test_a_folder_is_recognised(made: PreparedSet, picture_folder: Path, tmp_path: Path) -> None:
    assert is_prepared(made.path)
    (tmp_path / "dataset.json").write_text("[1]")
    assert not any(map(is_prepared, (picture_folder, tmp_path, tmp_path / "nowhere", "digits")))


def test_a_batch_holds_what_a_network_needs() -> None:
    assert [field.name for field in dataclasses.fields(Batch)] == ["images", "labels", "index", "numbers", "partners"]
