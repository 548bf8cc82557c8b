"""How is a map of the pixels that speak for a class computed? Six methods, through captum, on a copy of the network.

    saliency              size of the class's gradient at each pixel (Simonyan et al., 2014)
    grad-cam              the last convolution's maps, each weighed by its mean gradient (Selvaraju et al., 2017)
    guided-grad-cam       that, times guided back-propagation (Springenberg et al., 2015), which has pixels
    integrated-gradients  gradients along the way from the mean picture, times that way (Sundararajan et al., 2017)
    occlusion             how much the class loses where a window shows the mean picture (Zeiler and Fergus, 2014)
    deeplift              differences to the mean picture, carried back by the rescale rule (Shrikumar et al., 2017)

The class is its logit. The mean picture is 0 for the network: what preprocessing subtracts.
"""

from __future__ import annotations

import contextlib
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexnet.edits.rows import block
from alexnet.model.network import AlexNet
from alexnet.tables import ACTIVATIONS, CONVOLUTIONS

_INSTALL = "maps of what speaks for a class need captum, which {why}; pip install 'alexnet[insight]'"
#: Points on the way from the mean picture to the picture.
STEPS = 24
#: Windows of occlusion along a side, each half over the next, so that a window has a quarter of the side.
_WINDOWS = 7
#: Places along a side of the maps that Grad-CAM weighs, if it can be helped.
_LEAST = 4
#: Values of pictures at once.
_AT_ONCE = 3_000_000


@dataclass(frozen=True, kw_only=True)
class Maps:
    """One method's maps of some pictures."""

    values: Tensor
    """float32 (N,H,W)."""
    gap: Tensor | None = None
    """float32 (N,): the map's sum less what it must be, the logit's difference to the mean picture; None where the
    method promises no such sum."""
    difference: Tensor | None = None
    """float32 (N,): that difference of the logits."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """One way from a class to a map."""

    title: str
    signed: bool
    """Values below 0 speak against the class."""
    compute: Callable[[AlexNet, Tensor, Tensor], Tensor]
    """(network, pictures N,3,H,W, classes N) to N,H,W."""
    complete: bool = False
    """Its sum promises the logit's difference to the mean picture."""


def captum() -> Any:
    """captum's attribution methods. Raises ValueError, one sentence, where it is missing or does not import."""
    try:
        import captum.attr
    except ImportError as error:
        raise ValueError(_INSTALL.format(why=f"is not installed ({error})")) from error
    except RuntimeError as error:  # what a broken package beside it ends in
        raise ValueError(_INSTALL.format(why=f"does not work here ({error})")) from error
    return captum.attr


def opened(network: AlexNet) -> AlexNet:
    """A copy that may be taken apart: float32, test mode, no hooks, no gradients of weights."""
    found = copy.deepcopy(network).float().eval().requires_grad_(False)
    found = found.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for module in found.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks):
            hooks.clear()
    return found


def compute(network: AlexNet, images: Tensor, targets: Tensor, method: str) -> Maps:
    """The maps of a method for pictures float N,3,H,W as the network takes them, and a class each, int64 (N,).

    network: from `opened`. Raises ValueError for an unknown method, Grad-CAM without a convolution, and as `captum`.
    """
    chosen = require(method)
    images = images.detach().float().clone(memory_format=torch.contiguous_format).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # captum warns that it sets hooks, which is what it was called for
        values = chosen.compute(network, images, targets).detach().float()
    if not chosen.complete:
        return Maps(values=values)
    with torch.no_grad():
        own = network(images).gather(1, targets[:, None])[:, 0]
        mean = network(torch.zeros_like(images[:1]))[0, targets]
    return Maps(values=values, gap=values.sum((1, 2)) - (own - mean), difference=own - mean)


def require(method: str) -> Method:
    """The method of that name. Raises ValueError, naming all, for one that is none."""
    if method not in METHODS:
        raise ValueError(f"no attribution method is called {method!r}; there are {', '.join(METHODS)}")
    return METHODS[method]


def seen_by_grad_cam(network: AlexNet) -> str | None:
    """The row that Grad-CAM looks at: the activation of the last convolution whose maps have places, or where pooling
    before it leaves less than 4 x 4 of them, the convolution itself; None where there is no such convolution."""
    shapes, table = network.shapes, network.table
    rows = [row.name for row in table.layers if row.kind in CONVOLUTIONS and max(shapes[row.name][1:]) > 1]
    if not rows:
        return None
    own = block(table, rows[-1])
    after = [row.name for row in own if row.kind in ACTIVATIONS and min(shapes[row.name][1:]) >= _LEAST]
    return after[-1] if after else rows[-1]


