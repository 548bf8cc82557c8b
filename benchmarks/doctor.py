"""What does the doctor say of faults put in on purpose, when, and what of healthy runs? One short run each.

    python benchmarks/doctor.py [--only NAME ...]     runs them, and writes the results and the page
    python benchmarks/doctor.py --page                writes the page from the results alone

Results: benchmarks/results/doctor.json; page: docs/doctor.md. Pictures: the embedded digits, and some made on the spot.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

if TYPE_CHECKING:
    from alexnet.data.prepared import PreparedSet
    from alexnet.model.network import AlexNet

ROOT = Path(__file__).parent
RESULT = ROOT / "results" / "doctor.json"
PAGE = ROOT.parent / "docs" / "doctor.md"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run with a fault put in, or a healthy one."""

    what: str
    """In words, for the page."""
    expected: str = ""
    """The fault that should be named; nothing of a healthy run."""
    recipe: str = "cifar-26"
    changes: dict[str, Any] = field(default_factory=dict)
    pictures: str = "digits"
    """Name of a function below that makes the prepared set."""
    spoil: Callable[[AlexNet], None] | None = None
    """Done to the network before it starts."""


def scale_weights(layers: tuple[str, ...], factor: float) -> Callable[[AlexNet], None]:
    def spoil(network: AlexNet) -> None:
        for layer in layers:
            network.get_submodule(layer).weight.data.mul_(factor)  # type: ignore[union-attr, operator]

    return spoil


def set_bias(layer: str, value: float) -> Callable[[AlexNet], None]:
    def spoil(network: AlexNet) -> None:
        network.get_submodule(layer).bias.data.fill_(value)  # type: ignore[union-attr, operator]

    return spoil


