"""Is what the network meets in training a function of the picture alone, whatever batch it comes in?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet import recipes
from alexnet.config import patch
from alexnet.data.feed import rows_of
from alexnet.data.mixing import mixes
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.device import Machine
from alexnet.training.begin import feed_of, fresh
from alexnet.training.step import inputs

CPU = Machine(device="cpu", threads=1, memory=4 << 30, bf16=False, name="test")

OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "pictures": {"augment.cutout": 8, "augment.jitter": 0.4, "augment.hue": 0.1, "augment.zoom": 0.4},
    "mixed": {"augment.mixup": 1.0, "augment.cutmix": 1.0},
    "balanced": {"train.sampling": "balanced", "augment.mixup": 0.2, "augment.cutout": 6},
}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    root = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for name, count in (("a", 30), ("b", 14), ("c", 6)):
        (root / "in" / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(random.integers(0, 255, (32, 32, 3)).astype(np.uint8)).save(
                root / "in" / name / f"{number}.png"
            )
    return prepare(list_source(root / "in"), root / "out", size=32, workers=1)


@pytest.mark.parametrize("option", OPTIONS)
def test_inputs_do_not_depend_on_the_batch(pictures: PreparedSet, option: str) -> None:
    """So one process and several, each with its part of a batch, train on the same pictures and targets."""
    changes = {"model.classes": 3, "augment.colour": "source", "data.all_of_train": False}
    config = patch(recipes.QUICK.config, changes | OPTIONS[option])
    rows, _ = rows_of(config, pictures)
    found = []
    for batch in (5, len(rows)):
        feed = feed_of(patch(config, {"train.batch": batch}), pictures, rows, CPU)
        state, setting = fresh(config, pictures, feed, "cpu")
        parts = [inputs(one, state, setting) for one in feed.epoch(0, 1)]
        found.append([torch.cat([getattr(part, name) for part in parts]) for name in ("images", "keys", "targets")])
    torch.testing.assert_close(found[0][0], found[1][0], atol=1e-3, rtol=0)
    assert torch.equal(found[0][1], found[1][1])
    assert torch.equal(found[0][2], found[1][2])
    assert len(found[0][1].unique()) == len(rows)  # also where a picture comes twice its draws differ
    if mixes(config.augment):
        torch.testing.assert_close(found[0][2].sum(1), torch.ones(len(rows)))
        assert ((found[0][2] > 0).sum(1) == 2).any()


def test_the_hole_of_cutout_is_the_mean(pictures: PreparedSet) -> None:
    """Exactly zero in the network's input, also where the colours of the picture are shifted."""
    config = patch(recipes.QUICK.config, {"model.classes": 3, "augment.colour": "paper", "augment.cutout": 8})
    rows, _ = rows_of(config, pictures)
    feed = feed_of(config, pictures, rows, CPU)
    state, setting = fresh(config, pictures, feed, "cpu")
    batch = feed.take(torch.arange(8))
    zeros = (inputs(batch, state, setting).images == 0).all(1).sum((1, 2))  # of each picture
    assert (zeros >= 16).all()
    assert zeros.max() == 64
