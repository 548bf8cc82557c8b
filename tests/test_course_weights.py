"""Are the activations, initial weights and dropout that courses name right, also on a network without names?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra.numpy import arrays
from torch import Tensor, nn
from torch.nn import functional

from alexnet.course import (
    Dropout,
    init_weights,
    relu,
    tanh,
)
from alexnet.model.network import AlexNet
from alexnet.tables import Table
from alexnet.tables.rows import conv, dense, dropout, pool
from alexnet.tables.rows import relu as relu_row

FLOATS = arrays(np.float64, some.integers(0, 20), elements=some.floats(-1e308, 1e308))

# --- activations ------------------------------------------------------------------------------------------------------


@given(FLOATS)
def test_relu_is_the_larger_of_0_and_x(x: np.ndarray) -> None:
    assert relu(x).tolist() == [max(0.0, one) for one in x.tolist()]
    assert (relu(x) == functional.relu(torch.from_numpy(x)).numpy()).all()


def test_relu_keeps_the_type() -> None:
    assert relu(np.float32([-1, 2])).dtype == np.float32
    assert relu([-3, 4]).tolist() == [0, 4]
    assert np.isnan(relu(np.nan))


@given(FLOATS)
def test_tanh_is_that_of_numpy_and_never_overflows(x: np.ndarray) -> None:
    with np.errstate(over="raise", invalid="raise"):
        ours = tanh(x)
    np.testing.assert_allclose(ours, np.tanh(x), rtol=1e-14, atol=0)
    assert (np.abs(ours) <= 1).all()


def test_tanh_where_the_printed_formula_fails() -> None:
    x = np.array([-800.0, -1e-12, 0.0, 1e-12, 800.0])
    with np.errstate(over="ignore", invalid="ignore"):
        printed = (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))
    assert np.isnan(printed[[0, 4]]).all()
    assert abs(printed[3] / 1e-12 - 1) > 1e-5
    assert tanh(x).tolist() == [-1.0, -1e-12, 0.0, 1e-12, 1.0]
    assert tanh(3).dtype == np.float64
    assert tanh(np.float32([1])).dtype == np.float32


# --- initial weights --------------------------------------------------------------------------------------------------

WIDTHS = (8, 16, 12, 12, 8)


def notes_network(classes: int = 5) -> nn.Module:
    """The notes' shape, much smaller: unnamed layers in `features` and `classifier`, dropout before the dense ones."""

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            a, b, c, d, e = WIDTHS
            self.features = nn.Sequential(
                *(nn.Conv2d(3, a, 5, stride=2, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
                nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2),
                *(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
                nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2),
                *(nn.Conv2d(b, c, 3, padding=1), nn.ReLU(inplace=True)),
                *(nn.Conv2d(c, d, 3, padding=1), nn.ReLU(inplace=True)),
                *(nn.Conv2d(d, e, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            )
            self.classifier = nn.Sequential(
                *(nn.Dropout(0.5), nn.Linear(e, 32), nn.ReLU(inplace=True)),
                *(nn.Dropout(0.5), nn.Linear(32, 32), nn.ReLU(inplace=True)),
                nn.Linear(32, classes),
            )

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.classifier(torch.flatten(self.features(x), 1))
            return found

    return Network()


def biases(model: nn.Module) -> list[float]:
    layers = [one for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    assert all(len(layer.bias.unique()) == 1 for layer in layers if layer.bias is not None)
    return [float(layer.bias.detach()[0]) for layer in layers if layer.bias is not None]


SECTION_5 = [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0]


def test_section_5_on_unnamed_layers() -> None:
    model = notes_network()
    init_weights(model)
    assert biases(model) == SECTION_5
    weights = torch.cat(
        [one.weight.detach().flatten() for one in model.modules() if isinstance(one, nn.Conv2d | nn.Linear)]
    )
    assert float(weights.std()) == pytest.approx(0.01, rel=0.03)
    assert abs(float(weights.mean())) < 1e-3


def test_positions_as_the_notes_count_them_are_wrong() -> None:
    """Positions 3, 6 and 8 of `features` are a normalization, a pool and conv3; right are 4, 10 and 12."""
    features = notes_network().features
    assert isinstance(features, nn.Sequential)
    assert [place for place, one in enumerate(features) if isinstance(one, nn.Conv2d)] == [0, 4, 8, 10, 12]
    init_weights(model := notes_network())
    assert isinstance(model.features, nn.Sequential)
    ones = [place for place, one in enumerate(model.features) if isinstance(one, nn.Conv2d) and one.bias[0] == 1]  # type: ignore[index]
    assert ones == [4, 10, 12]


def test_a_plain_sequential_and_our_own_start_equal() -> None:
    """The same rule and draws as the named networks: one table, once as `AlexNet`, once as unnamed layers."""
    rows = [conv("conv1", 4, 3), relu_row("relu1"), pool("pool1"), conv("conv2", 6, 3), relu_row("relu2")]
    rows += [conv(f"conv{n}", 6, 3, pad=1) for n in (3, 4, 5)]
    rows += [dense("fc6", 7), relu_row("relu6"), dropout("drop6"), dense("fc7", 7), dense("fc8", 3)]
    named = AlexNet(3, Table(name="small", summary="", layers=tuple(rows), size=16), init="paper", seed=4)
    plain = nn.Sequential(
        *(type(one)(*_shape(one)) for one in named.modules() if isinstance(one, nn.Conv2d | nn.Linear))
    )
    init_weights(plain, seed=4)
    for ours, theirs in zip(named.parameters(), plain.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    before = [one.clone() for one in named.parameters()]
    init_weights(named, seed=5)
    assert biases(named) == SECTION_5
    assert not torch.equal(before[0], next(named.parameters()))
    init_weights(plain, seed=5)
    assert all(torch.equal(a, b) for a, b in zip(named.parameters(), plain.parameters(), strict=True))


def _shape(one: nn.Conv2d | nn.Linear) -> tuple[int, ...]:
    if isinstance(one, nn.Linear):
        return one.in_features, one.out_features
    return one.in_channels, one.out_channels, one.kernel_size[0]


def test_init_weights_says_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"neither nn.Conv2d nor nn.Linear"):
        init_weights(nn.ReLU())
    with pytest.raises(ValueError, match="init='paper'"):
        init_weights(notes_network(), init="table")
    with pytest.raises(ValueError, match="not known"):
        init_weights(notes_network(), init="mine")  # type: ignore[arg-type]
    init_weights(source := notes_network(), init="caffe")
    assert [round(one, 6) for one in biases(source)] == [0.0, 0.1, 0.0, 0.1, 0.1, 0.1, 0.1, 0.0]


# --- dropout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["paper", "inverted"])
def test_dropout_keeps_what_is_expected(mode: str) -> None:
    """Mean of training = value in testing, for a rate at which keep and drop cannot be confused."""
    layer = Dropout(0.25, mode)
    x = torch.linspace(1, 2, 100).expand(4000, -1)
    torch.manual_seed(0)
    trained = layer(x)
    layer.eval()
    torch.testing.assert_close(trained.mean(0), layer(x)[0], rtol=0.06, atol=0)
    assert float((trained == 0).float().mean()) == pytest.approx(0.25, abs=0.005)
    assert float(layer(x)[0, 0]) == (0.75 if mode == "paper" else 1.0)


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_a_hook_before_a_relu_in_place_records_the_relu() -> None:
    kept: list[Tensor] = []
    cloned: list[Tensor] = []
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    layers[0].register_forward_hook(lambda module, given, out: kept.append(out))
    layers[0].register_forward_hook(lambda module, given, out: cloned.append(out.clone()))
    with torch.no_grad():
        layers(torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)))
    assert kept[0].min() == 0
    assert cloned[0].min() < 0
