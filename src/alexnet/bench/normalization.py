"""How long does response normalization take, ours against torch's, forward and backward?

On 64 x 96 x 27 x 27 numbers, the paper's constants, in both layouts and both arithmetics. The limit beside them is the
memory's: forward reads one tensor and writes one, backward reads two and writes one, so five passes are copied.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from alexnet.bench.asked import Asked
from alexnet.bench.run import Found
from alexnet.bench.sides import compare
from alexnet.bench.subjects import Say
from alexnet.bench.timing import Case
from alexnet.device import Machine
from alexnet.model.normalization import ResponseNormalization

SHAPE = (96, 27, 27)
BATCH = 64
PEER, LIMIT = "nn.LocalResponseNorm", "the memory's limit"
_LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}
_KINDS = {"float32": torch.float32, "bf16": torch.bfloat16}


def measure(asked: Asked, machine: Machine, rounds: int, say: Say) -> Found:
    """A group of rows for every arithmetic and layout."""
    batch = asked.batch or BATCH
    rows: list[dict[str, Any]] = []
    for precision in asked.precisions():
        for layout, form in _LAYOUTS.items():
            images = torch.randn(batch, *SHAPE, generator=torch.Generator().manual_seed(0)) * 30
            images = images.to(machine.device, _KINDS[precision], memory_format=form).requires_grad_()
            cases = cases_of(images)
            say(f"  {precision}, {layout}")
            rows += compare(f"{precision}, {layout}", cases, asked, machine, rounds)
    shape = " x ".join(str(side) for side in (batch, *SHAPE))
    return Found(
        rows=rows, notes=[f"{shape} numbers, window 5; {LIMIT} is copying as much as must be read and written."]
    )


def cases_of(images: Tensor) -> list[Case]:
    """Ours, torch's and the limit on N,C,H,W."""
    ours = ResponseNormalization()
    theirs = nn.LocalResponseNorm(ours.size, ours.alpha * ours.size, ours.beta, ours.k)
    bf16 = images.dtype == torch.bfloat16
    weight = torch.ones_like(images)
    source, target = images.detach(), torch.empty_like(images)
    half = len(source) // 2

    def both() -> object:
        return torch.autograd.grad(ours(images), images, weight)

    def both_of_theirs() -> object:
        # torch's has no bf16 of its own on a CPU: autocast computes its pooling in float32, as in any training.
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=bf16):
            out = theirs(images)
        return torch.autograd.grad(out, images, weight.to(out.dtype))

    def five_passes() -> None:
        target.copy_(source)
        target.copy_(source)
        target[:half].copy_(source[:half])

    return [
        Case(name="ours", work=both, pictures=len(images), against=(PEER, LIMIT)),
        Case(name=PEER, work=both_of_theirs, pictures=len(images)),
        Case(name=LIMIT, work=five_passes, pictures=len(images)),
    ]
