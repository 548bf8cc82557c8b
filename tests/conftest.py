"""What do all tests share? Thread counts, data to look at, drawn pictures, and the collection of fidelity marks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

# Before numpy and torch are imported: workers that each take all cores wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# matplotlib keeps its list of fonts in the cache folder; it takes seconds to make, and not every session should.
os.environ.setdefault("MPLCONFIGDIR", os.path.expanduser(os.environ.get("XDG_CACHE_HOME", "~/.cache") + "/matplotlib"))

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fidelity import Convention, conventions_of, page

if TYPE_CHECKING:
    from alexnet.training.run import Run

CHECKOUT = Path(__file__).resolve().parent.parent


def small_run(pictures: Path, out: Path, **changes: object) -> Run:
    """A run of some seconds: the digits' recipe, an epoch, a quarter of its width; `train__epochs=2` changes that."""
    from alexnet.training.start import train

    settings = {
        "train.epochs": 1,
        "train.batch": 32,
        "augment.pad": 0,
        "data.size": 28,
        "augment.crop": 24,
        "model.width": 0.25,
    }
    settings |= {name.replace("__", "."): value for name, value in changes.items()}
    return train(pictures, out=out, recipe="digits", changes=settings, device="cpu", threads=1)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real pictures kept beside the checkout, or in $ALEXNET_TEST_DATA; tests that need them skip without them."""
    folder = Path(os.environ.get("ALEXNET_TEST_DATA") or CHECKOUT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("needs the real pictures of ../shared/data, or $ALEXNET_TEST_DATA naming a folder that holds them")
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of the test session's own, also for the commands it starts: nobody's real cache is read or filled."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


SHAPES = ("circle", "square", "triangle")


def draw_shape(shape: str, width: int, height: int, generator: np.random.Generator) -> Image.Image:
    """A filled shape of random colour, place and size on a random ground; what tells the classes apart is the shape."""
    colours = generator.integers(0, 256, (2, 3))
    while np.abs(colours[0] - colours[1]).sum() < 200:
        colours = generator.integers(0, 256, (2, 3))
    ground, ink = (tuple(int(value) for value in colour) for colour in colours)
    image = Image.new("RGB", (width, height), ground)
    radius = min(width, height) * float(generator.uniform(0.25, 0.4))
    x = width / 2 + float(generator.uniform(-0.1, 0.1)) * width
    y = height / 2 + float(generator.uniform(-0.1, 0.1)) * height
    pen = ImageDraw.Draw(image)
    if shape == "circle":
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
    elif shape == "square":
        pen.rectangle((x - radius, y - radius, x + radius, y + radius), fill=ink)
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=ink)
    return image


def draw_folder(folder: Path, *, classes: tuple[str, ...] = SHAPES, each: int = 24, seed: int = 0) -> Path:
    """A folder of class folders with drawn pictures of varied sizes and formats; equal seeds, equal pictures."""
    generator = np.random.default_rng(seed)
    for label, shape in enumerate(classes):
        inside = folder / shape
        inside.mkdir(parents=True)
        for number in range(each):
            width, height = (int(side) for side in generator.integers(40, 90, 2))
            image = draw_shape(SHAPES[label % len(SHAPES)], width, height, generator)
            image.save(inside / f"{shape}-{number:03d}.{'jpg' if number % 3 else 'png'}")
    return folder


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """72 drawn pictures in three class folders, 40 to 90 pixels a side. Shared by the session: do not write into it."""
    return draw_folder(tmp_path_factory.mktemp("pictures") / "shapes")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-fidelity",
        metavar="PAGE",
        help="write the page of conventions, made from the fidelity marks of the tests; use with --collect-only",
    )


conventions_key = pytest.StashKey[list[Convention]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Remember the conventions that tests hold; a mark that lacks a column stops the collection."""
    config.stash[conventions_key] = conventions_of(items, CHECKOUT)


def pytest_collection_finish(session: pytest.Session) -> None:
    target = session.config.getoption("--write-fidelity")
    if target:
        Path(target).write_text(page(session.config.stash[conventions_key]), encoding="utf-8")
