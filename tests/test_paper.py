"""Is it AlexNet? The facts of the 2012 paper and of the program behind its numbers, each against the code.

Sections: A architecture, B response normalization, C first weights, D update rule, E pictures, F dropout. The numbers
are the paper's, read in the released program, or worked out by hand; formulas are restated as plain loops.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet import draws
from alexnet.config import AugmentConfig, DataConfig
from alexnet.data.augment import augment, colour_noise, colour_shift, flips, offsets
from alexnet.data.prepared import Batch
from alexnet.data.preprocess import Preprocess
from alexnet.data.square import to_square
from alexnet.data.statistics import Moments, Statistics, from_moments
from alexnet.edits import complete
from alexnet.model.initialize import starts
from alexnet.model.layers import Dropout
from alexnet.model.network import AlexNet
from alexnet.model.normalization import ResponseNormalization, WithinMapNormalization
from alexnet.model.plan import lay_out
from alexnet.model.summary import LayerSummary, summarize
from alexnet.recipes import RECIPES
from alexnet.scoring.protocols import placements
from alexnet.scoring.tally import points
from alexnet.tables import CIFAR_18, CIFAR_26, HALF, PAPER, SOURCE, TORCHVISION, Layer, Table
from alexnet.training.optim import Velocity, groups
from alexnet.training.schedule import Schedule
from alexnet.training.step import inputs


def layers(table: str) -> dict[str, LayerSummary]:
    return {layer.name: layer for layer in summarize(table).layers}


def row(table: Table, name: str) -> Layer:
    return next(one for one in table.layers if one.name == name)


def names(table: Table, first: str, last: str) -> list[str]:
    order = [one.name for one in table.layers]
    return order[order.index(first) : order.index(last) + 1]


# A. Architecture

#: Layer: output, outputs of one picture, parameters and MACs of the two columns, and of one.
A1 = {
    "conv1": ((96, 55, 55), 290_400, 34_944, 34_944, 105_415_200, 105_415_200),
    "norm1": ((96, 55, 55), 290_400, 0, 0, 0, 0),
    "pool1": ((96, 27, 27), 69_984, 0, 0, 0, 0),
    "conv2": ((256, 27, 27), 186_624, 307_456, 614_656, 223_948_800, 447_897_600),
    "norm2": ((256, 27, 27), 186_624, 0, 0, 0, 0),
    "pool2": ((256, 13, 13), 43_264, 0, 0, 0, 0),
    "conv3": ((384, 13, 13), 64_896, 885_120, 885_120, 149_520_384, 149_520_384),
    "conv4": ((384, 13, 13), 64_896, 663_936, 1_327_488, 112_140_288, 224_280_576),
    "conv5": ((256, 13, 13), 43_264, 442_624, 884_992, 74_760_192, 149_520_384),
    "pool5": ((256, 6, 6), 9_216, 0, 0, 0, 0),
    "fc6": ((4096,), 4_096, 37_752_832, 37_752_832, 37_748_736, 37_748_736),
    "fc7": ((4096,), 4_096, 16_781_312, 16_781_312, 16_777_216, 16_777_216),
    "fc8": ((1000,), 1_000, 4_097_000, 4_097_000, 4_096_000, 4_096_000),
}


@pytest.mark.fidelity(
    topic="60 million parameters",
    paper="60 million parameters, 650,000 neurons",
    source="two columns: 60,965,224 parameters, 659,272 outputs of convolutions and dense layers",
    others="without columns 62,378,344; torchvision 61,100,840",
    option="--model.table paper | one-column | torchvision",
)
@pytest.mark.parametrize("name", A1)
def test_a1_each_layer(name: str) -> None:
    output, outputs, two, one, two_macs, one_macs = A1[name]
    for table, parameters, macs in (("paper", two, two_macs), ("one-column", one, one_macs)):
        layer = layers(table)[name]
        assert layer.output == output
        assert math.prod(layer.output) == outputs
        assert (layer.parameters, layer.macs) == (parameters, macs)


def test_a1_totals() -> None:
    two, one = summarize("paper"), summarize("one-column")
    assert (two.parameters, two.macs) == (60_965_224, 724_406_816)
    assert (one.parameters, one.macs) == (62_378_344, 1_135_256_096)
    assert two.units == one.units == 659_272


def test_a1_dense_layers_hold_the_parameters_and_convolutions_the_work() -> None:
    convolutions = [layer for layer in layers("paper").values() if layer.kind == "conv"]
    dense = [layer for layer in layers("paper").values() if layer.kind == "dense"]
    assert sum(layer.parameters for layer in convolutions) == 2_334_080
    assert sum(layer.macs for layer in convolutions) == 665_784_864
    assert sum(layer.parameters for layer in dense) == 58_631_144
    assert sum(layer.macs for layer in dense) == 58_621_952
    assert round(100 * 58_631_144 / 60_965_224, 1) == 96.2
    assert round(100 * 665_784_864 / 724_406_816, 1) == 91.9


def test_a1_one_columns_share() -> None:
    """What one of the two GPUs held; the last layer lay whole on one of them."""
    shares = {"conv1": 17_472, "conv2": 153_728, "conv3": 442_560, "conv4": 331_968, "conv5": 221_312}
    shares |= {"fc6": 18_876_416, "fc7": 8_390_656}
    assert {name: layers("paper")[name].parameters // 2 for name in shares} == shares
    assert layers("paper")["fc8"].parameters == 4_097_000


@pytest.mark.parametrize(
    ("table", "parameters", "macs"),
    [
        ("torchvision", 61_100_840, 714_188_480),
        ("half", 59_798_312, 391_514_384),
        ("source", 60_965_224, 724_406_816),
    ],
)
def test_a1_variants(table: str, parameters: int, macs: int) -> None:
    found = summarize(table)
    assert (found.parameters, found.macs) == (parameters, macs)


def test_a1_the_half_and_the_six_convolution_networks() -> None:
    widths = [one.out for one in HALF.layers if one.kind in ("conv", "dense")]
    assert widths == [48, 128, 192, 192, 256, 4096, 4096, 0]
    assert summarize("six-conv").parameters == 60_965_224 + 590_080 == 61_555_304
    sixth = layers("six-conv")["conv6"]
    assert (sixth.parameters, sixth.output) == (590_080, (256, 6, 6))


def test_a1_memory() -> None:
    two, one = summarize("paper"), summarize("one-column")
    assert round(two.weights / 1e6, 2) == 243.86
    assert round(one.weights / 1e6, 1) == 249.5
    assert round(two.training_state / 1e6, 1) == 731.6
    assert two.activations == 4 * 1_409_288
    assert 3 * 224 * 224 + sum(outputs for _, outputs, *_ in A1.values()) == 1_409_288
    assert round(128 * two.activations / 1e6) == 722
    assert sum(math.prod(layers("paper")[name].output) for name in ("norm1", "norm2")) == 477_024


def test_a1_operations_of_a_training_step() -> None:
    """Two a MAC; forward, gradients of weights, and of inputs but for the first layer's."""
    billions = {name: round(summarize(name).train_flops / 1e9, 3) for name in ("paper", "one-column", "torchvision")}
    assert billions == {"paper": 4.136, "one-column": 6.601, "torchvision": 4.145}
    forward = {name: round(2 * summarize(name).macs / 1e9, 3) for name in billions}
    assert forward == {"paper": 1.449, "one-column": 2.271, "torchvision": 1.428}