SMALL = {"data.all_of_train": False, "train.batch": 64, "train.steps": 150}
LONG = SMALL | {"train.steps": 400}
FAULTS = {
    "deviation": Case(
        what="pictures divided by their deviation, weights drawn for 0-255",
        expected="input scale",
        changes=SMALL | {"data.scale": "deviation"},
    ),
    "he on raw": Case(
        what="He's weights under pictures on the 0-255 scale",
        expected="start too large",
        changes=SMALL | {"model.init": "he"},
    ),
    "rate high": Case(
        what="`quick` without its normalization at ten times the bound, tanh",
        expected="rate too high",
        recipe="quick",
        pictures="stripes",
        changes={
            "model.norm": "none",
            "model.activation": "tanh",
            "optim.rate": 0.1,
            "optim.schedule": "constant",
            "optim.warmup": 0.0,
            "train.batch": 32,
            "train.epochs": 15,
        },
    ),
    "rate far too high": Case(
        what="`cifar-26` at fifty times its rate", expected="dead units", changes=SMALL | {"optim.rate": 0.05}
    ),
    "rate low": Case(what="a rate 10,000 times too low", expected="rate too low", changes=SMALL | {"optim.rate": 1e-7}),
    "rate infinite": Case(
        what="a rate a billion times too high", expected="not finite", changes=SMALL | {"optim.rate": 1e6}
    ),
    "dead": Case(
        what="a layer's biases at -100: it never fires",
        expected="dead units",
        changes=SMALL,
        spoil=set_bias("features.conv3", -100.0),
    ),
    "vanishing": Case(
        what="the weights of the second and third layer a thousand times too small",
        expected="vanishing",
        changes=SMALL,
        pictures="stripes",
        spoil=scale_weights(("features.conv2", "features.conv3"), 1e-3),
    ),
    "one label": Case(what="every picture labelled alike", expected="one label", changes=SMALL, pictures="one_label"),
    "shuffled": Case(
        what="labels of the training pictures shuffled",
        expected="memorizing",
        recipe="quick",
        pictures="shuffled",
        changes={
            "data.size": 24,
            "augment.crop": 24,
            "augment.pad": 0,
            "augment.flip": False,
            "optim.rate": 0.05,
            "train.limit": 300,
            "train.batch": 50,
            "train.epochs": 20,
            "train.label_smoothing": 0.0,
            "optim.decay": 0.0,
        },
    ),
    "leak": Case(
        what="a tenth of the held-out pictures are training pictures", expected="leak", changes=SMALL, pictures="leak"
    ),
    "range": Case(
        what="pictures written from values between 0 and 1",
        expected="empty pictures",
        changes=SMALL,
        pictures="tiny_range",
    ),
    "constant": Case(
        what="the same picture under every name", expected="empty pictures", changes=SMALL, pictures="constant"
    ),
    "batch of 4": Case(
        what="batch normalization over four pictures",
        expected="small batch",
        recipe="quick",
        changes={"train.batch": 4, "train.steps": 20, "optim.rate": 0.01, "data.size": 24, "augment.crop": 24},
    ),
    "imbalance": Case(
        what="19 of 20 training pictures are of one class, half of the held-out ones",
        expected="one answer",
        changes=SMALL | {"train.epochs": 4},
        pictures="unbalanced",
    ),
    "overfitting": Case(
        what="200 steps on 40 pictures, no augmentation, a quarter of the labels wrong",
        expected="overfitting",
        changes=SMALL | {"train.limit": 40, "train.batch": 20, "train.steps": 0, "train.epochs": 150},
        pictures="partly_wrong",
    ),
}
HEALTHY = {
    "digits, as chosen": Case(what="`digits` on the digits", recipe="digits", changes={"train.steps": 110}),
    "digits, cifar-26": Case(what="`cifar-26` on the digits", changes=LONG),
    "digits, cifar-18": Case(what="`cifar-18` on the digits", recipe="cifar-18", changes=SMALL),
    "shapes, quick": Case(
        what="`quick` on 400 drawn shapes",
        recipe="quick",
        pictures="shapes",
        changes={"optim.rate": 0.05, "train.batch": 32, "train.epochs": 12, "optim.warmup": 2.0},
    ),
    "shapes, adamw": Case(
        what="`quick` with adamw on 400 drawn shapes",
        recipe="quick",
        pictures="shapes",
        changes={"optim.rule": "adamw", "optim.rate": 0.002, "train.batch": 32, "train.epochs": 8, "optim.warmup": 2.0},
    ),
    "stripes, cifar-26": Case(
        what="`cifar-26` on three kinds of stripes",
        pictures="stripes",
        changes=SMALL | {"train.batch": 16, "train.epochs": 25},
    ),
}

# --- the pictures -----------------------------------------------------------------------------------------------------


def digits(root: Path) -> PreparedSet:
    from alexnet.data.prepare import prepare
    from alexnet.data.sources import list_source

    return prepare(list_source("digits"), root / "set", size=32, workers=1)


def one_label(root: Path) -> PreparedSet:
    data = digits(root)
    data.labels = data.labels * 0
    return data


def shuffled(root: Path) -> PreparedSet:
    import numpy as np

    from alexnet.data.prepare import prepare
    from alexnet.data.sources import list_source

    data = prepare(list_source("digits"), root / "set", size=24, workers=1)
    data.labels = np.random.default_rng(0).permutation(data.labels)
    return data


def partly_wrong(root: Path) -> PreparedSet:
    import numpy as np

    data = digits(root)
    random = np.random.default_rng(0)
    wrong = random.random(len(data.labels)) < 0.25
    data.labels = np.where(wrong, random.integers(0, 10, len(data.labels)), data.labels)
    return data


