"""Do the GPU's kernels compute what torch's operations compute? On the GPU, or by Triton's interpreter on the CPU."""

from __future__ import annotations

import os
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ.setdefault("TRITON_INTERPRET", "1")  # read when triton is imported
pytest.importorskip("triton", reason="needs Triton, which torch's builds for GPUs bring; `pip install triton` here")

from alexnet.kernels import triton_normalization as kernels  # noqa: E402
from alexnet.kernels import triton_velocity  # noqa: E402

if DEVICE == "cpu" and os.environ["TRITON_INTERPRET"] != "1":
    pytest.skip("Triton was imported without TRITON_INTERPRET=1", allow_module_level=True)


def plain(x: Tensor, before: int, after: int, columns: int, k: float, alpha: float, beta: float) -> Tensor:
    """The formula with a term at a time, in x's own type."""
    apart = x.unflatten(1, (columns, -1))
    maps = apart.shape[2]
    rows = []
    for place in range(maps):
        near = apart[:, :, max(0, place - before) : place + after + 1]
        rows.append(apart[:, :, place] * (k + alpha * (near * near).sum(2)) ** -beta)
    return torch.stack(rows, 2).flatten(1, 2)


class Normalize(torch.autograd.Function):
    """As the module in model/layers.py calls the kernels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *arguments: Any) -> Tensor:
        ctx.save_for_backward(x)
        ctx.arguments = arguments
        return kernels.normalize(x, None, *arguments)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        return (kernels.normalize(*ctx.saved_tensors, grads[0], *ctx.arguments), *(None,) * 6)


def normalize(x: Tensor, *arguments: Any) -> Tensor:
    return Normalize.apply(x, *arguments)


def laid_out(x: Tensor, layout: str) -> Tensor:
    if layout == "channels-last":
        return x.contiguous(memory_format=torch.channels_last)
    return x.contiguous() if layout == "contiguous" else x.transpose(2, 3).contiguous().transpose(2, 3)


def compare(x: Tensor, layout: str, kind: torch.dtype, arguments: tuple[int, int, int, float, float, float]) -> None:
    """Forward and gradient against the formula in float64, on what the storage's type keeps of x."""
    given = laid_out(x.to(DEVICE, kind), layout).detach().requires_grad_()
    wide = given.detach().double().cpu().requires_grad_()
    want = plain(wide, *arguments)
    pushed = torch.randn(want.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(kind)
    (want_grad,) = torch.autograd.grad(want, wide, pushed.double())
    got = normalize(given, *arguments)
    (got_grad,) = torch.autograd.grad(got, given, pushed.to(DEVICE))
    assert got.dtype == got_grad.dtype == kind
    tolerance = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1e-2}[kind]
    for ours, theirs in ((got, want), (got_grad, want_grad)):
        scale = theirs.abs().max()
        assert (ours.detach().cpu().double() - theirs.detach()).abs().max() <= tolerance * scale


LAYOUTS = ("contiguous", "channels-last", "neither")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 32, 3, 5), (2, 2, 2, 2.0, 0.5, 0.75)),  # the paper's window, two columns, eight maps at a time
        ((1, 24, 1, 67), (4, 4, 1, 1.0, 0.3, 0.6)),  # the widest window by eight, another power, three groups
        ((1, 12, 7, 3), (3, 2, 2, 2.0, 0.2, 0.75)),  # six maps a column: one at a time; an even window
        ((2, 16, 1, 3), (9, 9, 1, 1.0, 0.1, 0.75)),  # a window wider than the maps
        ((3, 5, 1, 1), (0, 0, 1, 1.0, 1.0, 0.75)),  # a window of one
    ],
)
def test_normalization_is_the_formula(
    shape: tuple[int, ...], arguments: tuple[int, int, int, float, float, float], kind: torch.dtype, layout: str
) -> None:
    x = 2 * torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    compare(x, layout, kind, arguments)


@settings(max_examples=15, deadline=None)
@given(
    pictures=st.integers(1, 3),
    maps=st.integers(1, 17),
    columns=st.integers(1, 3),
    height=st.integers(1, 5),
    width=st.integers(1, 5),
    before=st.integers(0, 6),
    after=st.integers(0, 6),
    beta=st.sampled_from([0.75, 0.5, 1.0]),
    layout=st.sampled_from(LAYOUTS),
    seed=st.integers(0, 99),
)
def test_normalization_of_any_shape_and_window(
    pictures: int, maps: int, columns: int, height: int, width: int, before: int, after: int, beta: float,
    layout: str, seed: int,
) -> None:  # fmt: skip
    x = torch.randn(
        (pictures, maps * columns, height, width), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    compare(x, layout, torch.float32, (before, after, columns, 2.0, 0.7, beta))


def test_a_dense_layers_outputs_are_normalized_too() -> None:
    x = torch.randn((5, 16), generator=torch.Generator().manual_seed(0)).to(DEVICE)
    arguments = (2, 2, 1, 2.0, 0.5, 0.75)
    torch.testing.assert_close(kernels.normalize(x, None, *arguments), plain(x, *arguments))


def test_nothing_in_nothing_out() -> None:
    x = torch.empty((0, 16, 3, 3), device=DEVICE, requires_grad=True)
    normalize(x, 2, 2, 1, 2.0, 0.5, 0.75).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == x.shape


def test_compiled_it_stays_one_operator_each_way() -> None:
    arguments = (2, 2, 2, 2.0, 0.5, 0.75)
    x = laid_out(torch.randn((2, 16, 3, 3), device=DEVICE), "channels-last").detach().requires_grad_()
    function = torch.compile(lambda x: normalize(x * 2, *arguments), dynamic=False, backend="aot_eager")
    (got,) = torch.autograd.grad(function(x).square().sum(), x)
    (want,) = torch.autograd.grad(normalize(x * 2, *arguments).square().sum(), x)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("layout", ["contiguous", "channels-last"])
def test_the_velocity_rule_in_one_pass(layout: str) -> None:
    generator = torch.Generator().manual_seed(0)
    start = [laid_out(torch.randn((5, 3, 7, 2), generator=generator), layout).to(DEVICE), torch.randn(9).to(DEVICE)]
    ours, theirs = ([one.clone() for one in start] for _ in range(2))
    velocities, others = ([torch.zeros_like(one) for one in start] for _ in range(2))
    for _ in range(3):
        for weight, velocity, other, its in zip(ours, velocities, theirs, others, strict=True):
            grad = torch.randn(weight.shape, generator=generator).to(DEVICE)
            grad = torch.empty_like(weight).copy_(grad)
            its.mul_(0.9).sub_(0.01 * 0.1 * other).sub_(0.1 * grad)
            other.add_(its)
            triton_velocity.update(weight, velocity, grad, 0.9, 0.01, 0.1)
    for one, other in zip(ours + velocities, theirs + others, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
