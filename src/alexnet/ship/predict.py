"""What is on these pictures? Predictions of any number of files, written as they come: a table, CSV or JSON lines."""

from __future__ import annotations

import contextlib
import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from alexnet.scoring.tables import top_text

if TYPE_CHECKING:
    from alexnet.training.calibration import Temperature
    from alexnet.training.run import Prediction

Form = Literal["table", "csv", "jsonl"]


@dataclass(frozen=True, kw_only=True)
class Written:
    """How many pictures were predicted, how many files could not be read, and at which temperature, if at one."""

    pictures: int
    left_out: int
    temperature: Temperature | None = None


def predict_to(
    target: TextIO | str | Path,
    run: str | os.PathLike[str],
    pictures: Iterable[str | os.PathLike[str]],
    *,
    form: Form = "table",
    top: int = 5,
    device: str = "auto",
    threads: int = 0,
    protocol: str = "centre",
    calibrated: bool = False,
    left_out: Callable[[str, str], None],
) -> Written:
    """Predict `pictures` with a run and write a line for each, in their order, as soon as it is known.

    Args:
        target: an open text file, or the path of one to write (replaced where it exists).
        run: a run's folder, or a file of its weights.
        pictures: files, folders (searched however deep) and lists.
        form: "csv" has the columns path, label, probability and `top<N>`, which holds a JSON list of [label,
            probability], best first, as in a run's predictions.csv; "jsonl" has the same names. Probabilities carry
            full precision in both.
        protocol: "centre", "ten" or "nine" views.
        calibrated: tell probabilities at the temperature that the run keeps.
        top: N, the classes told of each picture; fewer where the network knows fewer.
        left_out: told the path and the reason of every file that cannot be read.

    Raises:
        ValueError: no such run, no such picture, no temperature kept for these weights and views, or `target` cannot be
            written.
    """
    from alexnet.training.run import load

    trained = load(run)
    if calibrated:
        trained = replace(trained, calibrated=True)
    temperature = trained.temperature(protocol) if calibrated else None
    predictions = trained.predict(pictures, top=top, device=device, threads=threads, protocol=protocol)
    wide = min(max(map(len, ("class", *trained.classes))), 32)
    count = skipped = 0
    with _opened(target) as file:
        write = _writer(form, file, top, wide)
        for prediction in predictions:
            if prediction.reason:
                skipped += 1
                left_out(prediction.path, prediction.reason)
                continue
            if not count:  # not before, so that a mistake in the paths leaves no heading alone
                _head(form, file, top, wide)
            count += 1
            write(prediction)
        if not count:
            _head(form, file, top, wide)
    return Written(pictures=count, left_out=skipped, temperature=temperature)


def _head(form: Form, file: TextIO, top: int, wide: int) -> None:
    if form == "csv":
        file.write(f"path,label,probability,top{top}\n")
    elif form == "table":
        file.write(f"{'class':<{wide}}  {'sure':>7}  picture\n")


def _writer(form: Form, file: TextIO, top: int, wide: int) -> Callable[[Prediction], None]:
    """A function that writes one line."""
    if form == "jsonl":
        return lambda one: _json_line(file, one, top)
    if form == "csv":
        rows = csv.writer(file, lineterminator="\n")
        return lambda one: rows.writerow([one.path, one.label, repr(one.probability), top_text(one.top)])
    return lambda one: _table_line(file, one, wide)


def _json_line(file: TextIO, one: Prediction, top: int) -> None:
    values = {"path": one.path, "label": one.label, "probability": one.probability, f"top{top}": one.top}
    file.write(json.dumps(values) + "\n")


def _table_line(file: TextIO, one: Prediction, wide: int) -> None:
    others = ", ".join(f"{label} {100 * probability:.1f}%" for label, probability in one.top[1:])
    file.write(f"{one.label:<{wide}}  {100 * one.probability:6.2f}%  {one.path}")
    file.write(f"  ({others})\n" if others else "\n")


@contextlib.contextmanager
def _opened(target: TextIO | str | Path) -> Iterator[TextIO]:
    """An open text file; one named by its path is closed at the end. File names that are no text keep their bytes."""
    if not isinstance(target, str | Path):
        yield target
        return
    try:
        file = open(target, "w", encoding="utf-8", errors="surrogateescape", newline="")  # noqa: SIM115  closed below
    except OSError as error:
        raise ValueError(f"cannot write {target}: {error.strerror}") from None
    with file:
        yield file
