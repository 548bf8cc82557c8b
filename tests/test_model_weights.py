"""Do weights come back as they were saved, and is everything else refused in a sentence, with nothing run?"""

from __future__ import annotations

import json
import os
import pickle
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from alexnet.model import weights as module
from alexnet.model.network import AlexNet
from alexnet.model.weights import Weights, load_into, load_weights, save_weights

METADATA = {"classes": ["cat", "dög"], "epoch": 3, "nested": {"b": 1.5, "a": None}}


def state(**changes: Tensor) -> dict[str, Tensor]:
    return {"conv.weight": torch.arange(6.0).view(2, 3), "conv.bias": torch.zeros(2)} | changes


def refused(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(ValueError) as caught:
        load_weights(path)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert path.name in sentence
    assert len(sentence) < 200 + len(str(path))
    return sentence


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_network_comes_back_bit_for_bit(tmp_path: Path, layout: torch.memory_format) -> None:
    network = AlexNet(5, "quick", seed=3).to(memory_format=layout)  # type: ignore[call-overload]
    network(torch.randn(8, 3, 32, 32))  # moves the running statistics
    mean = torch.rand(3, 4, 4)
    save_weights(tmp_path / "w.safetensors", network, METADATA, {"mean": mean})
    found = load_weights(tmp_path / "w.safetensors")
    assert found.metadata == METADATA
    assert list(found.extra) == ["mean"]
    assert torch.equal(found.extra["mean"], mean)
    other = AlexNet(5, "quick", init="empty")
    load_into(other, found)
    for name, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    """Whatever the order in which they are named, and in another process too."""
    script = (
        "import sys, torch; from alexnet.model.weights import save_weights; "
        "save_weights(sys.argv[1], {'b': torch.ones(3), 'a': torch.zeros(2)}, {'y': 1, 'x': 2}, {'m': torch.ones(1)})"
    )
    for seed in ("1", "2"):
        subprocess.run(
            [sys.executable, "-c", script, str(tmp_path / seed)], check=True, env=os.environ | {"PYTHONHASHSEED": seed}
        )
    save_weights(tmp_path / "3", {"a": torch.zeros(2), "b": torch.ones(3)}, {"x": 2, "y": 1}, {"m": torch.ones(1)})
    assert len({(tmp_path / name).read_bytes() for name in ("1", "2", "3")}) == 1


def test_what_is_saved_can_be_read_by_others(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, state(), METADATA)
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header) == {"__metadata__", "conv.weight", "conv.bias"}
    assert list(header["__metadata__"]) == ["alexnet"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    now = os.umask(0)
    os.umask(now)
    return now


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path, state(), {})
    old = path.read_bytes()

    def full(_: object, unfinished: Path, **__: object) -> None:
        unfinished.write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        save_weights(path, state(), {})
    assert caught.value.errno == 28
    assert caught.value.filename == str(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == [path.name]


def test_a_real_failure_of_the_disk_is_an_oserror(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys, torch\nfrom alexnet.model.weights import save_weights\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: save_weights(sys.argv[1], {'a': torch.zeros(100_000)}, {})\n"
        "except OSError as error: print(error.errno)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "w")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["27"]
    assert os.listdir(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


def test_metadata_must_be_plain(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_weights(tmp_path / "w", state(), {"loss": float("nan")})
    with pytest.raises(TypeError):
        save_weights(tmp_path / "w", state(), {"path": tmp_path})
    assert os.listdir(tmp_path) == []


def test_files_of_others(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "bare.safetensors", metadata={"format": "pt"})
    found = load_weights(tmp_path / "bare.safetensors")
    assert (found.metadata, found.extra) == ({}, {})
    torch.save(AlexNet(10, "cifar-26").state_dict(), tmp_path / "own.pt")
    load_into(AlexNet(10, "cifar-26", init="empty"), load_weights(tmp_path / "own.pt"))
    torch.save(state(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(load_weights(tmp_path / "old.pt").state["conv.weight"], state()["conv.weight"])
    os.rename(tmp_path / "own.pt", tmp_path / "misnamed.safetensors")
    assert "features.conv1.weight" in load_weights(tmp_path / "misnamed.safetensors").state


HOSTILE = {
    "header_claims_4TB.safetensors": "is not a whole safetensors file",
    "header_length_2e60.safetensors": "is not a whole safetensors file",
    "overlapping_tensors.safetensors": "is not a whole safetensors file",
    "truncated_data.safetensors": "is not a whole safetensors file",
    "truncated_header.safetensors": "is not a whole safetensors file",
    "nan_weights.pt": "holds values in 'classifier.6.weight' that are not finite",
    "not_a_dict.pt": "holds a list, not a state dict",
    "pickle_bomb_bare.pt": "holds more than tensors",
    "pickle_bomb_zip.pt": "holds more than tensors",
    "truncated.pt": "is not a whole file of torch.save",
    "zero_bytes.pt": "is empty",
}
#: These load; they fit no network.
READABLE = {
    "valid_small.safetensors": "the network has no features.0.bias, features.0.weight",
    "wrong_keys.pt": "the network has no weird",
}


def test_hostile_files_are_refused_and_not_run(shared_data: Path) -> None:
    folder = shared_data / "hostile" / "checkpoints"
    trace = Path("/", "tmp", "PWNED")
    assert not trace.exists()
    assert {path.name for path in folder.iterdir()} == set(HOSTILE) | set(READABLE)
    for name, reason in HOSTILE.items():
        assert reason in refused(folder / name)
    for name, reason in READABLE.items():
        with pytest.raises(ValueError, match=f"they lack .* and 6 more; {reason}"):
            load_into(AlexNet(10, "cifar-26", init="empty"), load_weights(folder / name))
    assert not trace.exists()


class Bomb:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("new", [True, False])
def test_a_program_in_a_file_is_not_run(tmp_path: Path, new: bool) -> None:
    trace = tmp_path / "ran"
    torch.save({"conv.weight": Bomb(trace)}, tmp_path / "bomb.pt", _use_new_zipfile_serialization=new)
    assert "could run any program" in refused(tmp_path / "bomb.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Bomb(trace)))
    refused(tmp_path / "bare.pt")
    assert not trace.exists()


def test_claims_beyond_the_files_length_are_refused(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1).expand(2**44)}, tmp_path / "strides.pt")
    assert "no plain numbers for 'a'" in refused(tmp_path / "strides.pt")
    torch.save(state(), tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain, zipfile.ZipFile(tmp_path / "zip.pt", "w") as packed:
        for member in plain.infolist():
            content = bytes(1 << 22) if member.filename.endswith("data/0") else plain.read(member)
            packed.writestr(member.filename, content, zipfile.ZIP_DEFLATED)
    assert "claims more data than it holds" in refused(tmp_path / "zip.pt")


def test_what_is_no_weights_is_told(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "missing")
    assert "Is a directory" in refused(tmp_path)
    (tmp_path / "text").write_text("hello")
    assert "is not a whole safetensors file" in refused(tmp_path / "text")
    torch.save({"epoch": 3, "state_dict": state()}, tmp_path / "whole.pt")
    assert "holds a int under 'epoch'" in refused(tmp_path / "whole.pt")
    torch.save({1: torch.ones(2)}, tmp_path / "numbered.pt")
    assert "under 1" in refused(tmp_path / "numbered.pt")
    torch.save({"a": torch.eye(3).to_sparse()}, tmp_path / "sparse.pt")
    assert "no plain numbers for 'a'" in refused(tmp_path / "sparse.pt")
    for number, text in enumerate(("{", "[1]", "[" * 100_000)):
        save_file(state(), tmp_path / f"{number}.safetensors", metadata={"alexnet": text})
        assert "metadata" in refused(tmp_path / f"{number}.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_values_that_are_not_finite_are_named(tmp_path: Path, value: float, kind: torch.dtype) -> None:
    broken = torch.ones(40, dtype=kind)
    broken[17] = value
    save_file(state(fine=torch.ones(2, dtype=kind), broken=broken), tmp_path / "w")
    assert "'broken' that are not finite" in refused(tmp_path / "w")


def test_an_empty_tensor_is_no_fault(tmp_path: Path) -> None:
    save_weights(tmp_path / "w", state(none=torch.zeros(0, 3)), {})
    assert load_weights(tmp_path / "w").state["none"].shape == (0, 3)


def test_what_differs_is_told_and_nothing_is_copied() -> None:
    network = AlexNet(10, "cifar-18", seed=1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    good = AlexNet(10, "cifar-18").state_dict()
    cases = {
        "they lack features.conv2.bias": {k: v for k, v in good.items() if k != "features.conv2.bias"},
        "the network has no more": good | {"more": torch.ones(1)},
        r"shapes differ in classifier.fc10.weight \(7 x 1024, the network's 10 x 1024\)": good
        | {"classifier.fc10.weight": torch.ones(7, 1024)},
        "other types of number are in features.conv1.bias": good | {"features.conv1.bias": torch.ones(32).long()},
    }
    for sentence, wrong in cases.items():
        with pytest.raises(ValueError, match=f"do not fit the network: {sentence}"):
            load_into(network, wrong)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    load_into(network, Weights(state={name: value.double() for name, value in good.items()}))
    assert all(torch.equal(value, good[name]) for name, value in network.state_dict().items())


def test_many_differences_are_counted() -> None:
    assert module._some(list("abcdef")) == "a, b, c, d and 2 more"
    assert module._some(list("abcd")) == "a, b, c, d"


def test_a_header_of_any_length_is_read(tmp_path: Path) -> None:
    """The header's length comes first; where its lowest byte is 80 hex, the file begins as a pickle does."""
    beginnings = set()
    for filling in range(0, 256, 8):
        path = tmp_path / "weights.safetensors"
        save_weights(path, {"w": torch.ones(2)}, {"filling": "x" * filling})
        beginnings.add(path.read_bytes()[:1])
        assert load_weights(path).state["w"].tolist() == [1, 1]
    assert b"\x80" in beginnings
