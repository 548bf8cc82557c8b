"""What happens around the steps: the forecast kept, an end by the clock or by patience, the sweep, the first batch?"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from alexnet import recipes
from alexnet.config import patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.training import clock, loop, rate_finder
from alexnet.training.first_batch import first_batch, first_inputs
from alexnet.training.folder import lines_of, read_json
from alexnet.training.rate_finder import find_rate, sweep_rates
from alexnet.training.start import resume, train

CPU = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="test")
SMALL = {"train.batch": 16, "data.size": 24, "augment.crop": 24, "optim.rate": 0.02, "train.precision": "float32"}


@pytest.fixture(scope="module")
def pictures(picture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return prepare(list_source(picture_folder), tmp_path_factory.mktemp("set") / "out", size=24, workers=1)


class Said:
    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, sentence: str) -> None:
        self.sentences.append(sentence)

    def preparing(self, done: int, total: int) -> None: ...
    def stepped(self, progress: object) -> None: ...
    def epoch_ended(self, row: object) -> None: ...


def test_a_run_out_of_hours_is_measured_and_goes_on_as_if_never_stopped(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {"recipe": "quick", "changes": SMALL | {"train.epochs": 2}, "threads": 1, "workers": 1}
    whole = train(picture_folder, out=tmp_path / "whole", **words)  # type: ignore[arg-type]
    assert whole.results["ended"] == "epochs"
    forecast = read_json(whole.folder / "forecast.json")
    assert forecast["expected"]["steps"] == 8
    assert forecast["came"]["training_seconds"] > 0
    assert (whole.folder / "figures" / "first_batch.png").exists()
    assert "What the run took" in (whole.folder / "report.html").read_text()

    late = iter([False] * 5 + [True] + [False] * 100)
    monkeypatch.setattr(clock.Clock, "late", lambda self: bool(self.hours) and next(late))
    said = Said()
    run = train(picture_folder, out=tmp_path / "cut", max_hours=1000.0, listener=said, **words)  # type: ignore[arg-type]
    assert (run.results["ended"], run.results["scores"][0]["n"]) == ("max-hours", whole.results["scores"][0]["n"])
    assert any("--max-hours are over: stopped at step 6, saved" in sentence for sentence in said.sentences)
    assert lines_of(run.folder, "ended") == [{"kind": "ended", "why": "max-hours", "step": 6}]
    again = resume(tmp_path / "cut")
    assert again.results["ended"] == "epochs"
    for name in ("weights/last.safetensors", "predictions.csv"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_patience_ends_a_run_and_a_resumed_one_at_the_same_place(tmp_path: Path, pictures: PreparedSet) -> None:
    shutil.copytree(pictures.path, tmp_path / "set")
    stored = json.loads((tmp_path / "set" / "dataset.json").read_text())
    chosen = PreparedSet(tmp_path / "set", stored)
    chosen._selects = True
    chosen.roles = np.where(np.arange(len(chosen)) % 4 == 0, 3, 0).astype(np.int8)
    few = {"model.classes": 3, "optim.rate": 1e-9, "optim.decay": 0.0, "train.patience": 2, "train.epochs": 9}
    config = patch(recipes.CIFAR_26.config, SMALL | few | {"optim.rate": 1e-12, "data.all_of_train": False})
    (tmp_path / "run").mkdir()
    state = loop.train(config, chosen, tmp_path / "run", machine=CPU)
    assert state.best is not None
    assert state.epoch - 1 == state.best["epoch"] + 2
    assert lines_of(tmp_path / "run", "ended")[0]["why"] == "patience"
    assert loop.train(config, chosen, tmp_path / "run", machine=CPU).step == state.step


def test_until_ends_a_run_and_a_resumed_one_at_the_same_place(tmp_path: Path, pictures: PreparedSet) -> None:
    few = {"model.classes": 3, "train.epochs": 9, "optim.rate": 1e-12, "optim.decay": 0.0}
    config = patch(recipes.CIFAR_26.config, SMALL | few)
    (tmp_path / "whole").mkdir()
    loop.train(config, pictures, tmp_path / "whole", machine=CPU)
    errors = [line["train_top1_error"] for line in lines_of(tmp_path / "whole", "epoch")]
    assert len(errors) == 9
    assert not lines_of(tmp_path / "whole", "ended")
    low = patch(config, {"train.until": errors[0] + 0.001})
    (tmp_path / "run").mkdir()
    state = loop.train(low, pictures, tmp_path / "run", machine=CPU)
    assert state.epoch == 2
    assert [line["why"] for line in lines_of(tmp_path / "run", "ended")] == ["until"]
    assert loop.train(low, pictures, tmp_path / "run", machine=CPU).step == state.step
    never = patch(config, {"train.until": min(errors) - 0.001})
    (tmp_path / "never").mkdir()
    assert loop.train(never, pictures, tmp_path / "never", machine=CPU).epoch == 10


def test_patience_without_pictures_that_select_is_a_mistake(picture_folder: Path, tmp_path: Path) -> None:
    changes = SMALL | {"train.patience": 2, "data.all_of_train": True}
    with pytest.raises(ValueError, match="--patience waits for a better validation error"):
        train(picture_folder, out=tmp_path / "run", recipe="quick", changes=changes, threads=1, workers=1)
    assert not (tmp_path / "run").exists()


def test_a_sweep_is_the_same_every_time_and_finds_where_it_diverges(
    pictures: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_finder, "STEPS", 14)
    config = patch(recipes.QUICK.config, SMALL | {"model.classes": 3})
    first, second = (sweep_rates(config, pictures, CPU) for _ in range(2))
    assert first == second
    assert first.rates[0] == pytest.approx(rate_finder.LOWEST)
    assert np.allclose(np.diff(np.log(first.rates)), np.log(1e7) / 13)
    assert first.suggested <= first.lowest / 5
    assert first.stable is not None
    adamw = sweep_rates(patch(config, {"optim.rule": "adamw"}), pictures, CPU)
    assert adamw.stable is None


def test_a_sweep_leaves_a_curve_and_no_run(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_finder, "STEPS", 3)
    out = tmp_path / "sweep"
    curve = find_rate(picture_folder, out=out, recipe="quick", changes=SMALL, threads=1, workers=1)
    assert json.loads((out / "rate.json").read_text())["suggested"] == curve.suggested
    assert sorted(path.name for path in out.rglob("*") if path.is_file()) == ["rate.json", "rate.png"]
    assert "suggested: --rate" in curve.sentence()
    with pytest.raises(ValueError, match="not empty; name a new or empty folder"):
        find_rate(picture_folder, out=out)
    holed = shutil.copytree(picture_folder, tmp_path / "holed")
    (next(one for one in holed.iterdir() if one.is_dir()) / "broken.png").write_bytes(b"no picture")
    refused = tmp_path / "refused"
    with pytest.raises(ValueError, match="--max-left-out"):  # found after left_out.csv is written
        find_rate(holed, out=refused, recipe="quick", changes=SMALL, threads=1, workers=1, max_left_out=0.0)
    assert not refused.exists()


def test_the_first_batch_is_what_the_first_step_eats(
    pictures: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = patch(
        recipes.QUICK.config, SMALL | {"model.classes": 3, "train.steps": 1, "train.epochs": 1, "augment.pad": 2}
    )
    eaten: list[torch.Tensor] = []
    original = loop.step

    def watched(state, batch, setting):  # type: ignore[no-untyped-def]
        from alexnet.training.step import inputs

        eaten.append(inputs(batch, state, setting).images)
        original(state, batch, setting)

    monkeypatch.setattr(loop, "step", watched)
    (tmp_path / "run").mkdir()
    loop.train(wanted, pictures, tmp_path / "run", machine=CPU)
    given, _ = first_inputs(wanted, pictures)
    assert torch.equal(given.images, eaten[0])
    assert first_batch(wanted, pictures).axes
    mixed = patch(wanted, {"augment.mixup": 1.0})
    assert any(" + " in axes.get_title(loc="center") for axes in first_batch(mixed, pictures).axes)
