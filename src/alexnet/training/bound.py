"""How large may the first step's rate be? The curvature of the whole network at initialization, on one batch.

Momentum descent on a quadratic of curvature L is stable only for rates below 2 (1 + momentum) / L. The curvature that
counts at the start is the largest eigenvalue of the Gauss-Newton matrix, J' H J over the batch's mean loss with J the
derivative of the logits by all weights and H that of the loss by the logits. With few classes it is large: the dense
units start near their bias of 1, so the output layer alone sees |h|^2 p (1 - p), with thousands of units in h and
p = 1 / classes. The published rate of .01 is far inside the bound for 1,000 classes and outside a safe one for 10.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

#: The share of the stability bound that the first step's rate may take.
SHARE = 0.1


def largest_curvature(
    network: nn.Module, images: Tensor, keys: Tensor, *, products: int = 8, tolerance: float = 0.02
) -> float:
    """Largest Gauss-Newton eigenvalue of the mean cross-entropy over a batch, of all weights that are trained.

    J' H J has the eigenvalues of A' J J' A with H = A A', which acts on the N*K logits instead of on millions of
    weights; Lanczos finds the largest in a few products. It is approached from below.

    Args:
        network: in the state it will be trained from; its dropout masks are made by `keys`. Its mode, weights and
            running statistics are as before afterwards.
        images: float (N, 3, H, W), preprocessed as in training. keys: int64 (N,).
        products: at most so many products with the matrix. tolerance: relative change at which to end.
    """
    weights = [w for w in network.parameters() if w.requires_grad]
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    was_training = network.training
    network.train()
    try:
        with torch.enable_grad():
            logits = network(images, keys).float()  # N,K
            pushed = torch.zeros_like(logits, requires_grad=True)
            pulled = torch.autograd.grad(logits, weights, pushed, create_graph=True)  # J' u, linear in u
        p = logits.detach().softmax(1)

        def multiply(u: Tensor) -> Tensor:
            spread = p.sqrt() * u - p * (p.sqrt() * u).sum(1, keepdim=True)  # A u
            on_weights = torch.autograd.grad(logits, weights, spread, retain_graph=True)
            (back,) = torch.autograd.grad(pulled, pushed, on_weights, retain_graph=True)  # J J' A u
            return p.sqrt() * (back - (p * back).sum(1, keepdim=True)) / len(images)

        return _lanczos(multiply, p, products, tolerance)
    finally:
        network.train(was_training)
        for name, buffer in network.named_buffers():
            buffer.copy_(buffers[name])


def _lanczos(multiply: Callable[[Tensor], Tensor], like: Tensor, products: int, tolerance: float) -> float:
    """Largest eigenvalue of a symmetric positive map of tensors shaped `like`, from a fixed start."""
    start = torch.randn(like.shape, generator=torch.Generator().manual_seed(0)).to(like)
    basis = [start / start.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    value = 0.0
    for _ in range(products):
        moved = multiply(basis[-1])
        diagonal.append(float((moved * basis[-1]).sum()))
        for known in (*basis, *basis):  # twice, which keeps the basis orthogonal in float32
            moved = moved - (moved * known).sum() * known
        small = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        for place, length in enumerate(beside):
            small[place, place + 1] = small[place + 1, place] = length
        if not torch.isfinite(small).all():
            return math.inf
        previous, value = value, float(torch.linalg.eigvalsh(small)[-1])
        beside.append(float(moved.norm()))
        if abs(value - previous) <= tolerance * value or beside[-1] <= 1e-7 * value:
            break
        basis.append(moved / beside[-1])
    return value


def stable_rate(curvature: float, momentum: float) -> float:
    """The rate above which momentum descent on this curvature diverges."""
    return 2 * (1 + momentum) / curvature if curvature > 0 else math.inf


def safe_rate(curvature: float, momentum: float) -> float:
    """A tenth of the stability bound, rounded to the nearest of 1, 2, 5 x 10^n."""
    return rounded(SHARE * stable_rate(curvature, momentum))


def rounded(rate: float) -> float:
    """The nearest of 1, 2, 5 x 10^n to a positive rate; infinity stays."""
    if not math.isfinite(rate):
        return rate
    exponent = math.floor(math.log10(rate))
    steps = [digit * 10.0 ** (exponent + up) for up in (0, 1) for digit in (1, 2, 5)]
    return float(f"{min(steps, key=lambda step: abs(step - rate)):.0e}")
