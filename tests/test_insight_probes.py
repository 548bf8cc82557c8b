"""Are pictures changed as the probes say, and are accuracy, drift and the maps of single pictures right?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from alexnet import draws
from alexnet.data.augment import colour_shift
from alexnet.data.statistics import Moments, from_moments
from alexnet.insight import robustness, sensitivity
from alexnet.insight.album import plain_values
from alexnet.insight.changes import About, central, probes, window
from alexnet.insight.probes import affordable, panels
from alexnet.insight.robustness import cosine_distance, measure, typical_distances
from alexnet.insight.sensitivity import occlusion, shifts, telling
from alexnet.scoring.tally import wilson
from alexnet.training.evaluate import evaluate
from alexnet.training.run import Run, load
from conftest import small_run

STORED, CROP = 28, 24


def squares(n: int = 6, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, STORED, STORED), dtype=np.uint8))


def about(n: int = 6) -> About:
    return About(
        crop=CROP,
        keys=draws.keys(3, 1, torch.arange(n)),
        statistics=from_moments(Moments.of(squares().numpy())),
        convention="paper",
        sigma=0.1,
    )


def changed(name: str, level: float, pictures: Tensor) -> Tensor:
    probe = next(probe for probe in probes(CROP) if probe.name == name)
    return probe.change(pictures, level, about(len(pictures)))


# --- what is done to pictures -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", probes(CROP), ids=lambda probe: probe.name)
def test_at_the_neutral_level_nothing_is_changed(probe) -> None:  # type: ignore[no-untyped-def]
    assert probe.neutral in probe.levels
    assert sorted(probe.levels) == list(probe.levels)
    border = (STORED - CROP) // 2
    plain = squares()[:, :, border : border + CROP, border : border + CROP].float()
    assert torch.equal(central(squares(), CROP), plain)
    assert (probe.change(squares(), probe.neutral, about()) - plain).abs().max() < 1e-2


@pytest.mark.parametrize("probe", probes(CROP), ids=lambda probe: probe.name)
def test_every_change_gives_pictures_of_the_networks_size_and_does_not_depend_on_the_batch(probe) -> None:  # type: ignore[no-untyped-def]
    for level in probe.levels:
        whole = probe.change(squares(), level, about())
        assert whole.shape == (6, 3, CROP, CROP)
        assert whole.dtype == torch.float32
        some = probe.change(squares()[2:4], level, replace(about(), keys=about().keys[2:4]))
        assert torch.equal(some, whole[2:4])


@given(down=st.integers(-12, 12), right=st.integers(-12, 12))
@settings(max_examples=30, deadline=None)
def test_a_shift_moves_every_pixel_and_repeats_the_edge(down: int, right: int) -> None:
    picture = squares(1)
    moved = window(picture, torch.tensor([[down, right]]), CROP)[0]
    padded = np.pad(picture[0].numpy(), ((0, 0), (20, 20), (20, 20)), mode="edge")
    top, left = 20 + (STORED - CROP) // 2 - down, 20 + (STORED - CROP) // 2 - right
    assert np.array_equal(moved.numpy(), padded[:, top : top + CROP, left : left + CROP])


def test_shifts_go_all_four_ways() -> None:
    many = squares(1).expand(200, 3, STORED, STORED)
    moved = changed("shift", 3.0, many)
    ways = [window(many[:1], torch.tensor([way]), CROP)[0] for way in ((3, 0), (-3, 0), (0, 3), (0, -3))]
    counts = [sum(torch.equal(one, way) for one in moved) for way in ways]
    assert sum(counts) == 200
    assert min(counts) > 25


def test_flips() -> None:
    assert torch.equal(changed("flip", 1, squares()), central(squares(), CROP).flip(3))
    assert torch.equal(changed("flip", 2, squares()), central(squares(), CROP).flip(2))


def test_twice_as_large_shows_the_middle_half() -> None:
    ramp = torch.arange(STORED, dtype=torch.uint8).expand(1, 3, STORED, STORED) * 4  # brighter to the right
    row = changed("scale", 2, ramp)[0, 0, 5]
    middle = 4 * (STORED - 1) / 2
    wanted = middle + 4 * (torch.arange(CROP) - (CROP - 1) / 2) / 2
    assert (row - wanted).abs().max() < 1e-2
    smaller = changed("scale", 0.5, ramp)[0, 0, 5]
    assert smaller[0] == 0  # beyond the square its edge is repeated
    assert smaller[-1] == 4 * (STORED - 1)


def test_colours_are_shifted_as_in_training_and_in_proportion() -> None:
    wanted = colour_shift(about().keys, about().statistics, "paper", 0.1)[:, :, None, None]
    assert wanted.abs().min() > 0
    for level in (1, 4, 16):
        found = changed("colour", level, squares()) - central(squares(), CROP)
        assert torch.allclose(found, (level * wanted).expand_as(found), atol=1e-3)


def test_noise_has_its_deviation_and_the_same_draws_at_every_level() -> None:
    grey = torch.full((6, 3, STORED, STORED), 128, dtype=torch.uint8)
    little, more = (changed("noise", level, grey) - 128 for level in (4, 8))
    assert abs(float(little.std()) - 4) < 0.1
    assert torch.allclose(2 * little, more, atol=1e-3)


def test_light() -> None:
    plain = central(squares(), CROP)
    assert torch.equal(changed("brightness", 2, squares()), (2 * plain).clamp(max=255))
    middle = plain.mean((1, 2, 3), keepdim=True)
    low = changed("contrast", 0.25, squares())
    assert torch.allclose(low.mean((1, 2, 3), keepdim=True), middle, atol=1e-2)
    assert torch.allclose(low - middle, (plain - middle) / 4, atol=1e-2)


# --- accuracy and drift -----------------------------------------------------------------------------------------------


def by_brightness(run: Run, pieces: Tensor, layer: str, device: str) -> tuple[np.ndarray, np.ndarray]:
    """A network that says "light" of pictures whose mean is over 100, and whose features are (mean, 255 - mean)."""
    mean = pieces.mean((1, 2, 3)).double().numpy()
    return np.stack([mean <= 100, mean > 100], 1).astype(float), np.stack([mean, 255 - mean], 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    out = tmp_path_factory.mktemp("run") / "a"
    return small_run(picture_folder, out, train__epochs=2, data__size=STORED, augment__crop=CROP)


def test_accuracy_and_drift_of_a_network_that_is_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(robustness, "seen", by_brightness)
    greys = np.array([60, 90, 120, 180], np.uint8)
    pictures = np.broadcast_to(greys[:, None, None, None], (4, 3, STORED, STORED)).copy()
    labels = np.array([0, 0, 1, 1])
    found = measure(run, pictures, labels, about(4))
    levels = {
        (probe.name, level.label): level for probe, row in zip(found.probes, found.levels, strict=True) for level in row
    }
    assert levels["brightness", "1"].accuracy.value == 100
    assert levels["brightness", "0.5"].accuracy.value == 50  # 30, 45, 60, 90: all dark
    assert levels["brightness", "0.75"].accuracy.value == 75  # the 120 becomes 90
    assert levels["brightness", "2"].accuracy.value == 50  # 120, 180, 240, 255: all light
    half = wilson(2, 4)
    assert levels["brightness", "0.5"].accuracy.low == pytest.approx(100 * half.low)
    assert levels["brightness", "0.5"].accuracy.high == pytest.approx(100 * half.high)
    before = np.stack([greys, 255.0 - greys], 1)
    after = np.stack([greys / 2, 255.0 - greys / 2], 1)
    drift = levels["brightness", "0.5"].drift
    assert drift.value == pytest.approx(cosine_distance(before, after).mean(), abs=1e-6)
    assert drift.low < drift.value < drift.high
    for name in ("shift", "flip", "scale"):  # an even picture looks the same wherever it lies
        row = next(row for probe, row in zip(found.probes, found.levels, strict=True) if probe.name == name)
        assert all(level.accuracy.value == 100 and level.drift.value < 1e-6 for level in row)


def test_unchanged_pictures_score_what_evaluate_says(run: Run) -> None:
    scores = evaluate(run, device="cpu", threads=1).scores
    prepared = run.data()
    rows = prepared.rows(scores.split)
    here = replace(about(len(rows)), keys=draws.keys(0, 1, torch.from_numpy(rows)))
    before = [module.training for module in run.network.modules()]
    found = measure(run, prepared.gather(rows), prepared.labels[rows], here)
    assert [module.training for module in run.network.modules()] == before
    assert found.n == scores.n
    for probe, row in zip(found.probes, found.levels, strict=True):
        neutral = row[probe.levels.index(probe.neutral)]
        assert neutral.accuracy.value == pytest.approx(100 - scores.top1_error.value)
        assert neutral.drift.value == neutral.drift.high == 0


def test_cosine_distance_by_hand() -> None:
    one = np.array([[1.0, 0], [1, 0], [1, 1], [0, 0], [0, 0]])
    two = np.array([[3.0, 0], [0, 2], [1, 0], [0, 0], [1, 0]])
    assert cosine_distance(one, two) == pytest.approx([0, 1, 1 - 0.5**0.5, 0, 1])


def test_typical_distances_are_means_over_all_pairs() -> None:
    generator = np.random.default_rng(1)
    features, labels = generator.normal(size=(9, 4)), generator.integers(0, 3, 9)
    pairs: dict[bool, list[float]] = {True: [], False: []}
    for i in range(9):
        for j in range(i):
            apart = cosine_distance(features[i : i + 1], features[j : j + 1])[0]
            pairs[bool(labels[i] == labels[j])].append(float(apart))
    assert typical_distances(features, labels) == pytest.approx((np.mean(pairs[True]), np.mean(pairs[False])))
    assert np.isnan(typical_distances(features, np.arange(9))[0])
    assert np.isnan(typical_distances(features, np.zeros(9))[1])


# --- single pictures --------------------------------------------------------------------------------------------------


def corner(row: slice, column: slice) -> Callable[[Tensor], np.ndarray]:
    """A network that looks at one corner only: how white it is there is the probability of class 1."""

    def see(pieces: Tensor) -> np.ndarray:
        white = pieces[:, :, row, column].mean((1, 2, 3)).double().numpy() / 255
        return np.stack([1 - white, white], 1)

    return see


@pytest.mark.parametrize(("row", "column"), [(slice(0, 4), slice(0, 4)), (slice(-4, None), slice(0, 4))])
def test_the_hiding_square_finds_evidence_in_a_corner(row: slice, column: slice) -> None:
    picture = torch.full((3, CROP, CROP), 255.0)
    found = occlusion(corner(row, column), picture, 1, grey=0.0)
    assert found.probabilities.shape == (CROP // found.stride,) * 2
    hurt = found.probabilities < 1
    place = np.zeros((CROP, CROP), bool)
    place[row, column] = True
    for i, line in enumerate(hurt):
        for j, one in enumerate(line):
            start = [round((k + 0.5) * found.stride - found.side / 2) for k in (i, j)]
            top, left = (max(0, at) for at in start)
            assert one == place[top : start[0] + found.side, left : start[1] + found.side].any()
    above, before, below, after = found.worst
    assert place[above:below, before:after].all() or place[above:below, before:after].sum() >= 9
    assert found.probabilities.min() < 0.5


def test_the_map_of_shifts_says_where_the_evidence_may_lie() -> None:
    square = torch.zeros(3, STORED, STORED, dtype=torch.uint8)
    square[:, STORED // 2, STORED // 2] = 255
    wanted = (STORED // 2 - 2 + 3, STORED // 2 - 2)  # seen three pixels below where the white one lies in the crop
    see = corner(slice(wanted[0], wanted[0] + 1), slice(wanted[1], wanted[1] + 1))
    found = shifts(see, square, 1, CROP)
    middle = len(found.probabilities) // 2
    assert found.step == 2
    assert found.probabilities.max() == 0  # three is no multiple of two
    see = corner(slice(wanted[0] + 1, wanted[0] + 2), slice(wanted[1], wanted[1] + 1))
    found = shifts(see, square, 1, CROP)
    assert np.argwhere(found.probabilities == 1).tolist() == [[middle + 2, middle]]


def test_telling_pictures_are_right_ones_of_different_classes() -> None:
    probabilities = np.eye(3)[[0, 0, 1, 2, 2]]
    assert telling(probabilities, np.array([0, 0, 1, 0, 2]), 3) == [0, 2, 4]
    assert telling(probabilities, np.array([0, 0, 1, 0, 2]), 9) == [0, 2, 4, 1, 3]
    assert telling(probabilities, np.array([1, 1, 0, 0, 0]), 2) == [0, 1]


# --- the panels -------------------------------------------------------------------------------------------------------


def test_panels_hold_their_numbers_and_are_the_same_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensitivity, "PLACES", 4)
    first, second = (list(panels(run, limit=6)) for _ in range(2))
    assert [panel.name for panel in first] == ["probes_changes", "probes_accuracy", "probes_drift", "probes_places"]
    for one, other in zip(first, second, strict=True):
        text = json.dumps(plain_values(one.numbers), allow_nan=False)
        assert text == json.dumps(plain_values(other.numbers), allow_nan=False)
        assert one.caption
    numbers = first[1].numbers
    assert numbers["n"] == 6
    assert numbers["protocol"] == "centre"
    assert numbers["split"] == run.data().evaluated[0]
    shift = numbers["probes"]["shift"]["levels"][1]
    assert 0 <= shift["accuracy"]["low"] <= shift["accuracy"]["value"] <= shift["accuracy"]["high"] <= 100
    places = first[3].numbers["pictures"]
    assert all(0 <= value <= 1 for one in places for row in one["occluded"] for value in row)


def test_small_networks_see_more_pictures(run: Run) -> None:
    assert affordable(run) == 1000


def test_weights_alone_have_no_pictures_to_change(run: Run, tmp_path: Path) -> None:
    weights = next((run.folder / "weights").glob("*.safetensors"))
    (tmp_path / "alone.safetensors").write_bytes(weights.read_bytes())
    with pytest.raises(ValueError, match="does not say which pictures"):
        next(panels(load(tmp_path / "alone.safetensors")))
