"""Does anything that people's disks may hold break a verb? Every verb, on broken pictures, odd names and bad weights.

Verbs are found by what they take, so that a new one joins by itself: SOURCE or RUN in its command line is enough.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import os
import re
import shutil
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple, get_args, get_type_hints

import numpy as np
import pytest

from alexnet.cli.main import VERBS
from alexnet.data.decode import decode
from alexnet.data.prepared import open_prepared
from watching import Done, start, watched

#: What the pickle bombs make where they are run.
PWNED = Path("/", "tmp", "PWNED")
#: What a process may take, bytes: torch itself takes 300 MB or more of memory of its own. The bombs would take
#: 1.2 GB decoded, and one header claims 4 TB.
MOST = 1_000_000_000
#: Files of the tree that are no pictures though they lie among them, and what the reason for each must say.
BROKEN = {
    "palette_10000x10000.png": "too many pixels",
    "white_20000x20000_1bit.png": "too many pixels",
    "html_error_page.jpg": "HTML",
    "png_bad_crc.png": "damaged",
    "png_header_claims_2e9.png": "too many pixels",
    "png_truncated.png": "truncated",
    "png_zero_width.png": "damaged",
    "random_bytes.jpg": "not a picture",
    "text_named.png": "text",
    "truncated_half.jpg": "truncated",
    "truncated_header_only.jpg": "damaged",
    "zero_bytes.jpg": "empty",
}
LINKS = {"a.jpg": "itself", "b.jpg": "itself", "dangling.jpg": "nowhere"}


def hashes(root: Path) -> dict[str, str]:
    """The contents of every file, and where links lead."""
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@pytest.fixture(scope="module")
def originals(shared_data: Path) -> dict[str, str]:
    return hashes(shared_data / "hostile")


@pytest.fixture(scope="module")
def hostile(shared_data: Path, originals: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree with its archive of awkward names unpacked into it, an empty class, and links in a loop."""
    assert not PWNED.exists(), f"{PWNED} is there before any test ran; remove it"
    root = tmp_path_factory.mktemp("hostile") / "hostile"
    shutil.copytree(shared_data / "hostile", root)
    with tarfile.open(root / "archives" / "awkward_names.tar.gz") as archive:
        archive.extractall(root / "awkward", filter="data")
    names = root / "folder_names"
    (names / "empty_class").mkdir(exist_ok=True)
    inside = names / "class with spaces"
    for link, target in {"loop": ".", "a.jpg": "b.jpg", "b.jpg": "a.jpg", "dangling.jpg": "missing.jpg"}.items():
        (inside / link).symlink_to(target)
    return root


@pytest.fixture(scope="module")
def before(hostile: Path) -> dict[str, str]:
    return hashes(hostile)


