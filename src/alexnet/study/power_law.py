"""How does the error fall with more pictures, and how many more would reach a goal? A power law, with its uncertainty.

error = a n^-b (Hestness et al. 2017, Deep learning scaling is predictable, empirically), and a n^-b + c from five sizes
on: errors that level off. Sizes are weighted by the scatter of their errors over seeds.

What another set of seeds would have given is found by a bootstrap of whole seeds, so that errors of one seed at several
sizes may go together: each replicate moves all errors along the deviations of the seeds from their mean, by normal
draws. The draws are widened by Student's t, because three seeds know their own scatter badly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from alexnet.scoring.resample import TIMES
from alexnet.scoring.tally import Interval

#: From so many sizes on there is a floor.
SIZES_FOR_FLOOR = 5
#: A goal that needs more than so many times the largest set is a guess.
FAR = 10.0
#: Exponents that are tried where there is a floor: without it the best one has a formula.
_EXPONENTS = np.geomspace(0.02, 3.0, 400)


@dataclass(frozen=True, kw_only=True)
class Law:
    """A fitted law. Errors in percent; intervals are of 95%, None for a single seed."""

    sizes: tuple[int, ...]
    """Training pictures, ascending."""
    seeds: int
    """Seeds that have an error at every size; the others are left out."""
    scale: float
    """a, percent at one picture."""
    exponent: float
    exponent_interval: Interval | None
    floor: float
    """c, percent; 0 for fewer than five sizes."""
    floor_interval: Interval | None
    falls: bool
    """Whether the errors fall with more pictures: the interval of the slope of their logarithms is on one side of 0."""
    misfit: float
    """The farthest that a mean error lies from the curve, percent of itself."""
    replicates: np.ndarray = field(repr=False, compare=False)
    """Scale, exponent and floor of every replicate, float64 (R, 3); R is 0 for a single seed."""

    def at(self, pictures: float) -> tuple[float, Interval | None]:
        """The error that the law says for so many pictures, percent, with its interval."""
        value = self.scale * pictures**-self.exponent + self.floor
        a, b, c = self.replicates.T
        return value, _interval(value, np.maximum(a * float(pictures) ** -b + c, 0.0))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How many pictures would reach an error?"""

    error: float
    """Percent."""
    pictures: float | None
    """In all; None where the law never reaches it."""
    more: float | None
    """Beyond the largest set so far; below 0 where that has it already."""
    low: float | None
    high: float | None
    """95% interval of `pictures`; None = no end."""
    notes: tuple[str, ...]
    """Why it cannot be told, or is not to be relied on; () = it can."""


def fit(errors: Mapping[int, Sequence[float | None]]) -> Law:
    """Fit the law to errors in percent by seed, in the same order of seeds at every number of pictures.

    Raises:
        ValueError: fewer than two sizes, or no seed with an error above 0 at every one.
    """
    sizes = sorted(errors)
    if len(sizes) < 2:
        raise ValueError(f"a power law needs errors at two numbers of pictures or more, not at {len(sizes)}")
    rows = zip(*(errors[size] for size in sizes), strict=True)
    complete = [row for row in rows if all(x is not None and math.isfinite(x) and x > 0 for x in row)]
    if not complete:
        raise ValueError("no seed has an error above 0 at every number of pictures; run the failed ones again")
    found = np.array(complete, np.float64)  # seeds, sizes
    mean = found.mean(axis=0)
    weights = _weights(found)
    moved = _replicates(found)
    slopes = _straight(sizes, moved, weights)[:, 1]
    bent = len(sizes) >= SIZES_FOR_FLOOR
    scale, exponent, floor = (_bent if bent else _straight)(sizes, mean[None], weights)[0].tolist()
    # A replicate's floor may be below 0: cut there, the replicates would all lie on one side of a law without a floor.
    replicates = _bent(sizes, moved, weights, -math.inf) if bent else _straight(sizes, moved, weights)
    said = scale * np.array(sizes, np.float64) ** -exponent + floor
    slope = _interval(float(_straight(sizes, mean[None], weights)[0, 1]), slopes)
    return Law(
        sizes=tuple(sizes),
        seeds=len(found),
        scale=scale,
        exponent=exponent,
        exponent_interval=_interval(exponent, replicates[:, 1]),
        floor=floor,
        floor_interval=_interval(floor, np.maximum(replicates[:, 2], 0.0)) if bent else None,
        falls=slope is not None and slope.low > 0,
        misfit=float(100 * np.abs(said / mean - 1).max()),
        replicates=replicates,
    )