def _saliency(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    return captum().Saliency(network).attribute(images, targets).amax(1)  # type: ignore[no-any-return]


def _cam_layer(network: AlexNet) -> nn.Module:
    name = seen_by_grad_cam(network)
    if name is None:
        raise ValueError(
            f"Grad-CAM weighs the maps of a convolution, and the network {network.table.name!r} has none; take "
            "saliency, integrated-gradients, occlusion or deeplift"
        )
    return network.layer(name)


def _grad_cam(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    rule = captum().LayerGradCam(network, _cam_layer(network))
    coarse = rule.attribute(images, targets, relu_attributions=True)  # N,1,h,w
    return F.interpolate(coarse, images.shape[2:], mode="bilinear")[:, 0]


def _guided_grad_cam(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    rule = captum().GuidedGradCam(network, _cam_layer(network))
    found: Tensor = rule.attribute(images, targets, interpolate_mode="bilinear")
    return found.abs().amax(1)


def _integrated_gradients(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    rule = captum().IntegratedGradients(network)
    at_once = max(len(images), _AT_ONCE // images[0].numel())
    found: Tensor = rule.attribute(images, target=targets, n_steps=STEPS, internal_batch_size=at_once)
    return found.sum(1)


def _occlusion(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    sides = images.shape[2:]
    strides = [max(1, round(side / (_WINDOWS + 1))) for side in sides]
    windows = [min(side, 2 * stride) for side, stride in zip(sides, strides)]
    channels = images.shape[1]
    with torch.no_grad():
        found: Tensor = (
            captum()
            .Occlusion(network)
            .attribute(
                images,
                target=targets,
                sliding_window_shapes=(channels, *windows),
                strides=(channels, *strides),
                perturbations_per_eval=max(1, _AT_ONCE // images.numel()),
            )
        )
    return found[:, 0]  # equal in all channels, which are covered together


def _deeplift(network: AlexNet, images: Tensor, targets: Tensor) -> Tensor:
    with _windows_apart(network):
        found: Tensor = captum().DeepLift(network).attribute(images, target=targets)
    return found.sum(1)


METHODS: dict[str, Method] = {
    "saliency": Method(title="saliency", signed=False, compute=_saliency),
    "grad-cam": Method(title="Grad-CAM", signed=False, compute=_grad_cam),
    "guided-grad-cam": Method(title="guided Grad-CAM", signed=False, compute=_guided_grad_cam),
    "integrated-gradients": Method(
        title="integrated gradients", signed=True, compute=_integrated_gradients, complete=True
    ),
    "occlusion": Method(title="occlusion", signed=True, compute=_occlusion),
    "deeplift": Method(title="DeepLift", signed=True, compute=_deeplift, complete=True),
}


class _Windows(nn.Module):
    """The windows of a pooling side by side: N,C,H,W to N,C,H'k,W'k. Beyond the edge the pixel at the edge comes again,
    which changes no maximum."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        sizes = (pool.kernel_size, pool.stride, pool.padding)
        self.kernel, self.stride, self.pad = (one if isinstance(one, int) else one[0] for one in sizes)  # squares
        self.ceil = pool.ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        for axis in (2, 3):
            side = x.shape[axis]
            room = side + 2 * self.pad - self.kernel
            count = (-(-room // self.stride) if self.ceil else room // self.stride) + 1
            if (count - 1) * self.stride >= side + self.pad:  # none starts beyond the map and its zeros
                count -= 1
            starts = torch.arange(count, device=x.device) * self.stride - self.pad
            places = starts[:, None] + torch.arange(self.kernel, device=x.device)
            x = x.index_select(axis, places.clamp(0, side - 1).flatten())
        return x


@contextlib.contextmanager
def _windows_apart(network: AlexNet) -> Iterator[None]:
    """Maximum pooling as two modules, the second without overlap.

    captum's rule for pooling puts what a window says back by `max_unpool2d`, which keeps only one of the windows that
    share a maximum: with overlapping pooling (section 3.4) contributions would be lost. Taking windows apart is linear.
    """
    before: list[tuple[nn.Module, str, nn.MaxPool2d]] = []
    for part in (network.features, network.classifier):
        for name, module in part.named_children():
            if isinstance(module, nn.MaxPool2d):
                before.append((part, name, module))
                apart = nn.Sequential(_Windows(module), nn.MaxPool2d(module.kernel_size, module.kernel_size))
                setattr(part, name, apart)
    try:
        yield
    finally:
        for part, name, module in before:
            setattr(part, name, module)
