"""How do weights get to disk and back? Safetensors that explain themselves; nothing is ever run while loading.

A file holds the network's tensors by name, further tensors (mean image, colour basis) under "extra.", and one
metadata key whose value is JSON with sorted keys: equal contents give equal bytes.
"""

from __future__ import annotations

import json
import os
import pickle
import re
import secrets
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_EXTRA = "extra."
#: The one key of the file's metadata; safetensors writes several in random order.
_METADATA = "alexnet"
#: Types of number that a network's state can hold.
_FLOATS = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
_TYPES = (*_FLOATS, torch.int64, torch.int32, torch.uint8, torch.bool)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """What a file held."""

    state: dict[str, Tensor]
    """The network's tensors by name, on the CPU."""
    extra: dict[str, Tensor] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)


def save_weights(
    path: str | os.PathLike[str],
    network: nn.Module | Mapping[str, Tensor],
    metadata: Mapping[str, Any],
    extra: Mapping[str, Tensor] | None = None,
) -> None:
    """Write the weights of a network (or its state) with metadata, which is plain JSON values, and further tensors.

    The file appears complete or not at all, also when the process is killed or the disk is full; an older one of
    that name stays until then. Raises OSError from the file system.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = network.state_dict() if isinstance(network, nn.Module) else network
    assert not any(name.startswith(_EXTRA) for name in state)
    tensors = dict(state) | {_EXTRA + name: value for name, value in (extra or {}).items()}
    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    text = json.dumps(dict(metadata), sort_keys=True, separators=(",", ":"), allow_nan=False)
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.unfinished")
    try:
        unfinished.touch()
        mode = unfinished.stat().st_mode  # as the user's umask has it; safetensors shuts all others out
        save_file(plain, unfinished, metadata={_METADATA: text})
        unfinished.chmod(mode)
        _sync(unfinished)
        os.replace(unfinished, path)
        _sync(path.parent)
    except SafetensorError as error:
        # It words the system's errors by itself; the number makes an OSError of it, as of any other write.
        if number := re.search(r"os error (\d+)", str(error)):
            raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load_weights(path: str | os.PathLike[str]) -> Weights:
    """Read a safetensors file, or a file of torch.save that holds a state dict and nothing else.

    The file's contents decide which, not its name. Nothing in it is run. Raises ValueError, one sentence, for
    whatever is not such a file: missing, empty, damaged, with claims beyond its own length, with anything but
    tensors, with a value that is not finite.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            beginning = file.read(9)
    except OSError as error:
        raise ValueError(f"cannot read weights from {path}: {error.strerror}") from error
    if not beginning:
        raise ValueError(f"{path} is empty; the file was not written to its end")
    # A pickle begins with 80 hex, but so does one safetensors file in 32: it begins with its header's length, and the
    # header with a brace.
    by_torch = beginning.startswith((b"PK\x03\x04", b"\x80")) and beginning[8:] != b"{"
    weights = _load_torch(path) if by_torch else _load_safetensors(path)
    room = path.stat().st_size
    for name, value in (weights.state | weights.extra).items():
        # Strides of 0 let a small file claim any size; looking at such a tensor would fill the memory.
        if value.layout != torch.strided or value.numel() * value.element_size() > room or value.dtype not in _TYPES:
            raise ValueError(f"{path} holds no plain numbers for {name!r}; save dense tensors of a common type")
        # The extremes carry any NaN, and are found ten times as fast as all values are tested.
        if value.is_floating_point() and value.numel() and not bool(torch.stack(value.aminmax()).isfinite().all()):
            raise ValueError(f"{path} holds values in {name!r} that are not finite: the training it is from had failed")
    return weights


def _load_safetensors(path: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no mapping
    except SafetensorError as error:
        raise ValueError(f"{path} is not a whole safetensors file: {_first_sentence(error)}") from error
    try:
        metadata = json.loads(header.get(_METADATA, "{}"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the metadata of {path} is not readable: {_first_sentence(error)}") from error
    if not isinstance(metadata, dict):
        raise ValueError(f"the metadata of {path} is not readable: it holds no names")
    return Weights(
        state={name: value for name, value in tensors.items() if not name.startswith(_EXTRA)},
        extra={name.removeprefix(_EXTRA): value for name, value in tensors.items() if name.startswith(_EXTRA)},
        metadata=metadata,
    )


def _load_torch(path: Path) -> Weights:
    damaged = f"{path} is not a whole file of torch.save"
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                # torch stores without compression: more than the file's length is a trap.
                if sum(member.file_size for member in archive.infolist()) > path.stat().st_size:
                    raise ValueError(f"{damaged}: it claims more data than it holds")
        # An open file, since by a path's name torch would choose another way of reading it.
        with warnings.catch_warnings(), open(path, "rb") as file:
            warnings.simplefilter("ignore")  # what torch remarks about a stranger's file is not ours to act on
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} holds more than tensors, which could run any program and is not loaded; "
            "save the network's state_dict() alone, best as safetensors"
        ) from error
    except ValueError:
        raise
    except Exception as error:  # a hostile file can bring torch to raise anything
        raise ValueError(f"{damaged}: {_first_sentence(error)}") from error
    if not isinstance(content, Mapping):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a state dict of tensors by name")
    state = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(
                f"{path} holds a {type(value).__name__} under {name!r} where a state dict has a tensor; "
                "save the network's state_dict() alone"
            )
        state[name] = value.detach()
    return Weights(state=state)


def load_into(network: nn.Module, weights: Weights | Mapping[str, Tensor]) -> None:
    """Copy weights into a network, all or none. Raises ValueError saying what differs in names, shapes or types."""
    state = weights.state if isinstance(weights, Weights) else weights
    own = network.state_dict()
    must_fit(own, state)
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(state[name])


def must_fit(own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> None:
    """Raise ValueError saying what differs in names, shapes or types between a network's own state and another."""
    differences = []
    if lacking := [name for name in own if name not in state]:
        differences.append(f"they lack {_some(lacking)}")
    if unknown := [name for name in state if name not in own]:
        differences.append(f"the network has no {_some(unknown)}")
    both = [name for name in own if name in state]
    if reshaped := [name for name in both if own[name].shape != state[name].shape]:
        sizes = [f"{name} ({_size(state[name])}, the network's {_size(own[name])})" for name in reshaped]
        differences.append(f"shapes differ in {_some(sizes)}")
    if retyped := [name for name in both if own[name].is_floating_point() != state[name].is_floating_point()]:
        differences.append(f"other types of number are in {_some(retyped)}")
    if differences:
        raise ValueError(f"these weights do not fit the network: {'; '.join(differences)}")


def _some(names: list[str], most: int = 4) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _size(value: Tensor) -> str:
    return " x ".join(map(str, value.shape)) or "one number"


def _first_sentence(error: BaseException) -> str:
    return re.split(r"\.\s|\n", str(error) or type(error).__name__)[0].rstrip(".")
