"""Are folders of any make read as what they are, and everything else refused in a sentence that helps?"""

from __future__ import annotations

import os
import pickle
import socket
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet.data.sources import Listing, find_pictures, list_source


def draw(*paths: Path) -> None:
    """Small pictures, each of its own colour."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        colour = tuple(sum(os.fsencode(path)) * factor % 256 for factor in (1, 7, 31))
        with open(path, "wb") as file:
            Image.new("RGB", (6, 5), colour).save(file, "PNG")


def by_class(listing: Listing) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {name: [] for name in listing.classes}
    for origin, label in zip(listing.origins.to_pylist(), listing.labels, strict=True):
        found[listing.classes[label]].append(origin)
    return found


def reasons(listing: Listing) -> dict[str, str]:
    return dict(listing.left_out)


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    root = tmp_path / "animals"
    draw(
        root / "dog" / "b.png",
        root / "dog" / "a.JPG",
        root / "class 10" / "x.webp",
        root / "class 2" / "deep" / "er" / "y.gif",
    )
    listing = list_source(root)
    assert (listing.kind, listing.name, listing.location) == ("folder", "animals", str(root))
    assert by_class(listing) == {
        "class 2": ["class 2/deep/er/y.gif"],
        "class 10": ["class 10/x.webp"],
        "dog": ["dog/a.JPG", "dog/b.png"],
    }
    assert listing.splits.tolist() == [-1] * 4
    assert listing.left_out == ()
    reader = pickle.loads(pickle.dumps(listing.reader(1, 3)))
    assert reader.read(2) == (root / listing.origins[2].as_py()).read_bytes()
    assert listing.reader().read(3) == (root / listing.origins[3].as_py()).read_bytes()


def test_what_is_no_picture_is_passed_over_or_named(tmp_path: Path) -> None:
    draw(
        tmp_path / "cat" / "1.png",
        tmp_path / "dog" / "1.png",
        tmp_path / "dog" / "no extension",
        tmp_path / "loose.png",
    )
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._1.png", ".hidden.png"):
        (tmp_path / "cat" / name).write_bytes(b"\0\0\0\1")
    draw(tmp_path / ".hidden" / "1.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk").mkdir()
    (tmp_path / "junk" / "notes.txt").write_text("shopping list")
    (tmp_path / "dog" / "page.html").write_text("<html></html>")
    (tmp_path / "README").write_text("about")
    listing = list_source(tmp_path)
    assert by_class(listing) == {"cat": ["cat/1.png"], "dog": ["dog/1.png", "dog/no extension"]}
    assert reasons(listing) == {
        "loose.png": "beside the class folders, so without a class",
        "README": "not in a class folder",
        "empty": "a class folder without a picture",
        "junk": "a class folder without a picture",
        "junk/notes.txt": "not a picture (text)",
        "dog/page.html": "not a picture (HTML text)",
    }


@pytest.mark.parametrize("val", ["val", "valid", "Validation", "VAL"])
def test_split_folders_in_any_spelling(tmp_path: Path, val: str) -> None:
    for split in ("Train", val, "TEST"):
        draw(*(tmp_path / split / name / f"{split}.png" for name in ("cat", "dog")))
    (tmp_path / "LICENSE").write_text("free")
    listing = list_source(tmp_path)
    assert listing.kind == "split-folder"
    assert [origin.split("/")[0] for origin in listing.origins.to_pylist()] == ["Train"] * 2 + [val] * 2 + ["TEST"] * 2
    assert listing.splits.tolist() == [0, 0, 1, 1, 2, 2]
    assert listing.classes == ("cat", "dog")
    assert listing.labels.tolist() == [0, 1] * 3
    assert reasons(listing) == {"LICENSE": "beside the folders train, val and test"}


def test_labels_are_matched_by_name_over_splits(tmp_path: Path) -> None:
    draw(*(tmp_path / "train" / name / "1.png" for name in ("ape", "bee", "cow")), tmp_path / "val" / "cow" / "2.png")
    listing = list_source(tmp_path)
    assert listing.classes[listing.labels[3]] == "cow"
    draw(tmp_path / "val" / "auk" / "1.png")
    with pytest.raises(ValueError, match="'auk' is in val but not in train"):
        list_source(tmp_path)


def test_train_may_be_a_class(tmp_path: Path) -> None:
    draw(*(tmp_path / name / "1.png" for name in ("train", "car", "plane")), tmp_path / "train" / "steam" / "2.png")
    listing = list_source(tmp_path)
    assert listing.kind == "folder"
    assert listing.classes == ("car", "plane", "train")


def test_splits_without_class_folders_are_not_taken_for_classes(tmp_path: Path) -> None:
    draw(tmp_path / "train" / "1.png", tmp_path / "val" / "1.png")
    with pytest.raises(ValueError, match="train has no class folders"):
        list_source(tmp_path)


def test_an_unlabelled_test_folder_beside_train_is_left_out(tmp_path: Path) -> None:
    draw(*(tmp_path / "train" / name / "1.png" for name in ("a", "b")), tmp_path / "test" / "1.png")
    listing = list_source(tmp_path)
    assert listing.splits.tolist() == [0, 0]
    assert reasons(listing) == {"test/1.png": "beside the class folders, so without a class"}


def test_two_folders_for_one_split_are_refused(tmp_path: Path) -> None:
    draw(*(tmp_path / split / name / "1.png" for split in ("train", "val", "valid") for name in ("a", "b")))
    with pytest.raises(ValueError, match="val/ and valid/"):
        list_source(tmp_path)


def test_loops_and_dangling_links_end_and_are_named(tmp_path: Path) -> None:
    cat = tmp_path / "cat"
    draw(cat / "1.png", tmp_path / "dog" / "1.png", tmp_path / "elsewhere.png")
    draw(cat / "deep" / "2.png")
    (cat / "deep" / "self").symlink_to(".")
    (cat / "loop").symlink_to(".")
    (cat / "up").symlink_to("..")
    (cat / "a.jpg").symlink_to("b.jpg")
    (cat / "b.jpg").symlink_to("a.jpg")
    (cat / "dangling.jpg").symlink_to("missing.jpg")
    (cat / "good.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "again").symlink_to(tmp_path)
    listing = list_source(tmp_path)
    named = by_class(listing)
    assert named["cat"] == ["cat/1.png", "cat/a.jpg", "cat/b.jpg", "cat/dangling.jpg", "cat/deep/2.png", "cat/good.png"]
    links = {name for name, reason in listing.left_out if reason == "a link to a folder that is read already"}
    assert links == {"cat/deep/self", "cat/loop", "cat/up", "again"}
    reader = listing.reader()
    for place, origin in enumerate(listing.origins.to_pylist()):
        if origin in ("cat/a.jpg", "cat/b.jpg", "cat/dangling.jpg"):
            with pytest.raises(OSError, match=r"levels of symbolic links|No such file"):
                reader.read(place)
        else:
            assert reader.read(place).startswith(b"\x89PNG")


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    draw(tmp_path / "store" / "1.png", tmp_path / "set" / "dog" / "1.png")
    (tmp_path / "set" / "cat").symlink_to(tmp_path / "store")
    assert by_class(list_source(tmp_path / "set"))["cat"] == ["cat/1.png"]


def test_pipes_and_sockets_are_not_opened(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(tmp_path / "a")  # names of sockets are short
        server.bind("socket.jpg")
        os.chdir(before)
        listing = list_source(tmp_path)
    assert len(listing) == 2
    assert set(reasons(listing)) == {"a/pipe.png", "a/socket.jpg"}


def test_awkward_names(shared_data: Path, tmp_path: Path) -> None:
    with tarfile.open(shared_data / "hostile" / "archives" / "awkward_names.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    listing = list_source(tmp_path / "folder_names")
    named = by_class(listing)
    assert named.pop("class_long_name")[0].endswith("x.jpg")
    assert named == {
        "-dash": ["-dash/--help.jpg"],
        "class with spaces": ["class with spaces/photo one.jpg"],
        "emoji_🐱": ["emoji_🐱/cat_😸.jpg"],
        "non_utf8": ["non_utf8/caf\\xe9.jpg"],
        "percent%20quote's": ["percent%20quote's/semi;colon&$(touch x).jpg"],
        "класс-类": ["класс-类/фото-照片.jpg"],
    }
    assert reasons(listing) == {
        "empty_class": "a class folder without a picture",
        "only_junk_class": "a class folder without a picture",
        "only_junk_class/notes.txt": "not a picture (text)",
    }
    reader = pickle.loads(pickle.dumps(listing.reader(0, len(listing))))
    assert all(reader.read(row).startswith(b"\xff\xd8") for row in range(len(listing)))


def test_the_digest_changes_with_the_files_and_not_with_the_place(tmp_path: Path) -> None:
    draw(tmp_path / "one" / "a" / "1.png", tmp_path / "one" / "b" / "1.png")
    first = list_source(tmp_path / "one").digest
    (tmp_path / "one").rename(tmp_path / "two")
    assert list_source(tmp_path / "two").digest == first
    os.utime(tmp_path / "two" / "a" / "1.png", (1, 1))
    second = list_source(tmp_path / "two").digest
    (tmp_path / "two" / "b").rename(tmp_path / "two" / "c")
    assert len({first, second, list_source(tmp_path / "two").digest}) == 3


def test_what_is_no_source_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "flat" / "1.png", tmp_path / "flat" / "2.png", tmp_path / "single" / "cat" / "1.png")
    (tmp_path / "void").mkdir()
    (tmp_path / "data.xlsx").write_bytes(b"PK")
    (tmp_path / "classes" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for given, sentence in {
        "flat": "2 pictures but no class folders, so nothing says what they show; make one folder for every class",
        "single": "one class only, 'cat'",
        "void": "is empty; it must hold one folder for every class",
        "classes": "has no class folder with a picture in it",
        "data.xlsx": "is no source of pictures",
        "flat/1.png": "is one picture",
        "flatt": "no file or folder flatt; did you mean flat",
    }.items():
        with pytest.raises(ValueError, match=sentence) as caught:
            list_source(given)
        assert "\n" not in str(caught.value)


def test_listing_a_folder_changes_nothing_in_it(picture_folder: Path) -> None:
    def state() -> list[tuple[str, int, int]]:
        return [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(picture_folder.rglob("*"))]

    before = state()
    list_source(picture_folder)
    assert state() == before


def test_pictures_to_predict_are_found_one_by_one(tmp_path: Path) -> None:
    draw(tmp_path / "in" / "b.png", tmp_path / "in" / "a" / "z.jpg", tmp_path / "in" / "plain", tmp_path / "single.png")
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / ".hidden.png").write_text("x")
    (tmp_path / "list.txt").write_text("in/b.png\n\nmissing.png\n")
    (tmp_path / "list.csv").write_text("path\nin/b.png\n")
    (tmp_path / "list.jsonl").write_text('{"path": "single.png"}\n')
    (tmp_path / "dangling.png").symlink_to("nowhere")

    def names(*given: str) -> list[str]:
        return [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path / one for one in given)]

    assert names("in") == ["in/a/z.jpg", "in/b.png", "in/plain"]
    assert names("single.png", "in") == ["single.png", "in/a/z.jpg", "in/b.png", "in/plain"]
    assert names("list.txt") == ["in/b.png", "missing.png"]
    assert names("list.csv", "list.jsonl", "dangling.png") == ["in/b.png", "single.png", "dangling.png"]
    found = find_pictures([tmp_path / "single.png", tmp_path / "not there.png"])
    assert next(found) == tmp_path / "single.png", "the first is given before the second is looked for"
    with pytest.raises(ValueError, match="no file or folder"):
        next(found)


def test_splits_are_small_numbers(picture_folder: Path) -> None:
    listing = list_source(picture_folder)
    assert listing.labels.dtype == np.int32
    assert listing.splits.dtype == np.int8
    assert len(listing) == len(listing.labels) == len(listing.splits) == len(listing.origins) == 72


def test_a_file_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    with open(tmp_path / "a" / "2.jpg", "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="too large: 1,099,512 MB"):
        list_source(tmp_path).reader().read(1)
