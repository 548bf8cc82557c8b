"""Are the draws what they claim: pure functions of their arguments, uniform, independent?"""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet import draws

PICTURES = torch.arange(4096)


def _plain_mix(x: int) -> int:
    """splitmix64's finisher in Python integers: an independent restatement."""
    mask = (1 << 64) - 1
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


@given(st.integers(0, (1 << 64) - 1))
def test_the_hash_is_the_published_one(x: int) -> None:
    signed = x - (1 << 64) if x >> 63 else x
    got = int(draws._mix(torch.tensor([signed]))[0])
    assert got & ((1 << 64) - 1) == _plain_mix(x)


def test_a_draw_depends_on_each_of_its_arguments_and_on_nothing_else() -> None:
    base = draws.bits(draws.keys(0, 1, PICTURES), "crop", 2)
    torch.manual_seed(99)
    assert torch.equal(base, draws.bits(draws.keys(0, 1, PICTURES), "crop", 2))
    for other in (
        draws.bits(draws.keys(1, 1, PICTURES), "crop", 2),
        draws.bits(draws.keys(0, 2, PICTURES), "crop", 2),
        draws.bits(draws.keys(0, 1, PICTURES + 1), "crop", 2),
        draws.bits(draws.keys(0, 1, PICTURES), "flip", 2),
    ):
        assert (base == other).float().mean() < 0.001


@settings(max_examples=20)
@given(st.permutations(range(16)))
def test_a_pictures_draw_does_not_depend_on_its_batch(place: list[int]) -> None:
    whole = draws.uniform(draws.keys(3, 2, torch.arange(16)), "colour", 5)
    assert torch.equal(draws.uniform(draws.keys(3, 2, torch.tensor(place)), "colour", 5), whole[place])


def test_more_lanes_do_not_change_the_first() -> None:
    keys = draws.keys(0, 1, PICTURES[:8])
    assert torch.equal(draws.uniform(keys, "x", 10)[:, :4], draws.uniform(keys, "x", 4))


def test_uniform_is_uniform() -> None:
    u = draws.uniform(draws.keys(0, 1, PICTURES), "u", 64).double()
    assert u.min() >= 0
    assert u.max() < 1
    counts = torch.histc(u, 100, 0, 1)
    expected = u.numel() / 100
    assert ((counts - expected) ** 2 / expected).sum() < 160  # chi square, 99 degrees: 160 is beyond p = .0001
    centred = u - 0.5
    assert abs((centred[:, :-1] * centred[:, 1:]).mean()) < 5 / 12 / u.numel() ** 0.5  # neighbouring lanes
    assert abs((centred[:-1] * centred[1:]).mean()) < 5 / 12 / u.numel() ** 0.5  # neighbouring pictures


def test_normal_is_normal() -> None:
    z = draws.normal(draws.keys(0, 1, PICTURES), "z", 64).double()
    n = z.numel()
    assert abs(z.mean()) < 5 / n**0.5
    assert abs(z.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs((z**3).mean()) < 5 * (15 / n) ** 0.5
    assert abs((z.abs() < 1).double().mean() - 0.6827) < 5 * (0.22 / n) ** 0.5


@pytest.mark.parametrize("count", [1, 2, 33, 1000])
def test_integers_cover_their_range_evenly(count: int) -> None:
    got = draws.integers(draws.keys(0, 1, PICTURES), "i", 64, count).flatten()
    counts = torch.bincount(got, minlength=count).double()
    assert len(counts) == count
    expected = got.numel() / count
    assert ((counts - expected) ** 2 / expected).sum() < count + 5 * (2 * count) ** 0.5


@given(st.integers(0, 5), st.integers(0, 3), st.integers(0, 300))
def test_an_order_is_a_permutation(seed: int, epoch: int, count: int) -> None:
    assert draws.order(seed, epoch, count).sort().values.tolist() == list(range(count))


def test_orders_differ_between_epochs_and_seeds() -> None:
    first = draws.order(0, 1, 1000)
    assert not torch.equal(first, draws.order(0, 2, 1000))
    assert not torch.equal(first, draws.order(1, 1, 1000))
    assert (first == torch.arange(1000)).float().mean() < 0.02


def test_known_values_stay() -> None:
    """A change of these numbers changes every run: raise NUMERICS_VERSION with it."""
    assert draws.order(0, 1, 10).tolist() == [2, 5, 6, 3, 0, 8, 4, 1, 9, 7]
    assert draws.bits(draws.keys(7, 3, torch.tensor([42])), "crop", 2).tolist() == KNOWN_BITS


KNOWN_BITS = [[7670455893054816021, 7565914564777337625]]


def test_beta_of_nearly_nothing_is_a_coin() -> None:
    got = draws.beta(draws.keys(0, 1, PICTURES), "mix", 1e-6)
    assert ((got == 0) | (got == 1)).double().mean() > 0.999
    assert abs(got.mean() - 0.5) < 5 * 0.5 / len(PICTURES) ** 0.5


@pytest.mark.parametrize("concentration", [0.2, 0.5, 1.0, 2.0, 8.0, 1000.0])
def test_beta_is_beta(concentration: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    got = draws.beta(draws.keys(0, 1, torch.arange(40_000)), "mix", concentration).numpy()
    assert ((got >= 0) & (got <= 1)).all()
    assert stats.kstest(got, stats.beta(concentration, concentration).cdf).pvalue > 1e-4


def test_for_a_gpu_without_float64_draws_are_made_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU plays a GPU of Apple's: every tensor of a draw is then made on the device that stands for the CPU."""
    assert draws._home(torch.device("mps", 0)) == torch.device("cpu")
    assert draws._home(torch.device("cuda", 1)) == torch.device("cuda", 1)
    monkeypatch.setattr(draws, "_home", lambda device: torch.device("meta"))
    number = torch.arange(3)
    with pytest.raises(RuntimeError, match="Cannot copy out of meta tensor"):  # computed there, and asked back
        draws.keys(0, 1, number)
    assert draws.bits(number, "x", 2).device.type == "meta"
