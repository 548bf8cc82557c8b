"""Does `hub:` find splits, pictures and labels of a data set, and say in a sentence what it cannot fetch?"""

from __future__ import annotations

import builtins
import io
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alexnet.data.sources import list_source

datasets = pytest.importorskip("datasets", reason="needs the extra hub")


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


def table(
    labels: list[Any], first: int = 0, *, image: str = "image", names: tuple[str, ...] | None = ("b", "a")
) -> Any:
    rows = {image: [{"bytes": picture(first + n), "path": None} for n in range(len(labels))], "label": labels}
    kind = datasets.ClassLabel(names=list(names)) if names else datasets.Value("string")
    features = datasets.Features({image: datasets.Image(), "label": kind, "note": datasets.Value("int32")})
    return datasets.Dataset.from_dict(rows | {"note": [0] * len(labels)}, features=features)


@pytest.fixture(autouse=True)
def own_hub(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library's cache is a folder of the test's, and no test reaches the network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("hub"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def fake(monkeypatch: pytest.MonkeyPatch, splits: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Put data sets in place of the hub's; returns what was asked for."""
    asked: list[tuple[Any, ...]] = []

    def load(name: str, config: str | None, revision: str | None = None) -> Any:
        asked.append((name, config, revision))
        return datasets.DatasetDict(splits)

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_splits_columns_and_names(monkeypatch: pytest.MonkeyPatch) -> None:
    splits = {
        "validation": table([0], 20),
        "train": table([1, 0, -1, 1], 0),
        "extra": table([0], 30),
        "test": table([0, 1], 40),
    }
    asked = fake(monkeypatch, splits)
    listing = list_source("hub:owner/name/config@v2")
    assert asked == [("owner/name", "config", "v2")]
    assert (listing.kind, listing.name, listing.location) == ("hub", "name", "hub:owner/name/config@v2")
    assert listing.classes == ("b", "a"), "in the order of the ClassLabel"
    assert listing.labels.tolist() == [1, 0, 1, 0, 0, 1]
    assert listing.splits.tolist() == [0, 0, 0, 1, 2, 2]
    assert listing.origins.to_pylist() == ["train#0", "train#1", "train#3", "validation#0", "test#0", "test#1"]
    assert dict(listing.left_out) == {
        "extra": "a split that is none of train, val, test, beside some that are",
        "train#2": "no label",
    }
    want = [picture(number) for number in (0, 1, 3, 20, 40, 41)]
    assert [listing.reader().read(row) for row in range(6)] == want
    for start, stop in ((0, 2), (2, 4), (3, 6), (4, 5)):
        part = pickle.loads(pickle.dumps(listing.reader(start, stop)))
        assert [part.read(row) for row in range(start, stop)] == want[start:stop]
    assert list_source("hub:owner/name").digest == listing.digest


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ("hub:mnist", ("mnist", None, None)),
        ("hub:ylecun/mnist", ("ylecun/mnist", None, None)),
        ("hub:ylecun/mnist@main", ("ylecun/mnist", None, "main")),
        ("hub:uoft-cs/cifar100/plain_text", ("uoft-cs/cifar100", "plain_text", None)),
    ],
)
def test_names_configurations_and_revisions(monkeypatch: pytest.MonkeyPatch, spec: str, asked: tuple[Any, ...]) -> None:
    calls = fake(monkeypatch, {"all": table(["x", "y", "x"], image="img", names=None)})
    listing = list_source(spec)
    assert calls == [asked]
    assert listing.classes == ("x", "y")
    assert set(listing.splits.tolist()) == {-1}


def test_a_folder_of_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    datasets.DatasetDict({"train": table([0, 1]), "test": table([1], 5)}).save_to_disk("saved")
    listing = list_source("hub:./saved")
    assert listing.location == f"hub:{tmp_path}/saved"
    assert listing.splits.tolist() == [0, 0, 2]
    part = pickle.dumps(listing.reader(2, 3))
    assert pickle.loads(part).read(2) == picture(5)
    for split in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            (tmp_path / "raw" / split / name).mkdir(parents=True)
            (tmp_path / "raw" / split / name / "1.png").write_bytes(picture(number))
    listing = list_source("hub:./raw")
    assert listing.classes == ("cat", "dog")
    assert [listing.reader().read(row) for row in range(4)] == [picture(0), picture(1)] * 2


def test_offline_and_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="the hub cannot be reached to fetch hub:owner/name, and no copy") as caught:
        list_source("hub:owner/name")
    assert "\n" not in str(caught.value)

    def raising(error: Exception) -> None:
        def load(*args: Any, **options: Any) -> Any:
            raise error

        monkeypatch.setattr(datasets, "load_dataset", load)

    raising(ConnectionError("no route"))
    with pytest.raises(ValueError, match="the hub cannot be reached"):
        list_source("hub:owner/name")
    raising(datasets.exceptions.DatasetNotFoundError("Dataset 'x' doesn't exist on the Hub or cannot be accessed."))
    with pytest.raises(ValueError, match="the hub has no data set hub:owner/name"):
        list_source("hub:owner/name")
    raising(RuntimeError("Dataset scripts\nare no longer supported"))
    with pytest.raises(ValueError, match="hub:owner/name could not be loaded: Dataset scripts are no longer"):
        list_source("hub:owner/name")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "datasets":
            raise ImportError("No module named 'datasets'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r"needs the library datasets, .*: pip install 'alexnet\[hub\]'"):
        list_source("hub:owner/name")


def test_mistakes_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cats").mkdir()
    fake(monkeypatch, {"train": datasets.Dataset.from_dict({"text": ["a"], "label": ["b"]})})
    for spec, sentence in {
        "hub:cats": "names a folder here as well as a data set of the hub; for the folder write hub:./cats",
        "hub:./dogs": r"there is no folder \./dogs",
        "hub:": "names no data set",
        "hub:a/b/c/d": "names no data set",
        "hub:a/b": "has no column declared as Image; it has text: Value",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            list_source(spec)