@pytest.mark.fidelity(
    topic="pooling at the edge",
    paper="windows of 3 with stride 2; at its sizes they divide",
    source="rounds up everywhere: 32 pixels become 16, 8, 4",
    others="torch rounds down unless told: 15, 7, 3",
    option="Layer.ceil in tables.py",
)
def test_a1_pooling_rounds_up() -> None:
    for side in (55, 27, 13):
        x = torch.rand(1, 1, side, side)
        assert torch.equal(nn.MaxPool2d(3, 2)(x), nn.MaxPool2d(3, 2, ceil_mode=True)(x))
    sides = {True: [], False: []}  # type: dict[bool, list[int]]
    for ceil, found in sides.items():
        x = torch.rand(1, 1, 32, 32)
        for _ in range(3):
            x = nn.MaxPool2d(3, 2, ceil_mode=ceil)(x)
            found.append(x.shape[2])
    assert sides == {True: [16, 8, 4], False: [15, 7, 3]}
    for table in (CIFAR_26, CIFAR_18):
        shapes = lay_out(complete(table, 10), 32).shapes
        assert [shapes[f"pool{n}"][1] for n in (1, 2, 3)] == sides[True]


@pytest.mark.fidelity(
    topic="the mean at an edge of average pooling",
    paper="uses none",
    source="(recalled) cells beyond the map are left out of the divisor",
    others="torch's with padding counts them",
    option="Layer.kind avgpool in tables.py",
)
def test_h_average_pooling_divides_by_what_is_there() -> None:
    pool = lay_out(complete(CIFAR_26, 10), 32).modules["pool2"]
    for side in (16, 8):
        x = torch.rand(1, 1, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(side))
        out = pool(x)
        for row_ in range(out.shape[2]):
            for column in range(out.shape[3]):
                window = x[0, 0, 2 * row_ : 2 * row_ + 3, 2 * column : 2 * column + 3]
                assert float(out[0, 0, row_, column]) == pytest.approx(float(window.sum()) / window.numel())
        assert window.numel() == 4  # the last one reaches over both edges


