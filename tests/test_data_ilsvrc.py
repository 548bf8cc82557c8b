"""Are ImageNet's files read as people have them, and every picture labelled by its wnid?"""

from __future__ import annotations

import csv
import io
import pickle
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from alexnet.data.origins import class_key
from alexnet.data.sources import Listing, list_source

#: IDs of the devkit are in another order than the sorted wnids: whoever takes one for the other is found out.
IDS = {1: "n02119789", 2: "n01440764", 3: "n01443537"}
WORDS = {"n02119789": "kit fox, Vulpes macrotis", "n01440764": "tench, Tinca tinca", "n01443537": "goldfish"}
COLOURS = {"n02119789": (200, 0, 0), "n01440764": (0, 200, 0), "n01443537": (0, 0, 200)}
VAL = [2, 2, 1, 3, 1]
TEST = [3, 1]


def picture(wnid: str, number: int) -> bytes:
    """A JPEG whose colour tells its true class, so that a wrong label shows."""
    file = io.BytesIO()
    Image.new("RGB", (9, 8), tuple(value + number for value in COLOURS[wnid])).save(file, "JPEG", quality=95)
    return file.getvalue()


def true_class(data: bytes) -> str:
    pixel = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[4, 4]
    return ("n02119789", "n01440764", "n01443537")[int(pixel.argmax())]


