"""What does each layer look for? Its kernels as pictures, as in figure 3 of the paper, and how colourful they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from alexnet.drawing import figures
from alexnet.drawing.units import colour_scores as draw_scores
from alexnet.insight.layers import convolutions, find_layer
from alexnet.insight.panel import Panel
from alexnet.insight.specialisation import colour_scores, specialisation
from alexnet.model.local import LocalConv2d
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernels:
    """The kernels of one layer."""

    layer: str
    weights: np.ndarray
    """float32 (out, in, kh, kw)."""
    columns: int
    """1, or the columns that they lie on: equal parts, in order."""
    local: bool = False
    """Every place has kernels of its own; these are the middle place's."""


def has_kernels(module: nn.Module) -> bool:
    """Whether a layer slides kernels over maps."""
    return isinstance(module, nn.Conv2d | LocalConv2d)


def kernels_of(model: nn.Module, layer: str | nn.Module, *, name: str = "") -> Kernels:
    """The kernels of a convolution, a part of the model or its name, see `layers.find_layer`.

    A layer lies on columns if its kernels read one column each, or if those of the next convolution do: the first and
    the third layer of the paper read everything, and what they compute goes to one column each (section 3.5).

    Raises:
        ValueError: no such layer, or one that is no convolution.
    """
    module = find_layer(model, layer) if isinstance(layer, str) else layer
    name = name or (layer if isinstance(layer, str) else type(layer).__name__)
    known = convolutions(model)
    if not isinstance(module, nn.Conv2d | LocalConv2d):
        kind = type(module).__name__
        raise ValueError(
            f"{name} is a {kind} and has no kernels to show; convolutions are {', '.join(known) or 'none'}"
        )
    order = list(known.values())
    place = next((place for place, one in enumerate(order) if one is module), len(order))
    columns = max((_columns(one) for one in [module, *order[place + 1 : place + 2]]), default=1)
    weights = module.weight if isinstance(module, nn.Conv2d) else _middle(module)
    weights = weights.detach().to("cpu", torch.float32)
    if len(weights) % columns:
        columns = 1
    return Kernels(layer=name, weights=weights.numpy(), columns=columns, local=isinstance(module, LocalConv2d))


def _columns(module: nn.Module) -> int:
    """Columns of a layer; one where each map has a group of its own, which is another idea than columns."""
    if isinstance(module, nn.Conv2d):
        return module.groups if module.groups < module.in_channels else 1
    return module.columns if isinstance(module, LocalConv2d) else 1


def _middle(module: LocalConv2d) -> Tensor:
    """The kernels of the middle place: (out, in / columns, kernel, kernel)."""
    place = module.places // 2 * (module.places + 1)
    side, g = module.kernel, module.columns
    own = module.weight.view(module.places**2, g, -1, module.out // g)[place]  # columns,in*kernel^2,out/columns
    return own.transpose(1, 2).reshape(module.out, -1, side, side)


def draw_kernels(found: Kernels, note: str = "") -> Figure:
    """The kernels as a figure: 96 of them in eight rows of twelve, columns apart; in grey those of largest norm."""
    out, _, high, width = found.weights.shape
    where = " at the middle place" if found.local else ""
    return figures.kernels(
        found.weights,
        columns=found.columns,
        wide=12 if out // found.columns % 12 == 0 else 16,
        title=f"The {out} kernels of {found.layer}{where}, {high} x {width}",
        note=note,
    )


def panels(run: Run, *, device: str = "cpu", limit: int = 6) -> Iterator[Panel]:
    """The kernels of every convolution, and the colour scores of the first one's; needs no pictures.

    Args:
        device: without effect; all topics take it.
        limit: convolutions drawn at most, from the first on.
    """
    for place, name in enumerate(list(convolutions(run.network))[:limit]):
        found = kernels_of(run.network, name)
        if place == 0:
            yield _first(found)
            if found.weights.shape[1] == 3:
                yield _colours(run, found)
        else:
            yield _later(found)


def _first(found: Kernels) -> Panel:
    apart = (
        " The network has two columns that hardly see each other; the upper part is the first one's, the lower the "
        "second's." * (found.columns == 2)
    )
    return Panel(
        name=f"kernels_{found.layer}",
        title=f"What the first layer looks for ({found.layer})",
        figure=draw_kernels(found, "the paper's figure 3, of this network"),
        caption="Each tile is one kernel: the small pattern that the layer slides over the picture and answers where "
        "the picture resembles it. Stripes find edges of their direction, blobs find colours; tiles that still look "
        f"like noise have learned little. Middle grey is a weight of 0.{apart}",
        numbers={"kernels": len(found.weights), "shape": list(found.weights.shape[1:]), "columns": found.columns},
    )


def _later(found: Kernels) -> Panel:
    inside = " Channels are counted from each column's first." * (found.columns > 1)
    return Panel(
        name=f"kernels_{found.layer}",
        title=f"What {found.layer} looks for",
        figure=draw_kernels(found),
        caption="This layer reads the maps of the layer before, so its kernels have no colour. A row is one kernel, a "
        "tile what it wants of one of the maps it reads: bright where it wants the map high, dark where low. Only the "
        f"kernels and maps with the largest weights are shown.{inside}",
        numbers={"kernels": len(found.weights), "shape": list(found.weights.shape[1:]), "columns": found.columns},
    )


def _colours(run: Run, found: Kernels) -> Panel:
    scores = colour_scores(found.weights)
    numbers = {"layer": found.layer, "scores": scores.tolist(), "mean": float(scores.mean()), "columns": found.columns}
    said = "0 is a kernel that is blind to colour, 1 one that is blind to grey."
    if _grey(run):
        said += " The pictures of this run are grey: colour never mattered, and what is left of it is chance."
    note = f"{len(scores)} kernels, mean {scores.mean():.2f}"
    if found.columns > 1:
        test = specialisation(scores, found.columns, seed=run.config.train.seed)
        numbers["specialisation"] = test.to_dict()
        note = f"means {', '.join(f'{mean:.2f}' for mean in test.means)}; {_chance(test.p)}"
        said += (
            " In the paper one column became colourful and the other did not. The p says how often kernels that are "
            "dealt to the columns at random differ as much: below 0.05 it is hardly chance, above it, it may well be."
        )
    return Panel(
        name="kernels_colour",
        title="How colourful the first layer's kernels are",
        figure=draw_scores(scores, columns=found.columns, title=f"Colour in the kernels of {found.layer}", note=note),
        caption=f"A dot is a kernel. {said}",
        numbers=numbers,
    )


def _chance(p: float) -> str:
    return f"a permutation test gives p {'=' if p > 1e-4 else '≤'} {p:.2g}"


def _grey(run: Run) -> bool:
    """Whether the training pictures were grey: the means of red, green and blue are the same."""
    means = run.preprocess.mean.flatten(1).double().mean(1)
    return bool((means - means[0]).abs().max() < 1e-3)
