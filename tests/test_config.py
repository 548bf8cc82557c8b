"""Are configs frozen, patched by name, and equal after a journey through JSON?"""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexnet.config import Config, changes_between, field_names, from_dict, get, patch, to_dict
from alexnet.recipes import RECIPES
from alexnet.tables import TABLES


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_survives_json(name: str) -> None:
    config = RECIPES[name].config
    assert RECIPES[name].name == name
    assert config.model.table in TABLES
    again = from_dict(json.loads(json.dumps(to_dict(config))))
    assert again == config
    assert again.digest == config.digest


def test_recipes_differ_and_so_do_their_digests() -> None:
    assert len({recipe.config.digest for recipe in RECIPES.values()}) == len(RECIPES)


@given(st.sampled_from(field_names(Config())))
def test_every_field_is_in_the_digest(name: str) -> None:
    config = Config()
    value = get(config, name)
    other = {
        bool: lambda: not value,
        int: lambda: value + 1,
        float: lambda: value + 0.5,
        tuple: lambda: (*value, "conv3" if name == "model.without" else 3),
    }.get(type(value))
    if other is None:
        return
    changed = patch(config, {name: other()})
    assert changes_between(config, changed) == {name: other()}
    assert changed.digest != config.digest
    assert get(changed, name) == other()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optim.rats": 0.1}, "no setting is called 'optim.rats'; did you mean 'optim.rate'"),
        ({"rate": 0.1}, "did you mean 'optim.rate'"),
        ({"optim.rate": "fast"}, "takes a value of type float, not 'fast'"),
        ({"train.epochs": 2.5}, "takes a value of type int"),
        ({"train.epochs": True}, "takes a value of type int"),
        ({"optim.schedule": "stair"}, "is one of 'constant'"),
        ({"optim.steps": "30,60"}, "takes several values of type int"),
    ],
)
def test_mistakes_say_what_is_allowed(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        patch(Config(), changes)


def test_a_config_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().train.epochs = 3  # type: ignore[misc]


def test_a_field_that_older_files_lack_has_its_default() -> None:
    values = to_dict(patch(Config(), {"train.seed": 5}))
    del values["optim"]["ema"]
    assert from_dict(values) == patch(Config(), {"train.seed": 5})


def test_a_file_of_another_version_is_named_as_such() -> None:
    values = to_dict(Config())
    del values["train"]
    with pytest.raises(ValueError, match="lacks the part train"):
        from_dict(values)
    with pytest.raises(ValueError, match=r"no setting is called 'train\.sede'"):
        from_dict(to_dict(Config()) | {"train": to_dict(Config())["train"] | {"sede": 1}})
    with pytest.raises(ValueError, match="must hold named settings"):
        from_dict({"data": 3})
