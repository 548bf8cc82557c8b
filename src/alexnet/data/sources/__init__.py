"""What are the pictures? Any kind of source as one listing (docs/sources.md); and files to predict, one by one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from alexnet.data.listing import Listing
from alexnet.data.origins import named_like_picture, nothing_there, shown
from alexnet.data.prepared import is_prepared
from alexnet.data.sources import hub, lists, trees
from alexnet.data.sources.archives import is_archive, list_archive
from alexnet.data.sources.digits import list_digits
from alexnet.data.sources.folders import list_folder, no_picture, walk
from alexnet.data.sources.hub import list_hub
from alexnet.data.sources.ilsvrc import list_ilsvrc, recognise
from alexnet.data.sources.lists import list_list
from alexnet.data.sources.parquet import list_parquet, parquet_files
from alexnet.data.sources.trees import list_tree

__all__ = ["Listing", "find_pictures", "list_source"]


def list_source(spec: str | os.PathLike[str]) -> Listing:
    """The listing of a source; no picture is opened yet.

    Args:
        spec: a folder of class folders; a folder of train/, val/ and test/ folders of those; a zip or tar archive of
            the same; ImageNet's files as they are handed out; a CSV or JSON-lines list with the columns path, label
            and, if wanted, split; a Parquet file or a folder of them; `tree:FOLDER`, where classes lie at any depth;
            `hub:NAME`, a data set of the Hugging Face hub; or the word `digits`, the embedded scans (a folder of that
            name is given as ./digits).

    Raises:
        ValueError: in one sentence, when there is nothing, or it is not laid out as one of these.
    """
    if spec == "digits":
        return list_digits()
    for prefix, lists_it in ((trees.PREFIX, list_tree), (hub.PREFIX, list_hub)):
        if str(spec).startswith(prefix) and not os.path.exists(spec):
            return lists_it(str(spec))
    path = Path(spec)
    if not path.exists():
        raise ValueError(nothing_there(path))
    if path.is_dir():
        if is_prepared(path):
            raise ValueError(f"{shown(path)} is a prepared set, not a source of pictures; open it as what it is")
        if found := recognise(path):
            return list_ilsvrc(found)
        return list_parquet(path) if parquet_files(path) else list_folder(path)
    suffix = path.suffix.lower()
    if suffix in lists.SUFFIXES:
        return list_list(path)
    if suffix == ".parquet":
        return list_parquet(path)
    if is_archive(path):
        found = recognise(path)
        return list_ilsvrc(found) if found else list_archive(path)
    if named_like_picture(path.name):
        raise ValueError(f"{shown(path)} is one picture; give the folder that holds a folder for every class")
    raise ValueError(
        f"{shown(path)} is no source of pictures; give a folder of class folders, an archive of one (.zip, .tar), a "
        "list (.csv, .jsonl) or a .parquet file"
    )


def find_pictures(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path]:
    """The files to predict, one after the other, without opening them.

    A folder gives the pictures in it and below it, sorted; a .csv, .jsonl or .txt file the paths it lists (column
    `path`; in .txt a path a line), whether they exist or not; any other file itself. Raises ValueError for a path that
    is not there.
    """
    for given in paths:
        path = Path(given)
        if path.is_dir():
            info = path.stat()
            for file, _ in walk(str(path), {(info.st_dev, info.st_ino)}, lambda path, reason: None):
                if named_like_picture(file) or not no_picture(file):
                    yield Path(file)
        elif not path.exists() and not path.is_symlink():  # a dangling link is named when it cannot be read
            raise ValueError(nothing_there(path))
        elif path.suffix.lower() == ".txt":
            with open(path, encoding="utf-8-sig", errors="surrogateescape") as lines:
                yield from (path.parent / line.strip() for line in lines if line.strip())
        elif path.suffix.lower() in lists.SUFFIXES:
            yield from (path.parent / row["path"] for _, row in lists.rows(path, needed=("path",)))
        else:
            yield path
