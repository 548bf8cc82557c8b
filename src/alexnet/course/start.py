"""With which weights and biases does section 5 start a network, also one whose layers have no names?"""

from __future__ import annotations

import torch
from torch import nn

from alexnet.model.initialize import InitSet, initialize, start_layer, starts
from alexnet.model.network import AlexNet
from alexnet.tables import Layer, Table


@torch.no_grad()
def init_weights(model: nn.Module, *, init: InitSet = "paper", seed: int = 0) -> None:
    """Set all weights and biases of `model` to section 5's: N(0, .01), bias 1 in conv2, conv4, conv5, fc6 and fc7.

    An `AlexNet` is known by its names. In any other module the `nn.Conv2d` and `nn.Linear` layers are found in the
    order in which they were added, whatever stands between or around them: the second convolution and those from the
    fourth on have bias 1, and of the linear layers all but the last, which gives the logits. (Lists of positions in an
    `nn.Sequential`, the usual way, go wrong as soon as an activation or a pool is counted differently.) Equal seeds
    give equal weights, on every device, and those of `AlexNet(table="one-column", init=..., seed=...)` where the shapes
    agree.

    Args:
        model: changed in place.
        init: "paper", or another named set of `model/initialize.py`, such as "source", "caffe" or "he".
        seed: of the draws.

    Raises:
        ValueError: `model` has no convolution and no linear layer, or `init` is no named set.
    """
    if isinstance(model, AlexNet):
        initialize(model, init, seed=seed)
        return
    convolutions = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    dense = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not convolutions and not dense:
        raise ValueError(
            f"{type(model).__name__} has neither nn.Conv2d nor nn.Linear layers to initialize; "
            "give the whole network: init_weights(model), not model.apply(init_weights)"
        )
    if init == "table":
        raise ValueError("a network without a table has no initial weights of its own; say init='paper' or another set")
    named: dict[str, nn.Conv2d | nn.Linear] = {f"conv{place}": module for place, module in enumerate(convolutions, 1)}
    named |= {f"fc{place}": module for place, module in enumerate(dense, len(convolutions) + 1)}
    rows = tuple(
        Layer(name=name, kind="conv" if isinstance(module, nn.Conv2d) else "dense", out=len(module.weight))
        for name, module in named.items()
    )
    for name, start in starts(Table(name="course", summary="", layers=rows), init).items():
        start_layer(named[name], name, start, seed)
