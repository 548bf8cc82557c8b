"""Does RandAugment draw by picture, leave the global generator alone, and say what it lacks?"""

from __future__ import annotations

import builtins
import sys
from typing import Any

import pytest
import torch

from alexnet import draws
from alexnet.data import randaugment as module


def keys(count: int = 24, epoch: int = 1) -> torch.Tensor:
    return draws.keys(0, epoch, torch.arange(count))


def pictures(count: int = 24) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_pictures_change_and_stay_pictures() -> None:
    pytest.importorskip("kornia")
    before = pictures()
    after = module.randaugment(before, keys(), 2, 9)
    assert after.shape == before.shape
    assert after.dtype == torch.float32
    assert after.min() >= 0
    assert after.max() <= 255
    changed = (after - before).abs().amax((1, 2, 3)) > 1
    assert changed.double().mean() > 0.8
    assert module.randaugment(before, keys(), 0, 9) is before


def test_it_is_a_function_of_the_keys_and_touches_no_global_generator() -> None:
    pytest.importorskip("kornia")
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = module.randaugment(pictures(), keys(), 2, 9)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(module.randaugment(pictures(), keys(), 2, 9), first)
    assert not torch.equal(module.randaugment(pictures(), keys(epoch=2), 2, 9), first)


def test_operations_belong_to_the_picture() -> None:
    """Where kornia draws nothing itself, a picture alone is changed as it is in a batch."""
    pytest.importorskip("kornia")
    chosen = draws.integers(keys(200), "randaugment", 1, 15)[:, 0]
    counts = torch.bincount(chosen, minlength=15)
    assert counts.min() > 0
    unsigned = [i for i in range(24) if int(chosen[i]) in (0, 1, 2, 4, 5, 7, 8, 9, 10)]
    assert unsigned
    whole = module.randaugment(pictures(), keys(), 1, 9)
    for i in unsigned:
        one = module.randaugment(pictures()[i : i + 1], keys()[i : i + 1], 1, 9)
        torch.testing.assert_close(one[0], whole[i], atol=1e-3, rtol=0)


@pytest.mark.parametrize("error", [ImportError("No module named 'kornia'"), RuntimeError("operator nms is unknown")])
def test_a_missing_or_broken_kornia_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    module.operations.cache_clear()
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("kornia"):
            raise error
        return real(name, *rest)

    for name in [name for name in sys.modules if name.split(".")[0] == "kornia"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ValueError, match=r"RandAugment needs kornia, which .*pip install 'alexnet\[modern\]'"):
        module.randaugment(pictures(), keys(), 1, 9)
