"""What does a person read of a run? figures/ and report.html: the numbers, the pictures, and how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alexnet.data.prepared import PreparedSet
from alexnet.drawing import figures
from alexnet.training.evaluate import Evaluation
from alexnet.training.figures import draw_run
from alexnet.training.run import Run


def write_report(
    run: Run, prepared: PreparedSet, evaluations: Sequence[Evaluation], results: dict[str, Any]
) -> None:
    (run.folder / "figures").mkdir(exist_ok=True)
    for shown in draw_run(run, prepared, evaluations[0]):
        figures.save(shown.figure, run.folder / "figures" / f"{shown.name}.png")
