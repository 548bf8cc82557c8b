"""Does `check` find every planted defect, accuse nothing else, and leave the pictures as they were?"""

from __future__ import annotations

import csv
import hashlib
import importlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings as how
from hypothesis import strategies as some
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from alexnet.cli.main import main
from alexnet.data.inspect import Inspection, inspect
from alexnet.data.inspect.findings import balance
from alexnet.data.inspect.look import look
from alexnet.data.inspect.survey import survey
from alexnet.data.inspect.wording import told
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source


def scene(seed: int, width: int = 120, height: int = 96) -> Image.Image:
    """A drawn picture with as much in it as a photograph: waves of all lengths and some shapes, in colour."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    values = np.zeros((height, width, 3))
    for frequency in (1, 2, 3, 5, 8, 13):
        for _ in range(3):
            angle, phase = generator.uniform(0, 2 * np.pi, 2)
            wave = np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
            values += wave[..., None] * generator.uniform(-1, 1, 3) / frequency
    values = (values - values.min()) / (values.max() - values.min())
    image = Image.fromarray((255 * values).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(8):
        left, top = generator.integers(0, width - 20), generator.integers(0, height - 20)
        size = generator.integers(8, 40, 2)
        ink = tuple(int(level) for level in generator.integers(0, 256, 3))
        draw = pen.ellipse if generator.integers(2) else pen.rectangle
        draw((int(left), int(top), int(left + size[0]), int(top + size[1])), fill=ink)
    return image


def saved_again(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(io.BytesIO(file.getvalue())).convert("RGB")


def cropped(image: Image.Image) -> Image.Image:
    return image.crop((4, 3, image.width - 4, image.height - 3))


#: What is done to a copy.
COPIED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved-again": saved_again,
    "smaller": lambda image: image.resize((80, 64)),
    "squeezed": lambda image: image.resize((90, 90)),
    "mirrored": ImageOps.mirror,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.25),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "cropped": cropped,
    "bordered": lambda image: ImageOps.expand(image, 3, "white"),
    "grey-copy": ImageOps.grayscale,
    "all-of-it": lambda image: saved_again(ImageEnhance.Brightness(cropped(ImageOps.mirror(image))).enhance(1.15)),
}


def plant(root: Path) -> Path:
    """A source with train/ and val/, one defect of each sort; `fine-*` have none."""
    for split, each in (("train", {"cat": 20, "dog": 14, "owl": 4}), ("val", {"cat": 4, "dog": 4, "owl": 2})):
        for label, name in enumerate(("cat", "dog", "owl")):
            (root / split / name).mkdir(parents=True)
            for number in range(each[name]):
                scene(1000 * (split == "val") + 100 * label + number).save(
                    root / split / name / f"fine-{number}.{'jpg' if number % 2 else 'png'}"
                )
    train, val = root / "train", root / "val"
    (train / "cat" / "empty.jpg").write_bytes(b"")
    (train / "dog" / "text.png").write_text("these are words")
    whole = (train / "cat" / "fine-1.jpg").read_bytes()
    (train / "cat" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    scene(5000).save(train / "cat" / "png-named.jpg", "PNG")
    Image.new("RGB", (100, 80)).save(train / "dog" / "black.png")
    Image.new("RGB", (100, 80)).save(train / "cat" / "black.png")  # equal, of another class: there is nothing in it
    scene(5001, 400, 100).save(train / "dog" / "panorama.png")
    scene(5002).resize((22, 20)).save(train / "dog" / "tiny.png")
    grey16 = np.asarray(scene(5003).convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey16).save(val / "owl" / "sixteen-bit.png")
    shutil.copy(train / "cat" / "fine-2.png", val / "cat" / "same-file.png")
    with Image.open(train / "dog" / "fine-0.png") as image:
        image.save(val / "dog" / "same-pixels.bmp")
    shutil.copy(train / "cat" / "fine-4.png", train / "dog" / "contradiction.png")
    for number, (name, change) in enumerate(COPIED.items()):
        original = scene(6000 + number)
        original.save(train / "cat" / f"original-{name}.png")
        change(original).save(val / "cat" / f"{name}.png")
    return root


def hashes(folder: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("planted") / "source")


@pytest.fixture(scope="module")
def found(planted: Path) -> Inspection:
    return inspect(list_source(planted))


def names(found: Inspection, rows: np.ndarray) -> set[str]:
    return {str(found.listing.origins[int(row)]) for row in rows}


def test_broken_and_odd_files(found: Inspection) -> None:
    assert names(found, found.unreadable) == {"train/cat/empty.jpg", "train/cat/cut.jpg", "train/dog/text.png"}
    reasons = {str(found.listing.origins[int(row)]): found.looks.reason[row] for row in found.unreadable}
    assert reasons["train/cat/empty.jpg"] == "the file is empty"
    assert reasons["train/dog/text.png"] == "not a picture (text)"
    assert reasons["train/cat/cut.jpg"].startswith("truncated")
    assert names(found, found.misnamed) == {"train/cat/png-named.jpg"}
    assert names(found, found.constant) == {"train/dog/black.png", "train/cat/black.png"}
    assert names(found, found.extreme) == {"train/dog/panorama.png"}
    assert names(found, found.tiny) == {"train/dog/tiny.png"}
    assert (names(found, found.odd_colour), found.odd_colour_name) == (
        {"val/owl/sixteen-bit.png", "val/cat/grey-copy.png"},
        "grey",
    )
    row = found.listing.origins.to_pylist().index("val/owl/sixteen-bit.png")
    assert found.looks.mode[row] == "I;16"
    assert 20 < found.looks.colour[row].mean() < 235  # not white


def test_copies(found: Inspection) -> None:
    copies, origins = found.copies, found.listing.origins.to_pylist()
    pairs = [
        (int(kind), frozenset((origins[first], origins[second])))
        for kind, first, second in zip(copies.kind, copies.first, copies.second, strict=True)
    ]
    exact = {
        (0, frozenset(("train/cat/fine-2.png", "val/cat/same-file.png"))),
        (0, frozenset(("train/cat/fine-4.png", "train/dog/contradiction.png"))),
        (1, frozenset(("train/dog/fine-0.png", "val/dog/same-pixels.bmp"))),
    }
    near = {(2, frozenset((f"train/cat/original-{name}.png", f"val/cat/{name}.png"))) for name in COPIED}
    assert set(pairs) == exact | near
    assert len(pairs) == len(set(pairs))
    mirrored = {origins[int(row)] for row in copies.second[copies.mirrored]}
    assert mirrored == {"val/cat/mirrored.png", "val/cat/all-of-it.png"}
    assert copies.complete


def test_leaks_and_contradictions(found: Inspection) -> None:
    expected = {"val/cat/same-file.png", "val/dog/same-pixels.bmp", *(f"val/cat/{name}.png" for name in COPIED)}
    assert {split: names(found, rows) for split, rows in found.leaked.items()} == {"val": expected}
    assert names(found, found.contradictory) == {"train/cat/fine-4.png", "train/dog/contradiction.png"}
    assert not len(found.doubtful)


def test_numbers(found: Inspection) -> None:
    facts = found.to_dict()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["splits"] == {"train": 54, "val": 23}
    assert facts["balance"]["largest"] == 32
    assert facts["balance"]["smallest"] == 4
    assert facts["unreadable"]["the file is empty"] == 1
    lost = {name: one["area_lost"] for name, one in facts["classes"].items()}
    assert lost["owl"] == pytest.approx(0.2)
    assert facts["pictures"] == len(found.listing) - 3


def test_report_and_tables(planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command names what was found, and writes nothing among the pictures."""
    before = hashes(planted)
    out = tmp_path / "out"
    assert main(["check", str(planted), "--out", str(out), "--quiet"]) == 0
    text = capsys.readouterr().out
    for word in (
        "unreadable  3 files",
        "misnamed    1 file",
        "leakage     12 pictures of val (52.2%)",
        "class-weights",
    ):
        assert word in text
    assert "train/dog/text.png: not a picture (text)" in text
    assert hashes(planted) == before
    assert {path.name for path in out.iterdir()} == {
        "check.json", "check.txt", "pictures.csv", "findings.csv", "copies.csv", "near_copies.png",
    }  # fmt: skip
    rows = list(csv.DictReader((out / "copies.csv").read_text().splitlines()))
    assert sum(row["kind"] == "nearly the same" for row in rows) == len(COPIED)
    accused = {row["path"] for row in csv.DictReader((out / "findings.csv").read_text().splitlines())}
    assert not {path for path in accused if "fine-" in path} - {"train/cat/fine-4.png"}
    assert main(["check", str(planted), "--out", str(out)]) == 2
    assert "not an empty folder" in capsys.readouterr().err


