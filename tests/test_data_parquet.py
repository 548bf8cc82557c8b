"""Are Parquet files in the convention of Hugging Face `datasets` read, by parts and in any order?"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alexnet.data.sources import list_source, parquet


def write(path: Path, labels: list[Any], *, names: list[str] | None = None, group: int = 7) -> Path:
    """A file whose picture in row n is the bytes "n"."""
    images = [{"bytes": str(row).encode(), "path": f"{path.stem}/{row}.jpg"} for row in range(len(labels))]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    columns = {"image": pa.array(images, kind), "label": pa.array(labels)}
    table = pa.table(columns)
    if names:
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path, row_group_size=group)
    return path


def test_a_file_with_class_names(tmp_path: Path) -> None:
    listing = list_source(write(tmp_path / "pets.parquet", [1, 0, 1, 2] * 5, names=["zebra", "ant", "cow", "none"]))
    assert (listing.kind, listing.name) == ("parquet", "pets")
    assert listing.classes == ("zebra", "ant", "cow"), "in the order that gives them their numbers"
    assert [listing.classes[label] for label in listing.labels[:4]] == ["ant", "zebra", "ant", "cow"]
    assert listing.left_out == (("none", "a class without a picture"),)
    assert listing.origins[3].as_py() == "pets/3.jpg"
    assert listing.splits.tolist() == [-1] * 20


def test_rows_are_read_in_any_order_and_by_parts(tmp_path: Path) -> None:
    listing = list_source(write(tmp_path / "a.parquet", [0, 1] * 50, names=["x", "y"], group=40))
    reader = listing.reader()
    for row in (0, 1, 39, 40, 99, 41, 3, 3, 80):
        assert reader.read(row) == str(row).encode()
    whole = list_source(write(tmp_path / "b.parquet", [0, 1] * 50, names=["x", "y"], group=100)).reader()
    for row in (99, 0, 63, 64, 31, 95):
        assert whole.read(row) == str(row).encode(), "one row group, back and forth"
    part = pickle.loads(pickle.dumps(listing.reader(30, 60)))
    assert [part.read(row) for row in range(30, 60)] == [str(row).encode() for row in range(30, 60)]


def test_a_folder_with_splits(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00002.parquet", ["b", "a"] * 3)
    write(tmp_path / "train-00001-of-00002.parquet", ["a"])
    write(tmp_path / "validation.parquet", ["b"])
    write(tmp_path / "test.parquet", ["a", "b"])
    write(tmp_path / "extra.parquet", ["c"])
    listing = list_source(tmp_path)
    assert listing.classes == ("a", "b")
    assert listing.splits.tolist() == [0] * 7 + [1] + [2] * 2
    assert [name for name, _ in listing.left_out] == ["extra.parquet"]
    assert listing.reader(6, 10).read(9) == b"1"
    assert listing.origins[9].as_py() == "test/1.jpg"


def test_the_hub_layout_and_unnamed_files(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "data" / "0000.parquet", [5, 10])
    write(tmp_path / "data" / "0001.parquet", [5])
    listing = list_source(tmp_path)
    assert listing.classes == ("5", "10")
    assert listing.splits.tolist() == [-1] * 3


def test_rows_without_a_label_are_left_out(tmp_path: Path) -> None:
    listing = list_source(write(tmp_path / "a.parquet", [0, -1, 1, None, 0], names=["x", "y"]))
    assert listing.left_out == (("a.parquet#1", "no label"), ("a.parquet#3", "no label"))
    assert [listing.reader().read(row) for row in range(3)] == [b"0", b"2", b"4"]


def test_pictures_may_lie_beside_the_file_or_be_plain_bytes(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    images = pa.array([{"bytes": None, "path": "1.jpg"}, {"bytes": b"in", "path": None}, None], kind)
    (tmp_path / "1.jpg").write_bytes(b"beside")
    listing = list_source(_table(tmp_path, images))
    assert listing.origins.to_pylist() == ["1.jpg", "a.parquet#1", "a.parquet#2"]
    assert [listing.reader().read(row) for row in range(3)] == [b"beside", b"in", b""]
    plain = _table(tmp_path, pa.array([b"0", b"1", b"2"]), "b")
    assert list_source(plain).reader().read(2) == b"2"


def _table(folder: Path, images: pa.Array, name: str = "a") -> Path:
    pq.write_table(pa.table({"image": images, "label": ["x", "y", "y"]}), folder / f"{name}.parquet")
    return folder / f"{name}.parquet"


def test_mistakes_are_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "text.parquet")
    write(tmp_path / "floats.parquet", [0.5, 1.5])
    write(tmp_path / "beyond.parquet", [0, 7], names=["x", "y"])
    pq.write_table(pa.table({"image": [b"a"]}), tmp_path / "nolabel.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    for name, sentence in {
        "text": "no column of pictures.*text: string",
        "floats": "labels must be whole numbers or text",
        "beyond": "the label 7 is none of 2 classes",
        "nolabel": "no column 'label'",
        "broken": "not a whole Parquet file",
    }.items():
        with pytest.raises(ValueError, match=sentence):
            list_source(tmp_path / f"{name}.parquet")


def test_a_damaged_part_loses_its_rows_only(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", [0, 1] * 20, names=["x", "y"], group=10)
    listing = list_source(path)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 30] = b"\xff" * 30
    path.write_bytes(data)
    parquet._open.clear()
    reader = listing.reader()
    for row in range(40):
        if 10 <= row < 20:
            with pytest.raises(OSError, match="damaged"):
                reader.read(row)
        else:
            assert reader.read(row) == str(row).encode()


def test_cifar_is_read(shared_data: Path) -> None:
    listing = list_source(shared_data / "cifar10")
    assert listing.classes == tuple("airplane automobile bird cat deer dog frog horse ship truck".split())
    assert [int((listing.splits == split).sum()) for split in (0, 1, 2)] == [50_000, 0, 8_000]
    assert len(set(listing.labels[:2000].tolist())) == 10
    assert listing.reader(57_000, 58_000).read(57_999).startswith(b"\xff\xd8\xff")
    assert listing.origins[0].as_py().split("/")[1] == listing.classes[listing.labels[0]]
