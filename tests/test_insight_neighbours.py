"""Are a run's neighbours those of its own layer, kept under what they were made of, and told with true numbers?"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from alexnet import device as machines
from alexnet.data.feed import rows_of
from alexnet.data.square import load_square
from alexnet.drawing.neighbours import neighbours as draw
from alexnet.drawing.style import png
from alexnet.insight import index as indexes
from alexnet.insight import neighbours
from alexnet.insight.features import features
from alexnet.insight.index import of_source, of_training
from alexnet.insight.search import nearest
from alexnet.training.run import Run, load
from alexnet.training.start import train
from test_drawing_figures import NASTY, check_texts, pictures, said

CPU = machines.choose("cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    changes = {"train.epochs": 1, "train.batch": 32, "augment.pad": 0, "data.size": 28, "augment.crop": 24}
    out = tmp_path_factory.mktemp("run") / "a"
    return train(picture_folder, out=out, recipe="digits", changes=changes | {"model.width": 0.25}, device="cpu")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, where no features are kept yet."""
    monkeypatch.setattr(indexes, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "features"


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_agreement_counts_classes() -> None:
    found = neighbours.agreement(np.array([0, 1]), np.array([0, 0, 1, 2]), np.array([[0, 1], [2, 3]]))
    assert (found.share.value, found.n, found.number) == (0.75, 2, 2)
    assert found.chance == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert found.share.low <= 0.75 <= found.share.high


def test_the_mean_has_the_interval_of_its_pictures() -> None:
    each = np.repeat([0.0, 1.0], 200)
    found = neighbours.mean_of(each)
    assert found.value == 0.5
    half = 1.96 * 0.5 / 400**0.5
    assert found.high - 0.5 == pytest.approx(half, rel=0.15)
    assert 0.5 - found.low == pytest.approx(half, rel=0.15)


@pytest.mark.parametrize(("kinds", "expected"), [(100, 6), (6, 6), (4, 4), (1, 1)])
def test_pictures_of_many_classes_are_shown(kinds: int, expected: int) -> None:
    labels = np.arange(300) % kinds
    chosen = neighbours.spread_out(labels, 6, seed=3)
    assert len(chosen) == len(set(chosen.tolist())) == 6
    shown = labels[chosen]
    assert len(set(shown.tolist())) == expected
    assert (np.diff(shown) >= 0).all()
    if kinds == 100:
        assert shown[0] == 0
        assert shown[-1] == 99
    np.testing.assert_array_equal(chosen, neighbours.spread_out(labels, 6, seed=3))
    assert neighbours.spread_out(np.array([5]), 6, seed=0).tolist() == [0]


# --- what is searched -------------------------------------------------------------------------------------------------


def test_training_pictures_are_those_of_the_run(run: Run, picture_folder: Path, cache: Path) -> None:
    index = of_training(run, "relu6", CPU)
    rows = rows_of(run.config, run.data())[0]
    assert len(index) == len(rows) == len(index.paths)
    assert index.values.dtype == np.float32
    computed = {one.path: one.values for one in features(run, picture_folder, "relu6", device="cpu")}
    for place in (0, len(index) // 2, len(index) - 1):
        np.testing.assert_allclose(index.values[place], computed[index.paths[place]], rtol=1e-4, atol=1e-5)
        assert index.labels[place] == index.paths[place].split("/")[0]
        file = (picture_folder / index.paths[place]).read_bytes()
        square = load_square(file, run.preprocess.size, run.preprocess.fit)[0]
        np.testing.assert_array_equal(index.square(place), square.transpose(2, 0, 1))


def test_kept_features_are_used_again_and_may_be_deleted(
    run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = of_training(run, "relu6", CPU)
    kept = os.listdir(cache)
    assert len(kept) == 1
    assert not kept[0].startswith(".")

    def never(*words: object) -> None:
        raise AssertionError("computed again")

    with monkeypatch.context() as patch:
        patch.setattr(indexes, "values_of", never)
        np.testing.assert_array_equal(of_training(run, "relu6", CPU).values, first.values)
        with pytest.raises(AssertionError, match="computed again"):
            of_training(run, "fc6", CPU)
    assert os.listdir(cache) == kept, "what failed left something"
    content = (cache / kept[0]).read_bytes()
    (cache / kept[0]).unlink()  # `first` still maps it
    (cache / kept[0]).write_bytes(content[:200])  # cut short, as no write of ours leaves it
    np.testing.assert_array_equal(of_training(run, "relu6", CPU).values, np.array(first.values))
    shutil.rmtree(cache)
    assert len(of_training(run, "relu6", CPU)) == len(first)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.network.layer("conv1").weight.data.add_(0.01),
        lambda run: run.preprocess.mean.add_(1.0),
    ],
    ids=["weights", "mean"],
)
def test_other_weights_have_other_features(run: Run, cache: Path, change: Callable[[Run], object]) -> None:
    before = np.array(of_training(run, "relu6", CPU).values)
    other = load(run.folder)
    with torch.no_grad():
        change(other)
    assert not np.array_equal(of_training(other, "relu6", CPU).values, before)
    assert len(os.listdir(cache)) == 2


def test_a_cache_that_cannot_be_written_is_done_without(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(indexes, "cache_folder", lambda: tmp_path / "file")
    assert of_training(run, "relu6", CPU).values.shape[1] == 128


def test_a_folder_of_ones_own(run: Run, picture_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(picture_folder / "circle", tmp_path / "own")
    (tmp_path / "own" / "aaa.jpg").write_bytes(b"\xff\xd8 no picture")
    (tmp_path / "own" / "circle-005.png").write_bytes(b"")
    left: list[str] = []
    index = of_source(run, tmp_path / "own", "relu6", CPU, lambda path, reason: left.append(Path(path).name))
    assert left == ["aaa.jpg", "circle-005.png"]
    assert len(index) == len(index.paths) == 24
    assert set(index.labels) == {""}
    for place in (0, 5, 23):
        square = load_square(Path(index.paths[place]).read_bytes(), run.preprocess.size, run.preprocess.fit)[0]
        np.testing.assert_array_equal(index.square(place), square.transpose(2, 0, 1))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"nothing in .* can be read"):
        of_source(run, tmp_path / "empty", "relu6", CPU, lambda path, reason: None)


def test_weights_alone_say_what_is_missing(run: Run, tmp_path: Path) -> None:
    shutil.copy(run.folder / "weights" / "last.safetensors", tmp_path / "w.safetensors")
    alone = load(tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match=r"holds weights and not what the run was trained on .*; give the run's"):
        of_training(alone, "relu6", CPU)
    with pytest.raises(ValueError, match="trained on"):
        next(neighbours.panels(alone))


def test_what_is_not_finite_is_told_and_not_kept(run: Run, cache: Path) -> None:
    broken = load(run.folder)
    with torch.no_grad():
        broken.network.layer("fc6").weight[0, 0] = torch.nan  # type: ignore[union-attr,index]
    with pytest.raises(ValueError, match="not finite"):
        of_training(broken, "relu6", CPU)
    assert os.listdir(cache) == []


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_panel_shows_what_brute_force_finds(run: Run) -> None:
    mode = run.network.training
    [panel] = neighbours.panels(run)
    index = of_training(run, "relu6", CPU)
    numbers = panel.numbers
    assert numbers["layer"] == "relu6"
    assert numbers["n"] == numbers["same_class"]["n"] > 0
    assert len(numbers["shown"]) == 6
    computed = {one.path: one.values for one in features(run, run.data().location, "relu6", device="cpu")}
    for one in numbers["shown"]:
        away = np.linalg.norm(np.array(index.values, np.float64) - computed[one["path"]], axis=1)
        distances = [other["distance"] for other in one["neighbours"]]
        np.testing.assert_allclose(distances, np.sort(away)[:6], rtol=1e-3, atol=1e-4)
        for other in one["neighbours"]:
            assert away[index.paths.index(other["path"])] == pytest.approx(other["distance"], rel=1e-3, abs=1e-4)
    assert run.network.training == mode
    check_texts(panel.figure)
    text = said(panel.figure)
    assert f"{len(index)} training pictures of shapes" in text
    assert f"{numbers['shown'][0]['neighbours'][0]['distance']:#.3g}".rstrip(".") in text
    [again] = neighbours.panels(run)
    assert png(again.figure) == png(panel.figure)


@pytest.mark.parametrize(("asked", "found"), [(1, 1), (6, 6), (8, 10), (3, 2)])
def test_the_figure_fits_whatever_the_names_are(asked: int, found: int) -> None:
    names = [NASTY[i % len(NASTY)] for i in range(asked)]
    images = pictures(asked)
    figure = draw(
        images,
        names,
        [pictures(found)] * asked,
        [[NASTY[(i + k) % len(NASTY)] for k in range(found)] for i in range(asked)],
        [[10.0 ** (k - 5) for k in range(found)]] * asked,
        title="What is alike",
        note="under each its distance",
    )
    check_texts(figure)


def test_ties_in_a_run_go_by_row_number() -> None:
    """What `similar` promises: a picture that is there twice is found twice, the first one first."""
    values = np.repeat(np.eye(3, 5, dtype=np.float32), 2, axis=0)
    found = nearest(values[:1], values, 3)
    assert found.rows.tolist() == [[0, 1, 2]]
    assert found.distances[0, :2].tolist() == [0, 0]