def pictures_for(law: Law, error: float) -> Wanted:
    """How many pictures would reach an error, percent, and what the law does not know about it."""
    pictures = _reached(law.scale, law.exponent, law.floor, error)
    interval = None
    if len(law.replicates):
        ends = [_reached(a, b, c, error) for a, b, c in law.replicates.tolist()]
        # Order statistics: between an end and infinity nothing can be interpolated.
        interval = np.quantile(ends, (0.025, 0.975), method="nearest")
    notes = []
    if interval is None:
        notes.append("one seed has no scatter: at least 2 seeds would give an interval")
    elif not law.falls:
        notes.append("it cannot be told that the error falls with more pictures: the interval of its slope includes 0")
    if math.isinf(pictures):
        notes.append(f"{error:g}% lies below the floor of the fitted law, {law.floor:.3g}%")
    elif interval is not None and math.isinf(interval[1]):
        notes.append(f"a floor above {error:g}% cannot be excluded: there is no upper end")
    if FAR * law.sizes[-1] < pictures < math.inf:
        notes.append(f"an extrapolation to more than {FAR:g} times the largest set of {law.sizes[-1]:,} pictures")
    low, high = (None, None) if interval is None else (_finite(float(end)) for end in interval)
    return Wanted(
        error=error,
        pictures=_finite(pictures),
        more=None if math.isinf(pictures) else pictures - law.sizes[-1],
        low=low,
        high=high,
        notes=tuple(notes),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _reached(scale: float, exponent: float, floor: float, error: float) -> float:
    """Pictures at which a curve reaches an error; infinity where it never does."""
    if error <= floor or exponent <= 0 or scale <= 0:
        return math.inf
    power = math.log(scale / (error - floor)) / exponent
    return math.exp(power) if power < 100 else math.inf


def _weights(found: np.ndarray) -> np.ndarray:
    """How much each size counts (S,): the inverse of the variance of its errors' logarithms.

    Its own counts as one of S and the mean of all as the rest: weights that follow few seeds closely would make sizes
    count that came out alike by chance, and the interval too narrow.
    """
    if len(found) < 2:
        return np.ones(found.shape[1])
    variances = np.log(found).var(axis=0, ddof=1)
    mixed = variances / len(variances) + variances.mean() * (1 - 1 / len(variances))
    return 1 / mixed if (mixed > 0).all() else np.ones(found.shape[1])


def _replicates(found: np.ndarray) -> np.ndarray:
    """Mean errors (R, S) as other seeds might have given them, from errors (seeds, S)."""
    import torch
    from scipy.special import stdtrit

    from alexnet import draws

    n = len(found)
    if n < 2:
        return np.empty((0, found.shape[1]))
    logs = np.log(found)
    lots = draws.normal(draws.keys(0, 1, torch.arange(TIMES, dtype=torch.int64)), "seeds", n).numpy()  # R,seeds
    wider = float(stdtrit(n - 1, 0.975)) / float(stdtrit(math.inf, 0.975))
    moves = lots.astype(np.float64) @ (logs - logs.mean(axis=0)) * wider / math.sqrt(n * (n - 1))
    return found.mean(axis=0) * np.exp(moves)


def _straight(sizes: Sequence[int], errors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Scale, exponent and 0 (R, 3) of the weighted line through the logarithms of errors (R, S)."""
    x, y = np.log(np.array(sizes, np.float64)), np.log(errors)
    share = weights / weights.sum()
    centre, middle = (x * share).sum(), y @ share
    slope = (y @ (share * (x - centre))) / (share * (x - centre) ** 2).sum()
    return np.stack([np.exp(middle - slope * centre), -slope, np.zeros(len(y))], axis=1)


def _bent(sizes: Sequence[int], errors: np.ndarray, weights: np.ndarray, least: float = 0.0) -> np.ndarray:
    """Scale, exponent and floor (R, 3) of errors (R, S): for every exponent the best of the others has a formula.

    The floor is at least `least`.
    """
    size = np.array(sizes, np.float64)
    unit = math.exp(np.log(size).mean())
    x = (size[:, None] / unit) ** -_EXPONENTS  # S,B
    found = np.empty((len(errors), 3))
    for i, e in enumerate(errors):
        w = weights / e**2  # the weights are of logarithms
        w /= w.sum()
        mx, mxx, my, mxy = w @ x, w @ x**2, float(w @ e), (w * e) @ x  # B
        a = (mxy - mx * my) / (mxx - mx**2)
        c = my - a * mx
        # Where one is below what it may be, the best is that with the other alone.
        a, c = np.where(c < least, mxy / mxx, a), np.where(c < least, 0.0, c)
        a, c = np.maximum(a, 0.0), np.where(a < 0, my, c)
        best = int(np.argmin(w @ (a * x + c - e[:, None]) ** 2))
        found[i] = a[best] * unit ** _EXPONENTS[best], _EXPONENTS[best], c[best]
    return found


def _interval(value: float, replicates: np.ndarray) -> Interval | None:
    """95% of the replicates, widened to hold the value; None without replicates."""
    if not len(replicates):
        return None
    low, high = (float(end) for end in np.quantile(replicates, (0.025, 0.975)))
    return Interval(value=value, low=min(value, low), high=max(value, high))
