"""What is measured of a finished run? Named measures; each reads what the run wrote, or evaluates its network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number of a run."""

    name: str
    words: str
    """For people: "top-1 error on the held-out pictures, centre crop"."""
    unit: Literal["points", "times"]
    """How two of them are compared: by their difference, or by their ratio."""


MEASURES: dict[str, Measure] = {
    one.name: one
    for one in (
        Measure(name="test_error", words="top-1 error on the held-out pictures, centre crop", unit="points"),
        Measure(name="top5_error", words="top-5 error on the held-out pictures, centre crop", unit="points"),
        Measure(name="ten_view_error", words="top-1 error on the held-out pictures, ten views", unit="points"),
        Measure(name="nine_view_error", words="top-1 error on the held-out pictures, nine views", unit="points"),
        Measure(
            name="monte_carlo_error",
            words="top-1 error on the held-out pictures, the probabilities of fifty draws of dropout averaged",
            unit="points",
        ),
        Measure(name="train_error", words="top-1 error on training pictures, centre crop, no dropout", unit="points"),
        Measure(name="gap", words="top-1 error on the held-out pictures less that on training pictures", unit="points"),
        Measure(
            name="early_error",
            words="running top-1 training error, mean over the first fifth of the epochs",
            unit="points",
        ),
        Measure(
            name="epochs_to_25",
            words="epochs until 25% training error, interpolated between epochs",
            unit="times",
        ),
        Measure(
            name="epochs_to_settle",
            words="epochs until the validation error is within a point of its lowest",
            unit="times",
        ),
    )
}
