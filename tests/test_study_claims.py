"""Is every claim what it says? Its arms differ from the baseline in exactly the declared fields, build, take a step."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet.config import Config, changes_between, patch
from alexnet.data.feed import rows_of
from alexnet.data.peek import DataFacts
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine, choose
from alexnet.edits import edited
from alexnet.model.network import AlexNet
from alexnet.model.plan import lay_out
from alexnet.study.baselines import Baseline, arm_config
from alexnet.study.claim import BASELINE, Arm, Claim
from alexnet.study.claims import CLAIMS, GROUPS, chosen
from alexnet.study.measures import MEASURES
from alexnet.study.scales import ScaleName, at_scale, rescaled
from alexnet.training.begin import feed_of, fresh
from alexnet.training.resolve import Request, resolve
from alexnet.training.step import step

MACHINE = Machine(device="cpu", threads=1, memory=8 << 30, bf16=False, name="any")
#: Small pictures at the small scale, large ones at the full one, and small ones there.
PLACES = (("small", 32), ("full", 256), ("full", 32))
ARMS = [(claim.name, arm.name) for claim in CLAIMS.values() for arm in claim.arms if not arm.together]
ids = "{0[0]}: {0[1]}".format


@cache
def baseline(name: str, scale: ScaleName, side: int) -> Baseline:
    """As `Baselines` resolves it, but for the curvature, on pictures that need not exist."""
    claim = CLAIMS[name]
    there = at_scale(claim.recipe, scale, side)
    changes = rescaled(there.recipe, dict(there.changes) | dict(claim.base))
    facts = DataFacts(name="any", pictures=50_000, classes=10, side=side)
    config = resolve(Request(recipe=there.recipe, changes=changes), facts, MACHINE).config
    pictures = config.train.limit or facts.pictures
    return Baseline(config=config, prepared=None, scale=there, pictures=pictures)  # type: ignore[arg-type]


def config_of(name: str, arm: str, scale: ScaleName, side: int) -> Config:
    return arm_config(CLAIMS[name], CLAIMS[name].arm(arm), baseline(name, scale, side))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]} {place[1]}")
@pytest.mark.parametrize("which", ARMS, ids=ids)
def test_an_arm_differs_in_its_declared_fields_alone(which: tuple[str, str], place: tuple[ScaleName, int]) -> None:
    claim, arm = CLAIMS[which[0]], CLAIMS[which[0]].arm(which[1])
    changed = set(changes_between(baseline(claim.name, *place).config, config_of(*which, *place)))
    # What the runs themselves choose is declared, too, and not known before they run.
    declared = claim.fields(arm) - ({"optim.rate"} if claim.rates else set()) - {"train.start"}
    missed = declared - changed
    assert changed <= declared
    if arm.share != 1:
        missed -= {"optim.warmup"}  # of none nothing changes
        if place[0] == "full" and place[1] == 256:
            missed -= {"optim.steps"}  # the full recipe drops at plateaus
    assert not missed


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0]} {place[1]}")
@pytest.mark.parametrize("name", CLAIMS)
def test_every_network_of_a_claim_can_be_laid_out(name: str, place: tuple[ScaleName, int]) -> None:
    claim = CLAIMS[name]
    for arm in (claim.arm(BASELINE), *claim.arms):
        config = config_of(name, arm.name, *place)
        assert lay_out(edited(config.model), config.augment.crop).shapes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four small pictures of each of ten classes."""
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("ten")
    for label in range(10):
        (root / f"class{label}").mkdir()
        for n in range(4):
            pixels = random.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / f"class{label}" / f"{n}.png")
    return root


@pytest.fixture(scope="module")
def prepared(folder: Path, tmp_path_factory: pytest.TempPathFactory):
    @cache
    def at(size: int, fit: str) -> PreparedSet:
        return prepare(list_source(folder), tmp_path_factory.mktemp("prepared") / "set", size=size, fit=fit, workers=1)

    return at


@pytest.mark.parametrize("which", [(name, BASELINE) for name in CLAIMS] + ARMS, ids=ids)
def test_every_arm_takes_a_step(which: tuple[str, str], prepared) -> None:
    config = patch(config_of(*which, "small", 32), {"train.batch": 4, "train.limit": 0, "train.epochs": 30})
    pictures = prepared(config.data.size, config.data.fit)
    feed = feed_of(config, pictures, rows_of(config, pictures)[0], choose("cpu"))
    state, setting = fresh(config, pictures, feed, "cpu")
    before = {name: value.clone() for name, value in state.network.named_parameters()}
    step(state, next(feed.epoch(0, 1)), setting)
    assert torch.isfinite(state.sums["loss"])
    moved = [name for name, value in state.network.named_parameters() if not torch.equal(value, before[name])]
    assert moved


