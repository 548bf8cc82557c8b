"""Are CSV and JSON-lines lists read, and their mistakes named with the line?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from alexnet.data.sources import list_source
from alexnet.data.sources.lists import list_list, rows


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("1.png", "2.png", 'with, "all".png')):
        Image.new("RGB", (3, 3), (number, 0, 0)).save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("l.csv", 'path,label\n1.png,cat\n2.png,dog\n"with, ""all"".png",cat\n'),
        ("l.csv", '\ufeffLabel , extra,PATH\r\ncat,x,1.png\r\n\r\ndog,y,2.png\r\ncat,z,"with, ""all"".png"\r\n'),
        ("l.csv", 'path;label\n1.png;cat\n2.png;dog\n"with, ""all"".png";cat\n'),
        ("l.tsv", 'path\tlabel\n1.png\tcat\n2.png\tdog\nwith, "all".png\tcat\n'),
        (
            "l.jsonl",
            '{"path": "1.png", "label": "cat"}\n\n{"label": "dog", "path": "2.png"}\n'
            '{"path": "with, \\"all\\".png", "label": "cat", "more": [1]}\n',
        ),
    ],
)
def test_lists_of_any_make_name_the_same_pictures(folder: Path, name: str, text: str) -> None:
    listing = list_source(write(folder / name, text))
    assert (listing.kind, listing.name) == ("list", "l")
    assert listing.origins.to_pylist() == ["1.png", "2.png", 'with, "all".png']
    assert [listing.classes[label] for label in listing.labels] == ["cat", "dog", "cat"]
    assert listing.splits.tolist() == [-1, -1, -1]
    assert listing.reader(0, 3).read(2) == (folder / 'with, "all".png').read_bytes()


def test_splits_and_labels_that_are_numbers(folder: Path) -> None:
    text = '{"path": "1.png", "label": 10, "split": "train"}\n{"path": "2.png", "label": 9, "split": "Train"}\n'
    listing = list_source(write(folder / "l.jsonl", text + '{"path": "2.png", "label": 10, "split": "validation"}\n'))
    assert listing.classes == ("9", "10")
    assert listing.splits.tolist() == [0, 0, 1]


def test_paths_may_be_absolute_missing_or_not_utf8(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("else") / "3.png"
    Image.new("L", (1, 1)).save(elsewhere)
    odd = os.fsencode(folder) + b"/caf\xe9.png"
    with open(odd, "wb") as file:
        file.write(elsewhere.read_bytes())
    text = b"path,label\n" + os.fsencode(elsewhere) + b",a\nmissing.png,b\ncaf\xe9.png,b\n"
    listing = list_source(write(folder / "l.csv", text))
    assert listing.origins.to_pylist() == [str(elsewhere), "missing.png", "caf\\xe9.png"]
    reader = listing.reader()
    assert reader.read(0) == reader.read(2) == elsewhere.read_bytes()
    with pytest.raises(FileNotFoundError):
        reader.read(1)


def test_a_pipe_in_a_list_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.png")
    listing = list_source(write(folder / "l.csv", "path,label\n1.png,a\npipe.png,b\n"))
    with pytest.raises(OSError, match="not a file"):
        listing.reader().read(1)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("l.csv", "file,label\n1.png,cat\n", "line 1: the column 'path' is missing; .* names 'file', 'label'"),
        ("l.csv", "path,class\n1.png,cat\n", "line 1: the column 'label' is missing"),
        ("l.csv", "path,label\n1.png,cat\n2.png,\n", "line 3: the label is empty"),
        ("l.csv", "path,label\n1.png,cat\n2.png\n", "line 3: 1 values for 2 columns"),
        ("l.csv", "path,label\n1.png,cat,extra\n", "line 2: 3 values for 2 columns"),
        ("l.csv", "path,label,split\n1.png,cat,holdout\n", "line 2: the split 'holdout' is none of train, val, test"),
        ("l.csv", 'path,label\n"1.png,cat\n', "line 2: not CSV"),
        ("l.csv", "path,label\n", "names no picture"),
        ("l.csv", "", "names no picture"),
        ("l.csv", "path,label\n1.png,cat\n2.png,cat\n", "one class only, 'cat'"),
        ("l.jsonl", '{"path": "1.png", "label": "cat"}\n{"path": "2.png"}\n', "line 2: the column 'label' is missing"),
        ("l.jsonl", '{"path": "1.png", "label": "cat"}\nnot json\n', "line 2: not JSON"),
        ("l.jsonl", '["1.png", "cat"]\n', "line 1: not an object"),
        ("l.jsonl", '{"path": "1.png", "label": null}\n', "line 1: the label is empty"),
    ],
)
def test_mistakes_are_named_with_their_line(folder: Path, name: str, text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        list_list(write(folder / name, text))


def test_a_class_in_val_alone_is_refused(folder: Path) -> None:
    text = "path,label,split\n1.png,a,train\n2.png,b,train\n2.png,c,val\n"
    with pytest.raises(ValueError, match="'c' is in val but not in train"):
        list_list(write(folder / "l.csv", text))


def test_a_list_to_predict_needs_no_label(folder: Path) -> None:
    found = rows(write(folder / "l.csv", "path\n1.png\n"), needed=("path",))
    assert list(found) == [(2, {"path": "1.png"})]
