"""Is the network in columns the one in one process: logits, gradients, weights after training, what travels?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet import draws
from alexnet.config import ModelConfig, OptimConfig
from alexnet.edits import edited
from alexnet.model.columns import Columns
from alexnet.model.exchange import Devices, Processes
from alexnet.model.network import AlexNet
from alexnet.model.weights import load_weights, save_weights
from alexnet.model.wiring import traffic
from alexnet.tables import Table, conv, dense, dropout, relu
from alexnet.training.optim import Velocity, groups

#: Largest differences allowed after training, by type of number (DESIGN: all equalities but bit-equal ones).
WITHIN = {torch.float64: 1e-10, torch.float32: 1e-4}
CPUS = {columns: ["cpu"] * columns for columns in (2, 4)}


def narrow(**model: Any) -> Table:
    """A quarter of the width of a small table, ten classes."""
    return edited(ModelConfig(**({"table": "small-paper", "width": 0.25} | model)), 10)


def pictures(count: int, size: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, size, size, generator=generator, dtype=torch.float64).to(dtype)


def both(table: Table, columns: int, dtype: torch.dtype = torch.float64, **fields: Any) -> tuple[AlexNet, Columns]:
    fields = {"init": "he", "seed": 3} | fields
    return AlexNet(10, table, **fields).to(dtype), Columns(10, table, over=Devices(CPUS[columns]), **fields).to(dtype)


def trained(network: AlexNet | Columns, table: Table, steps: int, dtype: torch.dtype) -> None:
    """Section 5's rule with dropout, other pictures in every step, on biases as on weights."""
    optimizer = Velocity(groups(network, table, OptimConfig()), rate=0.01)
    network.train()
    for step in range(1, steps + 1):
        images, labels = pictures(2, table.size, dtype, seed=step), torch.tensor([step % 10, step % 7])
        optimizer.zero_grad()
        logits = network(images, draws.keys(5, step, torch.arange(2)))
        loss = F.cross_entropy(logits, labels.to(logits.device)) if logits is not None else None
        network.backward(loss) if isinstance(network, Columns) else loss.backward()  # type: ignore[union-attr]
        optimizer.step()


def gradients(network: nn.Module) -> dict[str, Tensor]:
    found = {name: weight.grad for name, weight in network.named_parameters()}
    assert all(grad is not None for grad in found.values())
    return found  # type: ignore[return-value]


def assert_near(found: dict[str, Tensor] | None, wanted: dict[str, Tensor], within: float) -> None:
    assert found is not None
    assert list(found) == list(wanted)
    torch.testing.assert_close(found, wanted, rtol=within, atol=within)


#: Tables in so many columns, and what differs between them: joints, batch statistics, layers without shared weights.
TABLE_OF: dict[str, tuple[int, dict[str, Any]]] = {
    "small-paper": (2, {}),
    "in four": (4, {"columns": 4}),
    "source": (2, {"table": "source", "width": 1 / 16}),
    "small-separate": (2, {"table": "small-separate"}),
    "small-six-conv": (2, {"table": "small-six-conv"}),
    "quick": (2, {"table": "quick", "columns": 2}),
    "residual": (2, {"residual": True}),
    "inverted": (4, {"columns": 4, "dropout_mode": "inverted", "dropout": 0.3}),
    "without conv1": (2, {"without": ("conv1",)}),
    "lenet": (2, {"table": "lenet", "columns": 2, "width": 1.0}),
    "local": (2, {"table": "cifar-11", "columns": 2, "norm": "none"}),
    "dilated": (2, {"dilation": 2}),
}


