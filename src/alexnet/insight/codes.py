"""How short can a picture's description be and still find what is like it? Binary codes, and what they lose.

The paper ends its look at neighbours with a thought: comparing vectors of 4,096 real numbers is slow, and short binary
codes, made of them by an auto-encoder, would find pictures better than codes made of pixels (section 6.1). Here the
codes are signs of principal components, the subspace that a linear auto-encoder finds, turned so that the signs lose
least (`binary.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexnet import device as machines
from alexnet.drawing.recall import recall as draw
from alexnet.insight.binary import METHODS, Basis, basis, fit, hamming
from alexnet.insight.features import last_hidden
from alexnet.insight.held_out import held_out
from alexnet.insight.index import of_rows, of_training
from alexnet.insight.neighbours import mean_of
from alexnet.insight.panel import Panel
from alexnet.insight.search import nearest
from alexnet.scoring.tally import Interval
from alexnet.training.run import Run

LENGTHS = (32, 64, 128, 256)
#: The neighbours that should be found, and the longer list of candidates in which they are looked for as well.
WANTED, CANDIDATES = 10, 100
#: Pairs of pictures whose differing bits are held at a time.
_PAIRS = 1 << 24


def recall(apart: np.ndarray, exact: np.ndarray, candidates: int) -> np.ndarray:
    """For each query, the share of its exact neighbours among so many with the nearest codes: float64 (Q,).

    Codes that differ in equally many bits share the places left to them, so that no order of the pictures decides.

    Args:
        apart: int (Q, N), bits that differ. exact: int64 (Q, k), the rows of the exact nearest.
    """
    count = min(candidates, apart.shape[1])
    last = np.partition(apart, count - 1, axis=1)[:, count - 1 : count]  # Q,1
    nearer, equal = (apart < last).sum(axis=1), (apart == last).sum(axis=1)
    theirs = np.take_along_axis(apart, exact, axis=1)  # Q,k
    part = ((count - nearer) / equal)[:, None]
    return np.asarray(np.where(theirs < last, 1.0, np.where(theirs == last, part, 0.0)).mean(axis=1))


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What codes of one length find of the exact neighbours."""

    method: str
    bits: int
    short: Interval
    """Recall among as many candidates as there are exact neighbours asked for."""
    long: Interval
    """Recall among a longer list, which could then be compared exactly."""

    def to_dict(self) -> dict[str, Any]:
        return {"method": self.method, "bits": self.bits} | {
            name: getattr(self, name).to_dict() for name in ("short", "long")
        }


def losses(
    queries: np.ndarray,
    among: np.ndarray,
    found: Basis,
    *,
    lengths: Sequence[int] = LENGTHS,
    methods: Sequence[str] = METHODS,
    wanted: int = WANTED,
    candidates: int = CANDIDATES,
    seed: int = 0,
) -> list[Loss]:
    """Recall of codes against the exact Euclidean neighbours.

    Args:
        queries: (Q, D). among: (N, D). found: the basis of `among`; codes are never fitted to the queries.
    """
    exact = nearest(queries, among, wanted).rows
    each = max(1, _PAIRS // len(among))
    made = []
    for method in methods:
        for bits in lengths:
            coder = fit(found, bits, method=method, seed=seed)
            asked, codes = coder.encode(queries), coder.encode(among)
            parts = []
            for first in range(0, len(asked), each):
                apart, theirs = hamming(asked[first : first + each], codes), exact[first : first + each]
                parts.append([recall(apart, theirs, count) for count in (wanted, candidates)])
            short, long = (mean_of(np.concatenate([part[place] for part in parts])) for place in range(2))
            made.append(Loss(method=method, bits=bits, short=short, long=long))
    return made


def lengths_for(directions: int) -> list[int]:
    """Those of `LENGTHS` that features with so many directions allow; else the largest power of two that they do."""
    return [bits for bits in LENGTHS if bits <= directions] or [1 << (directions.bit_length() - 1)]


def panels(run: Run, *, device: str = "cpu", limit: int = 500) -> Iterator[Panel]:
    """How many of the exact neighbours codes of 32 to 256 bits find, over `limit` held-out pictures.

    Raises ValueError where the run's pictures are gone, it is nothing but its weights, or all features are equal.
    """
    machine = machines.choose(device)
    layer, seed = last_hidden(run.network), run.config.train.seed
    pictures = held_out(run, limit=limit)
    among = of_training(run, layer, machine)
    asked = of_rows(run, pictures.prepared, pictures.rows, layer, machine)
    found = basis(among.values, seed=seed)
    if not found.components.shape[1]:
        raise ValueError(f"{layer} computes the same for all training pictures, so no code can tell them apart")
    wanted = min(WANTED, len(among))
    candidates = min(CANDIDATES, max(wanted, len(among) // 4))
    lengths = lengths_for(found.components.shape[1])
    made = losses(asked.values, among.values, found, lengths=lengths, wanted=wanted, candidates=candidates, seed=seed)
    best = next(one for one in reversed(made) if one.method == "itq")
    width = among.values.shape[1]
    yield Panel(
        name="codes",
        title="Short binary codes instead of many numbers",
        figure=draw(
            [one.to_dict() for one in made],
            wanted,
            candidates,
            note=f"{pictures}; exact neighbours by Euclidean distance in {layer}, among {among.name}",
        ),
        caption=(
            f"Comparing {width:,} numbers takes long and {4 * width:,} bytes a picture; the paper suggests short "
            f"binary codes. Each dot is the share of a picture's {wanted} nearest training pictures that codes of so "
            f"many bits find, among {wanted} and among {candidates} candidates, with 95% intervals over the pictures. "
            f"At {best.bits} bits ({-(-best.bits // 8)} bytes) turned codes find {_percent(best.short)} and "
            f"{_percent(best.long)}, over {len(pictures.rows):,} pictures of {pictures.split}; any {candidates} "
            f"pictures would hold {100 * candidates / len(among):.1f}%."
        ),
        numbers={
            "layer": layer,
            "values": width,
            "split": pictures.split,
            "protocol": "centre",
            "n": len(pictures.rows),
            "among": len(among),
            "wanted": wanted,
            "candidates": candidates,
            "recall": [one.to_dict() for one in made],
        },
    )


def _percent(share: Interval) -> str:
    return f"{100 * share.value:.1f}% [{100 * share.low:.1f}, {100 * share.high:.1f}]"
