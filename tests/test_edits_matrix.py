"""Does every table with every edit build, compute, learn, tell its layers, and come back from the disk?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from alexnet import draws
from alexnet.config import Config, from_dict, patch, to_dict
from alexnet.edits import edited, edits_of
from alexnet.model.network import AlexNet
from alexnet.model.plan import lay_out
from alexnet.model.summary import summarize
from alexnet.model.weights import load_into, load_weights, save_weights
from alexnet.settings import ModelConfig
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS, TABLES, Table
from alexnet.training.begin import build
from alexnet.training.trained import load_network

EDITS: dict[str, dict[str, Any]] = {
    "none": {},
    **{activation: {"activation": activation} for activation in ACTIVATIONS},
    **{f"norm {norm}": {"norm": norm} for norm in ("none", "response", "batch")},
    "3/2": {"pooling": "3/2"},
    "2/2": {"pooling": "2/2"},
    "1 column": {"columns": 1},
    "2 columns": {"columns": 2},
    "no dropout": {"dropout": 0.0},
    "dropout": {"dropout": 0.3},
    "inverted": {"dropout": 0.5, "dropout_mode": "inverted"},
    "residual": {"residual": True},
    "squeeze-excite": {"attention": "squeeze-excite"},
    "self": {"attention": "self"},
    "dilation": {"dilation": 2},
    "all": {"norm": "batch", "pooling": "2/2", "columns": 2, "residual": True, "attention": "self", "dilation": 2},
    "without conv1": {"without": ("conv1",)},
    "without conv2": {"without": ("conv2",)},
}
#: What a table cannot have, and the words of its sentence.
REFUSED = {
    ("lenet", "residual"): "third to fifth",
    ("lenet", "dilation"): "third to fifth",
    ("lenet", "all"): "third to fifth",
    **{(f"cifar-{n}", edit): "no hidden dense" for n in (18, 13, 11) for edit in ("dropout", "inverted")},
}
CASES = [(table, edit) for table in TABLES for edit in EDITS if (table, edit) not in REFUSED]
#: Six of the activations compute alike wherever they stand: on a table of each sort.
COMPUTED = [
    (table, edit)
    for table, edit in CASES
    if edit not in ACTIVATIONS or edit in ("tanh", "gelu") or table in ("paper", "cifar-13", "lenet", "quick")
]


def side(table: str) -> int:
    """A size at which something is left of the maps, small enough to be quick."""
    return TABLES[table].size if TABLES[table].sizes == (224, 224) else min(TABLES[table].size, 67)


def small(table: str, edit: str) -> Config:
    width = 0.125 if side(table) >= 67 or table == "quick" else 0.5
    changes = {"table": table, "width": width, "classes": 3} | EDITS[edit]
    values = {f"model.{name}": value for name, value in changes.items()}
    return patch(Config(), values | {"augment.crop": side(table)})


def built(config: Config, init: str) -> AlexNet:
    return AlexNet(3, edited(config.model), init=init, size=config.augment.crop)  # type: ignore[arg-type]


@pytest.mark.parametrize(("table", "edit"), COMPUTED, ids=lambda value: value)
def test_it_computes_learns_and_comes_back(table: str, edit: str, tmp_path: Path) -> None:
    config = small(table, edit)
    network = built(config, "he")
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(6, 3, network.size, network.size, generator=generator)
    logits = network(images, draws.keys(0, 1, torch.arange(6)))
    assert logits.shape == (6, 3)
    logits.log_softmax(1)[torch.arange(6), torch.arange(6) % 3].mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name
    with torch.no_grad():
        found = network.extract(images, network.layer_names)
    assert {name: tuple(value.shape[1:]) for name, value in found.items()} == network.shapes
    file = tmp_path / "one.safetensors"
    save_weights(file, network, {"config": to_dict(config)})
    weights = load_weights(file)
    again = built(from_dict(weights.metadata["config"]), "empty").eval()
    load_into(again, weights)
    assert again.table == network.table
    with torch.no_grad():
        assert torch.equal(again(images), found[network.layer_names[-1]])


@pytest.mark.parametrize(("table", "edit"), CASES, ids=lambda value: value)
def test_at_its_full_size_it_can_be_laid_out(table: str, edit: str) -> None:
    """On the meta device, with the sums of its summary; the first dense layer sees maps as large as before."""
    model = ModelConfig(table=table, **EDITS[edit])
    assert edits_of(model) == EDITS[edit]
    rows = edited(model)
    summary = summarize(rows, 10)
    assert summary.parameters == sum(layer.parameters for layer in summary.layers)
    assert summary.layers[-1].output == (10,)
    if not edit.startswith("without") and (table, edit) not in (("slim", "2/2"), ("slim", "all")):
        assert seen(rows) == seen(TABLES[table])


def seen(table: Table) -> tuple[int, ...]:
    """Height and width of what the first dense layer reads."""
    layers = summarize(table, 10).layers
    first = next(place for place, layer in enumerate(layers) if layer.kind == "dense")
    return layers[first - 1].output[1:]


@pytest.mark.parametrize("table", TABLES)
def test_any_row_can_be_left_out(table: str) -> None:
    for row in TABLES[table].layers[:-1]:
        rows = edited(ModelConfig(table=table, without=(row.name,)), 10)
        shapes = lay_out(rows, rows.size).shapes
        assert row.name not in shapes
        assert shapes[rows.layers[-1].name] == (10,)
    hidden = tuple(row.name for row in TABLES[table].layers if row.kind in (*CONVOLUTIONS, "dense"))[:-1]
    rows = edited(ModelConfig(table=table, without=hidden), 10)
    assert {row.kind for row in rows.layers} <= {"maxpool", "avgpool", "adaptive", "dropout", "dense"}
    model = AlexNet(10, rows, size=side(table), init="empty")
    assert model(torch.zeros(1, 3, side(table), side(table))).shape == (1, 10)


@pytest.mark.parametrize(("pair", "words"), REFUSED.items(), ids=str)
def test_what_a_table_cannot_have_is_one_sentence(pair: tuple[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        edited(small(*pair).model)
    assert pair[0] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("mode", ["ceil224", "crop227", "pad2"])
def test_input_conventions_go_with_other_edits(mode: str) -> None:
    model = ModelConfig(input=mode, norm="batch", residual=True, pooling="2/2")  # type: ignore[arg-type]
    shapes = lay_out(edited(model, 5), 227 if mode == "crop227" else 224).shapes
    assert [shapes[name][1] for name in ("conv1", "pool1", "pool2", "pool5")] == [55, 27, 13, 6]
    with pytest.raises(ValueError, match="leave it at 'table'"):
        edited(replace(model, table="quick"))


def test_training_and_loading_build_the_edited_network(tmp_path: Path) -> None:
    edits = {"norm": "none", "width": 0.25, "residual": True, "attention": "self", "without": ("conv4",), "classes": 3}
    values = {f"model.{name}": value for name, value in edits.items()}
    config = patch(Config(), values | {"model.table": "quick", "augment.crop": 32, "data.size": 32})
    network = build(config, 3)
    assert network.table == edited(config.model)
    assert "attention5" in network.layer_names
    file = tmp_path / "one.safetensors"
    metadata = {
        "classes": list("abc"),
        "config": to_dict(config),
        "preprocess": {"size": 32, "fit": "crop", "crop": 32},
    }
    extra = {"preprocess.mean": torch.zeros(3, 1, 1), "preprocess.deviation": torch.ones(3, 1, 1)}
    save_weights(file, network, metadata, extra)
    again = load_network(file).network
    assert again.table == network.table
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(again(images), network.eval()(images))
