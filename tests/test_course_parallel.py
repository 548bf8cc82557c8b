"""Is the course's `AlexNetParallel` two columns, and no pipeline?"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from alexnet.course import AlexNetParallel
from alexnet.edits import table_named, with_columns, with_width
from alexnet.model.network import AlexNet


def test_it_is_the_network_in_one_process() -> None:
    table = with_width(table_named("small-paper"), 0.25)
    model, one = AlexNetParallel(7, table=table, seed=2), AlexNet(7, table, seed=2)
    images, labels = torch.randn(3, 3, 28, 28, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 6, 3])
    model.eval(), one.eval()
    wanted, logits = one(images), model(images)
    assert logits is not None
    assert logits.device == model.first
    torch.testing.assert_close(logits, wanted)
    F.cross_entropy(wanted, labels).backward()
    F.cross_entropy(logits, labels).backward()
    found = model.whole({name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None})
    assert found is not None
    torch.testing.assert_close(found, {name: weight.grad for name, weight in one.named_parameters()})


def test_the_halves_stand_beside_each_other_and_not_one_after_the_other() -> None:
    """Every layer of the paper's on both devices, half of its kernels on each; the last one whole on the first."""
    with torch.device("meta"):
        model = AlexNetParallel(10, ("meta", "meta"), init="empty")
    shapes = [
        {name.split(".")[1]: tuple(value.shape) for name, value in part.named_parameters() if name.endswith("weight")}
        for part in model.parts.values()
    ]
    assert shapes[0].pop("fc8") == (10, 4096)
    assert shapes[0] == shapes[1]
    assert list(shapes[0]) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert [shape[:2] for shape in shapes[0].values()] == [
        (48, 3),
        (128, 48),
        (192, 256),
        (192, 192),
        (128, 192),
        (2048, 9216),
        (2048, 4096),
    ]


def test_four_devices_need_four_columns() -> None:
    with pytest.raises(ValueError, match="has 2 columns, and was to run in 4"):
        AlexNetParallel(10, ["cpu"] * 4, table="small-paper", init="empty")
    table = with_columns(table_named("small-paper"), 4)
    assert len(AlexNetParallel(10, ["cpu"] * 4, table=table, init="empty").parts) == 4


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="no 'cuda:99'"):
        AlexNetParallel(10, ("cpu", "cuda:99"), table="small-paper")
