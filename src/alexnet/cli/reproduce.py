"""`alexnet reproduce`: which claims, on which pictures, over how many seeds?"""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated, Literal

import tyro

from alexnet.cli.words import Switch, parse

ABOUT = """\
Try claims about AlexNet on pictures of yours: baseline and variants are trained over several seeds, paired, and every
claim gets an effect with its interval and a verdict: supported, not supported, or inconclusive at this size. Without a
name it lists the claims; a name may also be a group: all (the paper), course, ablations, upgrades.

Runs that are finished are never repeated, also not by another command on the same pictures; a command that was stopped
or killed goes on where it was when it is given again. How verdicts are reached: docs/verdicts.md.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Claims, pictures, size."""

    names: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[NAME ...]", help_behavior_hint="")
    ] = ()
    """Claims, or groups of them."""
    data: Annotated[str, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")] = ""
    """The pictures: any source that `alexnet train` takes."""
    seeds: int = 5
    """Runs of every variant; two or more for an interval."""
    scale: Literal["small", "full"] = "small"
    """small: minutes a run on one core, with small networks and few pictures; full: as published."""
    epochs: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: the scale's own)")] = 0
    """Passes of the baseline over its pictures."""
    limit: Annotated[int, tyro.conf.arg(metavar="PICTURES", help_behavior_hint="(default: the scale's own)")] = 0
    """Training pictures, equally many of every class."""
    pretrain: Annotated[str, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")] = ""
    """Other pictures, with a larger set of labels, for the claims on pre-training; they are left out without it."""
    out: Annotated[
        str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(default: studies/, named after the pictures)")
    ] = None
    """The study's folder: new, or one to go on with."""
    jobs: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: one for each core or GPU)")] = 0
    """Runs at a time."""
    cluster: Annotated[
        str | None, tyro.conf.arg(metavar="ADDRESS", help_behavior_hint="(default: processes of this machine)")
    ] = None
    """Run on a Ray cluster: its address, auto for the one that is there, or local to start one here."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: the cores, shared among the jobs)")] = 0
    """Threads of each run."""
    plan: Switch = False
    """Train nothing: say which runs there would be, and of how many steps."""
    published: Switch = False
    """Print the paper's tables with the relative cuts, and where the released program's own log confirms them."""
    json: Switch = False
    """Print JSON: the claims, the published tables, or the outcomes."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """List the claims, print what was published, or try claims."""
    options = parse(Options, words, verb="reproduce", about=ABOUT)
    if options.published:
        from alexnet.study.published import as_dict, as_text

        print(json.dumps(as_dict()) if options.json else as_text(), end="\n" if options.json else "")
        return
    if not options.names:
        if options.data:
            raise ValueError("name the claims to try on these pictures, or a group; `alexnet reproduce` lists them")
        _list(as_json=options.json)
        return

    from alexnet.study.claims import chosen

    chosen(options.names)  # a mistake is told before torch is loaded
    if not options.data:
        raise ValueError("say on which pictures: --data SOURCE, in any form that `alexnet train` takes")

    from alexnet.cli.study_console import StudyConsole
    from alexnet.study.markdown import summary
    from alexnet.study.reproduce import reproduce

    with StudyConsole(quiet=options.quiet) as console:
        result = reproduce(
            options.names,
            options.data,
            seeds=options.seeds,
            scale=options.scale,
            epochs=options.epochs,
            limit=options.limit,
            pretrain=options.pretrain,
            out=options.out,
            jobs=options.jobs,
            cluster=options.cluster,
            device=options.device,
            threads=options.threads,
            plan_only=options.plan,
            command=f"alexnet reproduce {shlex.join(words)}",
            listener=console,
        )
    if result is None:
        return
    if options.json:
        json.dump(result.study.to_dict(), sys.stdout)
        sys.stdout.write("\n")
        return
    print(summary(result.study), end="")
    print(f"the report: {result.page}")


def _list(*, as_json: bool) -> None:
    from alexnet.study.claims import CLAIMS, GROUPS

    if as_json:
        print(json.dumps([claim.to_dict() for claim in CLAIMS.values()]))
        return
    for claim in CLAIMS.values():
        print(f"{claim.name} ({claim.section})\n    {claim.sentence}")
    print("\ngroups:")
    for name, members in GROUPS.items():
        print(f"    {name}: {len(members)} claims")
    print(
        "\nalexnet reproduce NAME ... --data PICTURES tries some; --json lists them with their settings;\n"
        "--published prints what the paper reports."
    )
