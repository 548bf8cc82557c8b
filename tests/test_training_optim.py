"""Is the update rule section 5's, also across a drop, and are the groups the config's?"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from alexnet.config import OptimConfig
from alexnet.model.network import AlexNet
from alexnet.training.optim import Velocity, groups, make_optimizer

CONSTANT = [0.1, 0.1, 0.1, 0.1]
DROPPED = [0.1, 0.1, 0.01, 0.01]


def plain_rule(rates: Sequence[float], gradients: Sequence[float], momentum: float, decay: float) -> list[float]:
    """Section 5 once more, as a scalar recurrence."""
    weight, velocity, seen = 1.0, 0.0, []
    for rate, gradient in zip(rates, gradients, strict=True):
        velocity = momentum * velocity - decay * rate * weight - rate * gradient
        weight = weight + velocity
        seen.append(weight)
    return seen


def walk(
    optimizer: torch.optim.Optimizer, weight: nn.Parameter, rates: Sequence[float], gradients: Sequence[float]
) -> list[float]:
    seen = []
    for rate, gradient in zip(rates, gradients, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
        seen.append(float(weight.detach()))
    return seen


@pytest.mark.fidelity(
    topic="update rule",
    paper="v <- 0.9 v - 0.0005 rate w - rate g; w <- w + v (section 5)",
    source="weights.cu: inc = mom inc + rate g - wc rate w",
    others="torch.optim.SGD keeps the rate outside the velocity: equal at a constant rate, different after a drop",
    option="--optim.rule velocity | sgd",
)
@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        (CONSTANT, [0.89995, 0.7098600025, 0.438743511749875, 0.094716732899175]),
        (DROPPED, [0.89995, 0.7098600025, 0.5287754554499875, 0.3557967192276979]),
    ],
)
def test_the_papers_rule_across_a_drop(rates: list[float], expected: list[float]) -> None:
    weight = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = Velocity([weight], 0.1, 0.9, 5e-4)
    assert walk(optimizer, weight, rates, [1.0] * 4) == pytest.approx(expected, abs=1e-14)


def test_torchs_rule_differs_after_a_drop() -> None:
    weight = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=5e-4)
    expected = [0.89995, 0.7098600025, 0.6827483534249875, 0.6483444555157092]
    assert walk(optimizer, weight, DROPPED, [1.0] * 4) == pytest.approx(expected, abs=1e-14)


@given(
    st.lists(st.tuples(st.floats(1e-4, 0.5), st.floats(-2, 2)), min_size=1, max_size=12),
    st.floats(0, 0.95),
    st.floats(0, 0.01),
)
def test_the_rule_equals_its_restatement(steps: list[tuple[float, float]], momentum: float, decay: float) -> None:
    rates, gradients = [rate for rate, _ in steps], [gradient for _, gradient in steps]
    weight = nn.Parameter(torch.ones((), dtype=torch.float64))
    got = walk(Velocity([weight], 0.1, momentum, decay), weight, rates, gradients)
    assert got == pytest.approx(plain_rule(rates, gradients, momentum, decay), rel=1e-9, abs=1e-12)


def test_velocity_and_sgd_agree_at_a_constant_rate() -> None:
    weights = [nn.Parameter(torch.linspace(-1, 1, 7, dtype=torch.float64)) for _ in range(2)]
    optimizers = [Velocity([weights[0]], 0.05, 0.9, 0.01), torch.optim.SGD([weights[1]], 0.05, 0.9, weight_decay=0.01)]
    for step in range(10):
        for weight, optimizer in zip(weights, optimizers, strict=True):
            weight.grad = (weight.detach() * (step + 1)).cos()
            optimizer.step()
    torch.testing.assert_close(weights[0], weights[1], rtol=1e-12, atol=1e-12)


@pytest.mark.fidelity(
    topic="a layer whose rate is 0",
    paper="silent",
    source="the update is skipped, velocity and all: the layer is frozen at once",
    others="torch.optim.SGD goes on changing its buffer",
    option="rate 0 in a group",
)
def test_a_rate_of_zero_freezes_at_once() -> None:
    weight = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = Velocity([weight], 0.1, 0.9, 5e-4)
    moved = walk(optimizer, weight, [0.1, 0.0, 0.0], [1.0] * 3)
    assert moved[0] == moved[1] == moved[2]
    velocity = optimizer.state[weight]["velocity"].clone()
    walk(optimizer, weight, [0.0], [1.0])
    assert torch.equal(velocity, optimizer.state[weight]["velocity"])


def test_numbers_out_of_range_are_refused() -> None:
    for bad in ({"rate": -1.0}, {"momentum": 1.0}, {"decay": -0.1}):
        with pytest.raises(ValueError, match="must be 0 or more"):
            Velocity([nn.Parameter(torch.ones(1))], **bad)


@pytest.mark.fidelity(
    topic="rates and decay of biases",
    paper="an equal rate for all layers; the rule decays every weight",
    source="epsB is twice epsW and wc is given to weights alone",
    others="Caffe: bias lr_mult 2, decay_mult 0; torch: all alike",
    option="--optim.bias-rate, --optim.decay-biases",
)
def test_groups_by_layer_and_sort() -> None:
    network = AlexNet(10, "cifar-18")
    text = groups(network, network.table, OptimConfig(decay=0.004))
    assert {group["scale"] for group in text} == {1.0}
    assert all(group["weight_decay"] > 0 for group in text)
    source = groups(network, network.table, OptimConfig(decay=0.004, bias_rate=2.0, decay_biases=False))
    for group in source:
        assert group["scale"] == (2.0 if group["sort"] == "bias" else 1.0)
        expected = {"bias": 0.0, "weight": 1.0 if group["layer"] == "fc10" else 0.004}[group["sort"]]
        assert group["weight_decay"] == pytest.approx(expected)
    assert sum(len(group["params"]) for group in source) == len(list(network.parameters()))


@pytest.mark.parametrize("rule", ["velocity", "sgd", "adamw"])
def test_every_rule_lowers_a_loss(rule: str) -> None:
    network = AlexNet(4, "quick")
    config = OptimConfig(rule=rule, rate=0.001 if rule == "adamw" else 0.02)  # type: ignore[arg-type]
    optimizer = make_optimizer(network, network.table, config)
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 4
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(network(images, torch.arange(16)), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 2
