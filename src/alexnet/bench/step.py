"""How long does a training step take, ours against plain PyTorch?

Ours is the step of every training: from stored squares through augmentation, network and update. The plain one is
given its batch ready-made, as float32 crops, so that augmentation is counted against us alone.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

from alexnet.bench.asked import Asked
from alexnet.bench.peers import peer, plain_step, torchvision
from alexnet.bench.run import Found
from alexnet.bench.sides import compare, peers
from alexnet.bench.subjects import Say, Subject, noise, of_subject, subjects
from alexnet.bench.timing import Case
from alexnet.device import Machine
from alexnet.recipes import RECIPES


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every network."""
    rows: list[dict[str, Any]] = []
    for subject in subjects(asked):
        batch = asked.batch or subject.batch
        say(f"  {subject.name}, batch {batch}")
        with peers("step", subject.name, batch, machine) as theirs:
            cases = [*our_cases(subject, batch, asked, machine, theirs), *theirs]
            rows += compare(f"{subject.name}, batch {batch}", cases, asked, machine, rounds)
        del cases, theirs
        gc.collect()
    return Found(rows=rows, notes=notes())


def our_cases(subject: Subject, batch: int, asked: Asked, machine: Machine, theirs: Sequence[Case]) -> list[Case]:
    """Ours in every arithmetic asked for."""
    ways = [(precision, False) for precision in asked.precisions()]
    ways += [(precision, True) for precision in asked.precisions() if asked.compile]
    return [
        Case(
            name=f"ours, {precision}" + (", compiled" if compiled else ""),
            work=of_subject(subject, batch, precision, machine, compile=compiled).step,
            pictures=batch,
            against=tuple(case.name for case in theirs),
        )
        for precision, compiled in ways
    ]


def plain_cases(subject: Subject, batch: int, device: str) -> list[Case]:
    """The plain step; on a GPU also the same in bf16 and channels-last, which there is a habit of many."""
    import torch

    images, labels = noise(subject, batch, device)
    smoothing = RECIPES[subject.recipe].config.train.label_smoothing
    network, name = peer(subject.name, subject.classes)
    network = network.to(device)
    cases = [Case(name=name, work=plain_step(network, images, labels, smoothing=smoothing), pictures=batch)]
    if device.startswith("cuda"):
        other = peer(subject.name, subject.classes)[0].to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = images.contiguous(memory_format=torch.channels_last)
        work = plain_step(other, last, labels, smoothing=smoothing, autocast=True)
        cases.append(Case(name=f"{name}, bf16, channels-last", work=work, pictures=batch))
    return cases


def notes() -> list[str]:
    """Who the peers are."""
    real = torchvision()
    whose = "restated here" if real is None else f"of torchvision {real.__version__}"
    return [
        "Plain: torch's own modules, nn.LocalResponseNorm, contiguous, float32, torch.optim.SGD; it is given its batch "
        f"as float32 crops, ours crops, mirrors and centres stored squares. torchvision's: the network {whose}."
    ]
