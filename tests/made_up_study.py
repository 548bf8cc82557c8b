"""What may come of a study? A made-up one: every verdict, a bound, failed runs, a claim that was not run."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from alexnet.study.claim import BASELINE, Arm, Claim, Published
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
CLAIMS = {
    one.name: one
    for one in (
        Claim(
            name="relu",
            section="section 3.1, figure 1",
            sentence="With ReLUs a four-layer network reaches 25% training error six times sooner than with tanh.",
            recipe="cifar-13",
            measure="epochs_to_25",
            published=Published(effect=6.0, words="six times as many epochs with tanh, read from figure 1"),
            least=2.45,
            base={"train.until": 25.0},
            arms=(Arm(name="tanh", changes={"model.activation": "tanh"}),),
            rates=(0.5, 1.0, 2.0),
            correction="It is the time to a training error; it is no figure for test error.",
        ),
        Claim(
            name="response-normalization",
            section="section 3.3",
            sentence="Response normalization lowers the error.",
            recipe="paper",
            published=Published(
                effect=1.4,
                words="1.4 points top-1, 1.2 top-5",
                log="#148 42.03/19.36, #145 40.66/18.21: 1.37/1.15",
            ),
            least=0.7,
            arms=(Arm(name="none", changes={"model.norm": "none"}),),
        ),
        Claim(
            name="overlapping-pooling",
            section="section 3.4",
            sentence="Pools of 3 pixels with stride 2 make fewer errors than pools of 2.",
            recipe="paper",
            published=Published(effect=0.4, words="0.4 points top-1, 0.3 top-5"),
            least=0.2,
            arms=(Arm(name="2/2", changes={"model.pooling": "2/2"}),),
        ),
        Claim(
            name="layers",
            section="sections 1 and 7",
            sentence="Without any one of its middle layers the network makes about two points more errors.",
            recipe="paper",
            published=Published(effect=2.0, words="about 2 points top-1 for any middle layer"),
            least=1.0,
            arms=tuple(
                Arm(name=f"no {name}", changes={"model.without": (name,)})
                for name in ("conv3", "conv4", "fc6 <b>&|*_x_*")
            ),
        ),
        Claim(
            name="ten-views",
            section="section 4.1, table 1",
            sentence="The mean over ten views makes fewer errors than the central crop.",
            recipe="paper",
            expects="lower",
            published=Published(effect=-1.5, words="39.0 to 37.5 top-1"),
            least=0.75,
            arms=(Arm(name="ten views", measure="ten_view_error"),),
        ),
        Claim(
            name="data-scaling",
            section="course experiment",
            sentence="Twice the pictures lower the error, all the way up.",
            recipe="paper",
            published=Published(words="no number in the paper"),
            arms=(Arm(name="1/2", share=0.5), Arm(name="1/4", share=0.25, against="1/2")),
        ),
        Claim(
            name="pre-training",
            section="section 6, table 2",
            sentence="Pre-trained on a larger set, the network makes fewer errors.",
            recipe="paper",
            expects="lower",
            published=Published(effect=-1.7, words="40.7 to 39.0"),
            arms=(Arm(name="pre-trained", start="larger set"),),
        ),
    )
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
        values("no fc6 <b>&|*_x_*", None, None, 29.0),
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
            compared("none", -0.2, -0.55, 0.15, verdict="not supported"),
            arms=(BASE, values("none", 29.9, 29.7, 30.1)),
        ),
        outcome(
            "overlapping-pooling",
            "inconclusive",
            "Pools of 2 change the error by +0.31 points [−0.40, +1.02].",
            compared("2/2", 0.31, -0.4, 1.02, settles="about 21 seeds"),
            arms=(BASE, values("2/2", 30.5, 30.0, 30.73)),
        ),
        outcome(
            "layers",
            "inconclusive",
            "One of three layers matters; of the others it cannot be told.",
            compared("no conv3", 2.1, 1.6, 2.6, verdict="supported"),
            compared("no conv4", 0.33, -0.5, 1.16, settles="about 9 seeds"),
            compared("no fc6 <b>&|*_x_*", None, None, None, n=0, note="no pair of numbers for seeds 0, 1"),
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
