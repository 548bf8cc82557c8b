"""What came of every claim? From the runs in the store to values by seed, comparisons, outcomes: `answers`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alexnet.device import Machine, environment
from alexnet.study.baselines import Asked, Baselines
from alexnet.study.claim import BASELINE, Arm, Claim
from alexnet.study.effects import Pair, claim_verdict, compare
from alexnet.study.measured import together
from alexnet.study.measures import MEASURES
from alexnet.study.numbers import compared, effect_of
from alexnet.study.outcome import Comparison, Outcome, Study, Values
from alexnet.study.plan import Plan
from alexnet.study.store import Store
from alexnet.training.folder import read_json, write_json


@dataclass(frozen=True, kw_only=True)
class _Sources:
    """Where values come from."""

    found: Plan
    store: Store
    machine: Machine
    seeds: tuple[int, ...]


def answers(
    claims: Sequence[Claim],
    kept: Sequence[Claim],
    skipped: Mapping[str, str],
    found: Plan,
    store: Store,
    baselines: Baselines,
    asked: Asked,
    *,
    command: str,
    made: int,
    machine: Machine,
) -> Study:
    """The outcomes of finished runs, judged together.

    Args:
        claims: all that were asked for; kept: those that were run; skipped: why the others were not, by name.
        made: runs that this command made.
    """
    sources = _Sources(found=found, store=store, machine=machine, seeds=tuple(range(asked.seeds)))
    values = {(claim.name, arm.name): _values(claim, arm, sources) for claim in kept for arm in _arms(claim)}
    pairs = [
        (claim, arm, values[claim.name, arm.name], values[claim.name, arm.against])
        for claim in kept
        for arm in claim.arms
        if arm.against
    ]
    judged = compare(
        [Pair(arm=own, against=other, expects=claim.expects, least=claim.least) for claim, _, own, other in pairs]
    )
    by_claim: dict[str, list[Comparison]] = {claim.name: [] for claim in claims}
    for (claim, *_), comparison in zip(pairs, judged, strict=True):
        by_claim[claim.name].append(comparison)
    outcomes = []
    for claim in claims:
        if claim.name in skipped:
            outcomes.append(_skipped(claim, skipped[claim.name]))
            continue
        base, comparisons = baselines.of(claim), tuple(by_claim[claim.name])
        outcomes.append(
            Outcome(
                claim=claim.name,
                verdict=claim_verdict(comparisons),
                sentence=_sentence(claim, comparisons),
                comparisons=comparisons,
                arms=tuple(values[claim.name, arm.name] for arm in _arms(claim)),
                pictures=base.pictures,
                epochs=base.config.train.epochs,
            )
        )
    prepared = baselines.of(kept[0]).prepared
    split = prepared.evaluated[0]
    return Study(
        command=command,
        data=prepared.name,
        fingerprint=prepared.fingerprint,
        held_out=f"{split}, {len(prepared.rows(split)):,} pictures",
        scale=asked.scale,
        seeds=sources.seeds,
        outcomes=tuple(outcomes),
        cost=_cost(found, store, made, machine),
    )


def _arms(claim: Claim) -> tuple[Arm, ...]:
    """The baseline first, then the arms that have a number of their own."""
    return (claim.arm(BASELINE), *(arm for arm in claim.arms if not arm.elsewhere))


def _values(claim: Claim, arm: Arm, sources: _Sources) -> Values:
    """An arm's measure, seed by seed."""
    measure = arm.measure or claim.measure
    numbers: list[float | None] = []
    bounds: list[bool] = []
    keys: list[str] = []
    reasons: list[str] = []
    for seed in sources.seeds:
        own = sources.found.keys.get((claim.name, arm.name, seed), ())
        reason = next((why for why in map(sources.store.failure, own) if why), "")
        if not own:
            reason = "a run that it stands on failed"
        value, bound = (None, False) if reason else _number(own, measure, arm, sources)
        numbers.append(value)
        bounds.append(bound)
        keys.append("+".join(own))
        reasons.append(reason)
    own_keys = {key for joined in keys for key in joined.split("+") if key}
    return Values(
        arm=arm.name,
        measure=measure,
        seeds=sources.seeds,
        values=tuple(numbers),
        bounds=tuple(bounds),
        keys=tuple(keys),
        reasons=tuple(reasons),
        seconds=sum(sources.store.seconds(key) for key in sorted(own_keys)),
        rate=sources.found.rates.get((claim.name, arm.name), 0.0),
    )


def _number(keys: Sequence[str], measure: str, arm: Arm, sources: _Sources) -> tuple[float, bool]:
    """A measure of a run, or of several whose probabilities are averaged."""
    if not arm.together:
        number = sources.store.value(keys[0], measure)
        assert number is not None
        return number.value, number.bound
    assert measure == "test_error"
    kept = sources.store.path / "together.json"
    name = hashlib.sha256("+".join(sorted(keys)).encode()).hexdigest()[:16]
    known: dict[str, float] = read_json(kept) if kept.exists() else {}
    if name not in known:
        folders = [sources.store.run(key) for key in keys]
        known[name] = together(folders, device=sources.machine.device, threads=sources.machine.threads)
        write_json(kept, known)
    return known[name], False


def _sentence(claim: Claim, comparisons: Sequence[Comparison]) -> str:
    """The answer in one sentence: the effect, or the smallest and largest of several."""
    words = MEASURES[claim.measure].words
    known = [one for one in comparisons if one.mean is not None]
    if not known:
        return "No pair of runs gave a number."
    if len(comparisons) == 1:
        one = known[0]
        return f"{_capital(compared(one))}: {effect_of(one)} in {words}."
    ordered = sorted(known, key=lambda one: one.mean or 0.0)
    least, most = ordered[0], ordered[-1]
    return f"In {words}, from {effect_of(least)} ({least.arm}) to {effect_of(most)} ({most.arm})."


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _skipped(claim: Claim, why: str) -> Outcome:
    return Outcome(
        claim=claim.name,
        verdict="inconclusive",
        sentence=f"Not run: {why}.",
        comparisons=(),
        arms=(),
        pictures=0,
        epochs=0,
        skipped=why,
    )


def _cost(found: Plan, store: Store, made: int, machine: Machine) -> dict[str, Any]:
    """What the study took. No part of what equal studies have in common."""
    now = environment()
    return {
        "training_seconds": round(sum(store.seconds(key) for key in sorted(found.runs)), 1),
        "runs": len(found.runs),
        "runs_made_by_this_command": made,
        "machine": machine.name,
        "device": machine.device,
        "torch": now["torch"],
    }
