"""What is wrong with the pictures? What their labels, pixels and contents tell before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq

from alexnet.config import Config
from alexnet.data.prepared import PreparedSet
from alexnet.training.doctor.diagnosis import Diagnosis

#: Share of the held-out pictures that also train, from which on the measurement is no measurement.
LEAK = 0.01
#: Grey levels, of 255, within which pixels or pictures must differ at least.
LEVELS = 2.0


def chance_loss(config: Config, labels: np.ndarray, classes: int) -> float:
    """The loss of the best constant answer, nats: the entropy of the targets; ln(classes) where all are as frequent.

    Args:
        labels: int64 (n,), of the pictures that train.
    """
    shares = np.bincount(labels, minlength=classes) / max(1, len(labels))
    if config.train.class_weights == "balanced" or config.train.sampling == "balanced":
        shares = (shares > 0) / max(1, (shares > 0).sum())
    shares = (1 - config.train.label_smoothing) * shares + config.train.label_smoothing / classes
    return float(-(shares[shares > 0] * np.log(shares[shares > 0])).sum())


def largest_share(labels: np.ndarray) -> float:
    """The share of the most frequent label."""
    return float(np.bincount(labels).max() / len(labels))


def examine_pictures(config: Config, prepared: PreparedSet, rows: np.ndarray) -> Iterator[Diagnosis]:
    """Diagnoses of the pictures that train (`rows` of the set), and of those that are held out."""
    labels = prepared.labels[rows]
    if len(prepared.classes) > 1 and largest_share(labels) == 1:
        yield Diagnosis(
            fault="one label",
            sentence=f"all {len(rows):,} training pictures carry the label {prepared.classes[labels[0]]!r}, although "
            f"there are {len(prepared.classes)} classes: there is nothing to tell apart",
        )
    yield from _empty(config, prepared)
    yield from _leak(prepared, rows)


def _empty(config: Config, prepared: PreparedSet) -> Iterator[Diagnosis]:
    found = prepared.statistics(config.data.all_of_train)
    pixels = float(np.max(found.channel_deviation))
    if pixels < LEVELS:
        yield Diagnosis(
            fault="empty pictures",
            sentence=f"the pixels of the training pictures differ by {pixels:.2g} grey levels of 255 (one standard "
            "deviation): they were probably written from values between 0 and 1; write them times 255",
        )
        return
    # What is left of the pixels' variance when the mean image is taken out: 0 where every picture is the same.
    mean_square = float(np.mean(found.channel_deviation**2 + found.channel_mean**2))
    between = math.sqrt(max(0.0, mean_square - float(np.mean(found.mean_image.astype(np.float64) ** 2))))
    if between < LEVELS:
        yield Diagnosis(
            fault="empty pictures",
            sentence=f"the training pictures differ from their mean by {between:.2g} grey levels of 255: they are all "
            "the same picture",
        )


def _leak(prepared: PreparedSet, rows: np.ndarray) -> Iterator[Diagnosis]:
    split = prepared.evaluated[0]
    held_out = prepared.rows(split)
    if not len(held_out):
        return
    column = pq.read_table(prepared.path / "manifest.parquet", columns=["sha256"])["sha256"].to_pylist()
    training = {column[row] for row in rows}
    both = sum(column[row] in training for row in held_out)
    if len(held_out) and both >= LEAK * len(held_out):
        yield Diagnosis(
            fault="leak",
            sentence=f"{both:,} of the {len(held_out):,} pictures that are measured ({split}) are also trained on, "
            "byte for byte: the error that will be measured is too good to be true",
        )
