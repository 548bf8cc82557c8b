"""Are layers left out, and their units, columns, activations and dropout changed as said?"""

from __future__ import annotations

import pytest

from alexnet.edits import (
    edited,
    edits_of,
    places,
    with_activation,
    with_columns,
    with_dropout,
    with_init_bias,
    with_width,
    without,
)
from alexnet.model.initialize import starts
from alexnet.model.summary import summarize
from alexnet.settings import ModelConfig
from alexnet.tables import (
    ACTIVATIONS,
    BVLC,
    CIFAR_13,
    CIFAR_18,
    CIFAR_26,
    LENET,
    ONE_COLUMN,
    PAPER,
    QUICK,
    SIX_CONV,
    SOURCE,
    TABLES,
    TORCHVISION,
    Layer,
    Table,
)


def row(table: Table, name: str) -> Layer:
    return next(one for one in table.layers if one.name == name)


def order(table: Table) -> list[str]:
    return [one.name for one in table.layers]


def parameters(table: Table, classes: int = 1000) -> int:
    return summarize(table, classes).parameters


@pytest.mark.parametrize("name", TABLES)
def test_settings_at_their_defaults_change_nothing(name: str) -> None:
    assert edited(ModelConfig(table=name)) is TABLES[name]
    assert edits_of(ModelConfig(table=name, classes=3, init="he")) == {}
    assert edited(ModelConfig(table=name), 7).layers[:-1] == TABLES[name].layers[:-1]
    assert edited(ModelConfig(table=name), 7) == edited(ModelConfig(table=name, classes=7))


def test_edits_are_told_by_their_fields() -> None:
    assert edits_of(ModelConfig(norm="batch", without=("conv3",))) == {"without": ("conv3",), "norm": "batch"}


# --- leaving out ------------------------------------------------------------------------------------------------------


def test_a_layer_goes_with_what_belongs_to_it() -> None:
    gone = [name for name in order(PAPER) if name not in order(without(PAPER, ("conv2",)))]
    assert gone == ["conv2", "relu2", "norm2"]  # its pool stays, so that the maps keep their sizes
    gone = [name for name in order(SOURCE) if name not in order(without(SOURCE, ("conv2", "conv5")))]
    assert gone == ["conv2", "relu2", "norm2", "within2", "conv5", "relu5"]
    gone = [name for name in order(PAPER) if name not in order(without(PAPER, ("fc7",)))]
    assert gone == ["fc7", "relu7", "drop7"]
    gone = [name for name in order(TORCHVISION) if name not in order(without(TORCHVISION, ("conv5", "fc6")))]
    assert gone == ["conv5", "relu5", "fc6", "relu6", "drop6"]  # drop5 belongs to what fc7 then reads


def test_single_rows_go_alone() -> None:
    for name in ("norm1", "relu3", "pool5", "drop6"):
        assert order(without(PAPER, (name,))) == [one for one in order(PAPER) if one != name]


def test_parameters_without_a_layer_by_hand() -> None:
    # conv4 then reads the 256 maps of conv2 in columns of 128
    assert parameters(without(PAPER, ("conv3",))) == 60_965_224 - 885_120 - 384 * 64 * 9
    assert parameters(without(PAPER, ("conv4",))) == 60_965_224 - 663_936
    assert parameters(without(PAPER, ("fc7",))) == 60_965_224 - 16_781_312
    assert parameters(without(PAPER, ("fc6", "fc7"))) == 60_965_224 - 37_752_832 - 16_781_312 + (9216 - 4096) * 1000
    # fc6 reads the 384 maps of conv4, 6 x 6 of them still
    assert parameters(without(PAPER, ("conv5",))) == 60_965_224 - 442_624 + 4096 * 36 * 128


def test_convolutions_keep_their_place_and_with_it_their_start() -> None:
    table = without(SOURCE, ("conv3",))
    assert places(table) == {"conv1": 1, "conv2": 2, "conv4": 4, "conv5": 5}
    for init in ("table", "paper", "source", "caffe"):
        whole = starts(SOURCE, init)  # type: ignore[arg-type]
        assert starts(table, init) == {name: whole[name] for name in starts(table)}  # type: ignore[arg-type]
    assert places(without(PAPER, ("relu3", "fc6"))) == places(PAPER)
    assert [one.place for one in without(PAPER, ("relu3",)).layers] == [0] * 21


def test_the_first_convolution_hands_on_its_stride() -> None:
    table = without(PAPER, ("conv1",))
    assert order(table)[:2] == ["pool1", "conv2"]
    assert (row(table, "conv2").stride, row(table, "conv2").columns) == (4, 1)  # and sees the picture whole
    assert summarize(table).layers[order(table).index("pool5")].output == (256, 7, 7)
    assert row(without(PAPER, ("conv1", "conv2")), "conv3").stride == 4
    assert row(without(QUICK, ("conv1",)), "conv2").stride == 1


def test_what_cannot_be_left_out() -> None:
    with pytest.raises(ValueError, match="'paper' has no row 'conv9' to leave out; did you mean 'conv"):
        without(PAPER, ("conv9",))
    with pytest.raises(ValueError, match="it is one of conv1, relu1"):
        without(PAPER, ("xyzzy",))
    with pytest.raises(ValueError, match="'fc8' gives the classes of the network 'paper' and cannot be left out"):
        without(PAPER, ("fc7", "fc8"))
    assert without(PAPER, ()) == PAPER


