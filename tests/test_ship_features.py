"""Are features those of the layer, of every picture that can be read, and can they be read back?"""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import alexnet
from alexnet.cli.main import main
from alexnet.data.square import load_square
from alexnet.insight.features import Feature, Features, features, last_hidden
from alexnet.ship.feature_files import form_of, write_features
from alexnet.training.run import Run
from conftest import small_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, picture_folder: Path) -> Run:
    return small_run(picture_folder, tmp_path_factory.mktemp("run") / "a")


def by_hand(run: Run, path: Path, layer: str) -> np.ndarray:
    """One picture, one hook, no batch: the module's own output in test mode."""
    seen: list[torch.Tensor] = []
    handle = run.network.layer(layer).register_forward_hook(lambda module, given, out: seen.append(out.clone()))
    square, _, _ = load_square(path.read_bytes(), run.preprocess.size, run.preprocess.fit)
    border = (run.preprocess.size - run.preprocess.crop) // 2
    piece = torch.from_numpy(square).permute(2, 0, 1)[None, :, border:, border:][:, :, :24, :24]
    run.network.eval()
    with torch.no_grad():
        run.network(run.preprocess(piece))
    handle.remove()
    return seen[0].flatten().numpy()


def test_last_hidden_is_what_the_last_layer_reads(run: Run) -> None:
    assert last_hidden(run.network) == "relu6"
    with torch.device("meta"):
        assert last_hidden(alexnet.AlexNet(10, "paper")) == "relu7"
        assert last_hidden(alexnet.AlexNet(10, "cifar-18")) == "pool3"


@pytest.mark.parametrize("layer", ["fc6", "pool5", None])
def test_values_are_the_layers(run: Run, picture_folder: Path, layer: str | None) -> None:
    made = features(run, picture_folder, layer, device="cpu")
    found = list(made)
    assert made.classes == ("circle", "square", "triangle")
    assert len(found) == 72
    for one in (found[0], found[40], found[71]):
        assert one.values is not None
        assert one.label == Path(one.path).parent.name
        assert one.values.shape == (int(np.prod(made.shape)),)
        np.testing.assert_allclose(
            one.values, by_hand(run, picture_folder / one.path, layer or "relu6"), rtol=1e-3, atol=1e-5
        )


