"""Is a column that is made of bytes the one that pyarrow makes, and is pandas left alone?"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alexnet.data.columns import column

KINDS = {
    pa.int8(): st.integers(-128, 127),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.string(): st.text(),
    pa.large_string(): st.text(),
    pa.binary(): st.binary(),
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@settings(deadline=None)  # the first example imports
@given(data=st.data())
def test_it_is_pyarrows(kind: pa.DataType, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | KINDS[kind]))
    made = column(values, kind)
    made.validate(full=True)
    assert made.equals(pa.array(values, kind))


@pytest.mark.parametrize("values", [np.arange(7), np.arange(14)[::2], np.zeros(0, np.int64)])
def test_numbers_of_another_type_are_converted(values: np.ndarray) -> None:
    assert column(values, pa.int32()).equals(pa.array(values.astype(np.int32)))


def test_what_runs_in_the_workers_imports_neither_torch_nor_pandas(picture_folder: Path, tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from alexnet.data.shards import cut, write_shard
from alexnet.data.sources import list_source
out = Path(sys.argv[2])
for folder in ("shards", "parts"):
    (out / folder).mkdir()
write_shard(cut(list_source(sys.argv[1]), 8, 0), out, 8, "crop", lambda done: None)
print(*sorted({"pandas", "torch"} & set(sys.modules)))
"""
    words = [sys.executable, "-c", code, str(picture_folder), str(tmp_path)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "\n"
