"""How long does a training take to an error that was published? Recipes on CIFAR-10, over seeds.

    python benchmarks/time_to_error.py PICTURES [--only cifar-26 cifar-18 quick-90 quick-94] [--seeds 0 1 2]

PICTURES is any source with a train and a test split. Each run is `alexnet.train` with a recipe on all of train; the
test pictures are looked at after every epoch, and the time to the first epoch at or below the goal is told twice:
seconds of training alone, and by the clock on the wall with the looking, the saving and the making of the network. The
decoding of the pictures is not in it. Adds what came to benchmarks/results/time_to_error.json with machine and
versions; what is there already, with the same settings and the same machine, is not run again.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import alexnet
from alexnet.data.prepare import prepare
from alexnet.data.sources import list_source
from alexnet.data.split import ROLES
from alexnet.recipes import RECIPES
from alexnet.training.listener import Silent

RESULT = Path(__file__).parent / "results" / "time_to_error.json"


@dataclass(frozen=True, kw_only=True)
class Goal:
    """An error to reach, and with what."""

    recipe: str
    error: float
    """Top-1 on test, centre crop, percent."""
    published: str
    """Who reached it before, and how fast."""
    changes: Mapping[str, Any] = field(default_factory=dict)


GOALS = {
    "cifar-26": Goal(recipe="cifar-26", error=26.0, published="cuda-convnet, one GPU of 2011: 80 seconds"),
    "cifar-18": Goal(recipe="cifar-18", error=18.0, published="cuda-convnet, one GPU of 2011: 20 minutes"),
    "quick-90": Goal(recipe="quick", error=10.0, published="no figure of that time"),
    "quick-94": Goal(recipe="quick", error=6.0, published="airbench on one A100, original pictures: 3.3 seconds"),
}


class Watch(Silent):
    """Notes by the wall when each epoch ended."""

    def __init__(self) -> None:
        self.ended: list[float] = []
        self.began = time.monotonic()

    def epoch_ended(self, row: Mapping[str, object]) -> None:
        self.ended.append(time.monotonic() - self.began)


def prepared_for(source: str, goal: Goal, folder: Path) -> Path:
    """The pictures, decoded once, with the test pictures where they are looked at after every epoch."""
    config = RECIPES[goal.recipe].config
    out = folder / f"{config.data.size}-{config.data.fit}"
    if not out.exists():
        listing = list_source(source)
        if not (listing.splits == ROLES["test"]).any():
            raise SystemExit(f"time_to_error: {source} names no test split")
        splits = np.where(listing.splits == ROLES["test"], ROLES["val"], listing.splits).astype(np.int8)
        prepare(dataclasses.replace(listing, splits=splits), out, size=config.data.size, fit=config.data.fit)
    return out


def measure(pictures: Path, goal: Goal, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One run: when it reached the goal, if it did, and where it ended."""
    changes = changes_of(goal, options) | {"train.seed": seed}
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch()
        out = Path(folder) / "run"
        alexnet.train(
            pictures,
            out=out,
            recipe=goal.recipe,
            changes=changes,
            device=options.device,
            threads=options.threads,
            listener=watch,
            save_every=1e9,
        )
        lines = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
        epochs = [line for line in lines if line["kind"] == "epoch"]
        environment = json.loads((out / "environment.json").read_text())
    return reached(epochs, watch.ended, goal.error) | {
        "seed": seed,
        "changes": changes,
        "environment": environment,
    }


def reached(epochs: list[dict[str, Any]], ended: list[float], error: float) -> dict[str, Any]:
    """The first epoch at or below an error, and its times; None where no epoch was."""
    first = next((place for place, row in enumerate(epochs) if row["val_top1_error"] <= error), None)
    times: dict[str, Any] = {"epoch": None, "training_seconds": None, "wall_seconds": None}
    if first is not None:
        times = {
            "epoch": epochs[first]["epoch"],
            "training_seconds": round(sum(row["seconds"] for row in epochs[: first + 1]), 2),
            "wall_seconds": round(ended[first], 2),
        }
    return times | {
        "epochs": len(epochs),
        "final_top1_error": epochs[-1]["val_top1_error"],
        "final_training_seconds": round(sum(row["seconds"] for row in epochs), 2),
        "final_wall_seconds": round(ended[-1], 2),
        "error_by_epoch": [round(row["val_top1_error"], 3) for row in epochs],
    }


def changes_of(goal: Goal, options: argparse.Namespace) -> dict[str, Any]:
    """Settings beside the recipe's: nothing is carved out of train, and what the command asks for."""
    changes = {"data.all_of_train": False, "train.precision": options.precision} | dict(goal.changes)
    return changes | ({"train.epochs": options.epochs} if options.epochs else {})


def place_of(run: Mapping[str, Any]) -> tuple[Any, ...]:
    """What tells two runs apart: seed, settings, machine."""
    where = run["environment"]
    machine = where["gpu"] or f"{where['processor']}, {where['threads']} threads"
    return run["seed"], json.dumps(run["changes"], sort_keys=True), machine


def keep(name: str, pictures: str, run: dict[str, Any]) -> None:
    """Add one run to the results' file, in place of an earlier one of the same seed, settings and machine."""
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    goal = GOALS[name]
    place = results.setdefault(name, {"runs": []})
    place |= {"recipe": goal.recipe, "goal": goal.error, "published": goal.published, "pictures": pictures}
    place["split"] = "test, also looked at after every epoch"
    place["protocol"] = "centre"
    others = [one for one in place["runs"] if place_of(one) != place_of(run)]
    place["runs"] = sorted([*others, run], key=lambda one: tuple(map(str, place_of(one))))
    RESULT.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def done(name: str, seed: int, options: argparse.Namespace) -> bool:
    """Whether the results hold this run already, from this machine."""
    from alexnet import device

    machine = device.choose(options.device, options.threads)
    here = device.environment() | ({"gpu": None} if machine.device == "cpu" else {})
    wanted = {"seed": seed, "changes": changes_of(GOALS[name], options) | {"train.seed": seed}, "environment": here}
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    return any(place_of(one) == place_of(wanted) for one in results.get(name, {}).get("runs", []))


def said(run: Mapping[str, Any], goal: Goal) -> str:
    """One run in words."""
    if run["epoch"] is None:
        when = f"{goal.error:g}% was not reached in {run['epochs']} epochs"
    else:
        when = (
            f"{goal.error:g}% after epoch {run['epoch']}, {run['training_seconds']:.1f} s of training, "
            f"{run['wall_seconds']:.1f} s by the wall"
        )
    return f"{when}; {run['final_top1_error']:.2f}% at the end, {run['final_training_seconds']:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("--only", nargs="*", choices=list(GOALS), default=list(GOALS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=0, help="instead of the recipe's")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            goal, times = GOALS[name], []
            for seed in options.seeds:
                if done(name, seed, options):
                    continue
                run = measure(prepared_for(options.pictures, goal, Path(folder)), goal, seed, options)
                keep(name, Path(options.pictures).name, run)
                times.append(run["training_seconds"])
                print(f"{name}, seed {seed}: {said(run, goal)}", flush=True)
            if len(times) > 1 and None not in times:
                print(f"{name}: {statistics.mean(times):.1f} s of training ({statistics.stdev(times):.1f})")


if __name__ == "__main__":
    main()
