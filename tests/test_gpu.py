"""Does a GPU give what the CPU gives: draws, steps, resumed runs; compiled, recorded and by its own kernels?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from alexnet import draws, recipes
from alexnet.config import Config, patch
from alexnet.data.augment import augment
from alexnet.data.feed import Feed, rows_of
from alexnet.data.prepared import PreparedSet
from alexnet.device import Machine, choose
from alexnet.kernels import build, gpu
from alexnet.model.normalization import ResponseNormalization
from alexnet.training import loop
from alexnet.training.begin import build as build_network
from alexnet.training.begin import feed_of, fresh
from alexnet.training.bound import largest_curvature
from alexnet.training.listener import Interrupted
from alexnet.training.step import State, inputs, step
from test_golden import pictures
from test_training_loop import Stopper, ending, folder

CARD = "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("default"),  # of a compiler and a card that nobody can try everywhere
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]

CHANGES: dict[str, Any] = {"model.classes": 3, "train.batch": 16, "train.epochs": 3, "optim.rate": 0.002}
#: A recipe each of section 5's rule with response normalization, of the small nets, and of batch normalization.
RECIPES: dict[str, dict[str, Any]] = {
    # Built for 67 pixels, the least its pools can do with; the pictures are zoomed to that.
    "paper": {"augment.crop": 67, "augment.zoom": 0.5, "data.centre": "channel-mean", "model.width": 0.125},
    "cifar-11": {},
    "cifar-18": {},
    "quick": {},
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return pictures(tmp_path_factory.mktemp("gpu"))


@pytest.fixture(autouse=True)
def exact() -> Iterator[None]:
    """Products of float32 in float32, and convolutions that add in one order."""
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = False, True
    yield
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before
    torch.compiler.reset()


def machine(device: str) -> Machine:
    return dataclasses.replace(choose(device), memory=1 << 30)


def config_of(recipe: str, **changes: Any) -> Config:
    dotted = {name.replace("__", "."): value for name, value in changes.items()}
    given = {"data.size": 32, "augment.colour": "source"} | RECIPES[recipe] | CHANGES | dotted
    return patch(recipes.RECIPES[recipe].config, given)


def trained(prepared: PreparedSet, config: Config, device: str, steps: int = 4) -> tuple[State, Tensor]:
    """A few steps; the state and its weights on the CPU."""
    rows, _ = rows_of(config, prepared)
    feed = feed_of(config, prepared, rows, machine(device))
    state, setting = fresh(config, prepared, feed, device)
    for batch in feed.epoch(config.train.seed, 1):
        step(state, batch, setting)
        if state.step == steps:
            break
    return state, torch.cat([weight.detach().cpu().double().flatten() for weight in state.network.parameters()])


def test_draws_are_the_same() -> None:
    index = torch.arange(5000) * 7919
    keys = {device: draws.keys(3, 2, index.to(device)) for device in ("cpu", CARD)}
    assert torch.equal(keys["cpu"], keys[CARD].cpu())
    for draw in (
        lambda keys: draws.bits(keys, "crop", 5),
        lambda keys: draws.uniform(keys, "dropout:drop6", 33),
        lambda keys: draws.integers(keys, "flip", 2, 33),
    ):
        assert torch.equal(draw(keys["cpu"]), draw(keys[CARD]).cpu())
    for draw in (lambda keys: draws.normal(keys, "colour", 3), lambda keys: draws.beta(keys, "mix", 0.4)):
        torch.testing.assert_close(draw(keys["cpu"]), draw(keys[CARD]).cpu(), rtol=1e-6, atol=1e-6)


def test_crops_and_flips_are_the_same(prepared: PreparedSet) -> None:
    config = patch(config_of("cifar-11"), {"augment.crop": 24, "augment.colour": "source"})
    images = torch.from_numpy(prepared.gather(prepared.rows("train")[:20]))
    found = {}
    for device in ("cpu", CARD):
        keys = draws.keys(0, 1, torch.arange(20, device=device))
        found[device] = augment(images.to(device), keys, keys, prepared.statistics(), config.augment, 1)
    assert torch.equal(found["cpu"][0], found[CARD][0].cpu())
    torch.testing.assert_close(found["cpu"][1], found[CARD][1].cpu(), rtol=1e-5, atol=1e-4)  # type: ignore[union-attr]


@pytest.mark.parametrize("recipe", RECIPES)
def test_inputs_are_the_same(recipe: str, prepared: PreparedSet) -> None:
    config = config_of(recipe)
    given = []
    for device in ("cpu", CARD):
        feed = feed_of(config, prepared, rows_of(config, prepared)[0], machine(device))
        state, setting = fresh(config, prepared, feed, device)
        given.append(inputs(next(feed.epoch(0, 1)), state, setting))
    assert torch.equal(given[0].keys, given[1].keys.cpu())
    torch.testing.assert_close(given[0].images, given[1].images.cpu(), rtol=1e-5, atol=2e-3)  # of 255


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
def test_steps_are_those_of_the_cpu(recipe: str, precision: str, tolerance: float, prepared: PreparedSet) -> None:
    config = config_of(recipe, train__precision=precision)
    (first, ours), (second, theirs) = (trained(prepared, config, device) for device in ("cpu", CARD))
    # Inputs are float32 on both, and differ in their last bit where a shift of colour was added.
    assert float((ours - theirs).abs().max()) < max(tolerance, 1e-6)
    assert float(first.sums["loss"]) == pytest.approx(float(second.sums["loss"]), rel=1e-4)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("graph", [False, True])
def test_compiled_and_recorded_is_eager(recipe: str, graph: bool, prepared: PreparedSet) -> None:
    _, eager = trained(prepared, config_of(recipe), CARD)
    _, other = trained(prepared, config_of(recipe, train__compile=True, train__graph=graph), CARD)
    torch.testing.assert_close(eager, other, rtol=0, atol=1e-4)


def test_the_kernel_within_a_compiled_network(prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    _, eager = trained(prepared, config_of("cifar-11"), CARD)
    monkeypatch.setattr(gpu, "IN_COMPILED", True)
    _, other = trained(prepared, config_of("cifar-11", train__compile=True), CARD)
    torch.testing.assert_close(eager, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("grouped", ["split", "dense"])
def test_convolutions_computed_otherwise(grouped: str, prepared: PreparedSet) -> None:
    _, plain = trained(prepared, config_of("paper"), CARD)
    _, other = trained(prepared, config_of("paper", train__grouped=grouped, train__space_to_depth=True), CARD)
    torch.testing.assert_close(plain, other, rtol=0, atol=1e-4)


@pytest.mark.parametrize("recipe", ["paper", "cifar-11"])
def test_turning_the_kernels_off_changes_nothing(
    recipe: str, prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, by_kernel = trained(prepared, config_of(recipe), CARD)
    monkeypatch.setenv(build.SWITCH, "off")
    _, by_torch = trained(prepared, config_of(recipe), CARD)
    torch.testing.assert_close(by_kernel, by_torch, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(4, 96, 55, 55), (3, 256, 27, 27), (2, 20, 7, 9)])
@pytest.mark.parametrize("last", [False, True])
def test_the_module_calls_the_kernel(
    kind: torch.dtype, shape: tuple[int, ...], last: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = ResponseNormalization(columns=2)
    layout = torch.channels_last if last else torch.contiguous_format
    x = (10 * torch.randn(shape, device=CARD)).to(kind).contiguous(memory_format=layout).requires_grad_()
    g = torch.randn_like(x)
    found = []
    for switch in ("on", "off"):
        monkeypatch.setenv(build.SWITCH, switch)
        y = layer(x)
        found.append((y.detach(), *torch.autograd.grad(y, x, g)))
    tolerance = 1e-5 if kind == torch.float32 else 1e-2
    for ours, theirs in zip(*found, strict=True):
        assert ours.stride() == theirs.stride() or not last
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance * float(theirs.abs().max()))


def test_the_curvature_of_a_fresh_network_is_that_of_the_cpu(prepared: PreparedSet) -> None:
    """It differentiates the normalization's gradient once more."""
    network = build_network(config_of("cifar-11"), 3)
    images, keys = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)), torch.arange(8)
    here = largest_curvature(network, images, keys)
    there = largest_curvature(network.to(CARD), images.to(CARD), keys.to(CARD))
    assert there == pytest.approx(here, rel=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("resident", [True, False])
def test_no_step_waits(recipe: str, resident: bool, prepared: PreparedSet) -> None:
    """torch raises where the host would wait for the device. From the disk only the step is watched, not the reader."""
    config = config_of(recipe)
    rows, _ = rows_of(config, prepared)
    feed = Feed(prepared, rows, batch=16, device=CARD, memory=1 << 30 if resident else 0)
    state, setting = fresh(config, prepared, feed, CARD)
    batches = feed.epoch(0, 1) if resident else iter(list(feed.epoch(0, 1)))
    step(state, next(batches), setting)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for batch in batches:
            step(state, batch, setting)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert state.step == len(feed)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("recipe", ["cifar-11", "quick"])
def test_a_stopped_run_ends_as_one_never_stopped(
    recipe: str, compiled: bool, prepared: PreparedSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, as on the CPU."""
    monkeypatch.setattr(loop, "INTERVAL", 3)  # a GPU's steps are reported, and so stopped, at intervals
    config = config_of(recipe, train__compile=compiled, data__all_of_train=True)
    whole, stopped = (folder(tmp_path / name) for name in ("whole", "stopped"))
    loop.train(config, prepared, whole, machine=machine(CARD))
    with pytest.raises(Interrupted):
        loop.train(config, prepared, stopped, machine=machine(CARD), listener=Stopper(6))
    loop.train(config, prepared, stopped, machine=machine(CARD))
    assert ending(stopped) == ending(whole)
