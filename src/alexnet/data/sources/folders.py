"""Which pictures are in a folder of class folders, or in train/, val/ and test/ folders of them?

Links are followed; a folder that is reached again inside the same class is not read twice, so that loops end.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alexnet.data.decode import MAX_BYTES
from alexnet.data.listing import SPLIT_WORDS, SPLITS, Columns, Kind, Listing
from alexnet.data.origins import file_name, is_dropping, named_like_picture, shown
from alexnet.data.sniff import contents, format_of

LAYOUT = "one folder for every class with its pictures inside, such as {root}/cat/1.jpg and {root}/dog/2.jpg"
_WHY = {
    errno.ENOENT: "there is no such file, or a link that leads nowhere",
    errno.ELOOP: "a link that leads back to itself",
    errno.EACCES: "may not be read (permission denied)",
    errno.EPERM: "may not be read (permission denied)",
}


class Files:
    """Reads pictures that are files.

    Args:
        root: the folder that origins are relative to.
        origins: of the rows from `first` on.
    """

    def __init__(self, root: str, origins: object, first: int = 0) -> None:
        self._root, self._origins, self._first = root, origins, first

    def read(self, row: int) -> bytes:
        """The file's bytes. Raises OSError."""
        origin = self._origins[row - self._first]  # type: ignore[index]
        path = os.path.join(self._root, file_name(origin if isinstance(origin, str) else origin.as_py()))
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):  # opening a pipe would wait for its writer
            raise OSError(errno.EINVAL, "not a file")
        if info.st_size > MAX_BYTES:
            raise OSError(
                errno.EINVAL, f"too large: {info.st_size / 1e6:,.0f} MB, the limit is {MAX_BYTES / 1e6:,.0f} MB"
            )
        with open(path, "rb") as file:
            return file.read()

    def part(self, start: int, stop: int) -> Files:
        rows = self._origins[start - self._first : stop - self._first]  # type: ignore[index]
        return Files(self._root, tuple(rows if isinstance(rows, tuple) else rows.to_pylist()), start)


def why(error: OSError) -> str:
    """In plain words, why a file could not be read."""
    return _WHY.get(error.errno or 0, f"could not be read ({error.strerror or error})")


def walk(
    folder: str, seen: set[tuple[int, int]], skip: Callable[[str, str], None]
) -> Iterator[tuple[str, os.stat_result | None]]:
    """The files below `folder` in sorted order, each with what `stat` says, or None where it fails (dangling links).

    Args:
        seen: device and inode of folders that must not be entered; those that are entered join.
        skip: told of (path, reason) for folders and special files that are passed over.
    """
    waiting = [_sorted(folder, skip)]
    while waiting:
        path = next(waiting[-1], None)
        if path is None:
            waiting.pop()
            continue
        try:
            info = os.stat(path)
        except OSError:
            yield path, None
            continue
        if stat.S_ISREG(info.st_mode):
            yield path, info
        elif not stat.S_ISDIR(info.st_mode):
            skip(path, "not a file (a pipe, socket or device)")
        elif (info.st_dev, info.st_ino) in seen:
            skip(path, "a link to a folder that is read already")
        else:
            seen.add((info.st_dev, info.st_ino))
            waiting.append(_sorted(path, skip))


def _sorted(folder: str, skip: Callable[[str, str], None]) -> Iterator[str]:
    try:
        names = sorted((name for name in os.listdir(folder) if not is_dropping(name)), key=os.fsencode)
    except OSError as error:
        skip(folder, why(error))
        return iter(())
    return (os.path.join(folder, name) for name in names)


