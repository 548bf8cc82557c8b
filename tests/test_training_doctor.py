"""Does the doctor name what is wrong, nothing of what is right, and change nothing?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet import recipes
from alexnet.config import Config, patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.training import loop
from alexnet.training.begin import feed_of, fresh
from alexnet.training.doctor import signs
from alexnet.training.doctor.diagnosis import FAULTS, Diagnosis, command
from alexnet.training.doctor.look import Look, Update, look, moved, updates
from alexnet.training.doctor.pictures import chance_loss, examine_pictures
from alexnet.training.folder import lines_of
from alexnet.training.step import step

CPU = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="test")
SMALL = {"model.classes": 3, "train.batch": 16, "data.all_of_train": False, "train.steps": 60, "train.epochs": 60}


def made(root: Path, *, times: float = 1.0, noise: int = 120, shared: int = 0) -> PreparedSet:
    """Pictures of 3 classes in train/ and val/; `shared` of each class are in both."""
    random = np.random.default_rng(0)
    for label, name in enumerate(("red", "green", "blue")):
        drawn = []
        for _ in range(40):
            pixels = random.integers(0, noise, (32, 32, 3)) if noise else np.zeros((32, 32, 3))
            pixels[:, :: label + 2, label] += 110 if noise else 0
            drawn.append(Image.fromarray((pixels * times).round().astype(np.uint8)))
        for split, some in (("train", drawn[:28]), ("val", drawn[28 - shared :])):
            (root / "in" / split / name).mkdir(parents=True)
            for number, image in enumerate(some):
                image.save(root / "in" / split / name / f"{number}.png")
    return prepare(list_source(root / "in"), root / "out", size=32, workers=1)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return made(tmp_path_factory.mktemp("pictures"))


def config(recipe: str = "cifar-26", **changes: Any) -> Config:
    return patch(recipes.RECIPES[recipe].config, SMALL | {k.replace("__", "."): v for k, v in changes.items()})


def diagnoses(config: Config, data: PreparedSet, run: Path) -> list[dict[str, Any]]:
    run.mkdir()
    try:
        loop.train(config, data, run, machine=CPU)
    except ValueError:
        assert "not finite" in [line["fault"] for line in lines_of(run, "diagnosis")]
    return lines_of(run, "diagnosis")


@pytest.mark.parametrize(
    ("changes", "fault", "at"),
    [
        ({"data__scale": "deviation"}, "input scale", 0),
        ({"model__init": "he"}, "start too large", 0),
        ({"optim__rate": 1e6}, "not finite", None),
        ({"recipe": "quick", "train__batch": 4, "train__steps": 3, "optim__rate": 0.001}, "small batch", 0),
    ],
)
def test_a_fault_of_the_settings_is_named(
    pictures: PreparedSet, tmp_path: Path, changes: dict[str, Any], fault: str, at: int | None
) -> None:
    found = diagnoses(config(**{"train__steps": 5} | changes), pictures, tmp_path / "run")
    assert [line["fault"] for line in found] == [fault]
    assert at is None or found[0]["step"] == at
    assert found[0]["sentence"]


def test_faults_of_the_pictures_are_named_before_the_first_step(pictures: PreparedSet, tmp_path: Path) -> None:
    def named(data: PreparedSet) -> list[str]:
        return [one.fault for one in examine_pictures(config(), data, data.rows("train"))]

    assert named(pictures) == []
    assert named(made(tmp_path / "range", times=1 / 255)) == ["empty pictures"]
    assert named(made(tmp_path / "leak", shared=4)) == ["leak"]
    constant = PreparedSet(pictures.path, json.loads((pictures.path / "dataset.json").read_text()))
    constant.labels = constant.labels * 0
    assert named(constant) == ["one label"]


def test_healthy_runs_are_left_alone_and_a_watched_run_keeps_its_bits(
    pictures: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert diagnoses(config(optim__rate=0.001), pictures, tmp_path / "a") == []
    quick = config("quick", optim__rate=0.02, optim__warmup=1.0, train__steps=51)
    assert diagnoses(quick, pictures, tmp_path / "b") == []
    for name in ("before_the_first_step", "after_an_interval", "after_an_epoch"):
        monkeypatch.setattr(loop.Doctor, name, lambda *words: None)
    diagnoses(quick, pictures, tmp_path / "c")
    weights = [(tmp_path / run / "weights" / "last.safetensors").read_bytes() for run in "bc"]
    assert weights[0] == weights[1]


def test_a_look_sees_units_that_never_fire_and_puts_everything_back(pictures: PreparedSet) -> None:
    wanted = config("quick")
    feed = feed_of(wanted, pictures, pictures.rows("train"), CPU)
    state, setting = fresh(wanted, pictures, feed, "cpu")
    batch = next(feed.epoch(0, 1))
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    assert max(look(state, batch, setting).silent.values()) < 0.5
    with torch.no_grad():
        state.network.get_submodule("features.norm3").bias.fill_(-100.0)
    assert look(state, batch, setting).silent["relu3"] == 1
    state.network.load_state_dict(before)
    assert state.network.training
    assert moved(state, fresh(wanted, pictures, feed, "cpu")[0].network) == 0
    step(state, batch, setting)
    sizes = updates(state)
    assert list(sizes) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc8"]
    assert all(update.gradient > 0 for update in sizes.values())
    assert moved(state, fresh(wanted, pictures, feed, "cpu")[0].network) > 0


SEEN = Look(pictures=64, loss=1.0, spread=0.5, input=60.0, silent={"relu1": 0.0, "relu2": 0.3})


def named(found: Any) -> list[str]:
    return [one.fault for one in found]


def test_what_numbers_mean() -> None:
    """The thresholds' two sides, each."""
    plain = config()
    even = {"conv1": Update(gradient=1e-2, step=1e-4), "fc": Update(gradient=1.0, step=1e-2)}
    assert named(signs.of_the_network(plain, SEEN, even)) == []
    dead = Look(pictures=64, loss=1.0, spread=0.5, input=60.0, silent={"relu1": 0.0, "relu2": 0.95})
    assert named(signs.of_the_network(plain, dead, even)) == ["dead units"]
    fading = even | {"conv1": Update(gradient=1e-7, step=1e-9)}
    assert named(signs.of_the_network(plain, SEEN, fading)) == ["vanishing"]
    thrown = even | {"fc": Update(gradient=1.0, step=3.0)}
    assert named(signs.of_the_network(plain, SEEN, thrown)) == ["exploding"]

    assert named(signs.of_the_rate(plain, [2.31, 2.31], 2.303, 0.01, 255.0, 1.0)) == ["rate too high"]
    assert named(signs.of_the_rate(plain, [2.31, 2.31], 2.303, 1e-7, 255.0, 1e-5)) == ["rate too low"]
    assert named(signs.of_the_rate(plain, [2.31, 2.31], 2.303, 1e-3, 255.0, 0.2)) == []

    assert "ln(10)" in signs.of_the_loss(plain, [2.3026], 2.3026, 10).sentence
    assert signs.learns_nothing([2.31, 2.303, 2.302], 2.303, 2)
    assert not signs.learns_nothing([2.303, 2.2], 2.303, 2)
    assert not signs.learns_nothing([9.0, 3.0], 2.303, 2)  # above, but falling
    assert not signs.learns_nothing([2.31], 2.303, 2)


