"""Is the network its table, run in order, and does `extract` give what each row computes?"""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from alexnet import draws
from alexnet.model.network import AlexNet
from alexnet.tables import CIFAR_26, TABLES, Layer, Table, conv, dense, dropout
from test_model_plan import branching


def small(**fields: object) -> AlexNet:
    """The paper's network for pictures of 67 pixels: all its rows, dense inputs of 256."""
    return AlexNet(10, "paper", size=67, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def network() -> AlexNet:
    return small(init="he")


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(4, 3, 67, 67, generator=torch.Generator().manual_seed(0)) * 58


def test_children_by_name(network: AlexNet) -> None:
    assert [name for name, _ in network.named_children()] == ["features", "classifier"]
    assert next(iter(network.features._modules)) == "conv1"
    assert list(network.features._modules)[-1] == "pool5"
    assert list(network.classifier._modules) == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]
    assert network.layer("conv5") is network.features.conv5
    assert network.layer("fc8") is network.classifier.fc8
    assert "features.conv1.weight" in network.state_dict()
    assert next(iter(AlexNet(5, "torchvision", init="empty").classifier._modules)) == "drop5"


def test_the_parts_called_by_themselves(network: AlexNet, images: Tensor) -> None:
    network.eval()
    maps = network.features(images)
    assert maps.shape == (4, 256, 1, 1)
    assert torch.equal(network.classifier(maps), network(images))
    network.train()


@pytest.mark.parametrize("name", ["paper", "source", "six-conv", "torchvision", "cifar-26", "cifar-18", "quick"])
def test_every_table_trains_and_extracts(name: str) -> None:
    size = {"torchvision": 63}.get(name, 32 if TABLES[name].size == 32 else 67)
    model = AlexNet(3, name, size=size, init="he")
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    logits = model(images, draws.keys(0, 1, torch.arange(2)))
    assert logits.shape == (2, 3)
    logits.square().sum().backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.any(), parameter_name
    found = model.extract(images, ("conv1", model.layer_names[-1]))
    assert torch.equal(found[model.layer_names[-1]], model.eval()(images))


def test_extract_gives_what_a_row_computes(network: AlexNet, images: Tensor) -> None:
    network.train()
    assert network.extract(images, "conv5").shape == (4, 256, 3, 3)
    by_name = network.extract(images, ["fc7", "relu1", "conv1"])
    assert list(by_name) == ["fc7", "relu1", "conv1"]
    assert (by_name["conv1"] < 0).any()  # as computed: no later row has written into it
    assert torch.equal(by_name["relu1"], by_name["conv1"].relu())
    assert torch.equal(network.extract(images, "drop7"), network.extract(images, "relu7") * 0.5)
    assert network.training


def test_extracted_values_are_copies_and_carry_gradients(network: AlexNet, images: Tensor) -> None:
    x = images.clone().requires_grad_()
    relu, norm = network.extract(x, ("relu5", "pool5")).values()
    assert relu.requires_grad
    norm.sum().backward()
    assert x.grad is not None
    assert x.grad.any()
    with torch.no_grad():
        assert not network.extract(x, "fc7").requires_grad
    model = AlexNet(3, "torchvision", size=67)  # its dropout hands on what it is given at test time
    given, handed_on = model.extract(images, ("average", "drop5")).values()
    assert torch.equal(given, handed_on)
    assert given.data_ptr() != handed_on.data_ptr()


def test_extract_leaves_everything_as_it_was(images: Tensor) -> None:
    model = AlexNet(4, "quick", size=67)
    model.layer("norm2").eval()  # a frozen batch normalization stays frozen
    modes = {name: module.training for name, module in model.named_modules()}
    before = copy.deepcopy(model.state_dict())
    model.extract(images, "fc8")
    assert modes == {name: module.training for name, module in model.named_modules()}

    def fail(*_: object) -> Tensor:
        raise RuntimeError("broken on purpose")

    model.layer("conv3").forward = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="on purpose"):
        model.extract(images, "fc8")
    assert modes == {name: module.training for name, module in model.named_modules()}
    assert model.extract(images, "conv2").shape[2:] == (33, 33)  # and rows after the wanted one are not computed
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_unknown_layers_are_answered_with_the_nearest(network: AlexNet, images: Tensor) -> None:
    with pytest.raises(ValueError, match="'paper' has no layer 'conv55'; did you mean 'conv5'"):
        network.extract(images, "conv55")
    with pytest.raises(ValueError, match="it is one of conv1, relu1, norm1"):
        network.layer("zzz")


def test_masks_do_not_depend_on_the_batch(network: AlexNet, images: Tensor) -> None:
    network.train()
    keys = draws.keys(0, 3, torch.arange(4))
    together = network(images, keys)
    apart = torch.cat([network(images[n : n + 1], keys[n : n + 1]) for n in range(4)])
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
    other = network(images, draws.keys(0, 4, torch.arange(4)))
    assert not torch.allclose(together, other, rtol=1e-3)


def test_without_keys_masks_come_from_torchs_generator(network: AlexNet, images: Tensor) -> None:
    network.train()
    torch.manual_seed(7)
    first, second = network(images), network(images)
    torch.manual_seed(7)
    assert torch.equal(network(images), first)
    assert not torch.equal(first, second)
    network.eval()
    state = torch.random.get_rng_state()
    assert torch.equal(network(images), network(images))
    assert torch.equal(torch.random.get_rng_state(), state)
    network.train()


