"""How good is a recipe on some pictures, and how long does it take? Whole commands, over seeds.

    python benchmarks/recipe_results.py PICTURES [--recipe NAME] [--seeds 0 1 2] [--flags "--epochs 15"]

Runs `alexnet train` once a seed, as a person would, and adds what came to benchmarks/results/recipe_results.json: errors
with intervals, seconds of training (epochs and validation), seconds of the whole command, machine and versions.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULT = Path(__file__).parent / "results" / "recipe_results.json"


def run(pictures: str, recipe: str | None, seed: int, flags: list[str], keep: Path | None) -> dict[str, Any]:
    """One command, measured from outside."""
    with tempfile.TemporaryDirectory() as folder:
        out = keep / f"seed{seed}" if keep else Path(folder) / "run"
        words = ["train", pictures, "--seed", str(seed), "--out", str(out), "--json", *flags]
        words += ["--recipe", recipe] if recipe else []
        began = time.monotonic()
        done = subprocess.run([sys.executable, "-m", "alexnet", *words], stdout=subprocess.PIPE, text=True, check=True)
        seconds = time.monotonic() - began
        results = json.loads(done.stdout)
        lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
        epochs = [line for line in lines if line["kind"] == "epoch"]
        return {
            "seed": seed,
            "scores": results["scores"],
            "weights": results["weights"],
            "epochs": len(epochs),
            "train_seconds": round(sum(line["seconds"] for line in epochs), 1),
            "command_seconds": round(seconds, 1),
            "settings": {part: results["config"][part] for part in ("data", "augment", "optim", "train")},
            "environment": json.loads((out / "environment.json").read_text()),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--recipe")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--flags", default="", help="further words of `alexnet train`")
    parser.add_argument("--keep", type=Path, help="keep the runs in this folder")
    options = parser.parse_args()
    if options.pictures is None:
        print("recipe_results: name labelled pictures to measure on")
        return
    name = " ".join(
        (Path(options.pictures).name, options.recipe or "(nothing named)", *shlex.split(options.flags))
    ).strip()
    for seed in options.seeds:
        found = run(options.pictures, options.recipe, seed, shlex.split(options.flags), options.keep)
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        runs = [one for one in results.get(name, []) if one["seed"] != seed] + [found]
        results[name] = sorted(runs, key=lambda one: int(one["seed"]))
        RESULT.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
        print(f"{name}, seed {seed}: {found['scores'][0]['top1_error']}, {found['train_seconds']} s", flush=True)
    errors = [one["scores"][0]["top1_error"]["value"] for one in results[name]]
    spread = f", deviation {statistics.stdev(errors):.2f}" if len(errors) > 1 else ""
    print(f"{name}: mean top-1 error {statistics.mean(errors):.2f}% over {len(errors)} seeds{spread}")


if __name__ == "__main__":
    main()
