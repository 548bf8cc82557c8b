"""Does the published setting train on few classes? Four settings on the same few pictures, loss by epoch.

    python benchmarks/does_it_train.py PICTURES [--only NAME ...]     trains, and writes the results and the page
    python benchmarks/does_it_train.py --page                          writes the page from the results alone

Results: benchmarks/results/does_it_train.json; page: docs/does-it-train.md. Each setting is the recipe with the named
settings changed; 224-pixel crops, batch 32, 15 epochs of 10 steps; one run each, seed 0.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent
RESULT = ROOT / "results" / "does_it_train.json"
PAGE = ROOT.parent / "docs" / "does-it-train.md"
LIMIT, STEPS = 320, 150
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "usual mis-set: input divided by its deviation, rate .01": (
        "paper",
        {"data.scale": "deviation", "optim.rate": 0.01, "optim.bound": False},
    ),
    "`paper` as printed, rate .01": ("paper", {"optim.rate": 0.01, "optim.bound": False}),
    "`paper` with the source's initialization, rate .001": ("paper", {"model.init": "source", "optim.rate": 0.001}),
    "`source`, rate .001": ("source", {"optim.rate": 0.001}),
}

TEXT = """\
# Does it train?

"AlexNet does not train" is among the oldest questions asked of every re-implementation: the loss sits at the logarithm
of the number of classes and stays there. Two separate faults hide behind it, and the page shows them apart.

**Input scale against initialization.** Weights drawn with a standard deviation of .01 are meant for pictures on the
0-255 scale with only the mean subtracted (section 2). Divide the pictures by their deviation too, as is usual today,
and each of five convolutions and two dense layers shrinks what is left: the outputs hardly depend on the picture.
The 2012 program, which draws the third to fifth convolution with .03, starts with a far livelier output than the text.

**Rate against the number of classes.** The hidden units start near their bias of 1, so the output layer sees an input
of large norm, and the curvature of the loss in its weights is about that norm squared times p (1 - p), with p one over
the number of classes. Momentum descent is stable only below 2 (1 + momentum) / curvature. The published rate of .01 was
chosen for 1,000 classes; with ten it is at the edge from the first step.

## Measured

{pictures} training pictures of {classes} classes, 224-pixel crops, batch {batch}, {epochs} epochs of 10 steps, one run
each with seed {seed}. ln({classes}) = {chance:.3f} is the loss of saying the same of every picture. Numbers are mean
training losses of an epoch.

| setting | epoch 1 | 2 | 3 | 5 | 8 | 11 | 15 | best | logit deviation at the start | |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
{rows}

The rate of .01 is the one these runs begin with: the paper's schedule divides it by ten where validation stops
improving, as it did in the two runs that were stuck at .01. The logit deviation is that of an output across pictures,
before any training. Made by `python benchmarks/does_it_train.py PICTURES` on {machine},
torch {torch}, {minutes:.0f} minutes.

## What the package does about it

It measures the largest Gauss-Newton eigenvalue of the whole network at the start, on one batch, and lowers the rate of
the first step to a tenth of the stability bound, rounded to 1, 2 or 5 times a power of ten: only if you gave no rate
yourself, and it says so. If you did, it warns. (`--optim.no-bound` switches it off; recipes that warm up through batch
normalization do not use it.)

