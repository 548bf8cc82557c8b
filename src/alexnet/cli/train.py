"""`alexnet train`: which pictures, which recipe, which settings did the user give?"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from alexnet.cli.settings import changes, settings_type, without_auto
from alexnet.cli.words import Switch, parse, share
from alexnet.config import Config

ABOUT = """\
Train a classifier on pictures, measure it, and explain it on a page. SOURCE is a folder with one folder of pictures
for each class; a folder with train/, val/ or test/ folders of such; a CSV or JSON-lines list (path, label[, split]);
a Parquet file or folder with pictures in it; a zip or tar archive of class folders; ImageNet's own files; a data set
of the hub (hub:OWNER/NAME); a tree of classes at any depth (tree:FOLDER); a folder made by `alexnet prepare`; or
`digits`, which is built in.
"""
CHOSEN = """\
What you do not give is chosen for your pictures and this machine, and said before the training starts; the values
below are only the paper's. `--recipe NAME` starts from named settings instead, and then the help shows those;
`alexnet recipes` lists them.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What decides where and how a run happens, but not its result."""

    source: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="SOURCE", help_behavior_hint="")]
    """The pictures."""
    recipe: Annotated[
        str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="(default: chosen for your pictures)")
    ] = None
    """Start from these named settings; every option below still changes them."""
    out: Annotated[
        str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(default: runs/, named after the pictures)")
    ] = None
    """The run's folder: new, or empty."""
    device: str = "auto"
    """cpu, cuda, mps; auto takes the fastest there is."""
    threads: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: torch's choice)")] = 0
    """Threads torch computes with on the CPU. Results are equal bit for bit only for equal threads."""
    workers: Annotated[int, tyro.conf.arg(help_behavior_hint="(default: one for each core)")] = 0
    """Processes that decode pictures before the first run on them; they change no result."""
    max_left_out: Annotated[str, tyro.conf.arg(metavar="SHARE")] = "5%"
    """Stop if more than this share of the files cannot be read; those that cannot are listed in left_out.csv."""
    max_hours: Annotated[float, tyro.conf.arg(metavar="HOURS", help_behavior_hint="(default: as many as it needs)")] = (
        0.0
    )
    """Hours that the training may take: fewer epochs if you give no number of them, and an end when they are over."""
    find_rate: Switch = False
    """Do not train: sweep the learning rate over a network that is thrown away, and suggest one."""
    save_every: Annotated[float, tyro.conf.arg(metavar="SECONDS")] = 60.0
    """Least time between two checkpoints; changes no result, only what a kill costs."""
    json: Switch = False
    """Print the results as one JSON object."""
    quiet: Switch = False
    """Show no progress."""


def run(words: Sequence[str]) -> None:
    """Read the recipe's name first, then every option with that recipe's values behind it, then train."""
    config, source = _recipe(_named(words))
    settings: Any = Annotated[settings_type(config, source), tyro.conf.arg(name="")]  # pyrefly: ignore[invalid-annotation]
    options_type = dataclasses.make_dataclass(
        "Train", [("settings", settings)], bases=(Options,), frozen=True, kw_only=True
    )
    words, auto = without_auto(words)
    options: Any = parse(options_type, words, verb="train", about=f"{ABOUT}\n{_behind(_named(words))}")
    left_out = share(options.max_left_out, "--max-left-out")
    if not 0 <= options.max_hours < math.inf:
        raise ValueError(f"--max-hours takes a number of hours above 0, not {options.max_hours:g}")

    wanted: dict[str, Any] = {
        "recipe": options.recipe,
        "changes": changes(options.settings, words) | ({"train.batch": "auto"} if auto else {}),
        "device": options.device,
        "threads": options.threads,
        "workers": options.workers,
        "max_left_out": left_out,
    }
    if options.find_rate:
        _find_rate(options, wanted)
        return
    wanted["max_hours"] = options.max_hours

    # The folder and its request.json come before torch, so that a run killed at any moment can be resumed.
    from alexnet.training.folder import open_run_folder, request

    folder = open_run_folder(options.out, options.source, request(options.source, **wanted))

    from alexnet.cli.console import Console
    from alexnet.training.start import train

    with Console(quiet=options.quiet) as console:
        result = train(options.source, folder=folder, listener=console, save_every=options.save_every, **wanted)
    print_result(result, as_json=options.json)


def _find_rate(options: Any, wanted: dict[str, Any]) -> None:
    from alexnet.cli.console import Console
    from alexnet.training.rate_finder import find_rate

    with Console(quiet=options.quiet) as console:
        curve = find_rate(options.source, out=options.out, listener=console, **wanted)
    if options.json:
        json.dump(dataclasses.asdict(curve), sys.stdout)
        sys.stdout.write("\n")
    else:
        print(f"{curve.sentence()}\nthe curve: {curve.folder}/figures/rate.png")


def print_result(result: Any, *, as_json: bool) -> None:
    """A finished run's numbers on stdout: a JSON object, or sentences and the report's place."""
    from alexnet.cli.console import scores_line

    if as_json:
        json.dump({"folder": str(result.folder), **result.results}, sys.stdout)
        sys.stdout.write("\n")
        return
    for scores in result.results["scores"]:
        print(scores_line(scores, len(result.classes)))
    print(f"the run: {result.folder}")
    if (result.folder / "report.html").exists():  # a study's runs have none
        print(f"the report: {result.folder / 'report.html'}")


def _named(words: Sequence[str]) -> str | None:
    """The value of --recipe, which has to be known before the other options can be explained."""
    for place, word in enumerate(words):
        if word.startswith("--recipe="):
            return word.removeprefix("--recipe=")
        if word == "--recipe" and place + 1 < len(words):
            return words[place + 1]
    return None


def _behind(name: str | None) -> str:
    if name is None:
        return CHOSEN
    return (
        f"The values below are those of the recipe {name}. What has to fit your pictures and this machine is fitted to "
        "them where you give no value of your own, and said before the training starts."
    )


def _recipe(name: str | None) -> tuple[Config, str]:
    """The values to show behind the options, and whose they are: the paper's where no recipe is named."""
    from alexnet.cli.recipes import find

    return find(name or "paper").config, name or "paper"
