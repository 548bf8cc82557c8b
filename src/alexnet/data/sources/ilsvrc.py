"""Which pictures are in ImageNet's files as people have them? Of 2010 or 2012; folders, tar files, Kaggle's layout.

    train     train/ or ILSVRC2012_img_train/ with a folder or a tar file for each wnid; ILSVRC2012_img_train.tar
    val       val/ or ILSVRC2012_img_val/ with wnid folders, or flat; ILSVRC2012_img_val.tar
    test      as val; left out where its labels are not there (2010's were published, 2012's never)
    patches   patch_images/ or patch_images.tar: the pictures of 2010 that replace damaged ones

All may lie in ILSVRC/Data/CLS-LOC, as Kaggle packs them. Labels are wnids; `devkit.py` says where those of flat
folders come from. Tar files are read in place.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from alexnet.data.listing import SPLITS, Columns, Listing, Reader
from alexnet.data.origins import is_dropping, named_like_picture, shown
from alexnet.data.sources.archives import members
from alexnet.data.sources.devkit import WNID, Truth, label_files, read_truth
from alexnet.data.sources.folders import Files, has_picture_name, walk
from alexnet.data.sources.spans import Member, Mixed, Places, Spans, refused

_PART = re.compile(r"(?:ILSVRC(20\d\d)_(?:img|images)_)?(train|val|test)(\.tar)?$")
_NUMBERED = re.compile(r"ILSVRC20\d\d_(val|test)_\d{8}\.JPEG$", re.IGNORECASE)
_PATCHES = ("patch_images", "patch_images.tar")
#: Where Kaggle puts the pictures; the files of labels lie beside the first of these folders.
_KAGGLE = ("ILSVRC", "Data", "CLS-LOC")
#: So many entries of a folder show what it holds.
_LOOK = 50


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where ImageNet's files lie."""

    location: str
    parts: tuple[tuple[str, str], ...]
    """(split, folder or tar file); the split is empty for a folder of wnid folders."""
    beside: tuple[str, ...]
    """Folders in which files of labels and patches may lie."""


def recognise(path: Path) -> Found | None:
    """ImageNet's files at a path, one of its tar files or a folder of them; None if it is something else.

    Raises:
        ValueError: a split is there twice, as of two years.
    """
    where = os.path.abspath(path)
    name = os.path.basename(where)
    if os.path.isfile(where):
        match = _PART.match(name)
        beside = os.path.dirname(where)
        known = match and match[3] and match[1]
        return Found(location=where, parts=((match[2], where),), beside=(beside,)) if match and known else None
    for depth in range(len(_KAGGLE), -1, -1):
        base = os.path.join(where, *_KAGGLE[len(_KAGGLE) - depth :])
        if os.path.isdir(base):
            break
    try:
        parts, beside = _parts(base), _beside(base)
        marked = any(map(label_files, beside)) or any("ILSVRC" in os.path.basename(part) for part in parts.values())
        flat = any(os.path.isdir(part) and _holds(part, _NUMBERED.match) for part in parts.values())
        wnids = _holds(parts.get("train", base), _is_class)
    except OSError:  # told in a sentence where it is listed
        return None
    if not parts and marked and wnids:
        return Found(location=where, parts=(("", base),), beside=beside)
    if parts and (wnids or "train" not in parts) and (marked or flat):
        ordered = tuple((split, parts[split]) for split in SPLITS if split in parts)
        return Found(location=where, parts=ordered, beside=beside)
    return None


def _is_class(name: str) -> bool:
    return bool(WNID.match(name.removesuffix(".tar")))


def _parts(base: str) -> dict[str, str]:
    """Folder or tar file by split; of both, the folder, which somebody unpacked."""
    found: dict[str, str] = {}
    for name in sorted(os.listdir(base), key=lambda name: (os.path.isfile(os.path.join(base, name)), name)):
        match = _PART.match(name)
        if match and (match[1] or not match[3]):
            path, other = os.path.join(base, name), found.get(match[2])
            if other and os.path.isdir(path) == os.path.isdir(other):
                both = f"{os.path.basename(other)} and {name}"
                raise ValueError(f"{shown(base)} holds {both}, which both are ImageNet's {match[2]}; keep one of them")
            found.setdefault(match[2], path)
    return found


def _beside(base: str) -> tuple[str, ...]:
    folders = [base]
    while os.path.basename(folders[-1]) in _KAGGLE:
        folders.append(os.path.dirname(folders[-1]))
    return tuple(folders)


def _holds(folder: str, like: Callable[[str], object]) -> bool:
    """Whether one of a folder's first entries has such a name; of a tar file, it is said."""
    if os.path.isfile(folder):
        return True
    with os.scandir(folder) as entries:
        return any(like(entry.name) for entry in itertools.islice(entries, _LOOK))


class _Picture(NamedTuple):
    """A picture, wherever it lies."""

    origin: str
    """Relative to the listing's root, or a tar file's name and the name in it."""
    wnid: str
    """Of the folder or tar file it lies in, or empty."""
    size: int
    time: int
    archive: str = ""
    member: Member | None = None

    @property
    def name(self) -> str:
        return self.origin.rsplit("/", 1)[-1]


