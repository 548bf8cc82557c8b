"""Do two pictures come from one photograph? Their thumbnails are laid over each other and compared piece by piece.

A copy may have been saved again, scaled, squeezed, made brighter, given a border, or have lost a twentieth at its
edges. Two numbers say how well it fits: the correlation of all details, the finer ones weighing more than in the
picture itself (where large bright areas decide everything); and the mean correlation of small pieces, each counting for
itself, of all the picture or of what is inside its rim, so that an equal frame around different pictures is not enough.
"""

from __future__ import annotations

import functools

import numpy as np

#: What a copy may have lost: (start, end) of what is left of a side.
_LEFT = (
    (0.0, 1.0),
    *((share, 1 - share) for share in (0.02, 0.04, 0.06, 0.08, 0.1)),
    *((share, 1.0) for share in (0.03, 0.06, 0.1)),
    *((0.0, 1 - share) for share in (0.03, 0.06, 0.1)),
)
#: Frequencies (half waves a side) compared to find the place, and to judge.
COARSE, FINE = 8, 20
#: Steps in which each of the four edges is then moved.
_STEPS = (0.02, 0.01, 0.005)
#: Side of the pieces, pixels; they lie half over each other.
_PIECE = 8
#: Contrast of a piece (in deviations of the whole picture) above which it counts no more, and below which hardly.
_FULL, _FAINT = 0.5, 0.1
#: The mean over pieces may be so much lower than the correlation of the whole: it takes every shift harder.
_GRACE = {32: 0.05, 64: 0.1}
#: Coarse correlation, at the best place, below which a pair is not looked at further; its similarity is given as 0.
_HOPEFUL = 0.88
#: Deviation of grey levels (of 255) below which there is too little in a picture, or inside its rim, to compare.
PALE = 3.0
_AT_ONCE = 128


@functools.cache
def cosines(side: int, count: int) -> np.ndarray:
    """The first `count` rows of the orthonormal DCT-II: float32 (count, side)."""
    waves = np.cos(np.outer(np.arange(count), (np.arange(side) + 0.5) * np.pi / side)) * np.sqrt(2 / side)
    waves[0] /= np.sqrt(2)
    return waves.astype(np.float32)


def weighted(coefficients: np.ndarray) -> np.ndarray:
    """DCT coefficients (..., k, k) times their frequency, so that all scales count alike: photographs fall off as 1/f.

    The mean is dropped: brightness does not count.
    """
    count = coefficients.shape[-1]
    return coefficients * np.hypot(*np.mgrid[:count, :count]).astype(np.float32)


def similarity(first: np.ndarray, second: np.ndarray, side: int) -> np.ndarray:
    """How well each picture fits onto its partner: float32 (N,), 1 for equal ones, about 0 for unrelated ones.

    It is the correlation of details, or the mean correlation of pieces (plus a grace) where that is lower.

    Args:
        first, second: uint8 (N, S, S) grey thumbnails, S a multiple of 32.
        side: 32 or 64, the resolution to compare at: no finer than what the pictures hold.
    """
    found = [np.empty(0, np.float32)]
    for start in range(0, len(first), _AT_ONCE):
        a, b = (_reduced(part[start : start + _AT_ONCE], side) for part in (first, second))
        small = _reduced(a, 32), _reduced(b, 32)
        (coarse, edges), (back, edges_back) = _place(*small), _place(*small[::-1])
        value = np.zeros(len(a), np.float32)
        hopeful = np.maximum(coarse, back) >= _HOPEFUL
        if hopeful.any():
            a, b = a[hopeful], b[hopeful]
            one, other = _one_way(a, b, edges[hopeful]), _one_way(b, a, edges_back[hopeful])
            fits = np.where((one[0] > other[0])[None], one, other)
            value[hopeful] = np.minimum(fits[0], fits[1] + _GRACE[side])
        found.append(value)
    return np.minimum(1, np.concatenate(found))


def _reduced(thumbs: np.ndarray, side: int) -> np.ndarray:
    factor = thumbs.shape[1] // side
    return thumbs.reshape(-1, side, factor, side, factor).mean((2, 4), dtype=np.float32)


