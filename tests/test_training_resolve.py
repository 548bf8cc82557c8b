"""Does a request become the right config, and is every derivation said?"""

from __future__ import annotations

import pytest

from alexnet.config import changes_between
from alexnet.data.peek import DataFacts
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.training.bound import safe_rate, stable_rate
from alexnet.training.resolve import Request, Resolved, resolve

LAPTOP = Machine(device="cpu", threads=2, memory=16 << 30, bf16=False, name="a laptop")
MODERN = Machine(device="cpu", threads=2, memory=16 << 30, bf16=True, name="a newer laptop")
GPU = Machine(device="cuda", threads=16, memory=80 << 30, bf16=True, name="a GPU")


def facts(**changes: object) -> DataFacts:
    values: dict[str, object] = {"name": "garden", "pictures": 1100, "classes": 10, "side": 200}
    return DataFacts(**(values | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "machine", "recipe"),
    [
        (facts(), LAPTOP, "quick"),
        (facts(), GPU, "quick"),
        (facts(name="digits", side=8, pictures=1437), LAPTOP, "digits"),
        (facts(pictures=50_000, side=32), LAPTOP, "quick"),
        (facts(pictures=1_281_167, side=375, classes=1000), GPU, "source"),
        (facts(pictures=1_281_167, side=375, classes=1000), LAPTOP, "quick"),
    ],
)
def test_the_recipe_for_those_who_name_none(data: DataFacts, machine: Machine, recipe: str) -> None:
    resolved = resolve(Request(changes={}), data, machine)
    assert resolved.recipe == recipe
    assert f"recipe {recipe} (chosen for" in resolved.sentences[0]


def test_a_named_recipe_is_left_as_it_is_but_for_the_classes() -> None:
    for name in ("paper", "source", "cifar-26", "cifar-18"):
        config = resolve(Request(recipe=name, changes={}), facts(pictures=50_000, side=32), MODERN).config
        assert changes_between(RECIPES[name].config, config) == {"model.classes": 10}


def test_the_users_settings_win_over_everything_derived() -> None:
    given = {"train.precision": "float32", "train.batch": 7, "augment.crop": 40, "data.size": 50}
    config = resolve(Request(changes=given), facts(), MODERN).config
    assert (config.train.precision, config.train.batch, config.augment.crop, config.data.size) == ("float32", 7, 40, 50)


def test_a_size_moves_the_crop_along() -> None:
    config = resolve(Request(recipe="paper", changes={"data.size": 128}), facts(), LAPTOP).config
    assert config.augment.crop == 112
    config = resolve(Request(changes={"data.size": 48}), facts(pictures=50_000, side=32), LAPTOP).config
    assert config.augment.crop == 48


def test_mistakes_are_one_sentence() -> None:
    for request, words in (
        (Request(recipe="papr", changes={}), "no recipe is called 'papr'"),
        (Request(changes={"optim.rat": 1.0}), "did you mean 'optim.rate'"),
        (Request(changes={"model.table": "alexnet"}), "no table is called 'alexnet'"),
        (Request(changes={"augment.crop": 400}), "does not fit stored squares"),
        (Request(changes={"model.classes": 3}), "not the data's 10 classes"),
        (Request(changes={"train.epochs": 0}), "must be 1 or more"),
    ):
        with pytest.raises(ValueError, match=words):
            resolve(request, facts(), LAPTOP)


@pytest.mark.fidelity(
    topic="the rate and the number of classes",
    paper=".01 for 1,000 classes",
    source=".01 for 1,000 classes; .001 in its CIFAR-10 files",
    others=".01 for any number, and stuck at ln(classes) with few",
    option="bounded at the start unless --rate is given; --optim.no-bound",
)
def test_a_rate_is_lowered_to_a_tenth_of_the_bound_only_when_it_was_not_given() -> None:
    few = resolve(Request(recipe="paper", changes={}), facts(), LAPTOP, lambda config: 255.0)
    assert few.config.optim.rate == 0.001
    assert "lowered to 0.001" in few.sentences[1]
    many = resolve(Request(recipe="paper", changes={}), facts(classes=1000), LAPTOP, lambda config: 4.2)
    assert many.config.optim.rate == 0.01
    given = resolve(Request(recipe="paper", changes={"optim.rate": 0.01}), facts(), LAPTOP, lambda config: 255.0)
    assert given.config.optim.rate == 0.01
    assert given.sentences[1].startswith("warning:")
    off = resolve(Request(recipe="paper", changes={"optim.bound": False}), facts(), LAPTOP, lambda config: 255.0)
    assert off.config.optim.rate == 0.01
    adam = resolve(Request(recipe="paper", changes={"optim.rule": "adamw"}), facts(), LAPTOP, lambda config: 255.0)
    assert adam.config.optim.rate == 0.01


