"""Are columns in processes of their own, talking through gloo, the network in one process?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import distributed, multiprocessing

from alexnet import draws
from alexnet.edits import complete
from alexnet.model.columns import Columns
from alexnet.model.exchange import Devices, Processes
from alexnet.model.network import AlexNet
from alexnet.model.wiring import traffic
from test_model_columns import CPUS, WITHIN, assert_equal, assert_near, gradients, narrow, pictures, trained

pytestmark = pytest.mark.skipif(
    not (distributed.is_available() and distributed.is_gloo_available()), reason="this torch was built without gloo"
)
#: Seconds that a test waits for its processes, and these for each other.
LONGEST = 120
#: A hundred where rounding cannot hide anything; test_model_columns.py has a hundred of both, in one process.
STEPS = {torch.float64: 100, torch.float32: 10}
WORDS = {"init": "he", "seed": 3}


def start(rank: int, size: int, folder: Path) -> None:
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), size)
    distributed.init_process_group(
        "gloo", store=store, rank=rank, world_size=size, timeout=timedelta(seconds=LONGEST // 2)
    )


def process(rank: int, size: int, folder: Path, work: Callable[[], dict[str, Any]]) -> None:
    """What each process runs: the work, whose results are kept by rank."""
    start(rank, size, folder)
    torch.save(work(), folder / f"{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def run(size: int, folder: Path, work: Callable[[], dict[str, Any]]) -> list[dict[str, Any]]:
    """The work in so many processes; its results by rank. Ends within a bounded time, and leaves no process."""
    try:
        started = multiprocessing.spawn(process, (size, folder, work), nprocs=size, join=False)
    except OSError as error:
        pytest.skip(f"no processes can be started here: {error}")
    end = time.monotonic() + LONGEST
    try:
        while not started.join(timeout=1):
            assert time.monotonic() < end, f"the processes have not ended after {LONGEST} seconds"
    finally:
        for one in started.processes:
            if one.is_alive():
                one.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


def counted(cut: Columns) -> dict[str, list[int]]:
    return {row: [sent.values, sent.values_back, sent.bytes, sent.bytes_back] for row, sent in cut.sent.items()}


def in_two() -> dict[str, Any]:
    found: dict[str, Any] = {}
    images, keys, labels = pictures(3, 28), draws.keys(0, 1, torch.arange(3)), torch.tensor([1, 7, 7])
    table = narrow(width=0.125)
    cut = Columns(10, table, over=Processes(), **WORDS).double()
    assert list(cut.parts) == [str(distributed.get_rank())]
    logits = cut(images, keys)
    found["logits"] = logits
    cut.backward(None if logits is None else F.cross_entropy(logits, labels))
    found["gradients"] = cut.whole(gradients(cut))
    found["sent"] = counted(cut)
    with torch.no_grad():
        found["tested"] = cut.eval()(images)
    for dtype in WITHIN:
        cut = Columns(10, table, over=Processes(), **WORDS).to(dtype)
        found[f"first {dtype}"] = cut.whole_state()
        trained(cut, table, STEPS[dtype], dtype)
        found[f"last {dtype}"] = cut.whole_state()
    cut.load_whole(AlexNet(10, table, seed=12).state_dict())
    found["loaded"] = cut.whole_state()
    normed = narrow(table="quick", columns=2, width=0.125)
    cut = Columns(10, normed, over=Processes(), **WORDS).double()
    trained(cut, normed, 3, torch.float64)
    found["normed"] = cut.whole_state()
    mistakes = {"keys": lambda: cut.train()(images), "columns": in_four, "loss": swapped(cut)}
    for name, wrong in mistakes.items():
        with pytest.raises(ValueError) as caught:
            wrong()
        found[name] = str(caught.value)
    return found


def swapped(cut: Columns) -> Callable[[], None]:
    """A loss in the process that has none, none in the one that has it."""

    def call() -> None:
        cut.eval()(pictures(2, 32))
        cut.backward(None if distributed.get_rank() == 0 else torch.zeros((), requires_grad=True))

    return call


def in_four() -> dict[str, Any]:
    table = narrow(columns=4, width=0.125)
    cut = Columns(10, table, over=Processes(), **WORDS).double()
    trained(cut, table, 5, torch.float64)
    return {"last": cut.whole_state(), "sent": counted(cut)}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return run(2, tmp_path_factory.mktemp("two"), in_two)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of this process only."""
    start(0, 1, tmp_path)
    yield
    distributed.destroy_process_group()


