"""Is the album whole, offline and the same again, does it say what is missing, and is nothing else ever touched?"""

from __future__ import annotations

import importlib
import inspect
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

from alexnet.drawing.style import sheet, styled
from alexnet.insight.album import TOPICS, Topic, album, plain_values, topics_named
from alexnet.insight.album_folder import AlbumFolder
from alexnet.insight.panel import Panel
from alexnet.training.folder import write_json
from alexnet.training.run import Run, load
from conftest import small_run


@styled
def drawing(value: float) -> Figure:
    figure, inner = sheet(2, 1.5, f"value {value:g}")
    inner.subplots().plot([0, value])
    return figure


def panel(name: str, value: float = 1) -> Panel:
    numbers = {"value": np.float32(value), "all": np.arange(3), "none": math.nan}
    return Panel(
        name=name, title=f"Title of {name}", figure=drawing(value), caption=f"<{name}> & so on", numbers=numbers
    )


def good(run: Run, *, device: str = "cpu", limit: int = 2) -> Iterator[Panel]:
    yield from (panel(f"good_{number}", number) for number in range(limit))


def half(run: Run, *, device: str = "cpu", limit: int = 1) -> Iterator[Panel]:
    yield panel("half")
    raise ValueError("it needs captum, which `pip install 'alexnet[insight]'` brings")


def bad(run: Run, *, device: str = "cpu", limit: int = 1) -> Iterator[Panel]:
    raise ValueError("there are no pictures at hand")


def empty(run: Run, *, device: str = "cpu", limit: int = 1) -> Iterator[Panel]:
    return iter(())


def fault(run: Run, *, device: str = "cpu", limit: int = 1) -> Iterator[Panel]:
    yield panel("fault")
    raise RuntimeError("a fault of ours")


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts some functions in the place of the album's topics."""

    def put(*functions: Callable[..., Iterator[Panel]]) -> None:
        table = {}
        for function in functions:
            name = function.__name__
            module = ModuleType(f"alexnet.insight.{name}")
            module.panels = function  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, module.__name__, module)
            table[name] = Topic(name, name.title(), f"what {name} is", function is good)
        monkeypatch.setattr("alexnet.insight.album.TOPICS", table)

    return put


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    return small_run(picture_folder, tmp_path_factory.mktemp("run") / "a")


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Run:
    """A run's folder of the test's own."""
    (tmp_path / "a" / "weights").mkdir(parents=True)
    for path in (*trained.folder.glob("*.json*"), *trained.folder.glob("weights/*")):
        (tmp_path / "a" / path.relative_to(trained.folder)).write_bytes(path.read_bytes())
    return load(tmp_path / "a")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_page_figures_and_numbers(run: Run, topics: Callable[..., None]) -> None:
    topics(good, half, bad, empty)
    said: list[str] = []

    class Told:
        def say(self, sentence: str) -> None:
            said.append(sentence)

    before = contents(run.folder)
    made = album(run, listener=Told())  # type: ignore[arg-type]
    assert made.page == run.folder / "look" / "index.html"
    assert [(one.topic, one.panels) for one in made.shown] == [("good", ("good_0", "good_1")), ("half", ("half",))]
    why = {one.topic: one.why for one in made.missing}
    assert why == {
        "half": "it needs captum, which `pip install 'alexnet[insight]'` brings",
        "bad": "there are no pictures at hand",
        "empty": "the network has nothing to show of empty",
    }
    after = contents(run.folder)
    own = {f"look/{name}" for name in ("index.html", "look.json", "good_0.png", "good_1.png", "half.png")}
    assert set(after) - set(before) == own
    assert {name: after[name] for name in before} == before
    page = made.page.read_text()
    assert "&lt;good_0&gt; &amp; so on" in page
    assert "pip install &#x27;alexnet[insight]&#x27;" in page
    assert "there are no pictures at hand" in page
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(source.startswith(("data:", "#")) or source == "look.json" for source in sources)
    values = json.loads((run.folder / "look" / "look.json").read_text(), parse_constant=pytest.fail)
    assert values["topics"][0]["figures"][1]["numbers"] == {"value": 1.0, "all": [0, 1, 2], "none": None}
    assert values["missing"] == why
    assert values["trained"]["step"] == run.results["step"]
    assert any("[1 of 4] good" in line for line in said)
    assert any("no pictures at hand" in line for line in said)


def test_the_same_run_gives_the_same_bytes_and_replaces_what_was_there(run: Run, topics: Callable[..., None]) -> None:
    topics(good, half)
    album(run, svgs=True)
    first = contents(run.folder / "look")
    assert "good_1.svg" in first
    album(run, svgs=True)
    assert contents(run.folder / "look") == first
    album(run, only=["half"])
    assert set(contents(run.folder / "look")) == {"index.html", "look.json", "half.png"}


