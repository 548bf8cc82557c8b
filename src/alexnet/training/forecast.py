"""What will a run take? Time, memory and disk, before it starts; what came of it, afterwards.

Time is measured (speed.py). Memory and disk follow from the network's sizes, the batch and the numbers of pictures:
weights with their gradients and the optimizer's own tensors, what the backward pass needs of the forward pass, the
pictures held in memory, and a checkpoint on its way to the disk.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from alexnet.config import Config
from alexnet.data.feed import RESIDENT, most_resident
from alexnet.data.storage import gigabytes
from alexnet.device import Machine
from alexnet.training.speed import Speed, sizes_of

#: A training step holds so many times the outputs that `summary` counts: those of ReLU and dropout, the gradients.
#: With it the memory that came was 0.7 to 1.1 of the forecast on a CPU, for five recipes; see docs/forecast.md.
HELD = 2.5
#: Share of the free memory that a run may be forecast to take.
SHARE = 0.9
#: Bytes of figures, page and tables of a run; predictions.csv takes so many for every class of every picture.
PAGE, CELL = 8_000_000, 22
#: Seconds for figures, page and tables.
REPORT = 6.0


@dataclass(frozen=True, kw_only=True)
class Needs:
    """Bytes that a run takes."""

    memory: int
    """Of the device."""
    disk: int
    """Of the run's folder at its largest."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """Bytes that are free."""

    memory: int
    disk: int


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a run is expected to take."""

    steps: int
    epochs: int
    training_seconds: float
    """Of all steps."""
    epoch_seconds: float
    """Of one epoch with its validation."""
    seconds: float
    """Of everything: steps, validations, evaluation, report."""
    memory: int
    disk: int
    device: str

    def sentence(self) -> str:
        """ "about 9 min on this CPU (31 s an epoch), 1.2 GB of memory, 310 MB of disk"."""
        place = {"cpu": "this CPU", "cuda": "this GPU"}.get(self.device.split(":")[0], self.device)
        return (
            f"about {words(self.seconds)} on {place} ({words(self.epoch_seconds)} an epoch), "
            f"{gigabytes(self.memory)} of memory, {gigabytes(self.disk)} of disk"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values for forecast.json."""
        return asdict(self)


def needs(config: Config, *, classes: int, pictures: int, held_out: int, device: str) -> Needs:
    """Memory and disk of a run.

    Args:
        pictures: those that train. held_out: those that are measured.
    """
    sizes = sizes_of(config, classes)
    double = 2 if config.train.precision == "float64" else 1
    weights = sizes.weights * double
    slots = (2 if config.optim.rule == "adamw" else 1) + (1 if config.optim.ema else 0)
    at_once = -(-min(config.train.batch, max(1, pictures)) // config.train.accumulate)
    activations = int(HELD * sizes.activations * double * at_once)
    if config.train.precision == "bf16":
        activations = int(0.6 * activations)  # sums and losses stay float32
    square = 3 * config.data.size**2
    resident = (pictures + held_out) * square
    there = device.startswith("cuda") and torch.cuda.is_available()
    if resident > (most_resident(device, torch.cuda.mem_get_info(device)[1]) if there else RESIDENT):
        resident = 6 * config.train.batch * square  # two batches ahead, one in use, each once more as a copy
    kept = (1 + slots) * weights
    saving = 2 * kept if device == "cpu" else 0  # one copy in order, one as bytes; on a GPU that is the host's
    memory = kept + weights + max(activations, saving) + resident + (_used() if device == "cpu" else 500_000_000)
    disk = 2 * kept + 2 * weights + PAGE + CELL * held_out * classes
    return Needs(memory=memory, disk=disk)


def room(machine: Machine, folder: Path) -> Room:
    """What is free on the device, and on the disk of a folder."""
    if machine.device.startswith("cuda"):
        memory = int(torch.cuda.mem_get_info(machine.device)[0])
    else:
        memory = min(machine.memory, _free()) + _used()
    return Room(memory=memory, disk=shutil.disk_usage(folder).free)


def refuse(wanted: Needs, there: Room, config: Config) -> None:
    """Raise ValueError, with a way out, where a run cannot fit."""
    if wanted.memory > SHARE * there.memory:
        half = max(1, config.train.batch // 2)
        raise ValueError(
            f"this run needs about {gigabytes(wanted.memory)} of memory and {gigabytes(there.memory)} are free; "
            f"try --batch {half} or --batch auto, --train.accumulate 4, or a smaller --size"
        )
    if wanted.disk > there.disk:
        raise ValueError(
            f"this run writes up to {gigabytes(wanted.disk)} and the disk of its folder has {gigabytes(there.disk)} "
            "free; make room there, or name a folder on another disk with --out"
        )


def forecast(
    config: Config, speed: Speed, wanted: Needs, *, pictures: int, selecting: int, held_out: int, device: str
) -> Forecast:
    """The time of a config at a speed, beside its needs.

    Args:
        pictures, selecting, held_out: those that train, that are looked at after every epoch, that are measured.
    """
    an_epoch = max(1, -(-pictures // config.train.batch))
    steps = min(an_epoch * config.train.epochs, config.train.steps or an_epoch * config.train.epochs)
    epochs = -(-steps // an_epoch)
    training, validation = steps * speed.step, epochs * selecting * speed.picture
    return Forecast(
        steps=steps,
        epochs=epochs,
        training_seconds=training,
        epoch_seconds=(training + validation) / epochs,
        seconds=training + validation + fixed_seconds(config, speed, held_out),
        memory=wanted.memory,
        disk=wanted.disk,
        device=device,
    )


def fixed_seconds(config: Config, speed: Speed, held_out: int) -> float:
    """Of evaluation and report, which do not depend on the number of epochs; the ten views are ten more passes."""
    return REPORT + held_out * speed.picture * (11 if config.augment.flip else 1)


def came(folder: Path, rows: list[dict[str, Any]], device: str) -> dict[str, Any]:
    """What a run has taken: seconds of its steps, the largest memory of this process, the bytes of its folder."""
    if device.startswith("cuda"):
        memory = int(torch.cuda.max_memory_allocated(device))
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"training_seconds": sum(row["seconds"] for row in rows), "memory": memory, "disk": disk}


def words(seconds: float) -> str:
    """Seconds to the precision of a forecast: "40 s", "9 minutes", "2.5 hours", "3.1 days"."""
    if seconds < 1:
        return "1 s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _used() -> int:
    """Bytes that this process holds now."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # not Linux
        return 300_000_000


def _free() -> int:
    """Bytes of memory that programs can still get: the machine's, or what a container's limit leaves."""
    free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError, StopIteration, ValueError):  # each is there or not, by system
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text().strip()
        if limit != "max":
            free = min(free, int(limit) - int((group / "memory.current").read_text()) + _cached(group))
    return max(0, free)


def _cached(group: Path) -> int:
    """Bytes of files in a container's memory, which make room when asked."""
    lines = (group / "memory.stat").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("file ")), 0)
