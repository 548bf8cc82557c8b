"""How long do probabilities take, of one picture and of a batch, ours against plain PyTorch?

Ours is the path of validation, evaluation and prediction, from stored squares. The plain one is given float32 crops.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from typing import Any

import torch

from alexnet.bench.asked import Asked
from alexnet.bench.peers import peer
from alexnet.bench.run import Found
from alexnet.bench.sides import compare, peers
from alexnet.bench.step import notes
from alexnet.bench.subjects import Say, Subject, config_of, held, noise, subjects
from alexnet.bench.timing import Case, Work
from alexnet.data.preprocess import Preprocess
from alexnet.device import Machine
from alexnet.scoring.infer import probabilities
from alexnet.training.begin import build

BATCHES = (1, 64)


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every network and batch."""
    rows: list[dict[str, Any]] = []
    for subject in subjects(asked, ("paper",)):
        for batch in (asked.batch,) if asked.batch else BATCHES:
            say(f"  {subject.name}, batch {batch}")
            with peers("inference", subject.name, batch, machine) as theirs:
                cases = [*our_cases(subject, batch, asked, machine, theirs), *theirs]
                rows += compare(f"{subject.name}, batch {batch}", cases, asked, machine, rounds)
            del cases, theirs
            gc.collect()
    return Found(rows=rows, notes=notes())


def our_cases(subject: Subject, batch: int, asked: Asked, machine: Machine, theirs: Sequence[Case]) -> list[Case]:
    """Ours in every arithmetic asked for."""
    return [
        Case(
            name=f"ours, {precision}",
            work=our_inference(subject, batch, precision, machine.device),
            pictures=batch,
            against=tuple(case.name for case in theirs),
        )
        for precision in asked.precisions()
    ]


def plain_cases(subject: Subject, batch: int, device: str) -> list[Case]:
    """The peer in test mode."""
    network, name = peer(subject.name, subject.classes)
    crops, _ = noise(subject, batch, "cpu")
    work = plain_inference(network.to(device).eval(), crops, device)
    return [Case(name=name, work=work, pictures=batch)]


def our_inference(subject: Subject, batch: int, precision: str, device: str) -> Work:
    """A call that gives the probabilities of a batch of stored squares, as everywhere in the package."""
    config = config_of(subject, batch, "float32")  # the weights are float32 in both
    prepared = held(config, subject.classes, batch)
    preprocess = Preprocess.fitted(prepared.statistics(), config.data, config.augment).to(device).eval()
    network = build(config, subject.classes).to(device).eval()
    squares = torch.from_numpy(prepared.gather(prepared.rows("train")))
    return lambda: probabilities(network, preprocess, squares, device=device, precision=precision)


def plain_inference(network: torch.nn.Module, crops: torch.Tensor, device: str) -> Work:
    """A call that gives the probabilities of a batch of float32 crops."""

    def work() -> torch.Tensor:
        with torch.no_grad():
            return network(crops.to(device)).softmax(1).cpu()  # type: ignore[no-any-return]

    return work
