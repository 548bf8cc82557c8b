"""Is the machine what it says, also one that is not here?"""

from __future__ import annotations

import pytest
import torch

from alexnet import device


def test_apples_gpu_can_be_chosen_where_torch_finds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.choose("mps").device == "mps"
    assert device.choose("auto").device == "mps"
    assert not device.choose("mps").bf16
    with device.autocast("mps", "float32"):  # nothing to cast: no device is asked for anything
        assert torch.ones(2).dtype == torch.float32


def test_a_device_that_is_not_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match="torch finds no device 'mps' on this machine; here it can use: cpu"):
        device.choose("mps")
    with pytest.raises(ValueError, match="the device 'tpu' is not known; it is one of auto, cpu, cuda, mps"):
        device.choose("tpu")
