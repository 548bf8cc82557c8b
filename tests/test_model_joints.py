"""Do sums and attention compute their formulas?"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from alexnet.model.joints import Add, SelfAttention, SqueezeExcite


def filled(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / math.sqrt(weight.shape[-1]))
    return module.double()


def maps(channels: int, side: int, number: int = 2) -> Tensor:
    return torch.randn(number, channels, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2))


def test_sums() -> None:
    x = maps(3, 2)
    assert torch.equal(Add()(x, 2 * x), 3 * x)


def test_squeeze_and_excitation() -> None:
    module = filled(SqueezeExcite(32))
    assert isinstance(module, SqueezeExcite)
    assert module.up.shape == (32, 8)
    assert SqueezeExcite(256).up.shape == (256, 16)
    x = maps(32, 4)
    for picture, out in zip(x, module(x), strict=True):
        means = torch.stack([one.sum() / 16 for one in picture])
        hidden = (module.down @ means + module.down_bias).clamp(min=0)
        weights = 1 / (1 + torch.exp(-(module.up @ hidden + module.up_bias)))
        expected = torch.stack([weight * one for weight, one in zip(weights, picture, strict=True)])
        torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-12)


def test_self_attention() -> None:
    module = filled(SelfAttention(64))
    assert isinstance(module, SelfAttention)
    assert module.heads == 2
    x = maps(64, 3)
    found = module(x)
    q_all, k_all, v_all = module.inward.split(64)
    for picture, out in zip(x, found, strict=True):
        places = [picture[:, i, j] for i in range(3) for j in range(3)]
        even = [(p - p.mean()) / torch.sqrt(p.var(correction=0) + 1e-5) for p in places]
        for number, place in enumerate(places):
            gathered = []
            for head in (slice(0, 32), slice(32, 64)):
                q = q_all[head] @ even[number]
                scores = torch.stack([q @ (k_all[head] @ other) / math.sqrt(32) for other in even]).exp()
                gathered.append(
                    sum(s * (v_all[head] @ other) for s, other in zip(scores / scores.sum(), even, strict=True))
                )
            expected = place + module.outward @ torch.cat(gathered) + module.outward_bias
            torch.testing.assert_close(out.flatten(1)[:, number], expected, rtol=1e-9, atol=1e-10)


def test_attention_can_be_differentiated_twice() -> None:
    """As the bound of the first step's rate asks."""
    for module in (filled(SqueezeExcite(4)), filled(SelfAttention(4))):
        x = maps(4, 2, 1).requires_grad_()
        assert torch.autograd.gradgradcheck(module, (x,))


def test_the_number_of_heads_divides_the_maps() -> None:
    found = {channels: SelfAttention(channels).heads for channels in (16, 32, 64, 96, 256, 384, 33, 130)}
    assert found == {16: 1, 32: 1, 64: 2, 96: 2, 256: 8, 384: 8, 33: 1, 130: 2}
