"""Are runs with the later options as exact as those without: resumed = uninterrupted, accumulated = whole?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet import recipes
from alexnet.config import patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.training import loop
from alexnet.training.listener import Interrupted
from alexnet.training.trained import load_network
from test_training_loop import CPU, Stopper, config, ending, folder

#: The later options that act in a step, those together that are computed in one place.
OPTIONS: dict[str, dict[str, Any]] = {
    "pictures": {"augment.cutout": 8, "augment.jitter": 0.4, "augment.hue": 0.1, "augment.stretch": 1.3}
    | {"augment.zoom": 0.4},
    "mixed": {"augment.mixup": 1.0, "augment.cutmix": 1.0},
    "loss": {"train.label_smoothing": 0.1, "train.class_weights": "balanced", "train.logit_adjustment": 0.5},
    "sampling": {"train.sampling": "balanced"},
    "ema": {"optim.ema": 0.9},
}
OPTIONS["everything"] = {name: value for option in OPTIONS.values() for name, value in option.items()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """76 pictures of 3 classes, of which one has most, 32 pixels."""
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for label, (name, count) in enumerate((("red", 34), ("green", 22), ("blue", 20))):
        (root / "in" / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.integers(0, 120, (32, 32, 3))
            pixels[:, :: label + 2, label] += 110
            Image.fromarray(pixels.astype(np.uint8)).save(root / "in" / name / f"{number}.png")
    return prepare(list_source(root / "in"), root / "out", size=32, workers=1)


@pytest.mark.parametrize("option", ["sampling", "everything"])
def test_a_resumed_run_equals_an_uninterrupted_one(pictures: PreparedSet, tmp_path: Path, option: str) -> None:
    wanted = patch(config(train__epochs=2, optim__warmup=0.5), OPTIONS[option])
    loop.train(wanted, pictures, folder(tmp_path / "whole"), machine=CPU)
    broken = folder(tmp_path / "broken")
    with pytest.raises(Interrupted):
        loop.train(wanted, pictures, broken, machine=CPU, listener=Stopper(4))
    loop.train(wanted, pictures, broken, machine=CPU)
    assert ending(broken) == ending(tmp_path / "whole")


def test_a_run_with_randaugment_can_be_resumed(pictures: PreparedSet, tmp_path: Path) -> None:
    pytest.importorskip("kornia")
    wanted = config(train__epochs=1, augment__randaugment=2)
    loop.train(wanted, pictures, folder(tmp_path / "whole"), machine=CPU)
    broken = folder(tmp_path / "broken")
    with pytest.raises(Interrupted):
        loop.train(wanted, pictures, broken, machine=CPU, listener=Stopper(1))
    loop.train(wanted, pictures, broken, machine=CPU)
    assert ending(broken) == ending(tmp_path / "whole")


def weights_after(pictures: PreparedSet, run: Path, changes: dict[str, Any]) -> torch.Tensor:
    """The measured weights after four steps of the network without batch normalization, in float64."""
    few = {"model.classes": 3, "train.precision": "float64", "train.batch": 16, "train.steps": 4}
    few |= {"optim.schedule": "constant", "data.all_of_train": False}
    state = loop.train(patch(recipes.CIFAR_18.config, few | changes), pictures, folder(run), machine=CPU)
    kept = load_network(run / "weights" / "last.safetensors").network
    found = torch.cat([w.detach().flatten() for w in state.average.parameters()])
    torch.testing.assert_close(torch.cat([w.detach().flatten() for w in kept.parameters()]), found.float())
    return found


@pytest.mark.parametrize("option", OPTIONS)
def test_accumulated_parts_equal_the_whole_batch(pictures: PreparedSet, tmp_path: Path, option: str) -> None:
    """And differ from a run without the option, which then does something."""
    whole = weights_after(pictures, tmp_path / "whole", OPTIONS[option])
    parts = weights_after(pictures, tmp_path / "parts", OPTIONS[option] | {"train.accumulate": 3})
    torch.testing.assert_close(whole, parts, rtol=0, atol=1e-10)
    assert (whole - weights_after(pictures, tmp_path / "plain", {})).abs().max() > 1e-6


def test_the_average_is_measured_kept_and_different(pictures: PreparedSet, tmp_path: Path) -> None:
    run = folder(tmp_path / "run")
    state = loop.train(config(optim__ema=0.95, train__epochs=2), pictures, run, machine=CPU)
    own, average = (torch.cat([w.detach().flatten() for w in n.parameters()]) for n in (state.network, state.average))
    assert (own - average).abs().max() > 1e-4
    kept = load_network(run / "weights" / "last.safetensors").network
    torch.testing.assert_close(torch.cat([w.detach().flatten() for w in kept.parameters()]), average)
    without = loop.train(config(train__epochs=2), pictures, folder(tmp_path / "without"), machine=CPU)
    assert without.average is without.network
    torch.testing.assert_close(torch.cat([w.detach().flatten() for w in without.network.parameters()]), own)


def test_mixed_pictures_have_partners_of_the_whole_epoch(pictures: PreparedSet, tmp_path: Path) -> None:
    """A run on mixed pictures learns: its validation, on pictures that are not mixed, gets better than guessing."""
    run = folder(tmp_path / "run")
    loop.train(config(augment__mixup=0.4, train__epochs=8), pictures, run, machine=CPU)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    epochs = [row for row in rows if row["kind"] == "epoch"]
    assert min(row["val_top1_error"] for row in epochs) < 40
    assert 0 <= epochs[-1]["train_top1_error"] <= 100
