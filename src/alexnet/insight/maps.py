"""What does a layer see in one picture? Its strongest maps, or the units of a dense layer that answer most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, nn

from alexnet.drawing import maps as drawing
from alexnet.insight.held_out import as_eaten, central, held_out
from alexnet.insight.layers import output_of
from alexnet.insight.panel import Panel
from alexnet.tables.rows import ACTIVATIONS
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Maps:
    """What a layer computes for one picture."""

    layer: str
    values: np.ndarray
    """float32 (C,H,W), or (units,) where the layer has no places."""
    strongest: np.ndarray
    """int64, numbers of the maps or units whose largest value is largest, that one first."""

    def to_dict(self) -> dict[str, Any]:
        peaks = self.values[self.strongest].reshape(len(self.strongest), -1).max(axis=1)
        return {
            "layer": self.layer,
            "shape": list(self.values.shape),
            "strongest": self.strongest.tolist(),
            "peaks": [float(peak) for peak in peaks],
        }


def feature_maps(model: nn.Module, image: Tensor, layer: str | nn.Module, *, top: int = 16, name: str = "") -> Maps:
    """The maps of a layer for one picture, test mode, and which of them answer most strongly anywhere.

    Args:
        image: float (1,C,H,W), as the network takes it.
        layer: a row of the table, a name as `layers.find_layer` takes it, or a part of the model itself.
        top: how many of the strongest are told.
        name: what the layer is called; None is needed where `layer` is a name.

    Raises:
        ValueError: no such layer, more than one picture, or values that are not finite.
    """
    if len(image) != 1:
        raise ValueError(f"maps are shown of one picture at a time, not of {len(image)}")
    said = name or (layer if isinstance(layer, str) else type(layer).__name__)
    values = output_of(model, image, layer)[0].float().cpu().numpy()
    if values.ndim not in (1, 3):
        raise ValueError(f"{said} computes values of the shape {values.shape} for a picture: neither maps nor units")
    if not np.isfinite(values).all():
        raise ValueError(f"what {said} computes for this picture is not finite: the network's training has diverged")
    order = np.argsort(-values.reshape(len(values), -1).max(axis=1), kind="stable")
    return Maps(layer=said, values=values, strongest=order[: max(1, top)])


def draw_maps(
    found: Maps, *, picture: np.ndarray | None = None, classes: Sequence[str] | None = None, about: str = ""
) -> Figure:
    """The strongest maps as a figure that says how they were chosen.

    Args:
        picture: uint8 (3,h,w), drawn beside them.
        classes: names of the units, where the layer has one for each.
        about: said first in the line under the title.
    """
    shown, total, chosen = len(found.strongest), len(found.values), found.values[found.strongest]
    lead = f"{about}; " if about else ""
    if found.values.ndim == 1:
        named = classes if classes is not None and len(classes) == total else [f"unit {i}" for i in range(total)]
        said = "all of them" if shown == total else f"the {shown} with the largest values"
        return drawing.answers(
            chosen.tolist(),
            [named[i] for i in found.strongest],
            picture=picture,
            title=f"The {total:,} units of {found.layer}",
            note=f"{lead}{said}, largest first",
        )
    said = "all of them" if shown == total else f"the {shown} with the largest peaks"
    return drawing.maps(
        chosen,
        [f"{'' if shown > 25 else 'map '}{i}" for i in found.strongest],
        picture=picture,
        title=f"The {total:,} maps of {found.layer}, {found.values.shape[1]} x {found.values.shape[2]}",
        note=f"{lead}{said}, largest first; one scale for all",
    )


def panels(run: Run, *, device: str = "cpu", limit: int = 5) -> Iterator[Panel]:
    """The strongest maps of every convolution, after its activation, for one held-out picture.

    Args:
        limit: layers shown at most, from the first on.

    Raises:
        ValueError: the run's pictures are not at hand.
    """
    pictures = held_out(run, limit=1)
    square = pictures.prepared.gather(pictures.rows)
    image = as_eaten(run, square, device)
    path = str(pictures.prepared.origins[int(pictures.rows[0])].as_py())
    true = pictures.prepared.classes[int(pictures.prepared.labels[pictures.rows[0]])]
    network = run.network.to(device)
    shown = [
        row.name for row in network.table.layers if row.kind in ACTIVATIONS and len(network.shapes[row.name]) == 3
    ][:limit]
    for place, name in enumerate(shown):
        found = feature_maps(network, image, name)
        first = "The first maps are close to the picture: edges and colours where they are."
        later = "The deeper the layer, the coarser the maps, and the less they look like the picture: they say where a "
        yield Panel(
            name=f"maps_{name}",
            title=f"What {name} sees in one picture",
            figure=draw_maps(found, picture=central(run, square)[0], about=f"{pictures.split}, {true}"),
            caption="Each small square is one map: how strongly one kernel answers at each place of the picture, from "
            f"dark (not at all) to yellow (most). {first if place == 0 else later + 'pattern is, not how it looks.'}",
            numbers={"picture": path, "split": pictures.split, "true": true} | found.to_dict(),
        )
