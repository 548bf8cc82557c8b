"""Do the pages of measured numbers say what the results' files hold?"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[name] = found  # dataclasses look their module up
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("does_it_train", "does-it-train.md"),
        ("recipe_results", "recipes.md"),
        ("doctor", "doctor.md"),
        ("additions", "additions.md"),
    ],
)
def test_a_page_is_made_of_its_results(name: str, page: str) -> None:
    benchmark = module(name)
    results = json.loads(benchmark.RESULT.read_text())
    assert (ROOT / "docs" / page).read_text() == benchmark.page(results), f"python benchmarks/{name}.py --page"


def test_the_settings_that_were_shown_are_those_that_were_run() -> None:
    benchmark = module("does_it_train")
    results = json.loads(benchmark.RESULT.read_text())["settings"]
    assert set(results) == set(benchmark.SETTINGS)
    for name, (recipe, changes) in benchmark.SETTINGS.items():
        assert results[name]["recipe"] == recipe
        assert changes.items() <= results[name]["changes"].items()
        assert len(results[name]["train_loss_by_epoch"]) == benchmark.STEPS * 32 // benchmark.LIMIT


def test_every_fault_put_in_was_named_and_nothing_of_healthy_runs() -> None:
    benchmark = module("doctor")
    results = json.loads(benchmark.RESULT.read_text())
    for name, case in benchmark.FAULTS.items():
        assert case.expected in [one["fault"] for one in results["faults"][name]["said"]], name
    for name in benchmark.HEALTHY:
        assert results["healthy"][name]["said"] == [], name
