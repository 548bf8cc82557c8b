"""What are the training pictures like on average? Mean image, channel mean and deviation, colour basis; exact sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Pixels whose products are summed at once in float64, few enough for a processor's cache. Exact: 255^2 x 2^16 < 2^53.
_PIXELS = 1 << 16
#: Channels whose product is summed; the others are the same.
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


@dataclass(frozen=True, kw_only=True, eq=False)
class Moments:
    """Sums over pictures. Whole numbers, so that they do not depend on the order or grouping of the pictures."""

    count: int
    """Pictures."""
    total: np.ndarray
    """int64 (3, S, S): sum of the pictures."""
    products: np.ndarray
    """int64 (3, 3): sum over pictures and pixels of channel times channel."""

    @staticmethod
    def none(size: int) -> Moments:
        """Of no picture of side `size`."""
        return Moments(count=0, total=np.zeros((3, size, size), np.int64), products=np.zeros((3, 3), np.int64))

    @staticmethod
    def of(images: np.ndarray, chosen: np.ndarray | None = None) -> Moments:
        """Of uint8 pictures (N, 3, H, W), at most 16 million; or of the `chosen` ones, int64 (n,)."""
        chosen = np.arange(len(images)) if chosen is None else chosen
        high, wide = images.shape[2:]
        total, products = np.zeros((3, high, wide), np.uint32), np.zeros((3, 3), np.int64)
        step = max(1, _PIXELS // (high * wide))
        for at in range(0, len(chosen), step):
            some = images[chosen[at : at + step]]
            for one in some:
                total += one
            pixels = some.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
            # One by one: for a product with its own transpose BLAS has a routine that is five times slower here.
            for i, j in _PAIRS:
                products[i, j] += int(pixels[i] @ pixels[j])
        products += np.triu(products, 1).T
        return Moments(count=len(chosen), total=total.astype(np.int64), products=products)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            count=self.count + other.count, total=self.total + other.total, products=self.products + other.products
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Statistics:
    """Of a set of pictures, in grey levels on the 0-255 scale."""

    count: int
    """Pictures."""
    mean_image: np.ndarray
    """float32 (3, S, S): what section 2 subtracts."""
    channel_mean: np.ndarray
    """float64 (3,)."""
    channel_deviation: np.ndarray
    """float64 (3,), over all pixels of all pictures."""
    eigenvalues: np.ndarray
    """float64 (3,), descending, grey levels squared: of the channels' covariance over all pixels (section 4.1)."""
    eigenvectors: np.ndarray
    """float64 (3, 3), a column for each eigenvalue; its entry of largest size is positive."""


def from_moments(moments: Moments) -> Statistics:
    """The statistics of the pictures that were summed, at least one."""
    assert moments.count > 0
    pixels = moments.count * moments.total[0].size
    # Sums as Python's unbounded integers: the covariance is a small difference of large numbers.
    sums = [int(value) for value in moments.total.sum((1, 2))]
    covariance = np.array(
        [[(int(moments.products[i, j]) * pixels - sums[i] * sums[j]) / pixels**2 for j in range(3)] for i in range(3)]
    )
    values, vectors = np.linalg.eigh(covariance)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(3)])
    return Statistics(
        count=moments.count,
        mean_image=(moments.total / moments.count).astype(np.float32),
        channel_mean=np.array(sums) / pixels,
        channel_deviation=np.sqrt(np.diag(covariance)),
        eigenvalues=values,
        eigenvectors=vectors * signs,
    )
