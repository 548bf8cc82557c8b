"""Does the rule of the verdict keep the error rates that it states? Studies with a planted truth, thousands of them.

    python benchmarks/verdicts.py [--studies 2000]     simulates, writes benchmarks/results/verdicts.json and the page
    python benchmarks/verdicts.py --page               writes docs/verdicts.md from the results alone

No network is trained: differences are drawn, with a standard deviation of half a point or as the setting says, and
judged as a study's are. The draws are fixed.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import digamma

from alexnet.study import spread, verdict
from alexnet.study.seeds import seeds_to_settle
from alexnet.study.verdict import Question, judge

RESULT = Path(__file__).parent / "results" / "verdicts.json"
PAGE = Path(__file__).parent.parent / "docs" / "verdicts.md"
#: Standard deviation of a difference and the least effect that counts, points.
SD, LEAST = 0.5, 0.5
SEEDS, QUESTIONS = (2, 3, 5), (1, 3, 8, 20)
#: Setting -> variances of the questions as multiples (the first of them, share of them), kind of noise, what the
#: differences share: the runs of one baseline.
SETTINGS: dict[str, tuple[float, float, str, bool]] = {
    "equal variances": (1, 0, "normal", False),
    "half of the variances 4 times the others": (4, 0.5, "normal", False),
    "half of the variances 10 times the others": (10, 0.5, "normal", False),
    "half of the variances 100 times the others": (100, 0.5, "normal", False),
    "one variance 10 times the others": (10, 0.0, "normal", False),
    "equal variances, one baseline for all": (1, 0, "normal", True),
    "half 10 times the others, one baseline for all": (10, 0.5, "normal", True),
    "equal variances, noise of t with 4 degrees of freedom": (1, 0, "t", False),
    "half 10 times the others, noise of t with 4 degrees of freedom": (10, 0.5, "t", False),
}


def smyth(variances: np.ndarray, df: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smyth's own moderation: the centre of the logarithms, and no limit but all degrees of freedom together."""
    if len(df) < 2:
        return variances, np.zeros(len(df))
    logs = np.log(variances) - digamma(df / 2) + np.log(df / 2)
    prior = min(spread._prior(variances, df), 1e6)
    centre = math.exp(logs.mean() + float(digamma(prior / 2)) - math.log(prior / 2))
    return (prior * centre + df * variances) / (prior + df), np.minimum(prior, df.sum() - df)


