"""Which pictures are in a tree of folders whose classes lie at any depth? Every folder that holds pictures is a class.

`tree:PICTURES` names the classes by their paths: animals/cat, animals/dog, vehicles/car. Without the word, the first
level are the classes, and what lies deeper belongs to them: animals, vehicles.
"""

from __future__ import annotations

import os
from pathlib import Path

from alexnet.data.listing import Columns, Listing
from alexnet.data.origins import nothing_there, shown
from alexnet.data.sources.folders import Files, has_picture_name, split_folders, walk

#: How a tree is told from a folder of class folders.
PREFIX = "tree:"


def list_tree(spec: str) -> Listing:
    """The pictures of `tree:FOLDER`; FOLDER may hold train/, val/ and test/, each with a tree in it.

    Raises:
        ValueError: there is no such folder, or no picture below it.
    """
    root = Path(spec.removeprefix(PREFIX))
    if not root.is_dir():
        raise ValueError(f"{shown(root)} is no folder, as in tree:FOLDER" if root.exists() else nothing_there(root))
    where = os.path.abspath(root)
    columns, prefix = Columns(), os.path.join(where, "")

    def skip(path: str, reason: str) -> None:
        columns.leave_out(path.removeprefix(prefix), reason)

    info = os.stat(where)
    seen = {(info.st_dev, info.st_ino)}
    splits = split_folders(where)
    for inside, split in splits or [(where, -1)]:
        for file, facts in walk(inside, seen, skip):
            if not has_picture_name(file, skip):
                continue
            label = os.path.relpath(os.path.dirname(file), inside)
            if label == ".":
                skip(file, "beside the class folders, so without a class")
                continue
            size, time = (facts.st_size, facts.st_mtime_ns) if facts else (-1, -1)
            columns.add(file.removeprefix(prefix), columns.label(label), split, size, time)
    if not len(columns):
        raise ValueError(f"no folder below {shown(where)} holds a picture; in tree: each that does is a class")
    name = shown(os.path.basename(where) or "pictures")
    source = Files(where, columns.columns())
    return columns.finish(name=name, kind="tree", location=PREFIX + where, source=source)