def no_picture(path: str) -> str | None:
    """What a file holds instead of a picture, judged by how it begins; None if it begins like a picture."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        return why(error)
    return None if format_of(head) else contents(head)


def has_picture_name(path: str, skip: Callable[[str, str], None]) -> bool:
    """Whether a file is a picture by its name, or else by its contents; `skip` is told why not."""
    reason = None if named_like_picture(path) else no_picture(path)
    if reason:
        skip(path, reason)
    return reason is None


def list_folder(root: Path) -> Listing:
    """The pictures of a folder. Raises ValueError when it has no class folders with pictures, or one only."""
    columns = Columns()
    where = os.path.abspath(root)
    splits = split_folders(where)
    kind: Kind = "split-folder" if splits else "folder"
    loose = 0
    for inside, split in splits or [(where, -1)]:
        loose += _list_classes(where, inside, split, columns)
    if splits:
        for name in _names(where):
            if os.path.join(where, name) not in [inside for inside, _ in splits]:
                columns.leave_out(name, "beside the folders train, val and test")
    if not len(columns):
        raise ValueError(_nothing_found(shown(where), loose, len(columns.left_out)))
    name = os.path.basename(where) or "pictures"
    return columns.finish(name=shown(name), kind=kind, location=where, source=Files(where, columns.columns()))


def split_folders(where: str) -> list[tuple[str, int]]:
    """(folder, split) of train/, val/, test/ in this order; empty if the folders are classes."""
    folders = [name for name in _names(where) if os.path.isdir(os.path.join(where, name))]
    named = choose_splits(where, folders, lambda name: _has_folders(os.path.join(where, name)))
    return sorted(((os.path.join(where, name), number) for name, number in named.items()), key=lambda pair: pair[1])


def choose_splits(where: str, folders: Sequence[str], has_folders: Callable[[str], bool]) -> dict[str, int]:
    """Which of the folders of `where` are splits, with their numbers; none if the folders are classes.

    "train" may be a class, beside "car": so the folders are splits only where `train` has folders inside and another
    split stands beside it, or where nothing but splits is there. Raises ValueError where these lack class folders.
    """
    named = {name: SPLIT_WORDS[name.lower()] for name in folders if name.lower() in SPLIT_WORDS}
    flat = [name for name in named if not has_folders(name)]
    train = [name for name, number in named.items() if number == SPLITS["train"] and name not in flat]
    if len(named) < len(folders) and not (train and len(named) > 1):
        return {}
    if flat and not train:
        raise ValueError(
            f"{shown(where)}/{shown(flat[0])} has no class folders; in each of train, val and test there must be "
            + LAYOUT.format(root=f"{shown(where)}/{shown(flat[0])}")
        )
    for split, number in SPLITS.items():
        same = [name for name, one in named.items() if one == number]
        if len(same) > 1:
            both = " and ".join(f"{shown(name)}/" for name in same)
            raise ValueError(f"{shown(where)} has {both}, which both mean the split {split!r}; keep one of them")
    return named


def _names(folder: str) -> list[str]:
    try:
        return sorted((name for name in os.listdir(folder) if not is_dropping(name)), key=os.fsencode)
    except OSError as error:
        raise ValueError(f"the folder {shown(folder)} cannot be read: {why(error)}") from None


def _has_folders(folder: str) -> bool:
    return any(os.path.isdir(os.path.join(folder, name)) for name in _names(folder))


def _list_classes(where: str, inside: str, split: int, columns: Columns) -> int:
    """Add the class folders of one folder; returns how many pictures lie beside them."""
    ours = {(info.st_dev, info.st_ino) for info in (os.stat(where), os.stat(inside))}
    loose = 0

    prefix = os.path.join(where, "")

    def skip(path: str, reason: str) -> None:
        columns.leave_out(path.removeprefix(prefix), reason)

    for name in _names(inside):
        path = os.path.join(inside, name)
        if not os.path.isdir(path):
            picture = named_like_picture(name) or not no_picture(path)
            loose += picture
            skip(path, "beside the class folders, so without a class" if picture else "not in a class folder")
            continue
        info = os.stat(path)
        if (info.st_dev, info.st_ino) in ours:
            skip(path, "a link to a folder that is read already")
            continue
        before = len(columns)
        label = None
        for file, facts in walk(path, {*ours, (info.st_dev, info.st_ino)}, skip):
            if not has_picture_name(file, skip):
                continue
            label = columns.label(name) if label is None else label
            size, time = (facts.st_size, facts.st_mtime_ns) if facts else (-1, -1)
            columns.add(file.removeprefix(prefix), label, split, size, time)
        if len(columns) == before:
            skip(path, "a class folder without a picture")
    return loose


def _nothing_found(where: str, loose: int, others: int) -> str:
    layout = LAYOUT.format(root=where)
    if loose:
        return f"{where} holds {loose:,} pictures but no class folders, so nothing says what they show; make {layout}"
    if others:
        return f"{where} has no class folder with a picture in it; it must hold {layout}"
    return f"the folder {where} is empty; it must hold {layout}"