| table | classes | curvature | stable below | a tenth, rounded | the recipe's rate becomes |
| --- | --- | --- | --- | --- | --- |
{bounds}
"""


def train(pictures: str, names: list[str], threads: int) -> None:
    import alexnet
    from alexnet.device import environment

    for name in names:
        recipe, changes = SETTINGS[name]
        changes = changes | {"train.limit": LIMIT, "train.batch": 32, "train.steps": STEPS}
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = alexnet.train(pictures, out=Path(folder) / "run", recipe=recipe, changes=changes, threads=threads)
            lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
            found = {
                "recipe": recipe,
                "changes": changes,
                "train_loss_by_epoch": [line["train_loss"] for line in lines if line["kind"] == "epoch"],
                "val_top1_error": run.results["scores"][0]["top1_error"],
                "logit_deviation": start(run.data(), run.config)["logit_deviation"],
                "seconds": round(time.monotonic() - began, 1),
            }
            print(f"{name}: best epoch's mean training loss {min(found['train_loss_by_epoch']):.3f}", flush=True)
            keep("settings", name, found, environment(), len(run.classes))


def bounds(pictures: str) -> None:
    """Curvature at the start of both networks with 10 and with 1,000 classes, on the same 32 pictures."""
    from alexnet.config import patch
    from alexnet.data.cache import prepare_cached
    from alexnet.data.sources import list_source
    from alexnet.device import environment
    from alexnet.recipes import RECIPES
    from alexnet.training.bound import safe_rate, stable_rate

    data = prepare_cached(list_source(pictures), size=256)
    for name in ("paper", "source"):
        for classes in (10, 1000):
            config = patch(RECIPES[name].config, {"model.classes": classes})
            curvature = start(data, config, classes, curvature=True)["curvature"]
            row = {
                "curvature": curvature,
                "stable": stable_rate(curvature, config.optim.momentum),
                "safe": safe_rate(curvature, config.optim.momentum),
            }
            print(name, classes, row, flush=True)
            keep("bounds", f"{name} {classes}", row, environment(), len(data.classes))


def start(data: Any, config: Any, classes: int = 0, curvature: bool = False) -> dict[str, float]:
    """What a network says of 32 training pictures before any training."""
    import torch

    from alexnet import draws
    from alexnet.data.preprocess import Preprocess
    from alexnet.training.begin import build
    from alexnet.training.bound import largest_curvature

    rows = data.rows("train")
    chosen = rows[draws.order(0, 1, len(rows))[:32].numpy()]
    border = (data.size - config.augment.crop) // 2
    inner = slice(border, border + config.augment.crop)
    preprocess = Preprocess.fitted(data.statistics(), config.data, config.augment)
    images = preprocess(torch.from_numpy(data.gather(chosen))[:, :, inner, inner])
    network = build(config, classes or len(data.classes))
    if curvature:
        return {"curvature": largest_curvature(network, images, draws.keys(0, 1, torch.from_numpy(chosen)))}
    with torch.no_grad():
        return {"logit_deviation": float(network.eval()(images).std(0).mean())}


def keep(part: str, name: str, found: dict[str, Any], environment: dict[str, Any], classes: int) -> None:
    """Put one finding into the results' file."""
    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    results.setdefault(part, {})[name] = found
    results |= {"pictures": LIMIT, "classes": classes, "batch": 32, "seed": 0, "environment": environment}
    RESULT.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")


def page(results: dict[str, Any]) -> str:
    """docs/does-it-train.md from the results."""
    import math

    chance = math.log(results["classes"])
    rows, marks = [], (1, 2, 3, 5, 8, 11, 15)
    for name in SETTINGS:
        found = results["settings"][name]
        losses = found["train_loss_by_epoch"]
        early = min(losses[:10])  # before the plateau schedule has lowered the rate
        late = "stuck" if min(losses) > chance - 0.02 else "stuck until the rate fell"
        verdict = "learns" if early < chance - 0.02 else late
        cells = [f"{losses[epoch - 1]:.3f}" for epoch in marks]
        deviation = f"{found['logit_deviation']:.2g}"
        rows.append(f"| {name} | {' | '.join(cells)} | {min(losses):.3f} | {deviation} | **{verdict}** |")
    limits = []
    for name, row in results["bounds"].items():
        table, classes = name.split()
        rate = f"{min(0.01, row['safe']):g}"
        limits.append(
            f"| `{table}` | {int(classes):,} | {row['curvature']:.3g} | {row['stable']:.2g} "
            f"| {row['safe']:g} | {rate} |"
        )
    return TEXT.format(
        **{key: results[key] for key in ("pictures", "classes", "batch", "seed")},
        epochs=STEPS * 32 // results["pictures"],
        chance=chance,
        rows="\n".join(rows),
        bounds="\n".join(limits),
        machine=f"{results['environment']['processor']}, {results['environment']['instruction_set']}",
        torch=results["environment"]["torch"],
        minutes=sum(found["seconds"] for found in results["settings"].values()) / 60,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="?")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if not options.page:
        if options.pictures is None:
            print("does_it_train: name a folder of labelled pictures to measure on, or --page to write the page alone")
            return
        bounds(options.pictures)
        train(options.pictures, options.only, options.threads)
    PAGE.write_text(page(json.loads(RESULT.read_text())))
    print(f"wrote {PAGE.relative_to(ROOT.parent)}")


if __name__ == "__main__":
    main()