def student(variances: np.ndarray, df: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every question by its own variance alone."""
    return variances, np.zeros(len(df))


RULES: dict[str, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "the rule": spread.moderated,
    "Smyth's prior": smyth,
    "Student alone": student,
}


def drawn(setting: str, studies: int, questions: int, seeds: int) -> np.ndarray:
    """Differences of mean 0 and their seeds: (studies, questions, seeds), points."""
    factor, share, noise, shared = SETTINGS[setting]
    generator = np.random.default_rng([studies, questions, seeds, list(SETTINGS).index(setting)])
    shape = (studies, questions + shared, seeds)
    raw = generator.standard_t(4, shape) / math.sqrt(2) if noise == "t" else generator.standard_normal(shape)
    scale = np.ones(questions)
    scale[: max(1, int(share * questions))] = math.sqrt(factor)
    own = raw[:, :questions] * scale[:, None]
    return SD * ((own - raw[:, questions:]) / math.sqrt(2) if shared else own)


def verdicts(differences: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """1 for supported, -1 for not supported, else 0: (studies, questions) for effects (questions,) added."""
    number = {"supported": 1, "not supported": -1, "inconclusive": 0}
    found = []
    for study in differences + effects[:, None]:
        questions = [Question(name="", differences=tuple(row), least=LEAST) for row in study.tolist()]
        found.append([number[answer.verdict] for answer in judge(questions, settle=False)])
    return np.array(found)


def by_rule(name: str, differences: np.ndarray, effects: np.ndarray) -> np.ndarray:
    """Verdicts of another rule for the variances."""
    verdict.moderated = RULES[name]
    try:
        return verdicts(differences, effects)
    finally:
        verdict.moderated = spread.moderated


def rates(setting: str, studies: int, questions: int, seeds: int) -> dict[str, Any]:
    """Error rates and power in percent of studies, or of questions."""
    differences = drawn(setting, studies, questions, seeds)
    none, large = np.zeros(questions), np.full(questions, 3 * SD)
    mixed = np.where(np.arange(questions) % 2 == 0, 0.0, LEAST)  # null effects beside some that just count
    found: dict[str, Any] = {"setting": setting, "questions": questions, "seeds": seeds, "null": {}, "power": {}}
    for name in RULES:
        found["null"][name] = _percent((by_rule(name, differences, none) == 1).any(axis=1))
        found["power"][name] = _percent(by_rule(name, differences[:200], large) == 1)
    came = verdicts(differences, mixed)
    found["mixed"] = {
        "null supported": _percent((came[:, mixed == 0] == 1).any(axis=1)),
        "effect not supported": _percent((came[:, mixed > 0] == -1).any(axis=1)),
    }
    return found


def settled(studies: int) -> list[dict[str, Any]]:
    """Is a question decided with the seeds that were named, in 80% of studies? One question, truth as seen."""
    found = []
    for effect in (0.0, 0.5, 1.0, 2.0):
        seeds = seeds_to_settle(2, effect * SD, SD**2, 0.0, LEAST, False, (0.05, 0.05))
        assert seeds is not None
        came = verdicts(drawn("equal variances", studies, 1, seeds), np.array([effect * SD]))
        found.append({"effect": effect * SD, "seeds": seeds, "decided": _percent(came != 0)})
    return found


def _percent(came: np.ndarray) -> float:
    return round(100 * float(came.mean()), 2) if came.size else 0.0


ABOUT = """# The rule of the verdict, and its error rates

The rule was fixed beforehand; it is in `study/verdict.py`. Two things were changed when first results on CIFAR-10 were
known. Until the race of section 3.1 had been run, an effect that was told to be there, and told to be too small to
count, was called supported. And until the first dozen ablations had been run, all differences in points shared their
variances, also those of other measures, such as the gap between test and training error, which scatters twice as much,
and those of two ways to test one network, which hardly scatter; now only differences of the same measures do.

- Every comparison is paired by seed: the same pictures, order and draws. Ratios are compared by their logarithms.
- **Not supported**: the effect is smaller than the least that counts (one-sided, p < .05). That is half of the
  published effect, or what the claim names.
- **Supported**: else, if it is above 0 in the claimed direction (one-sided, p < .05).
- **Inconclusive**: else, with the number of seeds at which the same rule decides with a chance of 80%, if mean and
  scatter are as seen; looked for up to 100. With one seed there is no interval and nothing is decided.
- A claim of **equality** is supported if the effect is told to lie within the least that counts on both sides (two
  one-sided tests at .05), and not supported if it is told to lie outside (either at .025).
- A claim of several comparisons is supported if every one is, and not supported if any is not.
- The p values of all questions of a study are corrected together (Holm 1979), for and against apart, those whose runs
  failed included. Intervals are of 95% each, not corrected.
- If the differences of all seeds are equal, or all 0, and no other question about the same measures shows a spread,
  there is none to test with: inconclusive. Errors are counted, and coarse counts agree by chance.
- A ratio of epochs is a lower bound where the slower arm did not arrive: it can support, and never speaks against.
  Where the arm that should be the faster did not arrive, there is no ratio: inconclusive, more epochs.

Three seeds know their scatter badly, so the variances of a study's questions about the same measures are shrunk towards
their mean before Student's test (Smyth 2004). Smyth's own prior is too sure of few questions, and of variances that
differ: see its column. Here the centre is the mean variance, the prior's degrees of freedom are at most a quarter of
those of the other questions and four times the question's own, and fewer the less alike the variances are. Fewer false
alarms than 5% is the price; the last columns show what it gains over Student's test alone, and that it loses where some
variances are far above the others.
"""


def page(results: Mapping[str, Any]) -> str:
    """docs/verdicts.md from the results."""
    parts = [
        ABOUT,
        "## Null effects called supported\n",
        f"Percent of studies with any false alarm, {results['studies']:,} studies a row (standard error "
        f"{100 * math.sqrt(0.05 * 0.95 / results['studies']):.1f} at 5%). The rule states 5% at most. *Mixed*: null "
        f"effects beside effects of\nexactly the least that counts ({LEAST:g} points): a null one supported / an "
        f"effect that counts not supported. *Found*: percent of\neffects of {3 * SD:g} points that are supported, "
        "200 studies.\n",
        f"| setting | questions | seeds | {' | '.join(RULES)} | mixed | found | by Smyth's prior | by Student alone |",
        f"| --- |{' --- |' * (len(RULES) + 6)}",
    ]
    for row in results["rates"]:
        cells = [row["setting"], str(row["questions"]), str(row["seeds"])]
        cells += [f"{row['null'][name]:.1f}" for name in RULES]
        cells.append(f"{row['mixed']['null supported']:.1f} / {row['mixed']['effect not supported']:.1f}")
        cells += [f"{row['power'][name]:.0f}" for name in RULES]
        parts.append(f"| {' | '.join(cells)} |")
    worst = {name: max(row["null"][name] for row in results["rates"]) for name in RULES}
    parts += [
        f"\nThe most of any row: {'; '.join(f'{name} {value:.1f}%' for name, value in worst.items())}.\n",
        "## Seeds that settle\n",
        f"One question, standard deviation {SD:g} points, least effect {LEAST:g}: the seeds named, and how often the "
        "rule then decided (80% or more stated).\n",
        "| true effect, points | seeds | decided, % |\n| --- | --- | --- |",
        *(f"| {one['effect']:g} | {one['seeds']} | {one['decided']:.1f} |" for one in results["settled"]),
        "\nMade by `python benchmarks/verdicts.py`; the figures are in `benchmarks/results/verdicts.json`.",
    ]
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=2000)
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if not options.page:
        found = []
        for setting in SETTINGS:
            for questions in QUESTIONS:
                if questions == 1 and not setting.startswith("equal variances"):
                    continue
                for seeds in SEEDS:
                    found.append(rates(setting, options.studies, questions, seeds))
                    print(found[-1], flush=True)
        results = {"studies": options.studies, "rates": found, "settled": settled(options.studies)}
        RESULT.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    PAGE.write_text(page(json.loads(RESULT.read_text())))
    print(f"wrote docs/{PAGE.name}")


if __name__ == "__main__":
    main()
