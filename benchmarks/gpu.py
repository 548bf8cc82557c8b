"""How fast is it on one GPU, beside whom? Every line of the table for a large card, each as a ratio and in figures.

    python benchmarks/gpu.py [--only QUESTION ...] [--cifar FOLDER] [--set train.grouped=dense ...]

    normalization   response normalization and a copy of as many bytes, in one run
    variants        the step of `paper` at batch 512 under each switch; the quickest serves the questions below
    paper           `paper` end to end at batch 128, 512 and 1024, and torchvision's network on the same pictures
    script          what torchvision's training script does: JPEG files, its transforms, workers, float32
    cifar-18        seconds until 18% test error with the recipe of that name
    cifar-94        seconds and test error of the quickest recipe for CIFAR-10, over several seeds

Each answer is written to benchmarks/results/gpu.json as soon as it is there, so a time limit loses only what was under
way; a question asked again takes its place. `--device cpu --tiny --out FILE` tries the program itself, not the speed.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from alexnet import device as machines
from alexnet.bench import loading, peers
from alexnet.bench.result import ratios, spread
from alexnet.bench.timing import Case, alternate, clock_for
from alexnet.config import Config, patch
from alexnet.data.feed import Feed, rows_of
from alexnet.data.memory import HeldSet
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.kernels import gpu
from alexnet.model.normalization import ResponseNormalization
from alexnet.recipes import RECIPES
from alexnet.scoring.infer import infer
from alexnet.training.begin import feed_of, fresh
from alexnet.training.step import Setting, State, step

RESULT = Path(__file__).parent / "results" / "gpu.json"
CIFAR = Path(__file__).parent.parent.parent / "shared" / "data" / "cifar10"
#: Bytes of the card left free beside the pictures that lie on it.
BESIDE = 30 << 30
STEADY = {"optim.rate": 1e-6, "optim.schedule": "constant", "optim.bound": False, "train.precision": "bf16"}
COMPILED, FOLDED = {"train.compile": True}, {"train.compile": True, "train.space_to_depth": True}
#: Switches that are tried; `kernel` is Triton's kernel within the compiled network.
VARIANTS: dict[str, dict[str, Any]] = {
    "eager": {},
    "compiled": COMPILED,
    "compiled, space to depth": FOLDED,
    "compiled, space to depth, dense": FOLDED | {"train.grouped": "dense"},
    "compiled, space to depth, split": FOLDED | {"train.grouped": "split"},
    "compiled, space to depth, dense, kernel": FOLDED | {"train.grouped": "dense", "kernel": True},
    "compiled, space to depth, dense, graph": FOLDED | {"train.grouped": "dense", "train.graph": True},
    "eager, space to depth, dense": {"train.space_to_depth": True, "train.grouped": "dense"},
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What was asked for, and where answers go."""

    device: str
    tiny: bool
    out: Path
    changes: dict[str, Any]
    cifar: Path
    seeds: int
    seconds: float

    @property
    def on_card(self) -> bool:
        return self.device.startswith("cuda")

    def results(self) -> dict[str, Any]:
        return json.loads(self.out.read_text()) if self.out.exists() else {}

    def keep(self, question: str, answer: dict[str, Any]) -> None:
        """Write an answer, or as much as there is of it; and say it."""
        where = machines.environment() | {"device": self.device, "tiny": self.tiny}
        if self.on_card:
            where["triton"] = __import__("triton").__version__ if gpu.TRITON else None
            where["memory"] = torch.cuda.get_device_properties(self.device).total_memory
        command = f"python benchmarks/gpu.py --only {question}"
        found = self.results() | {question: answer | {"environment": where, "command": command}}
        self.out.parent.mkdir(parents=True, exist_ok=True)
        self.out.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        print(question, json.dumps(answer, indent=1), flush=True)

    def settings(self) -> dict[str, Any]:
        """The switches of the quickest variant measured so far, then those given."""
        rows = self.results().get("variants", {}).get("rows", {})
        best = max(
            rows, key=lambda name: rows[name].get("pictures_per_second", {"median": 0})["median"], default="eager"
        )
        return VARIANTS[best] | self.changes


def wait(bench: Bench) -> None:
    if bench.on_card:
        torch.cuda.synchronize()


