"""What does it say of pictures it never saw? Eight of them as in figure 4, its best, its worst, what it mixes up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from alexnet import draws
from alexnet.drawing import figures
from alexnet.insight.held_out import central
from alexnet.insight.judged import Judged, judge, with_own
from alexnet.insight.panel import Panel
from alexnet.training.run import Run

#: Pictures in a figure, as in the paper's.
SHOWN = 8

#: Title and caption.
_SUREST = {
    "best": (
        "What it is surest of, and right",
        "The pictures that it named right with the highest probability: what it takes for typical.",
    ),
    "worst": (
        "What it is surest of, and wrong",
        "The pictures that it named wrong with the highest probability. Look for pictures that carry a wrong label, "
        "show two things at once, or look like another class to you too.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Confused:
    """The most frequent mistake."""

    true: str
    predicted: str
    n: int
    """How often."""
    of: int
    """Pictures of the true class."""
    places: tuple[int, ...]
    """Which of the judged pictures, the surest first."""


def best(judged: Judged) -> np.ndarray:
    """Places of the pictures it was surest of among those it named right, int64, at most eight."""
    right = np.flatnonzero(~judged.wrong)
    return right[np.argsort(-judged.sure[right], kind="stable")][:SHOWN]


def worst(judged: Judged) -> np.ndarray:
    """Places of the pictures it was surest of among those it named wrong."""
    wrong = np.flatnonzero(judged.wrong)
    return wrong[np.argsort(-judged.sure[wrong], kind="stable")][:SHOWN]


def costliest(judged: Judged) -> np.ndarray:
    """Places of the pictures with the highest losses: those whose true class it thought least of."""
    known = np.flatnonzero(~np.isnan(judged.own))
    return known[np.argsort(judged.own[known], kind="stable")][:SHOWN]


def most_confused(judged: Judged) -> Confused | None:
    """The class that was most often taken for another one; of equals the larger share. None where all is right."""
    wrong = np.flatnonzero(judged.wrong)
    pairs = Counter((judged.true[i], judged.top[i][0][0]) for i in wrong)
    if not pairs:
        return None
    totals = Counter(judged.true)
    true, predicted = min(pairs, key=lambda pair: (-pairs[pair], -pairs[pair] / totals[pair[0]], pair))
    places = [i for i in wrong if (judged.true[i], judged.top[i][0][0]) == (true, predicted)]
    surest = sorted(places, key=lambda i: -judged.sure[i])
    found = pairs[true, predicted]
    return Confused(true=true, predicted=predicted, n=found, of=totals[true], places=tuple(map(int, surest)))


def draw_judged(run: Run, judged: Judged, places: np.ndarray, *, title: str) -> Figure:
    """Some judged pictures with the true class over each and five bars under it."""
    return figures.panels(
        central(run, judged.squares(places)),
        [judged.true[i] for i in places],
        [judged.top[i] for i in places],
        title=title,
        note=str(judged.pictures),
    )


def panels(run: Run, *, device: str = "cpu", limit: int = 2000) -> Iterator[Panel]:
    """Eight pictures drawn at random, the best, and, as far as it made mistakes, the worst and the most confused pair;
    then the highest losses.

    Args:
        limit: pictures that are computed at most where the run's own table does not tell.

    Raises:
        ValueError: the run's pictures are not at hand.
    """
    judged = with_own(run, judge(run, device=device, limit=limit), device=device, limit=limit)
    some = draws.order(run.config.train.seed, 0, len(judged), "figure 4").numpy()[:SHOWN]
    yield _panel(
        run,
        judged,
        some,
        "predictions",
        "Eight pictures it never trained on" if judged.pictures.note != "also trained on" else "Eight pictures",
        "Over each picture stands its true class, under it the five that the network finds most probable. The true one "
        "is orange and ticked; where it is missing, it is not among the five. The pictures were drawn at random, so "
        "this is what it usually does.",
    )
    for name, places in (("best", best(judged)), ("worst", worst(judged))):
        if len(places):
            yield _panel(run, judged, places, f"predictions_{name}", *_SUREST[name])
    confused = most_confused(judged)
    if confused is not None:
        yield _panel(
            run,
            judged,
            np.array(confused.places[:SHOWN]),
            "predictions_confused",
            f"Its most frequent mistake: {confused.true} taken for {confused.predicted}",
            f"{confused.n:,} of the {confused.of:,} pictures of {confused.true} were taken for {confused.predicted}: "
            "its most frequent mistake. The surest come first.",
            confused={"true": confused.true, "predicted": confused.predicted, "n": confused.n, "of": confused.of},
        )
    yield _panel(
        run,
        judged,
        costliest(judged),
        "predictions_losses",
        "The highest losses",
        "The pictures whose true class it thought least of. A wrong label shows up here first.",
    )


def _panel(run: Run, judged: Judged, places: np.ndarray, name: str, title: str, caption: str, **more: object) -> Panel:
    shown = [
        {"path": judged.path(i), "true": judged.true[i], "top": [list(one) for one in judged.top[i]]}
        | ({} if np.isnan(judged.own[i]) else {"probability_of_true": float(judged.own[i])})
        for i in places.tolist()
    ]
    pictures = judged.pictures
    numbers = {"split": pictures.split, "protocol": "centre", "n": len(judged), "note": pictures.note, "shown": shown}
    figure = draw_judged(run, judged, places, title=title)
    return Panel(name=name, title=title, figure=figure, caption=caption, numbers=numbers | more)
