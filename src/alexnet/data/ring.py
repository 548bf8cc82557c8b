"""How do pictures reach a GPU while it computes? Through a ring of pinned buffers, each used again when it is copied.

Pinned memory alone is copied without the processor, beside the computation; it is dear to make, so it is made once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from alexnet.data.prepared import Batch

#: Buffers: one is filled while another is copied; the third evens out who is faster.
SLOTS = 3


class Carrier(Protocol):
    """Who copies to a device, in an order of its own beside the computation."""

    def buffer(self, shape: tuple[int, ...]) -> Tensor:
        """Memory to copy from, uint8."""
        ...

    def copying(self) -> AbstractContextManager[object]:
        """Within it what is sent to the device is sent in the carrier's order."""
        ...

    def copy(self, pixels: Tensor) -> Tensor:
        """Begin to copy; the result may be read after `receive`, `pixels` may be changed after `wait`."""
        ...

    def mark(self) -> Any:
        """The place in the order that is reached when all that was begun so far is done."""
        ...

    def wait(self, mark: Any) -> None:
        """Wait until that place is reached."""
        ...

    def receive(self, tensors: list[Tensor], mark: Any) -> None:
        """Let the computation, not the caller, wait for that place before it reads the tensors."""
        ...


class Cuda:
    """Copies on a stream of its own, marked by events."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.stream = torch.cuda.Stream(self.device)

    def buffer(self, shape: tuple[int, ...]) -> Tensor:
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)

    def copying(self) -> AbstractContextManager[object]:
        return torch.cuda.stream(self.stream)  # type: ignore[return-value]

    def copy(self, pixels: Tensor) -> Tensor:
        return pixels.to(self.device, non_blocking=True)

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event()
        event.record(self.stream)
        return event

    def wait(self, mark: torch.cuda.Event) -> None:
        mark.synchronize()

    def receive(self, tensors: list[Tensor], mark: torch.cuda.Event) -> None:
        computing = torch.cuda.current_stream(self.device)
        computing.wait_event(mark)
        for tensor in tensors:
            tensor.record_stream(computing)  # its memory is given to no later copy before the computation is done


def carrier_for(device: str) -> Carrier | None:
    """Who copies to the device; None where nothing needs to be carried."""
    return Cuda(device) if device.startswith("cuda") else None


@dataclass
class _Slot:
    """A buffer, and the mark after its last copy."""

    buffer: Tensor | None = None
    mark: Any = None


class Ring:
    """Buffers for batches of at most `pictures` squares of `size` pixels."""

    def __init__(self, carrier: Carrier, pictures: int, size: int) -> None:
        self.carrier = carrier
        self._shape = (pictures, 3, size, size)
        self._slots = [_Slot() for _ in range(SLOTS)]
        self._turn = 0
        # An epoch that was left early may still be filling a buffer when the next one begins.
        self._lock = threading.Lock()

    def send(self, count: int, fill: Callable[[np.ndarray], object]) -> Tensor:
        """Begin to copy `count` squares that `fill` writes into uint8 (count, 3, S, S); they are whole after a mark."""
        with self._lock:
            slot = self._slots[self._turn]
            self._turn = (self._turn + 1) % SLOTS
            if slot.buffer is None:
                slot.buffer = self.carrier.buffer(self._shape)
            if slot.mark is not None:
                self.carrier.wait(slot.mark)  # else what is being copied would be overwritten
            part = slot.buffer[:count]
            fill(part.numpy())
            sent = self.carrier.copy(part)
            slot.mark = self.carrier.mark()
            return sent


def tensors_of(batch: Batch) -> list[Tensor]:
    """All tensors of a batch and of its partners."""
    found = [batch.images, batch.labels, batch.index]
    found += [] if batch.numbers is None else [batch.numbers]
    return found + ([] if batch.partners is None else tensors_of(batch.partners))
