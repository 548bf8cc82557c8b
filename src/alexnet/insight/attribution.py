"""Why this class? Maps of the pixels that speak for it by six methods, for any picture; and the page of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.drawing.attribution import maps as draw
from alexnet.insight import sanity
from alexnet.insight.held_out import HeldOut, as_eaten, central, held_out
from alexnet.insight.methods import METHODS, STEPS, captum, compute, opened, require, seen_by_grad_cam
from alexnet.insight.panel import Panel
from alexnet.insight.picture import Picture, eaten_and_seen, is_eaten
from alexnet.model.network import AlexNet
from alexnet.training.run import Run


@dataclass(frozen=True, kw_only=True, eq=False)
class Attribution:
    """What speaks for a class in one picture."""

    method: str
    map: np.ndarray
    """float32 (H,W): above 0 for the class, below 0 against it where the method tells that."""
    target: int
    label: str
    """The class's name; "" where only a network was given."""
    probability: float
    """That the network gives the class."""
    gap: float | None = None
    """Of integrated gradients and DeepLift: the map's sum less what it must be, `difference`. Near 0, or the map has
    lost a part."""
    difference: float | None = None
    """The class's logit for this picture less that for the mean picture."""
    picture: np.ndarray | None = None
    """uint8 (3,H,W): the part of the picture that the network saw; None where floats were given."""


def attribute(
    run: Run | AlexNet, image: Picture, method: str = "grad-cam", target: int | str | None = None
) -> Attribution:
    """The map of what speaks for a class in a picture.

    Args:
        run: a run, or a network alone, which takes floats only.
        image: as `insight/picture.py` takes it: a file or pixels, which go through the run's own preprocessing and
            central crop, or float (3,H,W) as the network takes it.
        method: one of `METHODS`.
        target: the class, by number or by name; None is the one that the network finds most probable.

    The network stays as it was: the work is done on a copy.

    Raises:
        ValueError: an unknown method or class, a picture that cannot be read or does not fit, Grad-CAM without a
            convolution, or captum is missing.
    """
    require(method)
    captum()
    network, classes = (run.network, run.classes) if isinstance(run, Run) else (run, ())
    copied = opened(network)
    device = next(copied.parameters()).device
    floats, pixels = eaten_and_seen(image, run if isinstance(run, Run) else None, None, device)  # 1,3,H,W
    with torch.no_grad():
        probabilities = copied(floats).softmax(1)[0]
    chosen = int(probabilities.argmax()) if target is None else _class(target, classes, len(probabilities))
    found = compute(copied, floats, torch.tensor([chosen], device=device), method)
    return Attribution(
        method=method,
        map=found.values[0].cpu().numpy(),
        target=chosen,
        label=classes[chosen] if classes else "",
        probability=float(probabilities[chosen]),
        gap=None if found.gap is None else float(found.gap[0]),
        difference=None if found.difference is None else float(found.difference[0]),
        picture=None if is_eaten(image) else pixels,
    )


def _class(target: int | str, classes: tuple[str, ...], count: int) -> int:
    if isinstance(target, str):
        if target not in classes:
            raise ValueError(f"the network does not know the class {target!r}; it knows {', '.join(classes[:20])}")
        return classes.index(target)
    if not 0 <= target < count:
        raise ValueError(f"the network has {count} classes, numbered from 0, so {target} is none of them")
    return int(target)


def panels(run: Run, *, device: str = "cpu", limit: int = 4) -> Iterator[Panel]:
    """`limit` held-out pictures, each with the map of every method for the class that the network gives it; then the
    check that the maps follow the weights. Raises ValueError without captum or without the run's pictures."""
    captum()
    pictures = held_out(run)
    prepared, rows = pictures.prepared, _of_all_classes(pictures, run.config.train.seed)[:limit]
    network, squares = opened(run.network).to(device), prepared.gather(rows)
    images = as_eaten(run, squares, device)  # N,3,crop,crop
    with torch.no_grad():
        probabilities = network(images).softmax(1)
    targets = probabilities.argmax(1)
    chosen = [name for name in METHODS if "cam" not in name or seen_by_grad_cam(network)]
    found = {name: compute(network, images, targets, name) for name in chosen}
    said = [
        f"{run.classes[target]}\n{100 * float(row[target]):.0f}%\n"
        + ("right" if run.classes[target] == prepared.classes[label] else f"true: {prepared.classes[label]}")
        for target, row, label in zip(targets.tolist(), probabilities, prepared.labels[rows], strict=True)
    ]
    complete = {name: maps for name, maps in found.items() if maps.gap is not None}
    yield Panel(
        name="attribution",
        title="What speaks for the class",
        figure=draw(
            central(run, squares),
            np.stack([found[name].values.cpu().numpy() for name in chosen], 1),
            [METHODS[name].title for name in chosen],
            said,
            note=f"for the class that the network names, on {len(rows)} pictures of {pictures.split}",
        ),
        caption=(
            "Beside each held-out picture stand the class that the network names, how sure it is, and whether it is "
            "right. Orange pixels speak for that class, blue ones against it; three of the methods know no against. "
            "Where methods that work differently are deep in the same place, the class is probably seen there. An "
            "empty Grad-CAM is an answer too: no map of its layer speaks for the class as a whole. "
            + " ".join(_completeness(METHODS[name].title, maps.gap, maps.difference) for name, maps in complete.items())
        ),
        numbers={
            "split": pictures.split,
            "grad_cam_layer": seen_by_grad_cam(network),
            "steps": STEPS,
            "rows": rows.tolist(),
            "classes": [run.classes[target] for target in targets.tolist()],
            "gaps": {name: maps.gap.tolist() for name, maps in complete.items() if maps.gap is not None},
            "differences": {
                name: maps.difference.tolist() for name, maps in complete.items() if maps.difference is not None
            },
        },
    )
    values = {name: maps.values for name, maps in found.items()}
    yield from sanity.panels(sanity.check(network, images, targets, values, seed=run.config.train.seed))


def _completeness(title: str, gap: Tensor | None, difference: Tensor | None) -> str:
    assert gap is not None
    assert difference is not None
    share = 100 * float((gap.abs() / difference.abs().clamp_min(1e-6)).max())
    return f"The map of {title} adds up to what it must within {share:.2g}% at worst."


def _of_all_classes(pictures: HeldOut, seed: int) -> np.ndarray:
    """The rows in an order of the seed's, one of each class ahead of all others."""
    rows = pictures.rows[draws.order(seed, 0, len(pictures.rows), "attribution").numpy()]
    _, first = np.unique(pictures.prepared.labels[rows], return_index=True)
    ahead = np.sort(first)
    return np.asarray(rows[np.concatenate((ahead, np.setdiff1d(np.arange(len(rows)), ahead)))])
