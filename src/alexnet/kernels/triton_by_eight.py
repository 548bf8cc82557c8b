"""How does response normalization run at the speed of a GPU's memory? Triton's kernels: one read, one write.

A program holds eight neighbouring maps of many places, and of the maps beside them as many as their windows reach. So
forward reads x once and writes y once, backward reads x and the gradient once and writes once, and nothing but x is
kept between them: all else is computed again. Maps come last in memory (channels-last: eight are one 16-byte load of
bfloat16) or before rows and columns (contiguous). A column of maps that is no multiple of eight, or a window of more
than nine, takes the kernels with one map a place, which read their neighbours from the cache.

`triton_normalization.py` calls them. Importing this file needs Triton.
"""

# Triton knows no unpacking; what a kernel is compiled with has capital letters, and its blocks have no types.
# pyrefly: ignore-errors
# ruff: noqa: N803, RUF005

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _power(scale, BETA: tl.constexpr):
    """scale^-beta and 1 / scale; 3/4 by roots, which the card has as instructions, as it has none for a division."""
    if BETA == 0.75:
        root = tl.rsqrt(scale)
        power, inverse = root * tl.sqrt(root), root * root
    else:
        exponent = tl.log2(scale)
        power, inverse = tl.exp2(-BETA * exponent), tl.exp2(-exponent)
    return power, inverse


@triton.jit
def _apart(four):
    """(B,4) as four blocks."""
    even, odd = tl.split(tl.reshape(four, (four.shape[0], 2, 2)))
    a0, a2 = tl.split(even)
    a1, a3 = tl.split(odd)
    return a0, a1, a2, a3


@triton.jit
def _together(a0, a1, a2, a3):
    """The inverse of `_apart`."""
    return tl.reshape(tl.join(tl.join(a0, a2), tl.join(a1, a3)), (a0.shape[0], 4))


@triton.jit
def _eight(pointer, first, step, there, LAST: tl.constexpr, KIND: tl.constexpr):
    """Eight maps from `first` on as eight blocks; zeros where not `there`. A thread's load is 16 bytes at most."""
    if LAST:
        if pointer.dtype.element_ty.primitive_bitwidth == 16:
            maps = tl.load(pointer + first[:, None] + tl.arange(0, 8)[None, :], mask=there[:, None], other=0.0)
            even, odd = tl.split(tl.reshape(maps.to(KIND), (maps.shape[0], 4, 2)))
            a0, a2, a4, a6 = _apart(even)
            a1, a3, a5, a7 = _apart(odd)
        else:
            to = pointer + first[:, None] + tl.arange(0, 4)[None, :]
            a0, a1, a2, a3 = _apart(tl.load(to, mask=there[:, None], other=0.0).to(KIND))
            a4, a5, a6, a7 = _apart(tl.load(to + 4, mask=there[:, None], other=0.0).to(KIND))
    else:
        a0 = tl.load(pointer + first, mask=there, other=0.0).to(KIND)
        a1 = tl.load(pointer + first + step, mask=there, other=0.0).to(KIND)
        a2 = tl.load(pointer + first + 2 * step, mask=there, other=0.0).to(KIND)
        a3 = tl.load(pointer + first + 3 * step, mask=there, other=0.0).to(KIND)
        a4 = tl.load(pointer + first + 4 * step, mask=there, other=0.0).to(KIND)
        a5 = tl.load(pointer + first + 5 * step, mask=there, other=0.0).to(KIND)
        a6 = tl.load(pointer + first + 6 * step, mask=there, other=0.0).to(KIND)
        a7 = tl.load(pointer + first + 7 * step, mask=there, other=0.0).to(KIND)
    return a0, a1, a2, a3, a4, a5, a6, a7


@triton.jit
def _put_eight(pointer, first, step, there, a, LAST: tl.constexpr):
    """The inverse of `_eight`."""
    if LAST:
        if pointer.dtype.element_ty.primitive_bitwidth == 16:
            even, odd = _together(a[0], a[2], a[4], a[6]), _together(a[1], a[3], a[5], a[7])
            maps = tl.reshape(tl.join(even, odd), (first.shape[0], 8)).to(pointer.dtype.element_ty)
            tl.store(pointer + first[:, None] + tl.arange(0, 8)[None, :], maps, mask=there[:, None])
        else:
            to = pointer + first[:, None] + tl.arange(0, 4)[None, :]
            tl.store(to, _together(a[0], a[1], a[2], a[3]).to(pointer.dtype.element_ty), mask=there[:, None])
            tl.store(to + 4, _together(a[4], a[5], a[6], a[7]).to(pointer.dtype.element_ty), mask=there[:, None])
    else:
        for at in tl.static_range(8):
            tl.store(pointer + first + at * step, a[at].to(pointer.dtype.element_ty), mask=there)


