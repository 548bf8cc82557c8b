"""Do origins print, and lead back to their files?"""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.data import origins


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_an_origin_leads_back_to_any_file_name_and_can_be_stored(name: bytes) -> None:
    path = os.fsdecode(name)
    origin = origins.shown(path)
    assert os.fsencode(origins.file_name(origin)) == name
    assert pa.array([origin], pa.large_string())[0].as_py() == origin  # Arrow takes UTF-8 only
    assert "\n" not in origin
    assert "\x1b" not in origin


def test_ordinary_names_are_their_own_origin_and_bytes_are_written_out() -> None:
    for name in ("train/cat/1.jpg", "класс-类/фото 照片.jpg", "emoji_🐱/😸.jpg", "100%20 'q\"; $(touch x).jpg"):
        assert origins.shown(name) == name
    assert origins.shown(os.fsdecode(b"caf\xe9.jpg")) == "caf\\xe9.jpg"
    assert origins.shown("a\nb\\c\x85") == "a\\x0ab\\\\c\\u0085"
    assert origins.file_name("a\\\\xe9") == "a\\xe9", "a name that looks escaped is not taken for one"


def test_names_with_numbers_sort_as_people_count() -> None:
    assert sorted(["class 10", "class 2", "2b", "10", "2", "a"], key=origins.natural) == [
        "2",
        "2b",
        "10",
        "a",
        "class 2",
        "class 10",
    ]


def test_class_names_do_not_depend_on_how_an_accent_is_stored() -> None:
    assert origins.class_name("cafe\u0301") == origins.class_name("caf\u00e9")


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "THUMBS.DB", "desktop.ini", "._a.jpg", ".hidden", "__MACOSX"]
)
def test_what_systems_leave_is_known(name: str) -> None:
    assert origins.is_dropping(name)


def test_a_path_that_is_not_there_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert "did you mean" in origins.nothing_there(tmp_path / "pictres")
    assert "pictures" in origins.nothing_there(tmp_path / "pictres")
    assert "no folder" in origins.nothing_there(tmp_path / "pictres" / "train")
    assert "did you mean" not in origins.nothing_there(tmp_path / "zzz")