def test_images_the_network_was_not_built_for(network: AlexNet) -> None:
    with pytest.raises(ValueError, match="67 x 67 pixels, not 80 x 67"):
        network(torch.zeros(1, 3, 67, 80))
    with pytest.raises(ValueError, match=r"N,3,height,width, not torch\.float32 of shape \(1, 1, 67, 67\)"):
        network(torch.zeros(1, 1, 67, 67))
    with pytest.raises(ValueError, match=r"float pictures .* not torch\.uint8"):
        network(torch.zeros(1, 3, 67, 67, dtype=torch.uint8))
    with pytest.raises(ValueError, match="one int64 a picture, 2 here"):
        network(torch.zeros(2, 3, 67, 67), torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ValueError, match="one int64 a picture"):
        network(torch.zeros(2, 3, 67, 67), torch.zeros(2))


def test_adaptive_tables_take_all_their_sizes() -> None:
    model = AlexNet(4, "quick").eval()
    for height, width in ((24, 24), (224, 224), (48, 96)):
        assert model(torch.zeros(1, 3, height, width)).shape == (1, 4)
    with pytest.raises(ValueError, match="32 x 32 pixels, not 225 x 32"):
        model(torch.zeros(1, 3, 32, 225))
    ranged = AlexNet(10, replace(CIFAR_26, sizes=(16, 64)), size=16)
    with pytest.raises(ValueError, match="16 x 16 pixels, not 64 x 64"):
        ranged(torch.zeros(1, 3, 64, 64))


def test_what_cannot_be_built_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'paper'"):
        AlexNet(table="papr")
    with pytest.raises(ValueError, match="initial weights 'xavier' are not known"):
        AlexNet(10, "cifar-26", init="xavier")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one class or more"):
        AlexNet(0)


def test_building_touches_no_generator_and_takes_each_seed() -> None:
    state = torch.random.get_rng_state()
    one, again, other = (AlexNet(10, "cifar-26", seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(one.features.conv1.weight, again.features.conv1.weight)
    assert not torch.equal(one.features.conv1.weight, other.features.conv1.weight)
    assert one.training


def test_on_the_meta_device_nothing_is_filled() -> None:
    with torch.device("meta"):
        model = AlexNet()
    assert all(parameter.is_meta for parameter in model.parameters())


def test_copies_and_pickles_compute_the_same(images: Tensor) -> None:
    model = AlexNet(4, "quick", size=67).eval()
    expected = model(images)
    assert torch.equal(copy.deepcopy(model)(images), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(images), expected)


def test_float64_and_channels_last(network: AlexNet, images: Tensor) -> None:
    keys = draws.keys(0, 1, torch.arange(4))
    wide = copy.deepcopy(network).double().train()
    turned = copy.deepcopy(wide).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    expected = wide(images.double(), keys)
    found = turned(images.double().to(memory_format=torch.channels_last), keys)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(network(images, keys).double(), expected, rtol=1e-3, atol=1e-3)


def test_bfloat16_stays_near(network: AlexNet, images: Tensor) -> None:
    network.eval()
    expected = network(images)
    with torch.autocast("cpu", torch.bfloat16):
        found = network(images)
    assert (found - expected).norm() < 0.03 * expected.norm()
    network.train()


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
def test_captured_whole_by_the_compiler() -> None:
    """One graph, dropout masks and normalizations included, with gradients as without."""
    rows = (
        conv("conv1", 8, 3, pad=1, init="he"),
        Layer(name="norm1", kind="response", columns=2),
        Layer(name="within1", kind="within", size=3),
        dropout("drop1"),
        dense("fc", 0, init="he"),
    )
    model = AlexNet(3, Table(name="tiny", summary="", layers=rows, size=8)).double()
    images, keys = torch.rand(2, 3, 8, 8, dtype=torch.float64), draws.keys(0, 1, torch.arange(2))
    torch.compiler.reset()
    captured = torch.compile(model, dynamic=False, fullgraph=True, backend="aot_eager")
    gradients = []
    for one in (model, captured):
        model.zero_grad()
        one(images, keys).square().sum().backward()
        gradients.append([weight.grad.clone() for weight in model.parameters() if weight.grad is not None])
    assert len(gradients[0]) == 4
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(captured(images, keys), model(images, keys), rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler's own
def test_compiled_equals_eager() -> None:
    model = AlexNet(5, "source", size=67).train()
    images, keys = torch.randn(2, 3, 67, 67) * 58, draws.keys(0, 1, torch.arange(2))
    torch.compiler.reset()
    compiled = torch.compile(model, dynamic=False, fullgraph=True)
    torch.testing.assert_close(compiled(images, keys), model(images, keys), rtol=1e-4, atol=1e-5)


def test_a_graph_of_rows_is_computed_as_a_graph() -> None:
    model = AlexNet(2, branching(), init="he").eval()
    assert isinstance(model.features, nn.ModuleDict)  # not to be called in a row
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    stem = model.layer("stem")(images)
    both = torch.cat([model.layer("left")(stem), model.layer("right")(stem)], 1).relu()
    assert torch.equal(model(images), model.layer("fc")(both))
    assert torch.equal(model.extract(images, "both"), both)
