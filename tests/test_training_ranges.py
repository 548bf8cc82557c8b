"""Is a number that cannot be meant refused before a run begins, in one sentence?"""

from __future__ import annotations

import pytest

from alexnet.config import Config, get, patch
from alexnet.recipes import RECIPES
from alexnet.training.ranges import RANGES, require


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_are_within_the_ranges(recipe: str) -> None:
    require(RECIPES[recipe].config, "cpu")


@pytest.mark.parametrize("row", RANGES, ids=lambda row: row[0])
def test_both_ends_are_allowed_and_what_lies_beyond_is_not(row: tuple[str, float, float, str]) -> None:
    name, low, high, _ = row
    kind = type(get(Config(), name))
    for value in (low, min(high, 5)):
        if name != "augment.randaugment" or value == 0:
            require(patch(Config(), {name: kind(value)}), "cpu")
    beyond = [kind(low - 1)] + ([kind(high + 1)] if high < float("inf") else [])
    for value in beyond:
        with pytest.raises(ValueError, match=f"^{name} must be .*, not {value:g} \\("):
            require(patch(Config(), {name: value}), "cpu")


def test_settings_that_do_not_go_together_are_refused() -> None:
    twice = {"train.class_weights": "balanced", "train.sampling": "balanced"}
    with pytest.raises(ValueError, match=r"train\.class_weights and train\.sampling each make up"):
        require(patch(Config(), twice), "cpu")
    require(patch(Config(), {"train.precision": "float64"}), "cpu")
    with pytest.raises(ValueError, match="no float64"):
        require(patch(Config(), {"train.precision": "float64"}), "mps")


def test_a_recording_needs_a_compiled_network_on_a_gpu_and_whole_batches() -> None:
    graph = {"train.graph": True, "train.compile": True}
    require(patch(Config(), graph), "cuda")
    for changes, device in (({}, "cpu"), ({"train.compile": False}, "cuda")):
        with pytest.raises(ValueError, match="a compiled network does on a GPU"):
            require(patch(Config(), graph | changes), device)
    with pytest.raises(ValueError, match="summed over 2 parts"):
        require(patch(Config(), graph | {"train.accumulate": 2}), "cuda")
