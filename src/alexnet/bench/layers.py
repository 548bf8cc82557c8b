"""Where does a training step's time go, layer by layer, and how near is each layer to the processor's arithmetic?

Every layer is given what it reads in a real step, and is timed alone, forward and backward. Beside it stands the time
that its multiplications would take at the speed of one large matrix product, measured in the same rounds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from alexnet import device as machines
from alexnet.bench.asked import Asked
from alexnet.bench.result import timed_rows
from alexnet.bench.run import Found
from alexnet.bench.subjects import Say, Subject, Training, of_subject, subjects
from alexnet.bench.timing import Case, Work, alternate, clock_for
from alexnet.device import Machine
from alexnet.model.joints import Add
from alexnet.model.layers import Dropout
from alexnet.model.network import AlexNet
from alexnet.model.summary import summarize
from alexnet.training.step import inputs

#: Side of the square matrices whose product is the measure of the processor's arithmetic.
SIDE = 1024
PRODUCT, UPDATE, INPUTS = "a matrix product", "the update of the weights", "crops, mirrors, centring"


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every network and arithmetic."""
    rows: list[dict[str, Any]] = []
    for subject in subjects(asked, ("paper", "quick")):
        for precision in asked.precisions():
            batch = asked.batch or subject.batch
            say(f"  {subject.name}, batch {batch}, {precision}")
            rows += _rows(subject, batch, precision, asked, machine, rounds)
    return Found(
        rows=rows,
        notes=[
            "Each layer alone, on what it reads in a step. A layer's arithmetic is the time its multiplications take "
            f"at the speed of a product of two {SIDE} x {SIDE} matrices of the same type, measured in the same rounds."
        ],
    )


def _rows(
    subject: Subject, batch: int, precision: str, asked: Asked, machine: Machine, rounds: int
) -> list[dict[str, Any]]:
    training = of_subject(subject, batch, precision, machine)
    training.step()
    cases = layer_cases(training, precision, machine)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    one = torch.ones(SIDE, SIDE, device=machine.device, dtype=kind)
    product = Case(name=PRODUCT, work=lambda: one @ one)
    found = alternate([*cases, product], rounds=rounds, seconds=asked.seconds, clock=clock_for(machine.device))
    layers = summarize(_network(training).table, subject.classes, training.config.augment.crop).layers
    first = next(layer.name for layer in layers if layer.macs)  # its input, the picture, needs no gradient
    rows: list[Case] = []
    for case in cases:
        macs = next((layer.macs for layer in layers if layer.name == case.name), 0)
        limit = f"{case.name}'s arithmetic"
        rows.append(replace(case, pictures=batch, against=(limit,) if macs else ()))
        if macs:
            work = macs * batch * (2 if case.name == first else 3) / SIDE**3
            found[limit] = [each * work for each in found[PRODUCT]]
            rows.append(Case(name=limit, work=product.work, pictures=batch))
    return timed_rows(f"{subject.name}, batch {batch}, {precision}", rows, found)


def _network(training: Training) -> AlexNet:
    network = training.state.network
    assert isinstance(network, AlexNet)
    return network


def layer_cases(training: Training, precision: str, machine: Machine) -> list[Case]:
    """A case for every layer of the network, and for what comes before and after them."""
    state, setting = training.state, training.setting
    given = inputs(training.batch, state, setting)
    network = _network(training)
    read: dict[str, tuple[Tensor, ...]] = {}
    hooks = []
    for name in network.layer_names:

        def keep(module: nn.Module, arguments: tuple[Tensor, ...], name: str = name) -> None:
            read[name] = arguments

        hooks.append(network.layer(name).register_forward_pre_hook(keep))
    try:
        with machines.autocast(machine.device, precision), torch.no_grad():
            network(given.images, given.keys)
    finally:
        for hook in hooks:
            hook.remove()
    cases = [Case(name=INPUTS, work=lambda: inputs(training.batch, state, setting))]
    for number, name in enumerate(network.layer_names):
        work = _both(network.layer(name), read.pop(name), precision, machine, needs=number > 0)
        cases.append(Case(name=name, work=work))
    return [*cases, Case(name=UPDATE, work=state.optimizer.step)]


def _both(module: nn.Module, arguments: tuple[Tensor, ...], precision: str, machine: Machine, *, needs: bool) -> Work:
    """Forward and backward of one layer; `needs`: also the gradient of what it reads."""
    maps = len(arguments) if isinstance(module, Add) else 1
    reads = [one.detach().requires_grad_(needs) if place < maps else one for place, one in enumerate(arguments)]
    if not isinstance(module, Dropout | Add):
        reads = reads[:1]
    wanted = [one for one in reads if one.requires_grad] + list(module.parameters())
    grads: list[Tensor] = []

    def work() -> None:
        with machines.autocast(machine.device, precision):
            out = module(*reads)
        if not wanted:
            return
        if not grads:
            grads.append(torch.ones_like(out))
        torch.autograd.grad(out, wanted, grads[0])

    return work
