"""Do convolutions that are computed otherwise give the same, forward and backward?"""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alexnet.config import Config, patch
from alexnet.edits import edited
from alexnet.model.arrange import arrange, dense, space_to_depth, split
from alexnet.model.network import AlexNet


def compare(ours: Callable[..., Tensor], theirs: Callable[..., Tensor], *tensors: Tensor) -> None:
    """Values and gradients, in float64 to 1e-12 of the largest."""
    got, want = ours(*tensors), theirs(*tensors)
    assert got.shape == want.shape
    pushed = torch.randn(want.shape, dtype=want.dtype, generator=torch.Generator().manual_seed(9))
    pairs = zip(
        (got, *torch.autograd.grad(got, tensors, pushed)),
        (want, *torch.autograd.grad(want, tensors, pushed)),
        strict=True,
    )
    for one, other in pairs:
        assert (one - other).abs().max() <= 1e-12 * max(1.0, float(other.detach().abs().max()))


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).requires_grad_()


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.integers(1, 11),
    stride=st.integers(2, 4),
    padding=st.integers(0, 3),
    more=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    channels=st.integers(1, 3),
    last=st.booleans(),
)
def test_a_stride_is_folded_into_maps(
    kernel: int, stride: int, padding: int, more: tuple[int, int], channels: int, last: bool
) -> None:
    x = drawn(2, channels, kernel + more[0], kernel + more[1])
    if last:
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    compare(
        lambda x, w, b: space_to_depth(x, w, b, stride=stride, padding=padding),
        lambda x, w, b: F.conv2d(x, w, b, stride, padding),
        x, drawn(5, channels, kernel, kernel, seed=1), drawn(5, seed=2),
    )  # fmt: skip


@pytest.mark.parametrize("way", [split, dense])
@pytest.mark.parametrize("columns", [2, 3])
@pytest.mark.parametrize("fields", [{"padding": 2}, {"stride": 2, "padding": 1, "dilation": 2}])
def test_columns_by_themselves_and_as_one(way: Callable[..., Tensor], columns: int, fields: dict[str, int]) -> None:
    compare(
        lambda x, w, b: way(x, w, b, columns=columns, **fields),
        lambda x, w, b: F.conv2d(x, w, b, groups=columns, **fields),
        drawn(2, 2 * columns, 9, 8), drawn(4 * columns, 2, 3, 3, seed=1), drawn(4 * columns, seed=2),
    )  # fmt: skip


@pytest.mark.parametrize("table", ["paper", "source"])
@pytest.mark.parametrize("grouped", ["split", "dense"])
def test_the_network_stays_the_same(table: str, grouped: str) -> None:
    switches = {"train.grouped": grouped, "train.space_to_depth": True}
    whole = patch(Config(), {"model.table": table, "model.width": 0.125} | switches)
    network, config = AlexNet(3, edited(whole.model, 3), size=67).double(), whole.train
    other = copy.deepcopy(network)
    arrange(other, config)
    assert sum("_conv_forward" in vars(module) for module in other.modules()) == 4, "conv1 and the three in columns"
    other = copy.deepcopy(other)  # as the moving average is made
    assert list(other.state_dict()) == list(network.state_dict())
    images, keys = drawn(2, 3, 67, 67), torch.arange(2)
    weights = dict(network.named_parameters()), dict(other.named_parameters())
    first, second = (one(images, keys) for one in (network, other))
    torch.testing.assert_close(first, second, rtol=1e-10, atol=1e-12)
    grads = [torch.autograd.grad(out.square().sum(), list(own.values())) for out, own in zip((first, second), weights)]
    for name, one, another in zip(weights[0], *grads, strict=True):
        assert (one - another).abs().max() <= 1e-10 * max(1e-9, float(one.abs().max())), name


def test_nothing_is_arranged_unless_asked_for() -> None:
    network = AlexNet(3, "paper", size=67)
    arrange(network, Config().train)
    assert not any("_conv_forward" in vars(module) for module in network.modules())
