"""Is what is minimized the stated formula, however targets, weights and priors come together?"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from alexnet.config import TrainConfig
from alexnet.training.loss import count_hits, make_objective, total_loss

LABELS = torch.tensor([0] * 6 + [1] * 3 + [3])  # class 2 has no picture


def some(count: int = 5, classes: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(count, classes, generator=random, dtype=torch.float64)
    return logits, torch.rand(count, classes, generator=random, dtype=torch.float64).softmax(1)


def plain(
    logits: torch.Tensor, targets: torch.Tensor, weights: list[float], smoothing: float, priors: list[float]
) -> float:
    """The formula of loss.py as loops."""
    total = 0.0
    classes = logits.shape[1]
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        moved = [z + prior for z, prior in zip(row, priors, strict=True)]
        norm = math.log(sum(math.exp(z) for z in moved))
        each = [norm - z for z in moved]  # loss if this class were the answer
        for k in range(classes):
            total += weights[k] * target[k] * ((1 - smoothing) * each[k] + smoothing / classes * sum(each))
    return total


@given(st.integers(0, 20), st.floats(0, 0.9), st.booleans(), st.sampled_from([0.0, 0.5, 1.0, 2.0]))
def test_the_loss_is_its_formula(seed: int, smoothing: float, balanced: bool, tau: float) -> None:
    config = TrainConfig(
        label_smoothing=smoothing, class_weights="balanced" if balanced else "none", logit_adjustment=tau
    )
    objective = make_objective(LABELS, 4, config, "cpu")
    weights = [10 / (3 * 6), 10 / (3 * 3), 0.0, 10 / 3] if balanced else [1.0] * 4
    priors = [tau * math.log(share) for share in (0.6, 0.3, 0.1, 0.1)]
    logits, targets = some(seed=seed)
    expected = plain(logits, targets, weights, smoothing, priors)
    assert float(total_loss(logits, targets, objective)) == pytest.approx(expected, rel=1e-6)
    classes = torch.tensor([0, 1, 3, 3, 0])
    expected = plain(logits, functional.one_hot(classes, 4).double(), weights, smoothing, priors)
    assert float(total_loss(logits, classes, objective)) == pytest.approx(expected, rel=1e-6)


def test_by_default_it_is_torchs_cross_entropy_to_the_bit() -> None:
    logits, _ = some()
    classes = torch.tensor([0, 1, 3, 3, 0])
    for smoothing in (0.0, 0.2):
        objective = make_objective(LABELS, 4, TrainConfig(label_smoothing=smoothing), "cpu")
        expected = functional.cross_entropy(logits, classes, reduction="sum", label_smoothing=smoothing)
        assert torch.equal(total_loss(logits, classes, objective), expected)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=60))
def test_the_mean_weight_of_the_training_pictures_is_one(given_labels: list[int]) -> None:
    labels = torch.tensor(given_labels)
    weights = make_objective(labels, 10, TrainConfig(class_weights="balanced"), "cpu").weights
    assert weights is not None
    assert float(weights[labels].mean()) == pytest.approx(1, rel=1e-5)
    summed = torch.zeros(10).index_add(0, labels, weights[labels])[labels.unique()]
    torch.testing.assert_close(summed, summed[:1].expand_as(summed))  # every class weighs as much


def test_adjusted_logits_at_the_prior_are_already_right() -> None:
    """A network that says the same of all classes is calibrated to the prior, so its gradient is zero on average."""
    objective = make_objective(LABELS[:9], 2, TrainConfig(logit_adjustment=1.0), "cpu")
    logits = torch.zeros(9, 2, dtype=torch.float64, requires_grad=True)
    total_loss(logits, LABELS[:9], objective).backward()
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad.sum(0), torch.zeros(2, dtype=torch.float64), atol=1e-6, rtol=0)


def test_hits_of_mixed_pictures_are_at_the_larger_share() -> None:
    logits = torch.tensor([[3.0, 1, 0], [0, 2, 1], [5, 0, 1]])
    assert count_hits(logits, torch.tensor([0, 1, 2])) == 2
    assert count_hits(logits, torch.tensor([[0.7, 0.3, 0], [0.6, 0.4, 0], [0.6, 0, 0.4]])) == 2
