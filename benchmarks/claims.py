"""Which claims about AlexNet hold on real pictures? The page of all claims, and of the studies that were kept.

    alexnet reproduce NAME ... --data PICTURES --seeds 3 --out STUDY
    python benchmarks/claims.py STUDY/NAME.json [AS]    keeps a study, draws its effects, writes the page
    python benchmarks/claims.py --page                  writes docs/claims.md from the claims and the kept studies alone

Studies are kept as benchmarks/results/claims/AS.json; AS is NAME if it is not given.
Negative and inconclusive results stay on the page like all others.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alexnet.study.claim import Claim
from alexnet.study.claims import CLAIMS, GROUPS
from alexnet.study.markdown import MarkdownPage, text
from alexnet.study.measures import MEASURES
from alexnet.study.numbers import (
    changes_of,
    compared,
    effect_of,
    least_of,
    published_of,
    relative_of,
    seeds_of,
    spread_of,
)
from alexnet.study.outcome import Comparison, Outcome, Study, Values
from alexnet.study.ranked import rankings
from alexnet.study.report import CAPTION, HEADER, forest_of, lead_of, summary_rows
from alexnet.training.forecast import words as duration

RESULTS = Path(__file__).parent / "results" / "claims"
PAGE = Path(__file__).parent.parent / "docs" / "claims.md"
PICTURES = PAGE.parent / "pictures"

INTRODUCTION = """\
A claim is a sentence of the paper, or of a course on it, that can turn out wrong: "overlapping pooling lowers the
error". Here every claim is a piece of data: where it is said, which network it is said of, which settings are changed,
what is measured, and what was published. One command tries it on any pictures:

    alexnet reproduce overlapping-pooling --data photos --seeds 5

It trains the network as it is (the *baseline*) and with the change (an *arm*), each with seeds 0 to 4. Runs of one seed
see the same pictures in the same order and start alike, so that the change is all that differs, and their difference
is one measurement of its effect. Five seeds give five; their mean is the effect, and the 95% interval says how well it
is known. Effects are arm less baseline: without overlap there are *more* errors if the claim is right. The verdict
follows a rule that was fixed beforehand:

- **supported**: there is an effect in the claimed direction, and it may be as large as counts;
- **not supported**: an effect as large as counts is ruled out. How much counts stands with every claim; where a number
  was published it is about half of it;
- **inconclusive**: neither can be said at this size. Then it says how many seeds or epochs would settle it.

None of them is better than another, and none is left out here. The rule, its error rates, and why small effects need
many seeds: [how verdicts are reached](verdicts.md). `alexnet reproduce` lists the claims, `alexnet reproduce all --data
photos` tries the whole paper, and `alexnet reproduce --published` prints the paper's own tables. A study with small
networks on small pictures says what is so for them: it can disagree with a paper on 1.2 million pictures without either
being wrong.

A *correction* is of what notes on the paper often get wrong; all of them: [corrections](corrections.md). *Log* is
what the notes in the released program's own files say of the network with that number, errors top-1/top-5 in percent.
"""


def studies() -> list[Study]:
    """The kept studies, by name."""
    return [study_of(json.loads(path.read_text())) for path in sorted(RESULTS.glob("*.json"))]


def study_of(found: Mapping[str, Any]) -> Study:
    """A study from its JSON."""
    outcomes = tuple(
        Outcome(
            **one
            | {
                "comparisons": tuple(Comparison(**_tuples(pair)) for pair in one["comparisons"]),
                "arms": tuple(Values(**_tuples(arm)) for arm in one["arms"]),
            }
        )
        for one in found["outcomes"]
    )
    return Study(**_tuples(found) | {"outcomes": outcomes})


def _tuples(found: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, and the lists in them."""

    def frozen(value: Any) -> Any:
        return tuple(map(frozen, value)) if isinstance(value, list) else value

    return {name: frozen(value) for name, value in found.items()}


def page(kept: Sequence[Study]) -> str:
    """docs/claims.md."""
    made = MarkdownPage("Claims, tried on pictures")
    made.raw(INTRODUCTION.rstrip())
    for study in kept:
        _study(made, study)
    if not kept:
        made.section("Measured")
        made.paragraph("No study has been kept yet.")
    for group, title in (("all", "The claims of the paper"), ("course", "The claims and questions of courses")):
        made.section(title)
        for name in GROUPS[group]:
            _claim(made, CLAIMS[name], kept)
    made.footer("Made by benchmarks/claims.py; the studies are in benchmarks/results/claims.")
    return made.markdown()


def picture_of(study: Study) -> Path:
    """Where the figure of all its effects lies."""
    return PICTURES / f"claims-{study.data}-{study.scale}.png"


