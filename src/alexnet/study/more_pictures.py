"""How many more pictures would reach an error? The law of a claim on their number, drawn and in words."""

from __future__ import annotations

import statistics

import numpy as np

from alexnet.drawing.page import Page
from alexnet.drawing.scaling import Point, scaling
from alexnet.drawing.style import png
from alexnet.study.claim import Claim
from alexnet.study.markdown import MarkdownPage
from alexnet.study.measures import MEASURES
from alexnet.study.outcome import Outcome, Study
from alexnet.study.power_law import Law, fit, pictures_for

#: Shares of the baseline's mean error that are asked for.
GOALS = (0.9, 0.75, 0.5)


def errors_of(claim: Claim, outcome: Outcome) -> dict[int, tuple[float | None, ...]]:
    """Errors by seed for every number of training pictures, ascending; empty for a claim that does not vary them."""
    if MEASURES[claim.measure].unit != "points" or all(arm.share == 1 for arm in claim.arms):
        return {}
    shares = {arm.arm: claim.arm(arm.arm).share for arm in outcome.arms}
    found = {max(1, round(outcome.pictures * shares[arm.arm])): arm.values for arm in outcome.arms}
    return dict(sorted(found.items()))


def law_of(claim: Claim, outcome: Outcome) -> Law | None:
    """The fitted law; None for a claim that does not vary the pictures, or whose runs allow none."""
    errors = errors_of(claim, outcome)
    try:
        return fit(errors) if errors else None
    except ValueError:  # too many runs failed: the table of values says which
        return None


def drawn(claim: Claim, outcome: Outcome, study: Study) -> tuple[bytes, str, str] | None:
    """The figure, in words, and its caption; None where there is no law."""
    law = law_of(claim, outcome)
    if law is None:
        return None
    errors = errors_of(claim, outcome)
    points: list[Point] = []
    for size in np.geomspace(law.sizes[0] / 1.2, law.sizes[-1] * 4, 60).tolist():
        error, band = law.at(size)
        points.append((size, error, band.low if band else None, band.high if band else None))
    caption = f"The law beyond {law.sizes[-1]:,} pictures is dashed: nobody has measured there."
    if _flat(law):
        points.clear()
        caption = "Without a law: it cannot be told that the error falls with more pictures."
    picture = scaling(
        list(errors),
        [[value for value in values if value is not None] for values in errors.values()],
        law=points,
        said=formula(law),
        title=f"{claim.name}: error by number of training pictures",
        note=f"{study.data}, {study.held_out}; the same number of steps for all",
    )
    return png(picture), f"{MEASURES[claim.measure].words} by number of training pictures", caption


def _flat(law: Law) -> bool:
    """Whether nothing is known to fall. Of a single seed that cannot be asked."""
    return not law.falls and law.seeds > 1


def formula(law: Law) -> str:
    """ "error = 260% × n^−0.27 + 3.1%"."""
    floor = f" + {law.floor:.3g}%" if law.floor else ""
    return f"error = {law.scale:.3g}% × n^−{law.exponent:.3g}{floor}".replace("−-", "")


def tell_law(page: Page | MarkdownPage, claim: Claim, outcome: Outcome) -> None:
    """Add the law, and how many pictures would reach lower errors; nothing where there is no law."""
    law = law_of(claim, outcome)
    if law is None:
        return
    if _flat(law):
        page.paragraph("It cannot be told that the error falls with more pictures, so no law is fitted to it.")
        return
    exponent = law.exponent_interval
    between = f" [{exponent.low:.3g}, {exponent.high:.3g}]" if exponent else ""
    page.paragraph(
        f"Fitted over {law.seeds} seed{'s' if law.seeds != 1 else ''}: {formula(law)}, n being the training pictures, "
        f"exponent {law.exponent:.3g}{between}. The farthest mean error lies {law.misfit:.1f}% of itself from it."
    )
    base = [value for value in outcome.arms[0].values if value is not None]
    best = statistics.mean(base)
    rows = []
    for share in GOALS:
        wanted = pictures_for(law, round(share * best, 1))
        rows.append(
            [
                f"{wanted.error:g}%",
                "never" if wanted.pictures is None else _pictures(wanted.pictures),
                "" if wanted.low is None else f"[{_pictures(wanted.low)}, {_pictures(wanted.high)}]",
                "; ".join(wanted.notes),
            ]
        )
    caption = (
        f"How many training pictures would reach an error, if the law went on; now {best:.1f}% with {law.sizes[-1]:,}."
    )
    page.table(["error", "pictures in all", "95% interval", "reservations"], rows, caption=caption)


def _pictures(number: float | None) -> str:
    """To two digits: more would be pretence."""
    if number is None:
        return "no end"
    return f"{float(f'{number:.2g}'):,.0f}"
