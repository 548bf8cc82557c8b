"""Are classes found at any depth under `tree:`, and only there?"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alexnet.data.origins import absolute
from alexnet.data.prepare import prepare
from alexnet.data.sources import Listing, list_source


def draw(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 5), (sum(map(ord, name)) % 256, 0, 0)).save(root / name)


def classes(listing: Listing) -> dict[str, str]:
    return {
        origin: listing.classes[label]
        for origin, label in zip(listing.origins.to_pylist(), listing.labels, strict=True)
    }


def test_every_folder_with_pictures_is_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "all", "animals/cat/1.png", "animals/dog/1.png", "cars/1.png", "cars/old/1.png", "loose.png")
    (tmp_path / "all" / "animals" / "notes.txt").write_text("x")
    (tmp_path / "all" / "cars" / "again").symlink_to("..")
    assert set(list_source(tmp_path / "all").classes) == {"animals", "cars"}
    monkeypatch.chdir(tmp_path)
    listing = list_source("tree:all")
    assert listing.kind == "tree"
    assert listing.location == f"tree:{tmp_path}/all"
    assert classes(listing) == {
        "animals/cat/1.png": "animals/cat",
        "animals/dog/1.png": "animals/dog",
        "cars/1.png": "cars",
        "cars/old/1.png": "cars/old",
    }
    assert dict(listing.left_out) == {
        "loose.png": "beside the class folders, so without a class",
        "animals/notes.txt": "not a picture (text)",
        "cars/again": "a link to a folder that is read already",
    }
    assert listing.reader(1, 2).read(1) == (tmp_path / "all" / "animals" / "dog" / "1.png").read_bytes()
    with pytest.raises(ValueError, match="inside the pictures' own folder"):
        prepare(listing, tmp_path / "all" / "out", size=8)


def test_splits_hold_trees(tmp_path: Path) -> None:
    draw(tmp_path, *(f"{split}/{name}/1.png" for split in ("train", "val") for name in ("x/a", "x/b", "y")))
    listing = list_source(f"tree:{tmp_path}")
    assert listing.classes == ("x/a", "x/b", "y")
    assert listing.splits.tolist() == [0, 0, 0, 1, 1, 1]


def test_mistakes_and_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path, "a/1.png", "b/1.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="there is no file or folder aa"):
        list_source("tree:aa")
    with pytest.raises(ValueError, match="is no folder, as in tree:FOLDER"):
        list_source("tree:a/1.png")
    assert absolute("tree:a") == f"tree:{tmp_path}/a"
    assert absolute("hub:./a") == f"hub:{tmp_path}/a"
    assert absolute("hub:owner/name@v1") == "hub:owner/name@v1"
    assert absolute("digits") == "digits"
    assert absolute("a") == f"{tmp_path}/a"