def folder(root: Path, splits: dict[str, dict[str, int]], draw: Callable[[str, int, Any], Any]) -> PreparedSet:
    """A prepared set of pictures that `draw(label, number, random)` makes as uint8 (32,32,3)."""
    import numpy as np
    from PIL import Image

    from alexnet.data.prepare import prepare
    from alexnet.data.sources import list_source

    random = np.random.default_rng(0)
    for split, classes in splits.items():
        for name, count in classes.items():
            (root / "in" / split / name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(draw(name, number, random)).save(root / "in" / split / name / f"{number}.png")
    return prepare(list_source(root / "in"), root / "set", size=32, workers=1)


def stripe(name: str, number: int, random: Any) -> Any:
    """Noise with stripes whose colour and distance tell the class."""
    label = ("a", "b", "c").index(name)
    pixels = random.integers(0, 120, (32, 32, 3))
    pixels[:, :: label + 2, label] += 110
    return pixels.astype("uint8")


THREE = {"train": dict.fromkeys("abc", 120), "val": dict.fromkeys("abc", 30)}


def stripes(root: Path) -> PreparedSet:
    return folder(root, THREE, stripe)


def tiny_range(root: Path) -> PreparedSet:
    return folder(
        root, THREE, lambda name, number, random: (stripe(name, number, random) / 255).round().astype("uint8")
    )


def constant(root: Path) -> PreparedSet:
    import numpy as np

    grey = np.tile(np.arange(0, 256, 8, dtype="uint8")[:, None, None], (1, 32, 3))
    return folder(root, THREE, lambda name, number, random: grey)


def leak(root: Path) -> PreparedSet:
    import numpy as np

    kept: dict[tuple[str, int], Any] = {}

    def draw(name: str, number: int, random: Any) -> Any:
        if number < 3 and (name, number) in kept:  # the second split's first three are the first split's
            return kept[name, number]
        kept[name, number] = stripe(name, number, random)
        return np.asarray(kept[name, number])

    return folder(root, THREE, draw)


def unbalanced(root: Path) -> PreparedSet:
    def draw(name: str, number: int, random: Any) -> Any:
        pixels = random.integers(60, 180, (32, 32, 3))
        pixels[:, :, 0] += 12 * (name == "b")
        return pixels.astype("uint8")

    return folder(root, {"train": {"a": 570, "b": 30}, "val": {"a": 50, "b": 50}}, draw)


def shapes(root: Path) -> PreparedSet:
    import numpy as np
    from PIL import Image, ImageDraw

    def draw(name: str, number: int, random: Any) -> Any:
        image = Image.new("RGB", (32, 32), tuple(int(v) for v in random.integers(0, 100, 3)))
        pen, ink = ImageDraw.Draw(image), tuple(int(v) for v in random.integers(150, 256, 3))
        x, y, r = (float(v) for v in random.uniform((13, 13, 8), (19, 19, 12)))
        if name == "a":
            pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)
        elif name == "b":
            pen.rectangle((x - r, y - r, x + r, y + r), fill=ink)
        else:
            pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=ink)
        return np.asarray(image)

    return folder(root, {"train": dict.fromkeys("abc", 133), "val": dict.fromkeys("abc", 33)}, draw)


# --- the runs ---------------------------------------------------------------------------------------------------------


def run(case: Case) -> dict[str, Any]:
    """Train a case; what the doctor said, when, and how long it took."""
    import torch

    from alexnet.config import patch
    from alexnet.device import Machine
    from alexnet.recipes import RECIPES
    from alexnet.training import begin, loop
    from alexnet.training.folder import lines_of

    torch.set_num_threads(1)
    machine = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="benchmark")
    build = begin.build

    def spoiled(*words: Any) -> Any:
        network = build(*words)
        if case.spoil:
            case.spoil(network)
        return network

    with tempfile.TemporaryDirectory() as place:
        data = globals()[case.pictures](Path(place))
        config = patch(RECIPES[case.recipe].config, {"model.classes": len(data.classes)} | case.changes)
        target = Path(place) / "run"
        target.mkdir()
        began = time.monotonic()
        begin.build = spoiled
        try:
            loop.train(config, data, target, machine=machine)
        except ValueError:  # a loss that is not finite ends a run
            pass
        finally:
            begin.build = build
        seconds = time.monotonic() - began
        lines = lines_of(target)
    said = [
        {name: line[name] for name in ("fault", "step", "sentence", "cure")}
        for line in lines
        if line["kind"] == "diagnosis"
    ]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    return {
        "said": said,
        "seconds": round(seconds, 1),
        "steps": epochs[-1]["step"] if epochs else said[-1]["step"],
        "train_loss": [round(line["train_loss"], 3) for line in epochs][-1:],
    }


