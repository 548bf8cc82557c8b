"""Do imagined pictures excite what they were made for, more than any real one, and are objectives what they say?"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet import draws
from alexnet.drawing.style import png
from alexnet.insight import canvas
from alexnet.insight.exciting import exciting, measured
from alexnet.insight.held_out import as_eaten
from alexnet.insight.imagined import imagine, panels, seen_by_units
from alexnet.insight.objectives import Objective, channel, direction, layer, layers_of, of_class, unit, value_of
from alexnet.model.network import AlexNet
from alexnet.training.run import Run, load
from alexnet.training.start import train

VALUES = {"maps": torch.arange(24.0).view(2, 3, 2, 2), "units": torch.tensor([[1.0, -2.0], [3.0, 0.5]])}


def worth(objective: Objective) -> list[float]:
    return [round(value, 5) for value in value_of(objective, VALUES, "units").tolist()]


def test_objectives_by_hand() -> None:
    assert worth(unit("maps", 1)) == [7, 19]
    assert worth(unit("maps", 1, (0, 1))) == [5, 17]
    assert worth(unit("units", 1)) == [-2, 0.5]
    assert worth(channel("maps", 1)) == [5.5, 17.5]
    assert worth(layer("units")) == [2.5, 4.625]
    assert worth(direction("units", [3, 4])) == [-1, 2.2]
    assert worth(direction("maps", [0, 0, 7.0])) == [9.5, 21.5]
    assert worth(of_class(0)) == [1, 3]


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_objectives_add_up(a: float, b: float) -> None:
    one, other = unit("maps", 1), of_class(1)
    both = (a * one + other * b).terms
    assert [term.weight for term in both] == [a, b]
    got = value_of(a * one - (-(b * other)), VALUES, "units")
    torch.testing.assert_close(got, a * torch.tensor([7.0, 19.0]) + b * torch.tensor([-2.0, 0.5]))
    assert a * one == unit("maps", 1) * a
    assert hash(one + other) == hash(unit("maps", 1) + of_class(1))


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (unit("conv9", 0), "no layer 'conv9'; did you mean"),
        (unit("conv2", 16), "conv2 has 16 maps, numbered from 0, so 16 is none of them"),
        (unit("fc5", 120), "fc5 has 120 units"),
        (of_class(3), "fc7 has 3 classes"),
        (unit("conv2", 0, (10, 0)), r"and? ?.*\(10, 0\) is no place there"),
        (direction("fc6", [1.0, 2.0]), "a direction in fc6 has 84 numbers, not 2"),
    ],
)
def test_objectives_that_do_not_fit(objective: Objective, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        layers_of(AlexNet(3, "lenet"), [objective])


def test_a_direction_needs_a_length() -> None:
    for vector in ([], [0.0, 0.0], [math.inf, 1.0]):
        with pytest.raises(ValueError, match="finite numbers that are not all 0"):
            direction("fc6", vector)


def test_waves_become_pictures_in_the_training_colours() -> None:
    keys = draws.keys(0, 0, torch.arange(4))
    grey = torch.tensor([[1.0, 0, 0]] * 3) * 40  # pictures that vary in brightness alone
    made = canvas.canvas(16, torch.tensor([90.0, 90.0, 90.0]), grey)
    pictures = made.pictures(50 * made.start(keys))
    assert pictures.shape == (4, 3, 16, 16)
    assert float(pictures.min()) >= 0
    assert float(pictures.max()) <= 255
    torch.testing.assert_close(pictures[:, 0], pictures[:, 2])
    still = made.pictures(torch.zeros_like(made.start(keys)))
    torch.testing.assert_close(still, torch.full_like(still, 90.0))
    one_colour = canvas.canvas(8, torch.zeros(3), torch.zeros(3, 3))
    assert one_colour.pictures(one_colour.start(keys)).isfinite().all()


def test_movements_are_small_and_drawn() -> None:
    ramp = torch.linspace(0, 255, 64).expand(2, 3, 64, 64)
    keys = draws.keys(0, 1, torch.tensor([3, 3]))
    one, other = canvas.moved(ramp, keys)
    assert torch.equal(one, other)
    assert not torch.equal(one, canvas.moved(ramp, draws.keys(0, 2, torch.tensor([3, 4])))[0])
    middle = slice(24, 40)  # a shift of an eighth of the side, a scale of a tenth: 50 grey levels at most here
    assert float((one - ramp[0])[:, middle, middle].abs().max()) < 50


def test_silent_units_learn_what_they_lack() -> None:
    x = torch.tensor([[-1.0, -2.0], [-1.0, 3.0]], requires_grad=True)
    (canvas.Redirected()(x) * torch.tensor([-2.0, 1.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[-2, 0], [0, 1]]  # the first picture excites nothing: what would raise it comes through


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    folder = tmp_path_factory.mktemp("run") / "a"
    changes = {"train.epochs": 3, "train.batch": 16, "data.size": 28, "augment.crop": 24, "model.width": 0.25}
    return train(picture_folder, out=folder, recipe="digits", changes=changes, device="cpu", threads=1)


def test_the_most_exciting_are_those_of_a_plain_loop(run: Run) -> None:
    objectives = [unit("conv5", 3), of_class(1), channel("conv2", 0) - 0.5 * unit("fc6", 2)]
    found = exciting(run, objectives, top=5)
    prepared = run.data()
    images = as_eaten(run, prepared.gather(np.arange(len(prepared))))
    everything = measured(run.network, images, objectives).numpy()
    assert found.n == found.total == len(prepared)
    order = np.argsort(-everything, axis=1, kind="stable")[:, :5]
    np.testing.assert_array_equal(found.rows, order)
    np.testing.assert_allclose(found.values, np.take_along_axis(everything, order, 1), rtol=1e-5)
    np.testing.assert_allclose(found.mean, everything.mean(1), rtol=1e-4)
    np.testing.assert_allclose(found.deviation, everything.std(1), rtol=1e-4)
    some = exciting(run, objectives, top=100, limit=20)
    assert (some.n, some.rows.shape) == (20, (3, 20))


def test_imagined_pictures_excite_more_than_the_best_real_one(run: Run) -> None:
    name, row = seen_by_units(run.network)
    assert (name, row) == ("conv5", "norm5")
    objectives = [
        unit(row, 0),
        channel(row, 5),
        layer("conv3"),
        direction("fc6", [1.0] * 128),
        of_class(0),
        of_class(2),
    ]
    real, made = exciting(run, objectives, top=1), imagine(run, objectives)
    assert made.pictures.dtype == np.uint8
    assert made.pictures.shape == (6, 3, 24, 24)
    assert (made.values > real.values[:, 0]).all()
    # What is told is measured on the 8-bit picture, by the way that any picture takes.
    images = run.preprocess(torch.from_numpy(made.pictures))
    np.testing.assert_allclose(measured(run.network, images, objectives).diagonal(), made.values, rtol=1e-4)


def test_the_same_again_and_the_network_as_before(run: Run) -> None:
    network = run.network.train()
    before = copy.deepcopy(network.state_dict())
    first = imagine(run, unit("conv5", 1), steps=3)
    again = imagine(run, unit("conv5", 1), steps=3)
    other = imagine(run, unit("conv5", 1), steps=3, seed=9)
    np.testing.assert_array_equal(first.pictures, again.pictures)
    assert (first.pictures != other.pictures).any()
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert all(one.grad is None and one.requires_grad for one in network.parameters())
    network.eval()


@pytest.mark.parametrize("table", ["lenet", "cifar-13", "cifar-18"])
def test_a_network_alone_with_one_class(table: str) -> None:
    network = AlexNet(1, table, seed=2).eval()
    _, row = seen_by_units(network)
    made = imagine(network, [unit(row, 0), of_class(0)], steps=4)
    assert made.pictures.shape == (2, 3, network.size, network.size)
    assert np.isfinite(made.values).all()
    with pytest.raises(ValueError, match="a step and an objective or more"):
        imagine(network, of_class(0), steps=0)


def test_the_page_of_a_run(run: Run, tmp_path: Path) -> None:
    made = list(panels(run, units=3, classes=9, steps=24))
    assert [panel.name for panel in made] == ["imagined_units", "imagined_classes"]
    units, classes = made
    assert [one["name"] for one in classes.numbers["classes"]] == list(run.classes)
    assert len(units.numbers["units"]) == 3
    assert units.numbers["pictures"] == len(run.data())
    assert f"{units.numbers['imagined_above_best']} of 3 imagined pictures" in units.caption
    again = list(panels(run, units=3, classes=9, steps=24))
    assert [png(panel.figure) for panel in again] == [png(panel.figure) for panel in made]
    weights = tmp_path / "net.safetensors"
    weights.write_bytes((run.folder / "weights" / "last.safetensors").read_bytes())
    alone = load(weights)
    with pytest.raises(ValueError, match="give the run's folder rather than its weights alone"):
        next(panels(alone))
    assert alone.trained.basis is not None
    statistics = run.data().statistics(run.config.data.all_of_train)
    np.testing.assert_allclose(
        (alone.trained.basis @ alone.trained.basis.T).diagonal(), statistics.channel_deviation**2, rtol=1e-3
    )
