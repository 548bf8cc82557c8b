"""Do normalization, mixed pictures and class weights do what they should? Each against its absence, over seeds.

    python benchmarks/additions.py PICTURES [--only normalization mixing imbalance] [--seeds 0 1 2] [--threads 1]
    python benchmarks/additions.py --page        writes docs/additions.md from the results alone

PICTURES is any source with a train and a test split. Every run is `alexnet.train` with the changes shown; errors are
top-1 on test, centre crop. Adds what came to benchmarks/results/additions.json with machine and versions; what is
there already is not run again.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import alexnet
from alexnet import draws
from alexnet.data.sources import list_source

RESULT = Path(__file__).parent / "results" / "additions.json"
PAGE = Path(__file__).parent.parent / "docs" / "additions.md"
#: Two-sided 95% point of Student's t by degrees of freedom.
STUDENT = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
#: Pictures of the most and the least frequent class of the unbalanced part; geometric in between.
MOST, LEAST = 1000, 20


@dataclass(frozen=True, kw_only=True)
class Question:
    """Settings to compare on the same pictures."""

    text: str
    recipe: str
    unbalanced: bool = False
    always: Mapping[str, Any]
    settings: Mapping[str, Mapping[str, Any]]
    """By name; the first is what the others are compared with."""


_NORMS = {"none": "none", "response normalization": "response", "batch normalization": "batch"}
QUESTIONS = {
    "normalization": Question(
        text="Normalization, at two rates: the network `cifar-26` on 5,000 training pictures, 10 epochs",
        recipe="cifar-26",
        always={"train.limit": 5_000, "train.epochs": 10, "optim.schedule": "cosine", "optim.bound": False},
        settings={
            f"{name}, rate {rate:g}": {"model.norm": norm, "optim.rate": rate}
            for rate in (0.001, 0.01)
            for name, norm in _NORMS.items()
        },
    ),
    "mixing": Question(
        text="Mixed pictures: the recipe `quick` on 2,500 training pictures, 40 epochs",
        recipe="quick",
        always={"train.limit": 2_500, "train.epochs": 40, "train.batch": 64, "optim.rate": 0.05},
        settings={
            "neither": {},
            "MixUp 1": {"augment.mixup": 1.0},
            "CutMix 1": {"augment.cutmix": 1.0},
        },
    ),
    "imbalance": Question(
        text=f"An unbalanced training set ({MOST:,} pictures of the most frequent class to {LEAST} of the least), a "
        "balanced test set: the recipe `quick`, 20 epochs",
        recipe="quick",
        unbalanced=True,
        always={"train.epochs": 20, "train.batch": 64, "optim.rate": 0.05, "data.all_of_train": True},
        settings={
            "nothing": {},
            "class weights": {"train.class_weights": "balanced"},
            "logit adjustment 1": {"train.logit_adjustment": 1.0},
        },
    ),
}


def unbalanced(source: str, folder: Path) -> Path:
    """Copies of a source's pictures as train/ and test/ folders, fewer and fewer training pictures from class to
    class."""
    listing = list_source(source)
    reader = listing.reader()
    order = draws.order(0, 0, len(listing)).numpy()
    labels, splits = listing.labels[order], listing.splits[order]
    for label, name in enumerate(listing.classes):
        wanted = round(MOST * (LEAST / MOST) ** (label / max(1, len(listing.classes) - 1)))
        for split, rows in (
            ("train", order[(labels == label) & (splits == 0)][:wanted]),
            ("test", order[(labels == label) & (splits == 2)]),
        ):
            (folder / split / name).mkdir(parents=True)
            for row in np.sort(rows).tolist():
                (folder / split / name / f"{row}.jpg").write_bytes(reader.read(row))
    return folder


def measure(source: str, question: Question, changes: Mapping[str, Any], seed: int, threads: int) -> dict[str, Any]:
    """One run: its test error in percent, and what it cost."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run = alexnet.train(
            source,
            out=Path(folder) / "run",
            recipe=question.recipe,
            changes=dict(question.always) | dict(changes) | {"train.seed": seed},
            threads=threads,
        )
        lines = (Path(folder) / "run" / "metrics.jsonl").read_text().splitlines()
        epochs = [line for line in map(json.loads, lines) if line["kind"] == "epoch"]
        scores = next(one for one in run.results["scores"] if one["protocol"] == "centre")
        with open(Path(folder) / "run" / "per_class.csv", newline="") as file:
            recalls = [float(row["recall"]) for row in csv.DictReader(file)]
        return {
            "seed": seed,
            "changes": dict(question.always) | dict(changes),
            "split": scores["split"],
            "n": scores["n"],
            "top1_error": scores["top1_error"]["value"],
            "train_top1_error": epochs[-1]["train_top1_error"],
            "later_half_error": 100 - 100 * statistics.mean(recalls[len(recalls) // 2 :]),
            "seconds": round(time.monotonic() - began, 1),
            "environment": json.loads((Path(folder) / "run" / "environment.json").read_text()),
        }


def difference(ours: list[dict[str, Any]], theirs: list[dict[str, Any]], key: str) -> tuple[float, float]:
    """Mean over common seeds of ours minus theirs, points of error, and half of its 95% interval (Student's t)."""
    before = {one["seed"]: one[key] for one in theirs}
    gaps = [one[key] - before[one["seed"]] for one in ours if one["seed"] in before]
    if len(gaps) < 2:
        return (gaps or [float("nan")])[0], float("inf")
    return statistics.mean(gaps), STUDENT[len(gaps) - 1] * statistics.stdev(gaps) / len(gaps) ** 0.5


def verdict(gap: float, half: float) -> str:
    """In a word, whether an interval lies on one side of no difference."""
    if gap + half < 0:
        return "fewer errors"
    return "more errors" if gap - half > 0 else "not told apart"


def page(results: Mapping[str, Any]) -> str:
    """docs/additions.md from the results."""
    parts = [
        "# Normalization, mixed pictures, unbalanced classes: measured\n",
        "Top-1 error in percent on test by the centre crop: mean and standard deviation over seeds. The difference is "
        "that to the\nfirst row over the same seeds, in points, with its 95% interval (Student's t). Training error is "
        "that of the last epoch as\nit was trained, augmentation and mixing included.\n",
    ]
    for name, question in QUESTIONS.items():
        found = results.get(name)
        if not found:
            continue
        first = found["settings"][next(iter(question.settings))]
        shown = ", ".join(f"`{key}={value}`" for key, value in question.always.items())
        parts.append(
            f"## {question.text}\n\nPictures: {found['pictures']}, {first[0]['n']:,} of them to test; {shown}.\n"
        )
        parts += _table(question, found["settings"])
        seeds = ", ".join(str(one["seed"]) for one in first)
        machine = first[0]["environment"]
        parts.append(
            f"\nSeeds {seeds}. {machine['processor']}, {machine['threads']} thread(s), {machine['instruction_set']}, "
            f"torch {machine['torch']}.\n"
        )
    parts.append("Made by `python benchmarks/additions.py`; the figures are in `benchmarks/results/additions.json`.")
    return "\n".join(parts) + "\n"


def _table(question: Question, settings: Mapping[str, list[dict[str, Any]]]) -> list[str]:
    """The rows of a question's Markdown table."""
    errors = {"top1_error": "test error"}
    if question.unbalanced:
        errors["later_half_error"] = "error of the rarer half of the classes"
    columns = [head for title in errors.values() for head in (title, "difference", "verdict")]
    rows = [f"| setting | {' | '.join(columns)} | training error |", f"| --- |{' --- |' * (len(columns) + 1)}"]
    first = settings[next(iter(question.settings))]
    for setting in question.settings:
        runs = settings.get(setting, [])
        if not runs:
            continue
        cells = [setting]
        for key in errors:
            cells += [_spread([one[key] for one in runs]), *_against(runs, first, key)]
        cells.append(f"{statistics.mean(one['train_top1_error'] for one in runs):.1f}")
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _spread(values: list[float]) -> str:
    return f"{statistics.mean(values):.1f}" + (f" ({statistics.stdev(values):.1f})" if len(values) > 1 else "")


def _against(runs: list[dict[str, Any]], first: list[dict[str, Any]], key: str) -> tuple[str, str]:
    """The difference to the first setting with its interval, and the verdict."""
    if runs is first:
        return "", ""
    gap, half = difference(runs, first, key)
    if math.isinf(half):
        return f"{gap:+.1f} (one seed)", ""
    return f"{gap:+.1f} [{gap - half:+.1f}, {gap + half:+.1f}]", verdict(gap, half)


def keep(name: str, pictures: str, setting: str, run: dict[str, Any]) -> None:
    """Add one run to the results' file, in place of an earlier one of its seed."""
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    place = results.setdefault(name, {"pictures": pictures, "settings": {}})
    place["pictures"] = pictures
    others = [one for one in place["settings"].get(setting, []) if one["seed"] != run["seed"]]
    place["settings"][setting] = sorted([*others, run], key=lambda one: int(one["seed"]))
    RESULT.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def done(name: str, setting: str, question: Question, seed: int) -> bool:
    """Whether the results hold this run already, with the same changes."""
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    runs = results.get(name, {}).get("settings", {}).get(setting, [])
    changes = dict(question.always) | dict(question.settings[setting])
    return any(one["seed"] == seed and one["changes"] == changes for one in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--only", nargs="*", choices=list(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if options.page:
        PAGE.write_text(page(json.loads(RESULT.read_text())))
        print(f"wrote docs/{PAGE.name}")
        return
    if options.pictures is None:
        print("additions: name pictures with a train and a test split to measure on, or --page to write the page alone")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            question = QUESTIONS[name]
            source = options.pictures
            if question.unbalanced:
                source = str(unbalanced(options.pictures, Path(folder) / "unbalanced"))
            for seed in options.seeds:
                for setting, changes in question.settings.items():
                    if done(name, setting, question, seed):
                        continue
                    run = measure(source, question, changes, seed, options.threads)
                    keep(name, Path(options.pictures).name, setting, run)
                    print(f"{name}, {setting}, seed {seed}: {run['top1_error']:.2f}%, {run['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
