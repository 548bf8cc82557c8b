"""Are the peers the same networks, and is their loading torchvision's? Else two different things were compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alexnet.bench import loading
from alexnet.bench.loading import load_batch, loader, restated
from alexnet.bench.peers import TorchvisionAlexNet, peer, plain, plain_step
from alexnet.bench.subjects import SUBJECTS
from alexnet.edits import edited
from alexnet.model.network import AlexNet
from alexnet.settings import ModelConfig
from alexnet.tables import TABLES


def copied(ours: torch.nn.Module, theirs: torch.nn.Module) -> None:
    """Their tensors become ours, in the order in which both have them."""
    mine, other = list(ours.state_dict().values()), theirs.state_dict()
    assert [value.shape for value in mine] == [value.shape for value in other.values()]
    theirs.load_state_dict(dict(zip(other, mine, strict=True)))


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_plain_network_is_ours(name: str) -> None:
    """Equal logits from equal weights; dropout, which the plain one has by torch's convention, in ours by it too."""
    classes = SUBJECTS[name].classes
    drops = any(row.kind == "dropout" for row in TABLES[name].layers)
    model = ModelConfig(table=name, dropout_mode="inverted" if drops else "table")
    ours = AlexNet(classes, edited(model), init="he", seed=1).eval()
    theirs, title = peer(name, classes)
    assert title == ("torchvision's" if name == "torchvision" else "plain")
    assert sum(one.numel() for one in ours.parameters()) == sum(one.numel() for one in theirs.parameters())
    copied(ours, theirs)
    side = TABLES[name].size
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0)) * 60
    with torch.no_grad():
        mine, other = ours(images), theirs.eval()(images)
    torch.testing.assert_close(other, mine, rtol=1e-4, atol=1e-4 * float(mine.abs().max()))
    assert float(mine.std(0).max()) > 1e-3, "the logits tell the pictures apart"


def test_the_plain_network_of_torchvisions_table_is_torchvisions() -> None:
    built, restated_one = plain("torchvision", 10), TorchvisionAlexNet(10)
    copied(built, restated_one)
    images = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(built.eval()(images), restated_one.eval()(images))


def test_what_has_no_plain_module_is_refused() -> None:
    with pytest.raises(ValueError, match="local"):
        plain("cifar-13", 10)


def test_a_plain_step_changes_the_weights() -> None:
    network = plain("quick", 10)
    before = network[0].weight.detach().clone()
    for autocast in (False, True):
        plain_step(network, torch.randn(4, 3, 32, 32), torch.arange(4), smoothing=0.1, autocast=autocast)()
    assert not torch.equal(before, network[0].weight)
    assert network.training


@pytest.mark.parametrize("size", [(300, 400), (400, 300), (256, 256), (90, 200)])
def test_a_picture_is_loaded_as_torchvision_loads_it(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)).save(path)
    assert min(loading.resize(loading.load(path), 256).size) == 256
    pixels, floats = (restated(256, 224, end, seed=5)(path) for end in ("uint8", "float32"))
    assert pixels.dtype == torch.uint8
    assert pixels.shape == floats.shape == (3, 224, 224)
    expected = (pixels.double() / 255 - torch.tensor(loading.MEAN).view(3, 1, 1)) / torch.tensor(
        loading.DEVIATION
    ).view(3, 1, 1)
    torch.testing.assert_close(floats, expected.float(), rtol=1e-5, atol=1e-6)


def test_crops_and_mirrors_vary(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(np.arange(256 * 256 * 3, dtype=np.uint32).astype(np.uint8).reshape(256, 256, 3)).save(path)
    one, whose = loader(256, 224, "uint8")
    assert "torchvision" in whose
    batch = load_batch([path] * 8, one)
    assert batch.shape == (8, 3, 224, 224)
    assert len({picture.numpy().tobytes() for picture in batch}) > 4
