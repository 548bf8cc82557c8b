"""With which weights does a network start? The named sets, and the draws that fill them.

Every value is a function of the seed, the parameter's name and its place (draws.py: the unit is the index, the unit's
inputs are the lanes), computed in float32 on the CPU: equal seeds give equal weights on every device, and no generator
of anyone's is touched. Rows of equal name and shape start equal in different tables.

The sets go by position, so that they apply to tables of any depth:

    paper   N(0, .01) everywhere; bias 1 in the second convolution, in the fourth and every later one, and in the hidden
            dense layers; bias 0 in the others (section 5)
    source  as paper, with N(0, .03) from the third convolution on (layers-145.cfg, and #146 for a sixth convolution)
    caffe   as paper, with .1 in place of bias 1, which its authors found not to train, and N(0, .005) in the hidden
            dense layers (recalled, not verified)
    torch   what torch's own layers start with: uniform within 1/sqrt(inputs of a unit), biases too
    he      N(0, 2/inputs of a unit), bias 0
    table   what each row of the table names
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor, nn

from alexnet import draws
from alexnet.edits import last_dense
from alexnet.tables import Init, Table

if TYPE_CHECKING:
    from alexnet.model.network import AlexNet

InitSet = Literal["table", "paper", "source", "caffe", "torch", "he"]

#: Values drawn at a time: too few for torch to share them among threads, whose waiting for one another at every step
#: costs a hundred times the work where other programs use the processor; and few enough for its cache.
_AT_ONCE = (1 << 15) - 1


@dataclass(frozen=True, kw_only=True)
class Start:
    """How one row starts: `sd` and `bias` are those of the normal draw, unused by torch and he."""

    init: Init
    sd: float = 0.0
    bias: float = 0.0


def starts(table: Table, init: InitSet = "table") -> dict[str, Start]:
    """How every row with weights starts under a named set, by the row's name. Raises ValueError for an unknown set."""
    if init not in get_args(InitSet):
        raise ValueError(f"the initial weights {init!r} are not known; they are one of {', '.join(get_args(InitSet))}")
    rows = [row for row in table.layers if row.kind in ("conv", "dense")]
    if init == "table":
        return {row.name: Start(init=row.init, sd=row.init_sd, bias=row.init_bias) for row in rows}
    if init == "torch" or init == "he":
        return {row.name: Start(init=init) for row in rows}
    convolutions = [row for row in rows if row.kind == "conv"]
    found = {}
    for row in rows:
        hidden = row.kind == "dense" and row is not last_dense(table)
        place = convolutions.index(row) + 1 if row.kind == "conv" else 0
        one = 0.1 if init == "caffe" else 1.0
        sd = 0.03 if init == "source" and place >= 3 else 0.005 if init == "caffe" and hidden else 0.01
        found[row.name] = Start(init="normal", sd=sd, bias=one if hidden or place == 2 or place >= 4 else 0.0)
    return found


@torch.no_grad()
def initialize(network: AlexNet, init: InitSet = "table", *, seed: int = 0) -> None:
    """Set all weights and biases of `network` to a named set's; batch normalization starts as torch's does."""
    plan = starts(network.table, init)
    for name in network.layer_names:
        module = network.layer(name)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
        elif name in plan:
            assert isinstance(module, nn.Conv2d | nn.Linear)
            _start(module, name, plan[name], seed)


def _start(module: nn.Conv2d | nn.Linear, name: str, start: Start, seed: int) -> None:
    inputs = module.weight[0].numel()
    if start.init == "torch":
        bound = 1 / math.sqrt(inputs)
        _fill(module.weight, f"init:{name}.weight", seed, uniform_within=bound)
        if module.bias is not None:
            _fill(module.bias, f"init:{name}.bias", seed, uniform_within=bound)
        return
    _fill(module.weight, f"init:{name}.weight", seed, sd=math.sqrt(2 / inputs) if start.init == "he" else start.sd)
    if module.bias is not None:
        module.bias.fill_(0.0 if start.init == "he" else start.bias)


def _fill(parameter: Tensor, stream: str, seed: int, *, sd: float = 0.0, uniform_within: float = 0.0) -> None:
    """Draw a parameter of units,... a few units at a time."""
    units, inputs = len(parameter), parameter[0].numel()
    keys = draws.keys(seed, 0, torch.arange(units, device="cpu"))  # epochs count from 1: 0 is before them
    word = draws.word(stream)
    step = max(1, _AT_ONCE // inputs)
    for first in range(0, units, step):
        some = keys[first : first + step]
        if uniform_within:
            values = (2 * draws.uniform(some, word, inputs) - 1) * uniform_within
        else:
            values = draws.normal(some, word, inputs) * sd
        part = parameter[first : first + step]
        part.copy_(values.view(part.shape))
