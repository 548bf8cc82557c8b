"""Do the courses' loops and schedules run and agree with torch's? Their snippets, restated."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR, ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset

from alexnet.course import (
    init_weights,
    train_alexnet,
    train_one_epoch,
    validate,
)
from alexnet.model.network import AlexNet
from alexnet.recipes import RECIPES
from alexnet.training.schedule import Schedule
from test_course_weights import notes_network

# --- loops ------------------------------------------------------------------------------------------------------------


def batches(count: int = 21, size: int = 31, batch: int = 8) -> DataLoader:  # type: ignore[type-arg]
    torch.manual_seed(0)
    labels = torch.arange(count) % 2
    images = torch.randn(count, 3, size, size) * 0.1 + labels[:, None, None, None]
    return DataLoader(TensorDataset(images, labels), batch_size=batch)


def test_the_mean_is_over_pictures_not_batches() -> None:
    """21 pictures in batches of 8, 8 and 5 against one batch of all, with a model that does not change."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 31 * 31, 2))
    still = torch.optim.SGD(model.parameters(), lr=0.0)
    criterion = nn.CrossEntropyLoss()
    images, labels = next(iter(batches(batch=21)))
    loss = float(criterion(model(images), labels).detach())
    assert train_one_epoch(model, batches(), criterion, still, "cpu") == pytest.approx(loss, rel=1e-5)
    found = validate(model, batches(), criterion, "cpu")
    assert found.loss == pytest.approx(loss, rel=1e-5)
    assert found.accuracy == pytest.approx(100 * float((model(images).argmax(1) == labels).float().mean()))
    assert validate(model, batches(), criterion, torch.device("cpu"), top=2).accuracy == 100


def test_a_model_that_says_the_same_of_everything_guesses() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 31 * 31, 2))
    nn.init.zeros_(model[1].weight)  # type: ignore[arg-type]
    nn.init.zeros_(model[1].bias)  # type: ignore[arg-type]
    found = validate(model, batches(), nn.CrossEntropyLoss(), "cpu")
    assert found.accuracy == 50
    assert found.loss == pytest.approx(math.log(2))


def test_modes() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 31 * 31, 2), nn.Dropout(0.5))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model.eval()
    train_one_epoch(model, batches(), nn.CrossEntropyLoss(), optimizer, "cpu")
    assert model.training
    first, second = (validate(model, batches(), nn.CrossEntropyLoss(), "cpu") for _ in range(2))
    assert first == second
    assert model.training
    assert model[1].weight.grad is not None


def test_loops_say_what_is_wrong() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 31 * 31, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    broken = nn.Module()
    broken.forward = lambda logits, labels: logits.sum() * math.inf  # type: ignore[method-assign]
    with pytest.raises(ValueError, match=r"the loss is -?inf after 0 pictures"):
        train_one_epoch(model, batches(), broken, optimizer, "cpu")
    with pytest.raises(ValueError, match="no pictures to train on"):
        train_one_epoch(model, [], nn.CrossEntropyLoss(), optimizer, "cpu")
    with pytest.raises(ValueError, match="no pictures to validate on"):
        validate(model, [], nn.CrossEntropyLoss(), "cpu")


def test_the_notes_training_script() -> None:
    """Network, initial weights, SGD, plateau schedule, epochs: it runs, and learns what two colours are."""
    torch.manual_seed(1)
    model = notes_network(2)
    init_weights(model, init="he")
    loader, criterion = batches(64, batch=16), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=5, min_lr=1e-5)
    train_losses, val_losses, val_accs = [], [], []
    for _ in range(12):
        train_losses.append(train_one_epoch(model, loader, criterion, optimizer, "cpu"))
        val_loss, val_acc = validate(model, loader, criterion, "cpu")
        val_losses.append(val_loss)
        val_accs.append(val_acc)
        scheduler.step(val_loss)
    assert val_accs[-1] > 95
    assert train_losses[-1] < train_losses[0]


def test_our_network_in_the_notes_loop() -> None:
    torch.manual_seed(1)
    model = AlexNet(num_classes=2, table="quick", size=31)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    for _ in range(2):
        train_one_epoch(model, batches(), nn.CrossEntropyLoss(), optimizer, "cpu")
    assert validate(model, batches(), nn.CrossEntropyLoss(), "cpu").accuracy > 60


SMALL = {"train.epochs": 1, "train.batch": 64, "augment.pad": 0, "data.size": 24, "model.width": 0.25}


def test_more_pictures_by_subset(tmp_path: Path) -> None:
    run = train_alexnet(subset=200, out=tmp_path / "few", changes=SMALL, device="cpu")
    assert run.config.train.limit == 200
    assert {scores["n"] for scores in run.results["scores"]} == {len(run.data().rows("test"))}
    with pytest.raises(
        ValueError, match=r"digits has about 1,\d\d\d training pictures, fewer than the subset of 10,000"
    ):
        train_alexnet(subset=10_000)
    with pytest.raises(ValueError, match="1 picture or more"):
        train_alexnet(subset=0)


# --- recipes ----------------------------------------------------------------------------------------------------------


def rates(recipe: str, errors: list[float], steps: int = 4) -> list[float]:
    """The rate of each epoch's first step in the recipe's schedule."""
    schedule = Schedule(RECIPES[recipe].config.optim, 90, steps)
    found = []
    for epoch, error in enumerate(errors):
        found.append(RECIPES[recipe].config.optim.rate * schedule.factor(epoch * steps))
        schedule.epoch_ended(error)
    return found


def torchs(kind: type, errors: list[float], **options: object) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.01)
    scheduler = kind(optimizer, **options)
    found = []
    for error in errors:
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(error) if kind is ReduceLROnPlateau else scheduler.step()
    return found


@settings(max_examples=50, deadline=None)
@given(some.lists(some.integers(1, 12), min_size=90, max_size=90))
def test_notes_plateau_is_torchs_with_three_drops(errors: list[int]) -> None:
    given = [float(error) for error in errors]
    theirs = torchs(ReduceLROnPlateau, given, factor=0.1, patience=5, min_lr=1e-5, threshold=0.0)
    np.testing.assert_allclose(rates("notes-plateau", given), theirs, rtol=1e-9)
    assert min(theirs) > 0.9e-5


def test_notes_steps_and_cosine_are_torchs() -> None:
    none = [0.0] * 90
    np.testing.assert_allclose(
        rates("notes-steps", none), torchs(MultiStepLR, none, milestones=[30, 60, 80]), rtol=1e-9
    )
    np.testing.assert_allclose(rates("notes-cosine", none), torchs(CosineAnnealingLR, none, T_max=90), rtol=1e-9)


def test_notes_settings() -> None:
    for name in ("notes-plateau", "notes-steps", "notes-cosine"):
        config = RECIPES[name].config
        assert (config.optim.rule, config.optim.rate, config.optim.momentum, config.optim.decay) == (
            "sgd",
            0.01,
            0.9,
            5e-4,
        )
        assert (config.train.epochs, config.train.batch, config.data.scale) == (90, 128, "raw")
