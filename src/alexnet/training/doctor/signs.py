"""Which fault do these numbers mean? From what was seen to a diagnosis: pure functions with their thresholds.

Each threshold stands between what the injected faults of benchmarks/doctor.py show and what healthy runs show there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from alexnet.config import Config
from alexnet.training.bound import safe_rate, stable_rate
from alexnet.training.doctor.diagnosis import Diagnosis
from alexnet.training.doctor.look import Look, Update

#: Outputs that differ by less than this across pictures, from an input smaller than the second, hold no picture.
SPREAD, SMALL_INPUT = 0.005, 5.0
#: Outputs that differ by less than this from any input: ten times less than the tables for CIFAR-10, which train.
NOTHING = 1e-5
#: A loss before training of so many times that of a constant answer.
LARGE_START = 5.0
#: Pictures over which batch normalization takes its mean, at least.
BATCH = 8
#: Share of a layer's units that fire for no picture.
SILENT = 0.9
#: A gradient of the first layers so many times smaller, by the weights, than that of the last.
VANISHED = 1e-5
#: A step of so large a part of its weights.
THROWN = 0.5
#: A loss within this share of the constant answer's has learned nothing.
STUCK = 0.01
#: A step's rate above this share of the stability bound, where nothing is learned, is why.
TOO_HIGH = 0.5
#: A rate below this share of the stability bound, with weights that have moved by less than the second, is too low.
TOO_LOW, MOVED = 0.01, 0.005
#: Share of the answers that is one class; a class of so large a share of the training pictures is frequent.
ONE_ANSWER, FREQUENT = 0.995, 0.6
#: Held-out pictures from which on an error can be told from chance.
ENOUGH = 30


def at_start(config: Config, seen: Look, chance: float, normalizes: bool) -> Iterator[Diagnosis]:
    """What a look before the first step tells.

    Args:
        chance: loss of the best constant answer. normalizes: whether the network has batch normalization.
    """
    if seen.spread < SPREAD and seen.input < SMALL_INPUT:
        raw = config.data.scale == "deviation"
        yield Diagnosis(
            fault="input scale",
            sentence=f"before training an output differs by {seen.spread:.2g} from picture to picture: the initial "
            f"weights are made for pixels on the 0-255 scale, and the input's size is {seen.input:.2g}",
            cure={"data.scale": "raw"} if raw else {"model.init": "he"},
        )
    elif seen.spread < NOTHING:
        yield Diagnosis(
            fault="vanishing",
            sentence=f"before training an output differs by {seen.spread:.2g} from picture to picture, from an input "
            f"of size {seen.input:.3g}: the layers in between let nothing through, neither pictures nor gradients",
            cure={"model.init": "he", "data.scale": "deviation"},
        )
    if not seen.loss <= LARGE_START * max(chance, math.log(2)):
        yield Diagnosis(
            fault="start too large",
            sentence=f"before training the loss is {seen.loss:.3g}, and saying the same of every picture would give "
            f"{chance:.3g}: the initial weights are too large for an input of size {seen.input:.3g}",
            cure={"data.scale": "deviation"} if seen.input > SMALL_INPUT else {"model.init": "table"},
        )
    at_once = config.train.batch // config.train.accumulate
    if normalizes and at_once < BATCH:
        yield Diagnosis(
            fault="small batch",
            sentence=f"batch normalization takes its mean over {at_once} pictures, which is mostly noise, and testing "
            "uses another mean",
            cure={"train.batch": 32, "train.accumulate": 1},
        )


def of_the_network(config: Config, seen: Look, steps: Mapping[str, Update]) -> Iterator[Diagnosis]:
    """What units and updates tell after some steps."""
    lower = {"optim.rate": float(f"{config.optim.rate / 10:.3g}")}
    name, share = max(seen.silent.items(), key=lambda item: item[1], default=("", 0.0))
    if share >= SILENT:
        yield Diagnosis(
            fault="dead units",
            sentence=f"in {name} {100 * share:.0f}% of the units fire for none of {seen.pictures} pictures: they "
            "receive no gradient any more; too large a step has thrown them there",
            cure=lower,
        )
    sizes = [update.gradient for update in steps.values()]
    if len(sizes) > 1 and sizes[0] < VANISHED * max(sizes) and share < 1:
        yield Diagnosis(
            fault="vanishing",
            sentence=f"the gradient of {next(iter(steps))} is {sizes[0]:.2g} of its weights and that of the layers "
            f"above up to {max(sizes):.2g}: it fades on its way down",
            cure={"model.activation": "relu", "model.init": "he"}
            if config.model.activation in ("sigmoid", "tanh")
            else {"model.init": "he"},
        )
    thrown = max(steps, key=lambda layer: steps[layer].step, default="")
    if thrown and not steps[thrown].step <= THROWN:
        yield Diagnosis(
            fault="exploding",
            sentence=f"the last step moved {thrown} by {steps[thrown].step:.2g} of the size of its weights",
            cure=lower,
        )


def of_the_rate(
    config: Config, losses: Sequence[float], chance: float, first_rate: float, curvature: float, moved: float
) -> Iterator[Diagnosis]:
    """Whether the rate is why nothing is learned.

    Args:
        losses: mean training losses of the intervals so far. first_rate: of the first step.
        curvature: at initialization. moved: how far the weights are from where they began, by their norm.
    """
    stable = stable_rate(curvature, config.optim.momentum)
    safe = safe_rate(curvature, config.optim.momentum)
    seen = f"after {len(losses)} intervals the loss is {losses[-1]:.4g}, and saying the same of every picture gives "
    seen += f"{chance:.4g}; "
    if first_rate > TOO_HIGH * stable:
        yield Diagnosis(
            fault="rate too high",
            sentence=f"{seen}the curvature at the start, {curvature:.3g}, makes steps above {stable:.2g} unstable, and "
            f"the first was {first_rate:.3g}",
            cure={"optim.rate": safe},
        )
    elif moved < MOVED:
        allows = f", and the curvature at the start allows {safe:g}" if first_rate < TOO_LOW * stable else ""
        yield Diagnosis(
            fault="rate too low",
            sentence=f"{seen}half of the layers have moved by less than {100 * moved:.2g}% of their weights{allows}",
            words=("--find-rate",),
        )


def learns_nothing(losses: Sequence[float], chance: float, intervals: int) -> bool:
    """Whether the last intervals all stayed at the loss of a constant answer, or above and without falling."""
    last = losses[-intervals:]
    flat = len(last) == intervals and last[-1] >= (1 - 2 * STUCK) * last[0]
    return flat and all(loss >= (1 - STUCK) * chance for loss in last)


def of_the_loss(config: Config, losses: Sequence[float], chance: float, classes: int) -> Diagnosis:
    """What to say of a loss that stays where it is for no reason that was found."""
    named = f"ln({classes})" if abs(chance - math.log(classes)) < 0.01 else "the entropy of the labels"
    return Diagnosis(
        fault="stuck",
        sentence=f"the loss has stayed at {losses[-1]:.4g}, which is {named}, {chance:.4g}, the loss of saying the "
        "same of every picture: nothing in the pictures helps to tell the labels, or the rate does not suit",
        words=("--find-rate",),
    )


def of_the_answers(
    answers: np.ndarray, truth: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> Iterator[Diagnosis]:
    """Whether one class is the answer to everything.

    Args:
        answers, truth: int64 (n,), what was said of held-out pictures and what is right. labels: of those that train.
    """
    said, n = int(np.bincount(answers).argmax()), len(answers)
    share, own = float((answers == said).mean()), float((truth == said).mean())
    trained = float((labels == said).mean())
    if n >= ENOUGH and share >= ONE_ANSWER and trained >= FREQUENT and own < 0.5 + share / 2 - 0.01:
        yield Diagnosis(
            fault="one answer",
            sentence=f"{100 * share:.0f}% of {n:,} held-out pictures are called {names[said]!r}, the class of "
            f"{100 * trained:.0f}% of the training pictures: the others count for too little",
            cure={"train.sampling": "balanced"},
        )


def of_the_errors(train: float, train_chance: float, held_out: float, chance: float, n: int) -> Iterator[Diagnosis]:
    """Whether training pictures are known by heart and others not at all.

    Args:
        train, held_out: top-1 errors in percent. train_chance, chance: those of the best constant answer.
        n: held-out pictures.
    """
    margin = 200 * math.sqrt(max(1e-9, chance / 100 * (1 - chance / 100) / max(1, n)))  # two standard errors
    if n >= ENOUGH and train < 0.6 * train_chance and held_out >= chance - margin:
        yield Diagnosis(
            fault="memorizing",
            sentence=f"{train:.0f}% of the training pictures are still mistaken, and {held_out:.0f}% of {n:,} held-out "
            f"ones, no better than chance ({chance:.0f}%): what is learned by heart does not carry over; the labels "
            "are probably shuffled, or those of other pictures",
        )


def of_the_epochs(
    rows: Sequence[Mapping[str, Any]], train_chance: float, chance: float, held_out: int
) -> Iterator[Diagnosis]:
    """What the lines of the epochs tell: labels that mean nothing, or far too long a training.

    Args:
        rows: lines of kind "epoch". The rest is as in `of_the_errors`.
    """
    rows = [row for row in rows if "val_top1_error" in row]
    if len(rows) >= 3:
        best = min(row["val_top1_error"] for row in rows[-3:])
        found = list(of_the_errors(rows[-1]["train_top1_error"], train_chance, best, chance, held_out))
        yield from found
        if found:
            return
    losses = [row["val_loss"] for row in rows]
    if len(losses) < 6:
        return
    best = int(np.argmin(losses))
    worse = min(losses[-3:])
    if best < len(losses) - 5 and worse > 2 * losses[best] and rows[-1]["train_loss"] < 0.1 * worse:
        yield Diagnosis(
            fault="overfitting",
            sentence=f"the held-out loss was lowest in epoch {rows[best]['epoch']}, {losses[best]:.3g}, and is "
            f"{losses[-1]:.3g} now, while the training loss is {rows[-1]['train_loss']:.2g}",
            cure={"train.patience": 5},
        )
