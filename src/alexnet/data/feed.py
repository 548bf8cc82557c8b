"""Which pictures come in which step? (seed, epoch, step) -> a batch on the device; resumable, prefetched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import Empty, Full, Queue
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.config import Config
from alexnet.data.order import epoch_order, numbers, partners
from alexnet.data.prepared import Batch, PreparedSet
from alexnet.data.ring import Ring, carrier_for, tensors_of

#: On a CPU a set of at most so many bytes, and of a quarter of the memory, is held there whole.
RESIDENT = 8 << 30
#: Pictures that are on their way to the device at a time when a set is brought there.
_PIECE = 4096


class Feed:
    """The pictures of some rows of a prepared set, in the order of an epoch or as they lie.

    Args:
        sampling: "all" or "balanced" (`order.py`), of an epoch.
        mixing: an epoch's batches carry a partner for every picture.

    Attributes:
        rows: int64 (n,), row numbers in the prepared set.
        labels: int64 (n,).
    """

    def __init__(
        self,
        prepared: PreparedSet,
        rows: np.ndarray,
        *,
        batch: int,
        device: str,
        memory: int,
        sampling: str = "all",
        mixing: bool = False,
    ) -> None:
        self.prepared, self.rows, self.batch, self.device = prepared, rows, batch, device
        self.sampling, self.mixing = sampling, mixing
        self.labels = torch.as_tensor(prepared.labels[rows], dtype=torch.int64)
        bytes_needed = len(rows) * 3 * prepared.size**2
        self._resident: Tensor | None = None
        # What a batch is taken from lies where the batch goes, row numbers and labels too, so that no step waits for
        # a copy.
        self._labels, self._numbers = self.labels, torch.from_numpy(rows)
        if bytes_needed <= most_resident(device, memory):
            self.hold(self._whole())
        carrier = None if self._resident is not None else carrier_for(device)
        # One more than a batch: see `_starts`.
        self._ring = None if carrier is None else Ring(carrier, min(batch + 1, max(1, len(rows))), prepared.size)

    def __len__(self) -> int:
        return len(self._starts())

    def _starts(self) -> list[int]:
        """Where in the order each batch begins. One picture left over joins the last batch: alone it has no variance
        for batch normalization to divide by."""
        starts = list(range(0, len(self.rows), self.batch))
        return starts[:-1] if len(starts) > 1 and len(self.rows) - starts[-1] == 1 else starts

    def _whole(self) -> Tensor:
        """All pictures on the device; by pieces, so that no second copy of a large set is made on the way."""
        if self.device == "cpu":
            return torch.from_numpy(self.prepared.gather(self.rows))
        whole = torch.empty((len(self.rows), 3, *2 * (self.prepared.size,)), dtype=torch.uint8, device=self.device)
        for start in range(0, len(self.rows), _PIECE):
            piece = self.prepared.gather(self.rows[start : start + _PIECE])
            whole[start : start + _PIECE].copy_(torch.from_numpy(piece))
        return whole

    def take(self, drawn: Tensor, others: Tensor | None = None) -> Batch:
        """The pictures of some draws, int64 (n,) as in `order.py` (positions among the rows are such), and partners."""
        drawn = drawn.to(self._numbers.device)
        places = drawn % max(1, len(self.rows))
        if self._resident is not None:
            images = self._resident.index_select(0, places)
        elif self._ring is not None:
            wanted = self.rows[places.numpy()]
            images = self._ring.send(len(wanted), lambda out: self.prepared.gather(wanted, out))
        else:
            images = torch.from_numpy(self.prepared.gather(self.rows[places.numpy()]))
        return Batch(
            images=self._sent(images),
            labels=self._sent(self._labels[places]),
            index=self._sent(self._numbers[places]),
            numbers=None if self.sampling == "all" else self._sent(numbers(drawn, self._numbers)),
            partners=None if others is None else self.take(others),
        )

    def hold(self, pictures: Tensor) -> None:
        """Take batches from `pictures`, uint8 (n, 3, S, S) on the device, in the order of `rows`, from now on."""
        self._resident = pictures
        self._labels, self._numbers = self._sent(self.labels), self._sent(self._numbers)

    def _sent(self, tensor: Tensor) -> Tensor:
        """On the device; to a GPU without waiting for what that has yet to do."""
        if tensor.device.type == "cpu" and "cuda" in self.device:
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    def epoch(self, seed: int, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch (from 1) in its order, from batch `start` on; the last may be short."""
        order = epoch_order(self.labels, seed, epoch, self.sampling)
        wanted = [order]
        if self.mixing:
            wanted.append(partners(order, torch.from_numpy(self.rows), seed, epoch))
        if self._resident is not None:
            wanted = [self._sent(part) for part in wanted]  # once an epoch; a batch's part of it is a view
        yield from self._ahead(zip(*(part.tensor_split(self._starts()[1:])[start:] for part in wanted), strict=True))

    def straight(self) -> Iterator[Batch]:
        """All pictures once, as they lie in the set."""
        places = torch.arange(len(self.rows), device=self._numbers.device)
        yield from self._ahead((part,) for part in places.split(self.batch))

    def _ahead(self, parts: Iterator[tuple[Tensor, ...]]) -> Iterator[Batch]:
        """`take` of each part's draws; from disk, a thread reads two batches ahead of the computation."""
        if self._resident is not None:
            yield from (self.take(*part) for part in parts)
            return
        ready: Queue[tuple[Batch, Any] | BaseException | None] = Queue(maxsize=2)
        stopped = threading.Event()

        def put(item: tuple[Batch, Any] | BaseException | None) -> None:
            while not stopped.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return
                except Full:
                    continue

        def read() -> None:
            try:
                for part in parts:
                    if stopped.is_set():
                        return
                    put(self._carried(part))
                put(None)
            except BaseException as error:  # whatever stops the reader is raised where the batch is awaited
                put(error)

        reader = threading.Thread(target=read, daemon=True, name="alexnet-feed")
        reader.start()
        try:
            while True:
                try:
                    item = ready.get(timeout=1)
                except Empty:
                    assert reader.is_alive(), "the feed's reader ended without a word"
                    continue
                if item is None:
                    return
                if isinstance(item, BaseException):
                    raise item
                batch, mark = item
                if self._ring is not None:
                    self._ring.carrier.receive(tensors_of(batch), mark)
                yield batch
        finally:
            stopped.set()

    def _carried(self, part: tuple[Tensor, ...]) -> tuple[Batch, Any]:
        """A batch on its way to the device, and the mark where it has arrived."""
        if self._ring is None:
            return self.take(*part), None
        with self._ring.carrier.copying():
            return self.take(*part), self._ring.carrier.mark()


