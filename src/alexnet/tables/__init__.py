"""Which networks are there? The named tables, a row a layer.

Everything that distinguishes the paper's network from the released program's, and both from what others call AlexNet,
stands here as data; `model/network.py` turns a table into a module and knows none of them by name. No torch here.
"""

from __future__ import annotations

from alexnet.tables.columns import BVLC, CAFFENET, HALF, ONE_COLUMN, PAPER, SEPARATE, SIX_CONV, SOURCE
from alexnet.tables.others import QUICK, SLIM, TORCHVISION
from alexnet.tables.rows import (
    ACTIVATIONS,
    CONVOLUTIONS,
    NORMALIZATIONS,
    POOLS,
    Activation,
    Init,
    Kind,
    Layer,
    Table,
    conv,
    dense,
    dropout,
    local,
    pool,
    relu,
    response,
    tanh,
)
from alexnet.tables.scaled import SCALED
from alexnet.tables.small import CIFAR_11, CIFAR_13, CIFAR_18, CIFAR_26, LENET

__all__ = [
    "ACTIVATIONS",
    "BVLC",
    "CAFFENET",
    "CIFAR_11",
    "CIFAR_13",
    "CIFAR_18",
    "CIFAR_26",
    "CONVOLUTIONS",
    "HALF",
    "LENET",
    "NORMALIZATIONS",
    "ONE_COLUMN",
    "PAPER",
    "POOLS",
    "QUICK",
    "SCALED",
    "SEPARATE",
    "SIX_CONV",
    "SLIM",
    "SOURCE",
    "TABLES",
    "TORCHVISION",
    "Activation",
    "Init",
    "Kind",
    "Layer",
    "Table",
    "conv",
    "dense",
    "dropout",
    "local",
    "pool",
    "relu",
    "response",
    "tanh",
]

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        *(PAPER, SOURCE, ONE_COLUMN, HALF, SEPARATE, SIX_CONV),
        *(BVLC, CAFFENET, TORCHVISION, SLIM),
        *(CIFAR_26, CIFAR_18, CIFAR_13, CIFAR_11, LENET, QUICK),
        *SCALED.values(),
    )
}
