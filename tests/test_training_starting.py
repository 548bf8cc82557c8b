"""Does a run start from the weights that its config names, exactly, and refuse all others? And go on after a kill?"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from alexnet.cli.main import main
from alexnet.config import Config, patch
from alexnet.data.feed import rows_of
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.sources import list_source
from alexnet.model.weights import load_weights, save_weights
from alexnet.training import loop
from alexnet.training.begin import begin, build, feed_of
from alexnet.training.listener import Interrupted, Silent
from alexnet.training.starting import FILE, digest_of
from alexnet.training.step import State
from conftest import draw_folder
from test_training_loop import CPU, Stopper, config, ending, folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, PreparedSet]:
    """Pictures of three shapes, of two of them, and of three that go by other names; all 32 pixels."""
    root = tmp_path_factory.mktemp("sets")
    classes = {
        "three": ("circle", "square", "triangle"),
        "two": ("circle", "square"),
        "others": ("dot", "dice", "flag"),
    }
    return {
        name: prepare(
            list_source(draw_folder(root / name / "in", classes=own, each=20)), root / name / "out", size=32, workers=1
        )
        for name, own in classes.items()
    }


@pytest.fixture(scope="module")
def weights(sets: dict[str, PreparedSet], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an epoch on the three shapes ended with."""
    run = tmp_path_factory.mktemp("first")
    loop.train(config(train__epochs=1), sets["three"], run, machine=CPU)
    return run / "weights" / "last.safetensors"


class Heard(Silent):
    """A listener that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


def tuning(prepared: PreparedSet, weights: Path, **changes: Any) -> Config:
    """A run that goes on from the weights with another seed."""
    wanted = {"train.start": digest_of(weights), "train.seed": 5, "model.classes": len(prepared.classes)}
    return patch(config(train__epochs=2), wanted | {name.replace("__", "."): value for name, value in changes.items()})


def ready(run: Path, weights: Path) -> Path:
    """A run's folder in which the weights lie."""
    folder(run)
    shutil.copy(weights, run / FILE)
    return run


def begun(wanted: Config, prepared: PreparedSet, run: Path) -> tuple[State, str]:
    """The state before the first step, and what was said."""
    heard = Heard()
    feed = feed_of(wanted, prepared, rows_of(wanted, prepared)[0], CPU)
    state, _ = begin(wanted, prepared, run, feed, CPU, heard)
    return state, " ".join(heard.said)


def test_it_starts_exactly_at_the_weights(sets: dict[str, PreparedSet], weights: Path, tmp_path: Path) -> None:
    wanted = tuning(sets["three"], weights, optim__ema=0.9)
    state, said = begun(wanted, sets["three"], ready(tmp_path / "run", weights))
    given = load_weights(weights).state
    assert state.average is not state.network
    for network in (state.network, state.average):
        own = network.state_dict()
        assert set(own) == set(given)
        assert all(torch.equal(value, given[name]) for name, value in own.items())
    drawn = build(wanted, 3).state_dict()
    assert not torch.equal(drawn["features.conv1.weight"], given["features.conv1.weight"])
    assert said.startswith(f"starts from the weights {digest_of(weights)}: takes conv1, ")
    assert "keeps" not in said


@pytest.mark.parametrize("other", ["two", "others"])
def test_the_last_layer_keeps_its_draws_for_other_classes(
    sets: dict[str, PreparedSet], weights: Path, tmp_path: Path, other: str
) -> None:
    wanted = tuning(sets[other], weights)
    state, said = begun(wanted, sets[other], ready(tmp_path / "run", weights))
    given, drawn = load_weights(weights).state, build(wanted, len(sets[other].classes)).state_dict()
    last = [name for name in drawn if name.startswith(f"classifier.{state.network.layer_names[-1]}.")]
    assert len(last) == 2
    for name, value in state.network.state_dict().items():
        assert torch.equal(value, drawn[name] if name in last else given[name]), name
    assert said.endswith(f"; {state.network.layer_names[-1]} keeps its initial draws, since their classes are others")