@pytest.mark.parametrize("name", TABLE_OF)
def test_logits_gradients_and_traffic_are_those_of_one_process(name: str) -> None:
    columns, model = TABLE_OF[name]
    table = narrow(**model)
    size = 67 if name == "source" else table.size
    one, cut = both(table, columns, size=size)
    images, keys, labels = pictures(3, size), draws.keys(0, 1, torch.arange(3)), torch.tensor([1, 7, 7])
    wanted, found = one(images, keys), cut(images, keys)
    assert found is not None
    assert float(wanted.detach().std()) > 0
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    F.cross_entropy(wanted, labels).backward()
    cut.backward(F.cross_entropy(found, labels))
    assert_near(cut.whole(gradients(cut)), gradients(one), 1e-10)
    assert_near(cut.whole_state(), one.state_dict(), 1e-10)  # with running statistics
    reckoned = traffic(table, columns, size, num_classes=10)
    assert [one.row for one in reckoned] == list(cut.sent)
    for place in reckoned:
        sent = cut.sent[place.row]
        assert sent.pictures == sent.pictures_back == 3
        assert sent.values == sent.values_back == 3 * place.values > 0
        assert sent.bytes == sent.bytes_back == 3 * place.size(8)
    torch.testing.assert_close(cut.eval()(images), one.eval()(images), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", WITHIN, ids=str)
@pytest.mark.parametrize("columns", [2, 4])
def test_weights_after_a_hundred_steps(columns: int, dtype: torch.dtype) -> None:
    table = narrow(columns=columns, width=0.125)
    one, cut = both(table, columns, dtype)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    trained(one, table, 100, dtype)
    trained(cut, table, 100, dtype)
    assert all(not torch.equal(value, before[name]) for name, value in one.state_dict().items())
    assert_near(cut.whole_state(), one.state_dict(), WITHIN[dtype])


def test_dropout_masks_are_those_of_the_whole_layer() -> None:
    """Without dropout or with another first lane, the gradients above would differ; here the lanes themselves."""
    table = narrow(columns=4)
    cut = Columns(10, table, over=Devices(CPUS[4]))
    keys, units = draws.keys(0, 1, torch.arange(2)), 128
    masks = []
    for part in cut.parts.values():
        drop = part.classifier["drop6"]  # type: ignore[union-attr, index]
        masks.append(drop(torch.ones(2, units // 4), keys))
    assert torch.equal(torch.cat(masks, 1), (draws.uniform(keys, "dropout:drop6", units) < 0.5).float())


@pytest.mark.parametrize(
    ("init", "model"),
    [("paper", {}), ("torch", {"table": "quick", "columns": 4}), ("table", {"table": "cifar-13", "columns": 2})],
)
def test_a_checkpoint_of_one_loads_in_the_other(init: Any, model: dict[str, Any], tmp_path: Path) -> None:
    table = narrow(**model)
    columns = max(row.columns for row in table.layers)
    one = AlexNet(10, table, init=init, seed=11)
    cut = Columns(10, table, init=init, seed=11, over=Devices(CPUS[columns]))
    assert_equal(cut.whole_state(), one.state_dict())  # slices of the same draws
    other = Columns(10, table, init="empty", over=Devices(CPUS[columns]))
    other.load_whole(AlexNet(10, table, seed=12).state_dict())
    save_weights(tmp_path / "columns.safetensors", other.whole_state() or {}, {})
    one.load_state_dict(load_weights(tmp_path / "columns.safetensors").state)
    save_weights(tmp_path / "one.safetensors", one, {})
    assert (tmp_path / "one.safetensors").read_bytes() == (tmp_path / "columns.safetensors").read_bytes()
    cut.load_whole(load_weights(tmp_path / "one.safetensors").state)
    for name, value in cut.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])


def assert_equal(found: dict[str, Tensor] | None, wanted: dict[str, Tensor]) -> None:
    assert found is not None
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_weights_that_do_not_fit_change_nothing() -> None:
    table = narrow()
    cut = Columns(10, table, over=Devices(CPUS[2]))
    before = cut.whole_state()
    state = AlexNet(10, table, seed=1).state_dict()
    for wrong in ({**state, "features.conv1.bias": torch.zeros(5)}, {"features.conv1.bias": torch.zeros(8)}):
        with pytest.raises(ValueError, match="do not fit the network"):
            cut.load_whole(wrong)
    assert_equal(cut.whole_state(), before or {})


def test_both_halves_work_where_they_lie() -> None:
    """A change in the other column's first layer reaches a column's conv3 and nothing before it."""
    table = narrow()
    cut = Columns(10, table, over=Devices(CPUS[2])).eval()
    seen: dict[str, Tensor] = {}
    part: Any = cut.parts["0"]
    for name in ("conv1", "conv2", "pool2", "conv3", "conv5"):
        part.features[name].register_forward_hook(lambda _m, _x, out, name=name: seen.update({name: out.clone()}))
    images = pictures(2, 28, torch.float32)
    with torch.no_grad():
        cut(images)
        before = dict(seen)
        cut.parts["1"].features["conv1"].weight.mul_(-1)  # type: ignore[union-attr, index, operator]
        cut(images)
    assert {name for name in seen if not torch.equal(seen[name], before[name])} == {"conv3", "conv5"}


def test_rows_that_read_several_of_all_columns() -> None:
    """Joined as in one process: each row's maps of all columns, one row after another."""
    rows = (
        conv("conv1", 4, 5, stride=2),
        conv("conv2", 4, 3, pad=1, columns=2),
        conv("conv3", 4, 3, pad=1, columns=1, inputs=("conv1", "conv2")),
        relu("relu3"),
        dense("fc6", 8, inputs=("relu3", "conv1")),
        relu("relu6"),
        dropout("drop6"),
        dense("fc8", 0),
    )
    table = Table(name="joined", summary="", layers=rows, size=11)
    one, cut = both(table, 2)
    images, keys = pictures(3, 11), draws.keys(0, 1, torch.arange(3))
    wanted, found = one(images, keys), cut(images, keys)
    assert found is not None
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-10)
    wanted.square().sum().backward()
    found.square().sum().backward()  # in one process backward() of the loss is enough
    assert_near(cut.whole(gradients(cut)), gradients(one), 1e-10)


def test_calls_in_the_wrong_order_or_with_the_wrong_things() -> None:
    cut = Columns(10, narrow(), over=Devices(CPUS[2]))
    with pytest.raises(ValueError, match="call the network first"):
        cut.backward(torch.zeros(()))
    logits = cut(pictures(2, 28, torch.float32))
    assert logits is not None
    assert logits.shape == (2, 10)
    with pytest.raises(ValueError, match="gives backward its loss"):
        cut.backward()
    with pytest.raises(ValueError, match="pictures of 28 x 28"):
        cut(pictures(2, 32, torch.float32))
    with pytest.raises(ValueError, match="two devices or more"):
        Devices(["cpu"])
    with pytest.raises(ValueError, match="no group of processes"):
        Processes()


def test_without_keys_the_masks_are_torchs() -> None:
    one, cut = both(narrow(), 2)
    images = pictures(2, 28)
    torch.manual_seed(4)
    wanted = one(images)
    torch.manual_seed(4)
    torch.testing.assert_close(cut(images), wanted)


def test_a_frozen_beginning_sends_nothing_back() -> None:
    cut = Columns(10, narrow(), over=Devices(CPUS[2]))
    for name, weight in cut.named_parameters():
        weight.requires_grad_(name.split(".")[3] in ("fc7", "fc8"))
    logits = cut(pictures(2, 28, torch.float32))
    assert logits is not None
    cut.backward(logits.sum())
    assert {row: sent.values_back > 0 for row, sent in cut.sent.items()} == {
        "pool2": False,
        "pool5": False,
        "drop6": False,
        "drop7": True,
    }


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_gpus() -> None:
    """On two where there are two, else both on one."""
    last = torch.cuda.device_count() - 1
    table = narrow()
    one = AlexNet(10, table, init="he", seed=3).double()
    cut = Columns(10, table, over=Devices(["cuda:0", f"cuda:{min(last, 1)}"]), init="he", seed=3).double()
    trained(one, table, 20, torch.float64)
    trained(cut, table, 20, torch.float64)
    assert_near(cut.whole_state(), one.state_dict(), 1e-10)
