"""Which runs does a study need? A config for every claim, arm and seed; those that follow from others when these end.

Everything is a function of what the claims say and of what lies in the study's folder: asked again after a kill, it
gives the same runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alexnet.config import Config, patch
from alexnet.study.baselines import Baselines, arm_config
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


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is known of a study's runs now."""

    runs: Mapping[str, PlannedRun]
    """Needed, by key; some may be finished."""
    keys: Mapping[tuple[str, str, int], tuple[str, ...]]
    """(claim, arm, seed) -> keys of its run, or of the networks averaged; only where they can be known."""
    rates: Mapping[tuple[str, str], float]
    """(claim, arm) -> its learning rate, where it is known."""


def plan(claims: Sequence[Claim], baselines: Baselines, store: Store, seeds: Sequence[int]) -> Plan:
    """All runs that can be named now. With their results in the store, asked again, it names those that follow."""
    planner = _Planner(baselines, store)
    keys = {
        (claim.name, arm.name, seed): found
        for claim in claims
        for arm in (claim.arm(BASELINE), *claim.arms)
        for seed in seeds
        if (found := planner.keys(claim, arm, seed))
    }
    return Plan(runs=planner.runs, keys=keys, rates=planner.rates)


class _Planner:
    """Collects the runs that the arms of claims ask for, and the rates that they train at."""

    def __init__(self, baselines: Baselines, store: Store) -> None:
        self._baselines, self._store = baselines, store
        self.runs: dict[str, PlannedRun] = {}
        self.rates: dict[tuple[str, str], float] = {}

    def keys(self, claim: Claim, arm: Arm, seed: int) -> tuple[str, ...]:
        """Keys of what an arm is measured on with a seed; () where others have to be done first."""
        if arm.together:
            parts = [(claim.arm(name), i) for name, number in arm.together for i in range(number)]
            keys = [self._run(claim, one, seed + NEXT_NETWORK * i) for one, i in parts]
        else:
            measures = () if arm.elsewhere else (arm.measure or claim.measure,)
            keys = [self._run(claim, arm, seed, measures)]
        return tuple(keys) if all(keys) else ()

    def _run(self, claim: Claim, arm: Arm, seed: int, measures: tuple[str, ...] = ()) -> str:
        """Add the run of an arm with a seed; its key, or "" where others have to be done first."""
        config = arm_config(claim, arm, self._baselines.of(claim, elsewhere=arm.elsewhere))
        changes: dict[str, Any] = {"train.seed": seed}
        if claim.rates:
            rate = self._rate(claim, arm, config)
            if rate == 0:
                return ""
            changes["optim.rate"] = rate
        start = None
        if arm.start:
            first = self._run(claim, claim.arm(arm.start), seed)
            start = self._weights(first) if first and self._store.finished(first) else None
            if start is None:
                return ""
            changes["train.start"] = digest_of(start)
        config = patch(config, changes)
        self.rates[claim.name, arm.name] = config.optim.rate
        return self._add(claim, arm, config, measures, f"seed {seed}", start)

    def _add(
        self,
        claim: Claim,
        arm: Arm,
        config: Config,
        measures: tuple[str, ...],
        which: str,
        start: Path | None = None,
    ) -> str:
        """Put a run in; one that is there already gets the measures of both. Returns the key."""
        prepared = self._baselines.prepared(self._baselines.source_of(elsewhere=arm.elsewhere), config)
        run = PlannedRun(
            key=key_of(config, prepared.fingerprint),
            config=config,
            prepared=prepared.path,
            fingerprint=prepared.fingerprint,
            measures=measures,
            start=start,
            about=f"{claim.name}: {arm.name}, {which}",
        )
        known = self.runs.setdefault(run.key, run)
        self.runs[run.key] = replace(known, measures=tuple(dict.fromkeys((*known.measures, *measures))))
        return run.key

    def _rate(self, claim: Claim, arm: Arm, config: Config) -> float:
        """The rate that serves an arm best in the pilot runs, which are added; 0 where they are not done.

        Where the best is the highest or lowest that was tried, twice or half of it is tried, too, three times at most.
        """
        factors, best = sorted(claim.rates), 0.0
        for _ in range(EXTENSIONS + 1):
            rates = [float(f"{config.optim.rate * factor:.6g}") for factor in factors]
            keys = [self._pilot(claim, arm, config, rate) for rate in rates]
            if not all(self._store.finished(key, (claim.measure,)) for key in keys):
                return 0.0
            tried = zip(rates, keys, strict=True)
            scores = {rate: score for rate, key in tried if (score := self._score(claim, key))}
            if not scores:  # training fails at every rate: the baseline's is as good as any, and its runs will say so
                return config.optim.rate
            best = min(scores, key=lambda rate: scores[rate])
            if best not in (rates[0], rates[-1]):
                return best
            factors = sorted({*factors, factors[-1] * 2 if best == rates[-1] else factors[0] / 2})
        return best

    def _pilot(self, claim: Claim, arm: Arm, config: Config, rate: float) -> str:
        """Add the run that tries a rate; its key."""
        pilot = patch(config, {"train.seed": PILOT, "optim.rate": rate})
        return self._add(claim, arm, pilot, (claim.measure,), f"pilot at rate {rate:g}")

    def _score(self, claim: Claim, key: str) -> tuple[bool, float, float] | None:
        """How a finished pilot did, the lower the better: one that arrived before one that did not; None = failed."""
        number = self._store.value(key, claim.measure)
        if number is None:
            return None
        return number.bound, number.value, lines_of(self._store.run(key), "epoch")[-1]["train_top1_error"]

    def _weights(self, key: str) -> Path | None:
        """The weights file that a finished run ends with: its best ones, else its last."""
        found = [self._store.run(key) / "weights" / f"{name}.safetensors" for name in ("best", "last")]
        return next((path for path in found if path.exists()), None)
