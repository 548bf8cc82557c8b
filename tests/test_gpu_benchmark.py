"""Does the benchmark for a GPU run, and keep what it finds? At sizes of which nothing can be learned, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from torch import nn

from test_benchmarks import module


class Small(nn.Sequential):
    """In the place of torchvision's network, which has 61 million weights at any size of picture."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__(nn.Conv2d(3, 4, 11, 4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    found = module("gpu")
    monkeypatch.setattr(found.peers, "TorchvisionAlexNet", Small)
    monkeypatch.setattr(found.peers, "torchvision", lambda: None)
    return found


def ask(bench: ModuleType, out: Path, *questions: str) -> dict[str, Any]:
    bench.main(["--device", "cpu", "--tiny", "--out", str(out), "--only", *questions])
    found: dict[str, Any] = json.loads(out.read_text())
    return found


def test_speeds_are_kept_beside_their_peers(bench: ModuleType, tmp_path: Path) -> None:
    found = ask(bench, tmp_path / "gpu.json", "normalization", "variants", "paper")
    assert set(found) == {"normalization", "variants", "paper"}
    for row in found["normalization"]["rows"].values():
        assert row["copy"]["of_copy"] == 1
        assert {"ours forward", "ours backward"} <= set(row)
    assert "nn.LocalResponseNorm forward" in found["normalization"]["rows"]["conv1 float32 contiguous"]
    assert found["variants"]["rows"]["eager"]["pictures_per_second"]["median"] > 0
    assert not [row for row in found["variants"]["rows"].values() if "failed" in row]
    (row,) = found["paper"]["rows"].values()
    assert len(row["ratios"]) == 2
    assert all(ratio["median"] > 0 for ratio in row["ratios"].values())
    assert found["paper"]["environment"]["tiny"], "a figure of no worth says so"


def test_the_script_and_cifar_run_and_an_answer_takes_the_place_of_an_older_one(
    bench: ModuleType, tmp_path: Path
) -> None:
    out = tmp_path / "gpu.json"
    out.write_text(json.dumps({"script": {"old": True}, "paper": {"rows": {}}}))
    found = ask(bench, out, "script", "cifar-18", "cifar-94")
    assert "old" not in found["script"]
    assert found["script"]["rows"]["8"]["pictures_per_second"]["median"] > 0
    assert "paper" in found
    for question in ("cifar-18", "cifar-94"):
        (run,) = found[question]["runs"]
        assert run["seconds"] > 0
        assert run["n"] == 179
        assert 0 <= run["test_error"]["2"] <= 100
