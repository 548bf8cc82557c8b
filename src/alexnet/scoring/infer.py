"""What does a network say of pictures? Probabilities, by the one path of validation, evaluation and prediction.

The probability of a class is the average, over the views of a protocol, of the softmax of the network's outputs
(section 4.1; averaging the outputs themselves would be another rule). The softmax is computed in float64 from outputs
rounded to float32 at most, so that classes whose outputs are equal keep equal probabilities, and others do not become
equal by rounding: ties then mean what the tie rule of `scores.py` takes them to mean.
"""

from __future__ import annotations

import contextlib
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from alexnet import device as machines
from alexnet.data.decode import MAX_BYTES, Unreadable
from alexnet.data.sources.folders import why
from alexnet.data.square import Fit, load_square
from alexnet.scoring.protocols import cut, placements, require

if TYPE_CHECKING:
    from alexnet.data.prepared import Batch

PRECISIONS = ("float32", "bf16", "float64")


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """What a network says of labelled pictures, in the order in which they came."""

    probabilities: np.ndarray
    """float64 (N, K)."""
    labels: np.ndarray
    """int64 (N,), the true classes."""
    index: np.ndarray
    """int64 (N,), row numbers in the prepared set."""


def infer(
    network: nn.Module,
    preprocess: nn.Module,
    batches: Iterable[Batch],
    *,
    protocol: str = "centre",
    device: str = "cpu",
    precision: str = "float32",
) -> Predictions:
    """Probabilities of all pictures of `batches`, held in memory together: 8 N K bytes.

    Args:
        network: float (N,3,c,c) -> logits (N,K), on `device`; it computes as in testing, whatever mode it is in, and
            is left in the mode it was in.
        preprocess: pictures (N,3,c,c) of any type -> float (N,3,c,c), on `device`; its attribute `crop` is c.
        batches: stored squares uint8 (N,3,S,S) with S at least c.
        protocol: "centre", "ten" or "nine"; the views of a batch are computed one after the other.
        precision: "float32", "bf16" or "float64".

    Raises:
        ValueError: an unknown protocol or precision, or no pictures.
    """
    parts = list(infer_batches(network, preprocess, batches, protocol=protocol, device=device, precision=precision))
    if not parts:
        raise ValueError("there are no pictures to compute probabilities of")
    return Predictions(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        index=np.concatenate([part.index for part in parts]),
    )


def infer_batches(
    network: nn.Module,
    preprocess: nn.Module,
    batches: Iterable[Batch],
    *,
    protocol: str = "centre",
    device: str = "cpu",
    precision: str = "float32",
) -> Iterator[Predictions]:
    """As `infer`, one batch at a time as it is computed, so that any number of pictures needs one batch's memory."""
    require(protocol)
    require_precision(precision)
    for batch in batches:
        yield Predictions(
            probabilities=probabilities(
                network, preprocess, batch.images, protocol=protocol, device=device, precision=precision
            ),
            labels=batch.labels.cpu().numpy().astype(np.int64),
            index=batch.index.cpu().numpy().astype(np.int64),
        )


def infer_pictures(
    network: nn.Module,
    preprocess: nn.Module,
    paths: Iterable[Path],
    *,
    fit: Fit,
    size: int,
    protocol: str = "centre",
    batch: int = 64,
    device: str = "cpu",
    precision: str = "float32",
) -> Iterator[tuple[Path, np.ndarray | None, str]]:
    """Probabilities of picture files, in their order: (path, float64 (K,), "") or (path, None, reason).

    `paths` may be endless: `batch` files are read at a time. What cannot be read does not stop the others; neither
    does a picture for which the network's output is not finite, which is told as a reason too.

    Args:
        fit, size: how a picture becomes the stored square, as when the network was trained.

    Raises:
        ValueError: an unknown protocol or precision.
    """
    require(protocol)
    require_precision(precision)
    return _pictures(network, preprocess, iter(paths), fit, size, protocol, batch, device, precision)


def _pictures(
    network: nn.Module,
    preprocess: nn.Module,
    paths: Iterator[Path],
    fit: Fit,
    size: int,
    protocol: str,
    batch: int,
    device: str,
    precision: str,
) -> Iterator[tuple[Path, np.ndarray | None, str]]:
    while chunk := list(islice(paths, batch)):
        loaded = [read_square(path, size, fit) for path in chunk]
        squares = [square for square, _ in loaded if square is not None]
        found: Iterator[np.ndarray] = iter(())
        if squares:
            images = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)  # n,3,size,size
            found = iter(
                probabilities(network, preprocess, images, protocol=protocol, device=device, precision=precision)
            )
        for path, (square, reason) in zip(chunk, loaded, strict=True):
            row = next(found) if square is not None else None
            if row is not None and not np.isfinite(row).all():
                row, reason = None, "the network's output for it is not finite"
            yield path, row, reason


def read_square(path: Path, size: int, fit: Fit) -> tuple[np.ndarray | None, str]:
    """The stored square uint8 (size, size, 3) of a file, or the reason why there is none."""
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):  # reading a pipe or a device might never end
            return None, "not a file"
        if info.st_size > MAX_BYTES:
            return None, f"too large: more than {MAX_BYTES / 1e6:,.0f} MB"
        square, _, _ = load_square(path.read_bytes(), size, fit)
    except Unreadable as error:
        return None, str(error)
    except OSError as error:
        return None, why(error)
    return square, ""


def probabilities(
    network: nn.Module,
    preprocess: nn.Module,
    images: Tensor,
    *,
    protocol: str = "centre",
    device: str = "cpu",
    precision: str = "float32",
) -> np.ndarray:
    """Class probabilities of one batch of stored squares: (N,3,S,S) -> float64 (N,K)."""
    crop = int(preprocess.crop)  # type: ignore[arg-type]
    # Views that coincide, as all do without a border, are computed once and counted as often as they occur.
    places = Counter(placements(protocol, images.shape[3], crop))
    kind = next((weight.dtype for weight in network.parameters() if weight.is_floating_point()), torch.float32)
    images = images.to(device)
    total: Tensor | None = None
    with torch.inference_mode(), testing(network), testing(preprocess):
        for view, times in places.items():
            pieces = preprocess(cut(images, view, crop)).to(kind)  # N,3,crop,crop
            with machines.autocast(device, precision):
                logits = network(pieces)  # N,K
            # float64 is computed on the CPU: Apple's GPUs have none.
            shares = logits.to("cpu", torch.promote_types(logits.dtype, torch.float32)).double().softmax(1)
            total = shares * times if total is None else total + shares * times
    assert total is not None
    return (total / places.total()).numpy()


def require_precision(precision: str) -> None:
    """Raise ValueError if there is no such precision."""
    if precision not in PRECISIONS:
        raise ValueError(f"no precision is called {precision!r}; there are {', '.join(PRECISIONS)}")


@contextlib.contextmanager
def testing(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode; afterwards each of its parts is in the mode it was in."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training