def _one_way(whole: np.ndarray, copy: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Correlation of details and mean of pieces, (2, N), with `copy` taken for a part of `whole`."""
    details, edges = _refined(whole, copy, edges)
    whole, rim = _cut(whole, edges), whole.shape[1] // 8
    inside = [part[:, rim:-rim, rim:-rim] for part in (whole, copy)]
    pale = np.minimum(*(part.std((1, 2)) for part in inside)) < PALE
    pieces = _pieces(whole, copy)
    return np.stack((details, np.where(pale, pieces, np.minimum(pieces, _pieces(*inside)))))


def _place(whole: np.ndarray, copy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of `whole`, of those a copy may have kept, that is most like `copy`.

    Returns:
        Coarse correlation (N,), and the edges (N, 4): top, bottom, left, right, from 0 to 1.
    """
    ends = np.array(_LEFT, np.float32)
    waves = cosines(32, COARSE) @ _sampling(ends[:, 0], ends[:, 1], 32)  # W,k,32
    parts = np.einsum("wky,nyx->nwkx", waves, whole, optimize=True)
    parts = np.einsum("nwkx,vlx->nwvkl", parts, waves, optimize=True)
    target = _unit(cosines(32, COARSE) @ copy @ cosines(32, COARSE).T)
    fit = (_unit(parts) * target[:, None, None]).sum(-1).reshape(len(whole), -1)
    down, across = np.divmod(fit.argmax(1), len(ends))
    return fit.max(1), np.concatenate((ends[down], ends[across]), 1)


def _refined(whole: np.ndarray, copy: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of details (N,) after each edge was moved to where it is highest, and the edges (N, 4)."""
    waves = cosines(whole.shape[1], FINE)
    target = _unit(waves @ copy @ waves.T)

    def fit(edges: np.ndarray) -> np.ndarray:
        down = waves @ _sampling(edges[:, 0], edges[:, 1], whole.shape[1])
        across = waves @ _sampling(edges[:, 2], edges[:, 3], whole.shape[1])
        return np.asarray((_unit(down @ whole @ across.transpose(0, 2, 1)) * target).sum(1))

    best = fit(edges)
    for step in _STEPS:
        for edge in range(4):
            for move in (-step, step):
                tried = edges.copy()
                tried[:, edge] = np.clip(tried[:, edge] + np.float32(move), 0, 1)
                value = fit(tried)
                edges = np.where((value > best)[:, None], tried, edges)
                best = np.maximum(value, best)
    return best, edges


def _unit(coefficients: np.ndarray) -> np.ndarray:
    """(..., k, k) -> (..., k*k) weighted and of length 1."""
    flat = weighted(coefficients).reshape(*coefficients.shape[:-2], -1)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-6))


def _sampling(start: np.ndarray, end: np.ndarray, side: int) -> np.ndarray:
    """Matrices (N, side, side) that stretch the part from `start` to `end` of a side over all of it, linearly."""
    centres = (np.arange(side) + 0.5) / side
    places = np.clip((start[:, None] + (end - start)[:, None] * centres) * side - 0.5, 0, side - 1)
    left = np.minimum(places.astype(np.int64), side - 2)
    share = (places - left).astype(np.float32)
    matrices = np.zeros((len(start), side, side), np.float32)
    row, to = np.arange(len(start))[:, None], np.arange(side)[None]
    matrices[row, to, left], matrices[row, to, left + 1] = 1 - share, share
    return matrices


def _cut(whole: np.ndarray, edges: np.ndarray) -> np.ndarray:
    side = whole.shape[1]
    across = _sampling(edges[:, 2], edges[:, 3], side).transpose(0, 2, 1)
    return np.asarray(_sampling(edges[:, 0], edges[:, 1], side) @ whole @ across)


def _pieces(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Mean over pieces of their correlation (N,); pieces without contrast in either picture hardly count."""
    a, b = _standard(first), _standard(second)
    mean_a, mean_b = _means(a), _means(b)
    var_a = np.maximum(_means(a * a) - mean_a**2, 0)
    var_b = np.maximum(_means(b * b) - mean_b**2, 0)
    correlation = (_means(a * b) - mean_a * mean_b) / (np.sqrt(var_a * var_b) + 1e-4)
    contrast = np.sqrt(np.maximum(var_a, var_b))
    weight = np.where(contrast < _FAINT, 0.2 * contrast, np.minimum(contrast, _FULL))
    return np.asarray((weight * correlation).sum((1, 2)) / np.maximum(weight.sum((1, 2)), 1e-9))


def _standard(images: np.ndarray) -> np.ndarray:
    images = images.astype(np.float64) - images.mean((1, 2), keepdims=True, dtype=np.float64)
    return np.asarray(images / np.maximum(images.std((1, 2), keepdims=True), 1e-6))


def _means(images: np.ndarray) -> np.ndarray:
    """Means of the pieces, by sums over all rectangles from the corner."""
    sums = np.pad(images.cumsum(1).cumsum(2), ((0, 0), (1, 0), (1, 0)))
    low, high, step = slice(None, -_PIECE), slice(_PIECE, None), _PIECE // 2
    corners = [sums[:, down, across][:, ::step, ::step] for down in (low, high) for across in (low, high)]
    return np.asarray((corners[3] - corners[2] - corners[1] + corners[0]) / _PIECE**2)
