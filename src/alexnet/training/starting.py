"""From which weights does a run start, if not from initial draws? From another network's, which lie in its folder.

Pre-training and fine-tuning (section 6 of the paper, table 2): all hidden layers begin as they were there, and the last
one too where the classes are the same; with other classes it keeps its initial draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch

from alexnet.edits import last_dense
from alexnet.model.network import AlexNet
from alexnet.model.weights import load_weights

#: The weights file in a run's folder that its `train.start` names.
FILE = "start.safetensors"


def digest_of(path: Path) -> str:
    """What `train.start` holds for a weights file: the first sixteen hexadecimal digits of its SHA-256."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def require_start(run: Path, wanted: str) -> None:
    """Raises ValueError where the run's folder does not hold the weights that its `train.start` names, if any."""
    if not wanted:
        return
    if not (run / FILE).exists():
        raise ValueError(
            f"train.start names the weights {wanted}, and no {FILE} lies in the run's folder {run}; leave it out to "
            "start from initial draws"
        )
    found = digest_of(run / FILE)
    if found != wanted:
        raise ValueError(
            f"train.start names the weights {wanted}, and {run / FILE} holds others, {found}; put the right file there"
        )


def start_from(network: AlexNet, run: Path, wanted: str, classes: tuple[str, ...]) -> str:
    """Give the network the weights that `train.start` names; returns a sentence that says which.

    Taken is every tensor of the hidden layers, batch normalization's running statistics too, and the last dense layer
    where its classes (by name and order; of a file that names none by their number) and its shape are the same.

    Raises:
        ValueError: another file, a hidden layer that it lacks or has in another shape, or nothing that fits.
    """
    require_start(run, wanted)
    weights = load_weights(run / FILE)
    own, given, last = network.state_dict(), weights.state, last_dense(network.table).name
    final = [name for name in own if _row(name) == last]
    hidden = [name for name in own if _row(name) != last]
    fits = {
        name
        for name, value in own.items()
        if name in given
        and value.shape == given[name].shape
        and value.is_floating_point() == given[name].is_floating_point()
    }
    told = f"the weights {wanted} that the run starts from"
    if not any(name in given for name in own):
        raise ValueError(f"{told} have no layer in common with the network {network.table.name}; start from its like")
    if lacking := _rows(name for name in hidden if name not in given):
        raise ValueError(f"{told} lack {lacking}; start from a network with the same hidden layers")
    if reshaped := _rows(name for name in hidden if name not in fits):
        raise ValueError(
            f"{told} have other shapes in {reshaped}; start from a network of the same widths, columns and crop"
        )
    same_classes = tuple(weights.metadata.get("classes", classes)) == classes
    with_last = same_classes and fits.issuperset(final)
    taken = hidden + final if with_last else hidden
    if not taken:
        raise ValueError(f"{told} were made for other classes, and {last} is the network's only layer with weights")
    with torch.no_grad():
        for name in taken:
            own[name].copy_(given[name])
    said = f"starts from the weights {wanted}: takes {_rows(taken)}"
    if not with_last:
        why = "they have it in another shape" if same_classes else "their classes are others"
        said += f"; {last} keeps its initial draws, since {why}"
    unused = _rows(name for name in given if name not in own)
    return said + (f"; does not take {unused}, which this network has not" if unused else "")


def _row(name: str) -> str:
    """The row of a table that a tensor belongs to: "conv1" of "features.conv1.weight"."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else name


def _rows(names: Iterable[str]) -> str:
    """The rows of some tensors, each once."""
    return ", ".join(dict.fromkeys(map(_row, names)))
