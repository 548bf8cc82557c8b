"""What is the network of a table? Its modules run in the order of the table's graph; layers found by name.

No network is known here by its name: what tells `paper` from `source` stands in tables/, how a table is changed in
edits.py, and which module each row becomes in plan.py.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal, overload

import torch
from torch import Tensor, nn

from alexnet.edits import Input, complete
from alexnet.model.initialize import InitSet, initialize
from alexnet.model.joints import Add
from alexnet.model.layers import Dropout, draw_keys
from alexnet.model.plan import join, lay_out, parts_of
from alexnet.tables import Table


class AlexNet(nn.Module):
    """The network of a table: pictures float N,3,H,W (as `Preprocess` gives them) to logits N,classes.

    num_classes  outputs of the last dense row, which all named tables leave open
    table        the name of a table in tables/, or a `Table`
    input        "table", or how 55 x 55 maps are reached: "ceil224", "crop227", "pad2" (edits.with_input)
    init         "table", "paper", "source", "caffe", "torch" or "he" (initialize.py); "empty" leaves the weights
                 unset, for those about to be loaded
    seed         of the initial weights; equal seeds give equal weights on every device
    size         side of the pictures, pixels, where it is not the table's own; the dense layers' inputs follow from it

    The rows before the first dropout or dense one are children of `features`, the rest of `classifier`, by name:
    `network.features.conv1`, `network.classifier.fc8`. `shapes` holds each row's output, without the batch. Raises
    ValueError for a table, size, input or set of initial weights that is not known or does not fit, saying what would.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        table: str | Table = "paper",
        *,
        input: Input = "table",
        init: InitSet | Literal["empty"] = "table",
        seed: int = 0,
        size: int | None = None,
    ) -> None:
        super().__init__()
        self.table = complete(table, num_classes, input=input)
        self.size = self.table.size if size is None else size
        self.num_classes = num_classes
        plan = lay_out(self.table, self.size)
        self.shapes = plan.shapes
        self.layer_names = tuple(plan.modules)
        self._reads, self._frees = plan.reads, plan.frees
        self._parts = parts_of(self.table)
        self._draws = any(row.kind == "dropout" for row in self.table.layers)
        # Sequential can be called by itself, which is right only where every row reads the one before.
        container = nn.Sequential if plan.is_chain else nn.ModuleDict
        self.features, self.classifier = container(), container()
        for name, module in plan.modules.items():
            getattr(self, self._parts[name]).add_module(name, module)
        self.train()
        device = torch.get_default_device()
        if device.type != "meta":
            make_real(self, device)
            if init != "empty":
                initialize(self, init, seed=seed)

    def forward(self, images: Tensor, keys: Tensor | None = None) -> Tensor:
        """Logits N,classes of float images N,3,H,W.

        keys: int64 (N,), one a picture (draws.keys), from which the dropout masks follow in training; where none are
        given they are drawn from torch's global generator. Raises ValueError for images the network was not built for.
        """
        last = self.layer_names[-1]
        return self._run(images, keys, (last,))[last]

    def layer(self, name: str) -> nn.Module:
        """The module of a row. Raises ValueError for a name that is none, naming the nearest."""
        if name not in self._parts:
            near = difflib.get_close_matches(name, self.layer_names, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else f"it is one of {', '.join(self.layer_names)}"
            raise ValueError(f"the network {self.table.name!r} has no layer {name!r}; {hint}")
        module: nn.Module = getattr(getattr(self, self._parts[name]), name)
        return module

    @overload
    def extract(self, images: Tensor, layers: str) -> Tensor: ...

    @overload
    def extract(self, images: Tensor, layers: Iterable[str]) -> dict[str, Tensor]: ...

    def extract(self, images: Tensor, layers: str | Iterable[str]) -> Tensor | dict[str, Tensor]:
        """What a named row computes for images N,3,H,W, in test mode: N,C,H,W or N,units; of several, by name.

        Rows after the last one wanted are not computed. The values are copies; each module's mode is as before
        afterwards, also after an error. Gradients flow where torch's grad mode lets them: `with torch.no_grad()`
        saves the memory. Raises ValueError for an unknown name.
        """
        wanted = (layers,) if isinstance(layers, str) else tuple(layers)
        for name in wanted:
            self.layer(name)
        modes = [(module, module.training) for module in self.modules()]
        try:
            self.eval()
            found = {name: value.clone() for name, value in self._run(images, None, wanted).items()}
        finally:
            for module, mode in modes:
                module.training = mode
        return found[layers] if isinstance(layers, str) else {name: found[name] for name in wanted}

    def _run(self, images: Tensor, keys: Tensor | None, wanted: tuple[str, ...]) -> dict[str, Tensor]:
        """The wanted rows' outputs; each output is let go as soon as no later row reads it."""
        check_images(self.table, self.size, images, keys)
        if keys is None and self.training and self._draws:
            keys = draw_keys(images)
        values: dict[str, Tensor] = {}
        found: dict[str, Tensor] = {}
        for name in self.layer_names:
            if len(found) == len(wanted):
                break
            read = [values[row] for row in self._reads[name]] or [images]
            module = getattr(getattr(self, self._parts[name]), name)
            if isinstance(module, Add):
                values[name] = module(*read)
            else:
                x = join(read)
                values[name] = module(x, keys) if isinstance(module, Dropout) else module(x)
            if name in wanted:
                found[name] = values[name]
            for done in self._frees[name]:
                del values[done]
        return found

    def extra_repr(self) -> str:
        return f"table={self.table.name}, num_classes={self.num_classes}, size={self.size}"


def check_images(table: Table, size: int, images: Tensor, keys: Tensor | None) -> None:
    """Raise ValueError where images N,C,H,W or their keys are not what a table's network for that size takes."""
    channels, sizes = table.channels, table.sizes
    if images.ndim != 4 or images.shape[1] != channels or not images.is_floating_point():
        raise ValueError(
            f"the network takes float pictures of shape N,{channels},height,width, "
            f"not {images.dtype} of shape {tuple(images.shape)}"
        )
    fits = all(side == size for side in images.shape[2:])
    if not fits and sizes is not None and _takes_any_size(table):
        fits = all(sizes[0] <= side <= sizes[1] for side in images.shape[2:])
    if not fits:
        height, width = images.shape[2:]
        raise ValueError(
            f"this network was built for pictures of {size} x {size} pixels, not {width} x {height}; "
            "crop or scale them, or build it with another `size`"
        )
    if keys is not None and (keys.shape != (len(images),) or keys.dtype != torch.int64):
        raise ValueError(f"keys are one int64 a picture, {len(images)} here, not {keys.dtype} {tuple(keys.shape)}")


def _takes_any_size(table: Table) -> bool:
    """Whether maps of any size are brought to one before the dense layers, and no weights belong to places."""
    kinds = [row.kind for row in table.layers]
    part = parts_of(table)
    early = any(row.kind == "adaptive" and part[row.name] == "features" for row in table.layers)
    return early and "local" not in kinds


def make_real(network: nn.Module, device: torch.device) -> None:
    """Replace what lies on the meta device by empty tensors. As `to_empty`, which loads torch's compiler: a second."""
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(torch.empty(parameter.shape, device=device)))
        for name, value in list(module.named_buffers(recurse=False)):
            setattr(module, name, torch.empty(value.shape, dtype=value.dtype, device=device))