def pictured(study: Study) -> bool:
    """Whether there are enough effects for a figure; a table has a few."""
    return sum(len(outcome.comparisons) for outcome in study.outcomes) > 5


def _study(made: MarkdownPage, study: Study) -> None:
    """A study's command, its effects, what matters most in it, and what it cost."""
    made.section(f"Measured on {study.data}, {study.scale} scale, {seeds_of(study)}")
    made.paragraph(lead_of(study))
    made.code(study.command)
    made.table(HEADER, summary_rows(study, CLAIMS), caption=CAPTION.format(study.held_out))
    if pictured(study) and picture_of(study).exists():
        said = "Every effect with its 95% interval, the published one, and what is too small to count"
        made.raw(f"![{said}](pictures/{picture_of(study).name})")
    for ranking in rankings(study, CLAIMS):
        rows = [
            [str(place), row.name, f"{row.mean:+.2f}".replace("-", "−"), "not told apart" if row.alike else ""]
            for place, row in enumerate(ranking.rows, 1)
        ]
        made.heading(f"What matters most, {study.data}, {study.scale} scale")
        made.table(["place", "change", "points", "from the next"], rows, caption=ranking.caption)
        made.paragraph(ranking.sentence)
    cost = study.cost
    where = ", ".join(str(cost[name]) for name in ("machine", "device", "torch") if cost.get(name))
    if "training_seconds" in cost:
        runs = f" in {cost['runs']} runs" if "runs" in cost else ""
        made.paragraph(f"Cost: {duration(cost['training_seconds'])} of training{runs}, one after another; {where}.")


def _claim(made: MarkdownPage, claim: Claim, kept: Sequence[Study]) -> None:
    """A claim: what was published, what came, and what is often said wrongly."""
    made.heading(claim.name)
    made.paragraph(claim.sentence)
    source = f"paper, {claim.section}" if claim.section.startswith("section") else claim.section
    words = f" ({claim.published.words})" if claim.published.effect is not None and claim.published.words else ""
    arms = "; ".join(f"{arm.name}: {changes_of(claim.declared(arm))}" for arm in claim.arms)
    base = f"; the baseline itself has {changes_of(claim.base)}" if claim.base else ""
    facts = {
        "Said in": source,
        "Published": f"{published_of(claim)}{words}",
        "Log": claim.published.log,
        "Arms": f"{arms}; recipe {claim.recipe}{base}",
        "Measured": f"{MEASURES[claim.measure].words}; an effect counts from {least_of(claim)} on",
        "Correction": claim.correction and f"{claim.correction} ({source})",
    }
    made.raw("\n".join(f"- **{name}**: {text(said)}" for name, said in facts.items() if said))
    rows = []
    for study in kept:
        for outcome in (one for one in study.outcomes if one.claim == claim.name):
            rows += _rows(study, outcome)
    if rows:
        header = ["measured on", "arm", "arm's", "other's", "n", "effect, 95% interval", "relative", "verdict"]
        made.table(
            header,
            rows,
            caption="Means over seeds, standard deviations in brackets; the other is the baseline or as named.",
        )
    else:
        made.raw(f"Not measured yet: `alexnet reproduce {claim.name} --data PICTURES`")


def _rows(study: Study, outcome: Outcome) -> list[list[str]]:
    on = f"{study.data}, {study.scale} scale"
    if outcome.skipped:
        return [[on, f"not run: {outcome.skipped}", *[""] * 5, "not run"]]
    spreads = {arm.arm: _spread(arm) for arm in outcome.arms}
    return [
        [
            on,
            compared(one),
            spreads.get(one.arm, ""),
            spreads.get(one.against, ""),
            str(one.n),
            effect_of(one),
            relative_of(one),
            one.verdict + (f" ({one.settles})" if one.settles else ""),
        ]
        for one in outcome.comparisons
    ]


def _spread(arm: Values) -> str:
    mean, sd, _ = spread_of(arm)
    return f"{mean} ({sd})" if sd else mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", nargs="?", type=Path)
    parser.add_argument("name", nargs="?", default="")
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if options.study is None and not options.page:
        print("claims: name a study's JSON to keep, or --page to write the page alone")
        return
    if options.study is not None:
        study = study_of(json.loads(options.study.read_text()))  # what is no study is refused before it is kept
        drawn = forest_of(study, CLAIMS) if pictured(study) else None
        if drawn is not None:
            picture_of(study).write_bytes(drawn[0])
        RESULTS.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(options.study, RESULTS / f"{options.name or options.study.stem}.json")
    PAGE.write_text(page(studies()))
    print(f"wrote docs/{PAGE.name}")


if __name__ == "__main__":
    main()
