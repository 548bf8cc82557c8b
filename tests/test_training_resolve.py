"""Does a request become the right config, and is every derivation said?"""

from __future__ import annotations

import pytest

from alexnet.config import changes_between
from alexnet.data.peek import DataFacts
from alexnet.device import Machine
from alexnet.recipes import RECIPES
from alexnet.training.bound import safe_rate, stable_rate
from alexnet.training.resolve import Request, resolve

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
