"""`alexnet bench`: how fast is it on this machine, beside plain PyTorch and others?"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from typing import Annotated

import tyro

from alexnet.bench.asked import QUESTIONS, Asked, Precision, chosen
from alexnet.cli.words import Switch, parse

ABOUT = """\
Measure ours and named peers on this machine, in turn and over several rounds, so that what else the machine does falls
on all of them. Without a question, the questions there are; with one or more, or the word all, each is measured and a
table printed: median, lowest and highest, pictures a second, and the ratio to the peer with its range over the rounds.

Other programs that run meanwhile make every figure worse and the ranges wide: look at the ranges before the medians.
"""

_USUAL = "(default: the question's own)"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What is measured, how long, on what."""

    questions: Annotated[
        tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="[QUESTION ...|all]", help_behavior_hint="")
    ] = ()
    """Names of questions, or all; with --show a folder of results."""
    rounds: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: 7; memory: 3)")] = 0
    """Times that every case is measured, after a warm-up."""
    seconds: float = 120.0
    """No round of a comparison begins after so many seconds."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: torch's own number)")] = 0
    """Threads of the CPU."""
    device: str = "auto"
    """auto, cpu or cuda."""
    batch: Annotated[int, tyro.conf.arg(metavar="PICTURES", help_behavior_hint=_USUAL)] = 0
    """Pictures at a time."""
    precision: Precision = "all"
    """Arithmetic of ours; the plain peer's is float32."""
    only: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NETWORK ...", help_behavior_hint=_USUAL)] = ()
    """Networks, of paper, one-column, torchvision, quick and cifar-18."""
    pictures: Annotated[str, tyro.conf.arg(metavar="SOURCE", help_behavior_hint="(default: drawn ones)")] = ""
    """Real pictures for prepare, feed and stall: any source that `alexnet train` takes."""
    count: Annotated[int, tyro.conf.arg(metavar="PICTURES", help_behavior_hint=_USUAL)] = 0
    """Picture files for prepare, feed and stall."""
    compile: Switch = False
    """step: measure ours compiled, too."""
    out: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = None
    """Write each result into this folder, as QUESTION.json."""
    show: Switch = False
    """Measure nothing: print the results in a folder, by default a checkout's benchmarks/results/bench."""
    json: Switch = False
    """Print a JSON list of results."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """List the questions, measure some, or show results."""
    options = parse(Options, words, verb="bench", about=ABOUT)
    if options.show:
        from alexnet.bench.run import kept

        if len(options.questions) > 1:
            raise ValueError(f"--show takes one folder, not {len(options.questions)}")
        _print(kept(*options.questions), as_json=options.json)
        return
    asked = Asked(**{field.name: getattr(options, field.name) for field in dataclasses.fields(Asked)})
    if not options.questions:
        _list(as_json=options.json)
        return
    chosen(options.questions, asked)  # a mistake is told before torch is loaded

    from alexnet.bench.result import table
    from alexnet.bench.run import answer
    from alexnet.cli.console import Console

    results = []
    with Console(quiet=options.quiet) as console:
        for result in answer(options.questions, asked, out=options.out, say=console.say):
            results.append(result)
            if not options.json:
                print(table(result), flush=True)
    if options.json:
        _print(results, as_json=True)


def _list(*, as_json: bool) -> None:
    if as_json:
        print(json.dumps({one.name: {"text": one.text, "takes": one.takes} for one in QUESTIONS.values()}))
        return
    for one in QUESTIONS.values():
        print(f"{one.name}\n    {one.text}")
        print(f"    takes {' '.join(f'--{name}' for name in one.takes)}")
    print(
        "\nalexnet bench QUESTION measures one on this machine, alexnet bench all every one; with --out DIR the\n"
        "results are kept, and alexnet bench --show DIR prints them again.\n"
        "All take --rounds --seconds --threads --device."
    )


def _print(results: Sequence[dict[str, object]], *, as_json: bool) -> None:
    if as_json:
        json.dump(list(results), sys.stdout)
        sys.stdout.write("\n")
        return

    from alexnet.bench.result import table

    print("\n".join(table(one) for one in results), end="")
