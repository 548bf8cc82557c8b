"""Do edits change what they say and nothing else?"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from alexnet.edits import Input, complete, last_dense, table_named, with_classes, with_input
from alexnet.model.network import AlexNet
from alexnet.model.summary import summarize
from alexnet.tables import CIFAR_26, PAPER, TABLES, TORCHVISION, Table, relu

CONVENTIONS: tuple[Input, ...] = ("ceil224", "crop227", "pad2")


@pytest.mark.parametrize("table", ["paper", "source", "one-column", "half", "six-conv", "torchvision"])
def test_all_three_inputs_give_the_same_sizes(table: str) -> None:
    own = summarize(table)
    for mode in CONVENTIONS:
        other = summarize(table, input=mode)
        assert (other.parameters, other.macs) == (own.parameters, own.macs)
        assert [layer.output for layer in other.layers] == [layer.output for layer in own.layers]
        assert other.layers[0].output[1:] == (55, 55)
        assert other.size == (227 if mode == "crop227" else 224)


@pytest.mark.fidelity(
    topic="224 or 227 pixels",
    paper="224 x 224 with stride 4, which gives no whole number of windows",
    source="224, and the number of windows rounded up: three rows of zeros on the right and below only",
    others="Caffe: 227 and no zeros; torchvision: 224 and two zeros on every side, a shifted grid",
    option="--model.input ceil224 | crop227 | pad2",
)
def test_the_three_inputs_differ_in_the_zeros_alone() -> None:
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    first = {mode: AlexNet(2, "half", input=mode, init="empty").features[0] for mode in CONVENTIONS}
    weight = torch.randn(48, 3, 11, 11, generator=torch.Generator().manual_seed(1))
    for module in first.values():
        module.load_state_dict({"weight": weight, "bias": torch.zeros(48)})
    with torch.no_grad():
        for mode, zeros in {"ceil224": (0, 3, 0, 3), "pad2": (2, 1, 2, 1)}.items():  # pad2 never reads the 228th pixel
            torch.testing.assert_close(first[mode](images), first["crop227"](F.pad(images, zeros)))
        assert not torch.allclose(first["ceil224"](images), first["pad2"](images))


def test_the_own_input_of_each_table_is_kept() -> None:
    for table in TABLES.values():
        assert with_input(table, "table") is table
    assert with_input(PAPER, "ceil224") == PAPER
    assert with_input(TORCHVISION, "pad2") == TORCHVISION


def test_the_range_of_sizes_moves_with_the_zeros() -> None:
    smallest = with_input(TORCHVISION, "crop227").sizes
    assert smallest == (67, 516)
    AlexNet(2, "torchvision", input="crop227", size=67, init="empty")
    with pytest.raises(ValueError, match="67 to 516 pixels a side, not 66"):
        AlexNet(2, "torchvision", input="crop227", size=66)


def test_an_input_that_is_not_known_or_does_not_fit() -> None:
    with pytest.raises(ValueError, match="'caffe' is not known; it is one of table, ceil224, crop227, pad2"):
        with_input(PAPER, "caffe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'cifar-26' has not; leave it at 'table'"):
        with_input(CIFAR_26, "pad2")


def test_classes_are_the_last_dense_rows_outputs() -> None:
    table = with_classes(PAPER, 7)
    assert last_dense(table).out == 7
    assert [row for row in table.layers if row.name != "fc8"] == [row for row in PAPER.layers if row.name != "fc8"]
    assert last_dense(PAPER).out == 0
    with pytest.raises(ValueError, match="one class or more, not 0"):
        with_classes(PAPER, 0)
    with pytest.raises(ValueError, match="no dense row"):
        with_classes(Table(name="bare", summary="", layers=(relu("relu1"),)), 3)


def test_complete_takes_names_and_refuses_a_second_number_of_classes() -> None:
    assert complete("paper", 10) == complete(PAPER, 10) == with_classes(PAPER, 10)
    assert complete(with_classes(PAPER, 10), 10) == with_classes(PAPER, 10)
    with pytest.raises(ValueError, match="10 outputs of its own; ask for 10 classes"):
        complete(with_classes(PAPER, 10), 11)


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    assert table_named("six-conv").name == "six-conv"
    with pytest.raises(ValueError, match="'sixconv'; did you mean 'six-conv'"):
        table_named("sixconv")
    with pytest.raises(ValueError, match="it is one of paper, source"):
        table_named("zzzzzz")
