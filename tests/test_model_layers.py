"""Do the layers compute what their formulas say, forwards and backwards, however they are run?"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from alexnet import draws
from alexnet.model.layers import CeilConv2d, Dense, Dropout
from alexnet.model.normalization import ResponseNormalization, WithinMapNormalization

PAPER_LRN = (5, 1e-4, 0.75, 2.0)


def pictures(*shape: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def plain_response(x: Tensor, size: int, alpha: float, beta: float, k: float, columns: int) -> Tensor:
    """Section 3.3 as loops over numbers."""
    out = torch.empty_like(x)
    width = x.shape[1] // columns
    for n in range(x.shape[0]):
        for i in range(x.shape[1]):
            first, last = i // width * width, (i // width + 1) * width - 1
            for place in range(x.shape[2]):
                total = 0.0
                for j in range(max(first, i - size // 2), min(last, i + (size - 1) // 2) + 1):
                    total += float(x[n, j, place]) ** 2
                out[n, i, place] = x[n, i, place] / (k + alpha * total) ** beta
    return out


def plain_within(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    out = torch.empty_like(x)
    height, width = x.shape[2:]
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            for row in range(height):
                for column in range(width):
                    total = 0.0
                    for y in range(max(0, row - size // 2), min(height - 1, row + (size - 1) // 2) + 1):
                        for z in range(max(0, column - size // 2), min(width - 1, column + (size - 1) // 2) + 1):
                            total += float(x[n, c, y, z]) ** 2
                    out[n, c, row, column] = x[n, c, row, column] / (k + alpha * total) ** beta
    return out


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(1, 9),
    columns=st.integers(1, 3),
    width=st.integers(1, 7),
    alpha=st.floats(0, 2),
    beta=st.sampled_from([0.75, 0.5, 1.0, 0.3]),
    k=st.floats(0.5, 3),
    divide=st.booleans(),
)
def test_response_normalization_equals_plain_loops(
    size: int, columns: int, width: int, alpha: float, beta: float, k: float, divide: bool
) -> None:
    x = pictures(2, columns * width, 2, scale=2.0)
    layer = ResponseNormalization(size, alpha, beta, k, divide, columns)
    expected = plain_response(x, size, alpha / size if divide else alpha, beta, k, columns)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1, 3, 5, 4, 11])
@pytest.mark.parametrize("divide", [True, False])
def test_within_map_normalization_equals_plain_loops(size: int, divide: bool) -> None:
    x = pictures(2, 2, 5, 6, scale=2.0)
    layer = WithinMapNormalization(size, 0.3, 0.75, 1.0, divide)
    expected = plain_within(x, size, 0.3 / size**2 if divide else 0.3, 0.75, 1.0)
    torch.testing.assert_close(layer(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
def test_divided_it_is_torchs_also_for_even_windows(size: int) -> None:
    x = pictures(2, 12, 4, 3, scale=3.0)
    torchs = nn.LocalResponseNorm(size, alpha=0.2, beta=0.75, k=2.0)(x)
    torch.testing.assert_close(ResponseNormalization(size, 0.2, divide=True)(x), torchs, rtol=1e-12, atol=0)


def test_columns_are_normalized_apart() -> None:
    x = pictures(2, 96, 3, 3, scale=60.0)
    whole, halves = ResponseNormalization(), ResponseNormalization(columns=2)
    apart = torch.cat([whole(x[:, :48]), whole(x[:, 48:])], dim=1)
    torch.testing.assert_close(halves(x), apart, rtol=1e-14, atol=0)
    differs = (whole(x) - apart).abs().amax(dim=(0, 2, 3)) > 0
    assert differs.nonzero().flatten().tolist() == [46, 47, 48, 49]


NORMALIZATIONS: list[Callable[[], nn.Module]] = [
    lambda: ResponseNormalization(5, 0.1, columns=2),
    lambda: ResponseNormalization(4, 0.1, 0.6, 1.0, divide=True),
    lambda: ResponseNormalization(1, 0.3),
    lambda: ResponseNormalization(19, 0.3, 0.5, columns=2),
    lambda: WithinMapNormalization(3, 0.2),
    lambda: WithinMapNormalization(4, 0.2, 0.4, 2.0, divide=False),
]


@pytest.mark.parametrize("number", range(len(NORMALIZATIONS)))
def test_gradients_of_first_and_second_order(number: int) -> None:
    layer, x = NORMALIZATIONS[number](), pictures(2, 8, 3, 2).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


@pytest.mark.parametrize("number", range(len(NORMALIZATIONS)))
def test_channels_last_gives_the_same_and_stays_so(number: int) -> None:
    layer, x = NORMALIZATIONS[number](), pictures(2, 8, 5, 4)
    turned = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(layer(turned), layer(x), rtol=1e-14, atol=0)
    assert layer(turned).is_contiguous(memory_format=torch.channels_last)


# torch's compiler makes an instance of every autograd function it meets, and warns of its own doing.
@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")
@pytest.mark.parametrize("number", range(len(NORMALIZATIONS)))
def test_captured_whole_by_the_compiler(number: int) -> None:
    """Forward and backward in one graph; the compiled window sum is written differently and must give the same."""
    layer, x = NORMALIZATIONS[number](), pictures(2, 8, 5, 4).requires_grad_()
    torch.compiler.reset()
    captured = torch.compile(layer, dynamic=False, fullgraph=True, backend="aot_eager")
    weight = pictures(2, 8, 5, 4, seed=1)
    (own,) = torch.autograd.grad((layer(x) * weight).sum(), x)
    (theirs,) = torch.autograd.grad((captured(x) * weight).sum(), x)
    torch.testing.assert_close(captured(x), layer(x), rtol=1e-12, atol=0)
    torch.testing.assert_close(theirs, own, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near(kind: torch.dtype) -> None:
    """Only input and output are rounded: the sum of squares would overflow float16 and lose terms in bfloat16."""
    x = pictures(2, 16, 5, 5, scale=90.0).to(kind).requires_grad_()
    wide = x.detach().double().requires_grad_()
    layer = ResponseNormalization()
    rounding = torch.finfo(kind).eps
    assert layer(x).dtype == kind
    torch.testing.assert_close(layer(x).double(), layer(wide), rtol=rounding, atol=0)
    layer(x).sum().backward()
    layer(wide).sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(x.grad.double(), wide.grad, rtol=2 * rounding, atol=1e-5)


def test_autocast_leaves_it_in_float32() -> None:
    x = pictures(2, 16, 5, 5, scale=90.0).float()
    for layer in (ResponseNormalization(), WithinMapNormalization(3, 1e-3)):
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(layer(x), layer(x.clone()))
            inside = layer(x)
        assert inside.dtype == torch.float32
        assert torch.equal(inside, layer(x))


def test_only_the_input_is_kept_for_backward() -> None:
    kept: list[Tensor] = []
    x = pictures(1, 8, 3, 3).requires_grad_()

    def pack(value: Tensor) -> Tensor:
        kept.append(value)
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        ResponseNormalization(columns=2)(x)
    assert len(kept) == 1
    assert kept[0] is x


def test_impossible_constants_are_refused() -> None:
    with pytest.raises(ValueError, match="one term or more, not 0"):
        ResponseNormalization(0)
    with pytest.raises(ValueError, match="k is 0"):
        ResponseNormalization(k=0)
    with pytest.raises(ValueError, match="alpha -1"):
        WithinMapNormalization(3, -1)
    with pytest.raises(ValueError, match="one column or more"):
        ResponseNormalization(columns=0)
    with pytest.raises(ValueError, match="C a multiple of 3, not \\(1, 8, 2, 2\\)"):
        ResponseNormalization(columns=3)(pictures(1, 8, 2, 2))
    with pytest.raises(ValueError, match="needs N,C,H,W"):
        WithinMapNormalization(3, 1.0)(pictures(1, 8))


def test_dropout_by_the_paper_and_inverted() -> None:
    x, keys = pictures(200, 50) + 3, draws.keys(0, 1, torch.arange(200))
    paper, inverted = Dropout(0.4, "paper", "d"), Dropout(0.4, "inverted", "d")
    kept = paper(x, keys) != 0
    assert float(kept.double().mean()) == pytest.approx(0.6, abs=0.02)
    assert torch.equal(paper(x, keys), x * kept)
    torch.testing.assert_close(inverted(x, keys), x * kept / 0.6)
    assert torch.equal(paper.eval()(x), x * 0.6)
    assert inverted.eval()(x) is x


def test_masks_belong_to_pictures_layers_and_units() -> None:
    keys = draws.keys(0, 1, torch.arange(6))
    layer, x = Dropout(0.5, "paper", "drop6"), torch.ones(6, 64)
    whole = layer(x, keys)
    assert torch.equal(whole, torch.cat([layer(x[:4], keys[:4]), layer(x[4:], keys[4:])]))
    assert torch.equal(whole, layer(x.view(6, 4, 4, 4), keys).flatten(1))
    assert not torch.equal(whole, Dropout(0.5, "paper", "drop7")(x, keys))
    assert not torch.equal(whole, layer(x, draws.keys(0, 2, torch.arange(6))))
    assert len(torch.unique(whole, dim=0)) == 6
    turned = layer(x.view(6, 4, 4, 4).to(memory_format=torch.channels_last), keys)
    assert torch.equal(whole, turned.flatten(1))


def test_without_keys_dropout_uses_torchs_generator() -> None:
    layer, x = Dropout(0.5, "paper", "d"), torch.ones(4, 100)
    torch.manual_seed(1)
    first = layer(x)
    assert not torch.equal(first, layer(x))
    torch.manual_seed(1)
    assert torch.equal(first, layer(x))


def test_a_dropped_unit_gets_no_gradient() -> None:
    x = torch.ones(3, 40, requires_grad=True)
    out = Dropout(0.5, "inverted", "d")(x, draws.keys(0, 1, torch.arange(3)))
    out.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, (out != 0) * 2.0)


def test_dropout_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="from 0 to below 1, not 1"):
        Dropout(1.0)
    with pytest.raises(ValueError, match="'paper' or 'inverted', not 'other'"):
        Dropout(0.5, "other")


def test_zeros_on_the_right_and_below_only() -> None:
    layer = CeilConv2d(1, 1, 3, stride=2, pad_end=2, bias=False)
    nn.init.ones_(layer.weight)
    out = layer(torch.ones(1, 1, 5, 5))[0, 0]
    assert out.tolist() == [[9, 9, 3], [9, 9, 3], [3, 3, 1]]


def test_dense_reads_maps_by_channel_row_column() -> None:
    layer, x = Dense(12, 12, bias=False), torch.arange(24.0).view(2, 3, 2, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(12))
    assert torch.equal(layer(x), torch.arange(24.0).view(2, 12))
    assert torch.equal(layer(x.to(memory_format=torch.channels_last)), torch.arange(24.0).view(2, 12))
