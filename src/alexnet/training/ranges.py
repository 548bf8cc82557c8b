"""Which numbers may the settings of augmentation, targets and averaging hold? Said before a run begins."""

from __future__ import annotations

from alexnet.config import Config, get
from alexnet.data.randaugment import RANGES as OPERATIONS
from alexnet.data.randaugment import operations

#: Setting, smallest and largest value, and what the numbers mean.
RANGES: tuple[tuple[str, float, float, str], ...] = (
    ("augment.zoom", 0.01, 1, "the smallest share of the area that a zoom keeps; 1 = no zoom"),
    ("augment.stretch", 1, 10, "the largest ratio of the sides of a zoomed window; 1 = square"),
    ("augment.colour_sigma", 0, 10, "a standard deviation"),
    ("augment.jitter", 0, 1, "factors go from 1 - jitter to 1 + jitter; 0 = none"),
    ("augment.hue", 0, 0.5, "half a turn reaches every hue; 0 = none"),
    ("augment.randaugment", 0, len(OPERATIONS), "operations a picture; 0 = none"),
    ("augment.randaugment_magnitude", 1, 29, "the strength of RandAugment"),
    ("augment.cutout", 0, float("inf"), "the side of the square in pixels; 0 = none"),
    ("augment.mixup", 0, 1000, "of Beta(mixup, mixup): 0.2 mixes little, 1 everything alike; 0 = off"),
    ("augment.cutmix", 0, 1000, "of Beta(cutmix, cutmix): 1 in the paper; 0 = off"),
    ("optim.ema", 0, 0.999999, "the share that the average keeps a step, such as 0.999; 0 = off"),
    ("train.until", 0, 100, "a training error in percent at which to end; 0 = never"),
    ("train.label_smoothing", 0, 0.99, "the share of a target spread over all classes; 0 = none"),
    ("train.logit_adjustment", 0, 100, "tau, 1 in the paper; 0 = none"),
)
#: Three cures for unequal classes. Two of them together would correct twice.
BALANCE = {"train.class_weights": "none", "train.sampling": "all", "train.logit_adjustment": 0.0}


def require(config: Config, device: str) -> None:
    """Raises ValueError, one sentence, for a number out of its range, or settings that do not go together here."""
    for name, low, high, meaning in RANGES:
        value = get(config, name)
        if not low <= value <= high:
            most = f" to {high:g}" if high < float("inf") else " or more"
            raise ValueError(f"{name} must be {low:g}{most}, not {value:g} ({meaning})")
    cures = [name for name, none in BALANCE.items() if get(config, name) != none]
    if len(cures) > 1:
        raise ValueError(f"{' and '.join(cures)} each make up for unequal classes, together too much; give one of them")
    if not config.augment.shift and config.augment.zoom < 1:
        raise ValueError(
            "augment.shift False keeps to the central crop, and augment.zoom below 1 to none; give one of them"
        )
    if config.train.graph and not (config.train.compile and device.startswith("cuda")):
        raise ValueError("train.graph records what a compiled network does on a GPU; give --train.compile and a GPU")
    if config.train.graph and config.train.accumulate > 1:
        raise ValueError(
            "train.graph plays one recording into the same memory for every part of a batch, so gradients cannot be "
            f"summed over {config.train.accumulate} parts; give --train.accumulate 1, or leave train.graph out"
        )
    if config.augment.randaugment:
        operations(config.augment.randaugment_magnitude)  # raises where kornia is not to be had
    if device.startswith("mps") and config.train.precision == "float64":
        raise ValueError("Apple's GPUs have no float64; give another --train.precision, or --device cpu")