# --- activation, columns, width ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [PAPER, LENET, QUICK], ids=lambda table: table.name)
def test_another_activation_stands_in_every_place(table: Table) -> None:
    for activation in ACTIVATIONS:
        changed = with_activation(table, activation)
        assert order(changed) == order(table)
        for old, new in zip(table.layers, changed.layers, strict=True):
            assert new.kind == (activation if old.kind in ACTIVATIONS else old.kind)
    assert with_activation(table, "table") is table
    with pytest.raises(ValueError, match="'swish' is not known; it is one of relu, tanh"):
        with_activation(table, "swish")  # type: ignore[arg-type]


def test_columns_lead_from_one_table_to_the_other() -> None:
    assert with_columns(ONE_COLUMN, 2).layers == PAPER.layers
    assert with_columns(PAPER, 1).layers == ONE_COLUMN.layers
    assert with_columns(PAPER, 2) == PAPER
    assert with_columns(PAPER, 0) is PAPER
    assert parameters(with_columns(ONE_COLUMN, 2)) == 60_965_224
    assert parameters(with_columns(PAPER, 1)) == 62_378_344
    assert {row(with_columns(BVLC, 2), name).columns for name in ("norm1", "norm2")} == {2}


def test_columns_of_other_tables() -> None:
    found = with_columns(SIX_CONV, 4)
    assert [row(found, f"conv{n}").columns for n in range(1, 7)] == [1, 4, 1, 4, 4, 4]
    found = with_columns(CIFAR_13, 2)
    assert [row(found, name).columns for name in ("conv1", "conv2", "local3", "local4")] == [1, 2, 1, 2]
    assert summarize(found, 10).parameters == 1_116_490 - 64 * 32 * 25 - 36 * 32 * 16 * 9


def test_columns_that_do_not_divide() -> None:
    with pytest.raises(ValueError, match="5 columns need maps and units that divide by 5, and conv1 of 'paper' has 96"):
        with_columns(PAPER, 5)
    with pytest.raises(ValueError, match="conv2 of 'lenet' has 16"):
        with_columns(LENET, 3)
    with pytest.raises(ValueError, match="one column or more"):
        with_columns(PAPER, -1)


def test_width_by_hand() -> None:
    half = with_width(PAPER, 0.5)
    assert [one.out for one in half.layers if one.out] == [48, 128, 192, 192, 128, 2048, 2048]
    assert row(half, "fc8").out == 0
    weights = 48 * 363 + 128 * 24 * 25 + 192 * 128 * 9 + 192 * 96 * 9 + 128 * 96 * 9
    weights += 2048 * 128 * 36 + 2048 * 2048 + 1000 * 2048
    assert parameters(half) == weights + 48 + 128 + 192 + 192 + 128 + 2048 + 2048 + 1000
    assert with_width(PAPER, 1.0) is PAPER
    odd = with_width(PAPER, 0.33)
    assert all(one.out % 2 == 0 for one in odd.layers)
    assert {one.out for one in with_width(PAPER, 1e-9).layers} == {0, 2}
    assert {one.out for one in with_width(LENET, 1e-9).layers} == {0, 1}
    for width in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="must be above 0"):
            with_width(PAPER, width)


# --- dropout ----------------------------------------------------------------------------------------------------------


def test_dropout_changes_rate_and_convention_apart() -> None:
    assert {one.rate for one in with_dropout(PAPER, 0.3).layers if one.kind == "dropout"} == {0.3}
    assert {one.mode for one in with_dropout(PAPER, 0.3).layers if one.kind == "dropout"} == {"paper"}
    found = [one for one in with_dropout(PAPER, -1.0, "inverted").layers if one.kind == "dropout"]
    assert {(one.rate, one.mode) for one in found} == {(0.5, "inverted")}
    assert with_dropout(PAPER, -1.0) is PAPER
    assert order(with_dropout(TORCHVISION, 0.0)) == [name for name in order(TORCHVISION) if "drop" not in name]


def test_dropout_comes_where_there_was_none() -> None:
    assert order(with_dropout(CIFAR_26, 0.5))[-4:] == ["fc64", "relu64", "drop64", "fc10"]
    found = with_dropout(LENET, 0.2, "inverted")
    assert order(found)[-7:] == ["fc5", "tanh5", "drop5", "fc6", "tanh6", "drop6", "fc7"]
    assert (row(found, "drop5").rate, row(found, "drop5").mode) == (0.2, "inverted")
    assert with_dropout(CIFAR_26, 0.0) == CIFAR_26


def test_dropout_that_cannot_be() -> None:
    for rate in (1.0, -0.5, float("nan")):
        with pytest.raises(ValueError, match="a share of units from 0 to below 1"):
            with_dropout(PAPER, rate)
    with pytest.raises(ValueError, match="'cifar-18' has no hidden dense layer"):
        with_dropout(CIFAR_18, 0.5)
    with pytest.raises(ValueError, match=r"'cifar-26' has no dropout to change; give --model\.dropout a rate"):
        with_dropout(CIFAR_26, -1.0, "inverted")
    with pytest.raises(ValueError, match="one of table, paper, inverted"):
        with_dropout(PAPER, 0.5, "twice")  # type: ignore[arg-type]


def test_first_biases_of_one_become_another() -> None:
    table = edited(ModelConfig(init_bias=0.25), 10)
    found = {name: start.bias for name, start in starts(table).items()}
    assert {name for name, bias in found.items() if bias == 0.25} == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert {name for name, bias in found.items() if bias == 0} == {"conv1", "conv3", "fc8"}
    assert with_init_bias(PAPER, -1.0) is PAPER
    with pytest.raises(ValueError, match="no row of 'quick'"):
        with_init_bias(QUICK, 0.0)
    with pytest.raises(ValueError, match=r"--model\.init he has first biases"):
        edited(ModelConfig(init="he", init_bias=0.0))
    with pytest.raises(ValueError, match="finite"):
        with_init_bias(PAPER, float("nan"))
