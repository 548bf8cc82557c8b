"""What is a claim? Data: who says it and where, which settings it changes, what is measured, what was published.

A claim compares arms. Each arm is the baseline's config with some fields changed, trained with the same seeds, and so
with the same pictures, order and draws. No claim has code of its own in the network or the loop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from alexnet.study.measures import MEASURES

#: What a claim says of an arm's measure beside that of the arm it is compared with.
Expects = Literal["higher", "lower", "equal"]

#: The arm that changes nothing.
BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One way to train, and what it is compared with."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields in which its config differs from the baseline's, by dotted name; table names are the full-size ones
    (`scales.py` says what stands for them at a small scale)."""
    share: float = 1.0
    """Share of the baseline's training pictures; the epochs grow so that the steps stay (`train.limit`,
    `train.epochs` and `optim.steps` differ then, too)."""
    against: str = BASELINE
    """Name of the arm that it is compared with; "" = with none (it only serves others)."""
    measure: str = ""
    """Measured otherwise than the claim's other arms; "" = as they are."""
    together: tuple[tuple[str, int], ...] = ()
    """Instead of a network of its own: arms and how many networks of each have their probabilities averaged."""
    start: str = ""
    """Starts from the weights that this arm ends with on the other pictures (`--pretrain`); "" = from draws."""
    elsewhere: bool = False
    """Trained on the other pictures, and only for others to start from."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """What was published. `effect` is in the measure's unit: points of percent, or a factor; None = no number."""

    effect: float | None = None
    words: str = ""
    log: str = ""
    """What the released program's own log says of it; "" = nothing."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the paper or of a course on it."""

    name: str
    section: str
    """ "section 3.4", "exercise 5"."""
    sentence: str
    """What is claimed, in one sentence of ours."""
    recipe: str
    """The recipe it was claimed of; `scales.py` says what stands for it at a small scale."""
    measure: str = "test_error"
    """Name in `measures.MEASURES`."""
    expects: Expects = "higher"
    """Of every arm beside what it is compared with. An ablation's arm has a higher error if the claim is right."""
    published: Published = Published()
    least: float = 0.5
    """The smallest effect that counts, in the measure's unit (points, or a factor above 1): the claim is not supported
    where the effect is smaller with confidence. Half of the published effect where there is one."""
    base: Mapping[str, Any] = field(default_factory=dict)
    """What the claim's baseline changes in the recipe."""
    arms: tuple[Arm, ...]
    """The arms beside the baseline."""
    rates: tuple[float, ...] = ()
    """Factors of the baseline's rate that are tried for every arm on its own before it is measured, with a seed that is
    not reported; () = all arms keep the baseline's rate. `optim.rate` then belongs to what may differ."""
    correction: str = ""
    """What popular notes say wrongly about it, and what is right, with the source; "" = nothing."""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        effect, unit = self.published.effect, "" if self.published.effect is None else self.unit
        return {
            "name": self.name,
            "section": self.section,
            "sentence": self.sentence,
            "recipe": self.recipe,
            "base": dict(self.base),
            "changes": {arm.name: self.declared(arm) for arm in self.arms},
            "measure": self.measure,
            "expects": self.expects,
            "least": self.least,
            "rates": list(self.rates),
            "published": {"effect": effect, "unit": unit, "words": self.published.words, "log": self.published.log},
        }

    @property
    def unit(self) -> str:
        """ "points" or "times"."""
        return MEASURES[self.measure].unit

    def arm(self, name: str) -> Arm:
        """The arm of that name; the baseline is one, too."""
        return Arm(name=BASELINE, against="") if name == BASELINE else next(a for a in self.arms if a.name == name)

    def declared(self, arm: Arm) -> dict[str, Any]:
        """An arm's changes as they are listed: those of its config, and the share of pictures where it has one."""
        extra: dict[str, Any] = {} if arm.share == 1 else {"share of the training pictures": arm.share}
        if arm.measure:
            extra["measure"] = arm.measure
        if arm.together:
            extra["average of"] = dict(arm.together)
        if arm.start:
            extra["starts from"] = arm.start
        return dict(arm.changes) | extra

    def fields(self, arm: Arm) -> set[str]:
        """The config's fields in which the arm may differ from the baseline: exactly those, at any scale."""
        found = set(arm.changes)
        if arm.share != 1:
            found |= {"train.limit", "train.epochs", "optim.steps", "optim.warmup"}
        if self.rates:
            found.add("optim.rate")
        if arm.start:
            found.add("train.start")
        return found
