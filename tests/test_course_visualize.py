"""Do a course's three plots show what they say, and is the model left as it was?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from alexnet.course import plot_training_curves, visualize_conv_filters, visualize_feature_maps
from alexnet.model.network import AlexNet
from test_course_weights import notes_network
from test_drawing_figures import check_texts, said


def test_maps_are_the_convolutions_own_and_not_what_the_relu_made_of_them() -> None:
    torch.manual_seed(0)
    model, image = notes_network(), torch.randn(3, 31, 31)
    model.train()
    model.classifier[0].eval()
    figure = visualize_feature_maps(model, image, 0)
    with torch.no_grad():
        expected = model.features[0](image[None])[0].numpy()
    drawn = [np.asarray(axes.images[0].get_array()) for axes in figure.subfigs[0].axes if axes.images][: len(expected)]
    assert np.allclose(np.stack(drawn), expected, atol=1e-6)
    assert (expected < 0).any()
    assert not any(one._forward_hooks for one in model.modules())
    assert not model.classifier[0].training
    assert model.features.training
    check_texts(figure)


def test_sixty_four_maps_at_most_eight_in_a_row() -> None:
    model = nn.Sequential(nn.Conv2d(3, 70, 3))
    figure = visualize_feature_maps(model, torch.randn(1, 3, 8, 8), 0)
    assert "the first 64 of 70" in said(figure)
    shown = [axes for axes in figure.subfigs[0].axes if axes.images]
    assert len({round(axes.get_position().x0, 3) for axes in shown[:64]}) == 8


def test_hooks_are_removed_after_an_error() -> None:
    class Breaks(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise RuntimeError("broken")

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Breaks())
    with pytest.raises(RuntimeError, match="broken"):
        visualize_feature_maps(model, torch.randn(3, 8, 8), 0)
    assert not any(one._forward_hooks for one in model.modules())
    assert model.training


def test_96_kernels_in_eight_rows_of_twelve() -> None:
    model = nn.Sequential(nn.Conv2d(3, 96, 11, stride=4), nn.ReLU(), nn.Conv2d(96, 256, 5))
    (axes,) = visualize_conv_filters(model, 0).subfigs[0].axes
    assert axes.images[0].get_array().shape == (8 * 48, 12 * 48, 3)
    later = visualize_conv_filters(model, -1)
    assert "in grey, by input channel" in said(later)
    own = AlexNet(3, "quick", size=32)
    assert "48 kernels of features[0]" in said(visualize_conv_filters(own, 0))


def test_what_cannot_be_shown_is_said() -> None:
    model, image = notes_network(), torch.randn(3, 31, 31)
    with pytest.raises(
        ValueError, match=r"features\[1\] \(ReLU\) has no kernels to show; convolutions are the layers 0, 4"
    ):
        visualize_conv_filters(model, 1)
    for function in (lambda: visualize_conv_filters(model, 99), lambda: visualize_feature_maps(model, image, 99)):
        with pytest.raises(ValueError, match="numbered from 0, so 99 is none"):
            function()
    with pytest.raises(ValueError, match="of one picture"):
        visualize_feature_maps(model, torch.randn(2, 3, 31, 31), 0)
    with pytest.raises(ValueError, match="and no maps"):
        visualize_feature_maps(nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), torch.randn(3, 2, 2), 1)


@pytest.mark.parametrize("top", [1, 5])
def test_the_papers_accuracy_stands_on_a_top_5_axis_only(top: int) -> None:
    figure = plot_training_curves([2.0, 1.0, 0.5], [2.1, 1.4, 1.2], [40.0, 60.0, 70.0], top=top)
    left, right = figure.subfigs[0].axes
    levels = [set(np.round(np.asarray(line.get_ydata(), float), 6).tolist()) for line in right.lines]
    assert ({84.7} in levels) == (top == 5) == ("84.7%" in said(figure))
    assert {40.0, 60.0, 70.0} in levels
    assert np.asarray(left.lines[1].get_ydata()).tolist() == [2.1, 1.4, 1.2]
    check_texts(figure)


def test_lists_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="not 2, 1 and 2"):
        plot_training_curves([1, 1], [1], [5, 5])
    with pytest.raises(ValueError, match="not 0, 0 and 0"):
        plot_training_curves([], [], [])
    with pytest.raises(ValueError, match="in percent"):
        plot_training_curves([1], [1], [101])