@pytest.fixture(scope="module")
def run(hostile: Path, before: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A run trained on the whole tree."""
    out = tmp_path_factory.mktemp("runs") / "run"
    words = ("--max-left-out", "60%", "--epochs", "1", "--limit", "8", "--size", "32", "--threads", "1")
    return out, start("train", hostile, "--out", out, "--workers", "1", *words)


def check_clean(done: Done, code: int = 0) -> None:
    """No traceback, the right exit code, memory within bounds, nothing run."""
    assert "Traceback" not in done.err + done.out
    assert "fault of alexnet" not in done.err
    assert done.code == code, done.err
    assert done.most < MOST, f"{done.most / 1e6:.0f} MB"
    assert not PWNED.exists()


def check_named(text: str) -> None:
    """Every broken file and link is named on a line with its reason."""
    lines = text.splitlines()
    for name, reason in (BROKEN | LINKS).items():
        about = [line for line in lines if re.search(rf"[/ ,]{re.escape(name)}[:,]", line)]
        assert about, f"{name} is not named"
        assert any(reason in line for line in about), about


# --- the pictures ---------------------------------------------------------------------------------------------------


def test_prepare(
    hostile: Path, before: dict[str, str], originals: dict[str, str], shared_data: Path, tmp_path: Path
) -> None:
    done = start("prepare", hostile, tmp_path / "out", "--size", "64", "--max-left-out", "60%", "--fit", "letterbox")
    check_clean(done)
    check_named((tmp_path / "out" / "left_out.csv").read_text())
    prepared = open_prepared(tmp_path / "out")
    images = set(prepared.origins.to_pylist())
    valid = {path.name for path in (hostile / "images" / "valid").iterdir()}
    assert {Path(name).name for name in images if name.startswith("images/")} == valid, "all valid ones, and no other"
    assert {name for name in images if name.startswith("folder_names/")} == {
        "folder_names/class with spaces/photo one.jpg",
        "folder_names/emoji_🐱/cat_😸.jpg",
        "folder_names/класс-类/фото-照片.jpg",
    }
    assert "awkward/folder_names/non_utf8/caf\\xe9.jpg" in images
    assert "awkward/folder_names/percent%20quote's/semi;colon&$(touch x).jpg" in images
    assert hashes(hostile) == before
    assert hashes(shared_data / "hostile") == originals


def test_prepare_stops_where_too_much_is_broken(hostile: Path, tmp_path: Path) -> None:
    done = start("prepare", hostile, tmp_path / "out", "--size", "32")
    check_clean(done, code=2)
    assert "cannot be read, more than --max-left-out 0.05 allows" in done.err
    assert done.err.strip().splitlines()[-1].startswith("alexnet: ")


def test_valid_pictures_are_read_right(hostile: Path) -> None:
    def read(name: str) -> np.ndarray:
        return decode((hostile / "images" / "valid" / name).read_bytes()).astype(int)

    good = read("good_rgb.jpg")
    grey = good @ np.array([299, 587, 114]) // 1000
    for name in ("grey_16bit.png", "grey_16bit.tif"):
        image = read(name)
        assert (image < 250).mean() > 0.5, "16 bits are not all white"
        assert np.abs(image[..., 0] - grey).mean() < 3
    upright = {"exif_orientation_3.jpg": np.rot90(good, 2), "exif_orientation_6.jpg": np.rot90(good, -1)}
    for name, wanted in (upright | {"exif_orientation_0_invalid.jpg": good}).items():
        image = read(name)
        assert image.shape == wanted.shape, name
        assert np.abs(image - wanted).mean() < 3, f"{name} stands upright"
    for name in ("cmyk.jpg", "webp_image.webp", "progressive.jpg", "UPPERCASE.JPEG"):
        assert np.abs(read(name) - good).mean() < 12, name
    assert read("one_by_one.png").shape == (1, 1, 3)
    assert read("strip_20000x2.png").shape == (2, 20_000, 3)
    assert not read("all_black_256.png").any()


def test_train(run: tuple[Path, Done], hostile: Path, before: dict[str, str]) -> None:
    folder, done = run
    check_clean(done)
    check_named((folder / "left_out.csv").read_text())
    assert (folder / "results.json").exists()
    assert hashes(hostile) == before


def test_predict(run: tuple[Path, Done], hostile: Path, before: dict[str, str], tmp_path: Path) -> None:
    done = start("predict", run[0], hostile, "--format", "jsonl", "--output", tmp_path / "out.jsonl")
    check_clean(done)
    check_named(done.err)
    assert all(line.startswith("alexnet: ") for line in done.err.splitlines())
    seen = [json.loads(line)["path"] for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    valid = {str(path) for path in (hostile / "images" / "valid").iterdir()}
    assert valid <= set(seen)
    assert not {Path(path).name for path in seen} & set(BROKEN | LINKS)
    assert hashes(hostile) == before


def test_predict_on_nothing_but_broken_files(run: tuple[Path, Done], hostile: Path) -> None:
    done = start("predict", run[0], hostile / "images" / "broken", hostile / "images" / "bomb")
    check_clean(done, code=2)
    assert "none of the files given is a picture that can be read" in done.err


def test_a_list_of_them(hostile: Path, tmp_path: Path) -> None:
    folder = hostile / "images"
    files = [path for path in sorted(folder.rglob("*.*")) if path.is_file()]
    rows = "".join(f"{path},{'ab'[number % 2]}\n" for number, path in enumerate(files))
    (tmp_path / "list.csv").write_text(f"path,label\n{rows}/dev/zero,a\n{hostile},b\nmissing.jpg,a\n/proc/self/mem,b\n")
    done = start("prepare", tmp_path / "list.csv", tmp_path / "out", "--size", "32", "--max-left-out", "60%")
    check_clean(done)
    left = (tmp_path / "out" / "left_out.csv").read_text()
    assert {Path(row.split(",")[0]).name for row in left.splitlines()[1:]} >= {
        *BROKEN,
        "zero",
        "hostile",
        "missing.jpg",
    }


def test_the_archives_are_sources_too(hostile: Path, before: dict[str, str], tmp_path: Path) -> None:
    archive = hostile / "archives" / "awkward_names.tar.gz"
    done = start("prepare", archive, tmp_path / "out", "--size", "32", cwd=tmp_path)
    check_clean(done)
    assert len(open_prepared(tmp_path / "out").labels) == 7
    done = start("prepare", hostile / "archives" / "path_traversal.zip", tmp_path / "zip", "--size", "32", cwd=tmp_path)
    check_clean(done, code=2)
    assert "one class only" in done.err
    assert not list(tmp_path.parent.rglob("escape.txt"))
    assert hashes(hostile) == before


# --- every verb by what it takes ------------------------------------------------------------------------------------


class Takes(NamedTuple):
    """The positional words of a verb, by what stands for them in its help, and its other options that name a run."""

    verb: str
    words: tuple[str, ...]
    options: tuple[str, ...]


def takes(module: str, verb: str) -> Takes:
    """What a verb's Options say it takes."""
    options = importlib.import_module(f"alexnet.cli.{module}").Options
    hints = get_type_hints(options, include_extras=True)
    words, others = [], []
    for one in dataclasses.fields(options):
        marks = get_args(hints[one.name])[1:]
        metavar = next((mark.metavar for mark in marks if getattr(mark, "metavar", None)), "")
        metavar = {"A": "RUN", "B": "RUN"}.get(metavar, metavar).strip("[].")
        if any("POSITIONAL" in str(mark).upper() for mark in marks):
            words.append(metavar)
        elif metavar.startswith("RUN"):
            others.append(f"--{one.name.replace('_', '-')}")
    return Takes(verb, tuple(words), tuple(others))


ALL = [
    takes(verb.module, verb.name)
    for verb in VERBS
    if hasattr(importlib.import_module(f"alexnet.cli.{verb.module}"), "Options")
]
ON_SOURCES = [one for one in ALL if one.words[:1] == ("SOURCE",)]
ON_RUNS = [one for one in ALL if "RUN" in one.words or one.options]

#: What a verb needs besides, so that it gets as far as the pictures or the weights.
ALSO = {
    "prepare": ("--max-left-out", "60%", "--size", "32"),
    "train": ("--max-left-out", "60%", "--epochs", "1", "--limit", "8", "--size", "32", "--threads", "1"),
}


#: Verbs that are content with what a run wrote of itself: its weights may be gone.
READS_TABLES = ("compare",)


def words_for(one: Takes, *, run: Path, source: Path, picture: Path, out: Path) -> list[str]:
    """A command line of a verb with these in the places of what it takes."""
    places = {"RUN": run, "SOURCE": source, "PICTURE": picture, "OUT": out}
    words = [os.fspath(places[word]) for word in one.words if word in places]
    return [one.verb, *words, *ALSO.get(one.verb, ())]


def test_the_verbs_are_found() -> None:
    assert {one.verb for one in ON_SOURCES} >= {"train", "prepare"}
    assert {one.verb for one in ON_RUNS} >= {"predict", "evaluate", "resume"}
    assert {one.words for one in ALL if one.verb == "predict"} == {("RUN", "PICTURE")}


@pytest.mark.parametrize(
    "one", [one for one in ON_SOURCES if one.verb not in ("train", "prepare")], ids=lambda one: one.verb
)
def test_other_verbs_on_the_whole_tree(one: Takes, hostile: Path, before: dict[str, str], tmp_path: Path) -> None:
    words = words_for(one, run=tmp_path, source=hostile, picture=hostile, out=tmp_path / "out")
    done = start(*words, cwd=tmp_path)
    check_clean(done)
    if one.verb == "check":
        done = start(*words, "--out", tmp_path / "details", "--json", cwd=tmp_path)
        check_clean(done)
        details = (path.read_text() for path in (tmp_path / "details").rglob("*.csv"))
        text = "\n".join(details)
        assert not [name for name in BROKEN | LINKS if name not in text], "named in the details"
    assert hashes(hostile) == before


#: Runs many commands in one process, since each would load torch again, and prints how each ended.
DRIVER = """
import contextlib, io, json, sys
from alexnet.cli.main import main
for words in json.loads(sys.argv[1]):
    err, out = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(out):
        code = main(words)
    print(json.dumps([code, err.getvalue(), out.getvalue()]))
"""


def end_of(commands: list[list[str]], cwd: Path) -> list[tuple[int, str]]:
    """(exit code, stderr) of commands, run one after the other."""
    done = watched([sys.executable, "-c", DRIVER, json.dumps(commands)], cwd)
    check_clean(done)
    ended = [json.loads(line) for line in done.out.splitlines()]
    assert len(ended) == len(commands)
    return [(code, err) for code, err, _ in ended]


def check_refused(words: list[str], code: int, err: str) -> None:
    said = err.strip().splitlines()
    assert code == 2, (words, code, err)
    assert said, words
    assert said[-1].startswith("alexnet: "), (words, err)
    assert "Traceback" not in err
    assert not PWNED.exists()


@pytest.mark.parametrize("one", ON_RUNS, ids=lambda one: one.verb)
def test_bad_weights_through_every_verb_that_takes_a_run(
    one: Takes, hostile: Path, before: dict[str, str], tmp_path: Path
) -> None:
    picture = hostile / "images" / "valid" / "good_rgb.jpg"
    commands = []
    for weights in sorted((hostile / "checkpoints").iterdir()):
        if "RUN" in one.words:
            commands.append(words_for(one, run=weights, source=hostile, picture=picture, out=tmp_path / "out"))
        for option in one.options:
            words = words_for(one, run=weights, source=hostile, picture=picture, out=tmp_path / "out")
            commands.append([*words, option, os.fspath(weights)])
    for words, (code, err) in zip(commands, end_of(commands, tmp_path), strict=True):
        check_refused(words, code, err)
    assert hashes(hostile) == before


@pytest.mark.parametrize("one", [one for one in ON_RUNS if one.words[:1] == ("RUN",)], ids=lambda one: one.verb)
def test_a_run_whose_files_are_damaged(
    one: Takes, run: tuple[Path, Done], hostile: Path, before: dict[str, str], tmp_path: Path
) -> None:
    """Its weights, and the tensors of its checkpoint, replaced by each bad file."""
    commands = []
    for bad in sorted((hostile / "checkpoints").glob("*.safetensors")):
        copy = tmp_path / bad.stem
        shutil.copytree(run[0], copy)
        replaced = [*(copy / "weights").glob("*.safetensors"), *(copy / "state").rglob("*.safetensors")]
        assert len(replaced) >= 2
        for path in replaced:
            path.unlink()
            shutil.copy(bad, path)
        picture = hostile / "images" / "valid" / "good_rgb.jpg"
        words = words_for(one, run=copy, source=hostile, picture=picture, out=tmp_path / "out")
        commands.append([*words, "--extend", "1"] if one.verb == "resume" else words)
    for words, (code, err) in zip(commands, end_of(commands, tmp_path), strict=True):
        if one.verb not in READS_TABLES or code:
            check_refused(words, code, err)


def test_nothing_was_changed(
    shared_data: Path, hostile: Path, originals: dict[str, str], before: dict[str, str]
) -> None:
    """Last in the file: over all of the above."""
    assert hashes(shared_data / "hostile") == originals
    assert hashes(hostile) == before
    assert not PWNED.exists()
