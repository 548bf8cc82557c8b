"""What do others run? The same networks in plain PyTorch, as anyone would write them: modules, contiguous, float32.

`plain` turns a table's rows into torch's own modules one by one; the columns of a response normalization, which torch's
module does not know, are parted by a view. torchvision's AlexNet is torchvision's own where that imports, and restated
where not.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from alexnet.edits import complete
from alexnet.model.plan import lay_out
from alexnet.tables import TABLES, Layer, Table

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


class ColumnResponseNorm(nn.LocalResponseNorm):
    """nn.LocalResponseNorm within `columns` equal parts of the maps, N,C,H,W."""

    def __init__(self, columns: int, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__(size, alpha, beta, k)
        self.columns = columns

    def forward(self, input: Tensor) -> Tensor:
        n, c, h, w = input.shape
        parted = input.reshape(n * self.columns, c // self.columns, h, w)
        return super().forward(parted).reshape(n, c, h, w)


class MapResponseNorm(nn.Module):
    """Normalization over a square of the same map by average pooling of the squares, N,C,H,W."""

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.mean = nn.AvgPool2d(size, stride=1, padding=size // 2)
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return x / (self.k + self.alpha * self.mean(x * x)).pow(self.beta)


def plain(table: str | Table, classes: int, size: int | None = None) -> nn.Sequential:
    """A table's network of torch's own modules, for pictures of `size` pixels (the table's own).

    Its tensors come in the same order as `AlexNet`'s. Dropout is nn.Dropout, which scales up in training whatever the
    table's convention. Raises ValueError for a row that torch has no module for.
    """
    table = complete(table, classes)
    side = table.size if size is None else size
    shapes = lay_out(table, side).shapes
    shape: tuple[int, ...] = (table.channels, side, side)
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for row in table.layers:
        if row.inputs:
            raise ValueError(f"{table.name} is no chain: its row {row.name} reads {', '.join(row.inputs)}")
        if row.pad_end:
            parts[f"{row.name}_pad"] = nn.ZeroPad2d((0, row.pad_end, 0, row.pad_end))
        if row.kind == "dense" and len(shape) == 3:
            parts["flatten"] = nn.Flatten()
        parts[row.name] = _module(row, shape)
        shape = shapes[row.name]
    return nn.Sequential(parts)


def _module(row: Layer, shape: tuple[int, ...]) -> nn.Module:
    """torch's module for a row that reads C,H,W or D."""
    match row.kind:
        case "conv":
            fields: dict[str, Any] = {"stride": row.stride, "padding": row.pad, "dilation": row.dilation}
            return nn.Conv2d(shape[0], row.out, row.kernel, groups=row.columns, bias=row.bias, **fields)
        case "dense":
            return nn.Linear(math.prod(shape), row.out, bias=row.bias)
        case "response":
            # torch divides alpha by the number of terms; the paper's formula does not.
            alpha = row.alpha if row.divide else row.alpha * row.size
            if row.columns == 1:
                return nn.LocalResponseNorm(row.size, alpha, row.beta, row.k)
            return ColumnResponseNorm(row.columns, row.size, alpha, row.beta, row.k)
        case "within":
            alpha = row.alpha if row.divide else row.alpha * row.size**2
            return MapResponseNorm(row.size, alpha, row.beta, row.k)
        case "batchnorm":
            return nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])
        case "maxpool":
            return nn.MaxPool2d(row.kernel, row.stride, row.pad, ceil_mode=row.ceil)
        case "avgpool":
            return nn.AvgPool2d(row.kernel, row.stride, row.pad, ceil_mode=row.ceil, count_include_pad=False)
        case "adaptive":
            return nn.AdaptiveAvgPool2d(row.kernel)
        case "dropout":
            return nn.Dropout(row.rate)
        case kind if kind in _ACTIVATIONS:
            return _ACTIVATIONS[kind]()
        case kind:
            raise ValueError(f"the plain network has no module for a row of kind {kind}")


class TorchvisionAlexNet(nn.Module):
    """torchvision.models.alexnet as torchvision writes it, for where that does not import."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(p=dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))
        return logits


@functools.cache
def torchvision() -> Any:
    """torchvision, or None where it is missing or does not import, as beside a CPU build of torch."""
    try:
        found = importlib.import_module("torchvision")
        importlib.import_module("torchvision.transforms")
    except (ImportError, RuntimeError, AttributeError, OSError):
        return None
    return found


def peer(name: str, classes: int, size: int | None = None) -> tuple[nn.Module, str]:
    """The peer of a network, and its name in the tables: `plain`, or `torchvision's` for the table it comes from."""
    if name != TABLES["torchvision"].name:
        return plain(name, classes, size), "plain"
    real = torchvision()
    return (TorchvisionAlexNet(classes) if real is None else real.models.alexnet(num_classes=classes)), "torchvision's"


def plain_step(
    network: nn.Module, images: Tensor, labels: Tensor, *, smoothing: float = 0.0, autocast: bool = False
) -> Callable[[], object]:
    """One training step as in torch's tutorials, on a batch that is ready: float N,3,H,W and int64 N."""
    network.train()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-6, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss(label_smoothing=smoothing)
    kind = images.device.type

    def work() -> None:
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=autocast):
            loss = criterion(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return work