def most_resident(device: str, memory: int) -> int:
    """Bytes of the largest set that is held whole on a device with so much memory; a GPU's serves nothing else."""
    return memory * 2 // 5 if "cuda" in device else min(RESIDENT, memory // 4)


def limited(labels: np.ndarray, rows: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """At most `limit` of `rows`, equally many of every class as far as they go round; all if `limit` is 0.

    Nested: a smaller limit gives a part of what a larger one gives. Order of the result: ascending rows.
    """
    if limit == 0 or limit >= len(rows):
        return rows
    shuffled = rows[draws.order(seed, 0, len(rows)).numpy()]
    by_class = [shuffled[labels[shuffled] == label] for label in np.unique(labels[rows])]
    turns = [(turn, place, row) for place, group in enumerate(by_class) for turn, row in enumerate(group)]
    return np.sort(np.array([row for _, _, row in sorted(turns)[:limit]], dtype=np.int64))


def rows_of(config: Config, prepared: PreparedSet) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers, int64 ascending, of the pictures that a run trains on, and of those that select the best epoch."""
    every = config.data.all_of_train
    rows = prepared.rows("train", "select") if every else prepared.rows("train")
    rows = limited(prepared.labels, rows, config.train.limit, config.train.seed)
    return rows, prepared.selecting[:0] if every else prepared.selecting
