"""What is alike to one picture, what speaks for its class, what would one unit like to see? A figure for each."""

from __future__ import annotations

import os

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from alexnet import device as machines
from alexnet.drawing.attribution import maps as draw_attribution
from alexnet.drawing.imagined import imagined as draw_imagined
from alexnet.drawing.neighbours import MOST_FOUND
from alexnet.drawing.neighbours import neighbours as draw_neighbours
from alexnet.insight.attribution import attribute
from alexnet.insight.exciting import exciting, measured
from alexnet.insight.features import last_hidden, values_of
from alexnet.insight.held_out import central
from alexnet.insight.imagined import STEPS, imagine
from alexnet.insight.index import of_source, of_training
from alexnet.insight.methods import METHODS
from alexnet.insight.objectives import layers_of, of_class, unit
from alexnet.insight.search import CALLED, nearest
from alexnet.model.network import AlexNet
from alexnet.training.run import Run


def neighbours_of(
    run: Run,
    square: np.ndarray,
    *,
    among: str | os.PathLike[str] | None = None,
    number: int = 6,
    metric: str = "euclidean",
    device: str = "cpu",
) -> Figure:
    """The pictures nearest to a stored square, uint8 (3,S,S), in the last hidden layer, with their distances.

    Args:
        among: pictures to search; None is those that the run was trained on.

    Raises:
        ValueError: as `index.of_training`, `index.of_source` and `search.nearest`; more than the figure holds.
    """
    if not 0 < number <= MOST_FOUND:
        raise ValueError(f"1 to {MOST_FOUND} neighbours fit into the figure, not {number}")
    machine, layer = machines.choose(device), last_hidden(run.network)
    if among is None:
        index = of_training(run, layer, machine)
    else:
        index = of_source(run, among, layer, machine, lambda path, reason: None)
    found = nearest(values_of(run, square[None], layer, machine.device), index.values, number, metric=metric)
    rows = found.rows[0].tolist()
    return draw_neighbours(
        square[None],
        [""],
        [np.stack([index.square(row) for row in rows])],
        [[index.labels[row] for row in rows]],
        found.distances.tolist(),
        title="What the network finds alike",
        note=f"the nearest of {len(index):,}{' training' * (among is None)} pictures, by {CALLED[metric]} in {layer}",
    )


def attribution_of(
    run: Run | AlexNet, eaten: Tensor, seen: np.ndarray, method: str, target: int | str | None, classes: tuple[str, ...]
) -> Figure:
    """What speaks for a class in one picture, laid over it.

    Args:
        eaten: float (3,H,W) as the network takes it. seen: uint8 (3,H,W) of the same.
        target: a class by number or name; None is the most probable one.
        classes: names, or none.

    Raises:
        ValueError: as `attribution.attribute`.
    """
    found = attribute(run, eaten, method, target)
    name = classes[found.target] if classes else f"class {found.target}"
    said = f"{name}\n{100 * found.probability:.0f}%"
    return draw_attribution(
        seen[None], found.map[None, None], [METHODS[method].title], [said], title="What speaks for the class"
    )


def imagined_of(
    run: Run | AlexNet, layer: str, number: int, *, beside: int = 4, steps: int = STEPS, device: str = "cpu"
) -> Figure:
    """The picture made for one unit or class, beside those of the run's set that excite it most, with their values.

    Of a layer of maps the picture is made for the unit in the middle of the map, and the map's strongest is told of
    all pictures.

    Args:
        layer: a row of the table; of the last dense one the units are the classes.
        beside: pictures of the set; a network alone, or weights alone, have none to show.

    Raises:
        ValueError: no such layer or unit, less than one step, or the run's pictures have changed.
    """
    network = run.network if isinstance(run, Run) else run
    asked = of_class(number) if layer == network.layer_names[-1] else unit(layer, number)
    layers_of(network, [asked])
    shape = network.shapes[layer]
    wanted = unit(layer, number, (shape[1] // 2, shape[2] // 2)) if len(shape) == 3 else asked
    made = imagine(run, wanted, steps=steps, device=device)
    own = measured(network.to(device), _as_imagined(run, made.pictures, device), [asked])[0].tolist()
    images, excited, note = np.empty((1, 0, *made.pictures.shape[1:]), np.uint8), np.empty((1, 0)), ""
    if beside > 0 and isinstance(run, Run) and (run.folder / "data.json").exists():
        found = exciting(run, [asked], top=beside, device=device)
        images, excited = central(run, run.data().gather(found.rows[0]))[None], found.values
        of = f"{found.n:,} pictures" if found.n == found.total else f"{found.n:,} of {found.total:,}"
        note = f"framed: imagined; then the best of {of}, with values"
    is_class = layer == network.layer_names[-1] and isinstance(run, Run)
    name = run.classes[number] if is_class and isinstance(run, Run) else f"unit {number}"
    return draw_imagined(
        made.pictures, own, [name], images, excited, title=f"What {name} of {layer} would like", note=note
    )


def _as_imagined(run: Run | AlexNet, pictures: np.ndarray, device: str) -> Tensor:
    """Imagined pictures as the network takes them; of a network alone as `imagined.imagine` takes it to want them."""
    levels = torch.from_numpy(pictures).float().to(device)
    return run.preprocess.to(device)(levels) if isinstance(run, Run) else levels - 127.5