@triton.jit
def _total(values, BEGIN: tl.constexpr, END: tl.constexpr):
    """values[BEGIN] + ... + values[END - 1]."""
    total = values[BEGIN]
    for at in tl.static_range(BEGIN + 1, END):
        total += values[at]
    return total


@triton.jit
def _where(rows, maps, inner, GROUPS: tl.constexpr, COLUMN: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr):
    """Where a program's groups of eight maps lie: their common beginning, each one's offset from it, which exist, and
    which has a neighbour before and after in its column."""
    local = tl.arange(0, BLOCK)
    if LAST:
        start = tl.program_id(0).to(tl.int64) * BLOCK
        here = local < rows * GROUPS - start
        begin, first = start * 8, local * 8
        group = ((start % COLUMN).to(tl.int32) + local) % COLUMN
    else:
        across: tl.constexpr = 64  # places a program, times groups
        blocks = tl.cdiv(inner, across)
        picture, place = tl.program_id(0) // blocks, (tl.program_id(0) % blocks) * across
        group = tl.program_id(1) * (BLOCK // across) + local // across
        here = (place + local % across < inner) & (group < GROUPS)
        begin = picture.to(tl.int64) * maps * inner + place
        first = group * 8 * inner + local % across
        group = group % COLUMN
    return begin, first, here, here & (group > 0), here & (group < COLUMN - 1)


@triton.jit
def forward_by_eight(
    x, y, rows, maps, inner,
    K: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
    GROUPS: tl.constexpr, COLUMN: tl.constexpr, LAST: tl.constexpr, KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    begin, first, here, left, right = _where(rows, maps, inner, GROUPS, COLUMN, LAST, BLOCK)
    near = _eight(x + begin, first - 8 * inner, inner, left, LAST, KIND)
    own = _eight(x + begin, first, inner, here, LAST, KIND)
    far = _eight(x + begin, first + 8 * inner, inner, right, LAST, KIND)
    values = near + own + far
    squares = ()
    for at in tl.static_range(24):
        squares = squares + (values[at] * values[at],)
    out = ()
    for at in tl.static_range(8, 16):
        power, _ = _power(K + ALPHA * _total(squares, at - BEFORE, at + AFTER + 1), BETA)
        out = out + (values[at] * power,)
    _put_eight(y + begin, first, inner, here, out, LAST)


@triton.jit
def backward_by_eight(
    x, g, dx, rows, maps, inner,
    K: tl.constexpr, ALPHA: tl.constexpr, BETA: tl.constexpr, BEFORE: tl.constexpr, AFTER: tl.constexpr,
    GROUPS: tl.constexpr, COLUMN: tl.constexpr, LAST: tl.constexpr, KIND: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    begin, first, here, left, right = _where(rows, maps, inner, GROUPS, COLUMN, LAST, BLOCK)
    x += begin
    g += begin
    values = _eight(x, first - 8 * inner, inner, left, LAST, KIND) + _eight(x, first, inner, here, LAST, KIND)
    values = values + _eight(x, first + 8 * inner, inner, right, LAST, KIND)
    grads = _eight(g, first - 8 * inner, inner, left, LAST, KIND) + _eight(g, first, inner, here, LAST, KIND)
    grads = grads + _eight(g, first + 8 * inner, inner, right, LAST, KIND)
    squares = ()
    for at in tl.static_range(24):
        squares = squares + (values[at] * values[at],)
    # x_i is in the windows of the maps AFTER before it to BEFORE after it: those around the eight own ones.
    direct, through = (), ()
    for at in tl.static_range(8 - AFTER, 16 + BEFORE):
        power, inverse = _power(K + ALPHA * _total(squares, at - BEFORE, at + AFTER + 1), BETA)
        direct = direct + (grads[at] * power,)
        through = through + (grads[at] * power * values[at] * inverse,)
    out = ()
    for at in tl.static_range(8):
        all_through = _total(through, at, at + BEFORE + AFTER + 1)
        out = out + (direct[at + AFTER] - 2 * ALPHA * BETA * values[8 + at] * all_through,)
    _put_eight(dx + begin, first, inner, here, out, LAST)