def free() -> None:
    """Let go of compiled networks and of their memory."""
    gc.collect()
    torch.compiler.reset()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def squares(bench: Bench, side: int) -> Tensor:
    """As many squares of noise as fit beside a training, uint8 (n,3,side,side) on the device; n a multiple of 1024."""
    if bench.tiny:
        return torch.randint(0, 256, (16, 3, side, side), dtype=torch.uint8, device=bench.device)
    room = torch.cuda.mem_get_info(bench.device)[0] - BESIDE if bench.on_card else 1 << 30
    count = max(1024, min(room // (3 * side * side), 1_281_167) // 1024 * 1024)
    whole = torch.empty((count, 3, side, side), dtype=torch.uint8, device=bench.device)
    for piece in whole.split(4096):
        piece.random_(0, 256)
    return whole


@dataclass(kw_only=True)
class Training:
    """Ours on pictures that lie on the device: order, crops, flips, colours, forward, backward, update."""

    state: State
    setting: Setting
    feed: Feed

    def __post_init__(self) -> None:
        self._batches = self._endless()

    def _endless(self) -> Iterator[Any]:
        for epoch in itertools.count(1):
            self.state.epoch, self.state.batch = epoch, 0
            yield from self.feed.epoch(0, epoch)

    def step(self) -> None:
        step(self.state, next(self._batches), self.setting)


def ours(bench: Bench, pictures: Tensor, batch: int, changes: dict[str, Any]) -> Training:
    """`paper` with all its augmentation over resident squares."""
    changes = dict(changes)
    gpu.IN_COMPILED = bool(changes.pop("kernel", False))
    side = pictures.shape[2]
    small = {"data.size": side, "augment.crop": side * 7 // 8, "model.width": 0.125} if bench.tiny else {}
    classes = 10 if bench.tiny else 1000
    config = patch(RECIPES["paper"].config, STEADY | small | {"train.batch": batch} | changes)
    count = len(pictures)
    few = pictures[: min(count, 512)].cpu().numpy()
    held = HeldSet(few, np.arange(len(few)) % classes, [str(one) for one in range(classes)], "crop")
    rows = np.arange(count)
    stand_in: Any = SimpleNamespace(labels=rows % classes, size=side, gather=lambda rows: few[:0])
    feed = Feed(stand_in, rows, batch=batch, device=bench.device, memory=0)
    feed.hold(pictures)
    state, setting = fresh(config, held, feed, bench.device)
    return Training(state=state, setting=setting, feed=feed)


def speeds(bench: Bench, work: Callable[[], object], batch: int) -> dict[str, Any]:
    found = alternate([Case(name="it", work=work)], rounds=rounds(bench), seconds=600, clock=clock_for(bench.device))
    return spread([batch / one for one in found["it"]])


def rounds(bench: Bench) -> int:
    return 1 if bench.tiny else 7


# --- the questions


def normalization(bench: Bench) -> None:
    """Bytes a second, forward and backward, over those of a copy: both read and write each byte once."""
    rows: dict[str, Any] = {}
    shapes = {"conv1": (512, 96, 55, 55), "conv2": (512, 256, 27, 27)}
    if bench.tiny:
        shapes = {"conv1": (2, 16, 5, 5)}
    kinds = {"bf16": torch.bfloat16, "float32": torch.float32}
    layouts = {"channels-last": torch.channels_last, "contiguous": torch.contiguous_format}
    for (place, shape), (kind, dtype), (layout, format_) in itertools.product(
        shapes.items(), kinds.items(), layouts.items()
    ):
        x = torch.randn(shape, device=bench.device, dtype=dtype).contiguous(memory_format=format_).requires_grad_()
        g, to = torch.randn_like(x), torch.empty_like(x)
        layer = ResponseNormalization(columns=2 if place == "conv1" else 1)
        torchs: nn.Module = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
        compiled = layer if bench.tiny else torch.compile(layer, dynamic=False)
        cases = [Case(name="copy", work=lambda to=to, x=x: to.copy_(x.detach()))]
        for name, module in (("ours", layer), ("compiled", compiled), ("nn.LocalResponseNorm", torchs)):
            try:
                y = module(x)
            except (RuntimeError, NotImplementedError) as error:  # a peer need not know every type
                print(f"{name} does not compute {kind} {layout}: {error}", file=sys.stderr)
                continue

            def forward(module: nn.Module = module, x: Tensor = x) -> None:
                with torch.no_grad():
                    module(x)

            def backward(y: Tensor = y, x: Tensor = x, g: Tensor = g) -> None:
                torch.autograd.grad(y, x, g, retain_graph=True)

            cases += [Case(name=f"{name} forward", work=forward), Case(name=f"{name} backward", work=backward)]
        found = alternate(cases, rounds=rounds(bench), seconds=60, clock=clock_for(bench.device))
        size = x.numel() * x.element_size()
        passes = {name: (3 if name.endswith("backward") else 2) * size for name in found}
        copied = statistics.median(found["copy"])
        rows[f"{place} {kind} {layout}"] = {
            name: {
                "gigabytes_per_second": spread([passes[name] / one / 1e9 for one in seconds]),
                "of_copy": passes[name] / statistics.median(seconds) / (passes["copy"] / copied),
            }
            for name, seconds in found.items()
        }
        bench.keep("normalization", {"rows": rows, "target": 0.8})
        del x, g, to, cases, y
        free()


def variants(bench: Bench) -> None:
    batch = 4 if bench.tiny else 512
    pictures = squares(bench, 72 if bench.tiny else 256)
    rows: dict[str, Any] = {}
    for name, changes in VARIANTS.items():
        if bench.tiny and changes.get("train.compile"):
            continue
        began = time.perf_counter()
        try:
            one = ours(bench, pictures, batch, changes | bench.changes)
            one.step()
            wait(bench)
            compiling = time.perf_counter() - began
            rows[name] = {"pictures_per_second": speeds(bench, one.step, batch), "seconds_to_first_step": compiling}
            del one
        except Exception as error:  # a variant that this torch cannot do must not hide the others
            rows[name] = {"failed": f"{type(error).__name__}: {str(error)[:300]}"}
        bench.keep("variants", {"batch": batch, "rows": rows})
        free()


def paper(bench: Bench) -> None:
    """Ours with everything, and torchvision's network: on a batch that is ready, and as a plain loop over the same."""
    pictures = squares(bench, 72 if bench.tiny else 256)
    rows: dict[str, Any] = {}
    changes = bench.settings()
    for batch in (4,) if bench.tiny else (512, 1024, 128):
        own = changes | ({"train.graph": True} if batch == 128 and changes.get("train.compile") else {})
        mine = ours(bench, pictures, batch, own)
        cases = [Case(name="paper", work=mine.step)]
        cases += [Case(name=name, work=work) for name, work in torchvisions(bench, pictures, batch).items()]
        wait(bench)
        found = alternate(cases, rounds=rounds(bench), seconds=240, clock=clock_for(bench.device))
        others = {name: seconds for name, seconds in found.items() if name != "paper"}
        rows[str(batch)] = {
            name: {"pictures_per_second": spread([batch / one for one in seconds])} for name, seconds in found.items()
        } | {"ratios": ratios(found["paper"], others), "settings": own}
        if bench.on_card:
            rows[str(batch)]["peak_bytes"] = torch.cuda.max_memory_allocated()
        bench.keep(
            "paper", {"rows": rows, "resident_pictures": len(pictures), "targets": {"512": 60_000, "ratio": 1.2}}
        )
        del mine, cases
        free()


def torchvisions(bench: Bench, pictures: Tensor, batch: int) -> dict[str, Callable[[], object]]:
    """A step of torchvision's network, bf16 and channels-last: on a ready batch, and cut from the resident squares."""
    side = pictures.shape[2]
    crop = side * 7 // 8
    real = peers.torchvision()
    works: dict[str, Callable[[], object]] = {}
    for name in ("torchvision's network, ready batch", "torchvision's network, same pictures"):
        network = (peers.TorchvisionAlexNet() if real is None else real.models.alexnet()).to(bench.device)
        network = network.to(memory_format=torch.channels_last).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, weight_decay=1e-4)
        labels = torch.arange(batch, device=bench.device) % 1000
        ready = torch.randn((batch, 3, crop, crop), device=bench.device).contiguous(memory_format=torch.channels_last)
        mean = torch.tensor(loading.MEAN, device=bench.device).view(3, 1, 1)
        deviation = torch.tensor(loading.DEVIATION, device=bench.device).view(3, 1, 1)

        def cut(mean: Tensor = mean, deviation: Tensor = deviation) -> Tensor:
            """One crop and flip for the batch, the least a loop can do."""
            rows = torch.randint(len(pictures), (batch,), device=bench.device)
            top, left = (int(one) for one in np.random.randint(0, side - crop + 1, 2))  # noqa: NPY002
            images = pictures[rows][:, :, top : top + crop, left : left + crop]
            images = images.flip(3) if np.random.rand() < 0.5 else images  # noqa: NPY002
            return ((images.float() / 255 - mean) / deviation).contiguous(memory_format=torch.channels_last)

        def work(
            network: nn.Module = network,
            optimizer: Any = optimizer,
            labels: Tensor = labels,
            given: Callable[[], Tensor] = (lambda ready=ready: ready) if "ready" in name else cut,
        ) -> None:
            with torch.autocast(bench.device.split(":")[0], dtype=torch.bfloat16):
                loss = nn.functional.cross_entropy(network(given()), labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

        works[name] = work
    return works


class Files(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """JPEG files as torchvision's script reads them: a random part scaled to 224 pixels, mirrored half the time."""

    def __init__(self, paths: list[Path], crop: int) -> None:
        self.paths = paths
        real = peers.torchvision()
        if real is None:
            self.load, self.by = loading.restated(crop * 8 // 7, crop, "float32"), "Pillow, restated (a plain crop)"
            return
        t = real.transforms
        steps = [t.RandomResizedCrop(crop), t.RandomHorizontalFlip(), t.PILToTensor()]
        steps += [t.ConvertImageDtype(torch.float), t.Normalize(mean=loading.MEAN, std=loading.DEVIATION)]
        composed = t.Compose(steps)
        self.load, self.by = (lambda path: composed(loading.load(path))), f"torchvision {real.__version__}"

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        return self.load(self.paths[at]), at % 10


def script(bench: Bench) -> None:
    """Pictures a second of torchvision's script as it ships: float32, batch 32, 16 workers; and at batch 512."""
    rows: dict[str, Any] = {}
    answer: dict[str, Any] = {"rows": rows, "target": 5}
    with tempfile.TemporaryDirectory() as folder:
        paths = jpegs(Path(folder), 16 if bench.tiny else 8192, (80, 60) if bench.tiny else (500, 375))
        answer["mean_bytes"] = statistics.mean(path.stat().st_size for path in paths)
        files = Files(paths, 64 if bench.tiny else 224)
        answer["transforms"] = files.by
        for batch in (8,) if bench.tiny else (32, 512):
            loader = torch.utils.data.DataLoader(
                files,
                batch_size=batch,
                shuffle=True,
                drop_last=True,
                num_workers=0 if bench.tiny else 16,
                pin_memory=bench.on_card,
                persistent_workers=not bench.tiny,
            )
            network = peers.TorchvisionAlexNet(10 if bench.tiny else 1000).to(bench.device).train()
            optimizer = torch.optim.SGD(network.parameters(), lr=1e-4, momentum=0.9, weight_decay=1e-4)
            laps = []
            for _ in range(1 if bench.tiny else 4):
                began, count = time.perf_counter(), 0
                for images, labels in loader:
                    given = (one.to(bench.device, non_blocking=True) for one in (images, labels))
                    images, labels = given
                    loss = nn.functional.cross_entropy(network(images), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    loss.item()  # its log reads the loss of every step
                    count += batch
                wait(bench)
                laps.append(count / (time.perf_counter() - began))
            laps = laps[1:] or laps  # the first starts the workers
            rows[str(batch)] = {"pictures_per_second": spread(laps)}
            best = bench.results().get("paper", {}).get("rows", {}).get("512", {}).get("paper")
            if best:
                rows[str(batch)]["paper_at_512_over_it"] = best["pictures_per_second"]["median"] / statistics.median(
                    laps
                )
            bench.keep("script", answer)
            del loader


def jpegs(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Drawn photographs of a usual size: soft shapes with grain, JPEG of quality 90."""
    random = np.random.default_rng(0)
    paths = [folder / f"{number}.jpg" for number in range(count)]
    for number, path in enumerate(paths):
        if number >= 256:  # the rest as further files: the decoder does not know that it has seen them
            path.write_bytes(paths[number % 256].read_bytes())
            continue
        soft = Image.fromarray(random.integers(0, 256, (8, 10, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
        grain = random.normal(0, 8, (size[1], size[0], 3))
        Image.fromarray((np.asarray(soft) + grain).clip(0, 255).astype(np.uint8)).save(path, quality=90)
    return paths


def cifar_set(bench: Bench, folder: Path, config: Config) -> PreparedSet:
    if bench.tiny:
        digits = list_source("digits")
        return prepare(digits, folder / "set", size=config.data.size, fit=config.data.fit, workers=1)
    if not bench.cifar.exists():
        sys.exit(f"{bench.cifar} is not there; give CIFAR-10 as --cifar FOLDER")
    return prepare(list_source(bench.cifar), folder / "set", size=config.data.size, fit=config.data.fit)


def to_error(
    bench: Bench, config: Config, prepared: PreparedSet, target: float, every: int, seed: int
) -> dict[str, Any]:
    """Train through the schedule and stop at the target; seconds of training, compiling and testing apart."""
    config = patch(config, {"train.seed": seed})
    machine = machines.choose(bench.device)
    rows, _ = rows_of(config, prepared)
    feed = feed_of(config, prepared, rows, machine)
    tests = Feed(prepared, prepared.rows(prepared.evaluated[0]), batch=1000, device=bench.device, memory=machine.memory)
    state, setting = fresh(config, prepared, feed, bench.device)
    every_batch = list(feed.epoch(config.train.seed, 1))
    for batch in (every_batch[0], every_batch[-1]) * (1 if bench.tiny else 3):  # both lengths, compiled and recorded
        step(state, batch, setting)
    del every_batch  # the run then begins anew
    state, setting = fresh_again(state, setting, config, prepared, feed, bench)
    seconds, reached, errors = 0.0, None, {}
    epochs = min(config.train.epochs, 2) if bench.tiny else config.train.epochs
    for epoch in range(1, epochs + 1):
        state.epoch, state.batch = epoch, 0
        wait(bench)
        began = time.perf_counter()
        for batch in feed.epoch(config.train.seed, epoch):
            step(state, batch, setting)
        wait(bench)
        seconds += time.perf_counter() - began
        if epoch % every == 0 or epoch == epochs:
            found = infer(
                state.average, setting.preprocess, tests.straight(), protocol="centre", device=bench.device,
                precision="float32",
            )  # fmt: skip
            errors[epoch] = float(100 * (found.probabilities.argmax(1) != found.labels).mean())
            if errors[epoch] <= target:
                reached = seconds
                break
    return {
        "seed": seed,
        "seconds": seconds,
        "seconds_to_target": reached,
        "test_error": errors,
        "n": len(tests.labels),
    }


def fresh_again(
    state: State, setting: Setting, config: Config, prepared: PreparedSet, feed: Feed, bench: Bench
) -> tuple[State, Setting]:
    """The state as at the start, in the memory that the compiled network knows."""
    again, _ = fresh(patch(config, {"train.compile": False, "train.graph": False}), prepared, feed, bench.device)
    with torch.no_grad():
        state.network.load_state_dict(again.network.state_dict())
        if state.average is not state.network:
            state.average.load_state_dict(again.average.state_dict())
    state.optimizer.state.clear()
    for value in state.sums.values():
        value.zero_()
    state.step = state.batch = 0
    return state, setting


def cifar(bench: Bench, question: str, recipe: str, target: float, every: int, seeds: int) -> None:
    fast = (
        {"train.limit": 256}
        if bench.tiny
        else {"train.precision": "bf16", "train.compile": True, "train.graph": bench.on_card}
    )
    config = patch(RECIPES[recipe].config, {"data.all_of_train": True} | fast | bench.changes)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        prepared = cifar_set(bench, Path(folder), config)
        for seed in range(1 if bench.tiny else seeds):
            runs.append(to_error(bench, config, prepared, target, every, seed))
            times = [run["seconds"] for run in runs]
            answer = {"recipe": recipe, "target_error": target, "runs": runs, "mean_seconds": statistics.mean(times)}
            bench.keep(question, answer | {"settings": fast | bench.changes, "data": prepared.name, "split": "test"})
            free()


QUESTIONS: dict[str, Callable[[Bench], None]] = {
    "normalization": normalization,
    "variants": variants,
    "paper": paper,
    "script": script,
    "cifar-18": lambda bench: cifar(bench, "cifar-18", "cifar-18", 18.0, 2, min(3, bench.seeds)),
    "cifar-94": lambda bench: cifar(bench, "cifar-94", bench.changes.pop("recipe", "quick"), 6.0, 1000, bench.seeds),
}


def value_of(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="sizes at which nothing can be learned of speed")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--cifar", type=Path, default=CIFAR)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=540.0, help="begin no further question after so many")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings over the quickest variant")
    given = parser.parse_args(words)
    changes = {name: value_of(text) for name, _, text in (one.partition("=") for one in given.set)}
    bench = Bench(
        device=given.device, tiny=given.tiny, out=given.out, changes=changes, cifar=given.cifar,
        seeds=given.seeds, seconds=given.seconds,
    )  # fmt: skip
    machines.choose(given.device)  # says so where there is none
    began = time.monotonic()
    for name in given.only:
        if time.monotonic() - began > bench.seconds:
            print(f"not begun for want of time: {name}", file=sys.stderr)
            continue
        QUESTIONS[name](bench)
        free()


if __name__ == "__main__":
    main()
