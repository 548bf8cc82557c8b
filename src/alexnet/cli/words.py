"""How do words become options? tyro does the reading; a mistake becomes one sentence in our own voice."""

from __future__ import annotations

import contextlib
import difflib
import io
import itertools
import re
import textwrap
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

import tyro

T = TypeVar("T")

#: An option without a value and without a `--no-` twin.
Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff, tyro.conf.arg(help_behavior_hint="")]


def parse(options: type[T], words: Sequence[str], *, verb: str, about: str) -> T:
    """An instance of the dataclass `options`, read from `words`. `--help` prints the verb's page and exits with 0.

    Raises ValueError of one sentence for an unknown option (naming the nearest), a value that does not fit, or a
    missing one.
    """
    prog = f"alexnet {verb}"
    if "--help" in words or "-h" in words:
        print("\n\n".join(textwrap.fill(paragraph, 80) for paragraph in about.split("\n\n")), end="\n\n")
        tyro.cli(options, prog=prog, description="", args=["--help"])
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            result, unknown = tyro.cli(options, prog=prog, args=list(words), return_unknown_args=True)
    except SystemExit:
        raise ValueError(f"{_sentence(complaint.getvalue())}; see `{prog} --help`") from None
    if unknown:
        raise ValueError(_unknown(unknown[0], _flags(options, prog), prog))
    return result


def share(text: str, option: str) -> float:
    """A share of something from "5%" or "0.05". Raises ValueError for what is neither, or not between 0 and 1."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ValueError(f"{option} takes a share such as 5% or 0.05, not {text!r}") from None
    if not 0 <= value <= 1:
        raise ValueError(f"{option} is a share between 0% and 100%, not {text}")
    return value


def _unknown(word: str, flags: list[str], prog: str) -> str:
    verb = prog.removeprefix("alexnet ")
    if not word.startswith("-"):
        return f"{verb} takes no {word!r} here; see `{prog} --help`"
    name = word.split("=")[0]
    # A forgotten part ("--nesterov" for "--optim.nesterov") is nearer than any similar spelling.
    leaf = [flag for flag in flags if flag.rsplit(".", 1)[-1] == name.lstrip("-")]
    near = leaf or difflib.get_close_matches(name, flags, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"see `{prog} --help`"
    return f"{verb} has no option {name}; {advice}"


def _flags(options: type[Any], prog: str) -> list[str]:
    """Every option as the help names it, which is the one public list of them."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
        tyro.cli(options, prog=prog, args=["--help"])
    return sorted(set(re.findall(r"(?<![\w-])--[a-z][\w.-]*", page.getvalue())))


def _sentence(boxed: str) -> str:
    """What tyro says inside its box, as far as the first rule, in one sentence."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", boxed)
    lines = plain.splitlines()
    if not any(line.startswith("│") for line in lines):  # the box is blank where the terminal has no lines to draw
        lines = ["│" + line[1:] for line in itertools.dropwhile(lambda line: not _is_rule(line), lines)][1:]
    rows = [line.strip("│").rstrip() for line in lines if line.startswith("│")]
    rows = list(itertools.takewhile(lambda row: not _is_rule(row), rows))
    if rows and rows[0].strip().startswith("Missing from"):
        # The names stand four deeper than the heading, and what they mean four deeper than they.
        names = [row.strip() for row in rows[1:] if re.match(r" {5}\S", row)]
        return f"{rows[0].strip().removeprefix('Missing from alexnet ').rstrip(':')} needs {' and '.join(names)}"
    text = " ".join(" ".join(rows).split()).rstrip(".")
    for pattern, said in _SAID_BETTER:
        found = re.fullmatch(pattern, text)
        if found:
            return found.expand(said)
    return text or "the words of this command cannot be read"


def _is_rule(row: str) -> bool:
    return bool(row.strip()) and set(row.strip()) <= set("─-")


#: What tyro says -> what we say.
_SAID_BETTER = (
    (r"invalid choice (.*) for argument '(.*)'\. Expected one of \((.*?),?\)", r"\2 cannot be \1; it is one of \3"),
    (r"Error parsing (\S+): invalid literal for int\(\) .*: (.*)", r"\1 takes a whole number, not \2"),
    (r"Error parsing (\S+): could not convert string to float: (.*)", r"\1 takes a number, not \2"),
    (r"Missing value for argument '(.*)'\. .*", r"\1 needs a value"),
)
