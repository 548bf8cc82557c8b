"""Do the kernels in C compute what torch's operations do, and is there always a way without them?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from alexnet.kernels import build, normalization, pooling, velocity, within
from alexnet.model.normalization import ResponseNormalization, _Normalize
from alexnet.model.pooling import MaxPool2d
from alexnet.training.optim import Velocity

pytestmark = pytest.mark.skipif(build.state() == "torch", reason="this machine has no C compiler, or kernels are off")

#: Largest difference over largest value, by type: what rounding leaves.
CLOSE = {torch.float32: 1e-6, torch.bfloat16: 2**-8}


def draw(shape: tuple[int, ...], kind: torch.dtype, layout: str, seed: int = 0, scale: float = 30.0) -> Tensor:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * scale
    last = layout == "last" and len(shape) == 4
    return values.to(kind).contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def far(found: Tensor, right: Tensor) -> float:
    return float((found.double() - right.double()).abs().max() / right.double().abs().max())


@pytest.mark.parametrize("kind", list(CLOSE))
@pytest.mark.parametrize("layout", ["first", "last"])
@settings(max_examples=25, deadline=None)
@given(
    columns=st.integers(1, 3),
    deep=st.integers(1, 40),
    sides=st.sampled_from([(1, 1), (5, 7), (13, 13), (3, 130)]),
    window=st.sampled_from([(0, 0), (2, 2), (1, 0), (4, 4), (2, 1)]),
    k=st.sampled_from([1.0, 2.0]),
    alpha=st.sampled_from([1e-4, 1e-2, 1.0]),
)
def test_normalization_and_its_gradient_are_those_in_float64(
    kind: torch.dtype,
    layout: str,
    columns: int,
    deep: int,
    sides: tuple[int, int],
    window: tuple[int, int],
    k: float,
    alpha: float,
) -> None:
    shape = (2, columns * deep, *sides)
    x, grad = draw(shape, kind, layout), draw(shape, kind, layout, seed=1, scale=1)
    wide = x.double().requires_grad_()
    right = _Normalize.apply(wide, *window, columns, k, alpha, 0.75)
    (right_grad,) = torch.autograd.grad(right, wide, grad.double())
    assert normalization.knows(x, columns, 0.75)
    found = normalization.normalize(x, None, *window, columns, k, alpha, 0.75)
    assert found.dtype == kind
    assert found.stride() == x.stride()
    assert far(found, right.detach()) < CLOSE[kind]
    assert far(normalization.normalize(x, grad, *window, columns, k, alpha, 0.75), right_grad) < CLOSE[kind]


@pytest.mark.parametrize("kind", list(CLOSE))
@settings(max_examples=25, deadline=None)
@given(
    maps=st.sampled_from([1, 5, 64, 70]),
    sides=st.sampled_from([(1, 1), (5, 7), (13, 13)]),
    window=st.sampled_from([(0, 0), (1, 1), (2, 1), (4, 4)]),
    alpha=st.sampled_from([1e-4, 1e-2, 1.0]),
)
def test_normalization_within_maps_and_its_gradient_are_those_in_float64(
    kind: torch.dtype, maps: int, sides: tuple[int, int], window: tuple[int, int], alpha: float
) -> None:
    shape = (2, maps, *sides)
    x, grad = draw(shape, kind, "last"), draw(shape, kind, "last", seed=1, scale=1)
    wide = x.double().requires_grad_()
    right = _Normalize.apply(wide, *window, 0, 1.0, alpha, 0.75)
    (right_grad,) = torch.autograd.grad(right, wide, grad.double())
    assert within.knows(x, 0.75)
    assert not within.knows(x.double(), 0.75)
    assert far(within.normalize(x, None, *window, 1.0, alpha, 0.75), right.detach()) < CLOSE[kind]
    assert far(within.normalize(x, grad, *window, 1.0, alpha, 0.75), right_grad) < CLOSE[kind]


def test_the_module_uses_the_kernel_and_is_close_to_what_torch_offers() -> None:
    x = draw((3, 96, 27, 27), torch.float32, "first").requires_grad_()
    peer = nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
    ours, theirs = ResponseNormalization()(x), peer(x)
    assert far(ours.detach(), theirs.detach()) < 1e-6
    weight = draw((3, 96, 27, 27), torch.float32, "first", seed=2)
    assert far(torch.autograd.grad(ours, x, weight)[0], torch.autograd.grad(theirs, x, weight)[0]) < 1e-6


def test_numbers_do_not_depend_on_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = draw((4, 48, 20, 20), torch.float32, "last")
    found = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        pooled, place = pooling.pool(x, 3, 2, 0, 9, 9)
        found.append(
            (
                normalization.normalize(x, x, 2, 2, 2, 2.0, 1e-2, 0.75),
                pooled,
                pooling.gather(pooled, place, 20, 20, 3, 2, 0),
            )
        )
    for others in found[1:]:
        assert all(torch.equal(one, other) for one, other in zip(found[0], others, strict=True))


def test_what_is_not_a_number_stays_none() -> None:
    x = draw((1, 8, 3, 3), torch.float32, "first")
    x[0, 4, 1, 1] = float("nan")
    found = normalization.normalize(x, None, 2, 2, 1, 2.0, 1e-2, 0.75)
    assert found.isnan()[0, 2:7, 1, 1].all()  # the windows that hold it
    assert int(found.isnan().sum()) == 5
    half = x.bfloat16()
    assert int(normalization.normalize(half, None, 2, 2, 1, 2.0, 1e-2, 0.75).isnan().sum()) == 5


@pytest.mark.parametrize(
    ("x", "columns", "beta"),
    [
        (torch.ones(1, 2, 3, 3, dtype=torch.float64), 1, 0.75),
        (torch.ones(1, 2, 3, 3, device="meta"), 1, 0.75),
        (torch.ones(1, 2, 3, 3), 0, 0.75),
        (torch.ones(1, 2, 3, 3), 1, 0.5),
        (torch.ones(0, 2, 3, 3), 1, 0.75),
    ],
    ids=["float64", "meta", "within a map", "another power", "no pictures"],
)
def test_normalization_the_kernel_does_not_know_is_left_to_torch(x: Tensor, columns: int, beta: float) -> None:
    assert not normalization.knows(x, columns, beta)


@settings(max_examples=60, deadline=None)
@given(
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    inside=st.integers(0, 2),
    ceil=st.booleans(),
    rows=st.integers(5, 12),
    columns=st.integers(5, 12),
    maps=st.sampled_from([1, 3, 64, 70]),
    steps=st.sampled_from([0.5, 0.0]),
    seed=st.integers(0, 99),
)
def test_pooling_and_its_gradient_are_torchs_bit_for_bit(
    kernel: int, stride: int, inside: int, ceil: bool, rows: int, columns: int, maps: int, steps: float, seed: int
) -> None:
    pad = min(inside, kernel // 2)
    x = draw((2, maps, rows, columns), torch.float32, "last", seed, scale=1)
    if steps:  # many equal values: the first of them takes the gradient
        x = (x / steps).round() * steps
    ours, theirs = MaxPool2d(kernel, stride, pad, ceil_mode=ceil), nn.MaxPool2d(kernel, stride, pad, ceil_mode=ceil)
    one, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    found, right = ours(one), theirs(other)
    assert type(found.grad_fn).__name__ == "_PoolBackward"
    assert torch.equal(found, right)
    grad = draw(tuple(right.shape), torch.float32, "last", seed + 1)
    assert torch.equal(
        torch.autograd.grad(found, one, grad, retain_graph=True)[0], torch.autograd.grad(right, other, grad)[0]
    )
    (again,) = torch.autograd.grad(found, one, grad, create_graph=True)
    assert far(again, torch.autograd.grad(theirs(other), other, grad)[0]) < 1e-6


def test_pooling_in_bfloat16_rounds_once() -> None:
    x = draw((2, 64, 9, 9), torch.bfloat16, "last").requires_grad_()
    found = MaxPool2d(3, 2)(x)
    grad = draw(tuple(found.shape), torch.bfloat16, "last", seed=3, scale=1)
    wide = x.detach().float().requires_grad_()
    right = nn.MaxPool2d(3, 2)(wide)
    assert torch.equal(found.float(), right)
    (expected,) = torch.autograd.grad(right, wide, grad.float())
    assert torch.equal(torch.autograd.grad(found, x, grad)[0], expected.bfloat16())


def test_the_largest_may_be_no_number_and_the_smallest_is_one() -> None:
    x = torch.full((1, 1, 4, 4), -torch.inf)
    x[0, 0, 1, 1] = torch.nan
    x = x.contiguous(memory_format=torch.channels_last)
    found = MaxPool2d(2, 2)(x)
    assert torch.equal(found.nan_to_num(nan=7), nn.MaxPool2d(2, 2)(x).nan_to_num(nan=7))
    assert found[0, 0, 0, 0].isnan()
    assert float(found[0, 0, 1, 1]) == -torch.inf


def test_the_update_is_torchs_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[Tensor]:
        weights = [
            draw(shape, torch.float32, "last", 5, 0.01).requires_grad_() for shape in ((40, 3, 5, 5), (300, 200), (7,))
        ]
        rule = Velocity(weights, 0.0123, 0.9, 5e-4)
        for turn in range(3):
            for number, weight in enumerate(weights):
                weight.grad = draw(tuple(weight.shape), torch.float32, "last", 10 * turn + number, 1)
            rule.step()
        return [each.detach() for each in weights] + [rule.state[each]["velocity"] for each in weights]

    called = []
    true = velocity.update
    monkeypatch.setattr(velocity, "update", lambda *words: called.append(0) or true(*words))
    with_kernel = run()
    assert len(called) == 9
    monkeypatch.setenv(build.SWITCH, "off")
    assert all(torch.equal(one, other) for one, other in zip(with_kernel, run(), strict=True))
    assert len(called) == 9


def test_a_network_gives_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    from alexnet.model.network import AlexNet

    network = AlexNet(10, "one-column", size=67).to(memory_format=torch.channels_last)
    images = draw((3, 3, 67, 67), torch.float32, "last")
    keys = torch.arange(3)

    def run() -> list[Tensor]:
        logits = network(images, keys)
        return [logits.detach(), *torch.autograd.grad(logits.square().sum(), list(network.parameters()))]

    found = run()
    monkeypatch.setenv(build.SWITCH, "off")
    for one, other in zip(found, run(), strict=True):
        assert far(one, other) < 1e-5


#: What another process says of the kernels, and of a small network's output.
SAYS = """
import torch
from alexnet.kernels import build
from alexnet.model.normalization import ResponseNormalization
ResponseNormalization()(torch.ones(1, 8, 3, 3)); ResponseNormalization()(torch.ones(1, 8, 3, 3))
print(build.state())
"""


def says(tmp_path: Path, **environment: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", SAYS],
        capture_output=True,
        text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")} | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def test_without_a_compiler_torch_computes_and_it_is_said_once(tmp_path: Path) -> None:
    state, said = says(tmp_path, PATH=str(tmp_path), CC="")
    assert state == "torch"
    assert said.splitlines() == ["alexnet: computes without its own kernels, which is slower: there is no C compiler"]
    state, said = says(tmp_path, CC="false")
    assert state == "torch"
    assert said.count("does not compile") == 1
    assert says(tmp_path, ALEXNET_KERNELS="off") == ("torch", "")


def test_a_kernel_is_compiled_once_and_kept(tmp_path: Path) -> None:
    assert says(tmp_path) == ("native", "")
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache" / "alexnet" / "kernels").iterdir()}
    assert sorted(path.name.split("-")[0] for path in made) == sorted(build.SOURCES)
    assert says(tmp_path, CC=f"{build.compiler()[0]}") == ("native", "")
    assert {path: path.stat().st_mtime_ns for path in made} == made


def test_kept_memory_changes_no_number(tmp_path: Path) -> None:
    code = """
import torch
from alexnet import device
from alexnet.kernels import allocation
device.choose("cpu", 1)
from alexnet.model.network import AlexNet
network = AlexNet(4, "one-column", size=67)
out = network(torch.ones(2, 3, 67, 67), torch.arange(2)).double()
print(allocation.keep(), *(f"{float(x):.17g}" for x in out.flatten()))
"""
    said = {}
    for switch in ("on", "off"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            env=os.environ | {"ALEXNET_KEEP_MEMORY": switch},
        )
        assert done.returncode == 0, done.stderr
        said[switch] = done.stdout.split()
    assert said["off"][0] == "False"
    assert said["on"][1:] == said["off"][1:]
