"""Do --calibrate, --ensemble, --subgroup and compare do what is typed, on pictures that are allowed, and say so?"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import alexnet
from alexnet.cli.main import main

CLASSES = ("circle", "square", "triangle")


def colour_folder(folder: Path, *, each: int, seed: int = 0) -> Path:
    """Noise tinted by class, a sixth of it in the wrong folder: soon learnt, and never without errors."""
    numbers = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            pixels = numbers.integers(0, 160, (32, 32, 3))
            pixels[:, :, (label + (i % 6 == 0)) % 3] += 60
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i:03d}.png")
    return folder


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """330 pictures: 264 train, 33 select, 33 test."""
    return colour_folder(tmp_path_factory.mktemp("numbers") / "shapes", each=110)


@pytest.fixture(scope="module")
def runs(shapes: Path) -> Iterator[dict[str, str]]:
    """Three short runs without their reports: two select by some of the pictures, and one trains on all of those."""
    made = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("alexnet.training.finish.write_report", lambda *_: None)
        for name, seed, more in (("a", "0", []), ("b", "1", []), ("whole", "2", ["--data.all-of-train"])):
            made[name] = str(shapes.parent / name)
            words = ["train", str(shapes), "--out", made[name], "--recipe", "quick", "--size", "24", "--epochs", "3"]
            words += [
                "--batch",
                "16",
                "--rate",
                "0.02",
                "--seed",
                seed,
                "--threads",
                "1",
                "--workers",
                "1",
                "--quiet",
                *more,
            ]
            assert main(words) == 0
        yield made


def asked(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """What a verb prints as JSON."""
    capsys.readouterr()
    assert main([*words, "--json", "--threads", "1"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main([*words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1, err
    return err


def test_a_temperature_is_fitted_on_the_pictures_that_selected(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, "evaluate", runs["a"], "--calibrate")
    assert (found["split"], found["n"]) == ("test", 33)
    fitted = found["calibration"]["temperature"]
    assert (fitted["split"], fitted["n"], fitted["cross_fitted"], fitted["protocol"]) == ("val", 33, False, "centre")
    for when in ("before", "after"):
        assert {"ece", "nll", "ece_by_chance", "bins"} <= set(found["calibration"][when])
        assert sum(one["n"] for one in found["calibration"][when]["bins"]) == 33
    assert found["calibration"]["before"]["nll"]["value"] == pytest.approx(found["loss"])
    kept = json.loads((Path(runs["a"]) / "calibration.json").read_text())
    assert kept["centre"] == fitted
    assert main(["evaluate", runs["a"], "--calibrate", "--quiet"]) == 0
    page = capsys.readouterr().out
    assert f"temperature {fitted['value']:.3f}, fitted on val (33 pictures, centre crop)" in page
    assert "calibration error" in page
    assert "by chance" in page


def test_where_the_only_pictures_held_out_are_reported_it_is_cross_fitted(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, "evaluate", runs["whole"], "--calibrate")
    fitted = found["calibration"]["temperature"]
    assert (fitted["split"], fitted["n"], fitted["cross_fitted"]) == ("test", 33, True)
    assert main(["evaluate", runs["a"], "--calibrate", "--split", "val", "--quiet"]) == 0
    page = capsys.readouterr().out
    assert "cross-fitted, every picture's by a temperature fitted on the other 4 of 5 parts" in page
    assert "also used for selection" in page


def test_probabilities_are_calibrated_only_when_asked_for(
    runs: dict[str, str], shapes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, "evaluate", runs["b"], "--calibrate")
    picture = str(next((shapes / "circle").iterdir()))
    told = {}
    for more in ((), ("--calibrated",)):
        assert main(["predict", runs["b"], picture, "--format", "jsonl", "--threads", "1", *more]) == 0
        out, err = capsys.readouterr()
        told[more] = json.loads(out)
        assert ("probabilities are at temperature" in err) == bool(more)
    temperature = alexnet.load(runs["b"], calibrated=True).temperature()
    assert temperature is not None
    plain, warm = (dict(told[more]["top5"]) for more in ((), ("--calibrated",)))
    assert list(plain) == list(warm)
    raised = {name: value ** (1 / temperature.value) for name, value in plain.items()}
    assert warm == pytest.approx({name: value / sum(raised.values()) for name, value in raised.items()})
    assert alexnet.load(runs["b"]).temperature() is None


def test_a_temperature_belongs_to_weights_and_views(
    runs: dict[str, str], shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(capsys, "evaluate", runs["whole"], "--calibrate")
    picture = str(next((shapes / "circle").iterdir()))
    said = refused(capsys, "predict", runs["whole"], picture, "--calibrated", "--protocol", "ten")
    assert f"is not calibrated for the ten views: alexnet evaluate {runs['whole']} --calibrate --protocol ten" in said
    moved = tmp_path / "moved"
    shutil.copytree(runs["whole"], moved)
    path = moved / "calibration.json"
    kept = json.loads(path.read_text())
    kept["centre"]["step"] -= 1
    path.write_text(json.dumps(kept))
    assert "is for the weights of epoch" in refused(capsys, "predict", str(moved), picture, "--calibrated")
    path.write_text('{"centre": {"value": 2}}')
    assert "is damaged" in refused(capsys, "predict", str(moved), picture, "--calibrated")
    path.unlink()
    assert "is not calibrated" in refused(capsys, "predict", str(moved), picture, "--calibrated")
    with pytest.raises(ValueError, match="is not calibrated"):
        alexnet.load(moved, calibrated=True)


def test_other_pictures_are_tempered_by_the_runs_own(
    runs: dict[str, str], shapes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = colour_folder(tmp_path / "others", each=12, seed=5)
    found = asked(capsys, "evaluate", runs["a"], str(others), "--calibrate")
    assert (found["split"], found["n"]) == ("all", 36)
    assert found["calibration"]["temperature"]["split"] == "val"
    said = refused(capsys, "evaluate", runs["whole"], str(shapes), "--calibrate", "--quiet")
    assert "pictures that were trained on says nothing" in said
    found = asked(capsys, "evaluate", runs["a"], str(shapes))
    assert found["note"] == "264 of them trained on"


def test_an_ensemble_is_the_average_beside_its_members(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, "evaluate", runs["a"], "--ensemble", runs["b"], runs["whole"])
    members = found["ensemble"]["members"]
    assert [one["run"] for one in members] == [runs["a"], runs["b"], runs["whole"]]
    assert [one["weight"] for one in members] == pytest.approx([1 / 3] * 3)
    assert found["note"] == "average of 3 networks"
    for one in members:
        alone = asked(capsys, "evaluate", one["run"])
        assert one["scores"] == alone
        gap = alone["top1_error"]["value"] - found["top1_error"]["value"]
        assert one["difference"]["difference"]["value"] == pytest.approx(gap)
    assert main(["evaluate", runs["a"], "--ensemble", runs["b"], "--quiet"]) == 0
    assert "less the ensemble's" in capsys.readouterr().out


def test_an_ensemble_with_itself_is_itself(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "evaluate", runs["a"], "--ensemble", runs["a"])
    alone = asked(capsys, "evaluate", runs["a"])
    assert found["top1_error"] == alone["top1_error"]
    assert found["loss"] == pytest.approx(alone["loss"])
    assert all(one["difference"]["p"] == 1 for one in found["ensemble"]["members"])


def test_weights_are_searched_on_pictures_that_are_not_reported(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = asked(capsys, "evaluate", runs["a"], "--ensemble", runs["b"], "--search-weights")
    assert found["ensemble"]["weights_searched_on"] == "val, 33 pictures"
    assert sum(one["weight"] for one in found["ensemble"]["members"]) == pytest.approx(1)
    for more in (["--split", "val"], ["--ensemble", runs["whole"]]):
        words = ["evaluate", runs["a"], "--ensemble", runs["b"], "--search-weights", *more]
        assert "no pictures to search weights on" in refused(capsys, *words)


def test_members_must_hold_out_the_same_pictures(
    runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    others = colour_folder(tmp_path / "others", each=24, seed=9)
    words = ["train", str(others), "--out", str(tmp_path / "other"), "--recipe", "quick", "--size", "24", "--quiet"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("alexnet.training.finish.write_report", lambda *_: None)
        assert main([*words, "--train.steps", "2", "--batch", "16", "--threads", "1", "--workers", "1"]) == 0
    said = refused(capsys, "evaluate", runs["a"], "--ensemble", str(tmp_path / "other"))
    assert "do not hold out the same pictures (33 and 6, 0 of them in both)" in said


def test_groups_of_classes(runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = tmp_path / "groups.csv"
    listed.write_text("group,class\nround,circle\nangular,square\nangular,triangle\n")
    found = asked(capsys, "evaluate", runs["a"], "--subgroup", "edgy=square,triangle", "--subgroup", str(listed))
    edgy, round_, angular = found["groups"]
    assert (edgy["group"], round_["group"], angular["group"]) == ("edgy", "round", "angular")
    assert edgy | {"group": ""} == angular | {"group": ""}
    assert edgy["n"] + round_["n"] == 33
    assert main(["evaluate", runs["a"], "--subgroup", "edgy=square,triangle", "--quiet"]) == 0
    assert "among these classes:" in capsys.readouterr().out


def test_two_runs_are_compared(runs: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "compare", runs["a"], runs["b"], "--out", str(tmp_path / "d.csv"))
    assert (found["n"], found["about"]) == (33, "test, centre crop")
    with (tmp_path / "d.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == found["differing"]
    again = asked(capsys, "compare", runs["a"] + "/predictions.csv", runs["b"] + "/predictions.csv")
    assert again | {"a": "", "b": ""} == found | {"a": "", "b": ""}
    afresh = asked(capsys, "compare", runs["a"], runs["b"], "--split", "test")
    assert afresh | {"a": "", "b": ""} == found | {"a": "", "b": ""}
    views = asked(capsys, "compare", runs["a"], runs["b"], "--protocol", "ten", "--split", "val")
    assert views["about"] == "val, ten views, also used for selection"
    itself = asked(capsys, "compare", runs["a"], runs["a"])
    assert itself["verdict"].startswith("no difference can be told with 33 pictures")
    assert main(["compare", runs["a"], runs["b"]]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == found["verdict"]


MISTAKES = [
    (["compare", "x"], "compare needs B"),
    (["compare", "x", "y"], "there is no run x"),
    (["compare", "{a}", "none.csv"], "there is no run none.csv"),
    (["compare", "{a}/predictions.csv", "{b}", "--split", "test"], "--source, --split and --protocol are for runs"),
    (["compare", "{a}", "{a}/per_class.csv"], "has no column 'path'"),
    (["evaluate", "{a}", "--search-weights"], "name them with --ensemble RUN"),
    (["evaluate", "{a}", "--calibrate", "--ensemble", "{b}"], "--calibrate fits the temperature of one run"),
    (["evaluate", "{a}", "--ensemble", "no-such"], "there is no run no-such"),
    (["evaluate", "{a}", "--subgroup", "x"], "--subgroup takes NAME=class"),
    (["evaluate", "{a}", "--subgroup", "x=circel"], "did you mean 'circle'"),
    (["evaluate", "{a}", "--precision", "nan"], "it is one of 'float32', 'bf16', 'float64'"),
    (["evaluate", "{a}", "--split", "tset"], "no split is called 'tset'"),
    (["predict", "{a}", "x.jpg", "--protocol", "eleven"], "it is one of 'centre', 'ten', 'nine'"),
]


@pytest.mark.parametrize(
    ("words", "said"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_a_mistake_is_one_sentence(
    words: list[str], said: str, runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, *(word.format(**runs) for word in words))


def test_precision_is_what_is_asked_for(runs: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    losses = {
        name: asked(capsys, "evaluate", runs["a"], "--precision", name)["loss"] for name in ("float32", "float64")
    }
    assert losses["float32"] == pytest.approx(losses["float64"], rel=1e-4)
    assert losses["float32"] != losses["float64"]
