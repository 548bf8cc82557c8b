"""Does a study plan the right runs: baselines once, arms paired by seed, and then what follows from others?"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexnet.config import Config, changes_between, to_dict
from alexnet.device import choose
from alexnet.study import baselines as baselines_module
from alexnet.study.answers import answers
from alexnet.study.baselines import Asked, Baselines
from alexnet.study.claim import BASELINE, Arm, Claim
from alexnet.study.claims import CLAIMS
from alexnet.study.plan import NEXT_NETWORK, PILOT, Plan, plan
from alexnet.study.planned import PlannedRun
from alexnet.study.store import Store
from alexnet.training.folder import write_json
from alexnet.training.listener import Silent

SEEDS = (0, 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty small pictures of each of three classes."""
    random = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("pictures")
    for label in range(3):
        (root / f"class{label}").mkdir()
        for n in range(20):
            pixels = random.integers(80 * label, 80 * label + 80, (32, 32, 3), np.uint8)
            Image.fromarray(pixels).save(root / f"class{label}" / f"{n}.png")
    return root


class Made:
    """A study's folder in which runs are pretended: their results are what the test says."""

    def __init__(self, folder: Path, pictures: Path, **asked: object) -> None:
        self.store = Store(folder / "study")
        self.store.path.mkdir(exist_ok=True)
        self.asked = Asked(source=str(pictures), seeds=len(SEEDS), **asked)  # type: ignore[arg-type]
        self.machine = choose("cpu")
        self.baselines = Baselines(self.store.path, self.asked, self.machine, Silent(), workers=1)

    def plan(self, *claims: Claim) -> Plan:
        return plan(claims, self.baselines, self.store, SEEDS)

    def finish(self, run: PlannedRun, values: Mapping[str, float], *, bound: bool = False) -> None:
        """Pretend that a run ended, with these measures."""
        there = self.store.run(run.key)
        (there / "weights").mkdir(parents=True, exist_ok=True)
        (there / "weights" / "last.safetensors").write_bytes(run.key.encode())
        write_json(there / "results.json", {"config_digest": run.config.digest, "fingerprint": run.fingerprint})
        write_json(there / "measured.json", {k: {"value": v, "bound": bound} for k, v in values.items()})
        line = {"kind": "epoch", "epoch": 1, "step": 1, "seconds": 2.0, "train_top1_error": 50.0}
        (there / "metrics.jsonl").write_text(json.dumps(line) + "\n")

    def fail(self, run: PlannedRun) -> None:
        self.store.run(run.key).mkdir(parents=True, exist_ok=True)
        write_json(self.store.run(run.key) / "failed.json", {"sentence": "the loss is not finite"})

    def answer(self, claims: Sequence[Claim], found: Plan):  # a Study
        return answers(
            claims,
            claims,
            {},
            found,
            self.store,
            self.baselines,
            self.asked,
            command="alexnet reproduce x",
            made=0,
            machine=self.machine,
        )


@pytest.fixture
def made(tmp_path: Path, folder: Path) -> Made:
    return Made(tmp_path, folder)


def abouts(found: Plan) -> list[str]:
    return [run.about for run in found.runs.values()]


def test_arms_are_paired_by_seed_and_a_shared_baseline_is_one_run(made: Made) -> None:
    found = made.plan(CLAIMS["dropout"], CLAIMS["overlapping-pooling"], CLAIMS["ten-views"])
    assert len(found.runs) == 3 * len(SEEDS)
    for seed in SEEDS:
        (key,) = found.keys["dropout", BASELINE, seed]
        assert found.keys["overlapping-pooling", BASELINE, seed] == found.keys["ten-views", "ten views", seed] == (key,)
        assert found.runs[key].measures == ("test_error", "ten_view_error")
        (other,) = found.keys["dropout", "no dropout", seed]
        changed = changes_between(found.runs[key].config, found.runs[other].config)
        assert changed == {"model.dropout": 0.0}
        assert found.runs[key].config.train.seed == seed


