"""Which training pictures does the network find most like this one? Figure 4 of the paper, right, for any run.

The paper compares what the last hidden layer computes, by Euclidean distance: pictures near to each other there need
not be so pixel by pixel (section 6.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet import device as machines
from alexnet import draws
from alexnet.drawing.neighbours import neighbours as draw
from alexnet.insight.features import last_hidden
from alexnet.insight.held_out import held_out
from alexnet.insight.index import Index, of_rows, of_training
from alexnet.insight.panel import Panel
from alexnet.insight.search import CALLED, Metric, Nearest, nearest
from alexnet.scoring.resample import between, picks
from alexnet.scoring.tally import Interval
from alexnet.training.run import Run

#: Pictures asked about in the figure, and those found for each; the paper shows five with six each.
ASKED, FOUND = 6, 6


@dataclass(frozen=True, kw_only=True, eq=False)
class Agreement:
    """How many of the nearest pictures are of the same class as the picture asked about."""

    share: Interval
    """From 0 to 1, with the 95% interval of a bootstrap over the pictures asked about."""
    chance: float
    """What it would be if the found pictures were drawn at random."""
    n: int
    """Pictures asked about."""
    number: int
    """Pictures found for each."""

    def to_dict(self) -> dict[str, Any]:
        return {"share": self.share.to_dict(), "chance": self.chance, "n": self.n, "number": self.number}


def agreement(labels: np.ndarray, among: np.ndarray, rows: np.ndarray) -> Agreement:
    """How often classes agree.

    Args:
        labels: int64 (Q,) of the pictures asked about. among: int64 (N,) of those searched.
        rows: int64 (Q, k), the rows found for each.
    """
    assert len(labels) == len(rows) > 0
    each = (among[rows] == labels[:, None]).mean(axis=1)
    kinds, counts = np.unique(among, return_counts=True)
    sizes = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
    chance = sum(sizes.get(label, 0) for label in labels.tolist()) / (len(labels) * len(among))
    return Agreement(share=mean_of(each), chance=chance, n=len(labels), number=rows.shape[1])


def mean_of(each: np.ndarray) -> Interval:
    """The mean of a number for each picture, with the 95% interval of a bootstrap over the pictures."""
    value = float(each.mean())
    return between(value, np.concatenate([each[drawn].mean(axis=1) for drawn in picks(len(each))]))


def spread_out(labels: np.ndarray, number: int, seed: int) -> np.ndarray:
    """Places of so many pictures, int64, of as many classes as there are, which lie evenly among the classes.

    Of each class the one that is first in the order drawn for `seed`; equal seeds choose equal pictures.
    """
    order = draws.order(seed, 0, len(labels), "shown").numpy()
    kinds = np.unique(labels)
    if len(kinds) > number:
        kinds = kinds[np.linspace(0, len(kinds) - 1, number).round().astype(np.int64)]
    by_class = [order[labels[order] == kind] for kind in kinds]
    turns = [(turn, place, one) for place, group in enumerate(by_class) for turn, one in enumerate(group[:number])]
    chosen = sorted(turns)[:number]
    return np.array([one for _, _, one in sorted(chosen, key=lambda row: (row[1], row[0]))], dtype=np.int64)


def panels(run: Run, *, device: str = "cpu", limit: int = 1000, metric: Metric = "euclidean") -> Iterator[Panel]:
    """Six held-out pictures with their nearest training pictures, and how often classes agree over `limit` pictures.

    Raises ValueError where the run's pictures are gone, or it is nothing but its weights.
    """
    machine = machines.choose(device)
    layer = last_hidden(run.network)
    pictures = held_out(run, limit=limit)
    prepared, rows, split = pictures.prepared, pictures.rows, pictures.split
    index = of_training(run, layer, machine)
    asked = of_rows(run, prepared, rows, layer, machine)
    found = nearest(asked.values, index.values, FOUND, metric=metric)
    labels = prepared.labels[rows]
    agreed = agreement(labels, _labels(index, prepared.classes), found.rows)
    shown = spread_out(labels, ASKED, run.config.train.seed)
    share, chance = agreed.share, 100 * agreed.chance
    sentence = (
        f"Over {pictures}, {100 * share.value:.1f}% [{100 * share.low:.1f}, {100 * share.high:.1f}] of the "
        f"{agreed.number} nearest are of the same class; chance would give {chance:.1f}%."
    )
    yield Panel(
        name="neighbours",
        title="What the network finds alike",
        figure=_figure(asked, index, found, shown, metric),
        caption=(
            f"Left, held-out pictures; right of each, the {agreed.number} training pictures whose values in {layer}, "
            "which the last layer reads, lie nearest to its own, with the distance. Pictures that are alike to the "
            "network need not be so pixel by pixel: look for other poses, colours and backgrounds of the same thing. "
            f"A frame and a tick mark the same class. {sentence}"
        ),
        numbers={
            "layer": layer,
            "metric": metric,
            "split": split,
            "n": agreed.n,
            "protocol": "centre",
            "among": len(index),
            "same_class": agreed.to_dict(),
            "shown": [
                {
                    "path": asked.paths[place],
                    "label": asked.labels[place],
                    "neighbours": [
                        {"path": index.paths[row], "label": index.labels[row], "distance": float(distance)}
                        for row, distance in zip(found.rows[place], found.distances[place], strict=True)
                    ],
                }
                for place in shown.tolist()
            ],
        },
    )


def _labels(index: Index, classes: tuple[str, ...]) -> np.ndarray:
    numbers = {name: number for number, name in enumerate(classes)}
    return np.array([numbers[name] for name in index.labels], dtype=np.int64)


def _figure(asked: Index, index: Index, found: Nearest, shown: np.ndarray, metric: Metric) -> Any:
    return draw(
        np.stack([asked.square(place) for place in shown.tolist()]),
        [asked.labels[place] for place in shown.tolist()],
        [np.stack([index.square(row) for row in found.rows[place].tolist()]) for place in shown.tolist()],
        [[index.labels[row] for row in found.rows[place].tolist()] for place in shown.tolist()],
        found.distances[shown].tolist(),
        title="What the network finds alike",
        note=f"held-out pictures, and the nearest of {index.name}; under each its {CALLED[metric]} in {index.layer}",
    )
