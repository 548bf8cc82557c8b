"""Which claims are there, and which belong together? All by name, and groups of names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from alexnet.study.claim import Claim
from alexnet.study.claims_course import COURSE_CLAIMS
from alexnet.study.claims_paper import NETWORK_CLAIMS
from alexnet.study.claims_results import RESULT_CLAIMS

PAPER_CLAIMS = (*NETWORK_CLAIMS, *RESULT_CLAIMS)
CLAIMS: Mapping[str, Claim] = {claim.name: claim for claim in (*PAPER_CLAIMS, *COURSE_CLAIMS)}


def _ablates(claim: Claim) -> bool:
    """Whether its arms each take something out of the paper's network, measured by the test error."""
    return (claim.recipe, claim.measure, claim.expects, dict(claim.base)) == (
        "paper",
        "test_error",
        "higher",
        {},
    ) and all(arm.changes and arm.against == "baseline" for arm in claim.arms)


#: Words that stand for several claims.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "all": tuple(claim.name for claim in PAPER_CLAIMS),
    "course": tuple(claim.name for claim in COURSE_CLAIMS),
    "ablations": tuple(claim.name for claim in CLAIMS.values() if _ablates(claim) and claim.name != "depth"),
    "upgrades": tuple(name for name in CLAIMS if name.startswith("upgrade-")),
}


def chosen(names: Sequence[str]) -> list[Claim]:
    """The claims of these names and groups, each once, in the order of the list of all.

    Raises:
        ValueError: a name that is none, naming the nearest.
    """
    wanted: set[str] = set()
    for name in names:
        if name not in CLAIMS and name not in GROUPS:
            known = [*CLAIMS, *GROUPS]
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]!r}?" if near else "`alexnet reproduce` lists them"
            raise ValueError(f"no claim is called {name!r}; {hint}")
        wanted |= set(GROUPS.get(name, (name,)))
    return [claim for name, claim in CLAIMS.items() if name in wanted]
