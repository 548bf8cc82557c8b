"""What is the network in columns, one a device? The same numbers as in one process, of parts that hold a share each.

Section 3.2 of the paper: half of the kernels on each of two GPUs, which communicate in the third convolution and the
dense layers only (layers-145.cfg: conv2a reads pool1a, conv3a reads pool2a and pool2b, fc6a pool5a and pool5b, fc8 both
halves of fc7). wiring.py says what lies where, exchange.py how it travels; docs/columns.md shows both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from alexnet.edits import Input
from alexnet.model.exchange import Exchange, Sent, meet
from alexnet.model.initialize import InitSet
from alexnet.model.joints import Add
from alexnet.model.layers import Dropout, draw_keys
from alexnet.model.network import AlexNet, check_images, make_real
from alexnet.model.plan import join, module_of, parts_of
from alexnet.model.shares import put_together, share
from alexnet.model.weights import must_fit
from alexnet.model.wiring import Wiring, wire
from alexnet.tables import Table


class Columns(nn.Module):
    """The network of a table with columns, each on a device of its own: in one process, or a process each.

    num_classes, table, input, init, seed, size   as AlexNet has them (network.py), and giving the same weights
    over         where the columns lie: `Devices(["cuda:0", "cuda:1"])` or `Processes(group)` (exchange.py). There are
                 as many columns as the table has; `edits.with_columns` gives a table another number of them.

    All columns see all pictures, of equal keys. A column's rows are `parts["0"].features["conv1"]` and so on, by the
    names that AlexNet's have; this process holds those of its own columns. `sent` counts what they send, by the row
    that travels. Logits, gradients and weights after training equal AlexNet's up to the order of sums.

    Raises ValueError for what `wire` refuses, such as another number of columns than the table's.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        table: str | Table = "paper",
        *,
        over: Exchange,
        input: Input = "table",
        init: InitSet | Literal["empty"] = "table",
        seed: int = 0,
        size: int | None = None,
    ) -> None:
        super().__init__()
        with torch.device("meta"):
            one = AlexNet(num_classes, table, input=input, size=size)
        self.table, self.size, self.num_classes = one.table, one.size, num_classes
        self.over = over
        self.wiring: Wiring = wire(self.table, over.columns, self.size)
        self.sent: dict[str, Sent] = {row: Sent() for row in self.wiring.meets}
        self._whole = one.state_dict()  # names and shapes, no values
        self._kinds = {row.name: row for row in self.table.layers}
        self._where = parts_of(self.table)
        self._draws = any(row.kind == "dropout" for row in self.table.layers)
        self._ends: list[Tensor] | None = None
        self.parts = nn.ModuleDict({str(column): self._part(column) for column in over.mine})
        self.train()
        if init != "empty":
            with torch.device("cpu"):
                start = AlexNet(num_classes, self.table, init=init, seed=seed, size=self.size)
            self.load_whole(start.state_dict())

    def _part(self, column: int) -> nn.Module:
        """One column's modules, on its device, unset."""
        part = nn.Module()
        part.features, part.classifier = nn.ModuleDict(), nn.ModuleDict()
        for name, row in self.wiring.rows.items():
            if column > 0 and name in self.wiring.first:
                continue
            with torch.device("meta"):
                module = module_of(row, self.wiring.given[name])
            if isinstance(module, Dropout) and name in self.wiring.shared:
                module.first = column * math.prod(self.wiring.shapes[name])
            getattr(part, self._where[name])[name] = module
        make_real(part, self.over.device(column))
        return part

    def forward(self, images: Tensor, keys: Tensor | None = None) -> Tensor | None:
        """Logits N,classes of float images N,3,H,W, on the first column's device; None where that is another process.

        keys: int64 (N,), one a picture (draws.keys), from which the dropout masks follow in training, by the unit's
        place in the whole layer. All processes call this with the same images and keys, and `backward` afterwards where
        gradients are wanted. Raises ValueError for images the network was not built for, and where the columns are
        processes, in training with dropout without keys: each would draw its own.
        """
        check_images(self.table, self.size, images, keys)
        if keys is None and self.training and self._draws:
            if len(self.over.mine) < self.over.columns:
                raise ValueError("columns in several processes need keys (draws.keys) for dropout: the same in each")
            keys = draw_keys(images)
        wiring, ends = self.wiring, list[Tensor]()
        pictures = {c: images.to(self.over.device(c)) for c in self.over.mine}
        of_each = {c: None if keys is None else keys.to(self.over.device(c)) for c in self.over.mine}
        own: dict[str, dict[int, Tensor]] = {}  # by row and column: what that column holds
        met: dict[str, dict[int, Tensor]] = {}  # what all hold, in the columns that read it
        for name in wiring.rows:
            if name in wiring.reads_all:
                for row in wiring.reads[name]:
                    if row not in met:
                        met[row] = self._meet(row, own[row], ends)
            values = met if name in wiring.reads_all else own
            own[name] = {}
            for column, part in self.parts.items():
                c = int(column)
                if c > 0 and name in wiring.first:
                    continue
                read = [values[row][c] for row in wiring.reads[name]] or [pictures[c]]
                module = getattr(part, self._where[name])[name]
                if isinstance(module, Add):
                    own[name][c] = module(*read)
                else:
                    x = join(read)
                    own[name][c] = module(x, of_each[c]) if isinstance(module, Dropout) else module(x)
            for done in wiring.frees[name]:
                own.pop(done)
                met.pop(done, None)
        self._ends = ends
        return own[name].get(0)

    def _meet(self, row: str, held: dict[int, Tensor], ends: list[Tensor]) -> dict[int, Tensor]:
        """What all columns hold of a row, by column. Where it ends in another process, backward begins with `ends`."""
        to = self.wiring.meets[row]
        found = dict(zip(held, meet(self.over, to, list(held.values()), self.sent[row]), strict=True))
        if 0 not in self.over.mine:
            ends += [value for c, value in found.items() if c not in to and value.requires_grad]
        return found

    def backward(self, loss: Tensor | None = None) -> None:
        """Add the gradients of the loss to every parameter's `.grad`, in all columns.

        loss: one number that follows from the logits, in the process that holds the first column; the others call this
        without one, and wait for what it sends them. In one process `loss.backward()` does the same. Raises ValueError
        for a loss where there is none, for none where there must be one, and before any forward pass.
        """
        holds = 0 in self.over.mine
        if self._ends is None or holds != (loss is not None):
            raise ValueError(
                "there is nothing to go back through: call the network first"
                if self._ends is None
                else f"the process of the first column gives backward its loss, the others none; this is of column "
                f"{self.over.mine[0]}"
            )
        ends, self._ends = self._ends, None
        if loss is not None:
            loss.backward()
        elif ends:
            torch.autograd.backward(ends, [torch.zeros_like(end) for end in ends])

    def whole(self, values: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
        """Tensors of this network's names and shapes as AlexNet's, on the CPU: weights, gradients, velocities.

        values: by the names of `state_dict` or `named_parameters`, all of this process's columns'. All processes call
        it with the same names; the one of the first column gets the tensors, the others None.
        """
        found: dict[str, Tensor] = {}
        for name in self._whole:
            held = {c: values[own] for c in self.over.mine if (own := f"parts.{c}.{name}") in values}
            row, leaf = self._kinds[name.split(".")[1]], name.split(".", 2)[2]
            if row.name not in self.wiring.first and held:
                held = self._gather(held)
            if held and 0 in self.over.mine:
                one = [held[c].detach().cpu() for c in sorted(held)]
                found[name] = one[0].clone() if len(one) == 1 else put_together(row, leaf, one)
        return found if 0 in self.over.mine else None

    def _gather(self, held: dict[int, Tensor]) -> dict[int, Tensor]:
        """The tensors of all columns in the first one's process; what is held already elsewhere."""
        some = next(iter(held.values()))
        send = {(c, 0): value.detach().contiguous() for c, value in held.items() if c > 0}
        others = range(1, self.over.columns) if 0 in self.over.mine else ()
        came = self.over.swap(send, {(c, 0): (some.shape, some.dtype) for c in others})
        return held | {c: value for (c, _), value in came.items()}

    def whole_state(self) -> dict[str, Tensor] | None:
        """The state dict of the same network in one process (AlexNet), on the CPU, bit for bit.

        All processes call it; the one of the first column gets it, the others None.
        """
        return self.whole(self.state_dict())

    def load_whole(self, state: Mapping[str, Tensor]) -> None:
        """Take this process's columns' parts of a state dict of AlexNet; all or none.

        Nothing is sent: every process is given the state. Raises ValueError as weights.load_into does.
        """
        must_fit(self._whole, state)
        with torch.no_grad():
            for name, value in self.state_dict().items():
                value.copy_(self.part_of(name, state))

    def part_of(self, name: str, state: Mapping[str, Tensor]) -> Tensor:
        """The part that `name` of this network's state or parameters has in tensors by AlexNet's names."""
        _, column, part, row, leaf = name.split(".", 4)
        value = state[f"{part}.{row}.{leaf}"]
        if row in self.wiring.first:
            return value
        return share(self._kinds[row], leaf, value, int(column), self.over.columns)

    def extra_repr(self) -> str:
        where = ", ".join(f"column {c} on {self.over.device(c)}" for c in self.over.mine)
        return f"table={self.table.name}, num_classes={self.num_classes}, size={self.size}, {where}"