def test_a2_224_gives_no_whole_number_of_windows() -> None:
    assert (224 - 11) / 4 + 1 == 54.25
    assert 1 + math.ceil((224 - 11) / 4) == 55
    assert [
        F.conv2d(torch.zeros(1, 1, 224, 224), torch.zeros(1, 1, 11, 11), None, 4, pad).shape[2] for pad in (0, 1, 2)
    ] == [54, 54, 55]
    assert (4 * 54, 4 * 54 + 11 - 1) == (216, 226)  # the last window's pixels, of 0 to 223


def test_a2_three_zeros_on_the_right_and_below() -> None:
    first = AlexNet(2, "half", init="empty").features[0]
    images = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(48, 3, 11, 11, generator=torch.Generator().manual_seed(1))
    first.load_state_dict({"weight": weight, "bias": torch.zeros(48)})
    expected = F.conv2d(F.pad(images, (0, 3, 0, 3)), weight, stride=4)
    assert expected.shape[2:] == (55, 55)
    torch.testing.assert_close(first(images), expected)


@pytest.mark.fidelity(
    topic="order in the first layers",
    paper="convolution, ReLU, response normalization, pooling",
    source="first layer: convolution, normalization of signed values, pooling, ReLU; second: as the paper, with a "
    "normalization within maps before pooling",
    others="CaffeNet pools before it normalizes; torchvision has no normalization",
    option="--model.table paper | source | torchvision",
)
def test_a3_orders() -> None:
    assert names(PAPER, "conv1", "conv3") == "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3".split()
    assert names(SOURCE, "conv1", "conv3") == "conv1 norm1 pool1 relu1 conv2 relu2 norm2 within2 pool2 conv3".split()
    assert names(SOURCE, "conv5", "fc6") == "conv5 pool5 relu5 fc6".split()
    assert not [one for one in TORCHVISION.layers if one.kind in ("response", "within")]


