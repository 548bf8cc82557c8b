"""Are time, memory and disk forecast from the right numbers, and is a run that cannot fit refused with a way out?"""

from __future__ import annotations

import pytest

from alexnet.config import patch
from alexnet.recipes import RECIPES
from alexnet.training.forecast import Room, forecast, needs, refuse, words
from alexnet.training.speed import Speed

QUICK = patch(RECIPES["quick"].config, {"model.classes": 10, "train.epochs": 4, "train.batch": 100})


def test_time_is_steps_and_validations_and_what_comes_after() -> None:
    wanted = needs(QUICK, classes=10, pictures=950, held_out=100, device="cpu")
    found = forecast(
        QUICK, Speed(step=2.0, picture=0.1), wanted, pictures=950, selecting=50, held_out=100, device="cpu"
    )
    assert (found.steps, found.epochs) == (40, 4)
    assert found.training_seconds == 80
    assert found.epoch_seconds == pytest.approx(10 * 2 + 50 * 0.1)
    assert found.seconds > 4 * 25 + 11 * 100 * 0.1  # the ten views are ten more passes
    assert "on this CPU (25 s an epoch)" in found.sentence()
    short = patch(QUICK, {"train.steps": 5})
    few = forecast(short, Speed(step=2.0, picture=0.1), wanted, pictures=950, selecting=0, held_out=0, device="cpu")
    assert (few.steps, few.training_seconds) == (5, 10)


def test_memory_grows_with_the_batch_and_falls_with_its_parts() -> None:
    def memory(**changes: object) -> int:
        config = patch(QUICK, {name.replace("__", "."): value for name, value in changes.items()})
        return needs(config, classes=10, pictures=50_000, held_out=0, device="cuda").memory

    assert memory(train__batch=2000) > 3 * memory(train__batch=100) - 2 * memory(train__batch=50)
    assert memory(train__batch=2000, train__accumulate=20) == memory(train__batch=100)
    assert memory(optim__rule="adamw") > memory(optim__rule="sgd")


def test_what_cannot_fit_is_refused_with_a_way_out() -> None:
    wanted = needs(QUICK, classes=10, pictures=1000, held_out=100, device="cpu")
    refuse(wanted, Room(memory=2 * wanted.memory, disk=2 * wanted.disk), QUICK)
    with pytest.raises(ValueError, match=r"needs about .* of memory and .* free; try --batch 50 or --batch auto"):
        refuse(wanted, Room(memory=wanted.memory, disk=2 * wanted.disk), QUICK)
    with pytest.raises(ValueError, match=r"writes up to .* another disk with --out"):
        refuse(wanted, Room(memory=2 * wanted.memory, disk=wanted.disk - 1), QUICK)


def test_time_in_words() -> None:
    assert [words(s) for s in (0.2, 45, 540, 7200, 300_000)] == ["1 s", "45 s", "9 minutes", "2.0 hours", "3.5 days"]
