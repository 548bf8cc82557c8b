"""Are zip and tar archives read in place as the folders they hold, and is nothing in them trusted?"""

from __future__ import annotations

import io
import os
import pickle
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import settings as how
from hypothesis import strategies as some
from PIL import Image

from alexnet.data.sources import Listing, list_source, spans
from alexnet.data.sources.archives import list_archive, members

FORMS = ("zip", "stored.zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz")


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (5, 4), (number * 7 % 256, number * 31 % 256, number % 256)).save(file, "PNG")
    return file.getvalue()


def pack(path: Path, files: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        kind = zipfile.ZIP_STORED if "stored" in path.name else zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(path, "w", kind) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    else:
        mode = {"gz": "w:gz", "tgz": "w:gz", "bz2": "w:bz2", "xz": "w:xz"}.get(path.name.rsplit(".", 1)[-1], "w")
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
            for name, data in files.items():
                add(archive, name, data)
    return path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **facts: object) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for fact, value in facts.items():
        setattr(info, fact, value)
    archive.addfile(info, io.BytesIO(data))


def contents(listing: Listing) -> dict[str, tuple[str, int, bytes]]:
    reader = listing.reader()
    rows = zip(listing.origins.to_pylist(), listing.labels, listing.splits, strict=True)
    return {
        origin: (listing.classes[label], int(split), reader.read(row))
        for row, (origin, label, split) in enumerate(rows)
    }


SPLIT = {
    f"{split}/{name}/{number}.png": picture(number + 3 * part + 9 * place)
    for part, split in enumerate(("train", "val", "test"))
    for place, name in enumerate(("cat", "dög"))
    for number in range(3)
}


@pytest.mark.parametrize("wrapper", ["", "photos/", "./", "a/b/"])
@pytest.mark.parametrize("form", FORMS)
def test_an_archive_is_read_as_the_folder_in_it(tmp_path: Path, form: str, wrapper: str) -> None:
    extra = {f"{wrapper}README.txt": b"about", "__MACOSX/train/._x.png": b"x", f"{wrapper}train/.DS_Store": b"x"}
    path = pack(tmp_path / f"set.{form}", {wrapper + name: data for name, data in SPLIT.items()} | extra)
    listing = list_source(path)
    found = contents(listing)
    assert listing.kind == "archive"
    assert listing.name == ("set.stored" if form == "stored.zip" else "set")
    assert {name.removeprefix("./").removeprefix(wrapper): value for name, value in found.items()} == {
        name: (name.split("/")[1], ("train", "val", "test").index(name.split("/")[0]), data)
        for name, data in SPLIT.items()
    }
    assert [reason for _, reason in listing.left_out] == ["not named like a picture (.jpg, .png, ...)"]
    # In parts, out of order, and in another process.
    part = pickle.loads(pickle.dumps(listing.reader(5, 12)))
    for row in (11, 5, 8, 6):
        assert part.read(row) == found[listing.origins[row].as_py()][2]


def test_class_folders_deep_and_flat(tmp_path: Path) -> None:
    files = {name: picture(1) for name in ("x/cat/1.png", "x/cat/more/2.JPG", "x/train/1.png", "x/loose.png")}
    listing = list_source(pack(tmp_path / "a.zip", files))
    assert {name: value[0] for name, value in contents(listing).items()} == {
        "x/cat/1.png": "cat",
        "x/cat/more/2.JPG": "cat",
        "x/train/1.png": "train",
    }
    assert listing.left_out == (("x/loose.png", "beside the class folders, so without a class"),)
    with pytest.raises(ValueError, match="holds 2 pictures but no class folders"):
        list_source(pack(tmp_path / "b.tar", {"1.png": picture(1), "2.png": picture(2)}))
    with pytest.raises(ValueError, match="holds no picture that can be read"):
        list_source(pack(tmp_path / "c.tar", {"a/1.txt": b""}))


