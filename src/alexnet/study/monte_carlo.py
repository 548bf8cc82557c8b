"""What does a network say where dropout stays active in testing? The average over many draws of the silenced units.

Section 4.2 tests with all units at half their outputs, "a reasonable approximation to taking the geometric mean of the
predictive distributions" of all the networks that dropout leaves. Here some of those networks are drawn and their
probabilities averaged, an arithmetic mean (Gal and Ghahramani, 2016, Dropout as a Bayesian approximation).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.data.prepared import Batch
from alexnet.data.preprocess import Preprocess
from alexnet.model.layers import Dropout
from alexnet.model.network import AlexNet
from alexnet.scoring.infer import Predictions, testing
from alexnet.scoring.protocols import cut, placements

#: Networks drawn for every picture.
DRAWS = 50


def average_draws(
    network: AlexNet, preprocess: Preprocess, batches: Iterable[Batch], *, seed: int, count: int = DRAWS
) -> Predictions:
    """Mean probabilities of `count` draws of the dropout masks, centre crop; all but dropout computes as in testing.

    The masks of a picture's draw t are those it would have had in epoch t of a training with this seed: a function of
    (seed, t, row number, layer, unit). What lies before the first dropout is computed once.

    Raises:
        ValueError: the network has no dropout, or there are no pictures.
    """
    first = first_dropout(network)
    parts = [_average(network, preprocess, batch, first, seed, count) for batch in batches]
    if not parts:
        raise ValueError("there are no pictures to compute probabilities of")
    return Predictions(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        index=np.concatenate([part.index for part in parts]),
    )


def first_dropout(network: AlexNet) -> int:
    """The place of the first row that silences units. Raises ValueError where there is none."""
    for place, name in enumerate(network.layer_names):
        module = network.layer(name)
        if isinstance(module, Dropout) and module.rate > 0:
            rows = network.table.layers[max(place - 1, 0) :]
            assert all(row.inputs in ((), (before.name,)) for before, row in itertools.pairwise(rows)), "no chain"
            return place
    raise ValueError(
        f"the network {network.table.name} has no dropout whose draws could be averaged; train one with --model.dropout"
    )


def _average(network: AlexNet, preprocess: Preprocess, batch: Batch, first: int, seed: int, count: int) -> Predictions:
    (centre,) = placements("centre", batch.images.shape[3], preprocess.crop)
    names = network.layer_names
    total: Tensor | None = None
    with torch.inference_mode(), testing(network), testing(preprocess):
        pieces = preprocess(cut(batch.images, centre, preprocess.crop))  # N,3,crop,crop
        before = network.extract(pieces, names[first - 1]) if first else pieces
        modules = [network.layer(name) for name in names[first:]]
        for module in modules:
            module.training = isinstance(module, Dropout)
        for draw in range(1, count + 1):
            keys = draws.keys(seed, draw, batch.index)
            x = before
            for module in modules:
                x = module(x, keys) if isinstance(module, Dropout) else module(x)
            shares = x.to("cpu", torch.promote_types(x.dtype, torch.float32)).double().softmax(1)  # N,K
            total = shares if total is None else total + shares
    assert total is not None
    return Predictions(
        probabilities=(total / count).numpy(),
        labels=batch.labels.cpu().numpy().astype(np.int64),
        index=batch.index.cpu().numpy().astype(np.int64),
    )
