"""Do a study's figures show every effect, arm and law, whatever is missing, infinite or far away?"""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from alexnet.drawing.by_epoch import Learned, by_epoch
from alexnet.drawing.scaling import scaling
from alexnet.drawing.study import Effect, forest, series
from alexnet.drawing.style import png


def panels(figure: Figure) -> list[Axes]:
    return figure.subfigs[0].axes


def said(figure: Figure) -> list[str]:
    """All texts of a figure, once it is drawn."""
    FigureCanvasAgg(figure).draw()
    return [one.get_text() for one in figure.findobj(Text) if one.get_visible() and one.get_text()]


EFFECTS = (
    Effect(name="pools", unit="points", mean=0.31, low=-0.4, high=1.02, published=0.4, too_small=(0, 0.2)),
    Effect(name="norm", unit="points", mean=-0.9, low=-1.3, high=-0.5, published=1.4, verdict="not supported"),
    Effect(name="layer", unit="points", mean=None, published=2.0),
    Effect(name="tanh", unit="times", mean=3.9, low=3.1, high=4.9, published=6.0, verdict="supported"),
)


def test_a_forest_has_a_row_an_effect_and_a_panel_a_unit() -> None:
    figure = forest(EFFECTS, title="t", note="n")
    words = said(figure)
    for one in EFFECTS:
        assert one.name in words
    for row in ("+0.31 [−0.40, +1.02]", "−0.90 [−1.30, −0.50]", "no value", "3.90× [3.10, 4.90]"):
        assert row in words
    assert {"In points of error", "As ratios (logarithmic)", "supported", "inconclusive", "published"} <= set(words)
    points, times = panels(figure)
    assert (points.get_xscale(), times.get_xscale()) == ("linear", "log")
    marks = [line for line in points.lines if line.get_marker() == "D"]
    assert [line.get_xdata()[0] for line in marks] == [0.4, 1.4, 2.0]


def test_one_wide_interval_does_not_squeeze_the_others() -> None:
    narrow = Effect(name="a", unit="points", mean=1.0, low=0.8, high=1.2)
    wide = Effect(name="b", unit="points", mean=0.5, low=-60.0, high=61.0)
    axes = panels(forest([narrow, wide]))[0]
    low, high = axes.get_xlim()
    assert -3 < low < 0.5 < high < 4
    arrows = [line.get_marker() for line in axes.lines if line.get_marker() in "<>"]
    assert sorted(arrows) == ["<", ">"]


def test_quantities_that_are_not_errors_have_panels_of_their_own() -> None:
    gap = Effect(name="gap", unit="points", of="the gap", mean=26.0, low=21.0, high=31.0)
    figure = forest([EFFECTS[0], gap, EFFECTS[1], EFFECTS[3]])
    errors, gaps, times = panels(figure)
    assert {"In points of error", "In points of the gap"} <= set(said(figure))
    assert errors.get_xlim()[1] < 10 < gaps.get_xlim()[1]
    assert times.get_xscale() == "log"


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.builds(
            Effect,
            name=st.text(max_size=20),
            unit=st.sampled_from(["points", "times"]),
            mean=st.none() | st.floats(0.01, 50),
            low=st.none() | st.floats(0.001, 1),
            high=st.none() | st.floats(1, 1e6) | st.just(math.inf),
            published=st.none() | st.floats(0.1, 20),
            verdict=st.sampled_from(["supported", "not supported", "inconclusive"]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_effects_can_be_drawn(effects: list[Effect]) -> None:
    said(forest(effects))


def test_equal_effects_give_equal_bytes() -> None:
    assert png(forest(EFFECTS)) == png(forest(EFFECTS))
    assert png(forest(EFFECTS)) != png(forest(EFFECTS[:2]))


def test_a_series_has_every_run_and_names_what_has_none() -> None:
    figure = series(["2 layers", "3 layers", "8 layers"], [[50.0, 52.0], [41.0, 40.0], []], first="3 layers")
    words = said(figure)
    assert {"2 layers", "3 layers", "8 layers", "51.0%", "40.5%", "no value"} <= set(words)
    dots = [line for line in panels(figure)[0].lines if line.get_marker() == "o"]
    assert sorted(x for line in dots for x in line.get_xdata()) == [40.0, 41.0, 50.0, 52.0]


def test_curves_are_means_over_seeds_with_their_range() -> None:
    arm = Learned(name="tanh", train=[{1: 60.0, 2: 40.0}, {1: 50.0, 2: 30.0}, {1: 70.0}])
    figure = by_epoch([Learned(name="baseline", train=[{1: 30.0, 2: 20.0}]), arm], goal=25.0)
    words = said(figure)
    assert {"baseline", "tanh", "25% training error", "Training error"} <= set(words)
    assert "Validation error" not in words
    axes = panels(figure)[0]
    line = next(line for line in axes.lines if list(line.get_ydata()) == [60.0, 35.0])
    assert list(line.get_xdata()) == [1, 2]
    assert len(axes.collections) == 1  # one seed has no range
    assert any(list(line.get_ydata()) == [25.0, 25.0] for line in axes.lines)


def test_trainings_of_unequal_length_share_a_logarithmic_axis_and_twenty_arms_are_told_apart() -> None:
    short = Learned(name="all", train=[dict.fromkeys(range(1, 6), 50.0)], val=[dict.fromkeys(range(1, 6), 55.0)])
    long = Learned(name="a tenth", train=[dict.fromkeys(range(1, 51), 40.0)], val=[])
    figure = by_epoch([short, long])
    assert {"epoch (logarithmic)", "Validation error"} <= set(said(figure))
    many = by_epoch([Learned(name=f"arm {n}", train=[{1: 50.0, 2: 40.0 - n}]) for n in range(20)])
    axes = panels(many)[0]
    assert len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in axes.lines}) == 20


def test_a_law_is_dashed_where_nobody_has_measured() -> None:
    law = [(n, 100 * n**-0.2, 95 * n**-0.2, 105 * n**-0.2) for n in (100, 1_000, 10_000, 40_000)]
    figure = scaling([1_000, 10_000], [[25.0, 26.0], [16.0, 15.0]], law=law, said="a law")
    assert {"a law", "its 95% band", "a run", "mean over seeds", "10,000"} <= set(said(figure))
    axes = panels(figure)[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    solid, dashed = (line for line in axes.lines if line.get_color() == "#0072B2")
    assert (max(solid.get_xdata()), min(dashed.get_xdata()), max(dashed.get_xdata())) == (10_000, 10_000, 40_000)
    assert dashed.get_linestyle() == "--"
    bare = said(scaling([1_000, 10_000], [[25.0], [16.0]], law=[(n, v, None, None) for n, v, *_ in law]))
    assert "its 95% band" not in bare


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="every claim was skipped"):
        forest([])
    with pytest.raises(ValueError, match="no run succeeded"):
        series(["a"], [[]])
    with pytest.raises(ValueError, match="no epochs"):
        by_epoch([Learned(name="a", train=[{}])])
    with pytest.raises(ValueError, match="no run succeeded"):
        scaling([100], [[]])
