"""Is a pinned buffer never written to before its copy is done, and does a GPU get what lies in the set?"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from alexnet.data import feed as feeds
from alexnet.data.feed import Feed
from alexnet.data.prepare import prepare
from alexnet.data.prepared import Batch, PreparedSet
from alexnet.data.ring import SLOTS, Ring, tensors_of
from alexnet.data.sources import list_source


class Lazy:
    """A carrier that copies as late as it may: when somebody waits, not before."""

    def __init__(self) -> None:
        self.begun: list[Callable[[], object]] = []
        self.done = 0
        self.buffers: list[Tensor] = []
        self.inside = 0
        self.one_by_one = threading.Lock()

    def buffer(self, shape: tuple[int, ...]) -> Tensor:
        self.buffers.append(torch.empty(shape, dtype=torch.uint8))
        return self.buffers[-1]

    @contextlib.contextmanager
    def copying(self):  # type: ignore[no-untyped-def]
        self.inside += 1
        yield
        self.inside -= 1

    def copy(self, pixels: Tensor) -> Tensor:
        there = torch.empty_like(pixels)
        self.begun.append(lambda: there.copy_(pixels))
        return there

    def mark(self) -> int:
        return len(self.begun)

    def wait(self, mark: int) -> None:
        with self.one_by_one:
            for begun in self.begun[self.done : mark]:
                begun()
            self.done = max(self.done, mark)

    def receive(self, tensors: list[Tensor], mark: int) -> None:
        assert tensors
        self.wait(mark)


@pytest.fixture
def prepared(picture_folder: Path, tmp_path: Path) -> PreparedSet:
    return prepare(list_source(picture_folder), tmp_path / "out", size=16, workers=1)


def numbered(count: int) -> list[np.ndarray]:
    return [np.full((2, 3, 4, 4), number, np.uint8) for number in range(count)]


def test_a_buffer_is_used_again_only_when_its_copy_is_done() -> None:
    lazy = Lazy()
    ring = Ring(lazy, 3, 4)
    sent = [
        ring.send(2, lambda out, one=one: np.copyto(out, one))  # type: ignore[misc]
        for one in numbered(3 * SLOTS + 1)
    ]
    lazy.wait(lazy.mark())
    for number, one in enumerate(sent):
        assert one.shape == (2, 3, 4, 4)
        assert (one == number).all()
    assert len(lazy.buffers) == SLOTS


def test_without_the_wait_pictures_would_be_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the test above is known to see it."""
    lazy = Lazy()
    ring = Ring(lazy, 3, 4)
    monkeypatch.setattr(lazy, "wait", lambda mark: None)
    sent = [
        ring.send(2, lambda out, one=one: np.copyto(out, one))  # type: ignore[misc]
        for one in numbered(SLOTS + 1)
    ]
    monkeypatch.undo()
    lazy.wait(lazy.mark())
    assert (sent[0] == SLOTS).all()


@pytest.mark.parametrize("mixing", [False, True])
@pytest.mark.parametrize("sampling", ["all", "balanced"])
def test_carried_batches_are_those_of_memory(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch, mixing: bool, sampling: str
) -> None:
    lazy = Lazy()
    monkeypatch.setattr(feeds, "carrier_for", lambda device: lazy)
    found = _both(prepared, "cpu", sampling, mixing)
    assert lazy.begun, "nothing was carried"
    for one, other in found:
        _same(one, other)


def test_an_epoch_that_was_left_does_not_disturb_the_next(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    lazy = Lazy()
    monkeypatch.setattr(feeds, "carrier_for", lambda device: lazy)
    rows = prepared.rows("train")
    carried = Feed(prepared, rows, batch=3, device="cpu", memory=0)
    for _ in range(4):
        next(carried.epoch(0, 1))
    for batch in carried.epoch(0, 2):
        assert np.array_equal(batch.images.numpy(), prepared.gather(batch.index.numpy()))


@pytest.mark.gpu
@pytest.mark.parametrize("mixing", [False, True])
@pytest.mark.parametrize("sampling", ["all", "balanced"])
def test_resident_and_streamed_batches_on_a_gpu_are_the_same(
    prepared: PreparedSet, mixing: bool, sampling: str
) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    for one, other in _both(prepared, "cuda", sampling, mixing):
        _same(one, other)


@pytest.mark.gpu
def test_streaming_beside_a_busy_gpu_loses_nothing(tmp_path: Path) -> None:
    """Squares so large and a GPU so busy that copies wait; then buffers are used again many times."""
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    from alexnet.data.memory import HeldSet

    squares = np.random.default_rng(0).integers(0, 256, (600, 3, 256, 256), np.uint8)
    held = HeldSet(squares, np.arange(600) % 2, ("a", "b"), "crop")
    streamed = Feed(held, np.arange(600), batch=16, device="cuda", memory=0)
    work = torch.randn(4096, 4096, device="cuda")
    seen = []
    for batch in streamed.epoch(0, 1):
        work = torch.tanh(work @ work)
        seen.append((batch.index, batch.images.clone()))
    for index, images in seen:
        assert np.array_equal(images.cpu().numpy(), squares[index.cpu().numpy()])


def _both(prepared: PreparedSet, device: str, sampling: str, mixing: bool) -> list[tuple[Batch, Batch]]:
    rows = prepared.rows("train")
    held, carried = (
        Feed(prepared, rows, batch=3, device=device, memory=memory, sampling=sampling, mixing=mixing)
        for memory in (1 << 34, 0)
    )
    assert held._resident is not None
    assert carried._resident is None
    assert carried._ring is not None
    return list(zip(held.epoch(0, 1), carried.epoch(0, 1), strict=True))


def _same(one: Batch, other: Batch) -> None:
    pairs = list(zip(tensors_of(one), tensors_of(other), strict=True))
    assert len(pairs) == (3 + (one.numbers is not None)) * (1 + (one.partners is not None))
    for left, right in pairs:
        assert left.device == right.device
        assert torch.equal(left, right)
