"""Are maps those of the layer, the strongest first, of any network, and is the network left as it was?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alexnet.insight import maps as maps_topic
from alexnet.insight.layers import convolutions, find_layer, output_of
from alexnet.insight.maps import draw_maps, feature_maps
from alexnet.model.network import AlexNet
from alexnet.training.start import train
from test_course_weights import notes_network
from test_drawing_figures import check_texts, said


def test_a_planted_map_comes_first() -> None:
    layer = nn.Conv2d(1, 6, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([0.1, -9.0, 3.0, 0.5, 5.0, 0.2]).view(6, 1, 1, 1))
        layer.bias.zero_()
    image = torch.zeros(1, 1, 4, 4)
    image[0, 0, 2, 1] = 1
    found = feature_maps(nn.Sequential(layer), image, "conv1", top=3)
    assert found.strongest.tolist() == [4, 2, 3]
    assert np.unravel_index(found.values[4].argmax(), (4, 4)) == (2, 1)
    assert found.to_dict()["peaks"] == pytest.approx([5, 3, 0.5])


def test_maps_of_a_convolution_are_not_those_after_an_in_place_relu() -> None:
    torch.manual_seed(0)
    model = notes_network()
    images = torch.randn(1, 3, 31, 31)
    with torch.no_grad():
        expected = model.features[0](images)
    found = output_of(model, images, "conv1")
    assert (found < 0).any()
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(output_of(model, images, "features.1"), expected.relu())


def test_layers_are_found_by_row_by_number_and_by_path() -> None:
    network, plain = AlexNet(5, "quick", size=32), notes_network()
    assert find_layer(network, "conv3") is network.features.conv3
    assert find_layer(plain, "conv5") is plain.features[12]
    assert find_layer(plain, "fc6") is plain.classifier[1]
    assert find_layer(plain, "fc8") is plain.classifier[-1]
    assert find_layer(plain, "features.3") is plain.features[3]
    assert list(convolutions(plain)) == [f"conv{i}" for i in range(1, 6)]
    with pytest.raises(ValueError, match="did you mean 'conv5'"):
        find_layer(plain, "conv55")
    with pytest.raises(ValueError, match="did you mean 'conv5'"):
        find_layer(network, "conv55")


def test_extracted_and_hooked_are_the_same() -> None:
    network = AlexNet(5, "quick", size=32)
    images = torch.randn(2, 3, 32, 32)
    for name in ("conv1", "relu5", "fc8"):
        torch.testing.assert_close(output_of(network, images, name), output_of(network, images, network.layer(name)))


def test_hooks_and_modes_are_as_before_also_after_an_error() -> None:
    class Breaks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("broken")

    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.9), Breaks())
    model.train()
    model[1].eval()
    with pytest.raises(RuntimeError, match="broken"):
        output_of(model, torch.zeros(1, 3, 8, 8), "conv1")
    assert [len(one._forward_hooks) for one in model.modules()] == [0] * 4
    assert [one.training for one in model.modules()] == [True, True, False, True]


def test_what_cannot_be_shown_is_said() -> None:
    unused = nn.Sequential(nn.Conv2d(3, 4, 3))
    unused.spare = nn.Conv2d(3, 4, 3)  # type: ignore[assignment]
    del unused._modules["spare"]
    model = nn.Module()
    model.used, model.spare = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    model.forward = lambda x: model.used(x)  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="does not use its layer spare"):
        output_of(model, torch.zeros(1, 3, 8, 8), "spare")
    with pytest.raises(ValueError, match="one picture at a time, not of 2"):
        feature_maps(model, torch.zeros(2, 3, 8, 8), "used")
    with pytest.raises(ValueError, match="not finite"):
        feature_maps(model, torch.full((1, 3, 8, 8), torch.nan), "used")


@pytest.mark.parametrize("top", [1, 5, 16, 40])
def test_figures_say_how_the_maps_were_chosen(top: int) -> None:
    network = AlexNet(4, "quick", size=32)
    picture = np.zeros((3, 32, 32), np.uint8)
    image = torch.randn(1, 3, 32, 32)
    figure = draw_maps(feature_maps(network, image, "conv1", top=top), picture=picture, about="val, hat")
    assert f"val, hat; the {top} with the largest peaks" in said(figure)
    check_texts(figure)
    check_texts(draw_maps(feature_maps(network, image, "fc6", top=top)))
    figure = draw_maps(feature_maps(network, image, "fc8"), picture=picture, classes=["a", "b", "$c$", "hat"])
    assert {"a", "b", "hat", "all of them, largest first"} <= set(said(figure).splitlines())


def test_a_page_for_every_activation(tmp_path: Path, picture_folder: Path) -> None:
    changes = {"train.epochs": 1, "data.size": 28, "augment.crop": 24, "augment.pad": 0, "model.width": 0.25}
    run = train(picture_folder, out=tmp_path / "a", recipe="digits", changes=changes, device="cpu", threads=1)
    pages = list(maps_topic.panels(run))
    assert [page.name for page in pages] == [f"maps_relu{i}" for i in range(1, 6)]
    assert len({page.numbers["picture"] for page in pages}) == 1
    assert [page.numbers["picture"] for page in maps_topic.panels(run, limit=1)] == [pages[0].numbers["picture"]]
    row = next(i for i in run.data().rows("test") if str(run.data().origins[int(i)]) == pages[0].numbers["picture"])
    squares = torch.from_numpy(run.data().gather(np.array([row])))
    with torch.no_grad():
        values = run.network.extract(run.preprocess(squares[:, :, 2:26, 2:26]), "relu1")[0]
    assert pages[0].numbers["peaks"] == pytest.approx(values.amax((1, 2)).sort(descending=True).values[:16].tolist())
