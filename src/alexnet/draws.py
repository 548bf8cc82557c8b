"""Which random numbers does a picture get? Every draw as a function of (seed, epoch, index, stream, lane).

There is no generator and no state: a draw is a hash (the finisher of splitmix64) of what it is for, computed
in batched int64 tensor operations that wrap as the processor does. So the order of pictures, their crops, flips and
colours and every dropout mask are the same on CPU and GPU, in one process or several, eager or compiled, resumed or
not.

    index   the picture's row number in the prepared set
    stream  what the draw is for: "crop", "flip", "colour", "dropout:drop6", ... or the `word` of such a name
    lane    which of a picture's draws in that stream: an axis, a unit of the whole layer

Apple's GPUs have no float64, and nobody promises that their products of int64 wrap: for them draws are made on the CPU
and moved.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def _signed(value: int) -> int:
    """The 64 low bits of `value` as a signed integer, the form torch.int64 holds."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift; torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Tensor) -> Tensor:
    """splitmix64's finisher, a bijection of 64-bit words in which every input bit moves half of the output's."""
    x = (x ^ _shift(x, 30)) * _signed(_FIRST)
    x = (x ^ _shift(x, 27)) * _signed(_SECOND)
    return x ^ _shift(x, 31)


def word(text: str) -> int:
    """A stable 64-bit number for a name, as a signed integer."""
    return _signed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little"))


def _home(device: torch.device) -> torch.device:
    """Where draws for a device are computed."""
    return torch.device("cpu") if device.type == "mps" else device


def keys(seed: int, epoch: int, index: Tensor) -> Tensor:
    """One 64-bit key a picture: int64 (N,) from the run's seed, the epoch (from 1) and row numbers int64 (N,)."""
    home = _home(index.device)
    # Filled there and not copied there: a copy from the CPU waits for all that a GPU has yet to do.
    run = torch.full((1,), _signed(seed * _GOLDEN + 1), dtype=torch.int64, device=home)
    number = index.to(home, torch.int64)
    return _mix(_mix(_mix(run) + _signed(epoch * _GOLDEN)) + number * _signed(_GOLDEN)).to(index.device)


def bits(keys: Tensor, stream: str | int, lanes: int, first: int = 0) -> Tensor:
    """64 random bits for every picture and lane: int64 (N, lanes), on the device where draws are made.

    Lanes count from `first`: those of one layer can be drawn in parts.
    """
    keys = keys.to(_home(keys.device))
    lane = torch.arange(first + 1, first + lanes + 1, dtype=torch.int64, device=keys.device)
    return _mix(
        _mix(keys ^ (stream if isinstance(stream, int) else word(stream)))[:, None] + lane * _signed(_GOLDEN)
    )  # N,lanes


def uniform(keys: Tensor, stream: str | int, lanes: int, first: int = 0) -> Tensor:
    """Uniform in [0, 1): float32 (N, lanes), multiples of 2^-24; of the lanes from `first` on."""
    return (_shift(bits(keys, stream, lanes, first), 40).to(torch.float32) * 2.0**-24).to(keys.device)


def integers(keys: Tensor, stream: str | int, lanes: int, count: int) -> Tensor:
    """Uniform in 0 ... count-1: int64 (N, lanes). `count` is at most 2^31, which keeps the bias below count/2^32."""
    assert 0 < count <= 1 << 31
    return ((_shift(bits(keys, stream, lanes), 32) * count) >> 32).to(keys.device)


def _fine(keys: Tensor, stream: str | int, lanes: int) -> Tensor:
    """Uniform in (0, 1): float64 (N, lanes), odd multiples of 2^-53, on the device where draws are made."""
    return (_shift(bits(keys, stream, lanes), 12).to(torch.float64) + 0.5) * 2.0**-52


def normal(keys: Tensor, stream: str | int, lanes: int) -> Tensor:
    """Standard normal: float32 (N, lanes), by the inverse distribution function in float64."""
    return torch.special.ndtri(_fine(keys, stream, lanes)).to(torch.float32).to(keys.device)


def beta(keys: Tensor, stream: str | int, concentration: float) -> Tensor:
    """Beta(a, a) of a = `concentration` > 0: float64 (N,), on the device where draws are made; nothing is rejected.

    T = sqrt(2a (U^(-1/a) - 1)) cos(2 pi V) has Student's distribution with 2a degrees of freedom (Bailey 1994, Polar
    generation of random variates with the t-distribution), and (1 + T / sqrt(2a + T^2)) / 2 then has Beta(a, a).
    """
    draw = _fine(keys, stream, 2)
    radius = torch.expm1(-draw[:, 0].log() / concentration)  # U^(-1/a) - 1, infinity where it overflows
    cosine = torch.cos(2 * torch.pi * draw[:, 1])
    return 0.5 + cosine.sign() * torch.rsqrt(1 + 1 / (radius * cosine**2)) / 2


def order(seed: int, epoch: int, count: int, stream: str = "order") -> Tensor:
    """The epoch's order of `count` pictures: a permutation, int64 (count,), by a stable sort of hashes."""
    place = torch.arange(count, dtype=torch.int64)
    return torch.argsort(bits(keys(seed, epoch, place), stream, 1)[:, 0], stable=True)
