"""Does `alexnet similar` find what is alike, as a person asks for it, whatever the files are?"""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from alexnet.cli.main import main
from alexnet.data.feed import rows_of
from alexnet.insight.similar import similar
from alexnet.training.run import Run
from conftest import small_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    return small_run(picture_folder, tmp_path_factory.mktemp("run") / "a")


def trained_on(run: Run) -> list[str]:
    data = run.data()
    return [str(path) for path in data.origins.take(rows_of(run.config, data)[0]).to_pylist()]


def test_a_training_picture_is_its_own_nearest(
    run: Run, picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = trained_on(run)[3]
    words = ["similar", str(run.folder), str(picture_folder / own), "--device", "cpu", "--number", "3"]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    searched = f"{len(trained_on(run))} training pictures of shapes"
    assert out[0] == f"among {searched}, by Euclidean distance in relu6 (128 values, central crop)"
    assert out[1:3] == ["", str(picture_folder / own)]
    assert len(out) == 6
    assert float(out[3].split()[0]) < 1e-2 * float(out[4].split()[0])  # alone it is not rounded as in a batch
    assert out[3].split()[1:] == [own.split("/")[0], own]
    assert main([*words, "--json", "--metric", "cosine", "--layer", "fc6"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["metric"], said["layer"], said["n"], said["values"]) == ("cosine", "fc6", len(trained_on(run)), 128)
    [one] = said["pictures"]
    assert one["neighbours"][0]["path"] == own
    distances = [other["distance"] for other in one["neighbours"]]
    assert distances == sorted(distances)
    assert all(other["label"] == other["path"].split("/")[0] for other in one["neighbours"])


def test_both_ways_to_search_agree(run: Run, picture_folder: Path) -> None:
    pytest.importorskip("faiss")
    exact = similar(run, picture_folder, how="exact", device="cpu")
    chosen = similar(run, picture_folder, how="faiss", device="cpu")
    assert exact.answers == chosen.answers
    assert len(exact.answers) == 72
    assert exact.answers[0].label == "circle"


def test_other_pictures_are_searched_and_broken_files_told(
    run: Run, picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    shutil.copytree(picture_folder / "circle", own)
    (own / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    asked = [own / "circle-001.jpg", own / "broken.jpg", tmp_path / "nowhere.jpg", picture_folder / "square"]
    words = ["similar", str(run.folder), *map(str, asked), "--index", str(own), "--device", "cpu", "--number", "2"]
    assert main([*words, "--out", str(tmp_path / "found")]) == 0
    said = capsys.readouterr()
    told = said.err.splitlines()
    assert [line.split(":")[1].rsplit("/", 1)[1] for line in told] == ["nowhere.jpg", "broken.jpg", "broken.jpg"]
    assert "Traceback" not in said.err
    assert f"among 24 pictures of {own}" in said.out
    with open(tmp_path / "found" / "neighbours.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 25
    assert rows[0]["path"] == rows[0]["neighbour"] == str(own / "circle-001.jpg")
    assert (rows[0]["rank"], rows[0]["label"]) == ("1", "")
    assert float(rows[0]["distance"]) < 1e-3 <= float(rows[1]["distance"])
    drawn = sorted(name for name in os.listdir(tmp_path / "found") if name.endswith(".png"))
    assert drawn == [f"neighbours-{number:03d}.png" for number in range(1, 6)]
    with Image.open(tmp_path / "found" / drawn[0]) as image:
        assert image.width > 500


def test_weights_alone_can_search_a_folder(run: Run, picture_folder: Path, tmp_path: Path) -> None:
    shutil.copy(run.folder / "weights" / "last.safetensors", tmp_path / "w.safetensors")
    one = picture_folder / "circle" / "circle-001.jpg"
    found = similar(tmp_path / "w.safetensors", one, index=picture_folder, number=100, device="cpu")
    assert len(found.answers[0].neighbours) == 72
    assert found.answers[0].neighbours[0].path == "circle/circle-001.jpg"
    with pytest.raises(ValueError, match="a folder of pictures to search"):
        similar(tmp_path / "w.safetensors", one, device="cpu")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "alexnet similar needs pictures: files, folders or lists, after the run"),
        (["{pictures}", "--number", "0"], "at least 1 neighbour must be asked for, not 0"),
        (["{pictures}", "--metric", "l1"], "--metric cannot be 'l1'; it is one of 'euclidean', 'cosine'"),
        (["{pictures}", "--layer", "fc66"], "did you mean 'fc6'?"),
        (["{pictures}", "--index", "{empty}"], "nothing in"),
        (["{pictures}", "--index", "nowhere"], "there is no file or folder nowhere"),
        (["nowhere.jpg"], "there is no file or folder nowhere.jpg"),
        (["nowhere.jpg", "nor-here.jpg"], "none of the files given is there"),
        (["{broken}"], "none of the files given is a picture that can be read"),
        (["{pictures}", "--out", "{broken}"], "cannot write into"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Run,
    picture_folder: Path,
    tmp_path: Path,
    words: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"no")
    places = {"pictures": str(picture_folder), "empty": "empty", "broken": "broken.jpg"}
    assert main(["similar", str(run.folder), *(word.format(**places) for word in words), "--device", "cpu"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("alexnet: ")
    assert sentence in last


def test_hostile_files_do_not_stop_it(run: Run, shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["similar", str(run.folder), str(shared_data / "hostile" / "images"), "--device", "cpu", "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert len(found["pictures"]) > 5
    assert len(found["left_out"]) > 5
    assert len([line for line in said.err.splitlines() if "left out" in line]) == len(found["left_out"])