def test_only_and_pictures(run: Run, topics: Callable[..., None], tmp_path: Path) -> None:
    topics(good, half)
    made = album(run, only=["good"], out=tmp_path / "new" / "there", pictures=4)
    assert made.shown[0].panels == ("good_0", "good_1", "good_2", "good_3")
    assert (tmp_path / "new" / "there" / "good_3.png").exists()
    assert not (run.folder / "look").exists()
    with pytest.raises(ValueError, match="--pictures takes 1 or more, not 0"):
        album(run, pictures=0)


def test_a_wrong_topic_is_told_with_the_nearest() -> None:
    assert topics_named(["probes", "kernels"]) == ("kernels", "probes")
    assert topics_named([]) == tuple(TOPICS)
    with pytest.raises(ValueError, match="no topic 'kernel'; did you mean 'kernels'"):
        topics_named(["maps", "kernel"])
    with pytest.raises(ValueError, match="it is one of kernels, sparsity, maps"):
        topics_named(["zzz"])


@pytest.mark.parametrize(("broken", "error"), [((bad, empty), ValueError), ((good, fault), RuntimeError)])
def test_where_nothing_comes_of_it_the_album_that_was_there_stays(
    run: Run,
    topics: Callable[..., None],
    broken: tuple[Callable[..., Iterator[Panel]], ...],
    error: type[Exception],
) -> None:
    topics(good, *(function for function in broken if function is not good))
    album(run, only=["good"])
    before = contents(run.folder)
    with pytest.raises(error, match=r"no pictures at hand|a fault of ours"):
        album(run, only=[function.__name__ for function in broken])
    assert contents(run.folder) == before
    assert sorted(path.name for path in run.folder.iterdir() if path.name.startswith(".")) == []


def test_nobodys_files_are_deleted(run: Run, topics: Callable[..., None], tmp_path: Path) -> None:
    topics(good)
    album(run)
    (run.folder / "look" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds notes\.txt, which is of no album"):
        album(run)
    assert (run.folder / "look" / "notes.txt").read_text() == "mine"
    with pytest.raises(ValueError, match="is of no album"):
        album(run, out=run.folder)
    other = tmp_path / "other"
    other.mkdir()
    write_json(other / "look.json", {"a": 1})
    with pytest.raises(ValueError, match=r"holds look\.json, which is of no album"):
        album(run, out=other)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        album(run, out=tmp_path / "file")


def test_what_a_killed_process_left_is_cleared_and_its_old_album_put_back(
    run: Run, topics: Callable[..., None]
) -> None:
    topics(good, bad)
    album(run)
    before = contents(run.folder / "look")
    os.rename(run.folder / "look", run.folder / ".look.before")  # killed between the two renames
    (run.folder / ".look.part").mkdir()
    (run.folder / ".look.part" / "half.png").write_bytes(b"half")
    with pytest.raises(ValueError, match="no pictures"):
        album(run, only=["bad"])
    assert contents(run.folder / "look") == before
    (run.folder / ".look.part").mkdir()
    (run.folder / ".look.part" / "half.png").write_bytes(b"half")
    album(run)
    assert contents(run.folder / "look") == before
    assert not (run.folder / ".look.part").exists()


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    with AlbumFolder(tmp_path / "look") as one:
        (one.part / "a.png").write_bytes(b"a")
        with pytest.raises(ValueError, match="another process is making the album"), AlbumFolder(tmp_path / "look"):
            pass
        assert (one.part / "a.png").exists()
        one.put_in_place()
    assert (tmp_path / "look" / "a.png").exists()


def test_plain_values() -> None:
    given = {1: np.float64("inf"), "a": (np.int64(2), [np.nan, "x", None, True]), "b": np.zeros((1, 2))}
    assert plain_values(given) == {"1": None, "a": [2, [None, "x", None, True]], "b": [[0.0, 0.0]]}


@pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
def test_every_topic_is_there_and_takes_what_it_is_given(topic: Topic) -> None:
    given = inspect.signature(importlib.import_module(f"alexnet.insight.{topic.module}").panels).parameters
    assert {"run", "device", "limit"} <= set(given)


def test_a_real_run(run: Run) -> None:
    made = album(run, only=["sparsity", "probes"], device="cpu", threads=1, pictures=4)
    assert [one.topic for one in made.shown] == ["sparsity", "probes"]
    assert not made.missing
    values = json.loads((made.folder / "look.json").read_text(), parse_constant=pytest.fail)
    figures = [figure["name"] for topic in values["topics"] for figure in topic["figures"]]
    assert {f"{name}.png" for name in figures} | {"index.html", "look.json"} == set(contents(made.folder))


def test_weights_alone_still_show_their_kernels(run: Run, tmp_path: Path) -> None:
    weights = next((run.folder / "weights").glob("*.safetensors"))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "net.safetensors").write_bytes(weights.read_bytes())
    made = album(tmp_path / "alone" / "net.safetensors", only=["kernels", "sparsity", "maps", "probes"])
    assert [one.topic for one in made.shown] == ["kernels"]
    assert [one.topic for one in made.missing] == ["sparsity", "maps", "probes"]
    assert made.folder == tmp_path / "alone" / "look"
