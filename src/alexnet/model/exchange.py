"""How do columns give each other what they hold? Point to point, with gradients, each value sent counted.

`meet` is the one operation: the maps or units that columns hold of a row become all of them, side by side, in the
columns that read all. Backward, each of those sends every other column the gradients of its part, which are added in
the order of the columns. Nothing else travels, and nothing twice.

An `Exchange` is how columns reach each other: `Devices` has all of them in one process, `Processes` one in each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, distributed

from alexnet.device import place_in

#: From which column to which.
Way = tuple[int, int]
#: What is expected: shape and type of number.
Like = tuple[torch.Size, torch.dtype]


class Exchange(Protocol):
    """How the columns of a network reach each other."""

    columns: int
    mine: tuple[int, ...]
    """The columns that this process computes."""

    def device(self, column: int) -> torch.device:
        """Where one of `mine` lies."""

    def swap(self, send: Mapping[Way, Tensor], expect: Mapping[Way, Like]) -> dict[Way, Tensor]:
        """Send tensors from columns of mine, and return those that come to mine. All columns must call it."""


class Devices:
    """All columns in one process, one a device; two may share one.

    devices: "cpu", "cuda:0", ... or torch.device, one a column. Raises ValueError for fewer than two.
    """

    def __init__(self, devices: Sequence[str | torch.device]) -> None:
        if len(devices) < 2:
            raise ValueError(f"columns lie on two devices or more (one twice will do), not on {len(devices)}")
        self.devices = tuple(torch.device(device) for device in devices)
        self.columns = len(devices)
        self.mine = tuple(range(len(devices)))

    def device(self, column: int) -> torch.device:
        return self.devices[column]

    def swap(self, send: Mapping[Way, Tensor], expect: Mapping[Way, Like]) -> dict[Way, Tensor]:
        assert send.keys() == expect.keys()
        return {way: value.to(self.devices[way[1]]) for way, value in send.items()}


class Processes:
    """A column a process of a torch.distributed group (None: all processes): column c is the process of rank c in it.

    device: where this process's column lies: "cpu" with gloo; a GPU with nccl, which must be made the current one
    (torch.cuda.set_device), or with gloo, which sends by way of the CPU. How long a process waits for one that is gone
    is the group's `timeout`. Raises ValueError where no group has been started, and for a group of one process.
    """

    def __init__(
        self, group: distributed.ProcessGroup | None = None, *, device: str | torch.device | None = None
    ) -> None:
        rank, size = place_in(group)
        if size < 2:
            raise ValueError(f"columns are two processes or more, and this group has {size}")
        self.group, self.columns, self.mine = group, size, (rank,)
        backend = distributed.get_backend(group)
        current = f"cuda:{torch.cuda.current_device()}" if "nccl" in backend and torch.cuda.is_available() else "cpu"
        self._device = torch.device(device or current)
        self._by = torch.device("cpu") if backend == "gloo" else self._device

    def device(self, column: int) -> torch.device:
        return self._device

    def swap(self, send: Mapping[Way, Tensor], expect: Mapping[Way, Like]) -> dict[Way, Tensor]:
        came = {way: torch.empty(shape, dtype=dtype, device=self._by) for way, (shape, dtype) in expect.items()}
        asked = [
            distributed.P2POp(distributed.isend, value.to(self._by), group=self.group, group_peer=way[1])
            for way, value in send.items()
        ]
        asked += [
            distributed.P2POp(distributed.irecv, value, group=self.group, group_peer=way[0])
            for way, value in came.items()
        ]
        for work in distributed.batch_isend_irecv(asked) if asked else ():
            work.wait()
        return {way: value.to(self._device) for way, value in came.items()}


@dataclass(kw_only=True)
class Sent:
    """What this process's columns have sent at one place where columns meet, since the network was made."""

    pictures: int = 0
    """Seen forward."""
    values: int = 0
    bytes: int = 0
    pictures_back: int = 0
    values_back: int = 0
    bytes_back: int = 0

    def forward(self, values: Mapping[Way, Tensor], pictures: int) -> None:
        self.pictures += pictures
        self.values += sum(value.numel() for value in values.values())
        self.bytes += sum(value.numel() * value.element_size() for value in values.values())

    def back(self, values: Mapping[Way, Tensor], pictures: int) -> None:
        self.pictures_back += pictures
        self.values_back += sum(value.numel() for value in values.values())
        self.bytes_back += sum(value.numel() * value.element_size() for value in values.values())


def meet(over: Exchange, to: tuple[int, ...], own: Sequence[Tensor], sent: Sent) -> tuple[Tensor, ...]:
    """All columns' maps or units N,C,... in the columns `to`, from the share N,C/columns,... that each holds.

    own: of each column that this process computes. Returns as many tensors; those of columns that are not in `to` are
    empty, and are where backward begins for them. All columns must call it, and go backward through it.
    """
    found: tuple[Tensor, ...] = _Meet.apply(over, to, sent, *own)
    return found


class _Meet(torch.autograd.Function):
    """Shares to the whole; backward, the gradients of the whole to those of the shares."""

    @staticmethod
    def forward(ctx: Any, over: Exchange, to: tuple[int, ...], sent: Sent, *own: Tensor) -> tuple[Tensor, ...]:  # pyrefly: ignore[bad-override]
        ctx.over, ctx.to, ctx.sent, ctx.like = over, to, sent, (own[0].shape, own[0].dtype)
        held = dict(zip(over.mine, own, strict=True))
        send = {(c, t): value.contiguous() for c, value in held.items() for t in to if t != c}
        sent.forward(send, len(own[0]))
        came = over.swap(send, {(c, t): ctx.like for t in to if t in held for c in range(over.columns) if c != t})
        return tuple(
            torch.cat([held[c] if c == mine else came[c, mine] for c in range(over.columns)], 1)
            if mine in to
            else value.new_empty(0)
            for mine, value in held.items()
        )

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyrefly: ignore[bad-override]
        over, to = ctx.over, ctx.to
        parts = {c: grad.chunk(over.columns, 1) for c, grad in zip(over.mine, grads, strict=True) if c in to}
        send = {(t, c): parts[t][c].contiguous() for t in parts for c in range(over.columns) if c != t}
        ctx.sent.back(send, ctx.like[0][0])
        came = over.swap(send, {(t, c): ctx.like for c in over.mine for t in to if c != t})
        found: list[Tensor] = []
        for mine in over.mine:
            of = [parts[mine][mine] if t == mine else came[t, mine] for t in to]
            total = of[0].contiguous()
            for one in of[1:]:
                total = total + one
            found.append(total)
        return (None, None, None, *found)
