"""Is the moving average of the weights what its formula says, and is it what is measured and kept?"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from alexnet.training.average import decay_at, follow, make_average


def small() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()


def test_the_average_equals_a_plain_restatement() -> None:
    network = small()
    average = make_average(network, 0.9)
    plain = {name: value.clone() for name, value in network.state_dict().items()}
    random = torch.Generator().manual_seed(0)
    for step in range(120):
        with torch.no_grad():
            for weight in network.parameters():
                weight += torch.randn(weight.shape, generator=random, dtype=weight.dtype)
        network(torch.randn(8, 3, generator=random, dtype=torch.float64))  # moves the running statistics
        follow(average, network, 0.9, step)
        keep = min(0.9, (step + 1) / (step + 10))
        for name, value in network.state_dict().items():
            plain[name] = keep * plain[name] + (1 - keep) * value if value.is_floating_point() else value.clone()
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, plain[name], rtol=1e-12, atol=1e-12)
    assert average.state_dict()["1.num_batches_tracked"] == 120
    assert not any(weight.requires_grad for weight in average.parameters())


def test_early_averages_follow_the_weights() -> None:
    assert decay_at(0, 0.999) == 0.1
    assert decay_at(10_000, 0.999) == 0.999
    assert decay_at(0, 0.05) == 0.05


def test_without_an_average_the_network_itself_is_measured() -> None:
    network = small()
    assert make_average(network, 0.0) is network
    before = {name: value.clone() for name, value in network.state_dict().items()}
    follow(network, network, 0.0, 0)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize("ema", [1.0, -0.1, 2.0])
def test_a_decay_out_of_range_is_refused(ema: float) -> None:
    with pytest.raises(ValueError, match=r"optim\.ema must be 0"):
        make_average(small(), ema)
