"""Which networks are there? The named tables, a row a layer.

Everything that distinguishes the paper's network from the released program's, and both from what others call AlexNet,
stands here as data; `model/network.py` turns a table into a module and knows none of them by name. No torch here.
"""

from __future__ import annotations

from alexnet.tables.columns import HALF, ONE_COLUMN, PAPER, SIX_CONV, SOURCE
from alexnet.tables.others import CIFAR_18, CIFAR_26, QUICK, TORCHVISION
from alexnet.tables.rows import Init, Kind, Layer, Table, conv, dense, dropout, pool, relu

__all__ = [
    "CIFAR_18",
    "CIFAR_26",
    "HALF",
    "ONE_COLUMN",
    "PAPER",
    "QUICK",
    "SIX_CONV",
    "SOURCE",
    "TABLES",
    "TORCHVISION",
    "Init",
    "Kind",
    "Layer",
    "Table",
    "conv",
    "dense",
    "dropout",
    "pool",
    "relu",
]

TABLES: dict[str, Table] = {
    table.name: table for table in (PAPER, SOURCE, ONE_COLUMN, HALF, SIX_CONV, TORCHVISION, CIFAR_26, CIFAR_18, QUICK)
}
