"""How is a layer found in any network, and what does it compute? By its row's name, or by order in a plain module."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from alexnet.model.network import AlexNet
from alexnet.scoring.infer import testing
from alexnet.tables.rows import CONVOLUTIONS


def convolutions(model: nn.Module) -> dict[str, nn.Module]:
    """The convolutions by name, in their order: rows of a table, or conv1, conv2, ... as a plain module has them."""
    if isinstance(model, AlexNet):
        return {row.name: model.layer(row.name) for row in model.table.layers if row.kind in CONVOLUTIONS}
    found = [module for module in model.modules() if isinstance(module, nn.Conv2d)]
    return {f"conv{place}": module for place, module in enumerate(found, 1)}


def find_layer(model: nn.Module, name: str) -> nn.Module:
    """A layer by its name.

    In an `AlexNet` that is a row of its table. In any other module "conv5" is the fifth `nn.Conv2d` in the order in
    which they were added, "fc6" the first `nn.Linear` after five of them, and else the module's own name for a part
    counts, such as "features.10". Raises ValueError for a name that is none, naming the nearest.
    """
    if isinstance(model, AlexNet):
        return model.layer(name)
    known: dict[str, nn.Module] = {own: part for own, part in model.named_modules() if own}
    numbered = convolutions(model)
    dense = [module for module in model.modules() if isinstance(module, nn.Linear)]
    numbered |= {f"fc{place}": module for place, module in enumerate(dense, len(numbered) + 1)}
    known = numbered | known  # what the module itself calls so comes first
    if name not in known:
        raise ValueError(f"{type(model).__name__} has no layer {name!r}; {_advice(name, known)}")
    return known[name]


def _advice(name: str, known: Mapping[str, nn.Module]) -> str:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"it is one of {', '.join(known)}" if known else "it has none to look into"


def output_of(model: nn.Module, images: Tensor, layer: str | nn.Module) -> Tensor:
    """What a layer computes for images N,C,H,W that are as the network takes them, in test mode: a copy, N,C,H,W or
    N,units.

    The copy is taken as soon as the layer is done: a ReLU that works in place would otherwise overwrite it. A layer
    that is used several times tells of the first. Hooks are gone and all modes as before afterwards, also after an
    error.

    Raises:
        ValueError: an unknown name, or a layer that is not used or does not compute one tensor.
    """
    if isinstance(model, AlexNet) and isinstance(layer, str):
        with torch.no_grad():
            return model.extract(images, layer)
    module = find_layer(model, layer) if isinstance(layer, str) else layer
    said = layer if isinstance(layer, str) else type(layer).__name__
    found: list[Tensor] = []

    def remember(_module: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, Tensor):
            raise ValueError(
                f"{said} does not compute one tensor, but a {type(output).__name__}: there is no map of it"
            )
        if not found:
            found.append(output.detach().clone())

    handle = module.register_forward_hook(remember)
    try:
        with torch.no_grad(), testing(model):
            model(images)
    finally:
        handle.remove()
    if not found:
        raise ValueError(f"the network does not use its layer {said}, so there is nothing to see of it")
    return found[0]
