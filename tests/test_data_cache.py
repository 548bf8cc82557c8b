"""Is the right set taken from the cache, and none that is stale?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from alexnet.data.cache import cache_folder, prepare_cached
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from conftest import draw_folder


def made_anew(source: Path, **options: object) -> tuple[PreparedSet, bool]:
    said: list[str] = []
    prepared = prepare_cached(list_source(source), say=said.append, **({"size": 8} | options))  # type: ignore[arg-type]
    return prepared, not any("prepared already" in sentence for sentence in said)


def test_the_folder_of_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "alexnet"
    assert cache_folder(tmp_path / "mine") == tmp_path / "mine"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative is not allowed")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "alexnet"


def test_equal_pictures_and_options_are_prepared_once(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "my pictures", each=4)
    first, anew = made_anew(source, max_left_out=0.5)
    assert anew
    assert first.path.parent == cache_folder() / "prepared"
    assert first.path.name.startswith("my-pictures-")
    again, anew = made_anew(source)
    assert not anew
    assert again.path == first.path
    for options in ({"size": 9}, {"fit": "squash"}, {"split_seed": 3}):
        other, anew = made_anew(source, **options)
        assert anew, options
        assert other.path != first.path
    assert made_anew(source, cache=tmp_path / "cache")[0].path.parent == tmp_path / "cache" / "prepared"


def test_a_changed_picture_is_noticed(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "in", each=4)
    first, _ = made_anew(source)
    picture = source / "circle" / "circle-001.jpg"
    picture.write_bytes((source / "circle" / "circle-002.jpg").read_bytes())
    os.utime(picture, ns=(1, 1))
    second, anew = made_anew(source)
    assert anew
    assert second.fingerprint != first.fingerprint
    (source / "circle" / "circle-003.png").unlink()
    assert len(made_anew(source)[0]) == len(first) - 1


def test_verify_reads_again_what_sizes_and_times_do_not_show(tmp_path: Path) -> None:
    source = draw_folder(tmp_path / "in", each=8)
    (source / "circle" / "broken.png").write_bytes(b"x")
    first, _ = made_anew(source)
    assert not made_anew(source, verify=True)[1]
    picture = source / "square" / "square-003.png"
    facts, data = picture.stat(), bytearray(picture.read_bytes())
    data[-1] ^= 1  # of the last checksum, which no decoder looks at
    picture.write_bytes(data)
    os.utime(picture, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert not made_anew(source)[1], "equal sizes and times pass for equal pictures"
    second, anew = made_anew(source, verify=True)
    assert anew
    assert second.path == first.path
    assert second.fingerprint != first.fingerprint
