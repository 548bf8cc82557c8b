"""Do networks start with the named weights, the same on every device and in any number of parts?"""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from alexnet.edits import complete, edited
from alexnet.model import initialize as module
from alexnet.model.initialize import InitSet, initialize, starts
from alexnet.model.local import LocalConv2d
from alexnet.model.network import AlexNet
from alexnet.settings import ModelConfig
from alexnet.tables import PAPER, TABLES

#: The first three weights of the first convolution, seed 0, deviation .01.
RECORDED = [-0.0074116382747888565, -0.0005893469788134098, 0.003210514085367322]


def weights(init: InitSet, table: str = "cifar-26", seed: int = 0) -> AlexNet:
    return AlexNet(10, table, init=init, seed=seed)


def of(network: AlexNet, name: str) -> nn.Conv2d | nn.Linear:
    layer = network.layer(name)
    assert isinstance(layer, nn.Conv2d | nn.Linear)
    return layer


def biases(table: str, init: InitSet) -> dict[str, float]:
    return {name: start.bias for name, start in starts(complete(table), init).items()}


def deviations(table: str, init: InitSet) -> dict[str, float]:
    return {name: start.sd for name, start in starts(complete(table), init).items()}


def test_the_named_sets_go_by_position() -> None:
    """Convolution 2, 4 and all later ones, and the hidden dense layers, whatever they are called."""
    names = ("conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "fc6", "fc7", "fc8")
    assert biases("six-conv", "paper") == dict(zip(names, (0, 1, 0, 1, 1, 1, 1, 1, 0), strict=True))
    assert biases("cifar-26", "paper") == {"conv1": 0, "conv2": 1, "conv3": 0, "fc64": 1, "fc10": 0}
    assert biases("cifar-18", "source") == {"conv1": 0, "conv2": 1, "conv3": 0, "fc10": 0}
    assert deviations("cifar-26", "source")["conv3"] == 0.03


@pytest.mark.parametrize(("table", "init"), [("paper", "paper"), ("source", "source")])
def test_the_tables_rows_are_their_named_sets(table: str, init: InitSet) -> None:
    assert starts(complete(table), "table") == starts(complete(table), init)


def test_caffes_set_has_small_biases() -> None:
    assert set(biases("paper", "caffe").values()) == {0, 0.1}
    assert {name for name, bias in biases("paper", "caffe").items() if bias} == {
        name for name, bias in biases("paper", "paper").items() if bias
    }


@pytest.mark.parametrize("name", ["conv2", "fc64"])
def test_normal_weights_are_normal(name: str) -> None:
    layer = of(weights("paper"), name)
    values = layer.weight.detach().double().flatten() / 0.01
    count = len(values)
    assert abs(float(values.mean())) < 5 / count**0.5
    assert float(values.square().mean()) == pytest.approx(1, abs=5 * (2 / count) ** 0.5)
    assert float(values.pow(4).mean()) == pytest.approx(3, abs=5 * (96 / count) ** 0.5)
    assert torch.equal(layer.bias, torch.ones_like(layer.bias))


def test_torchs_set_is_torchs() -> None:
    layer = of(weights("torch"), "fc64")
    theirs = nn.Linear(1024, 64)
    for own, other in ((layer.weight.detach(), theirs.weight), (layer.bias.detach(), theirs.bias)):
        assert own.abs().max() <= 1 / 32
        assert float(own.std()) == pytest.approx(float(other.detach().std()), rel=0.25 if own.ndim == 1 else 0.02)
    assert len(set(layer.bias.tolist())) > 60


def test_he_keeps_the_scale_of_relus() -> None:
    network = weights("he")
    for name, inputs in (("conv2", 32 * 25), ("fc64", 1024)):
        assert float(of(network, name).weight.detach().std()) == pytest.approx(math.sqrt(2 / inputs), rel=0.03)
        assert not of(network, name).bias.any()


def test_slims_weights_are_uniform_and_cut_normal() -> None:
    """Glorot's bound; N(0, .005) without what lies beyond two deviations, whose own deviation is .8796 of it."""
    network = AlexNet(7, "slim", size=67)
    weight = of(network, "conv3").weight.detach()
    bound = math.sqrt(6 / (9 * (192 + 384)))
    assert 0.999 * bound < float(weight.abs().max()) <= bound
    assert float(weight.std()) == pytest.approx(bound / math.sqrt(3), rel=0.01)
    weight = of(network, "fc8").weight.detach()
    assert 0.0099 < float(weight.abs().max()) <= 0.01
    assert float(weight.std()) == pytest.approx(0.8796 * 0.005, rel=0.01)
    assert float(of(network, "fc6").bias.detach().unique()) == pytest.approx(0.1)


def test_locally_connected_layers_start_as_their_row_says() -> None:
    network = AlexNet(10, "cifar-13")
    for name, inputs in (("local3", 576), ("local4", 288)):
        layer = network.layer(name)
        assert isinstance(layer, LocalConv2d)
        assert layer.weight.shape == (36, inputs, 32)
        assert float(layer.weight.detach().std()) == pytest.approx(0.04, rel=0.01)
        assert layer.bias is not None
        assert not layer.bias.any()
        initialize(network, "he")
        assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / inputs), rel=0.01)
        initialize(network, "torch")
        assert 0.99 / math.sqrt(inputs) < float(layer.weight.detach().abs().max()) <= 1 / math.sqrt(inputs)
        initialize(network, "table")
    assert biases("cifar-13", "paper") == {"conv1": 0, "conv2": 1, "local3": 0, "local4": 1, "fc10": 0}


