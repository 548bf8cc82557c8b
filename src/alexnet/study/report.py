"""What does a person read of a study? One page in HTML and in Markdown, and all its numbers as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet.drawing.page import Page
from alexnet.drawing.study import Effect, forest
from alexnet.drawing.style import png
from alexnet.study.account import tell
from alexnet.study.claim import Claim
from alexnet.study.figures import Curves, Figure, figures_of
from alexnet.study.markdown import MarkdownPage
from alexnet.study.numbers import (
    compared,
    counted,
    interval,
    interval_of,
    seeds_of,
    short,
    signed,
    too_small,
    verdict_of,
)
from alexnet.study.outcome import Comparison, Outcome, Study
from alexnet.study.ranked import Ranking, name_of, rankings
from alexnet.training.forecast import words as duration

#: The heading of the last section. What stands below it may differ between equal studies; what stands above may not.
COST = "Cost"

#: The rule in a few words; docs/verdicts.md has it in full.
RULE = (
    "Every arm is trained with the same seeds as what it is compared with: the same pictures, order and draws. A claim "
    "is not supported if an effect as large as counts is ruled out; else supported if its effect is told from none, in "
    "the claimed direction; and inconclusive if neither can be said at this size. Both are one-sided tests at 5%, "
    "corrected after Holm for all comparisons of the command. A claim that two things are equal is supported if the "
    "effect is told to be smaller than counts. Intervals are of one effect alone, and not corrected."
)


#: Quantities in points that are not the error on the held-out pictures.
_OF = {
    "gap": "the gap between test and training error",
    "train_error": "training error",
    "early_error": "training error in the first fifth of the epochs",
}


def write_report(study: Study, claims: Mapping[str, Claim], folder: Path, name: str, curves: Curves) -> None:
    """Write NAME.html, which works offline, NAME.md and NAME.json into the folder.

    Args:
        claims: by name; all that the study has outcomes of.
        curves: rows of the kind "epoch" of runs' metrics.jsonl, by key; runs without any are passed over.

    Equal studies, claims and curves give equal bytes; of studies that differ in cost alone, all above the last section.
    """
    folder.mkdir(parents=True, exist_ok=True)
    figures = {one.claim: figures_of(claims[one.claim], one, study, curves) for one in study.outcomes}
    drawn = forest_of(study, claims)
    lead = lead_of(study)
    title = f"Which claims hold on {study.data}?"
    for page in (Page(title, lead), MarkdownPage(title, lead)):
        _tell(page, study, claims, drawn, figures)
        page.write(folder / f"{name}.{'html' if isinstance(page, Page) else 'md'}")
    (folder / f"{name}.json").write_text(json.dumps(study.to_dict(), indent=1) + "\n", encoding="utf-8")


def lead_of(study: Study) -> str:
    """How many claims, on what, and how they came out, in two sentences."""
    n = len(study.outcomes)
    counts = ", ".join(f"{count} {verdict}" for verdict, count in counted(study.outcomes).items() if count)
    return (
        f"{n} claim{'s' if n != 1 else ''} on {study.data} ({study.held_out}), {study.scale} scale, "
        f"{seeds_of(study)}: {counts or 'nothing was run'}."
    )


def _tell(
    page: Page | MarkdownPage,
    study: Study,
    claims: Mapping[str, Claim],
    drawn: Figure | None,
    figures: Mapping[str, Sequence[Figure]],
) -> None:
    page.section("Summary")
    page.tiles([(str(count), verdict, "") for verdict, count in counted(study.outcomes).items() if count])
    page.code(study.command)
    page.table(HEADER, summary_rows(study, claims), caption=CAPTION.format(study.held_out))
    if drawn is not None:
        picture, alt, caption = drawn
        page.figure(picture, alt=alt, caption=caption)
    page.paragraph(RULE)
    page.paragraph(f"The pictures' fingerprint: {study.fingerprint}")
    _rank(page, rankings(study, claims))
    for outcome in study.outcomes:
        tell(page, claims[outcome.claim], outcome, study, figures[outcome.claim])
    _cost(page, study)
    page.footer("Made by `alexnet reproduce`; a run with a key that is there already is never made again.")


#: Of `summary_rows`; the split is filled in.
CAPTION = "Each arm beside the baseline or the one named: points of error, or × as many epochs. Errors are of {}."
HEADER = ["claim", "arm", "published", "measured", "95% interval", "verdict"]


def summary_rows(study: Study, claims: Mapping[str, Claim]) -> list[list[str]]:
    """A row a comparison; a claim of several begins with a row of its own, which has its verdict."""
    rows = []
    for outcome in study.outcomes:
        claim = claims[outcome.claim]
        published = short(claim.published.effect, claim.unit)
        several = len(outcome.comparisons) != 1
        if several:
            what = "" if outcome.skipped else f"all {len(outcome.comparisons)}"
            rows.append([claim.name, what, published, "", "", verdict_of(outcome)])
        for one in outcome.comparisons:
            first = ["", compared(one), ""] if several else [claim.name, compared(one), published]
            rows.append([*first, short(one.mean, one.unit), interval_of(one), one.verdict])
    return rows


def forest_of(study: Study, claims: Mapping[str, Claim]) -> Figure | None:
    """All effects of a study in one figure; None where there are none."""
    rows = [(claims[outcome.claim], outcome, one) for outcome in study.outcomes for one in outcome.comparisons]
    if not rows:
        return None
    effects = [_effect(claim, outcome, one) for claim, outcome, one in rows]
    note = f"{study.held_out}; {study.scale} scale, {seeds_of(study)}; 95% intervals"
    picture = forest(effects, title=f"Effects on {study.data}", note=note)
    said = "Arm less what it is compared with: to the right, the arm makes more errors or takes longer."
    return png(picture), f"{len(effects)} effects with their 95% intervals; the table has their numbers", said


def _effect(claim: Claim, outcome: Outcome, one: Comparison) -> Effect:
    return Effect(
        name=name_of(outcome, one),
        unit=one.unit,
        of=_OF.get(claim.measure, "error") if one.unit == "points" else "epochs",
        mean=one.mean,
        low=one.low,
        high=one.high,
        published=claim.published.effect,
        verdict=one.verdict,
        too_small=too_small(claim.expects, claim.least, one.unit),
    )


def _rank(page: Page | MarkdownPage, found: Sequence[Ranking]) -> None:
    """Which change matters most, where several were compared with one baseline."""
    if not found:
        return
    page.section("What matters most")
    page.paragraph(
        "Changes that were compared with the same runs, sorted by what they do to the error: the first of a table adds "
        "most errors, or takes fewest away. Neighbours are told apart by their differences seed by seed, corrected for "
        "the number of neighbours; with many places the first is more likely lucky than its interval says."
    )
    for one in found:
        rows = [
            [row.name, signed(row.mean), interval(row.low, row.high, "points"), "not told apart" if row.alike else ""]
            for row in one.rows
        ]
        page.table(["change", "points", "95% interval", "from the next"], rows, caption=one.caption)
        page.paragraph(one.sentence)


def _cost(page: Page | MarkdownPage, study: Study) -> None:
    page.section(COST)
    rows = [[name.removesuffix("_seconds").replace("_", " "), _said(name, value)] for name, value in study.cost.items()]
    page.table(["what", "how much"], rows, caption="Times are of training, run after run.")
    arms = [
        [outcome.claim, arm.arm, str(len(arm.seeds)), duration(arm.seconds)]
        for outcome in study.outcomes
        for arm in outcome.arms
    ]
    if arms:
        with page.details("Training time, arm by arm"):
            said = "Over all seeds; runs that several claims share are counted in each."
            page.table(["claim", "arm", "seeds", "training"], arms, caption=said)


def _said(name: str, value: Any) -> str:
    if name.endswith("seconds"):
        return duration(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
