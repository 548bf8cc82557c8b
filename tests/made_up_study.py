"""What may come of a study? A made-up one: every verdict, a bound, failed runs, a claim that was not run."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from alexnet.study import claims
from alexnet.study.claim import BASELINE, Arm
from alexnet.study.outcome import Comparison, Outcome, Study, Values

SEEDS = (0, 1, 2)


def values(arm: str, *numbers: float | None, measure: str = "test_error", bound: bool = False) -> Values:
    return Values(
        arm=arm,
        measure=measure,
        seeds=SEEDS,
        values=numbers,
        bounds=tuple(bound for _ in numbers),
        keys=tuple(f"{arm.replace(' ', '')}{seed}-5f2c" for seed in SEEDS),
        reasons=tuple("" if number is not None else "the loss was not finite in epoch 2" for number in numbers),
        seconds=600.0,
        rate=0.0015,
    )


def _scattered(arm: str, mean: float) -> tuple[tuple[int, float], ...]:
    """Differences by seed with that mean; the scatter depends on the arm."""
    wave = [math.sin(len(arm) * (seed + 1)) for seed in SEEDS]
    return tuple((seed, mean + value - sum(wave) / len(wave)) for seed, value in zip(SEEDS, wave, strict=True))


def compared(arm: str, mean: float | None, low: float | None, high: float | None, **changes: Any) -> Comparison:
    plain: dict[str, Any] = {
        "against": BASELINE,
        "unit": "points",
        "n": 3,
        "sd": None if mean is None else 0.4,
        "relative": None if mean is None else 3 * mean,
        "p": None if mean is None else 0.0123,
        "p_against": None if mean is None else 0.4,
        "verdict": "inconclusive",
        "settles": "",
        "differences": () if mean is None else _scattered(arm, mean),
    }
    return Comparison(arm=arm, mean=mean, low=low, high=high, **(plain | changes))


def outcome(claim: str, verdict: Any, sentence: str, *comparisons: Comparison, arms: tuple[Values, ...]) -> Outcome:
    return Outcome(
        claim=claim,
        verdict=verdict,
        sentence=sentence,
        comparisons=comparisons,
        arms=arms,
        pictures=10_000,
        epochs=20,
    )


BASE = values(BASELINE, 30.1, 29.8, 30.4)
_ODD = "no fc6 <b>&|*_x_*"
#: Claims as they are; of some fewer arms, and one with a name that means something to a page.
CLAIMS = {
    name: claims.CLAIMS[name]
    for name in ("relu", "response-normalization", "overlapping-pooling", "ten-views", "pre-training")
} | {
    name: dataclasses.replace(claims.CLAIMS[name], arms=arms)
    for name, arms in {
        "layers": tuple(
            Arm(name=one, changes={"model.without": (one[3:7],)}) for one in ("no conv3", "no conv4", _ODD)
        ),
        "data-scaling": claims.CLAIMS["data-scaling"].arms[:2],
    }.items()
}


def study(**changes: Any) -> Study:
    """Every verdict, a ratio that is only a bound, failed runs, a claim that was not run."""
    race = (
        values(BASELINE, 3.1, 3.3, 3.0, measure="epochs_to_25"),
        values("tanh", 12.0, 12.9, 13.1, measure="epochs_to_25", bound=True),
    )
    layers = (
        BASE,
        values("no conv3", 31.9, 32.2, 32.5),
        values("no conv4", 30.4, 30.0, 30.9),
        values(_ODD, None, None, 29.0),
    )
    outcomes = (
        outcome(
            "relu",
            "supported",
            "With tanh it takes at least 4.0 times as many epochs [3.6, 4.5].",
            compared(
                "tanh",
                4.03,
                3.6,
                4.5,
                unit="times",
                verdict="supported",
                note="the ratio is a lower bound",
            ),
            arms=race,
        ),
        outcome(
            "response-normalization",
            "not supported",
            "Without it the error changes by −0.20 points [−0.55, +0.15], less than 0.7.",
            compared("no normalization", -0.2, -0.55, 0.15, verdict="not supported"),
            arms=(BASE, values("no normalization", 29.9, 29.7, 30.1)),
        ),
        outcome(
            "overlapping-pooling",
            "inconclusive",
            "Pools of 2 change the error by +0.31 points [−0.40, +1.02].",
            compared("pools of 2/2", 0.31, -0.4, 1.02, settles="about 21 seeds"),
            arms=(BASE, values("pools of 2/2", 30.5, 30.0, 30.73)),
        ),
        outcome(
            "layers",
            "inconclusive",
            "One of three layers matters; of the others it cannot be told.",
            compared("no conv3", 2.1, 1.6, 2.6, verdict="supported"),
            compared("no conv4", 0.33, -0.5, 1.16, settles="about 9 seeds"),
            compared(_ODD, None, None, None, n=0, note="no pair of numbers for seeds 0, 1"),
            arms=layers,
        ),
        outcome(
            "ten-views",
            "supported",
            "Ten views make 1.22 points fewer errors.",
            compared("ten views", -1.22, -1.49, -0.95, verdict="supported"),
            arms=(
                BASE,
                dataclasses.replace(values("ten views", 28.9, 28.6, 29.1, measure="ten_view_error"), keys=BASE.keys),
            ),
        ),
        outcome(
            "data-scaling",
            "supported",
            "Every doubling lowers the error.",
            compared("1/2", 4.0, 3.1, 4.9, verdict="supported"),
            compared("1/4", 4.9, 4.0, 5.8, against="1/2", verdict="supported"),
            arms=(BASE, values("1/2", 34.0, 34.2, 34.1), values("1/4", 39.0, 38.9, 39.2)),
        ),
        Outcome(
            claim="pre-training",
            verdict="inconclusive",
            sentence="",
            comparisons=(),
            arms=(),
            pictures=10_000,
            epochs=20,
            skipped="it needs other pictures to train on first; name them with --pretrain",
        ),
    )
    plain: dict[str, Any] = {
        "command": "alexnet reproduce all --data cifar10 --seeds 3 --scale small",
        "data": "cifar10",
        "fingerprint": "0123456789abcdef" * 4,
        "held_out": "test, 10,000 pictures",
        "scale": "small",
        "seeds": SEEDS,
        "outcomes": outcomes,
        "cost": {"seconds": 14_400.0, "runs made": 30, "runs reused": 2, "machine": {"cores": 2}, "threads": 1},
    }
    return Study(**(plain | changes))


def curves() -> dict[str, list[dict[str, Any]]]:
    draws = random.Random(0)
    keys = sorted({key for one in study().outcomes for arm in one.arms for key in arm.keys})
    return {
        key: [
            {"kind": "epoch", "epoch": n + 1, "train_top1_error": 20 + 60 * 0.8**n + draws.uniform(-2, 2)}
            | ({"val_top1_error": 30 + 50 * 0.8**n + draws.uniform(-2, 2)} if not key.startswith("tanh") else {})
            for n in range(20)
        ]
        for key in keys
    }