def test_json_is_data(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(planted), "--json", "--quiet", "--exact-only"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["copies"]["near_pairs"] is None
    assert facts["copies"]["in_train_too"] == {"val": 2}


def test_mistakes_are_one_sentence(planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        (["check", str(tmp_path / "nothing")], "there is no file or folder"),
        (["check", str(planted), "--near", "7"], "--near is a similarity"),
        (["check", str(planted), "--out", str(planted / "inside")], "inside the pictures' own folder"),
        (["check", str(planted), "--run", str(tmp_path)], "there is no run"),
        (["check", str(planted), "--workers", "-1"], "--workers must be 1 or more"),
    ):
        assert main(words) == 2
        message = capsys.readouterr().err
        assert said in message
        assert message.count("\n") == 1
    assert not (planted / "inside").exists()


def test_a_healthy_source_is_accused_of_nothing(tmp_path: Path) -> None:
    for label, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        for number in range(40):
            scene(10_000 + 100 * label + number).save(tmp_path / name / f"{number}.png")
    found = inspect(list_source(tmp_path))
    assert not len(found.copies)
    for rows in (found.unreadable, found.misnamed, found.constant, found.tiny, found.extreme, found.odd_colour):
        assert not len(rows)
    assert "copies     none found" in told(found)


def test_a_prepared_set_leads_to_its_pictures(
    planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(list_source(planted), tmp_path / "set", size=32, max_left_out=0.2)
    assert main(["check", str(tmp_path / "set"), "--exact-only"]) == 0
    seen = capsys.readouterr()
    assert "looking at the pictures it was made from" in seen.err
    assert "unreadable  3 files" in seen.out


def test_processes_change_nothing(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it matter that thumbnails lie on the disk, or how the rows are cut."""
    listing = list_source(planted)
    alone = survey(listing, workers=1)
    surveys = importlib.import_module("alexnet.data.inspect.survey")  # the package has a function of that name
    monkeypatch.setattr(surveys, "PART", 7)
    monkeypatch.setattr(surveys, "ON_DISK", 1)
    seen: list[tuple[int, int]] = []
    together = survey(listing, workers=2, report=lambda *pair: seen.append(pair))
    for name in vars(alone):
        assert np.array_equal(getattr(alone, name), getattr(together, name)), name
    assert isinstance(together.thumb, np.memmap)
    assert seen[-1] == (len(listing), len(listing))
    assert seen == sorted(seen)


def test_digits_have_no_defect() -> None:
    found = inspect(list_source("digits"))
    assert not len(found.copies)
    assert found.to_dict()["splits"] == {}
    assert "1,797 pictures of under 24 pixels a side compared for equality only" in told(found)


class OneFile:
    """A reader of the same bytes in every row."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, row: int) -> bytes:
        return self.data

    def part(self, start: int, stop: int) -> OneFile:
        return self


@how(max_examples=60, deadline=None)
@for_all(some.binary(max_size=200), some.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM"]))
def test_any_bytes_have_a_reason(tail: bytes, head: bytes) -> None:
    looks = look(OneFile(head + tail), 0, 1)
    assert looks.reason[0] or looks.width[0] > 0


@for_all(some.lists(some.integers(0, 1000), min_size=2, max_size=20))
def test_balance_is_between_one_class_and_all(counts: list[int]) -> None:
    told = balance(np.array(counts))
    if sum(counts):
        assert 1 - 1e-9 <= told["effective_classes"] <= len(counts) + 1e-9
    assert told["ratio"] >= min(1, max(counts))
