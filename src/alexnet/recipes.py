"""Which settings belong together? Named, complete configs, each with its command, time and result.

A recipe's numbers are the interface: `alexnet recipes NAME` prints them, and every one can be changed by a flag.
"""

from __future__ import annotations

from dataclasses import dataclass

from alexnet.config import Config, patch


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A named config."""

    name: str
    summary: str
    expect: str
    """Measured time and error, with the machine; or the published figure, marked as such."""
    config: Config


PAPER = Recipe(
    name="paper",
    summary="sections 2 to 5 of the paper as printed: 90 epochs, batch 128, rate .01, plateau drops, ten views",
    expect="published for ILSVRC-2012: 40.7% top-1, 18.2% top-5 (ten views), five to six days on two GPUs of 2012",
    config=patch(Config(), {"augment.colour": "paper"}),
)

SOURCE = Recipe(
    name="source",
    summary="the released 2012 program: its network, biases at twice the rate, crops shared by 32, recorded schedule",
    expect="logged for ILSVRC-2012: 40.66% top-1, 18.21% top-5 (ten views)",
    config=patch(
        Config(),
        {
            "model.table": "source",
            "augment.share": 32,
            "augment.colour": "source",
            "augment.colour_off_epoch": 67,
            "optim.bias_rate": 2.0,
            "optim.bias_follows": False,
            "optim.decay_biases": False,
            "optim.schedule": "source",
            "train.epochs": 91,
        },
    ),
)

_CIFAR = {
    "data.size": 32,
    "data.all_of_train": True,
    "augment.crop": 32,
    "augment.flip": False,
    "augment.colour": "none",
    "optim.rate": 0.001,
    "optim.decay": 0.004,
    "optim.decay_biases": False,
    "optim.bias_rate": 2.0,
    "optim.schedule": "steps",
}

CIFAR_26 = Recipe(
    name="cifar-26",
    summary="the 2011 program's fastest net for CIFAR-10: no augmentation, 12 epochs",
    expect="published for CIFAR-10: 26% test error after 80 seconds on a GPU of 2011; here 25.4%",
    config=patch(Config(), _CIFAR | {"model.table": "cifar-26", "optim.steps": (12,), "train.epochs": 12}),
)

CIFAR_18 = Recipe(
    name="cifar-18",
    summary="the 2011 program's net with within-map normalization: no augmentation, 120 + 10 + 10 epochs",
    expect="published for CIFAR-10: 18% test error after 20 minutes on a GPU of 2011",
    config=patch(Config(), _CIFAR | {"model.table": "cifar-18", "optim.steps": (121, 131), "train.epochs": 140}),
)

_CIFAR_LOCAL = _CIFAR | {
    "augment.crop": 24,
    "augment.flip": True,
    "optim.bias_follows": False,  # its methodology lowers epsW alone, and the files end with epsB as it began
    "optim.steps": (501, 511),
    "train.epochs": 520,
}

CIFAR_13 = Recipe(
    name="cifar-13",
    summary="the 2011 program's net with locally connected layers: crops of 24 pixels, flips, 500 + 10 + 10 epochs",
    expect="published for CIFAR-10: 13% test error by nine views (--protocol nine), 25 minutes on a GPU of 2011",
    config=patch(Config(), _CIFAR_LOCAL | {"model.table": "cifar-13"}),
)

CIFAR_11 = Recipe(
    name="cifar-11",
    summary="as cifar-13, with response normalization after both convolutions: the 13% to 11% of section 3.3",
    expect="published for CIFAR-10: 11% test error by nine views (--protocol nine), 75 minutes on a GPU of 2011",
    config=patch(Config(), _CIFAR_LOCAL | {"model.table": "cifar-11"}),
)

SMALL_PAPER = Recipe(
    name="small-paper",
    summary="the paper's network, rule and ten views at an eighth of its side: what claims are tried on without a GPU",
    expect="no record is sought: docs/claims.md has what it makes of CIFAR-10",
    config=patch(
        Config(),
        {
            "model.table": "small-paper",
            "data.size": 32,
            "data.all_of_train": True,
            "augment.crop": 28,
            "augment.colour": "source",
            # A sixth of the stability bound with ten classes, and below it with any number of them, also where an
            # ablation doubles what the dense layers pass on. All arms of a claim keep one rate.
            "optim.rate": 0.002,
            "optim.bound": False,
            "optim.schedule": "steps",
            # The paper's three drops, late: so few epochs have no time for steps at a thousandth of the rate.
            "optim.steps": (25, 33, 39),
            "train.epochs": 40,
        },
    ),
)

QUICK = Recipe(
    name="quick",
    summary="a small modern AlexNet with batch normalization for small pictures; what most people should start with",
    expect="CIFAR-10 (JPEG re-encodings): 11.4% test error, 10.8% by ten views, in bf16 at 29 seconds an epoch; 1,100 "
    "photographs of clothes: 25% after 7 minutes on one core (docs/recipes.md)",
    config=patch(
        Config(),
        {
            "model.table": "quick",
            "data.size": 32,
            "data.fit": "squash",
            "data.centre": "channel-mean",
            "data.scale": "deviation",
            "augment.crop": 32,
            "augment.pad": 3,
            "augment.colour": "none",
            "optim.rule": "sgd",
            "optim.nesterov": True,
            "optim.rate": 0.2,
            "optim.decay_biases": False,
            "optim.schedule": "one-cycle",
            "optim.warmup": 3.5,
            # The warm-up begins far below the rate, and normalization forgives what the bound guards against.
            "optim.bound": False,
            "train.epochs": 18,
            "train.batch": 256,
            "train.label_smoothing": 0.1,
        },
    ),
)

DIGITS = Recipe(
    name="digits",
    summary="`quick` for the embedded digits: twelve epochs, nothing mirrored (a mirrored 2 is no 2)",
    expect="1 to 3% error on the 179 held-out digits after some seconds",
    config=patch(
        QUICK.config,
        {
            "data.all_of_train": True,
            "augment.flip": False,
            "augment.pad": 2,
            "optim.rate": 0.1,
            "train.epochs": 12,
            "train.batch": 64,
        },
    ),
)

_NOTES = {
    "model.table": "one-column",
    "model.init": "paper",
    "data.centre": "channel-mean",
    "augment.colour": "none",
    "augment.zoom": 0.08,
    "augment.stretch": 4 / 3,
    "augment.jitter": 0.2,
    "optim.rule": "sgd",
}
_NOTES_EXPECT = "no figure is claimed: the courses give none"

NOTES_PLATEAU = Recipe(
    name="notes-plateau",
    summary="what course notes print, corrected: torch's SGD, random zooms, a tenth of the rate at each plateau",
    expect=_NOTES_EXPECT,
    # torch's ReduceLROnPlateau(patience=5) forgives five epochs and drops after the sixth; ours drops after `patience`.
    config=patch(Config(), _NOTES | {"optim.schedule": "plateau", "optim.patience": 6, "optim.drops": 3}),
)

NOTES_STEPS = Recipe(
    name="notes-steps",
    summary="as notes-plateau, the rate divided by 10 after 30, 60 and 80 epochs",
    expect=_NOTES_EXPECT,
    config=patch(Config(), _NOTES | {"optim.schedule": "steps", "optim.steps": (31, 61, 81)}),
)

NOTES_COSINE = Recipe(
    name="notes-cosine",
    summary="as notes-plateau, the rate along half a cosine to 0",
    expect=_NOTES_EXPECT,
    config=patch(Config(), _NOTES | {"optim.schedule": "cosine"}),
)

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        PAPER,
        SOURCE,
        CIFAR_26,
        CIFAR_18,
        CIFAR_13,
        CIFAR_11,
        SMALL_PAPER,
        QUICK,
        DIGITS,
        NOTES_PLATEAU,
        NOTES_STEPS,
        NOTES_COSINE,
    )
}
