"""Is the measured curvature the largest Gauss-Newton eigenvalue?"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from alexnet import draws
from alexnet.model.network import AlexNet
from alexnet.training.bound import largest_curvature, safe_rate


class Small(nn.Module):
    """A network small enough for its whole Gauss-Newton matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(12, 5)
        self.last = nn.Linear(5, 4)

    def forward(self, images: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        return self.last(torch.tanh(self.first(images.flatten(1))))  # type: ignore[no-any-return]


def whole_matrix(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """J' H J / N, row by row: the definition once more."""
    weights = list(network.parameters())
    logits = network(images, torch.arange(len(images)))
    total = sum(w.numel() for w in weights)
    matrix = torch.zeros(total, total)
    for picture in range(len(images)):
        rows = [
            torch.cat([g.flatten() for g in torch.autograd.grad(logits[picture, k], weights, retain_graph=True)])
            for k in range(logits.shape[1])
        ]
        jacobian = torch.stack(rows)  # K,weights
        p = logits[picture].detach().softmax(0)
        matrix += jacobian.T @ (torch.diag(p) - torch.outer(p, p)) @ jacobian / len(images)
    return matrix


def test_it_equals_the_whole_matrixs_largest_eigenvalue() -> None:
    torch.manual_seed(0)
    network, images = Small(), torch.randn(6, 3, 2, 2)
    expected = float(torch.linalg.eigvalsh(whole_matrix(network, images))[-1])
    got = largest_curvature(network, images, torch.arange(6), tolerance=1e-4)
    assert got == pytest.approx(expected, rel=1e-3)


def test_the_network_is_left_as_it_was() -> None:
    network = AlexNet(10, "quick").eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    largest_curvature(network, torch.randn(4, 3, 32, 32), draws.keys(0, 1, torch.arange(4)), products=2)
    assert not network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(weight.grad is None for weight in network.parameters())


def test_a_normalized_output_has_a_known_curvature() -> None:
    """One layer, K equal logits: the eigenvalue is the inputs' mean square norm (with the bias) over K."""
    network = Small()
    for weight in network.parameters():
        nn.init.zeros_(weight)
    nn.init.constant_(network.first.bias, math.atanh(0.5))
    for frozen in (network.first.weight, network.first.bias):
        frozen.requires_grad_(False)
    got = largest_curvature(network, torch.randn(8, 3, 2, 2), torch.arange(8))
    assert got == pytest.approx((5 * 0.25 + 1) / 4, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("table", "classes", "low", "high"), [
    ("paper", 10, 0.001, 0.002), ("source", 10, 0.0005, 0.001), ("paper", 1000, 0.01, 1), ("source", 1000, 0.01, 1),
])  # fmt: skip
def test_ten_classes_need_about_a_thousandth_and_a_thousand_leave_a_hundredth(
    table: str, classes: int, low: float, high: float
) -> None:
    smooth = torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 60
    images = nn.functional.interpolate(smooth, size=(224, 224), mode="bicubic")
    curvature = largest_curvature(
        AlexNet(classes, table), images, draws.keys(0, 1, torch.arange(16)), products=6, tolerance=0.05
    )
    assert low <= safe_rate(curvature, 0.9) <= high
