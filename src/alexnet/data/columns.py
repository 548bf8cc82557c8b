"""How do values become a column of a table? By their bytes: pyarrow's own way imports pandas, where that is installed.

It does so to ask whether a list is one of pandas' own, which takes a quarter of a second in every worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa


def column(values: Sequence[Any] | np.ndarray, kind: pa.DataType) -> pa.Array:
    """A column of whole numbers, fractions, text or bytes; None is a value that is not there."""
    if isinstance(values, np.ndarray):
        held = np.ascontiguousarray(values, kind.to_pandas_dtype())
        return pa.Array.from_buffers(kind, len(held), [None, pa.py_buffer(held)])
    there = np.fromiter((value is not None for value in values), bool, len(values))
    valid = None if there.all() else pa.py_buffer(np.packbits(there, bitorder="little").tobytes())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        numbers = np.array([0 if value is None else value for value in values], kind.to_pandas_dtype())
        return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(numbers)])
    pieces = [value.encode() if isinstance(value, str) else value or b"" for value in values]
    wide = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    ends = np.zeros(len(values) + 1, np.int64 if wide else np.int32)
    np.cumsum([len(piece) for piece in pieces], out=ends[1:])  # type: ignore[arg-type]
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(ends), pa.py_buffer(b"".join(pieces))])
