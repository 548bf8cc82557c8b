"""What does `alexnet ...` do with its words? Finds the verb, runs it, and turns every error into one sentence.

Nothing heavy is imported here: `alexnet --help` answers at once, and a run's folder exists before torch is loaded.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import alexnet


class Verb(NamedTuple):
    """A verb, the file in `alexnet.cli` whose `run(words)` it calls, and what it is for."""

    name: str
    module: str
    group: str
    purpose: str


VERBS = (
    Verb("train", "train", "Train", "pictures in; a trained, measured and explained classifier out"),
    Verb("resume", "resume", "Train", "continue a run that was interrupted, or add epochs to one that ended"),
    Verb("prepare", "prepare", "Train", "decode pictures once, into squares of one size, for many runs"),
    Verb("check", "check", "Train", "is anything wrong with the pictures? files, copies, balance, labels"),
    Verb("predict", "predict", "Use", "what is on these pictures? a table, CSV or JSON lines"),
    Verb("evaluate", "evaluate", "Use", "the error of a run on its held-out pictures, or on others"),
    Verb("compare", "compare", "Use", "which of two runs is better on the same pictures, and can it be told?"),
    Verb("features", "features", "Use", "what a layer computes for pictures, as numbers for other programs"),
    Verb("look", "look", "Look inside", "an album of what the network has learned, with the numbers behind it"),
    Verb("similar", "similar", "Look inside", "which training pictures, or pictures of your own, are most like these?"),
    Verb("reproduce", "reproduce", "Study", "claims of the paper and of courses, tried on your pictures"),
    Verb("recipes", "recipes", "Look up", "the named settings: all of them, one in full, or two compared"),
    Verb("summary", "summary", "Look up", "the networks: all of them, or one layer by layer"),
    Verb("bench", "bench", "Look up", "how fast is it here, beside plain PyTorch and others?"),
)

#: What a shell reports for a program that a signal ended: 128 and the signal's number.
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code: 0, 1 our fault, 2 the user's mistake, 130 and 143 interrupted."""
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        code = _dispatch(words)
        sys.stdout.flush()
        return code
    except SystemExit as exit:  # a page of help was asked for and printed
        sys.stdout.flush()
        return int(exit.code or 0)
    except BrokenPipeError:
        # The reader has left (`| head`): what is still buffered must not complain again when Python exits.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        _complain("interrupted before there was anything to save")
        return INTERRUPTED
    except Exception as error:
        if debug:
            raise
        return _explain(error)


def script() -> NoReturn:
    """The entry point of the `alexnet` command and of `python -m alexnet`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file name need not be text; what is printed of it are its own bytes, so that a pipe can use them.
        sys.stdout.reconfigure(errors="surrogateescape")
    sys.exit(main(sys.argv[1:]))


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(_help())
        return 0 if words else 2
    if words[0] == "--version":
        sys.stdout.write(f"alexnet {alexnet.__version__}\n")
        return 0
    for verb in VERBS:
        if verb.name == words[0]:
            code = importlib.import_module(f"alexnet.cli.{verb.module}").run(words[1:])
            return int(code or 0)
    raise ValueError(f"there is no verb {words[0]!r}; {_nearest(words[0])}")


def _nearest(word: str) -> str:
    import difflib

    near = difflib.get_close_matches(word, [verb.name for verb in VERBS], n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else "`alexnet --help` lists them"


def _help() -> str:
    lines = [
        "usage: alexnet VERB ...",
        "",
        "A folder of pictures in; a trained, measured, explained classifier out. The network is the AlexNet of 2012.",
        "",
        "    alexnet train PICTURES        a folder with one folder of pictures for each class",
        "    alexnet train digits          no pictures at hand? these are built in",
    ]
    group = ""
    for verb in VERBS:
        if verb.group != group:
            lines += ["", f"{verb.group}:"]
            group = verb.group
        lines.append(f"    {verb.name:<10}{verb.purpose}")
    lines += [
        "",
        "`alexnet VERB --help` explains every setting of a verb; `alexnet --version` tells the version.",
        "With every verb: --debug shows where an error came from.",
    ]
    return "\n".join(lines) + "\n"


def _explain(error: Exception) -> int:
    """One sentence on stderr, and the exit code that belongs to it."""
    if isinstance(error, ValueError) and not isinstance(error, UnicodeError):
        _complain(str(error))
        return 2
    listener = sys.modules.get("alexnet.training.listener")
    if listener is not None and isinstance(error, listener.Interrupted):
        _complain(f"interrupted, and saved; to continue: {error.command}")
        return 128 + int(error.signal_number)
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        _complain(f"the system refuses: {error.strerror}{where}; --debug shows where")
        return 1
    _complain(f"{type(error).__name__}: {error}; this is a fault of alexnet, and --debug shows where")
    return 1


def _complain(sentence: str) -> None:
    sys.stderr.write(f"alexnet: {' '.join(sentence.split())}\n")