def test_a_baseline_is_resolved_once_and_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    first = made.plan(CLAIMS["dropout"])
    assert (made.store.path / "baselines.json").exists()

    def never(*_: object, **__: object) -> None:
        raise AssertionError("resolved again")

    monkeypatch.setattr(baselines_module, "resolve", never)
    again = Baselines(made.store.path, made.asked, made.machine, Silent(), workers=1)
    assert plan([CLAIMS["layers"], CLAIMS["dropout"]], again, made.store, SEEDS).runs.keys() >= first.runs.keys()


def test_a_rate_is_chosen_by_pilots_that_are_not_reported(made: Made) -> None:
    claim = CLAIMS["relu"]
    found = made.plan(claim)
    assert len(found.runs) == 2 * len(claim.rates)
    assert {run.config.train.seed for run in found.runs.values()} == {PILOT}
    assert not found.keys
    for run in found.runs.values():
        best = 0.008 if run.config.model.activation == "tanh" else 0.004
        made.finish(run, {"epochs_to_25": 10 + 1000 * abs(run.config.optim.rate - best)})
    found = made.plan(claim)
    for arm, rate in ((BASELINE, 0.004), ("tanh", 0.008)):
        assert found.rates["relu", arm] == rate
        for seed in SEEDS:
            (key,) = found.keys["relu", arm, seed]
            assert (found.runs[key].config.optim.rate, found.runs[key].config.train.seed) == (rate, seed)


def test_rates_beyond_the_tried_ones_are_tried_where_the_best_is_at_their_end(made: Made) -> None:
    claim = CLAIMS["relu"]

    def best(config: Config) -> float:
        return 0.064 if config.model.activation == "tanh" else 0.0001

    while not (found := made.plan(claim)).keys:
        for run in made.store.missing(found.runs.values()):
            value = 10 + abs(math.log(run.config.optim.rate / best(run.config)))
            made.finish(run, {"epochs_to_25": value})
    assert found.rates["relu", "tanh"] == 0.064
    assert found.rates["relu", BASELINE] == 0.00025  # three halvings, and no more
    pilots = [run for run in found.runs.values() if run.config.train.seed == PILOT]
    assert len(pilots) == 2 * len(claim.rates) + 3 + 3


def test_a_rate_that_arrives_is_chosen_before_one_that_does_not(made: Made) -> None:
    claim = CLAIMS["relu"]
    for run in made.plan(claim).runs.values():
        rate = run.config.optim.rate
        if rate > 0.01:
            made.fail(run)
        else:
            made.finish(run, {"epochs_to_25": 90.0 if rate == 0.004 else 5.0}, bound=rate != 0.004)
    assert {made.plan(claim).rates["relu", arm] for arm in (BASELINE, "tanh")} == {0.004}


