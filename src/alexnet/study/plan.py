"""Which runs does a study need? A config for every claim, arm and seed; those that follow from others when these end.

Everything is a function of what the claims say and of what lies in the study's folder: asked again after a kill, it
gives the same runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from alexnet.config import Config, patch
from alexnet.study.baselines import Baseline, Baselines, arm_config
from alexnet.study.claim import BASELINE, Arm, Claim
from alexnet.study.planned import PlannedRun, key_of
from alexnet.study.store import Store
from alexnet.training.folder import lines_of
from alexnet.training.starting import digest_of

#: Seed of the runs that choose a rate; no result is reported of it.
PILOT = 1_000_003
#: Times that the tried rates are extended beyond their highest or lowest.
EXTENSIONS = 3
#: What is added to a seed for each further network of an ensemble.
NEXT_NETWORK = 1_000


@dataclass
class Plan:
    """What is known of a study's runs now."""

    runs: dict[str, PlannedRun] = field(default_factory=dict)
    """Needed, by key; some may be finished."""
    keys: dict[tuple[str, str, int], tuple[str, ...]] = field(default_factory=dict)
    """(claim, arm, seed) -> keys of its run, or of the networks averaged; only where they can be known."""
    rates: dict[tuple[str, str], float] = field(default_factory=dict)
    """(claim, arm) -> its learning rate, where it is known."""

    def add(self, run: PlannedRun) -> str:
        """Put a run in; one of the same key gets the measures of both. Returns the key."""
        known = self.runs.get(run.key)
        if known is not None:
            run = replace(known, measures=tuple(dict.fromkeys((*known.measures, *run.measures))))
        self.runs[run.key] = run
        return run.key


def plan(claims: Sequence[Claim], baselines: Baselines, store: Store, seeds: Sequence[int]) -> Plan:
    """All runs that can be named now. With their results in the store, asked again, it names those that follow."""
    found = Plan()
    for claim in claims:
        for arm in (claim.arm(BASELINE), *claim.arms):
            for seed in seeds:
                keys = _keys(found, claim, arm, seed, baselines, store)
                if keys:
                    found.keys[claim.name, arm.name, seed] = keys
    return found


def _keys(found: Plan, claim: Claim, arm: Arm, seed: int, baselines: Baselines, store: Store) -> tuple[str, ...]:
    """Keys of what an arm is measured on with a seed, its runs being added; () where others have to be done first."""
    if arm.together:
        members = [(claim.arm(name), seed + NEXT_NETWORK * i) for name, number in arm.together for i in range(number)]
    else:
        members = [(arm, seed)]
    measures = () if arm.together or arm.elsewhere else (arm.measure or claim.measure,)
    keys = [_run(found, claim, one, at, measures, baselines, store) for one, at in members]
    return tuple(key for key in keys if key) if all(keys) else ()


def _run(
    found: Plan, claim: Claim, arm: Arm, seed: int, measures: tuple[str, ...], baselines: Baselines, store: Store
) -> str:
    """Add the run of an arm with a seed; its key, or "" where others have to be done first."""
    baseline = baselines.of(claim, elsewhere=arm.elsewhere)
    changes: dict[str, Any] = {"train.seed": seed}
    if claim.rates:
        rate = _rate(found, claim, arm, baseline, baselines, store)
        if rate == 0:
            return ""
        changes["optim.rate"] = found.rates[claim.name, arm.name] = rate
    start = None
    if arm.start:
        first = _run(found, claim, claim.arm(arm.start), seed, (), baselines, store)
        start = _weights(store, first) if first and store.finished(first) else None
        if start is None:
            return ""
        changes["train.start"] = digest_of(start)
    config = patch(arm_config(claim, arm, baseline), changes)
    found.rates.setdefault((claim.name, arm.name), config.optim.rate)
    return found.add(_planned(claim, arm, config, baseline, baselines, measures, f"seed {seed}", start))


def _planned(
    claim: Claim,
    arm: Arm,
    config: Config,
    baseline: Baseline,
    baselines: Baselines,
    measures: tuple[str, ...],
    which: str,
    start: Path | None = None,
) -> PlannedRun:
    prepared = baselines.prepared(baselines.source_of(elsewhere=arm.elsewhere), config)
    return PlannedRun(
        key=key_of(config, prepared.fingerprint),
        config=config,
        prepared=prepared.path,
        fingerprint=prepared.fingerprint,
        measures=measures,
        start=start,
        about=f"{claim.name}: {arm.name}, {which}",
    )


def _rate(found: Plan, claim: Claim, arm: Arm, baseline: Baseline, baselines: Baselines, store: Store) -> float:
    """The rate that serves an arm best in the pilot runs, which are added; 0 where they are not done.

    Where the best is the highest or lowest that was tried, twice or half of it is tried, too, three times at most.
    """
    config = arm_config(claim, arm, baseline)
    factors, best = sorted(claim.rates), 0.0
    for _ in range(EXTENSIONS + 1):
        rates = [float(f"{config.optim.rate * factor:.6g}") for factor in factors]
        keys = [_pilot(found, claim, arm, rate, config, baseline, baselines) for rate in rates]
        if not all(store.finished(key, (claim.measure,)) for key in keys):
            return 0.0
        scores = {rate: score for rate, key in zip(rates, keys, strict=True) if (score := _score(claim, key, store))}
        if not scores:  # training fails at every rate: the baseline's own is as good as any, and its runs will say so
            return config.optim.rate
        best = min(scores, key=lambda rate: scores[rate])
        if best not in (rates[0], rates[-1]):
            return best
        factors = sorted({*factors, factors[-1] * 2 if best == rates[-1] else factors[0] / 2})
    return best


def _pilot(
    found: Plan, claim: Claim, arm: Arm, rate: float, config: Config, baseline: Baseline, baselines: Baselines
) -> str:
    """Add the run that tries a rate; its key."""
    pilot = patch(config, {"train.seed": PILOT, "optim.rate": rate})
    return found.add(_planned(claim, arm, pilot, baseline, baselines, (claim.measure,), f"pilot at rate {rate:g}"))


def _score(claim: Claim, key: str, store: Store) -> tuple[bool, float, float] | None:
    """How a finished pilot did, the lower the better: one that arrived before one that did not; None = failed."""
    number = store.value(key, claim.measure)
    if number is None:
        return None
    return number.bound, number.value, lines_of(store.run(key), "epoch")[-1]["train_top1_error"]


def _weights(store: Store, key: str) -> Path | None:
    """The weights file that a finished run ends with: its best ones, else its last."""
    found = [store.run(key) / "weights" / f"{name}.safetensors" for name in ("best", "last")]
    return next((path for path in found if path.exists()), None)


def by_arm(found: Plan, claim: Claim, arm: Arm, seeds: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    """An arm's keys by seed, where they are known."""
    return {
        seed: found.keys[claim.name, arm.name, seed] for seed in seeds if (claim.name, arm.name, seed) in found.keys
    }
