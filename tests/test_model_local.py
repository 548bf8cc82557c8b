"""Does a locally connected layer compute what a plain loop over its places does, with gradients?"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from alexnet.model.local import LocalConv2d

CASES = [
    {"kernel": 3, "side": 5, "padding": 1},
    {"kernel": 3, "side": 6, "padding": 1, "columns": 2},
    {"kernel": 2, "side": 7, "stride": 2, "padding_end": 1, "bias": False},
    {"kernel": 3, "side": 7, "padding": 2, "dilation": 2},
]


def layer(**fields: object) -> LocalConv2d:
    made = LocalConv2d(4, 6, **fields).double()  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator, dtype=torch.float64))
    return made


def looped(made: LocalConv2d, x: Tensor) -> Tensor:
    """One place, column and map at a time."""
    zeros, end, reach = made.padding, made.padding_end, made.dilation
    wide = F.pad(x, (zeros, zeros + end, zeros, zeros + end))
    g = made.columns
    out = torch.zeros(len(x), made.out, made.places, made.places, dtype=x.dtype)
    for row in range(made.places):
        for column in range(made.places):
            place = row * made.places + column
            for unit in range(made.out):
                group, inside = divmod(unit, made.out // g)
                weights = made.weight[place * g + group, :, inside]
                step = 0
                for channel in range(group * made.channels // g, (group + 1) * made.channels // g):
                    for i in range(made.kernel):
                        for j in range(made.kernel):
                            pixel = wide[:, channel, row * made.stride + i * reach, column * made.stride + j * reach]
                            out[:, unit, row, column] += weights[step] * pixel
                            step += 1
                if made.bias is not None:
                    out[:, unit, row, column] += made.bias[unit * made.places**2 + place]
    return out


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_the_plain_loop(case: dict[str, int]) -> None:
    made = layer(**case)
    x = torch.randn(3, 4, case["side"], case["side"], dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        torch.testing.assert_close(made(x), looped(made, x), rtol=1e-12, atol=1e-12)
        turned = x.to(memory_format=torch.channels_last)
        torch.testing.assert_close(made(turned), made(x), rtol=1e-12, atol=1e-12)


def test_gradients_once_and_twice() -> None:
    """Twice is what the bound of the first step's rate asks for."""
    made = layer(kernel=2, side=3, padding=1, columns=2)
    x = torch.randn(2, 4, 3, 3, dtype=torch.float64, requires_grad=True, generator=torch.Generator().manual_seed(3))

    def run(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(made, {"weight": weight, "bias": bias}, (x,))  # type: ignore[no-any-return]

    arguments = (x, made.weight, made.bias)
    assert torch.autograd.gradcheck(run, arguments)
    assert torch.autograd.gradgradcheck(run, arguments)


def test_equal_weights_everywhere_are_a_convolution() -> None:
    made = layer(kernel=3, side=6, padding=1)
    shared = torch.randn(6, 4, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        made.weight.copy_(shared.flatten(1).t().expand_as(made.weight))
        assert made.bias is not None
        made.bias.copy_(torch.arange(6).repeat_interleave(36))
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    expected = F.conv2d(x, shared, torch.arange(6, dtype=torch.float64), padding=1)
    torch.testing.assert_close(made(x), expected, rtol=1e-12, atol=1e-12)


def test_what_it_cannot_read_is_told() -> None:
    with pytest.raises(ValueError, match="4 columns do not divide 6 maps read"):
        LocalConv2d(6, 8, 3, 5, columns=4)
    with pytest.raises(ValueError, match=r"reads maps of the shape \(4, 5, 5\), not \(4, 6, 6\)"):
        layer(kernel=3, side=5, padding=1)(torch.zeros(1, 4, 6, 6, dtype=torch.float64))
