"""Which pictures of the set excite an objective most? One pass over the set, of which only the best are remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from alexnet import draws
from alexnet.data.prepared import PreparedSet
from alexnet.insight.held_out import as_eaten
from alexnet.insight.objectives import Objective, layers_of, value_of
from alexnet.model.network import AlexNet
from alexnet.training.evaluate import batch_for
from alexnet.training.run import Run

#: Of larger sets so many pictures are looked at, drawn by the run's seed.
LIMIT = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Exciting:
    """The most exciting pictures of a set for each objective."""

    rows: np.ndarray
    """int64 (objectives, top): rows of the prepared set, the most exciting first."""
    values: np.ndarray
    """float32 (objectives, top)."""
    mean: np.ndarray
    """float64 (objectives,), over all pictures looked at."""
    deviation: np.ndarray
    """float64 (objectives,)."""
    n: int
    """Pictures looked at."""
    total: int
    """Pictures of the set, all splits."""


def exciting(
    run: Run, objectives: Sequence[Objective], *, top: int = 4, limit: int = LIMIT, device: str = "cpu"
) -> Exciting:
    """Look at all pictures of a run's set, central crop, test mode, and keep the `top` of each objective.

    Of pictures that excite equally the one of the lower row comes first. The memory needed is that of one batch.
    Raises ValueError for objectives that do not fit the network, and where the run's pictures are gone.
    """
    network, prepared = run.network.to(device), set_of(run)
    layers_of(network, objectives)
    rows = np.arange(len(prepared))
    if len(rows) > limit:
        rows = np.sort(draws.order(run.config.train.seed, 0, len(rows), "exciting").numpy()[:limit])
    best = torch.full((len(objectives), 0), -torch.inf)
    places = torch.zeros((len(objectives), 0), dtype=torch.int64)
    sums = torch.zeros((2, len(objectives)), dtype=torch.float64)
    size = batch_for(run.preprocess.crop)
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        found = measured(network, as_eaten(run, prepared.gather(some), device), objectives)  # objectives,n
        sums += torch.stack((found.double().sum(1), found.double().square().sum(1)))
        best = torch.cat((best, found), 1)
        places = torch.cat((places, torch.from_numpy(some).expand_as(found)), 1)
        best, order = best.sort(dim=1, descending=True, stable=True)
        best, places = best[:, :top], places.gather(1, order)[:, :top]
    mean = sums[0] / len(rows)
    return Exciting(
        rows=places.numpy(),
        values=best.numpy(),
        mean=mean.numpy(),
        deviation=(sums[1] / len(rows) - mean**2).clamp_min(0).sqrt().numpy(),
        n=len(rows),
        total=len(prepared),
    )


def set_of(run: Run) -> PreparedSet:
    """The run's set. Raises ValueError, one sentence, for weights alone and for pictures that are gone or changed."""
    if not (run.folder / "data.json").exists():
        raise ValueError(
            f"{run.folder} does not say which pictures the network was trained on; give the run's folder rather than "
            "its weights alone"
        )
    return run.data()


def measured(network: AlexNet, images: Tensor, objectives: Sequence[Objective]) -> Tensor:
    """Every objective for every picture float N,3,H,W as the network takes it: float32 (objectives, N), on the CPU."""
    with torch.no_grad():
        values = network.extract(images, layers_of(network, objectives))
        last = network.layer_names[-1]
        return torch.stack([value_of(one, values, last) for one in objectives]).float().cpu()
