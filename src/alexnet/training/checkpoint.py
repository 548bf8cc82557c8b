"""What must be kept so that a killed run ends as if it never stopped? Atomic checkpoints, exact resume.

A checkpoint is a folder `state/<step>`, or within an epoch `state/<step>-within`, with the tensors (weights, buffers,
optimizer, running sums) and the place in the data. It is written under another name, synced, and made current by one
rename; the one before is removed only then. An epoch's last step has both names, since much happens behind it: the
epoch is measured, sums begin anew, the schedule moves.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.optim import Optimizer

from alexnet.training.folder import read_json, write_bytes, write_json


def save_checkpoint(run: Path, step: int, tensors: dict[str, Tensor], place: dict[str, Any]) -> None:
    """Write and make current the checkpoint of a step. `place` is plain JSON; its `batch` is 0 between epochs."""
    states = run / "state"
    name = f"{step:09d}" + ("-within" if place.get("batch") else "")
    part, final = states / f".{name}.part", states / name
    states.mkdir(exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    write_bytes(part / "tensors.safetensors", save({name: t.contiguous().cpu() for name, t in tensors.items()}))
    write_json(part / "place.json", place)
    _sync(part)
    if final.exists():  # written before a kill that came before the older one's removal
        shutil.rmtree(part)
    else:
        os.rename(part, final)
        _sync(states)
    for other in states.iterdir():
        if other != final:
            shutil.rmtree(other, ignore_errors=True)


def load_checkpoint(run: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and place of a run's current checkpoint; None if it has none yet. Raises ValueError if it is damaged."""
    states = run / "state"
    done = sorted(filter(_made, states.iterdir()), key=_order) if states.is_dir() else []
    if not done:
        return None
    try:
        return load_file(done[-1] / "tensors.safetensors"), read_json(done[-1] / "place.json")
    except (SafetensorError, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise ValueError(f"the checkpoint {done[-1]} is damaged ({said}), so this run cannot be resumed") from None


def _made(path: Path) -> bool:
    return path.name.removesuffix("-within").isdigit()


def _order(path: Path) -> tuple[int, bool]:
    """The later of two checkpoints comes second."""
    return int(path.name.removesuffix("-within")), not path.name.endswith("-within")


def optimizer_tensors(network: nn.Module, optimizer: Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors by the names of their weights: `optimizer.features.conv1.weight.velocity`."""
    names = {id(weight): name for name, weight in network.named_parameters()}
    return {
        f"optimizer.{names[id(weight)]}.{field}": value
        for weight, fields in optimizer.state.items()
        for field, value in fields.items()
        if isinstance(value, Tensor)
    }


def restore_optimizer(network: nn.Module, optimizer: Optimizer, tensors: dict[str, Tensor]) -> None:
    """Inverse of `optimizer_tensors`."""
    weights = dict(network.named_parameters())
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            name, field = key.removeprefix("optimizer.").rsplit(".", 1)
            weight = weights[name]
            like_weight = value.shape == weight.shape and value.ndim > 0
            if like_weight:
                value = torch.empty_like(weight).copy_(value)  # the weight's own memory layout
            elif field != "step":  # torch keeps its step counts on the CPU
                value = value.to(weight.device)
            optimizer.state[weight][field] = value


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
