"""How many epochs an hour are trained on the CPU, and on the GPU?"""

from __future__ import annotations

import gc
from typing import Any

import torch

from alexnet import device as machines
from alexnet.bench.asked import Asked
from alexnet.bench.result import spread, timed_rows
from alexnet.bench.run import Found
from alexnet.bench.subjects import Say, of_subject, subjects
from alexnet.bench.timing import Case, alternate, clock_for
from alexnet.device import Machine

USUAL = ("paper", "quick")
#: Pictures a step on a GPU, where none are asked for: below, the update of the weights alone takes most of it.
ON_GPU = 512


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A row for every network, device and arithmetic, with epochs an hour beside it."""
    # The CPU is always measured; `--device cpu` leaves a GPU out, even where there is one.
    cpu = machines.choose("cpu", asked.threads)
    gpu = machine if machine.device.startswith("cuda") else None
    rows: list[dict[str, Any]] = []
    for subject in subjects(asked, USUAL):
        say(f"  {subject.name}")
        cases = []
        slow = f"CPU, {asked.precisions()[0]}"
        for place in [cpu] if gpu is None else [cpu, gpu]:
            batch = asked.batch or (subject.batch if place is cpu else max(subject.batch, ON_GPU))
            for precision in asked.precisions():
                name = f"{'CPU' if place is cpu else 'GPU'}, {precision}"
                work = of_subject(subject, batch, precision, place).step
                cases.append(Case(name=name, work=work, pictures=batch))
        found = alternate(cases, rounds=rounds, seconds=asked.seconds, clock=clock_for(machine.device))
        # Batches differ between the devices, so what is compared is the time of a picture.
        a_picture = {case.name: [one / case.pictures for one in found[case.name]] for case in cases}
        made = timed_rows(subject.name, cases, found)
        for one in made:
            own = a_picture[one["what"]]
            one["epoch_pictures"] = subject.epoch
            one["epochs_per_hour"] = spread([3600 / subject.epoch / each for each in own])
            if one["what"] != slow:
                one["ratios"] = {slow: spread([b / a for a, b in zip(own, a_picture[slow], strict=True)])}
        rows += made
        del cases
        gc.collect()
    return Found(rows=rows, notes=notes(rows, gpu))


def notes(rows: list[dict[str, Any]], gpu: Machine | None) -> list[str]:
    """Epochs an hour in words; and that there is no GPU, where there is none."""
    said = []
    for one in rows:
        hourly = one["epochs_per_hour"]
        said.append(
            f"{one['group']}, {one['what']}: {hourly['median']:.4g} epochs an hour "
            f"of {one['epoch_pictures']:,} pictures."
        )
    if gpu is None:
        there = torch.cuda.is_available()
        said.append("The GPU was left out, as asked." if there else "torch finds no GPU here to compare the CPU with.")
    return said