def test_a3_relu_and_max_pooling_can_change_places_but_relu_and_normalization_cannot() -> None:
    x = torch.randn(2, 16, 13, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 60
    pool, norm = nn.MaxPool2d(3, 2), ResponseNormalization()
    assert torch.equal(pool(x).relu(), pool(x.relu()))
    assert not torch.allclose(norm(x).relu(), norm(x.relu()))


@pytest.mark.fidelity(
    topic="normalization within maps",
    paper="not mentioned",
    source="after the second layer's: a / (1 + .001/25 sum of a^2 over 5 x 5 pixels of the same map)^.75",
    others="none",
    option="--model.table source",
)
def test_a3_the_within_map_normalization() -> None:
    x = torch.randn(1, 1, 7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 60
    norm = lay_out(complete(SOURCE), 224).modules["within2"]
    assert isinstance(norm, WithinMapNormalization)
    out = norm(x)
    for i in range(7):
        for j in range(6):
            window = x[0, 0, max(0, i - 2) : i + 3, max(0, j - 2) : j + 3]
            expected = float(x[0, 0, i, j]) / (1 + 0.001 / 25 * float(window.square().sum())) ** 0.75
            assert float(out[0, 0, i, j]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.fidelity(
    topic="normalization at the columns' edge",
    paper="silent",
    source="windows end at the edge of a column's 48 or 128 maps",
    others="one-column networks: windows cross",
    option="Layer.columns in tables.py",
)
@pytest.mark.parametrize("table", [PAPER, SOURCE])
def test_a3_windows_end_at_the_columns_edge(table: Table) -> None:
    norm = lay_out(complete(table), 224).modules["norm1"]
    x = torch.randn(1, 96, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 60
    torch.testing.assert_close(
        norm(x), torch.cat([norm(F.pad(x[:, a : a + 48], (0, 0, 0, 0, 0, 48)))[:, :48] for a in (0, 48)], 1)
    )
    crossing = ResponseNormalization(divide=row(table, "norm1").divide)(x)
    differs = (crossing - norm(x)).abs().amax((0, 2, 3)) > 0
    assert differs.nonzero().flatten().tolist() == [46, 47, 48, 49]


@pytest.mark.fidelity(
    topic="columns",
    paper="the second, fourth and fifth convolution read their own GPU's maps; the third and the dense layers read all",
    source="as the paper",
    others="most re-implementations: every layer reads all",
    option="--model.table paper | one-column",
)
def test_a3_columns_are_two_networks_that_meet_in_the_third_layer() -> None:
    columns = {one.name: one.columns for one in PAPER.layers if one.kind == "conv"}
    assert columns == {"conv1": 1, "conv2": 2, "conv3": 1, "conv4": 2, "conv5": 2}
    network = AlexNet(2, "paper", size=67)
    x = torch.randn(1, 96, 7, 7, generator=torch.Generator().manual_seed(0))
    layer = network.layer("conv2")
    assert isinstance(layer, nn.Conv2d)
    assert layer.weight.shape == (256, 48, 5, 5)
    apart = [
        F.conv2d(
            x[:, 48 * n : 48 * n + 48],
            layer.weight[128 * n : 128 * n + 128],
            layer.bias[128 * n : 128 * n + 128],
            padding=2,
        )
        for n in (0, 1)
        if layer.bias is not None
    ]
    torch.testing.assert_close(layer(x), torch.cat(apart, 1))


# B. Response normalization

#: x = 1 ... 6 in six maps: (size, alpha, k, divide) and the six values, beta .75.
WORKED = {
    "formula, alpha 1": (
        (5, 1.0, 2.0, False),
        (0.125, 0.148650889, 0.144615590, 0.134653957, 0.174023541, 0.226428418),
    ),
    "program, alpha 1": (
        (5, 1.0, 2.0, True),
        (0.308367819, 0.420448214, 0.438191295, 0.422948480, 0.545122445, 0.704270244),
    ),
    "formula, alpha 1e-4": (
        (5, 1e-4, 2.0, False),
        (0.594291582, 1.187871011, 1.780140394, 2.370418559, 2.963465738, 3.557354420),
    ),
    "program, alpha 1e-4": (
        (5, 1e-4, 2.0, True),
        (0.594541132, 1.188939571, 1.783075213, 2.376810074, 2.971101761, 3.565562487),
    ),
    "n 3, k 1": ((3, 1.0, 1.0, True), (0.479207337, 0.544545591, 0.508276105, 0.464188159, 0.426082253, 0.604445577)),
    "even n": ((4, 1.0, 2.0, True), (0.413130701, 0.556875348, 0.554406822, 0.512048602, 0.468456328, 0.606222510)),
}


def six() -> Tensor:
    return torch.arange(1.0, 7.0, dtype=torch.float64).view(1, 6, 1, 1)


@pytest.mark.parametrize("case", WORKED)
def test_b_worked_values(case: str) -> None:
    (size, alpha, k, divide), expected = WORKED[case]
    out = ResponseNormalization(size, alpha, 0.75, k, divide)(six())
    assert out.flatten().tolist() == pytest.approx(expected, rel=2e-7)  # these were computed in float32
    before, after = size // 2, (size - 1) // 2
    for i, value in enumerate(out.flatten().tolist()):
        total = sum((j + 1) ** 2 for j in range(max(0, i - before), min(5, i + after) + 1))
        assert value == pytest.approx((i + 1) / (k + alpha / (size if divide else 1) * total) ** 0.75, rel=1e-14)


def test_b_window_sums() -> None:
    """With k tiny and beta 1, 1 / out is the window's sum."""
    out = ResponseNormalization(5, 1.0, 1.0, 1e-300)(six())
    assert (six() / out).flatten().tolist() == pytest.approx([14, 30, 55, 90, 86, 77])
    assert 16**-0.75 == 0.125


@pytest.mark.fidelity(
    topic="alpha of response normalization",
    paper="k + alpha sum a^2, alpha 1e-4: not divided by n",
    source="alpha divided by n = 5: effectively 2e-5 (cmrnorm)",
    others="Caffe, torch and ONNX divide, TensorFlow does not; k is 1 by default in torch, Caffe and ONNX",
    option="ResponseNormalization(divide=False | True); tables paper | source",
)
def test_b_the_formula_and_the_program() -> None:
    x = torch.randn(2, 16, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 60
    close = torch.testing.assert_close
    close(ResponseNormalization()(x), nn.LocalResponseNorm(5, 5e-4, 0.75, k=2)(x), rtol=1e-12, atol=0)
    close(ResponseNormalization(divide=True)(x), nn.LocalResponseNorm(5, 1e-4, 0.75, k=2)(x), rtol=1e-12, atol=0)
    close(ResponseNormalization(divide=True)(x), ResponseNormalization(alpha=2e-5)(x), rtol=1e-12, atol=0)
    assert not row(PAPER, "norm1").divide
    assert row(SOURCE, "norm1").divide
    for table in (PAPER, SOURCE):
        norm = row(table, "norm1")
        assert (norm.size, norm.alpha, norm.beta, norm.k) == (5, 1e-4, 0.75, 2.0)


def test_b_no_arguments_are_the_papers() -> None:
    norm = ResponseNormalization()
    assert (norm.size, norm.alpha, norm.beta, norm.k, norm.divide, norm.columns) == (5, 1e-4, 0.75, 2.0, False, 1)


def test_b_small_values_are_only_scaled() -> None:
    x = torch.full((1, 8, 1, 1), 1e-3, dtype=torch.float64)
    assert float(ResponseNormalization()(x).mean() / 1e-3) == pytest.approx(0.5946, abs=5e-5)


# C. First weights

#: Rows with weights in order, conv1 to fc8: deviations and biases.
FIRST = {
    "paper": ((0.01,) * 8, (0, 1, 0, 1, 1, 1, 1, 0)),
    "source": ((0.01, 0.01, 0.03, 0.03, 0.03, 0.01, 0.01, 0.01), (0, 1, 0, 1, 1, 1, 1, 0)),
}


@pytest.mark.fidelity(
    topic="first weights",
    paper="N(0, .01) in every layer",
    source=".03 in the third to fifth convolution, .01 elsewhere",
    others="torchvision: torch's uniform default",
    option="--model.init paper | source | torch",
)
@pytest.mark.parametrize("table", FIRST)
def test_c_deviations(table: str) -> None:
    assert tuple(start.sd for start in starts(complete(table)).values()) == FIRST[table][0]


@pytest.mark.fidelity(
    topic="first biases",
    paper="1 in the second, fourth and fifth convolution and the hidden dense layers, 0 elsewhere",
    source="as the paper",
    others="Caffe: .1 in their place; many re-implementations set other layers' by a slip of the index",
    option="--model.init paper | caffe",
)
@pytest.mark.parametrize("table", FIRST)
def test_c_biases(table: str) -> None:
    assert tuple(start.bias for start in starts(complete(table)).values()) == FIRST[table][1]
    tenth = tuple(start.bias for start in starts(complete(table), "caffe").values())
    assert tenth == tuple(0.1 * bias for bias in FIRST[table][1])


def test_c_a_sixth_convolution_starts_as_146() -> None:
    start = starts(complete("six-conv"))["conv6"]
    assert (start.sd, start.bias) == (0.03, 1.0)


def test_c_the_drawn_weights() -> None:
    network = AlexNet(10, "source", size=67)
    for (name, start), bias in zip(starts(network.table).items(), FIRST["source"][1], strict=True):
        layer = network.layer(name)
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        assert float(layer.weight.detach().double().square().mean().sqrt()) == pytest.approx(start.sd, rel=0.03)
        assert layer.bias is not None
        assert torch.equal(layer.bias.detach(), torch.full_like(layer.bias, bias))


# D. The update rule


@pytest.mark.parametrize(
    ("rates", "paper", "torchs"),
    [
        ((0.1,) * 4, (0.89995, 0.7098600025, 0.438743511749875, 0.094716732899175), None),
        (
            (0.1, 0.1, 0.01, 0.01),
            (0.89995, 0.7098600025, 0.5287754554499875, 0.3557967192276979),
            (0.89995, 0.7098600025, 0.6827483534249875, 0.6483444555157092),
        ),
    ],
)
def test_d_the_rule(rates: tuple[float, ...], paper: tuple[float, ...], torchs: tuple[float, ...] | None) -> None:
    for make, expected in ((Velocity, paper), (torch.optim.SGD, torchs or paper)):
        weight = nn.Parameter(torch.ones((), dtype=torch.float64))
        optimizer = make([weight], 0.1, 0.9, 5e-4) if make is Velocity else make([weight], 0.1, 0.9, weight_decay=5e-4)
        seen = []
        for rate in rates:
            optimizer.param_groups[0]["lr"] = rate
            weight.grad = torch.ones_like(weight)
            optimizer.step()
            seen.append(float(weight.detach()))
        assert seen == pytest.approx(expected, abs=2e-15)


def test_d_torchs_rule_becomes_the_papers_when_its_buffer_grows_at_a_drop() -> None:
    weight = nn.Parameter(torch.ones((), dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], 0.1, 0.9, weight_decay=5e-4)
    for step, rate in enumerate((0.1, 0.1, 0.01, 0.01)):
        if step == 2:
            optimizer.state[weight]["momentum_buffer"] *= 10
        optimizer.param_groups[0]["lr"] = rate
        weight.grad = torch.ones_like(weight)
        optimizer.step()
    assert float(weight.detach()) == pytest.approx(0.3557967192276979, abs=2e-15)


def test_d_the_papers_settings() -> None:
    config = RECIPES["paper"].config
    assert (config.optim.momentum, config.optim.decay, config.optim.rate) == (0.9, 0.0005, 0.01)
    assert (config.train.batch, config.train.epochs) == (128, 90)
    assert (config.optim.schedule, config.optim.factor, config.optim.drops) == ("plateau", 0.1, 3)
    assert (config.optim.rule, config.optim.bias_rate, config.model.init) == ("velocity", 1.0, "table")


def test_d_the_programs_groups() -> None:
    """epsB is twice epsW at the start, and weight cost is given to weights alone (layer-params-145.cfg)."""
    network = AlexNet(10, "source", size=67, init="empty")
    for group in groups(network, network.table, RECIPES["source"].config.optim):
        bias = group["sort"] == "bias"
        assert 0.01 * group["scale"] == (0.02 if bias else 0.01)
        assert group["weight_decay"] == (0.0 if bias else 0.0005)


def test_d_the_recorded_schedule() -> None:
    """#145 of 2012: /10 at 25, 51 and 79; the first layer at 1e-5 from 67 and frozen from 72; the end at 91."""
    config = RECIPES["source"].config
    assert config.train.epochs == 91
    schedule = Schedule(config.optim, 91, 1)
    rates = [
        [0.01 * schedule.layer_factor(layer, "weight", epoch - 1) for epoch in range(1, 92)]
        for layer in ("conv1", "conv2")
    ]
    assert [epoch for epoch in range(2, 92) if rates[0][epoch - 1] != rates[0][epoch - 2]] == [25, 51, 67, 72]
    assert [epoch for epoch in range(2, 92) if rates[1][epoch - 1] != rates[1][epoch - 2]] == [25, 51, 79]
    assert [rates[1][epoch - 1] for epoch in (1, 25, 51, 79)] == pytest.approx([1e-2, 1e-3, 1e-4, 1e-5])
    assert [rates[0][epoch - 1] for epoch in (66, 67, 72)] == pytest.approx([1e-4, 1e-5, 0])
    assert 0.01 * 2 * schedule.layer_factor("conv2", "bias", 90) == pytest.approx(0.02)


# E. Pictures


def statistics(side: int = 8, first: float = 14_143.0) -> Statistics:
    return Statistics(
        count=10,
        mean_image=np.arange(3 * side * side, dtype=np.float32).reshape(3, side, side),
        channel_mean=np.full(3, 100.0),
        channel_deviation=np.full(3, 60.0),
        eigenvalues=np.array((first, first / 12, first / 50)),
        eigenvectors=np.eye(3),
    )


def keys(count: int) -> Tensor:
    return draws.keys(0, 1, torch.arange(count))


def test_e_the_shorter_side_becomes_256_and_the_centre_is_kept() -> None:
    picture = np.zeros((300, 600, 3), np.uint8)
    picture[:, 150:450] = 200  # the central square
    square, lost = to_square(picture, 256, "crop")
    assert square.shape == (256, 256, 3)
    assert square.min() > 190
    assert lost == 0.5


def test_e_the_mean_of_every_pixel_is_subtracted_on_the_scale_of_0_to_255() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (20, 3, 8, 8), dtype=np.uint8)
    found = from_moments(Moments.of(pictures))
    np.testing.assert_allclose(found.mean_image, pictures.mean(0), rtol=1e-6)
    preprocess = Preprocess.fitted(found, DataConfig(size=8), AugmentConfig(crop=8))
    out = preprocess(torch.from_numpy(pictures))
    torch.testing.assert_close(out, torch.from_numpy(pictures - pictures.mean(0)).float(), rtol=1e-5, atol=1e-4)
    assert float(out.std()) > 60
    for name in ("paper", "source", "cifar-26", "cifar-18"):
        assert (RECIPES[name].config.data.centre, RECIPES[name].config.data.scale) == ("mean-image", "raw")


@pytest.mark.fidelity(
    topic="the mean image of a crop",
    paper="silent",
    source="cropped once, at the centre: it does not move with the crop",
    others="subtracted before cropping, or one mean a channel",
    option="--data.centre mean-image | channel-mean",
)
def test_e_the_mean_does_not_move_with_the_crop() -> None:
    preprocess = Preprocess.fitted(statistics(8), DataConfig(size=8), AugmentConfig(crop=4))
    expected = torch.from_numpy(statistics(8).mean_image[:, 2:6, 2:6])
    assert torch.equal(preprocess.mean, expected)


def test_e_crops_and_flips() -> None:
    """The text counts 32 x 32 x 2 = 2048; there are 33 offsets an axis: 2178 (randint(0, 2 border + 1), border 16)."""
    config = RECIPES["source"].config
    assert (config.data.size, config.augment.crop) == (256, 224)
    assert (32 * 32 * 2, 33 * 33 * 2) == (2048, 2178)
    some = keys(40_000)
    corners = offsets(some, 256, config.augment)
    assert (int(corners.min()), int(corners.max())) == (0, 32)
    assert len({(top, left, flip) for (top, left), flip in zip(corners.tolist(), flips(some).tolist())}) == 2178


@pytest.mark.parametrize(("recipe", "shared"), [("paper", 1), ("source", 32), ("cifar-26", 1)])
def test_e_crops_shared_by_32_pictures_in_a_row(recipe: str, shared: int) -> None:
    config = RECIPES[recipe].config
    assert config.augment.share == shared
    corner = torch.arange(64.0).view(1, 1, 8, 8).expand(96, 3, 8, 8).to(torch.uint8)
    batch = Batch(images=corner, labels=torch.zeros(96, dtype=torch.int64), index=torch.arange(96))
    small = AugmentConfig(crop=4, share=shared, colour="none")
    setting: Any = SimpleNamespace(
        config=SimpleNamespace(train=config.train, augment=small),
        statistics=statistics(),
        preprocess=Preprocess(torch.zeros(3, 1, 1), torch.ones(3, 1, 1), size=8, fit="crop", crop=4),
    )
    images = inputs(batch, SimpleNamespace(epoch=1, batch=0), setting).images  # type: ignore[arg-type]
    kinds = [len(torch.unique(images[start : start + 32, 0, 0, :2], dim=0)) for start in (0, 32, 64)]
    assert (kinds == [1, 1, 1]) == (shared == 32)


def test_e_colour_in_both_conventions() -> None:
    """One draw a picture, the same for all its pixels; eigenvalues of [0,1] pixels, or standard deviations."""
    many = keys(100_000)
    levels = {
        name: float(colour_shift(many, statistics(), name, 0.1)[:, 0].double().std()) for name in ("paper", "source")
    }
    assert levels["paper"] == pytest.approx(5.5, abs=0.1)
    assert levels["source"] == pytest.approx(11.9, abs=0.15)
    assert pytest.approx(1414, abs=1) == 0.1 * 14_143  # what raw 0-255 eigenvalues would give: nonsense
    assert math.sqrt(14_143) / 255 == pytest.approx(0.466, abs=5e-4)
    images = torch.zeros(4, 3, 8, 8, dtype=torch.uint8)
    _, shift = augment(images, keys(4), keys(4), statistics(), AugmentConfig(crop=4), 1)
    assert shift is not None
    assert shift.shape == (4, 3)
    assert len(torch.unique(shift, dim=0)) == 4


def test_e_colour_basis_of_the_whole_training_set() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 3, 6, 6), dtype=np.uint8)
    pixels = pictures.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(pixels, bias=True))
    found = from_moments(Moments.of(pictures[:5]) + Moments.of(pictures[5:]))
    np.testing.assert_allclose(found.eigenvalues, values[::-1], rtol=1e-9)
    np.testing.assert_allclose(np.abs((found.eigenvectors * vectors[:, ::-1]).sum(0)), 1, rtol=1e-9)


@pytest.mark.parametrize(("colour", "shrink"), [("source", 1.1), ("paper", 1.0), ("none", 1.0)])
def test_e_the_program_keeps_the_scale_of_its_noisy_pixels(colour: str, shrink: float) -> None:
    images = torch.full((2, 3, 8, 8), 110, dtype=torch.uint8)
    batch = Batch(images=images, labels=torch.zeros(2, dtype=torch.int64), index=torch.arange(2))
    setting: Any = SimpleNamespace(
        config=SimpleNamespace(train=RECIPES["paper"].config.train, augment=AugmentConfig(crop=8, colour=colour)),  # type: ignore[arg-type]
        statistics=statistics(first=0.0),
        preprocess=Preprocess(torch.zeros(3, 1, 1), torch.ones(3, 1, 1), size=8, fit="crop", crop=8),
    )
    found = inputs(batch, SimpleNamespace(epoch=1, batch=0), setting).images  # type: ignore[arg-type]
    torch.testing.assert_close(found, torch.full((2, 3, 8, 8), 110 / shrink))


def test_e_colour_ends_at_epoch_67() -> None:
    config = RECIPES["source"].config.augment
    assert [colour_noise(config, epoch) for epoch in (1, 66, 67, 91)] == [True, True, False, False]
    assert colour_noise(RECIPES["paper"].config.augment, 90)


def test_e_ten_views_and_nine() -> None:
    ten = placements("ten", 256, 224)
    places = [(0, 0), (0, 32), (32, 0), (32, 32), (16, 16)]
    assert [(view.top, view.left, view.mirrored) for view in ten] == [
        (top, left, mirrored) for mirrored in (False, True) for top, left in places
    ]
    nine = placements("nine", 32, 24)
    assert [(view.top, view.left) for view in nine] == [(top, left) for top in (0, 4, 8) for left in (0, 4, 8)]
    assert not any(view.mirrored for view in nine)


def test_e_ties_share_the_points() -> None:
    values = np.array([[0.5, 0.5, 0, 0, 0, 0, 0], [0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], [1 / 7] * 7])
    labels = np.array([1, 3, 0])
    assert points(values, labels, 1).tolist() == pytest.approx([1 / 2, 0, 1 / 7])
    assert points(values, labels, 5).tolist() == pytest.approx([1, 4 / 6, 5 / 7])


def test_e_the_networks_of_2011_see_raw_pixels_without_crops() -> None:
    for name in ("cifar-26", "cifar-18"):
        config = RECIPES[name].config
        assert (config.augment.crop, config.augment.pad, config.augment.flip, config.augment.colour) == (
            32,
            0,
            False,
            "none",
        )
        assert (config.optim.rate, config.optim.bias_rate, config.optim.decay) == (0.001, 2.0, 0.004)


# F. Dropout


@pytest.mark.fidelity(
    topic="dropout",
    paper="outputs are 0 with probability .5 in training and multiplied by .5 at test time",
    source="as the paper (the hs layers, keep=0.5)",
    others="scaled up by 2 in training, untouched at test time: another scale for first weights, rate and decay",
    option="Layer.mode paper | inverted in tables.py",
)
def test_f_the_formulas() -> None:
    some, x = keys(500), torch.rand(500, 80, generator=torch.Generator().manual_seed(0)) + 1
    layer = Dropout(0.5, "paper", "drop6")
    mask = draws.uniform(some, "dropout:drop6", 80) < 0.5
    assert torch.equal(layer(x, some), x * mask)
    assert torch.equal(layer.eval()(x), 0.5 * x)
    assert float((x * mask).mean() / (0.5 * x).mean()) == pytest.approx(
        1, abs=0.03
    )  # the expected output is the test's
    inverted = Dropout(0.5, "inverted", "drop6")
    assert torch.equal(inverted(x, some), x * mask / 0.5)
    assert torch.equal(inverted.eval()(x), x)


def test_f_gradients_pass_the_mask() -> None:
    some, x = keys(8), torch.rand(8, 30, requires_grad=True)
    layer = Dropout(0.5, "paper", "d")
    (gradient,) = torch.autograd.grad(layer(x, some).sum(), x)
    assert torch.equal(gradient, (draws.uniform(some, "dropout:d", 30) < 0.5).float())
    (gradient,) = torch.autograd.grad(layer.eval()(x).sum(), x)
    assert torch.equal(gradient, torch.full_like(gradient, 0.5))


@pytest.mark.fidelity(
    topic="which units are dropped",
    paper="the outputs of the first two dense layers",
    source="as the paper",
    others="torchvision: the inputs of the first two dense layers",
    option="--model.table paper | torchvision",
)
def test_f_places() -> None:
    for table in (PAPER, SOURCE):
        assert names(table, "fc6", "fc8") == "fc6 relu6 drop6 fc7 relu7 drop7 fc8".split()
        assert [one.rate for one in table.layers if one.kind == "dropout"] == [0.5, 0.5]
    assert names(TORCHVISION, "average", "fc8") == "average drop5 fc6 relu6 drop6 fc7 relu7 fc8".split()


def test_f_weights_carried_over_to_the_inverted_form() -> None:
    """Half the weights of the layers after dropout, their biases as they are: the same function."""
    rows = [row(PAPER, name) for name in names(PAPER, "fc6", "fc8")]
    pair = []
    for mode in ("paper", "inverted"):
        changed = tuple(Layer(**(vars(one) | {"mode": mode, "out": one.out and 40})) for one in rows)
        pair.append(AlexNet(5, Table(name=mode, summary="", layers=changed, size=4), init="he").double())
    paper, inverted = pair
    inverted.load_state_dict(paper.state_dict())
    with torch.no_grad():
        for name in ("fc7", "fc8"):
            getattr(inverted.classifier, name).weight.mul_(0.5)
    images, some = torch.rand(6, 3, 4, 4, dtype=torch.float64), keys(6)
    torch.testing.assert_close(paper(images, some), inverted(images, some), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(paper.eval()(images), inverted.eval()(images), rtol=1e-12, atol=1e-12)