def test_fine_tuning_starts_from_what_pre_training_ended_with(tmp_path: Path, folder: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    shutil.copytree(folder / "class0", other / "class3")
    made = Made(tmp_path, folder, pretrain=str(other))
    claim = CLAIMS["pre-training"]
    found = made.plan(claim)
    assert ("pre-training", "pre-trained", 0) not in found.keys
    (first,) = found.keys["pre-training", "larger set", 0]
    assert found.runs[first].config.model.classes == 4
    assert found.runs[first].config.model.table == "small-six-conv"
    assert found.runs[first].measures == ()
    made.finish(found.runs[first], {})
    found = made.plan(claim)
    (key,) = found.keys["pre-training", "pre-trained", 0]
    run = found.runs[key]
    assert run.start == made.store.run(first) / "weights" / "last.safetensors"
    assert run.config.train.start
    assert run.config.model.classes == 3
    (base,) = found.keys["pre-training", BASELINE, 0]
    changed = set(changes_between(found.runs[base].config, run.config))
    assert changed == claim.fields(claim.arm("pre-trained")) == {"model.table", "train.start"}


def test_networks_together_have_seeds_of_their_own(made: Made) -> None:
    found = made.plan(CLAIMS["five-networks"])
    for seed in SEEDS:
        keys = found.keys["five-networks", "five", seed]
        seeds = [found.runs[key].config.train.seed for key in keys]
        assert seeds == [seed + NEXT_NETWORK * n for n in range(5)]
    assert len(found.runs) == 5 * len(SEEDS)


def test_shares_are_of_the_pictures_that_train(made: Made) -> None:
    found = made.plan(CLAIMS["data-scaling"])
    base = made.baselines.of(CLAIMS["data-scaling"])
    (key,) = found.keys["data-scaling", "1/4", 0]
    assert found.runs[key].config.train.limit == round(base.pictures / 4)


def test_answers_judge_what_the_runs_measured(made: Made) -> None:
    claims = [CLAIMS["dropout"], CLAIMS["ten-views"]]
    found = made.plan(*claims)
    for run in found.runs.values():
        noise = 0.01 * run.config.train.seed
        worse = 5.0 if run.config.model.dropout == 0 else 0.0
        made.finish(run, {"test_error": 30 + worse + noise, "ten_view_error": 30 + 2 * noise})
    found = made.plan(*claims)
    assert not made.store.missing(found.runs.values())
    study = made.answer(claims, found)
    dropout, views = study.outcomes
    assert (dropout.verdict, dropout.comparisons[0].mean) == ("supported", pytest.approx(5.0))
    assert views.verdict == "not supported"
    assert [arm.arm for arm in dropout.arms] == [BASELINE, "no dropout"]
    assert dropout.arms[0].values == (30.0, 30.01)
    assert dropout.arms[0].seconds == 2.0 * len(SEEDS)
    assert study.held_out.startswith("test, ")
    assert study.seeds == SEEDS
    assert json.loads(json.dumps(study.to_dict()))["outcomes"][0]["claim"] == "dropout"


def test_a_failed_run_leaves_its_claim_open_and_says_why(made: Made) -> None:
    claim = CLAIMS["dropout"]
    found = made.plan(claim)
    for run in found.runs.values():
        if run.config.model.dropout == 0:
            made.fail(run)
        else:
            made.finish(run, {"test_error": 30.0})
    study = made.answer([claim], made.plan(claim))
    assert study.outcomes[0].verdict == "inconclusive"
    assert study.outcomes[0].arms[1].values == (None, None)
    assert study.outcomes[0].arms[1].reasons == ("the loss is not finite",) * 2


def test_another_number_of_epochs_moves_the_drops(tmp_path: Path, folder: Path) -> None:
    made = Made(tmp_path, folder, epochs=10, limit=30)
    config = made.baselines.of(CLAIMS["dropout"]).config
    assert (config.train.epochs, config.train.limit) == (10, 30)
    assert all(1 < step <= 10 for step in config.optim.steps)
    assert len(config.optim.steps) == 3
    assert made.baselines.of(CLAIMS["relu"]).config.train.epochs == 10


def test_an_arm_that_the_network_cannot_have_is_told_before_anything_runs(made: Made) -> None:
    claim = Claim(
        name="x", section="s", sentence="S.", recipe="cifar-13", arms=(Arm(name="a", changes={"model.dropout": 0.5}),)
    )
    with pytest.raises(ValueError, match="no hidden dense layer"):
        made.baselines.check(claim)
    unknown = Claim(name="x", section="s", sentence="S.", recipe="paper", arms=(Arm(name="a", changes={"no.no": 1}),))
    with pytest.raises(ValueError, match="no setting is called"):
        made.baselines.check(unknown)


def test_the_kept_config_is_the_planned_one(made: Made) -> None:
    found = made.plan(CLAIMS["dropout"])
    kept = json.loads((made.store.path / "baselines.json").read_text())
    (one,) = kept.values()
    (key,) = found.keys["dropout", BASELINE, 0]
    assert one["config"] == json.loads(json.dumps(to_dict(found.runs[key].config)))