def test_memorizing_needs_both_a_low_error_and_chance() -> None:
    assert named(signs.of_the_errors(10, 90, 88, 90, 400)) == ["memorizing"]
    assert named(signs.of_the_errors(10, 90, 70, 90, 400)) == []
    assert named(signs.of_the_errors(80, 90, 88, 90, 400)) == []
    assert named(signs.of_the_errors(10, 90, 88, 90, 20)) == []
    assert named(signs.of_the_errors(5, 5, 50, 50, 400)) == []  # one answer to everything is not learned by heart


def test_overfitting_is_a_rise_of_the_held_out_loss_and_not_a_gap() -> None:
    def rows(losses: list[float]) -> list[dict[str, Any]]:
        return [
            {"epoch": i + 1, "train_loss": 0.01, "train_top1_error": 0.0, "val_loss": loss, "val_top1_error": 20.0}
            for i, loss in enumerate(losses)
        ]

    assert named(signs.of_the_epochs(rows([1, 0.5, 0.8, 1.1, 1.2, 1.3, 1.4, 1.5]), 90, 90, 100)) == ["overfitting"]
    assert named(signs.of_the_epochs(rows([1, 0.8, 0.8, 0.9, 0.9, 0.9, 0.9, 0.9]), 90, 90, 100)) == []


def test_one_answer_to_everything() -> None:
    labels, truth = np.repeat([0, 1], [95, 5]), np.repeat([0, 1], [50, 50])
    assert named(signs.of_the_answers(np.zeros(100, int), truth, labels, ("a", "b"))) == ["one answer"]
    assert named(signs.of_the_answers(truth, truth, labels, ("a", "b"))) == []
    assert named(signs.of_the_answers(np.zeros(100, int), truth, truth, ("a", "b"))) == []  # nothing is frequent


def test_the_loss_of_the_best_constant_answer() -> None:
    even = np.arange(100) % 10
    assert chance_loss(Config(), even, 10) == pytest.approx(np.log(10))
    rare = np.repeat([0, 1], [9, 1])
    assert chance_loss(Config(), rare, 2) == pytest.approx(-0.9 * np.log(0.9) - 0.1 * np.log(0.1))
    assert chance_loss(patch(Config(), {"train.class_weights": "balanced"}), rare, 2) == pytest.approx(np.log(2))
    smooth = patch(Config(), {"train.label_smoothing": 1.0})
    assert chance_loss(smooth, rare, 2) == pytest.approx(np.log(2))


def test_a_cure_is_the_users_own_command_with_its_setting_changed() -> None:
    request = {"source": "my flowers", "recipe": "paper", "changes": {"optim.rate": 0.1, "data.all_of_train": False}}
    cure = Diagnosis(fault="rate too high", sentence="", cure={"optim.rate": 0.001})
    wanted = "alexnet train 'my flowers' --recipe paper --optim.rate 0.001 --data.no-all-of-train"
    assert command(cure, request) == wanted
    assert command(Diagnosis(fault="leak", sentence=""), request) == "alexnet check 'my flowers'"
    sweep = Diagnosis(fault="stuck", sentence="", words=("--find-rate",))
    assert command(sweep, {}) == "alexnet train PICTURES --find-rate"


def test_every_fault_has_a_meaning() -> None:
    assert len(FAULTS) >= 12
    assert all(meaning and name == name.lower() for name, meaning in FAULTS.items())