@pytest.mark.slow
@pytest.mark.parametrize("which", [("layers", "no fc6"), ("cross-links", "no links"), ("pre-training", "pre-trained")])
def test_full_size_arms_compute(which: tuple[str, str]) -> None:
    config = config_of(*which, "full", 256)
    network = AlexNet(10, edited(config.model), size=224)
    loss = network(torch.rand(2, 3, 224, 224) * 100 - 50).logsumexp(1).mean()
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_claims_are_complete() -> None:
    for claim in CLAIMS.values():
        assert claim.section
        assert claim.sentence.endswith(".")
        assert claim.measure in MEASURES
        assert claim.published.words
        assert claim.least > (1 if claim.unit == "times" else 0)
        names = [arm.name for arm in claim.arms]
        assert len(set(names)) == len(names)
        assert BASELINE not in names
        for arm in claim.arms:
            assert arm.against in ("", BASELINE, *names)
            assert arm.start in ("", *names)
            assert {name for name, _ in arm.together} <= {BASELINE, *names}
            assert MEASURES[arm.measure or claim.measure].unit == claim.unit
        assert any(arm.against for arm in claim.arms)


def test_half_of_a_published_effect_is_the_least_that_counts() -> None:
    for claim in CLAIMS.values():
        if claim.published.effect is None:
            continue
        if claim.unit == "points":
            assert claim.least == pytest.approx(abs(claim.published.effect) / 2)
        else:
            published = max(claim.published.effect, 1 / claim.published.effect)
            assert claim.least == pytest.approx(published**0.5, abs=0.01)
        effect = claim.published.effect - (1 if claim.unit == "times" else 0)
        assert (effect > 0) == (claim.expects == "higher")


def test_the_list_as_json_has_what_is_promised() -> None:
    for claim in CLAIMS.values():
        values = json.loads(json.dumps(claim.to_dict()))
        assert {"name", "section", "sentence", "recipe", "changes", "measure", "published"} <= set(values)
        assert set(values["changes"]) == {arm.name for arm in claim.arms}


def test_groups() -> None:
    assert set(GROUPS["all"]) | set(GROUPS["course"]) == set(CLAIMS)
    assert {"dropout", "layers", "overlapping-pooling", "crops-and-flips"} <= set(GROUPS["ablations"])
    assert not set(GROUPS["ablations"]) & {"ten-views", "relu", "data-scaling", "dropout-overfitting"}
    assert [claim.name for claim in chosen(["dropout", "relu", "dropout"])] == ["relu", "dropout"]
    assert len(chosen(["all"])) == len(GROUPS["all"])
    with pytest.raises(ValueError, match="did you mean 'dropout'"):
        chosen(["drop-out"])


def test_shares_keep_the_steps() -> None:
    base = baseline("data-scaling", "small", 32)
    for arm in CLAIMS["data-scaling"].arms:
        config = config_of("data-scaling", arm.name, "small", 32)
        seen = config.train.limit * config.train.epochs
        assert seen == pytest.approx(base.pictures * base.config.train.epochs, rel=0.01)
        drops = [(step - 1) / config.train.epochs for step in config.optim.steps]
        of_all = [(step - 1) / base.config.train.epochs for step in base.config.optim.steps]
        assert drops == pytest.approx(of_all, abs=0.01)


def test_drops_move_along_with_the_epochs() -> None:
    assert rescaled("small-paper", {}) == {}
    config = baseline("dropout", "small", 32).config
    twice = rescaled("small-paper", {"train.epochs": 2 * config.train.epochs})
    assert twice["optim.steps"] == tuple(2 * (step - 1) + 1 for step in config.optim.steps)
    assert rescaled("small-paper", {"train.epochs": 7, "optim.steps": (3,)})["optim.steps"] == (3,)


def test_an_unknown_scale() -> None:
    with pytest.raises(ValueError, match="the scale is one of small, full"):
        at_scale("paper", "huge", 32)  # type: ignore[arg-type]


def test_an_arm_by_name() -> None:
    claim = Claim(name="x", section="s", sentence="S.", recipe="paper", arms=(Arm(name="a"),))
    assert claim.arm("a").name == "a"
    assert claim.arm(BASELINE).changes == {}
