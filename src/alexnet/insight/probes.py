"""Is it still the same to the network when a picture is shifted, mirrored, scaled, recoloured, or partly hidden?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from alexnet import draws
from alexnet.drawing import probes as drawn
from alexnet.insight.changes import About, central, probes
from alexnet.insight.features import last_hidden
from alexnet.insight.held_out import held_out
from alexnet.insight.panel import Panel
from alexnet.insight.robustness import Robustness, measure, seen
from alexnet.insight.sensitivity import occlusion, shifts, telling
from alexnet.model.summary import summarize
from alexnet.training.run import Run

#: Multiplications that all levels of all probes may take together, and the fewest and most pictures that are probed.
WORK, FEWEST, MOST = 700_000_000_000, 48, 1000
#: Pictures over which the square is slid.
SLID = 4


def panels(run: Run, *, device: str = "cpu", limit: int | None = None) -> Iterator[Panel]:
    """What is done to pictures, the accuracy and the drift under it, and which parts and places a few pictures need.

    Args:
        limit: pictures that are changed, drawn by the run's seed; None: as many as a small network can see in seconds.

    Raises:
        ValueError: the run's pictures are not at hand.
    """
    pictures = held_out(run, limit=limit or affordable(run))
    rows, prepared, augment = pictures.rows, pictures.prepared, run.config.augment
    about = About(
        crop=run.preprocess.crop,
        keys=draws.keys(run.config.train.seed, 1, torch.from_numpy(rows)),
        statistics=prepared.statistics(run.config.data.all_of_train),
        convention=augment.colour if augment.colour != "none" else "paper",
        sigma=augment.colour_sigma or 0.1,
    )
    squares, labels = prepared.gather(rows), prepared.labels[rows]
    found = measure(run, squares, labels, about, device)
    numbers = {"split": pictures.split, "protocol": "centre", "note": pictures.note} | found.to_dict()
    shown = telling(found.probabilities, labels, SLID)
    yield _changes(squares[shown[0]], replace(about, keys=about.keys[shown[0] : shown[0] + 1]))
    yield _accuracy(found, str(pictures), len(run.classes), numbers)
    yield _drift(found, str(pictures), numbers)
    yield _sensitivity(run, squares[shown], labels[shown], rows[shown], device)


def affordable(run: Run) -> int:
    """How many pictures are changed where nobody says: so many that all levels together take a fixed amount of work.

    It depends on the network and not on the machine's speed, so that the same run gives the same figures everywhere.
    """
    crop = run.preprocess.crop
    macs = summarize(run.network.table, len(run.classes), size=crop).macs
    levels = sum(len(probe.levels) - 1 for probe in probes(crop))  # the unchanged pictures are seen once
    return int(np.clip(WORK // max(1, macs * levels), FEWEST, MOST))


def _changes(square: np.ndarray, about: About) -> Panel:
    picture = torch.from_numpy(square)[None]
    rows: list[drawn.Row] = []
    for probe in probes(about.crop):
        pieces = torch.cat([probe.change(picture, level, about) for level in probe.levels])
        shades = pieces.round().clamp(0, 255).to(torch.uint8).numpy()
        labels = [probe.label(place) for place in range(len(shades))]
        rows.append(drawn.Row(title=probe.title, axis=probe.axis, labels=labels, pictures=shades))
    return Panel(
        name="probes_changes",
        title="What is done to the pictures",
        figure=drawn.changes(rows, title="One held-out picture at every level of every change"),
        caption="Each row changes the same picture, as the two figures that follow do with many. The better you still "
        "know what it is, the less the network has an excuse.",
        numbers={row.title: list(row.labels) for row in rows},
    )


def _charts(found: Robustness, name: str) -> list[drawn.Chart]:
    charts: list[drawn.Chart] = []
    for probe, levels in zip(found.probes, found.levels, strict=True):
        values = [getattr(level, name) for level in levels]
        charts.append(
            drawn.Chart(
                title=probe.title,
                axis=probe.axis,
                labels=[level.label for level in levels],
                intervals=[(one.value, one.low, one.high) for one in values],
                neutral=probe.levels.index(probe.neutral),
                ordered=not probe.labels,
            )
        )
    return charts


def _accuracy(found: Robustness, where: str, classes: int, numbers: dict[str, Any]) -> Panel:
    figure = drawn.levels(
        _charts(found, "accuracy"),
        title="How many it still names right",
        note=where,
        percent=True,
        lines=[("guessing", 100 / classes)],
    )
    return Panel(
        name="probes_accuracy",
        title="How many it still names right",
        figure=figure,
        caption="The share of held-out pictures that are named right after each change; the ring marks the unchanged "
        "pictures. A flat line means that the change does not matter to the network; where it falls to the dotted "
        "line, guessing would do as well.",
        numbers=numbers,
    )


def _drift(found: Robustness, where: str, numbers: dict[str, Any]) -> Panel:
    lines = [("two of one class", found.same), ("two of different classes", found.other)]
    figure = drawn.levels(
        _charts(found, "drift"),
        title=f"How far its features move ({found.layer})",
        note=f"mean cosine distance from the unchanged picture; {where}",
        percent=False,
        lines=[(said, value) for said, value in lines if np.isfinite(value)],
    )
    return Panel(
        name="probes_drift",
        title="How far its features move",
        figure=figure,
        caption=f"What {found.layer}, the last hidden layer, computes of the changed picture against what it computes "
        "of the unchanged one: 0 is the same direction, 1 nothing in common. The dotted lines are the mean distances "
        "of two different pictures: a change that reaches them has made another picture of it, to this network.",
        numbers=numbers,
    )


def _sensitivity(run: Run, squares: np.ndarray, labels: np.ndarray, rows: np.ndarray, device: str) -> Panel:
    crop, layer = run.preprocess.crop, last_hidden(run.network)
    grey = float(run.preprocess.mean.mean())
    strips: list[drawn.Strip] = []
    numbers: list[dict[str, Any]] = []
    for square, label, row in zip(squares, labels.tolist(), rows.tolist(), strict=True):
        stored = torch.from_numpy(square).to(device)
        picture = central(stored[None], crop)[0]

        def see(pieces: torch.Tensor) -> np.ndarray:
            return seen(run, pieces, layer, device)[0]

        hidden, moved = occlusion(see, picture, label, grey), shifts(see, stored, label, crop)
        whole = float(see(picture[None])[0, label])
        strips.append(
            drawn.Strip(
                title=run.classes[label],
                picture=picture.to(torch.uint8).cpu().numpy(),
                whole=whole,
                hidden=hidden.probabilities,
                box=hidden.worst,
                moved=moved.probabilities,
                step=moved.step,
                stride=hidden.stride,
            )
        )
        numbers.append(
            {
                "row": row,
                "class": run.classes[label],
                "probability": whole,
                "occluded": hidden.probabilities.tolist(),
                "square": hidden.side,
                "stride": hidden.stride,
                "worst_box": list(hidden.worst),
                "shifted": moved.probabilities.tolist(),
                "step": moved.step,
            }
        )
    return Panel(
        name="probes_places",
        title="Which part it needs, and where",
        figure=drawn.places(strips, title="Which part it needs, and where"),
        caption="In the middle, a grey square a fifth as wide as the picture was slid over it: each point has the "
        "colour of the true class's probability when the square's centre lay there, so that dark points are the parts "
        "it needs; the frame on the picture is where the square hurts most. On the right the whole picture was "
        "moved instead, and an even colour means that its place does not matter.",
        numbers={"pictures": numbers, "grey": grey},
    )