def list_ilsvrc(found: Found) -> Listing:
    """The pictures of ImageNet's files. A class is called "n01440764 tench" where the words are known.

    Raises:
        ValueError: nothing says what the pictures of a flat val show, or a tar file is damaged.
    """
    root, truth = found.beside[-1], read_truth(found.beside)
    columns, places, which = Columns(), Places(), bytearray()
    patches = {pair: patch for folder in found.beside for pair, patch in _patches(folder, root, columns)}
    for split, path in found.parts:
        listed = _pictures(path, root, columns)
        first = next(listed, None)
        if first is not None and not first.wnid and not _known(first.name, truth):
            _without_labels(split, path, columns)
            continue
        for picture in itertools.chain([first] if first else [], listed):
            label = picture.wnid or truth.of.get(os.path.splitext(picture.name)[0])
            if label is None:
                columns.leave_out(picture.origin, "not in the list of labels")
                continue
            words = truth.names.get(label, "").split(",")[0]
            picture = patches.get((split, picture.name), picture)
            number = columns.label(f"{label} {words}".rstrip())
            columns.add(picture.origin, number, SPLITS[split] if split else -1, picture.size, picture.time)
            places.add(places.file(picture.archive) if picture.member else -1, picture.member)
            which.append(picture.member is not None)
    if not len(columns):
        raise ValueError(
            f"{shown(found.location)} holds no labelled picture of ImageNet; docs/sources.md shows its layouts"
        )
    readers: tuple[Reader, ...] = (Files(root, columns.columns()), Spans(tuple(places.files), places.rows()))
    kinds = set(which)
    source = readers[kinds.pop()] if len(kinds) == 1 else Mixed(readers, np.frombuffer(bytes(which), np.uint8))
    name = shown(os.path.basename(found.location).removesuffix(".tar") or "ilsvrc")
    return columns.finish(name=name, kind="ilsvrc", location=found.location, source=source)


def _known(name: str, truth: Truth) -> bool:
    """Whether there are labels for pictures of the same year and split as ILSVRC2012_val_00000001.JPEG."""
    family = name.rsplit("_", 1)[0] + "_"
    return any(stem.startswith(family) for stem in truth.of)


def _without_labels(split: str, path: str, columns: Columns) -> None:
    """Pass over a flat test; refuse a flat val or train."""
    if split == "test":
        columns.leave_out(os.path.basename(path), "test pictures without labels (those of 2012 were never published)")
        return
    raise ValueError(
        f"{shown(path)} holds pictures without wnid folders, and nothing beside it says what they show; put "
        "ILSVRC2012_devkit_t12.tar.gz, devkit-1.0.tar.gz or LOC_val_solution.csv there"
    )


def _pictures(path: str, root: str, columns: Columns) -> Iterator[_Picture]:
    """All pictures of a part: a tar file, or a folder of wnid folders, wnid tar files or pictures."""
    if os.path.isfile(path):
        yield from _in_tar(path, "", columns)
        return
    prefix = os.path.join(root, "")

    def skip(file: str, reason: str) -> None:
        columns.leave_out(file.removeprefix(prefix), reason)

    for name in sorted(name for name in os.listdir(path) if not is_dropping(name)):
        inside = os.path.join(path, name)
        wnid = name.removesuffix(".tar") if _is_class(name) else ""
        if os.path.isfile(inside) and name.endswith(".tar") and wnid:
            yield from _in_tar(inside, wnid, columns)
        elif os.path.isdir(inside) and not wnid:
            skip(inside, "a folder that is not named by a wnid")
        else:
            info = os.stat(inside) if os.path.exists(inside) else None
            seen = {(info.st_dev, info.st_ino)} if info else set()
            for file, facts in walk(inside, seen, skip) if os.path.isdir(inside) else [(inside, info)]:
                if has_picture_name(file, skip):
                    size, time = (facts.st_size, facts.st_mtime_ns) if facts else (-1, -1)
                    yield _Picture(file.removeprefix(prefix), wnid, size, time)


def _in_tar(path: str, wnid: str, columns: Columns) -> Iterator[_Picture]:
    """The pictures of a tar file; those of tar files in it have these files' names for a folder."""
    columns.note(f"{os.path.basename(path)} {os.stat(path).st_mtime_ns}")
    for member in members(path):
        origin = f"{os.path.basename(path)}/{member.name}"
        reason = refused(member) or ("" if named_like_picture(member.name) else "not named like a picture")
        if reason:
            columns.leave_out(origin, reason)
            continue
        folder = next((part for part in member.name.split("/")[:-1] if WNID.match(part)), "")
        yield _Picture(origin, wnid or folder, member.size, -1, path, member)


def _patches(folder: str, root: str, columns: Columns) -> Iterator[tuple[tuple[str, str], _Picture]]:
    """(split, name) and the picture that takes the place of the one so called: patch_images/val/....JPEG."""
    for name in _PATCHES:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            found = _in_tar(path, "", columns)
        elif os.path.isdir(path):
            inner = os.path.join(path, name)
            base = inner if os.path.isdir(inner) else path
            parts = [os.path.join(base, split) for split in SPLITS]
            found = itertools.chain(*(_pictures(part, root, columns) for part in parts if os.path.isdir(part)))
        else:
            continue
        for picture in found:
            yield (picture.origin.split("/")[-2], picture.name), picture
