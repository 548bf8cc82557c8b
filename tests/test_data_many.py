"""Do start-up and memory stay flat where there are 100,000 pictures? Listing, preparing, the first step."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from conftest import SHAPES, draw_shape
from watching import Done, watched

FEW, MANY = 5_000, 100_000
#: Bytes of memory that one more picture may cost: its name, label, split, hash and place in the order.
EACH = 1_000
#: Files that are really there; the others are links to them, each with a name of its own.
REAL = 60
#: Side of the prepared squares, pixels.
SIZE = 32


def make(root: Path, count: int) -> Path:
    """A list of small pictures in folders of a thousand; a tenth of the first 600 are for validation."""
    generator = np.random.default_rng(0)
    (root / "real").mkdir(parents=True)
    for number in range(REAL):
        draw_shape(SHAPES[number % 3], 20, 16, generator).save(root / "real" / f"{number}.png")
    with open(root / "list.csv", "w") as file:
        file.write("path,label,split\n")
        for number in range(count):
            name = f"pictures/{number // 1000:03d}/a-name-as-long-as-those-of-photographs-{number:08d}.png"
            if number % 1000 == 0:
                (root / name).parent.mkdir(parents=True)
            os.link(root / "real" / f"{number % REAL}.png", root / name)
            split = "val" if number < 600 and number // REAL % 10 == 0 else "train"
            file.write(f"{name},{SHAPES[number % REAL % 3]},{split}\n")
    return root / "list.csv"


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    return {count: make(tmp_path_factory.mktemp("many") / str(count), count) for count in (FEW, MANY)}


LISTING = """
import sys
from alexnet.data.peek import peek
from alexnet.data.sources import list_source
listing = list_source(sys.argv[1])
print(peek(listing).pictures, len(listing))
"""


def told(name: str, few: Done, many: Done, held: int = 0) -> None:
    """The figures, for those who run with -s; and the bound, beside `held` bytes a picture kept on purpose."""
    assert few.code == 0, few.err
    assert many.code == 0, many.err
    each = (many.most - few.most) / (MANY - FEW)
    print(json.dumps({"what": name, f"MB at {FEW:,}": few.most // 10**6, f"MB at {MANY:,}": many.most // 10**6,
                      "bytes a picture": round(each), f"seconds at {FEW:,}": round(few.seconds, 1),
                      f"seconds at {MANY:,}": round(many.seconds, 1)}), file=sys.stderr)  # fmt: skip
    assert each < EACH + held, f"{name}: {each:.0f} bytes of memory for each picture more"


@pytest.mark.slow
def test_memory_does_not_grow_with_the_pictures(lists: dict[int, Path], tmp_path: Path) -> None:
    listed = {n: watched([sys.executable, "-c", LISTING, str(path)]) for n, path in lists.items()}
    told("listing and a look at a sample", listed[FEW], listed[MANY])
    assert listed[MANY].out.split() == [str(MANY - REAL), str(MANY)]

    def prepared(count: int) -> Done:
        words = ("--size", str(SIZE), "--workers", "2", "--quiet")
        return watched(
            [sys.executable, "-m", "alexnet", "prepare", str(lists[count]), str(tmp_path / str(count)), *words]
        )

    told("prepare, all its processes", prepared(FEW), prepared(MANY))

    def trained(count: int) -> Done:
        # One batch for both: the recipe takes a larger one for more pictures, and a batch's memory is not a picture's.
        words = ("--out", str(tmp_path / f"run-{count}"), "--threads", "1", "--train.steps", "1", "--quiet")
        words += ("--batch", "64", "--optim.rate", "0.05")
        return watched([sys.executable, "-m", "alexnet", "train", str(tmp_path / str(count)), *words])

    # Squares of up to `feed.RESIDENT` bytes together are held in memory, which is bounded; these are.
    told("train, one step", trained(FEW), trained(MANY), held=3 * SIZE**2)