def test_files_without_classes(run: Run, picture_folder: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(picture_folder / "circle", flat)
    (flat / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    made = features(run, flat, "fc6", device="cpu")
    found = list(made)
    assert made.classes == ()
    assert [Path(one.path).name for one in found if one.reason] == ["broken.jpg"]
    assert sum(one.values is not None for one in found) == 24
    some = [flat / "circle-000.png", flat / "circle-001.jpg"]
    two = list(features(run, some, "fc6", device="cpu"))
    assert [one.path for one in two] == [str(path) for path in some]
    same = {one.path: one.values for one in found}
    np.testing.assert_allclose(two[1].values, same[str(some[1])], rtol=1e-4, atol=1e-5)


def test_embedded_and_prepared_sources(run: Run, tmp_path: Path) -> None:
    assert main(["prepare", "digits", str(tmp_path / "set"), "--size", "28", "--fit", run.preprocess.fit]) == 0
    prepared = features(run, tmp_path / "set", device="cpu")
    direct = features(run, "digits", device="cpu")
    for _ in range(3):
        one, other = next(iter(prepared)), next(iter(direct))
        assert (one.path, one.label) == (other.path, other.label)
        np.testing.assert_array_equal(one.values, other.values)
    assert main(["prepare", "digits", str(tmp_path / "other"), "--size", "40"]) == 0
    with pytest.raises(ValueError, match="prepared with size 40"):
        features(run, tmp_path / "other")


def test_a_layer_that_is_none_is_named(run: Run, picture_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"no layer 'fc66'; did you mean 'fc6'\?"):
        features(run, picture_folder, "fc66")
    with pytest.raises(ValueError, match="there is no run"):
        features("nowhere", picture_folder)
    with pytest.raises(ValueError, match="no pictures to compute"):
        features(run, [])


def test_a_value_that_is_not_finite_is_told(run: Run, picture_folder: Path) -> None:
    layer = run.network.layer("fc6")
    weight = layer.weight.data.clone()  # type: ignore[union-attr,operator]
    try:
        layer.weight.data[0, 0] = torch.nan  # type: ignore[union-attr,index]
        assert {one.reason for one in features(run, picture_folder, "fc6")} == {
            "what the layer computes for it is not finite"
        }
    finally:
        layer.weight.data = weight  # type: ignore[union-attr]


# --- files ------------------------------------------------------------------------------------------------------------


def made(count: int = 5, *, classes: tuple[str, ...] = ("cat", "dog"), shape: tuple[int, ...] = (2, 3)) -> Features:
    width = int(np.prod(shape))

    def rows() -> Iterator[Feature]:
        for number in range(count):
            yield (
                Feature(path=f"skip{number}.jpg", reason="cut short")
                if number == 1
                else Feature(
                    path=f"näme{number}.jpg",
                    label=classes[number % len(classes)] if classes else "",
                    values=np.arange(number, number + width, dtype=np.float32) / 3,
                )
            )

    return Features(layer="conv1", shape=shape, classes=classes, found=rows())


EXPECTED = np.stack([np.arange(n, n + 6, dtype=np.float32) / 3 for n in (0, 2, 3, 4)])


@pytest.mark.parametrize("classes", [("cat", "dog"), ()])
def test_npz_reads_back(tmp_path: Path, classes: tuple[str, ...]) -> None:
    left: list[tuple[str, str]] = []
    done = write_features(made(classes=classes), tmp_path / "a.npz", left_out=lambda *one: left.append(one))
    with np.load(tmp_path / "a.npz", allow_pickle=False) as held:
        assert set(held) == {"paths", "features", "layer", "shape"} | ({"classes", "labels"} if classes else set())
        np.testing.assert_array_equal(held["features"], EXPECTED)
        assert held["features"].dtype == np.float32
        assert held["paths"].tolist() == [f"näme{n}.jpg" for n in (0, 2, 3, 4)]
        assert (str(held["layer"]), held["shape"].tolist()) == ("conv1", [2, 3])
        if classes:
            assert held["classes"][held["labels"]].tolist() == ["cat", "cat", "dog", "cat"]
    assert left == [("skip1.jpg", "cut short")]
    assert (done.pictures, done.left_out, done.values) == (4, 1, 6)
    assert json.loads(json.dumps(done.to_dict()))["shape"] == [2, 3]


@pytest.mark.parametrize("classes", [("cat", "dog"), ()])
def test_parquet_reads_back(tmp_path: Path, classes: tuple[str, ...]) -> None:
    write_features(made(classes=classes), tmp_path / "a.parquet", left_out=lambda path, reason: None)
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.names == ["path", *(["label"] if classes else []), "features"]
    assert str(table.schema.field("features").type) == "fixed_size_list<element: float>[6]"
    np.testing.assert_array_equal(np.array(table["features"].to_pylist(), np.float32), EXPECTED)
    if classes:
        assert table["label"].to_pylist() == ["cat", "cat", "dog", "cat"]
    facts = json.loads(table.schema.metadata[b"alexnet"])
    assert facts == {"layer": "conv1", "shape": [2, 3], "classes": list(classes)}


@pytest.mark.parametrize("form", ["npz", "parquet"])
def test_memory_does_not_grow_with_the_features(tmp_path: Path, form: str) -> None:
    """200 MB of values through less than 60 MB; in Parquet, several row groups."""

    def rows() -> Iterator[Feature]:
        values = np.random.default_rng(0).random(1 << 15, np.float32)
        for number in range(1600):
            yield Feature(path=str(number), values=values)

    held = Features(layer="x", shape=(1 << 15,), classes=(), found=rows())
    tracemalloc.start()
    write_features(held, tmp_path / f"a.{form}", left_out=lambda path, reason: None)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / f"a.{form}").stat().st_size > 200e6
    assert peak < 60e6
    if form == "parquet":
        assert pq.ParquetFile(tmp_path / "a.parquet").num_row_groups > 10


def test_nothing_is_left_where_nothing_could_be_written(tmp_path: Path) -> None:
    nothing = Features(layer="x", shape=(2,), classes=(), found=iter([Feature(path="a", reason="broken")]))
    with pytest.raises(ValueError, match="none of the files"):
        write_features(nothing, tmp_path / "a.npz", left_out=lambda path, reason: None)
    with pytest.raises(ValueError, match=r"cannot write .*no.*: No such file"):
        write_features(made(), tmp_path / "no" / "a.parquet", left_out=lambda path, reason: None)
    with pytest.raises(ValueError, match=r"neither .npz nor .parquet"):
        write_features(made(), tmp_path / "a.csv", left_out=lambda path, reason: None)
    assert os.listdir(tmp_path) == []
    assert form_of(Path("A.NPZ")) == "npz"


# --- the verb ---------------------------------------------------------------------------------------------------------


def test_as_a_person_types_it(
    run: Run, picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["features", str(run.folder), str(picture_folder), "--device", "cpu"]
    assert main([*words, "--layer", "fc6"]) == 0
    assert capsys.readouterr().out == "72 pictures, 128 values each of fc6, in features.npz\n"
    assert main([*words, "--format", "parquet", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["path"], said["layer"], said["values"], said["pictures"]) == ("features.parquet", "relu6", 128, 72)
    assert said["classes"] == ["circle", "square", "triangle"]
    assert pq.read_table("features.parquet").num_rows == 72
    assert main([*words, "--out", "deep.parquet", "--layer", "conv9"]) == 2
    assert "did you mean 'conv" in capsys.readouterr().err
    assert main([*words[:2], "--json"]) == 2
    assert "needs pictures" in capsys.readouterr().err


def test_a_broken_file_is_named_on_stderr(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no")
    assert main(["features", str(run.folder), str(tmp_path), "--out", str(tmp_path / "y.npz")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert "left out" in said[0]
    assert said[1] == "alexnet: none of the files given is a picture that can be read"
    assert not (tmp_path / "y.npz").exists()
