"""What do courses on the paper ask and claim? Their experiments and exercises as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alexnet.study.claim import BASELINE, Arm, Claim, Published
from alexnet.study.claims_paper import RACE, RACE_RATES

_NONE = Published(words="no number in the paper")


def _upgrade(name: str, sentence: str, changes: Mapping[str, Any]) -> Claim:
    """One thing that came after 2012, put into the network of 2012."""
    return Claim(
        name=f"upgrade-{name}",
        section="exercise 5",
        sentence=sentence,
        recipe="paper",
        expects="lower",
        published=Published(words="of later years"),
        arms=(Arm(name=name, changes=changes),),
    )


#: Decay that works with adamw is far larger than with a velocity, as it is multiplied by the rate alone.
_ADAMW = {"optim.rule": "adamw", "optim.rate": 0.001, "optim.decay": 0.05}
_UPGRADES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "batch-norm": ("Batch normalization in place of response normalization lowers the error.", {"model.norm": "batch"}),
    "residual": ("Residual connections around conv3 to conv5 lower the error.", {"model.residual": True}),
    "adamw": ("AdamW in place of the printed rule lowers the error.", _ADAMW),
    "warm-up": ("Two epochs of warm-up lower the error.", {"optim.warmup": 2.0}),
    "cosine": ("A cosine in place of drops lowers the error.", {"optim.schedule": "cosine"}),
    "mixup": ("MixUp lowers the error.", {"augment.mixup": 0.2}),
    "cutmix": ("CutMix lowers the error.", {"augment.cutmix": 1.0}),
    "attention": ("Squeeze-and-excitation lowers the error.", {"model.attention": "squeeze-excite"}),
}
#: MixUp and CutMix both mix; one of them is enough.
_TOGETHER = {
    field: value for name, (_, changes) in _UPGRADES.items() if name != "mixup" for field, value in changes.items()
}

#: Layers with weights -> rows left out: convolutions first, from the middle.
_DEPTHS: dict[int, tuple[str, ...]] = {
    7: ("conv4",),
    6: ("conv3", "conv4"),
    5: ("conv3", "conv4", "conv5"),
    4: ("conv3", "conv4", "conv5", "fc6"),
    3: ("conv2", "conv3", "conv4", "conv5", "fc6"),
    2: ("conv2", "conv3", "conv4", "conv5", "fc6", "fc7"),
}

COURSE_CLAIMS = (
    Claim(
        name="relu-sigmoid",
        section="exercise 2",
        sentence="With ReLUs a four-layer network reaches 25% training error sooner than with sigmoids.",
        recipe="cifar-13",
        measure="epochs_to_25",
        published=Published(words="no number in the paper, which has tanh"),
        least=2.0,
        base=RACE,
        arms=(Arm(name="sigmoid", changes={"model.activation": "sigmoid"}),),
        rates=RACE_RATES,
    ),
    Claim(
        name="activation",
        section="exercise 2",
        sentence="With tanh or sigmoid in place of ReLU the network makes more errors.",
        recipe="paper",
        published=_NONE,
        arms=(
            Arm(name="tanh", changes={"model.activation": "tanh"}),
            Arm(name="sigmoid", changes={"model.activation": "sigmoid"}),
        ),
    ),
    Claim(
        name="width",
        section="exercise 2",
        sentence="A network of half the width makes more errors.",
        recipe="paper",
        published=_NONE,
        arms=(Arm(name="half as wide", changes={"model.width": 0.5}),),
    ),
    Claim(
        name="depth",
        section="exercise 1",
        sentence="Shallower networks make more errors than the one of eight layers.",
        recipe="paper",
        published=Published(words="the paper has about 2 points for one middle layer"),
        arms=tuple(Arm(name=f"{depth} layers", changes={"model.without": rows}) for depth, rows in _DEPTHS.items()),
    ),
    Claim(
        name="data-scaling",
        section="course experiment",
        sentence="Twice the pictures lower the error, all the way up.",
        recipe="paper",
        published=_NONE,
        arms=tuple(
            Arm(name=f"1/{part}", share=1 / part, against=BASELINE if part == 2 else f"1/{part // 2}")
            for part in (2, 4, 8, 16)
        ),
        correction="All sizes have as many steps: with equal epochs fewer pictures would also mean less training.",
    ),
    Claim(
        name="width-and-regularization",
        section="course experiment",
        sentence="Networks of any width make more errors without dropout.",
        recipe="paper",
        published=_NONE,
        arms=(
            Arm(name="half as wide", changes={"model.width": 0.5}, against=""),
            Arm(
                name="half as wide, no dropout",
                changes={"model.width": 0.5, "model.dropout": 0.0},
                against="half as wide",
            ),
            Arm(name="no dropout", changes={"model.dropout": 0.0}),
            Arm(name="twice as wide", changes={"model.width": 2.0}, against=""),
            Arm(
                name="twice as wide, no dropout",
                changes={"model.width": 2.0, "model.dropout": 0.0},
                against="twice as wide",
            ),
        ),
    ),
    Claim(
        name="resolution",
        section="course experiment",
        sentence="Twice the resolution lowers the error.",
        recipe="quick",
        expects="lower",
        published=_NONE,
        base={"data.size": 36, "augment.crop": 32, "augment.pad": 0, "data.fit": "crop"},
        arms=tuple(
            Arm(
                name=f"{side} pixels",
                changes={"data.size": side * 9 // 8, "augment.crop": side},
                against=BASELINE if before == 32 else f"{before} pixels",
            )
            for before, side in ((32, 64), (64, 128), (128, 224))
        ),
    ),
    Claim(
        name="why-response-normalization-went",
        section="course question",
        sentence="Batch normalization does more than response normalization.",
        recipe="paper",
        expects="lower",
        published=Published(words="of later years"),
        arms=(
            Arm(name="no normalization", changes={"model.norm": "none"}, against=""),
            Arm(name="batch normalization", changes={"model.norm": "batch"}),
            Arm(name="batch instead of none", changes={"model.norm": "batch"}, against="no normalization"),
        ),
    ),
    *(_upgrade(name, sentence, changes) for name, (sentence, changes) in _UPGRADES.items()),
    _upgrade("together", "All of these together lower the error.", _TOGETHER),
    Claim(
        name="monte-carlo-dropout",
        section="section 4.2, course question",
        sentence="Halving the units at test time comes to the same as averaging many networks that dropout draws.",
        recipe="paper",
        expects="equal",
        published=Published(words="section 4.2 calls halving a reasonable approximation"),
        least=1.0,
        arms=(Arm(name="fifty draws", measure="monte_carlo_error"),),
        correction="The mean that halving approximates is the geometric one of the networks' probabilities, exact for "
        "a single layer before the softmax; it is no vote of 2^n networks.",
    ),
)
