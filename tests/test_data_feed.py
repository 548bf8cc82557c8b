"""Does the feed give every picture once an epoch, in the order of the draws, from memory and from disk alike?"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet import draws
from alexnet.config import AugmentConfig, DataConfig
from alexnet.data.feed import Feed, limited
from alexnet.data.prepare import prepare
from alexnet.data.prepared import PreparedSet
from alexnet.data.preprocess import Preprocess
from alexnet.data.sources import list_source


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    root = tmp_path_factory.mktemp("feed")
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (root / "in" / name).mkdir(parents=True)
        for number in range(30):
            Image.fromarray(random.integers(0, 255, (20, 20, 3)).astype(np.uint8)).save(
                root / "in" / name / f"{number}.png"
            )
    return prepare(list_source(root / "in"), root / "out", size=16, workers=1)


def feed(prepared: PreparedSet, memory: int = 1 << 30) -> Feed:
    return Feed(prepared, prepared.rows("train"), batch=7, device="cpu", memory=memory)


def test_an_epoch_holds_every_picture_once_in_the_draws_order(prepared: PreparedSet) -> None:
    found = feed(prepared)
    batches = list(found.epoch(3, 2))
    index = torch.cat([batch.index for batch in batches])
    rows = prepared.rows("train")
    assert torch.equal(index, torch.from_numpy(rows[draws.order(3, 2, len(rows)).numpy()]))
    assert len(batches) == len(found)
    assert torch.equal(torch.cat([b.labels for b in batches]), torch.from_numpy(prepared.labels[index.numpy()]))
    assert np.array_equal(torch.cat([b.images for b in batches]).numpy(), prepared.gather(index.numpy()))


@pytest.mark.parametrize(("pictures", "sizes"), [(14, [7, 7]), (15, [7, 8]), (16, [7, 7, 2]), (1, [1]), (8, [8])])
def test_no_picture_is_left_alone_in_a_batch(prepared: PreparedSet, pictures: int, sizes: list[int]) -> None:
    found = Feed(prepared, prepared.rows("train")[:pictures], batch=7, device="cpu", memory=1 << 30)
    assert [len(batch.labels) for batch in found.epoch(0, 1)] == sizes
    assert len(found) == len(sizes)


def test_from_disk_and_from_memory_are_the_same(prepared: PreparedSet) -> None:
    resident, mapped = feed(prepared), feed(prepared, memory=0)
    for one, other in zip(resident.epoch(0, 1), mapped.epoch(0, 1), strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.index, other.index)


def test_an_epoch_can_be_entered_in_its_middle(prepared: PreparedSet) -> None:
    whole = [batch.index.tolist() for batch in feed(prepared).epoch(0, 1)]
    for memory in (0, 1 << 30):
        assert [batch.index.tolist() for batch in feed(prepared, memory).epoch(0, 1, start=3)] == whole[3:]


def test_an_error_in_the_reader_reaches_the_loop(prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped = feed(prepared, memory=0)

    def broken(rows: np.ndarray) -> np.ndarray:
        raise OSError("the disk is gone")

    monkeypatch.setattr(prepared, "gather", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        list(mapped.straight())


@pytest.mark.parametrize("limit", [1, 2, 9, 20])
def test_a_limit_is_even_over_classes_and_nested(prepared: PreparedSet, limit: int) -> None:
    rows = prepared.rows("train")
    some = limited(prepared.labels, rows, limit, 0)
    counts = np.bincount(prepared.labels[some], minlength=2)
    assert len(some) == limit
    assert abs(counts[0] - counts[1]) <= 1
    assert set(some) <= set(limited(prepared.labels, rows, limit + 5, 0))
    assert np.array_equal(limited(prepared.labels, rows, 0, 0), rows)


@pytest.mark.fidelity(
    topic="what is subtracted",
    paper="the training set's mean of every pixel, from raw values",
    source="the mean image, cropped once at the centre; raw 0-255",
    others="mean and deviation of every channel",
    option="--data.centre mean-image | channel-mean, --data.scale raw | deviation",
)
def test_the_mean_image_is_cropped_at_the_centre(prepared: PreparedSet) -> None:
    statistics = prepared.statistics()
    data, augment = DataConfig(size=16), AugmentConfig(crop=12)
    preprocess = Preprocess.fitted(statistics, data, augment)
    pictures = torch.from_numpy(prepared.gather(prepared.rows("train")))[:, :, 2:14, 2:14]
    centred = preprocess(pictures)
    torch.testing.assert_close(centred.mean(0), torch.zeros(3, 12, 12), atol=1e-3, rtol=0)
    torch.testing.assert_close(centred[0], pictures[0].float() - torch.from_numpy(statistics.mean_image[:, 2:14, 2:14]))


def test_channels_can_be_centred_and_scaled_instead(prepared: PreparedSet) -> None:
    data = DataConfig(size=16, centre="channel-mean", scale="deviation")
    preprocess = Preprocess.fitted(prepared.statistics(), data, AugmentConfig(crop=16))
    centred = preprocess(torch.from_numpy(prepared.gather(prepared.rows("train"))))
    torch.testing.assert_close(centred.mean((0, 2, 3)), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(centred.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_a_shift_is_added_to_all_pixels_and_the_scale_kept(prepared: PreparedSet) -> None:
    preprocess = Preprocess.fitted(prepared.statistics(), DataConfig(size=16), AugmentConfig(crop=16))
    images = torch.from_numpy(prepared.gather(prepared.rows("train")[:2]))
    shift = torch.tensor([[1.0, 2.0, 3.0], [0.0, -5.0, 0.0]])
    expected = (preprocess(images) + shift[:, :, None, None]) / 1.1
    torch.testing.assert_close(preprocess(images, shift, 1.1), expected)


def test_partners_and_numbers_do_not_depend_on_the_batch(prepared: PreparedSet) -> None:
    rows = prepared.rows("train")
    found = []
    for batch in (7, 20):
        feed = Feed(
            prepared,
            rows,
            batch=batch,
            device="cpu",
            memory=1 << 30 if batch == 7 else 0,
            sampling="balanced",
            mixing=True,
        )
        batches = list(feed.epoch(0, 1))
        for one in batches:
            assert one.partners is not None
            assert one.numbers is not None
            assert np.array_equal(one.partners.images.numpy(), prepared.gather(one.partners.index.numpy()))
            assert np.array_equal(one.partners.labels.numpy(), prepared.labels[one.partners.index.numpy()])
        found.append(
            [
                torch.cat([getattr(part, name) for one in batches for part in (one, one.partners)])
                for name in ("index", "numbers", "labels")
            ]
        )
    # the same pairs, in whichever batches: sorted by number, since the halves lie beside each other batch by batch
    for one, other in zip(*found, strict=True):
        assert torch.equal(one.sort().values, other.sort().values)


def test_without_mixing_and_sampling_a_batch_is_as_before(prepared: PreparedSet) -> None:
    for batch in feed(prepared).epoch(0, 1):
        assert batch.partners is None
        assert batch.numbers is None
