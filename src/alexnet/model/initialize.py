"""With which weights does a network start? The named sets, and the draws that fill them.

Every value is a function of the seed, the parameter's name and its place (draws.py: the unit is the index, the unit's
inputs are the lanes), computed in float32 on the CPU: equal seeds give equal weights on every device, and no generator
of anyone's is touched. Rows of equal name and shape start equal in different tables.

The sets go by position, so that they apply to tables of any depth. A position is that in the whole network: where a
convolution was left out (edits), those after it keep theirs, and with it their bias. Locally connected layers count as
convolutions.

    paper   N(0, .01) everywhere; bias 1 in the second convolution, in the fourth and every later one, and in the hidden
            dense layers; bias 0 in the others (section 5)
    source  as paper, with N(0, .03) from the third convolution on (layers-145.cfg, and #146 for a sixth convolution)
    caffe   as paper, with .1 in place of bias 1, which its authors found not to train, and N(0, .005) in the hidden
            dense layers (models/bvlc_alexnet)
    torch   what torch's own layers start with: uniform within 1/sqrt(inputs of a unit), biases too
    he      N(0, 2/inputs of a unit), bias 0
    table   what each row of the table names

What edits add has the same start in all sets: the projections of residual connections as he, attention as torch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import torch
from torch import Tensor, nn

from alexnet import draws
from alexnet.edits import last_dense, places
from alexnet.model.joints import SelfAttention, SqueezeExcite
from alexnet.model.local import LocalConv2d
from alexnet.tables import CONVOLUTIONS, Init, Table

if TYPE_CHECKING:
    from alexnet.model.network import AlexNet

#: Modules that `start_layer` fills.
Started = nn.Conv2d | nn.Linear | LocalConv2d

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
    rows = [row for row in table.layers if row.kind in (*CONVOLUTIONS, "dense")]
    added = {row.name: Start(init=row.init) for row in table.layers if row.kind == "project"}
    if init == "table":
        return {row.name: Start(init=row.init, sd=row.init_sd, bias=row.init_bias) for row in rows} | added
    if init == "torch" or init == "he":
        return {row.name: Start(init=init) for row in rows} | added
    place = places(table)
    found = {}
    for row in rows:
        hidden = row.kind == "dense" and row is not last_dense(table)
        number = place.get(row.name, 0)
        one = 0.1 if init == "caffe" else 1.0
        sd = 0.03 if init == "source" and number >= 3 else 0.005 if init == "caffe" and hidden else 0.01
        found[row.name] = Start(init="normal", sd=sd, bias=one if hidden or number == 2 or number >= 4 else 0.0)
    return found | added


@torch.no_grad()
def initialize(network: AlexNet, init: InitSet = "table", *, seed: int = 0) -> None:
    """Set all weights and biases of `network` to a named set's; batch normalization starts as torch's does."""
    plan = starts(network.table, init)
    for name in network.layer_names:
        module = network.layer(name)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, SqueezeExcite | SelfAttention):
            for leaf, weight in module.named_parameters():
                if weight.ndim == 1:
                    weight.zero_()
                else:
                    _fill(weight, f"init:{name}.{leaf}", seed, uniform_within=1 / math.sqrt(weight.shape[1]))
        elif name in plan:
            assert isinstance(module, Started)
            start_layer(module, name, plan[name], seed)


def start_layer(module: Started, name: str, start: Start, seed: int) -> None:
    """Set one layer's weights and bias; `name` is what its draws belong to. Under `torch.no_grad`."""
    weight = module.weight
    inputs = weight.shape[1] if isinstance(module, LocalConv2d) else weight[0].numel()
    stream = f"init:{name}.weight"
    match start.init:
        case "torch":
            _fill(weight, stream, seed, uniform_within=1 / math.sqrt(inputs))
            if module.bias is not None:
                _fill(module.bias, f"init:{name}.bias", seed, uniform_within=1 / math.sqrt(inputs))
            return
        case "xavier":
            outputs = weight.shape[2] if isinstance(module, LocalConv2d) else weight[:, 0].numel()
            _fill(weight, stream, seed, uniform_within=math.sqrt(6 / (inputs + outputs)))
        case "truncated":
            _fill(weight, stream, seed, sd=start.sd, within=2.0)
        case "he":
            _fill(weight, stream, seed, sd=math.sqrt(2 / inputs))
        case "normal":
            _fill(weight, stream, seed, sd=start.sd)
    if module.bias is not None:
        module.bias.fill_(0.0 if start.init == "he" else start.bias)


def _fill(
    parameter: Tensor, stream: str, seed: int, *, sd: float = 0.0, uniform_within: float = 0.0, within: float = 0.0
) -> None:
    """Draw a parameter of units,... a few units at a time; `within` so many deviations, where that is above 0."""
    units, inputs = len(parameter), parameter[0].numel()
    keys = draws.keys(seed, 0, torch.arange(units, device="cpu"))  # epochs count from 1: 0 is before them
    word = draws.word(stream)
    step = max(1, _AT_ONCE // inputs)
    for first in range(0, units, step):
        some = keys[first : first + step]
        if uniform_within:
            values = (2 * draws.uniform(some, word, inputs) - 1) * uniform_within
        elif within:  # the quantile of a uniform draw between those of both ends
            half = math.erf(within / math.sqrt(2))
            values = torch.erfinv((2 * draws.uniform(some, word, inputs) - 1) * half) * (math.sqrt(2) * sd)
        else:
            values = draws.normal(some, word, inputs) * sd
        part = parameter[first : first + step]
        part.copy_(values.view(part.shape))
