"""Do unchanged configs still give the recorded numbers? 20 steps in float64 on one thread.

A change that is not meant to compute anything else leaves these losses equal to a billionth. One that is meant to
raises `NUMERICS_VERSION` and writes the new trace with: python -m tests.test_golden
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet import recipes
from alexnet.config import patch
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.training import loop, step

TRACE = Path(__file__).parent / "golden.json"
CHANGES = {
    "model.classes": 3,
    "train.batch": 16,
    "train.epochs": 6,
    "train.steps": 20,
    "train.precision": "float64",
    "augment.colour": "source",
    "optim.rate": 0.002,  # at a recipe's own rate, so few pictures make rounding grow a millionfold in 20 steps
}


def pictures(root: Path) -> PreparedSet:
    random = np.random.default_rng(0)
    for label, name in enumerate(("red", "green", "blue")):
        (root / "in" / name).mkdir(parents=True)
        for number in range(25):
            pixels = random.integers(0, 120, (32, 32, 3))
            pixels[:, :: label + 2, label] += 110
            Image.fromarray(pixels.astype(np.uint8)).save(root / "in" / name / f"{number}.png")
    return prepare(list_source(root / "in"), root / "out", size=32, workers=1)


def trace(recipe: str, root: Path) -> list[float]:
    """The loss of every step."""
    prepared = pictures(root)
    run = root / "run"
    run.mkdir()
    losses: list[float] = []
    before = [0.0, 0.0]

    class Listener:
        def say(self, sentence: str) -> None: ...
        def preparing(self, done: int, total: int) -> None: ...
        def stepped(self, progress: object) -> None: ...
        def epoch_ended(self, row: object) -> None: ...

    original = step.step

    def watched(state: step.State, batch: object, setting: step.Setting) -> None:
        before[:] = [float(state.sums["loss"]), float(state.sums["pictures"])]
        original(state, batch, setting)  # type: ignore[arg-type]
        after = [float(state.sums["loss"]), float(state.sums["pictures"])]
        losses.append((after[0] - before[0]) / (after[1] - before[1]))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    loop.step = watched  # type: ignore[assignment]
    try:
        machine = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="test")
        config = patch(recipes.RECIPES[recipe].config, CHANGES)
        loop.train(config, prepared, run, machine=machine, listener=Listener())
    finally:
        loop.step = original
        torch.set_num_threads(threads)
    return losses


@pytest.mark.parametrize("recipe", ["cifar-18", "quick"])
def test_the_recorded_trace(recipe: str, tmp_path: Path) -> None:
    expected = json.loads(TRACE.read_text())[recipe]
    got = trace(recipe, tmp_path)
    assert len(got) == 20
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9)


if __name__ == "__main__":
    found = {}
    for name in ("cifar-18", "quick"):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = trace(name, Path(folder))
    TRACE.write_text(json.dumps(found, indent=1) + "\n")
