"""Does the fit find a planted law, hold it as often as it says, and say where it cannot tell?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from alexnet.study.power_law import fit, pictures_for

SIZES = (500, 1000, 2000, 4000, 8000)


def planted(
    scale: float, exponent: float, floor: float, *, seeds: int, sizes: int = 5, noise: float = 0.02, draw: int = 0
) -> dict[int, list[float | None]]:
    """Errors by size and seed: noise of their own, and half as much that a seed has at every size."""
    generator = np.random.default_rng(draw)
    n = np.array(SIZES[:sizes], np.float64)
    own, shared = generator.standard_normal((seeds, sizes)), generator.standard_normal((seeds, 1))
    errors = (scale * n**-exponent + floor) * np.exp(noise * (own + shared / 2))
    return {size: errors[:, i].tolist() for i, size in enumerate(SIZES[:sizes])}


def test_a_law_without_noise_is_found() -> None:
    for sizes, (a, b, c) in ((2, (900.0, 0.4, 0.0)), (4, (900.0, 0.4, 0.0)), (5, (4000.0, 0.7, 15.0))):
        law = fit(planted(a, b, c, seeds=2, sizes=sizes, noise=0))
        assert law.exponent == pytest.approx(b, rel=0.01)
        assert law.scale == pytest.approx(a, rel=0.08)
        assert law.floor == pytest.approx(c, abs=0.3)
        assert law.misfit < 0.2
        assert law.falls
        assert law.at(3000)[0] == pytest.approx(a * 3000**-b + c, rel=0.005)
        wanted = pictures_for(law, a * 16_000**-b + c)
        assert wanted.pictures == pytest.approx(16_000, rel=0.05)
        assert wanted.more == pytest.approx((wanted.pictures or 0) - SIZES[sizes - 1])
        assert (law.floor_interval is None) == (sizes < 5)


@pytest.mark.parametrize(
    ("law", "seeds", "sizes", "times"),
    [((900, 0.4, 0), 3, 4, 200), ((900, 0.4, 0), 5, 4, 200), ((900, 0.4, 0), 3, 5, 20), ((4000, 0.7, 20), 3, 5, 20)],
)
def test_the_intervals_hold_the_truth_as_often_as_they_say(
    law: tuple[float, float, float], seeds: int, sizes: int, times: int
) -> None:
    a, b, c = law
    reach = 2.0 * SIZES[sizes - 1]
    held = np.zeros(3)
    for draw in range(times):
        found = fit(planted(a, b, c, seeds=seeds, sizes=sizes, draw=draw))
        wanted, (_, error) = pictures_for(found, a * reach**-b + c), found.at(reach)
        assert found.exponent_interval is not None
        assert error is not None
        held += [
            found.exponent_interval.low <= b <= found.exponent_interval.high,
            (wanted.low or math.inf) <= reach <= (wanted.high or math.inf),
            error.low <= a * reach**-b + c <= error.high,
        ]
    spread = 3 * math.sqrt(0.95 * 0.05 / times)
    assert (held / times >= 0.95 - spread).all(), held / times
    assert times < 100 or (held / times <= 0.995).all(), held / times


def test_errors_that_do_not_fall_are_said_not_to() -> None:
    flat = fit(planted(30, 0.0, 0.0, seeds=3, sizes=4, noise=0.05))
    assert not flat.falls
    wanted = pictures_for(flat, 25.0)
    assert wanted.high is None
    assert "cannot be told that the error falls" in wanted.notes[0]
    rising = fit(planted(10, -0.2, 0.0, seeds=3, sizes=4))
    assert not rising.falls
    assert pictures_for(rising, 5.0).pictures is None


def test_a_goal_below_the_floor_and_one_far_away() -> None:
    law = fit(planted(4000, 0.7, 20, seeds=5, noise=0.002))
    below = pictures_for(law, 15.0)
    assert (below.pictures, below.more, below.high) == (None, None, None)
    assert "below the floor of the fitted law" in below.notes[-1]
    steep = fit(planted(900, 0.4, 0, seeds=5, sizes=4, noise=0.002))
    far = pictures_for(steep, 900 * 60_000**-0.4)
    assert far.notes == ("an extrapolation to more than 10 times the largest set of 4,000 pictures",)
    near = pictures_for(steep, 900 * 8000**-0.4)
    assert near.notes == ()
    assert near.low is not None
    assert near.low < 8000 < (near.high or 0)
    reached = pictures_for(steep, 900 * 1000**-0.4)
    assert reached.more is not None
    assert reached.more < 0


def test_a_single_seed_has_no_interval_and_failed_runs_take_their_seed_along() -> None:
    law = fit({size: errors[:1] for size, errors in planted(900, 0.4, 0, seeds=3).items()})
    assert (law.seeds, law.exponent_interval, law.floor_interval, law.at(100)[1]) == (1, None, None, None)
    wanted = pictures_for(law, 20.0)
    assert (wanted.low, wanted.high) == (None, None)
    assert "at least 2 seeds" in wanted.notes[0]
    errors = planted(900, 0.4, 0, seeds=3, sizes=4)
    whole = fit({size: values[1:] for size, values in errors.items()})
    errors[2000][0] = None
    assert fit(errors) == whole
    assert whole.seeds == 2


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="two numbers of pictures or more, not at 1"):
        fit({1000: [20.0, 21.0]})
    with pytest.raises(ValueError, match="no seed has an error above 0 at every number of pictures"):
        fit({1000: [20.0, None], 2000: [None, 15.0]})


def test_the_draws_are_fixed() -> None:
    errors = planted(900, 0.4, 0, seeds=3)
    assert fit(errors) == fit(dict(reversed(errors.items())))
    assert fit(errors).exponent_interval == fit(errors).exponent_interval


def test_sizes_that_scatter_count_less() -> None:
    """A size whose errors jump about pulls the line less than one whose errors agree."""
    sure = {500: [40.0, 40.1, 39.9, 40.0], 1000: [30.0, 30.1, 29.9, 30.0], 2000: [22.5, 22.6, 22.4, 22.5]}
    wild, calm = sure | {4000: [40.0, 12.0, 30.0, 20.2]}, sure | {4000: [25.6, 25.5, 25.7, 25.4]}
    law = fit(sure).exponent
    assert abs(fit(wild).exponent - law) < 0.95 * abs(fit(calm).exponent - law)
