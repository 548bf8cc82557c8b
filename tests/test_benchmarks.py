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
        ("verdicts", "verdicts.md"),
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


def test_the_page_of_claims_is_made_of_the_claims_and_the_kept_studies() -> None:
    benchmark = module("claims")
    kept = benchmark.studies()
    assert (ROOT / "docs" / "claims.md").read_text() == benchmark.page(kept), "python benchmarks/claims.py --page"


def test_a_kept_study_is_shown_with_all_its_verdicts(monkeypatch: pytest.MonkeyPatch) -> None:
    from made_up_study import CLAIMS, study

    benchmark = module("claims")
    monkeypatch.setattr(benchmark, "CLAIMS", dict(benchmark.CLAIMS) | CLAIMS)
    made = study(cost={"training_seconds": 7_200.0, "runs": 20, "machine": "Some Processor", "torch": "2.13.0"})
    kept = benchmark.study_of(json.loads(json.dumps(made.to_dict())))
    assert kept == made
    page = benchmark.page([kept])
    for said in (
        made.command,
        "3 supported, 1 not supported, 2 inconclusive, 1 not run",
        "| overlapping-pooling | pools of 2/2 | +0.40 | +0.31 | [−0.40, +1.02] | inconclusive |",
        "30.41% (0.37) | 30.10% (0.30) | 3 | +0.31 points [−0.40, +1.02]",
        "inconclusive (about 21 seeds)",
        "not run: it needs other pictures",
        "Cost: 2.0 hours of training in 20 runs, one after another; Some Processor, 2.13.0.",
        "- **Log**: #148 42.03/19.36, #145 40.66/18.21: 1.37/1.15",
        "- **Correction**: It is the time to a training error",
    ):
        assert said in page, said


def test_the_time_to_an_error_is_that_of_the_first_epoch_at_or_below_it() -> None:
    benchmark = module("time_to_error")
    errors = [40.0, 26.0, 27.0, 25.0]
    rows = [{"epoch": n + 1, "val_top1_error": error, "seconds": 10.0} for n, error in enumerate(errors)]
    found = benchmark.reached(rows, [12.0, 24.0, 36.0, 48.0], 26.0)
    assert (found["epoch"], found["training_seconds"], found["wall_seconds"]) == (2, 20.0, 24.0)
    assert (found["epochs"], found["final_top1_error"], found["final_training_seconds"]) == (4, 25.0, 40.0)
    never = benchmark.reached(rows, [12.0, 24.0, 36.0, 48.0], 24.9)
    assert (never["epoch"], never["training_seconds"], never["wall_seconds"]) == (None, None, None)


def test_the_test_pictures_are_looked_at_while_a_run_goes_on(tmp_path: Path, picture_folder: Path) -> None:
    """Without a picture of train being held back."""
    import shutil

    from alexnet.data.prepared import open_prepared

    benchmark = module("time_to_error")
    for split, folder in (("train", "circle"), ("train", "square"), ("test", "circle"), ("test", "square")):
        shutil.copytree(picture_folder / folder, tmp_path / "set" / split / folder)
    prepared = open_prepared(
        benchmark.prepared_for(str(tmp_path / "set"), benchmark.GOALS["cifar-26"], tmp_path / "made")
    )
    assert len(prepared.rows("train")) == len(prepared.selecting) > 40


def test_the_rule_of_the_verdict_keeps_its_rate_in_every_setting() -> None:
    """Beyond chance: three standard errors of a rate of 5%, in the worst of all rows."""
    benchmark = module("verdicts")
    results = json.loads(benchmark.RESULT.read_text())
    most = 5 + 3 * 100 * (0.05 * 0.95 / results["studies"]) ** 0.5
    assert {row["setting"] for row in results["rates"]} == set(benchmark.SETTINGS)
    for row in results["rates"]:
        assert max(row["null"]["the rule"], *row["mixed"].values()) <= most, row
    assert all(one["decided"] >= 80 - 3 for one in results["settled"])
