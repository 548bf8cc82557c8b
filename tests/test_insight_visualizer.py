"""Does every method give a figure and a file, of runs and of any module, and say in a sentence what it cannot show?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

import alexnet
from alexnet import AlexNetVisualizer
from alexnet.insight.picture import eaten_and_seen, pixels_of, square_of
from alexnet.model.network import AlexNet
from alexnet.scoring.infer import infer_pictures
from alexnet.training.run import Run
from alexnet.training.start import train
from test_course_weights import notes_network
from test_drawing_figures import check_texts, said


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    changes = {"train.epochs": 1, "data.size": 28, "augment.crop": 24, "augment.pad": 0, "model.width": 0.25}
    out = tmp_path_factory.mktemp("run") / "a"
    return train(picture_folder, out=out, recipe="digits", changes=changes, device="cpu", threads=1)


@pytest.fixture(scope="module")
def path(picture_folder: Path) -> Path:
    return sorted(picture_folder.rglob("*.png"))[0]


METHODS: dict[str, Callable[..., Figure]] = {
    "filters": lambda look, path, to: look.plot_conv_filters("conv1", to=to),
    "later filters": lambda look, path, to: look.plot_conv_filters("conv3", to=to),
    "maps": lambda look, path, to: look.plot_feature_maps(path, "conv5", to=to),
    "units": lambda look, path, to: look.plot_feature_maps(path, "fc8", to=to),
    "curves": lambda look, path, to: look.plot_training_curves(to=to),
    "predictions": lambda look, path, to: look.plot_predictions([path, path], true=["circle", None], to=to),
    "own predictions": lambda look, path, to: look.plot_predictions(to=to),
    "neighbours": lambda look, path, to: look.plot_neighbours(path, to=to),
    "neighbours of a folder": lambda look, path, to: look.plot_neighbours(path, among=path.parent, number=3, to=to),
    "imagined": lambda look, path, to: look.plot_imagined("conv5", 3, steps=2, beside=2, to=to),
    "imagined class": lambda look, path, to: look.plot_imagined("fc8", 1, steps=2, beside=0, to=to),
}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_draws_and_saves(run: Run, path: Path, tmp_path: Path, name: str) -> None:
    state = {key: value.clone() for key, value in run.network.state_dict().items()}
    look = AlexNetVisualizer(run)
    figure = METHODS[name](look, path, tmp_path / "a.png")
    assert isinstance(figure, Figure)
    check_texts(figure)
    with Image.open(tmp_path / "a.png") as image:
        assert min(image.size) > 100
    assert not run.network.training
    assert all(torch.equal(state[key], value) for key, value in run.network.state_dict().items())


def test_attribution(run: Run, path: Path, tmp_path: Path) -> None:
    pytest.importorskip("captum")
    figure = AlexNetVisualizer(run).plot_attribution(path, "grad-cam", target="circle", to=tmp_path / "a.svg")
    assert "circle" in said(figure)
    check_texts(figure)
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_svg_files_are_the_same_every_time(run: Run, path: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.SVG"):
        AlexNetVisualizer(run.folder).plot_feature_maps(path, "conv1", top=2, to=tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()
    with pytest.raises(ValueError, match=r"saved as \.png or \.svg"):
        AlexNetVisualizer(run).plot_conv_filters(to=tmp_path / "a.jpg")


def test_a_picture_is_the_same_however_it_is_given(run: Run, path: Path) -> None:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    array = np.asarray(picture)
    given = (path, str(path), picture, array, torch.from_numpy(array.copy()).permute(2, 0, 1))
    squares = [square_of(run, one) for one in given]
    assert all(np.array_equal(squares[0], one) for one in squares)
    eaten, seen = eaten_and_seen(path, run, None, "cpu")
    assert seen.shape == (3, 24, 24)
    assert np.array_equal(seen, squares[0][:, 2:26, 2:26])
    with torch.no_grad():
        probabilities = run.network(eaten).double().softmax(1)[0].numpy()
    found = infer_pictures(run.network, run.preprocess, [path], fit=run.preprocess.fit, size=run.preprocess.size)
    assert probabilities == pytest.approx(next(found)[1])


def test_grey_and_transparent_pictures() -> None:
    levels = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(pixels_of(levels), np.repeat(levels[:, :, None], 3, axis=2))
    assert np.array_equal(pixels_of(torch.from_numpy(levels)[None]), pixels_of(levels))
    clear = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    assert (pixels_of(clear) == 255).all()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_picture_is_said(wrong: Any) -> None:
    with pytest.raises(ValueError, match="a picture is a file, a Pillow picture"):
        pixels_of(wrong)


def test_files_that_cannot_be_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    for place in (tmp_path / "a.jpg", tmp_path / "none.jpg"):
        with pytest.raises(ValueError, match="cannot be read"):
            AlexNetVisualizer(run).plot_feature_maps(place)


class Like(nn.Module):
    """The shape that other libraries give the network: numbered layers, a pool of fixed output, in-place ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 16, 11, 4, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(16, 24, 5, padding=2), nn.ReLU(inplace=True)),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.classifier = nn.Sequential(nn.Dropout(), nn.Linear(96, 7))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return found


@pytest.mark.parametrize(
    ("model", "side"),
    [(Like(), 64), (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.Conv2d(4, 5, 3), nn.Flatten()), 16),
     (notes_network(), 31), (AlexNet(3, "quick", size=32), 32)],
    ids=["numbered", "sequential", "notes", "own"],
)  # fmt: skip
def test_a_module_alone(model: nn.Module, side: int, path: Path) -> None:
    model.train()
    look = AlexNetVisualizer(model, preprocess=lambda picture: torch.randn(3, side, side))
    for layer in ("conv1", "conv2"):
        check_texts(look.plot_conv_filters(layer))
        check_texts(look.plot_feature_maps(path, layer))
        check_texts(look.plot_feature_maps(torch.randn(3, side, side), layer))
    check_texts(look.plot_predictions([torch.randn(3, side, side), path]))
    assert all(one.training for one in model.modules())
    assert not any(one._forward_hooks for one in model.modules())
    for method in (look.plot_training_curves, look.plot_predictions, lambda: look.plot_neighbours(path)):
        with pytest.raises(ValueError, match="a run"):
            method()


def test_what_a_module_lacks_is_said(run: Run, path: Path) -> None:
    look = AlexNetVisualizer(Like())
    with pytest.raises(ValueError, match="preprocess="):
        look.plot_feature_maps(path, "conv1")
    with pytest.raises(ValueError, match="needs a run or an AlexNet, not a Like"):
        look.plot_imagined("conv1", 0)
    with pytest.raises(ValueError, match="7 classes apart, and 2 names"):
        AlexNetVisualizer(Like(), classes=("a", "b")).plot_predictions([torch.randn(3, 64, 64)])
    with pytest.raises(ValueError, match="not a int"):
        AlexNetVisualizer(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="its own preprocessing"):
        AlexNetVisualizer(run, classes=("a",))
    with pytest.raises(ValueError, match="1 to 8 pictures fit"):
        AlexNetVisualizer(run).plot_predictions([path] * 9)
    with pytest.raises(ValueError, match="2 pictures and 1 true classes"):
        AlexNetVisualizer(run).plot_predictions([path] * 2, true=["a"])


def test_it_is_public() -> None:
    assert alexnet.AlexNetVisualizer is AlexNetVisualizer