TEXT = """\
# The doctor

While a run trains, the doctor looks at it: before the first step, every fifty steps, and after every epoch. It knows
the faults below, says each once, with what it saw and the command that cures it, and keeps what it said in
`metrics.jsonl` and in the report. It changes nothing: a run that is watched ends with the same bits as one that is not,
and a look costs one forward pass of 64 pictures.

| fault | what it means |
| --- | --- |
{faults}

## Put in on purpose

Each run has one fault, on the embedded digits or on pictures made on the spot; one thread of a CPU.

| what was done | the doctor said | at step | seconds of the whole run |
| --- | --- | --- | --- |
{injected}

{right} of {total} were named. In its words:

{words}

## Healthy runs

| run | steps | training loss at the end | the doctor said |
| --- | --- | --- | --- |
{healthy}

## What it cannot see

- A network that learns the wrong thing: a watermark, a frame, the colour of a studio.
- Labels of which only some are wrong; `alexnet check` lists the likely ones after training.
- Held-out pictures that are training pictures in another file: it compares files byte for byte. `alexnet check` looks
  for near duplicates.
- A rate that is somewhat too low or too high: `alexnet train PICTURES --find-rate` sweeps it.

Made by `python benchmarks/doctor.py` on {machine}, torch {torch}.
"""


def page(results: dict[str, Any]) -> str:
    """docs/doctor.md from the results."""
    from alexnet.training.doctor.diagnosis import FAULTS as MEANT

    injected, words, right = [], [], 0
    for name, case in FAULTS.items():
        found = results["faults"][name]
        hit = next((one for one in found["said"] if one["fault"] == case.expected), None)
        right += hit is not None
        others = [one["fault"] for one in found["said"] if one is not hit]
        said = f"**{hit['fault']}**" if hit else "nothing of it"
        said += f", then {', '.join(others)}" if others else ""
        injected.append(f"| {case.what} | {said} | {hit['step'] if hit else ''} | {found['seconds']:g} |")
        if hit:
            words.append(f"- *{case.what}*: {hit['sentence']}." + (f" Try: `{hit['cure']}`" if hit["cure"] else ""))
    healthy = []
    for name, case in HEALTHY.items():
        found = results["healthy"][name]
        said = ", ".join(one["fault"] for one in found["said"]) or "nothing"
        healthy.append(f"| {case.what} | {found['steps']} | {found['train_loss'][0]:g} | {said} |")
    return TEXT.format(
        faults="\n".join(f"| {name} | {meaning} |" for name, meaning in MEANT.items()),
        injected="\n".join(injected),
        right=right,
        total=len(FAULTS),
        words="\n".join(words),
        healthy="\n".join(healthy),
        machine=f"{results['environment']['processor']}, {results['environment']['instruction_set']}",
        torch=results["environment"]["torch"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[*FAULTS, *HEALTHY], choices=[*FAULTS, *HEALTHY])
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if not options.page:
        from alexnet.device import environment

        results = json.loads(RESULT.read_text()) if RESULT.exists() else {"faults": {}, "healthy": {}}
        for kind, cases in (("faults", FAULTS), ("healthy", HEALTHY)):
            for name, case in cases.items():
                if name in options.only:
                    found = results[kind][name] = run(case)
                    said = ", ".join(f"{one['fault']} at {one['step']}" for one in found["said"]) or "nothing"
                    print(
                        f"{name}: expected {case.expected or 'nothing'}; said {said}; {found['seconds']} s", flush=True
                    )
        results["environment"] = environment()
        RESULT.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    PAGE.write_text(page(json.loads(RESULT.read_text())))
    print(f"wrote {PAGE.relative_to(ROOT.parent)}")


if __name__ == "__main__":
    main()
