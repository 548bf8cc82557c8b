"""Does a step ever wait for the device? Run on tensors without values, where reading or copying one would be seen."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from alexnet import device, recipes
from alexnet.config import patch
from alexnet.data.feed import Feed, rows_of
from alexnet.data.mixing import mixes
from alexnet.training.begin import fresh
from alexnet.training.step import step
from test_golden import pictures


class NoCopies(TorchDispatchMode):
    """Raises where values go from the CPU to the device; the other way they cannot, for there are none."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        places = {leaf.device.type for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        made = {leaf.device.type for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)}
        if func.namespace == "aten" and "cpu" in places and ("meta" in places or "meta" in made):
            many = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
            if any(leaf.device.type == "cpu" and leaf.ndim for leaf in many) or "copy" in func.__name__:
                raise AssertionError(f"{func} brings values from the CPU to the device within a step")
        return out


class NoLists(TorchFunctionMode):
    """Raises where Python's numbers become a tensor, which is made on the CPU and copied."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = (kwargs or {}).get("device")  # one that stays on the CPU does no harm, and its copy would be seen
        if func in (torch.tensor, torch.as_tensor) and given is not None and torch.device(given).type != "cpu":
            raise AssertionError(f"{func.__name__} makes a tensor on the CPU within a step")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("quick", {}),
        ("cifar-18", {"augment.colour": "paper", "augment.share": 4, "augment.flip": True}),
        ("cifar-26", {"augment.mixup": 1.0, "augment.cutmix": 1.0, "augment.cutout": 8, "optim.ema": 0.9}),
        ("quick", {"augment.jitter": 0.3, "augment.hue": 0.1, "augment.zoom": 0.5, "train.sampling": "balanced"}),
        ("cifar-26", {"optim.rule": "adamw", "train.class_weights": "balanced", "train.accumulate": 2}),
    ],
)
def test_a_step_neither_reads_nor_fills_the_device_from_the_cpu(
    recipe: str, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = pictures(tmp_path)
    monkeypatch.setattr(device, "autocast", lambda *_: contextlib.nullcontext())
    config = patch(recipes.RECIPES[recipe].config, {"model.classes": 3, "train.batch": 16, **changes})
    rows, _ = rows_of(config, prepared)
    mixing = mixes(config.augment)
    feed = Feed(prepared, rows, batch=16, device="meta", memory=1 << 30, sampling=config.train.sampling, mixing=mixing)
    state, setting = fresh(config, prepared, feed, "meta")
    batches = feed.epoch(0, 1)
    step(state, next(batches), setting)  # the first one may bring what is kept from then on
    with NoCopies(), NoLists():
        for batch in batches:
            step(state, batch, setting)
    assert state.step == len(feed)


def test_a_copy_would_be_seen() -> None:
    with NoCopies(), pytest.raises(AssertionError, match="brings values"):
        torch.tensor([1.0]).to("meta")
    with NoLists(), pytest.raises(AssertionError, match="makes a tensor"):
        torch.tensor([1.0], device="meta")
    with pytest.raises(RuntimeError):
        torch.ones(1, device="meta").item()