def tar_of(files: Iterable[tuple[str, bytes]]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def train_files(wnid: str) -> list[tuple[str, bytes]]:
    return [(f"{wnid}_{number}.JPEG", picture(wnid, number)) for number in (10, 2, 7)]


def numbered(split: str, ids: list[int], year: int = 2012) -> list[tuple[str, bytes]]:
    return [(f"ILSVRC{year}_{split}_{n:08d}.JPEG", picture(IDS[one], n)) for n, one in enumerate(ids, start=1)]


def put(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    for name, data in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def meta(year: int = 2012) -> bytes:
    kind = [(f"ILSVRC{year}_ID", "O"), ("WNID", "O"), ("words", "O"), ("gloss", "O"), ("num_children", "O")]
    rows = [(float(number), wnid, WORDS[wnid], "", 0.0) for number, wnid in IDS.items()]
    out = io.BytesIO()
    savemat(out, {"synsets": np.array([*rows, (1001.0, "n00001740", "entity", "", 3.0)], dtype=kind)})
    return out.getvalue()


def kit_files(year: int = 2012) -> list[tuple[str, bytes]]:
    truth = "".join(f"{one}\n" for one in VAL).encode()
    return [
        ("data/meta.mat", meta(year)),
        (f"data/ILSVRC{year}_validation_ground_truth.txt", truth),
        ("readme.txt", b""),
    ]


def put_kit(root: Path, form: str) -> None:
    """The labels of val in one of the forms in which they are handed out."""
    inside = [(f"ILSVRC2012_devkit_t12/{name}", data) for name, data in kit_files()]
    if form == "kit folder":
        put(root, inside)
    elif form == "kit tar.gz":
        with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as archive:
            for name, data in inside:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    elif form == "loose":
        put(root, ((name.removeprefix("data/"), data) for name, data in kit_files()))
    else:
        put_kaggle(root)


def put_kaggle(root: Path) -> None:
    lines = [["ImageId", "PredictionString"]]
    lines += [
        [f"ILSVRC2012_val_{number:08d}", f"{IDS[one]} 1 2 3 4 {IDS[one]} 5 6 7 8"]
        for number, one in reversed(list(enumerate(VAL, start=1)))
    ]
    with open(root / "LOC_val_solution.csv", "w", newline="") as file:
        csv.writer(file).writerows(lines)
    (root / "LOC_synset_mapping.txt").write_text("".join(f"{wnid} {words}\n" for wnid, words in WORDS.items()))


def put_train(root: Path, form: str) -> None:
    if form == "folders":
        put(root / "train", ((f"{wnid}/{name}", data) for wnid in COLOURS for name, data in train_files(wnid)))
    else:
        tars = [(f"{wnid}.tar", tar_of(train_files(wnid))) for wnid in COLOURS]
        if form == "tars":
            put(root / "ILSVRC2012_img_train", tars)
        else:
            (root / "ILSVRC2012_img_train.tar").write_bytes(tar_of(tars))


def put_val(root: Path, form: str) -> None:
    if form == "folders":
        put(root / "val", ((f"{IDS[one]}/{n}", d) for one, (n, d) in zip(VAL, numbered("val", VAL), strict=True)))
    elif form == "flat":
        put(root / "val", numbered("val", VAL))
    else:
        (root / "ILSVRC2012_img_val.tar").write_bytes(tar_of(numbered("val", VAL)))


def check(listing: Listing, train: int = 9, val: int = len(VAL), test: int = 0) -> None:
    """Counts, and that each picture's colour is that of the wnid in its class's name, also read in parts."""
    assert listing.kind == "ilsvrc"
    assert [int((listing.splits == split).sum()) for split in (0, 1, 2)] == [train, val, test]
    step = 4
    for start in range(0, len(listing), step):
        stop = min(len(listing), start + step)
        reader = pickle.loads(pickle.dumps(listing.reader(start, stop)))
        for row in range(start, stop):
            wnid = class_key(listing.classes[listing.labels[row]])
            assert true_class(reader.read(row)) == wnid, listing.origins[row].as_py()


@pytest.mark.parametrize("labels", ["kit folder", "kit tar.gz", "loose", "kaggle"])
@pytest.mark.parametrize("val", ["folders", "flat", "tar"])
@pytest.mark.parametrize("train", ["folders", "tars", "tar"])
def test_every_layout_gives_the_same_labels(tmp_path: Path, train: str, val: str, labels: str) -> None:
    put_train(tmp_path, train)
    put_val(tmp_path, val)
    put_kit(tmp_path, labels)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    listing = list_source(tmp_path)
    check(listing)
    assert listing.classes == ("n01440764 tench", "n01443537 goldfish", "n02119789 kit fox")
    assert listing.left_out == ()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_kaggles_folders_and_from_whichever_of_them(tmp_path: Path) -> None:
    inner = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    put_train(inner, "folders")
    put_val(inner, "flat")
    put(inner / "test", numbered("test", TEST))
    put_kaggle(tmp_path)
    put(tmp_path / "ILSVRC" / "ImageSets" / "CLS-LOC", [("val.txt", b"ILSVRC2012_val_00000001 1\n")])
    for given in (tmp_path, tmp_path / "ILSVRC", inner):
        listing = list_source(given)
        check(listing)
        assert listing.left_out == (("test", "test pictures without labels (those of 2012 were never published)"),)


def test_2010_with_its_test_and_patches(tmp_path: Path) -> None:
    tars = [(f"{wnid}.tar", tar_of(train_files(wnid))) for wnid in COLOURS]
    (tmp_path / "ILSVRC2010_images_train.tar").write_bytes(tar_of(tars))
    broken = [
        (name, b"damaged" if number == 2 else data) for number, (name, data) in enumerate(numbered("val", VAL, 2010))
    ]
    (tmp_path / "ILSVRC2010_images_val.tar").write_bytes(tar_of(broken))
    (tmp_path / "ILSVRC2010_images_test.tar").write_bytes(tar_of(numbered("test", TEST, 2010)))
    (tmp_path / "ILSVRC2010_test_ground_truth.txt").write_text("".join(f"{one}\n" for one in TEST))
    put(tmp_path / "devkit-1.0", kit_files(2010))
    mended = numbered("val", VAL, 2010)[2]
    patches = tar_of([(f"patch_images/val/{mended[0]}", mended[1])])
    (tmp_path / "patch_images.tar").write_bytes(patches)
    listing = list_source(tmp_path)
    check(listing, test=2)
    assert "patch_images.tar/patch_images/val/ILSVRC2010_val_00000003.JPEG" in listing.origins.to_pylist()
    (tmp_path / "patch_images.tar").unlink()
    put(tmp_path / "patch_images" / "val", [mended])
    check(list_source(tmp_path), test=2)


def test_one_tar_file_alone(tmp_path: Path) -> None:
    put_train(tmp_path, "tar")
    put_val(tmp_path, "tar")
    put_kit(tmp_path, "kit tar.gz")
    check(list_source(tmp_path / "ILSVRC2012_img_train.tar"), val=0)
    check(list_source(tmp_path / "ILSVRC2012_img_val.tar"), train=0)


def test_wnid_folders_with_names_beside_them(tmp_path: Path) -> None:
    put(tmp_path, ((f"{wnid}/{name}", data) for wnid in COLOURS for name, data in train_files(wnid)))
    assert list_source(tmp_path).classes == ("n01440764", "n01443537", "n02119789")
    put_kaggle(tmp_path)
    listing = list_source(tmp_path)
    assert listing.classes == ("n01440764 tench", "n01443537 goldfish", "n02119789 kit fox")
    assert set(listing.splits.tolist()) == {-1}


def test_two_wnids_may_share_a_word(tmp_path: Path) -> None:
    put_train(tmp_path, "folders")
    put_val(tmp_path, "folders")
    (tmp_path / "LOC_synset_mapping.txt").write_text("n02119789 crane\nn01440764 crane\nn01443537 goldfish\n")
    listing = list_source(tmp_path)
    assert listing.classes == ("n01440764 crane", "n01443537 goldfish", "n02119789 crane")
    check(listing)


def test_an_unpacked_folder_goes_before_the_tar_it_came_from(tmp_path: Path) -> None:
    put_train(tmp_path, "folders")
    put_train(tmp_path, "tar")
    put_val(tmp_path, "flat")
    put_kaggle(tmp_path)
    listing = list_source(tmp_path)
    check(listing)
    assert listing.origins[0].as_py().startswith("train/")


def test_mistakes_are_named(tmp_path: Path) -> None:
    put_train(tmp_path, "folders")
    put_val(tmp_path, "flat")
    with pytest.raises(ValueError, match=r"nothing beside it says what they show; put ILSVRC2012_devkit_t12\.tar\.gz"):
        list_source(tmp_path)
    put(tmp_path / "devkit-1.0", kit_files(2010))
    with pytest.raises(ValueError, match="nothing beside it says"):
        list_source(tmp_path)  # labels of another year are none
    put(tmp_path / "ILSVRC2012_devkit_t12", [("data/meta.mat", b"no")])
    with pytest.raises(ValueError, match=r"meta\.mat of .*ILSVRC2012_devkit_t12 is damaged"):
        list_source(tmp_path)
    put(tmp_path / "ILSVRC2012_devkit_t12", kit_files())
    put(tmp_path / "ILSVRC2012_devkit_t12" / "data", [("ILSVRC2012_validation_ground_truth.txt", b"1\n7\n")])
    with pytest.raises(ValueError, match="line 2: '7' is no ID"):
        list_source(tmp_path)
    put(tmp_path / "ILSVRC2012_devkit_t12" / "data", [("ILSVRC2012_validation_ground_truth.txt", b"2\n2\n1\n")])
    listing = list_source(tmp_path)
    check(listing, val=3)
    assert [reason for _, reason in listing.left_out] == ["not in the list of labels"] * 2
    put_train(tmp_path, "tars")
    with pytest.raises(ValueError, match="both are ImageNet's train; keep one"):
        list_source(tmp_path)


def test_a_folder_of_other_pictures_is_not_taken_for_imagenet(tmp_path: Path) -> None:
    files = [(f"{split}/{name}/1.JPEG", picture("n01440764", 1)) for split in ("train", "val") for name in ("a", "b")]
    put(tmp_path, files)
    put_kaggle(tmp_path)
    assert list_source(tmp_path).kind == "split-folder"


def test_a_train_tar_cut_off_is_refused(tmp_path: Path) -> None:
    put_train(tmp_path, "tar")
    path = tmp_path / "ILSVRC2012_img_train.tar"
    data = path.read_bytes()
    for length in (len(data) // 2, 700):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"the tar archive .* is damaged after \d+ files .*fetch it again"):
            list_source(path)