def test_float64_starts_at_the_same_numbers(sets: dict[str, PreparedSet], weights: Path, tmp_path: Path) -> None:
    wanted = tuning(sets["three"], weights, train__precision="float64")
    state, _ = begun(wanted, sets["three"], ready(tmp_path / "run", weights))
    given = load_weights(weights).state["features.conv1.weight"]
    assert torch.equal(state.network.state_dict()["features.conv1.weight"], given.double())


def test_a_killed_run_ends_as_one_never_killed(
    sets: dict[str, PreparedSet], weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tuning(sets["others"], weights, optim__ema=0.9)
    loop.train(wanted, sets["others"], ready(tmp_path / "whole", weights), machine=CPU)
    broken = ready(tmp_path / "broken", weights)

    def killed(*_: object) -> float:
        raise KeyboardInterrupt  # before anything of a checkpoint is written

    with monkeypatch.context() as patched:
        patched.setattr(loop, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            loop.train(wanted, sets["others"], broken, machine=CPU, listener=Stopper(2))
    assert not (broken / "state").exists()
    with pytest.raises(Interrupted):
        loop.train(wanted, sets["others"], broken, machine=CPU, listener=Stopper(2))
    (broken / FILE).unlink()  # from the first checkpoint on it is not read
    loop.train(wanted, sets["others"], broken, machine=CPU)
    assert ending(broken) == ending(tmp_path / "whole")


def test_other_weights_than_named_are_refused(sets: dict[str, PreparedSet], weights: Path, tmp_path: Path) -> None:
    wanted, right = tuning(sets["three"], weights), digest_of(weights)
    with pytest.raises(ValueError, match=rf"names the weights {right}, and no start\.safetensors lies in"):
        begun(wanted, sets["three"], folder(tmp_path / "empty"))
    kept = load_weights(weights)
    run = ready(tmp_path / "run", weights)
    save_weights(run / FILE, kept.state, kept.metadata | {"more": 1}, kept.extra)
    with pytest.raises(ValueError, match=rf"names the weights {right}, and .* holds others, {digest_of(run / FILE)};"):
        begun(wanted, sets["three"], run)


def changed(weights: Path, run: Path, **tensors: torch.Tensor | None) -> Path:
    """A run's folder with the weights, in which some rows' tensors are others, or none at all."""
    kept = load_weights(weights)
    state = {name: value for name, value in kept.state.items() if name.split(".")[1] not in tensors}
    state |= {f"features.{row}.weight": value for row, value in tensors.items() if value is not None}
    save_weights(folder(run) / FILE, state, kept.metadata, kept.extra)
    return run


def test_weights_of_another_network_are_refused(sets: dict[str, PreparedSet], weights: Path, tmp_path: Path) -> None:
    def refused(run: Path, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            begun(tuning(sets["three"], run / FILE), sets["three"], run)

    refused(changed(weights, tmp_path / "a", conv3=None), r"lack conv3; start from a network with the same hidden")
    refused(changed(weights, tmp_path / "b", conv1=torch.zeros(8, 3, 3, 3)), "lack conv1|other shapes in conv1")
    strange = folder(tmp_path / "c")
    save_weights(strange / FILE, {"body.0.weight": torch.zeros(3)}, {})
    refused(strange, "have no layer in common with the network quick")


def test_what_the_network_has_not_is_left_and_said(sets: dict[str, PreparedSet], weights: Path, tmp_path: Path) -> None:
    run = changed(weights, tmp_path / "run", conv9=torch.zeros(4))
    _, said = begun(tuning(sets["three"], run / FILE), sets["three"], run)
    assert said.endswith("; does not take conv9, which this network has not")


def test_a_file_without_classes_gives_its_last_layer_too(
    sets: dict[str, PreparedSet], weights: Path, tmp_path: Path
) -> None:
    run, given = folder(tmp_path / "run"), load_weights(weights).state
    save_weights(run / FILE, given, {})
    state, _ = begun(tuning(sets["others"], run / FILE), sets["others"], run)
    assert all(torch.equal(value, given[name]) for name, value in state.network.state_dict().items())


def test_the_command_line_refuses_a_start_without_weights(
    picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    code = main(["train", str(picture_folder), "--out", str(out), "--train.start", "0123456789abcdef", "--quiet"])
    assert code == 2
    assert "train.start names the weights 0123456789abcdef, and no start.safetensors lies" in capsys.readouterr().err
    assert not out.exists()
