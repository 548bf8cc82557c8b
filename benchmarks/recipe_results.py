"""How good is a recipe on some pictures, and how long does it take? Whole commands, over seeds.

    python benchmarks/recipe_results.py PICTURES [--recipe NAME] [--seeds 0 1 2] [--flags "--epochs 15"]
    python benchmarks/recipe_results.py --page        writes docs/recipes.md from the results alone

Runs `alexnet train` once a seed, as a person would, and adds what came to benchmarks/results/recipe_results.json:
errors with intervals, seconds of training (epochs and validation), seconds of the whole command, machine and versions.
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
PAGE = Path(__file__).parent.parent / "docs" / "recipes.md"
TEXT = """\
# What the recipes reach

Measured with whole commands, as a person types them. Errors are in percent, with the 95% interval of one run; where
there are several seeds, the mean and the standard deviation over seeds. Time is that of training and validating, on the
machine named below the table.

| pictures | command | seeds | top-1 error, centre crop | ten views | epochs | minutes |
| --- | --- | --- | --- | --- | --- | --- |
{rows}

{machine}

- `cifar10` is CIFAR-10 from JPEG re-encodings: 50,000 training pictures, a class-balanced 8,000 of the 10,000 test
  pictures. Errors are a little above those of the lossless originals.
- `clothing` is 1,100 training and 476 validation photographs of ten kinds of clothes (the public
  clothing-dataset-small, cut to 110 a class). Where the validation pictures also chose the best epoch, it says so.
- `alexnet train cifar10` ran beside other work for its first two thirds; half of its epochs took 29 seconds or less,
  and thirty of those are 14 minutes.
- Commands with `--threads 1` had one core of two while others used the other, so their minutes are an upper bound.
- Published for the two nets of 2011 on the originals: 26% for `cifar-26`, 18% for `cifar-18` after its full schedule of
  140 epochs.

Made by `python benchmarks/recipe_results.py`; the figures are in `benchmarks/results/recipe_results.json`.
"""


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


def page(results: dict[str, list[dict[str, Any]]]) -> str:
    """docs/recipes.md from the results."""
    rows, machines = [], set()
    for name, runs in results.items():
        pictures, rest = name.split(" ", 1)
        named = not rest.startswith("(nothing named)")
        rest = f"--recipe {rest}" if named else rest.removeprefix("(nothing named)").strip()
        words = f"alexnet train {pictures} {rest}".strip()
        cells = []
        for protocol in ("centre", "ten"):
            errors = [s["top1_error"] for one in runs for s in one["scores"] if s["protocol"] == protocol]
            if not errors:
                cells.append("")
            elif len(errors) == 1:
                cells.append("{value:.1f} [{low:.1f}, {high:.1f}]".format(**errors[0]))
            else:
                values = [error["value"] for error in errors]
                each = ", ".join(f"{value:.1f}" for value in values)
                cells.append(f"{statistics.mean(values):.1f} (deviation {statistics.stdev(values):.1f}: {each})")
        split = runs[0]["scores"][0]
        where = f"on {split['split']}, n = {split['n']:,}" + (f"; {split['note']}" if split.get("note") else "")
        seeds = ", ".join(str(one["seed"]) for one in runs)
        minutes = statistics.mean(one["train_seconds"] for one in runs) / 60
        columns = (
            pictures,
            f"`{words}`",
            seeds,
            f"{cells[0]} {where}",
            cells[1],
            str(runs[0]["epochs"]),
            f"{minutes:.1f}",
        )
        rows.append(f"| {' | '.join(columns)} |")
        for one in runs:
            found = one["environment"]
            machines.add(
                f"{found['processor']}, {found['threads']} threads, {found['instruction_set']}, torch {found['torch']}"
            )
    return TEXT.format(rows="\n".join(rows), machine="Machine: " + "; ".join(sorted(machines)) + ".")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--recipe")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--flags", default="", help="further words of `alexnet train`")
    parser.add_argument("--keep", type=Path, help="keep the runs in this folder")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if options.page:
        PAGE.write_text(page(json.loads(RESULT.read_text())))
        print(f"wrote docs/{PAGE.name}")
        return
    if options.pictures is None:
        print("recipe_results: name labelled pictures to measure on, or --page to write the page alone")
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
