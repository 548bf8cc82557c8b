"""Does balanced sampling show every class equally often, with draws that belong to no batch?"""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from alexnet import draws
from alexnet.data import order as module

LABELS = torch.tensor([0] * 60 + [1] * 9 + [3] * 4)  # no picture of class 2


def test_without_sampling_the_order_is_the_draws() -> None:
    assert torch.equal(module.epoch_order(LABELS, 3, 2, "all"), draws.order(3, 2, len(LABELS)))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=80), st.integers(1, 50))
def test_every_class_comes_equally_often_and_its_pictures_evenly(given_labels: list[int], epoch: int) -> None:
    labels = torch.tensor(given_labels)
    order = module.epoch_order(labels, 0, epoch, "balanced")
    count = len(labels)
    assert len(order) == count
    assert len(order.unique()) == count  # no draw twice
    times = torch.bincount(labels[order % count], minlength=7)[labels.unique()]
    assert times.max() - times.min() <= 1
    for label in labels.unique():
        pictures = torch.bincount(order % count, minlength=count)[labels == label]
        assert pictures.max() - pictures.min() <= 1
    for place in (order % count).unique():  # its turns are counted from 0
        turns = (order // count)[order % count == place].sort().values
        assert torch.equal(turns, torch.arange(len(turns)))


def test_orders_change_with_the_epoch_and_use_all_of_a_large_class() -> None:
    orders = [module.epoch_order(LABELS, 0, epoch, "balanced") for epoch in range(1, 13)]
    assert not torch.equal(orders[0], orders[1])
    assert torch.equal(orders[0], module.epoch_order(LABELS, 0, 1, "balanced"))
    assert len(torch.cat(orders).unique()) > len(orders[0])
    seen = torch.cat([order % len(LABELS) for order in orders]).unique()
    assert len(seen) == len(LABELS)
    more = [torch.bincount(LABELS[order % len(LABELS)], minlength=4).argmax() for order in orders]
    assert len(set(map(int, more))) > 1  # the class that comes once more is not always the same


def test_classes_come_mixed_not_one_after_the_other() -> None:
    order = module.epoch_order(LABELS, 0, 1, "balanced")
    halves = [torch.bincount(LABELS[part % len(LABELS)], minlength=4) for part in order.chunk(2)]
    assert (halves[0] - halves[1]).abs().max() < 15


def test_a_picture_that_comes_again_has_draws_of_its_own() -> None:
    rows = torch.arange(100, 100 + len(LABELS))
    order = module.epoch_order(LABELS, 0, 1, "balanced")
    found = module.numbers(order, rows)
    assert len(found.unique()) == len(LABELS)
    first = order < len(LABELS)
    assert torch.equal(found[first], rows[order[first]])  # as without sampling


def test_partners_are_any_of_the_epoch() -> None:
    rows = torch.arange(2000)
    order = draws.order(0, 1, 2000)
    found = module.partners(order, rows, 0, 1)
    assert (found == order).double().mean() < 0.005
    assert 0.60 < len(found.unique()) / 2000 < 0.67  # 1 - 1/e of all, as independent draws give
    assert torch.equal(found[500:600], module.partners(order, rows, 0, 1)[500:600])
