"""Are the sizes that the summary tells those of the real network?"""

from __future__ import annotations

import json

import pytest

from alexnet.model.network import AlexNet
from alexnet.model.summary import summarize
from alexnet.tables import TABLES


@pytest.mark.parametrize("name", ["cifar-26", "cifar-18", "quick"])
def test_parameters_are_those_of_the_network(name: str) -> None:
    found = summarize(name, 10)
    assert found.parameters == sum(weight.numel() for weight in AlexNet(10, name, init="empty").parameters())
    assert found.parameters == sum(layer.parameters for layer in found.layers)
    assert found.macs == sum(layer.macs for layer in found.layers)


def test_by_hand() -> None:
    found = summarize("cifar-18", 10)
    by_name = {layer.name: layer for layer in found.layers}
    assert by_name["conv1"].macs == 32 * 32 * 32 * 5 * 5 * 3
    assert by_name["conv2"].parameters == 32 * 32 * 25 + 32
    assert by_name["fc10"].macs == 64 * 16 * 10
    assert by_name["norm1"].output == (32, 16, 16)
    assert found.units == 32 * 32 * 32 + 32 * 16 * 16 + 64 * 8 * 8 + 10
    assert found.train_flops == 2 * (3 * found.macs - by_name["conv1"].macs)
    # picture, conv1, pool1, norm1, conv2, pool2, norm2, conv3, pool3, fc10
    stored = 3072 + 32768 + 2 * 8192 + 8192 + 2 * 2048 + 4096 + 1024 + 10
    assert found.activations == 4 * stored


@pytest.mark.parametrize("name", TABLES)
def test_it_can_be_written_as_json(name: str) -> None:
    found = summarize(name)
    values = json.loads(json.dumps(found.to_dict()))
    assert values["table"] == name
    assert values["parameters"] == found.parameters
    assert values["macs"] == found.macs
    assert [layer["name"] for layer in values["layers"]] == [row.name for row in TABLES[name].layers]
    assert values["memory"] == {
        "weights": 4 * found.parameters,
        "training_state": 12 * found.parameters,
        "activations": found.activations,
    }


def test_other_sizes_and_classes() -> None:
    small = summarize("paper", 10, 67)
    assert (small.size, small.classes) == (67, 10)
    assert small.layers[-1].output == (10,)
    assert small.parameters == summarize("paper", 10).parameters - 4096 * (9216 - 256)


def test_what_cannot_be_built_is_told() -> None:
    with pytest.raises(ValueError, match="did you mean 'one-column'"):
        summarize("one_column")
    with pytest.raises(ValueError, match="too small"):
        summarize("paper", size=30)
