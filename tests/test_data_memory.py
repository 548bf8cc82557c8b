"""Are pictures in memory the same prepared set as the same pictures on the disk?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from alexnet.data.feed import Feed
from alexnet.data.memory import HeldSet
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source


def test_it_is_what_was_prepared(tmp_path: Path) -> None:
    disk = prepare(list_source("digits"), tmp_path / "set", size=12, fit="squash", workers=1)
    rows = disk.rows("train")
    held = HeldSet(disk.gather(rows), disk.labels[rows], disk.classes, "squash")
    assert len(held) == len(held.rows("train")) == len(rows)
    assert len(held.rows("val", "test")) == len(held.selecting) == 0
    for name, value in vars(disk.statistics()).items():
        np.testing.assert_array_equal(getattr(held.statistics(True), name), value)
    ours = next(Feed(held, held.rows("train"), batch=32, device="cpu", memory=1 << 30).epoch(0, 1))
    theirs = next(Feed(disk, rows, batch=32, device="cpu", memory=0).epoch(0, 1))
    assert ours.images.equal(theirs.images)
    assert ours.labels.equal(theirs.labels)
    assert [str(one) for one in held.origins.take([0, 5])] == ["0", "5"]


def test_the_fingerprint_names_contents_and_labels() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8)
    labels = np.arange(6) % 2
    made = [
        HeldSet(pictures, labels, ("a", "b"), "crop"),
        HeldSet(pictures.copy(), labels.astype(np.int32), ("a", "b"), "crop"),
        HeldSet(pictures[::-1].copy(), labels, ("a", "b"), "crop"),
        HeldSet(pictures, 1 - labels, ("a", "b"), "crop"),
        HeldSet(pictures, labels, ("a", "c"), "crop"),
    ]
    assert made[0].fingerprint == made[1].fingerprint
    assert len({one.fingerprint for one in made}) == 4
