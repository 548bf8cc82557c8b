"""Does every question run from end to end, and does its JSON hold what it promises? At the smallest sizes, untimed."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from alexnet.bench import inference, memory, step
from alexnet.bench.asked import QUESTIONS, Asked
from alexnet.bench.result import table
from alexnet.bench.run import answer, kept
from alexnet.bench.subjects import SUBJECTS
from alexnet.bench.timing import Case
from alexnet.device import Machine
from alexnet.model.network import AlexNet

FIELDS = {"question", "text", "command", "options", "environment", "machine", "rows", "notes"}
SMALL = {
    "normalization": Asked(batch=1),
    "step": Asked(batch=4, only=("cifar-18",)),
    "layers": Asked(batch=4, only=("cifar-18",)),
    "inference": Asked(batch=2, only=("quick",)),
    "prepare": Asked(count=24),
    "feed": Asked(batch=8, count=24),
    "stall": Asked(batch=8, count=24, precision="float32"),
    "memory": Asked(batch=2, only=("cifar-18",), precision="float32"),
    "device": Asked(batch=4, only=("quick",), precision="float32"),
}
EXPECTED = {
    "normalization": [
        (f"{kind}, {layout}", what)
        for kind in ("float32", "bf16")
        for layout in ("contiguous", "channels-last")
        for what in ("ours", "nn.LocalResponseNorm", "the memory's limit")
    ],
    "step": [("cifar-18, batch 4", what) for what in ("ours, float32", "ours, bf16", "plain")],
    "inference": [("quick, batch 2", what) for what in ("ours, float32", "ours, bf16", "plain")],
    "feed": [(f"ending in {end}", what) for end in ("uint8", "float32") for what in ("ours", "decode per picture")],
    "stall": [
        ("quick, float32", what)
        for what in (
            *("no feed", "in memory", "from the disk"),
            *("share added by the feed, in memory", "share spent waiting, in memory"),
            *("share added by the feed, from the disk", "share spent waiting, from the disk"),
        )
    ],
    "memory": [("cifar-18, batch 2", what) for what in ("ours, float32", "plain")],
    "device": [("quick", "CPU, float32")],
}


def ask(name: str, asked: Asked, out: Path) -> dict[str, Any]:
    small = Asked(**(vars(asked) | {"rounds": 1, "seconds": 5.0, "device": "cpu"}))
    (result,) = answer([name], small, out=out)
    return result


def stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The peers in this process, which spares the start of another."""

    @contextlib.contextmanager
    def peers(question: str, subject: str, batch: int, machine: Machine) -> Iterator[list[Case]]:
        yield {"step": step, "inference": inference}[question].plain_cases(SUBJECTS[subject], batch, machine.device)

    monkeypatch.setattr(step, "peers", peers)
    monkeypatch.setattr(inference, "peers", peers)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name != "step":
        stay_here(monkeypatch)
    result = ask(name, SMALL[name], tmp_path / "deep" / "out")
    assert set(result) == FIELDS
    assert kept(tmp_path / "deep" / "out") == [json.loads(json.dumps(result))]
    assert (tmp_path / "deep" / "out" / f"{name}.json").exists()
    for one in result["rows"]:
        assert {"group", "what", "unit", "value", "ratios"} <= set(one)
        assert set(one["value"]) == {"median", "low", "high", "rounds"}
        assert len(one["value"]["rounds"]) == 1
        if one["unit"] != "%":
            assert one["value"]["median"] > 0
        if one["unit"] == "ms":
            speed = 1e3 * one["pictures"] / one["value"]["median"]
            assert math.isclose(one["pictures_per_second"]["median"], speed, rel_tol=2e-3)
        for peer, ratio in one["ratios"].items():
            (theirs,) = [row for row in result["rows"] if (row["group"], row["what"]) == (one["group"], peer)]
            expected = theirs["value"]["median"] / one["value"]["median"]
            assert math.isclose(ratio["median"], expected, rel_tol=2e-3)
    assert any(one["ratios"] for one in result["rows"]) or name == "device"
    found = [(one["group"], one["what"]) for one in result["rows"]]
    assert len(set(found)) == len(found)
    if name in EXPECTED:
        assert found == EXPECTED[name]
    assert {"torch", "instruction_set", "processor", "cores", "pillow", "torchvision"} <= set(result["environment"])
    assert result["machine"]["device"] == "cpu"
    assert result["options"]["rounds"] == 1
    assert result["command"].startswith(f"alexnet bench {name} --rounds 1 ")
    text = table(result)
    assert all(one["what"] in text for one in result["rows"])
    assert str(tmp_path) not in json.dumps(result)


def test_every_layer_is_timed_beside_its_arithmetic(tmp_path: Path) -> None:
    rows = {row["what"]: row for row in ask("layers", SMALL["layers"], tmp_path)["rows"] if "float32" in row["group"]}
    names = AlexNet(10, "cifar-18").layer_names
    assert [what for what in rows if what in names] == list(names)
    weighed = [name for name in names if rows[name]["ratios"]]
    assert [f"{name}'s arithmetic" in rows for name in weighed] == [True] * 4
    # MACs of a picture in one step: conv1 2,457,600 twice, conv2 6,553,600 thrice.
    one, other = (rows[f"{name}'s arithmetic"]["value"]["median"] for name in weighed[:2])
    assert math.isclose(other / one, 3 * 6_553_600 / (2 * 2_457_600), rel_tol=2e-3)


def test_a_cpu_without_a_gpu_says_so(tmp_path: Path) -> None:
    result = ask("device", SMALL["device"], tmp_path)
    (row,) = result["rows"]
    assert row["epoch_pictures"] == 50_000
    hourly = 3600 / 50_000 * row["pictures_per_second"]["median"]
    assert math.isclose(row["epochs_per_hour"]["median"], hourly, rel_tol=2e-3)
    gone = "left out, as asked" if torch.cuda.is_available() else "torch finds no GPU here"
    assert any(gone in note for note in result["notes"])


def test_real_pictures_are_used_and_their_folder_is_not_told(picture_folder: Path, tmp_path: Path) -> None:
    result = ask("prepare", Asked(count=30, pictures=str(picture_folder)), tmp_path)
    assert result["notes"][0] == "30 pictures of shapes."
    assert {one["pictures"] for one in result["rows"]} == {30}
    assert str(picture_folder) not in json.dumps(result)
    assert "--pictures shapes" in result["command"]


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_CHILD", "raise SystemExit('no room at all')")
    with pytest.raises(RuntimeError, match=r"memory of cifar-18 failed: no room at all"):
        ask("memory", SMALL["memory"], tmp_path)


def test_compiled_is_one_more_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The config asks for it; the compiler itself is not waited for."""
    stay_here(monkeypatch)
    seen = []
    monkeypatch.setattr(torch, "compile", lambda network, **options: seen.append(options) or network)
    result = ask("step", Asked(batch=4, only=("quick",), precision="float32", compile=True), tmp_path)
    assert [one["what"] for one in result["rows"]] == ["ours, float32", "ours, float32, compiled", "plain"]
    assert len(seen) == 1