def test_only_the_first_steps_rate_is_bounded() -> None:
    """A warm-up begins far below its peak, and the curvature falls within the first steps."""
    changes = {"optim.schedule": "one-cycle", "optim.warmup": 10.0, "optim.rate": 0.01}
    warm = resolve(Request(recipe="paper", changes=changes | {}), facts(), LAPTOP, lambda config: 255.0)
    assert len(warm.sentences) == 1


def test_the_bound_in_numbers() -> None:
    assert stable_rate(255, 0.9) == pytest.approx(0.0149, rel=1e-2)
    assert stable_rate(4.2, 0.9) == pytest.approx(0.905, rel=1e-2)
    assert [safe_rate(c, 0.9) for c in (255, 425, 4.2, 38, 0.0)] == [0.001, 0.001, 0.1, 0.01, float("inf")]


def test_a_batch_auto_fits_memory_pictures_and_recipe_and_takes_the_rate_with_it() -> None:
    data = facts(pictures=50_000, side=32)

    def chosen(machine: Machine, each: int, **changes: object) -> tuple[int, float, str]:
        request = Request(changes={"train.batch": "auto"} | {k.replace("__", "."): v for k, v in changes.items()})
        resolved = resolve(request, data, machine, memory=lambda config: each * config.train.batch)
        return resolved.config.train.batch, resolved.config.optim.rate, resolved.sentences[1]

    batch, rate, said = chosen(LAPTOP, 1)
    assert (batch, rate) == (1024, 0.8)  # four times the recipe's 256 at .2
    assert "rate 0.2 becomes 0.8" in said
    assert chosen(LAPTOP, 64 << 20)[:2] == (128, 0.1)  # half of 16 GiB
    assert chosen(LAPTOP, 1, optim__rate=0.2)[:2] == (1024, 0.2)
    assert chosen(LAPTOP, 1, optim__rule="adamw", optim__rate=0.002)[1] == 0.002
    few = resolve(Request(changes={"train.batch": "auto"}), facts(pictures=600), LAPTOP, memory=lambda config: 1)
    assert few.config.train.batch == 32  # sixteen steps an epoch


def test_max_hours_lowers_epochs_that_were_not_given() -> None:
    def within(hours: float, recipe: str | None = None, **changes: object) -> Resolved:
        given = {name.replace("__", "."): value for name, value in changes.items()}
        request = Request(recipe=recipe, changes=given, max_hours=hours)
        return resolve(request, facts(pictures=50_000, side=32), LAPTOP, pace=lambda config: (360.0, 60.0))

    short = within(1.0)
    assert short.config.train.epochs == 9  # 95% of the hour, less a minute, at six minutes each
    assert short.config.optim.warmup == pytest.approx(3.5 / 18 * 9)
    assert "lowered to 9" in short.sentences[1]
    assert within(10.0).config.train.epochs == 30
    assert len(within(10.0).sentences) == 1
    assert within(1.0, train__epochs=50).config.train.epochs == 50
    assert within(0.001).config.train.epochs == 1
    stepped = within(1.0, "cifar-18").config
    assert (stepped.train.epochs, stepped.optim.steps) == (9, (9, 9))
    with pytest.raises(ValueError, match="--max-hours takes a number of hours above 0"):
        within(-1.0)


def test_patience_brings_pictures_that_select() -> None:
    data = facts(pictures=50_000, side=32)
    assert resolve(Request(changes={}), data, LAPTOP).config.data.all_of_train
    assert not resolve(Request(changes={"train.patience": 3}), data, LAPTOP).config.data.all_of_train


def test_edits_of_the_network_are_told_and_checked() -> None:
    changes = {"model.norm": "none", "model.without": ("conv4", "norm1")}
    said = resolve(Request(changes=changes), facts(), LAPTOP).sentences[0]
    assert "network quick (without conv4 norm1, norm none) at 64 pixels" in said
    for wrong, words in (
        ({"model.without": ("conv9",)}, "no row 'conv9' to leave out"),
        ({"model.columns": 5}, "5 columns need maps"),
        ({"model.table": "lenet", "model.residual": True}, "'lenet' has none of them"),
        ({"model.table": "paper", "augment.crop": 30}, "too small for the network 'paper'"),
    ):
        with pytest.raises(ValueError, match=words):
            resolve(Request(changes=wrong), facts(), LAPTOP)


def test_many_small_pictures_are_changed_more_and_seen_longer() -> None:
    many = resolve(Request(changes={}), facts(pictures=50_000, side=32), LAPTOP).config
    assert (many.train.epochs, many.augment.pad, many.augment.cutout, many.optim.ema) == (30, 4, 8, 0.998)
    for other in (facts(pictures=19_999, side=32), facts(pictures=50_000, side=200)):
        few = resolve(Request(changes={}), other, LAPTOP).config
        assert (few.augment.cutout, few.optim.ema) == (0, 0.0)
    asked = resolve(Request(changes={"augment.cutout": 0, "train.epochs": 5}), facts(pictures=50_000, side=32), LAPTOP)
    assert (asked.config.augment.cutout, asked.config.train.epochs, asked.config.augment.pad) == (0, 5, 4)
