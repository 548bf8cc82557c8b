"""What does a report say of one claim? What was claimed and published, what was measured, how, and how it settles."""

from __future__ import annotations

from collections.abc import Sequence

from alexnet.drawing.page import Page
from alexnet.study.claim import BASELINE, Claim
from alexnet.study.figures import Figure
from alexnet.study.markdown import MarkdownPage
from alexnet.study.measures import MEASURES
from alexnet.study.more_pictures import tell_law
from alexnet.study.numbers import (
    chance,
    changes_of,
    compared,
    effect_of,
    interval_of,
    least_of,
    mean_of,
    published_of,
    relative_of,
    runs_of,
    spread_of,
    value_of,
    verdict_of,
)
from alexnet.study.outcome import Outcome, Study, Values


def tell(page: Page | MarkdownPage, claim: Claim, outcome: Outcome, study: Study, figures: Sequence[Figure]) -> None:
    """Add a claim's section to a page.

    Args:
        figures: as `figures_of` gives them.
    """
    page.section(claim.name)
    page.paragraph(f"{claim.section[:1].upper()}{claim.section[1:]}: {claim.sentence}")
    page.tiles(_tiles(claim, outcome))
    page.paragraph(f"Not run on these pictures: {outcome.skipped}" if outcome.skipped else outcome.sentence)
    if claim.published.words:
        page.paragraph(f"Published: {claim.published.words}")
    if claim.published.log:
        page.paragraph(f"The released program's own log: {claim.published.log}")
    if claim.correction:
        page.paragraph(f"A correction of what is often taught: {claim.correction}")
    if outcome.skipped:
        return
    _measured(page, claim, outcome, study)
    tell_law(page, claim, outcome)
    for picture, alt, caption in figures:
        page.figure(picture, alt=alt, caption=caption)
    with page.details(f"{claim.name}: what each arm changes, and the runs"):
        changes = {arm.name: claim.declared(arm) for arm in claim.arms} | {BASELINE: dict(claim.base)}
        rows = [[arm.arm, changes_of(changes.get(arm.arm, {})), f"{arm.rate:g}"] for arm in outcome.arms]
        said = f"The baseline: beside the recipe {claim.recipe} at this scale; the others: beside the baseline."
        page.table(["arm", "changed fields", "rate"], rows, caption=said)
        page.code("\n".join(_keys(outcome, study)))


def _tiles(claim: Claim, outcome: Outcome) -> list[tuple[str, str, str]]:
    """The verdict, what was measured, what was published: the same three whatever came."""
    verdict = verdict_of(outcome)
    settles = [one.settles for one in outcome.comparisons if one.settles]
    note = f"what would settle it: {settles[0]}" if len(outcome.comparisons) == len(settles) == 1 else ""
    tiles = [(f"{verdict[:1].upper()}{verdict[1:]}", "verdict", note)]
    if len(outcome.comparisons) == 1:
        one = outcome.comparisons[0]
        tiles.append((mean_of(one), "measured", " ".join(filter(None, ["95% interval", interval_of(one)]))))
        if not interval_of(one):
            tiles[-1] = (mean_of(one), "measured", "one pair of runs has no interval" if one.n == 1 else "")
    elif outcome.comparisons:
        tiles.append((f"{len(outcome.comparisons)} effects", "measured", "in the table below"))
    published = published_of(claim) if claim.published.effect is not None else "No number"
    tiles.append((published, "published", claim.section))
    return tiles


def _measured(page: Page | MarkdownPage, claim: Claim, outcome: Outcome, study: Study) -> None:
    measure = MEASURES[claim.measure]
    arms = [[_label(arm, claim), *spread_of(arm), ", ".join(_values(arm))] for arm in outcome.arms]
    held_out = f"; {study.held_out}" if "held-out" in measure.words else ""
    caption = f"{measure.words[:1].upper()}{measure.words[1:]}{held_out}; {runs_of(outcome)}."
    page.table(["arm", "mean", "standard deviation", "n", f"seeds {_seeds(outcome, study)}"], arms, caption=caption)
    effects = [
        [compared(one), effect_of(one), relative_of(one), str(one.n), chance(one.p), chance(one.p_against), one.verdict]
        for one in outcome.comparisons
    ]
    header = ["arm", "effect", "relative", "n", "p for", "p against", "verdict"]
    if any(one.settles for one in outcome.comparisons):
        header.append("what would settle it")
        effects = [[*row, one.settles] for row, one in zip(effects, outcome.comparisons, strict=True)]
    caption = (
        "Effects beside the baseline or the arm named, paired by seed, with 95% intervals. An effect counts from "
        f"{least_of(claim)} on. p for: of the claim's direction; p against: of an effect that counts; both one-sided, "
        "after Holm's correction."
    )
    page.table(header, effects, caption=caption)
    for one in outcome.comparisons:
        if one.note:
            page.paragraph(f"{compared(one)}: {one.note.rstrip('.')}.")
    failed = [
        f"{arm.arm}, seed {seed}: {reason}"
        for arm in outcome.arms
        for seed, reason in zip(arm.seeds, arm.reasons, strict=True)
        if reason
    ]
    if failed:
        page.paragraph(f"Runs without a value: {'; '.join(failed)}.")


def _label(arm: Values, claim: Claim) -> str:
    return arm.arm if arm.measure == claim.measure else f"{arm.arm} ({MEASURES[arm.measure].words})"


def _values(arm: Values) -> list[str]:
    both = zip(arm.values, arm.bounds, strict=True)
    return [value_of(value, arm.measure, bound=bound).removesuffix("%") for value, bound in both]


def _seeds(outcome: Outcome, study: Study) -> str:
    seeds = outcome.arms[0].seeds if outcome.arms else study.seeds
    return ", ".join(str(seed) for seed in seeds)


def _keys(outcome: Outcome, study: Study) -> list[str]:
    wide = max((len(arm.arm) for arm in outcome.arms), default=0)
    return [
        f"{arm.arm:<{wide}}  seed {seed}  {key}"
        for arm in outcome.arms
        for seed, key in zip(arm.seeds, arm.keys, strict=True)
    ]
