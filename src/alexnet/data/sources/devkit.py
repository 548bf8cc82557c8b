"""What do ImageNet's own files say of the labels? The devkits of 2010 and 2012, and the lists that Kaggle hands out.

    ILSVRC2012_devkit_t12[.tar.gz]    data/meta.mat, data/ILSVRC2012_validation_ground_truth.txt
    devkit-1.0[.tar.gz]               the same of 2010
    ILSVRC2010_test_ground_truth.txt  came later, beside the devkit
    LOC_val_solution.csv              ImageId,PredictionString: the wnid comes first
    LOC_synset_mapping.txt            n01440764 tench, Tinca tinca

A number in a ground truth is an ID of meta.mat, not a place in the sorted wnids: going by that place is the known
mistake. Everything here ends in wnids.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from alexnet.data.origins import shown
from alexnet.data.sources.spans import Places, Spans, refused
from alexnet.data.sources.tars import tar_members

WNID = re.compile(r"n\d{8}$")
_KIT = re.compile(r"(ILSVRC20\d\d_devkit.*|devkit-1\.0.*)$", re.IGNORECASE)
_TRUTH = re.compile(r"ILSVRC(20\d\d)_(validation|test)_ground_truth\.txt$")
_SOLUTION, _MAPPING, _META = "LOC_val_solution.csv", "LOC_synset_mapping.txt", "meta.mat"
_SHORT = {"validation": "val", "test": "test"}
#: A file of labels is never larger; the largest has 2 MB.
_LARGEST = 1 << 26


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Labels by picture, names by label."""

    of: dict[str, str] = field(default_factory=dict)
    """The wnid of a picture by its file's name without extension: ILSVRC2012_val_00000001."""
    names: dict[str, str] = field(default_factory=dict)
    """The words for a wnid: "tench, Tinca tinca"."""


def label_files(folder: str) -> list[str]:
    """The files and folders in `folder` that tell of labels."""
    if not os.path.isdir(folder):
        return []
    names = sorted(os.listdir(folder))
    ours = [name for name in names if name in (_SOLUTION, _MAPPING) or _TRUTH.match(name) or _KIT.match(name)]
    loose = [_META] if _META in names and any(_TRUTH.match(name) for name in names) else []
    return [os.path.join(folder, name) for name in ours + loose]


def read_truth(folders: Sequence[str]) -> Truth:
    """All that label files in these folders say.

    Raises:
        ValueError: a file is not what its name says, or meta.mat cannot be read for want of scipy.
    """
    truth = Truth()
    kits: list[tuple[str, str, bytes]] = []
    for path in (path for folder in folders for path in label_files(folder)):
        for name, data in _contents(path):
            if name == _SOLUTION:
                truth.of.update(_solution(path, data))
            elif name == _MAPPING:
                truth.names.update(_mapping(data))
            else:
                kits.append((path, name, data))
    ids: dict[int, str] = {}
    for path, name, data in kits:
        if name == _META:
            for number, wnid, words in _synsets(path, data):
                if ids.setdefault(number, wnid) != wnid:
                    raise ValueError(
                        f"beside {shown(path)} lies the devkit of another year; give each year a folder of its own"
                    )
                truth.names.setdefault(wnid, words)
    for path, name, data in kits:
        if (match := _TRUTH.match(name)) and ids:
            truth.of.update(_numbers(path, data, f"ILSVRC{match[1]}_{_SHORT[match[2]]}", ids))
    return truth


def _contents(path: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the label files at a path: itself, or those in a devkit's folder or archive."""
    if os.path.isdir(path):
        for folder in (path, os.path.join(path, "data"), os.path.join(path, os.path.basename(path), "data")):
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                if name == _META or _TRUTH.match(name):
                    yield name, _read(os.path.join(folder, name))
    elif _KIT.match(os.path.basename(path)):
        places = Places()
        wanted: list[str] = []
        for member in tar_members(path):
            name = member.name.rsplit("/", 1)[-1]
            if (name == _META or _TRUTH.match(name)) and not refused(member) and member.size <= _LARGEST:
                wanted.append(name)
                places.add(places.file(path), member)
        reader = Spans(tuple(places.files), places.rows())
        yield from ((name, reader.read(row)) for row, name in enumerate(wanted))
    else:
        yield os.path.basename(path), _read(path)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise ValueError(f"{shown(path)} is too large for a file of labels")
    return data


def _solution(path: str, data: bytes) -> Iterator[tuple[str, str]]:
    for line, row in enumerate(csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"))), start=1):
        if len(row) != 2 or row[0] == "ImageId":
            continue
        wnid = (row[1].split() or [""])[0]
        if not WNID.match(wnid):
            raise ValueError(f"{shown(path)}, line {line}: the second column must begin with a wnid, not {wnid!r}")
        yield row[0], wnid


def _mapping(data: bytes) -> Iterator[tuple[str, str]]:
    for line in data.decode("utf-8-sig", "replace").splitlines():
        wnid, _, words = line.partition(" ")
        if WNID.match(wnid):
            yield wnid, words.strip()


def _synsets(path: str, data: bytes) -> Iterator[tuple[int, str, str]]:
    """(ID, wnid, words) of a devkit's meta.mat."""
    try:
        from scipy.io import loadmat
    except (ImportError, RuntimeError):
        raise ValueError(
            f"reading {shown(path)} needs scipy, which is missing or broken here: pip install 'alexnet[study]'"
        ) from None
    try:
        table = loadmat(io.BytesIO(data), squeeze_me=True)["synsets"].reshape(-1)
        number = next(name for name in table.dtype.names if name.endswith("_ID"))
        return iter([(int(row[number]), str(row["WNID"]), str(row["words"])) for row in table])
    except Exception as error:  # whatever a damaged file leads the parser to
        said = " ".join(str(error).split())[:80] or type(error).__name__
        raise ValueError(f"meta.mat of {shown(path)} is damaged, or no devkit's ({said}); fetch it again") from None


def _numbers(path: str, data: bytes, stem: str, ids: dict[int, str]) -> Iterator[tuple[str, str]]:
    """Line i of a ground truth is the ID of picture i, counted from 1."""
    for line, text in enumerate(data.decode("ascii", "replace").split(), start=1):
        if not text.isdigit() or int(text) not in ids:
            raise ValueError(f"the ground truth of {shown(path)}, line {line}: {text[:20]!r} is no ID of its meta.mat")
        yield f"{stem}_{line:08d}", ids[int(text)]
