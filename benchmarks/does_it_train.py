"""Does the published setting train on few classes? Four settings on the same few pictures, loss by epoch.

    python benchmarks/does_it_train.py PICTURES [--limit 320] [--steps 150] [--only NAME ...]

Writes benchmarks/results/does_it_train.json, of which docs/does-it-train.md is made. Each setting is the recipe with the
named settings changed; 224-pixel crops, batch 32.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import alexnet
from alexnet.device import environment

RESULT = Path(__file__).parent / "results" / "does_it_train.json"
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "usual mis-set: scaled input, sd .01, rate .01": (
        "paper",
        {"data.scale": "deviation", "optim.rate": 0.01},
    ),
    "paper as printed, rate .01": ("paper", {"optim.rate": 0.01}),
    "paper with the source's initialization, rate .001": ("paper", {"model.init": "source", "optim.rate": 0.001}),
    "source, rate .001": ("source", {"optim.rate": 0.001}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures")
    parser.add_argument("--limit", type=int, default=320)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SETTINGS))
    options = parser.parse_args()
    epochs = -(-options.steps // -(-options.limit // 32))
    for name in options.only:
        recipe, changes = SETTINGS[name]
        changes = changes | {"train.limit": options.limit, "train.batch": 32, "train.steps": options.steps}
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = alexnet.train(
                options.pictures, out=Path(folder) / "run", recipe=recipe, changes=changes, threads=options.threads
            )
            lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
        losses = [line["train_loss"] for line in lines if line["kind"] == "epoch"]
        found = {
            "recipe": recipe,
            "changes": changes,
            "train_loss_by_epoch": losses,
            "best_train_loss": min(losses),
            "val_top1_error": run.results["scores"][0]["top1_error"],
            "seconds": round(time.monotonic() - began, 1),
        }
        print(f"{name}: best epoch's mean training loss {min(losses):.3f} of {len(losses)} epochs ({epochs} planned)")
        results = json.loads(RESULT.read_text()) if RESULT.exists() else {"settings": {}}
        results["settings"][name] = found
        results["seed"] = 0
        results["pictures"] = {"limit": options.limit, "classes": len(run.classes), "batch": 32, "crop": 224}
        results["environment"] = environment() | {"cores": torch.get_num_threads()}
        RESULT.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