def test_unsafe_members_of_a_tar_are_named_and_nothing_is_written(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    with tarfile.open(inside / "a.tar", "w") as archive:
        for name in ("a/1.png", "b/1.png"):
            add(archive, name, picture(3))
        for name in ("../up.png", "/abs/1.png", "a/../../x.png"):
            add(archive, name, picture(3))
        for name, kind in (("a/sym.png", tarfile.SYMTYPE), ("a/hard.png", tarfile.LNKTYPE)):
            add(archive, name, type=kind, linkname="/etc/passwd")
        for name, kind in (("a/fifo.png", tarfile.FIFOTYPE), ("a/dev.png", tarfile.CHRTYPE)):
            add(archive, name, type=kind)
        add(archive, "b/line\nbreak\x1b.png", picture(4))
        add(archive, os.fsdecode(b"b/caf\xe9.png"), picture(5))
    before = (inside / "a.tar").read_bytes()
    listing = list_source(inside / "a.tar")
    assert listing.origins.to_pylist() == ["a/1.png", "b/1.png", "b/line\\x0abreak\\x1b.png", "b/caf\\xe9.png"]
    assert listing.reader().read(3) == picture(5)
    link, special = "a link, which is not followed in an archive", "not a file (a pipe, socket or device)"
    assert dict(listing.left_out) == {
        "../up.png": "a path that leads out of the archive",
        "/abs/1.png": "an absolute path, which no archive should hold",
        "a/../../x.png": "a path that leads out of the archive",
        "a/sym.png": link,
        "a/hard.png": link,
        "a/fifo.png": special,
        "a/dev.png": special,
    }
    assert [path.name for path in tmp_path.rglob("*")] == ["in", "a.tar"]
    assert (inside / "a.tar").read_bytes() == before


def test_unsafe_members_of_a_zip_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a/1.png", "b/1.png", "../../up.png", "C:/x.png", "a/secret.png"):
            archive.writestr(name, picture(1))
        link = zipfile.ZipInfo("a/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("a/packed.png", picture(1), zipfile.ZIP_LZMA)
        archive.writestr("b/bomb.png", bytes(20 << 20))
        archive.writestr("b/é.png", picture(2))
        archive.writestr("b/caf?.png", picture(6))
    data = bytearray(path.read_bytes().replace(b"b/caf?.png", b"b/caf\xe9.png"))
    at = data.index(b"a/secret.png", data.index(b"PK\1\2"))
    data[at - 46 + 8] |= 1  # encrypted, as the table of contents says
    path.write_bytes(data)
    listing = list_source(path)
    assert set(listing.origins.to_pylist()) == {"a/1.png", "b/1.png", "b/é.png", "b/caf\\xe9.png"}
    assert contents(listing)["b/caf\\xe9.png"][2] == picture(6)
    assert {name: reason[:20] for name, reason in listing.left_out} == {
        "../../up.png": "a path that leads ou",
        "C:/x.png": "an absolute path, wh",
        "a/secret.png": "encrypted: unpack it",
        "a/link.png": "a link, which is not",
        "a/packed.png": "packed by LZMA, whic",
        "b/bomb.png": "would grow from 0.0 ",
    }


def test_the_path_traversal_zip(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(members(shared_data / "hostile" / "archives" / "path_traversal.zip"))
    assert "a path that leads out of the archive" in map(spans.refused, found)
    assert not list(tmp_path.iterdir())


def test_a_zip_that_lies_about_sizes_or_contents_loses_the_row_only(tmp_path: Path) -> None:
    files = {f"{name}/{number}.png": picture(number) + bytes(100) for name in "ab" for number in range(3)}
    path = pack(tmp_path / "a.zip", files)
    table = path.read_bytes().index(b"PK\1\2")
    entries = [m for m in range(table, path.stat().st_size) if path.read_bytes()[m : m + 4] == b"PK\1\2"]
    data = bytearray(path.read_bytes())
    data[entries[0] + 24 : entries[0] + 28] = struct.pack("<L", 10)  # claims 10 bytes, unpacks to more
    data[entries[1] + 16] ^= 1  # another CRC
    data[entries[2] + 42 : entries[2] + 46] = struct.pack("<L", 1 << 31)  # beyond the end
    data[entries[3] + 20 : entries[3] + 24] = struct.pack("<L", 1 << 20)  # packed: beyond the end
    path.write_bytes(data)
    listing = list_source(path)
    reader = listing.reader()
    for row, origin in enumerate(listing.origins.to_pylist()):
        if row < 4:
            with pytest.raises(OSError, match=r"a\.zip is damaged there"):
                reader.read(row)
        else:
            assert reader.read(row) == files[origin]


def test_wide_zips_and_those_behind_other_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            with archive.open(f"{'ab'[number % 2]}/{number}.png", "w", force_zip64=True) as file:
                file.write(picture(number))
        archive.comment = b"with a comment"
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())
    assert {name: value[2] for name, value in contents(list_source(path)).items()} == {
        f"{'ab'[number % 2]}/{number}.png": picture(number) for number in range(4)
    }


def test_more_files_than_16_bits_count(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(65_540):
            archive.writestr(f"{'ab'[number % 2]}/{number}.png", b"")
    assert len(list_archive(tmp_path / "a.zip")) == 65_540


@pytest.mark.parametrize("form", FORMS)
def test_archives_cut_off_are_refused_in_a_sentence(tmp_path: Path, form: str) -> None:
    numbers = np.random.default_rng(0)
    files = {f"{name}/{number}.png": numbers.bytes(900) for name in "ab" for number in range(20)}
    path = pack(tmp_path / f"a.{form}", files)
    whole = path.read_bytes()
    for share in (0.0, 0.02, 0.5, 0.8):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(ValueError, match=r"damaged|is not a whole|holds no picture"):
            list_source(path)


def test_a_compressed_tar_that_never_ends_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alexnet.data.sources.tars._STREAM", 1 << 22)
    path = pack(tmp_path / "a.tgz", {"a/1.png": picture(1), "a/big.png": bytes(40 << 20), "b/1.png": picture(1)})
    with pytest.raises(ValueError, match="a bomb"):
        list_source(path)


@how(max_examples=60, deadline=None)
@for_all(data=some.data())
def test_damage_anywhere_is_a_sentence_or_a_lost_row(
    data: some.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    form = data.draw(some.sampled_from(("zip", "tar", "tar.gz")))
    path = pack(folder / f"a.{form}", {f"{name}/{number}.png": picture(number) for name in "ab" for number in range(3)})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(some.integers(1, 6))):
        content[data.draw(some.integers(0, len(content) - 1))] = data.draw(some.integers(0, 255))
    path.write_bytes(content)
    said = ["one sentence"]
    try:
        listing = list_source(path)
        reader = listing.reader()
        for row in range(len(listing)):
            try:
                reader.read(row)
            except OSError as error:
                said.append(error.strerror)
    except ValueError as error:
        said.append(str(error))
    assert all(sentence and "\n" not in sentence for sentence in said)
    shutil.rmtree(folder)


def test_what_is_too_large_is_not_read() -> None:
    member = spans.Member("a", 0, 1, 1, spans.STORED, zlib.crc32(b"a"), "")
    assert spans.refused(member) == ""
    assert "too large" in spans.refused(member._replace(size=1 << 40))
