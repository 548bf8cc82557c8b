"""What do a course's three plots show? Maps and kernels of a layer by its number, and curves from three lists."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, nn

from alexnet.drawing import maps as drawing
from alexnet.drawing.accuracy import accuracy
from alexnet.insight.kernels import draw_kernels, has_kernels, kernels_of
from alexnet.insight.layers import output_of

#: Maps that are drawn of a layer, in eight rows of eight.
MAPS = 64


def visualize_feature_maps(model: nn.Module, image: Tensor, layer_idx: int) -> Figure:
    """What a layer computes for a picture: its first 64 maps, eight in a row, on one scale from dark to yellow.

    The maps are copied in the hook, before an in-place ReLU after them can overwrite them; the hook is removed and the
    model in the mode it was in, also after an error. The picture is computed in test mode.

    Args:
        model: of which `model.features[layer_idx]` is shown; an `nn.Sequential` itself, where there is no `features`.
        image: float (3,H,W) or (1,3,H,W), as the model takes it, such as `test_transform` gives.

    Raises:
        ValueError: no layer of that number, more than one picture, or a layer that computes no maps.
    """
    name, layer = _layer(model, layer_idx)
    images = image[None] if image.ndim == 3 else image
    if images.ndim != 4 or len(images) != 1:
        raise ValueError(f"maps are shown of one picture, (3, height, width), not of {tuple(image.shape)}")
    device = next((one.device for one in model.parameters()), images.device)
    values = output_of(model, images.to(device), layer)[0].float().cpu().numpy()  # C,H,W
    if values.ndim != 3:
        raise ValueError(f"{name} computes values of the shape {values.shape} for a picture, and no maps")
    if not np.isfinite(values).all():
        raise ValueError(f"what {name} computes for this picture is not finite")
    shown = values[:MAPS]
    said = f"the first {MAPS} of {len(values)}" if len(values) > MAPS else f"all {len(values)}"
    return drawing.maps(
        shown,
        [str(i) for i in range(len(shown))],
        title=f"Maps of {name}, {values.shape[1]} x {values.shape[2]}",
        note=f"{said}; one scale for all",
    )


def visualize_conv_filters(model: nn.Module, layer_idx: int) -> Figure:
    """The kernels of a convolution: those with three input channels in colour, 96 of them in eight rows of twelve.

    Kernels of later layers have no colours: their first three input channels are no red, green and blue. Those of
    largest norm are drawn in grey, a row a kernel, by input channel.

    Args:
        model, layer_idx: as for `visualize_feature_maps`.

    Raises:
        ValueError: no layer of that number, or one that is no convolution (those that are, are named).
    """
    name, layer = _layer(model, layer_idx)
    if not has_kernels(layer):
        places = [str(i) for i, one in enumerate(_layers(model)) if has_kernels(one)]
        raise ValueError(f"{name} has no kernels to show; convolutions are the layers {', '.join(places) or '(none)'}")
    return draw_kernels(kernels_of(model, layer, name=name))


def plot_training_curves(
    train_losses: Sequence[float], val_losses: Sequence[float], val_accs: Sequence[float], *, top: int = 1
) -> Figure:
    """Two panels over the epochs: the losses of training and validation, and the validation accuracy.

    Args:
        train_losses, val_losses: one an epoch, nats, from `train_one_epoch` and `validate`.
        val_accs: percent, as `validate` gives them.
        top: 1, or the `top` that was given to `validate`. The paper's 84.7% are drawn for 5 only: they are a top-5
            accuracy, of seven networks together on the test pictures of ILSVRC-2012.

    Raises:
        ValueError: no epochs, lists of different lengths, or accuracies that are no percent.
    """
    n = len(train_losses)
    if not n or len(val_losses) != n or len(val_accs) != n:
        raise ValueError(
            f"there must be as many values in each list, one an epoch, not {n}, {len(val_losses)} and {len(val_accs)}"
        )
    if any(not 0 <= value <= 100 for value in val_accs if math.isfinite(value)):
        raise ValueError("accuracies are in percent, from 0 to 100, as validate() gives them")
    return accuracy(train_losses, val_losses, val_accs, top=top)


def _layers(model: nn.Module) -> list[nn.Module]:
    return list(getattr(model, "features", model).children())


def _layer(model: nn.Module, number: int) -> tuple[str, nn.Module]:
    """What a layer is called in a title, and the layer."""
    layers = _layers(model)
    where = "features" if hasattr(model, "features") else type(model).__name__
    if not -len(layers) <= number < len(layers):
        raise ValueError(f"{where} has {len(layers)} layers, numbered from 0, so {number} is none of them")
    return f"{where}[{number}] ({type(layers[number]).__name__})", layers[number]
