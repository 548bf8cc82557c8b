"""Does training learn, stop, resume and fail as it should? Small runs on small pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
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
from alexnet.device import Machine, choose
from alexnet.training import loop
from alexnet.training.checkpoint import load_checkpoint
from alexnet.training.clock import TIME_COLUMNS
from alexnet.training.listener import Interrupted, Progress
from alexnet.training.trained import load_network

CPU = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="test")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """96 pictures of 3 classes that differ in colour and stripes, 32 pixels."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for label, name in enumerate(("red", "green", "blue")):
        (root / "in" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(0, 120, (32, 32, 3))
            pixels[:, :: label + 2, label] += 110
            Image.fromarray(pixels.astype(np.uint8)).save(root / "in" / name / f"{number}.png")
    return prepare(list_source(root / "in"), root / "out", size=32, workers=1)


def config(**changes: Any) -> Config:
    small = {
        "model.classes": 3,
        "train.epochs": 3,
        "train.batch": 16,
        "optim.rate": 0.02,
        "optim.warmup": 1.0,
        "augment.colour": "source",
    }
    return patch(recipes.QUICK.config, small | {name.replace("__", "."): value for name, value in changes.items()})


class Stopper:
    """A listener that asks the run to stop after some steps, as Ctrl-C would."""

    def __init__(self, after: int) -> None:
        self.after, self.rows = after, []  # type: ignore[var-annotated]

    def say(self, sentence: str) -> None:
        pass

    def preparing(self, done: int, total: int) -> None:
        pass

    def stepped(self, progress: Progress) -> None:
        import os
        import signal

        if progress.step == self.after:
            os.kill(os.getpid(), signal.SIGTERM)

    def epoch_ended(self, row: Mapping[str, object]) -> None:
        self.rows.append(dict(row))


def folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def ending(run: Path) -> dict[str, Any]:
    """All that must be equal at the end of two equal runs."""
    found = load_checkpoint(run)
    assert found is not None
    tensors, place = found
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    for line in lines:
        for column in TIME_COLUMNS:
            line.pop(column, None)
    place.pop("lines")
    return {
        "tensors": {name: value.numpy().tobytes() for name, value in tensors.items()},
        "place": place,
        "metrics": lines,
        "weights": {path.name: path.read_bytes() for path in (run / "weights").iterdir()},
    }


def test_it_learns_and_shuffled_labels_do_not_generalize(pictures: PreparedSet, tmp_path: Path) -> None:
    left = folder(tmp_path / "a") / "weights" / ".best.safetensors.0a1b2c3d.unfinished"
    left.parent.mkdir()
    left.write_bytes(b"half of it")  # as after a kill
    loop.train(config(train__epochs=6), pictures, tmp_path / "a", machine=CPU)
    assert not left.exists()
    rows = [json.loads(line) for line in (tmp_path / "a" / "metrics.jsonl").read_text().splitlines()]
    assert min(row["val_top1_error"] for row in rows if row["kind"] == "epoch") < 15
    best = min((row["val_top1_error"], row["epoch"]) for row in rows if row["kind"] == "epoch")[1]
    for name, epoch in (("last", 6), ("best", best)):
        kept = load_network(tmp_path / "a" / "weights" / f"{name}.safetensors").metadata["provenance"]
        assert kept["epoch"] == epoch
    shuffled = PreparedSet(pictures.path, json.loads((pictures.path / "dataset.json").read_text()))
    shuffled.labels = np.random.default_rng(0).permutation(pictures.labels)
    loop.train(config(train__epochs=6), shuffled, folder(tmp_path / "b"), machine=CPU)
    rows = [json.loads(line) for line in (tmp_path / "b" / "metrics.jsonl").read_text().splitlines()]
    assert np.mean([row["val_top1_error"] for row in rows if row["kind"] == "epoch"]) > 40


@pytest.mark.parametrize("rule", ["velocity", "sgd", "adamw"])
def test_a_stopped_run_ends_as_one_never_stopped(pictures: PreparedSet, tmp_path: Path, rule: str) -> None:
    wanted = config(optim__rule=rule, optim__rate=0.01, optim__nesterov=False)
    loop.train(wanted, pictures, folder(tmp_path / "whole"), machine=CPU)
    broken = folder(tmp_path / "broken")
    for stop in (1, 5, 6, 13):  # within an epoch, at its last step, and at the first of the next
        with pytest.raises(Interrupted, match="alexnet resume"):
            loop.train(wanted, pictures, broken, machine=CPU, listener=Stopper(stop))
    loop.train(wanted, pictures, broken, machine=CPU)
    assert ending(broken) == ending(tmp_path / "whole")


def test_checkpoints_at_every_step_change_nothing(pictures: PreparedSet, tmp_path: Path) -> None:
    loop.train(config(), pictures, folder(tmp_path / "seldom"), machine=CPU)
    loop.train(config(), pictures, folder(tmp_path / "often"), machine=CPU, save_every=0.0)
    assert ending(tmp_path / "often") == ending(tmp_path / "seldom")


def test_another_seed_is_another_run(pictures: PreparedSet, tmp_path: Path) -> None:
    loop.train(config(train__steps=2), pictures, folder(tmp_path / "a"), machine=CPU)
    loop.train(config(train__steps=2, train__seed=1), pictures, folder(tmp_path / "b"), machine=CPU)
    assert ending(tmp_path / "a")["weights"] != ending(tmp_path / "b")["weights"]


def test_accumulated_parts_equal_the_whole_batch(pictures: PreparedSet, tmp_path: Path) -> None:
    """Without batch normalization, in float64: one batch of 16 and four parts of 4."""
    weights = []
    for parts in (1, 4):
        wanted = patch(
            recipes.CIFAR_18.config,
            {"model.classes": 3, "train.precision": "float64", "train.accumulate": parts, "train.batch": 16}
            | {"train.epochs": 2, "optim.schedule": "constant"},
        )
        state = loop.train(wanted, pictures, folder(tmp_path / str(parts)), machine=CPU)
        weights.append(torch.cat([w.detach().flatten() for w in state.network.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-10)


def test_bf16_is_near_float32(pictures: PreparedSet, tmp_path: Path) -> None:
    losses = []
    for precision in ("float32", "bf16"):
        run = folder(tmp_path / precision)
        loop.train(config(train__precision=precision, train__steps=4), pictures, run, machine=CPU)
        losses.append(json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["train_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_a_loss_that_explodes_is_explained(pictures: PreparedSet, tmp_path: Path) -> None:
    wanted = patch(
        recipes.CIFAR_26.config,
        {"model.classes": 3, "optim.rate": 1e6, "train.batch": 16, "train.epochs": 3, "data.all_of_train": False},
    )
    with pytest.raises(ValueError, match=r"not finite at step \d+ \(epoch \d+\): .*likely too high.*--rate 100000"):
        loop.train(wanted, pictures, folder(tmp_path / "run"), machine=CPU)


def test_all_of_train_has_no_best_and_uses_what_would_select(pictures: PreparedSet, tmp_path: Path) -> None:
    run = folder(tmp_path / "run")
    state = loop.train(config(data__all_of_train=True, train__epochs=1), pictures, run, machine=CPU)
    assert state.best is None
    assert [path.name for path in (run / "weights").iterdir()] == ["last.safetensors"]
    rows = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert "val_loss" not in rows
    assert state.step == -(-(pictures.counts["train"] + pictures.counts["select"]) // 16)


def test_the_best_epoch_is_kept_not_the_last(pictures: PreparedSet, tmp_path: Path) -> None:
    run = folder(tmp_path / "run")
    state = loop.train(config(train__epochs=4), pictures, run, machine=CPU)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    errors = [row["val_top1_error"] for row in rows if row["kind"] == "epoch"]
    assert state.best is not None
    assert state.best["val_top1_error"] == min(errors)
    assert state.best["epoch"] == 1 + errors.index(min(errors))


def test_a_resumed_run_says_what_differs(pictures: PreparedSet, tmp_path: Path) -> None:
    run = folder(tmp_path / "run")
    with pytest.raises(Interrupted):
        loop.train(config(), pictures, run, machine=CPU, listener=Stopper(2))
    place = next((run / "state").iterdir()) / "place.json"
    values = json.loads(place.read_text())
    values["conditions"]["threads"] = 64
    place.write_text(json.dumps(values))
    said: list[str] = []
    listener = Stopper(-1)
    listener.say = said.append  # type: ignore[method-assign]
    loop.train(config(), pictures, run, machine=CPU, listener=listener)
    assert said == [f"continues, not bit-equal to an uninterrupted run: threads 64 -> {choose('cpu').threads}"]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["quick", "cifar-18"])
def test_a_compiled_run_equals_an_eager_one(pictures: PreparedSet, tmp_path: Path, recipe: str) -> None:
    """Also with a short last batch, and with dropout masks that are drawn inside the compiled network."""
    weights = []
    for compiled in (False, True):
        small = {"model.classes": 3, "train.epochs": 2, "train.batch": 32, "train.precision": "float32"}
        wanted = patch(
            recipes.RECIPES[recipe].config, small | {"train.compile": compiled, "optim.rate": 0.002, "train.steps": 4}
        )
        state = loop.train(wanted, pictures, folder(tmp_path / str(compiled)), machine=CPU)
        weights.append(torch.cat([w.detach().flatten() for w in state.network.parameters()]))
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=1e-4)