@pytest.mark.parametrize("init", ["paper", "he"])
def test_what_edits_add_starts_the_same_in_every_set(init: InitSet) -> None:
    for attention, name in (("self", "inward"), ("squeeze-excite", "down")):
        table = edited(ModelConfig(table="quick", residual=True, attention=attention), 4)  # type: ignore[arg-type]
        network = AlexNet(4, table, init=init)
        project = network.layer("project3")
        assert isinstance(project, nn.Conv2d)
        assert float(project.weight.detach().std()) == pytest.approx(math.sqrt(2 / 128), rel=0.02)
        weight = network.get_parameter(f"features.attention5.{name}").detach()
        assert 0.98 / math.sqrt(128) < float(weight.abs().max()) <= 1 / math.sqrt(128)
        rest = [value for name, value in network.layer("attention5").named_parameters() if name.endswith("bias")]
        assert not any(value.any() for value in rest)


def test_recorded_values() -> None:
    """Of seed 0: a change to them is a change of every run's numbers, and of config.NUMERICS_VERSION."""
    network = weights("paper")
    first = of(network, "conv1").weight.detach().flatten()[:3]
    torch.testing.assert_close(first, torch.tensor(RECORDED), rtol=1e-6, atol=0)


def test_equal_names_and_seeds_give_equal_weights_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    network, other = weights("paper"), weights("paper", table="cifar-18")
    assert torch.equal(of(network, "conv2").weight, of(other, "conv2").weight)
    assert not torch.equal(of(network, "conv2").weight, of(weights("paper", seed=1), "conv2").weight)
    units = of(network, "conv2").weight.flatten(1)
    assert len(torch.unique(units, dim=0)) == len(units)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    threads = torch.get_num_threads()
    try:
        for at_once, count in ((1, 1), (10**9, 2)):
            monkeypatch.setattr(module, "_AT_ONCE", at_once)
            torch.set_num_threads(count)
            initialize(network, "paper")
            assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    finally:
        torch.set_num_threads(threads)


def test_a_network_in_another_layout_starts_the_same() -> None:
    plain, turned = weights("paper"), weights("paper", seed=9).to(memory_format=torch.channels_last)
    initialize(turned, "paper")
    assert torch.equal(of(plain, "conv3").weight, of(turned, "conv3").weight)


def test_batch_normalization_starts_as_torchs() -> None:
    norm = AlexNet(4, "quick").layer("norm3")
    assert isinstance(norm, nn.BatchNorm2d)
    fresh = nn.BatchNorm2d(norm.num_features)
    assert all(torch.equal(value, fresh.state_dict()[name]) for name, value in norm.state_dict().items())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("init", ["table", "paper", "source", "caffe", "torch", "he"])
def test_every_row_with_weights_has_a_start(name: str, init: InitSet) -> None:
    table = complete(name)
    assert set(starts(table, init)) == {row.name for row in table.layers if row.kind in ("conv", "local", "dense")}


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(ValueError, match="'xavier' are not known; they are one of table, paper, source"):
        starts(PAPER, "xavier")  # type: ignore[arg-type]