def one_process(dtype: torch.dtype = torch.float64) -> tuple[AlexNet, Any]:
    table = narrow(width=0.125)
    return AlexNet(10, table, **WORDS).to(dtype), table  # type: ignore[arg-type]


def test_logits_and_gradients(two: list[dict[str, Any]]) -> None:
    one, _ = one_process()
    images, keys, labels = pictures(3, 28), draws.keys(0, 1, torch.arange(3)), torch.tensor([1, 7, 7])
    wanted = one(images, keys)
    torch.testing.assert_close(two[0]["logits"], wanted, rtol=1e-10, atol=1e-10)
    F.cross_entropy(wanted, labels).backward()
    assert_near(two[0]["gradients"], gradients(one), 1e-10)
    torch.testing.assert_close(two[0]["tested"], one.eval()(images), rtol=1e-10, atol=1e-10)
    assert two[1]["logits"] is two[1]["gradients"] is two[1]["tested"] is None


@pytest.mark.parametrize("dtype", WITHIN, ids=str)
def test_weights_before_and_after_training(two: list[dict[str, Any]], dtype: torch.dtype) -> None:
    """Near the network in one process; bit for bit what two devices in one process give."""
    one, table = one_process(dtype)
    assert_equal(two[0][f"first {dtype}"], one.state_dict())
    assert two[1][f"first {dtype}"] is None
    trained(one, table, STEPS[dtype], dtype)
    assert_near(two[0][f"last {dtype}"], one.state_dict(), WITHIN[dtype])
    cut = Columns(10, table, over=Devices(CPUS[2]), **WORDS).to(dtype)  # type: ignore[arg-type]
    trained(cut, table, STEPS[dtype], dtype)
    assert_equal(two[0][f"last {dtype}"], cut.whole_state() or {})


def test_a_state_of_one_process_comes_back(two: list[dict[str, Any]]) -> None:
    state = AlexNet(10, narrow(width=0.125), seed=12).state_dict()
    assert_equal(two[0]["loaded"], state)


def test_batch_statistics_belong_to_the_column_of_the_map(two: list[dict[str, Any]]) -> None:
    table = narrow(table="quick", columns=2, width=0.125)
    one = AlexNet(10, table, **WORDS).double()  # type: ignore[arg-type]
    trained(one, table, 3, torch.float64)
    assert_near(two[0]["normed"], one.state_dict(), 1e-10)


def sums(results: list[dict[str, Any]]) -> dict[str, list[int]]:
    rows = results[0]["sent"]
    return {row: [sum(numbers) for numbers in zip(*(one["sent"][row] for one in results), strict=True)] for row in rows}


def test_what_was_sent_is_what_was_reckoned(two: list[dict[str, Any]]) -> None:
    reckoned = traffic(narrow(width=0.125), 2, num_classes=10)
    assert sums(two) == {one.row: [3 * one.values] * 2 + [3 * one.size(8)] * 2 for one in reckoned}
    # What the second column holds of fc7 goes to the first, and its gradients back: neither sends both ways.
    assert two[0]["sent"]["drop7"][0] == two[1]["sent"]["drop7"][1] == 0


def test_sentences_of_what_is_wrong(two: list[dict[str, Any]]) -> None:
    for rank, found in enumerate(two):
        assert "need keys (draws.keys) for dropout" in found["keys"]
        assert "has 4 columns, and was to run in 2" in found["columns"]
        assert f"of column {rank}" in found["loss"]


def test_four_columns(tmp_path: Path) -> None:
    four = run(4, tmp_path, in_four)
    table = narrow(columns=4, width=0.125)
    one = AlexNet(10, table, **WORDS).double()  # type: ignore[arg-type]
    trained(one, table, 5, torch.float64)
    assert_near(four[0]["last"], one.state_dict(), 1e-10)
    pictures_seen = 2 * 5
    reckoned = traffic(complete(table, 10), 4, num_classes=10)
    wanted: dict[str, list[int]] = {}
    for place in reckoned:
        wanted[place.row] = [pictures_seen * place.values] * 2 + [pictures_seen * place.size(8)] * 2
    assert sums(four) == wanted


@pytest.mark.usefixtures("alone")
def test_a_group_of_one() -> None:
    with pytest.raises(ValueError, match="two processes or more, and this group has 1"):
        Processes()
