"""How long does response normalization take, ours against torch's, forward and backward?

    python benchmarks/response_normalization.py

Both in turn, in one process, on 64 x 96 x 27 x 27 float32; medians of 15 rounds and their ratio go to
benchmarks/results/response_normalization.json.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import torch
from torch import nn

from alexnet.device import environment
from alexnet.model.layers import ResponseNormalization

RESULT = Path(__file__).parent / "results" / "response_normalization.json"
ROUNDS = 15


def main() -> None:
    images = torch.randn(64, 96, 27, 27, generator=torch.Generator().manual_seed(0)) * 30
    images.requires_grad_()
    weight = torch.ones_like(images)
    layers = {"ours": ResponseNormalization(), "nn.LocalResponseNorm": nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)}
    seconds: dict[str, list[float]] = {name: [] for name in layers}
    for _ in range(ROUNDS):
        for name, layer in layers.items():
            began = time.perf_counter()
            torch.autograd.grad(layer(images), images, weight)
            seconds[name].append(time.perf_counter() - began)
    found = {
        "shape": list(images.shape),
        "milliseconds": {
            name: {
                "median": round(1e3 * statistics.median(each), 2),
                "low": round(1e3 * min(each), 2),
                "high": round(1e3 * max(each), 2),
            }
            for name, each in seconds.items()
        },
        "times_as_fast": round(
            statistics.median(seconds["nn.LocalResponseNorm"]) / statistics.median(seconds["ours"]), 2
        ),
        "rounds": ROUNDS,
        "environment": environment(),
    }
    RESULT.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    print(f"ours {found['milliseconds']['ours']}, torch's {found['milliseconds']['nn.LocalResponseNorm']} ms")
    print(f"{found['times_as_fast']} times as fast")


if __name__ == "__main__":
    main()
