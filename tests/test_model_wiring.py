"""Where do columns lie and meet? The paper's network, what it sends, and what cannot be divided."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from alexnet.config import ModelConfig
from alexnet.edits import edited, with_columns
from alexnet.model.columns import Columns
from alexnet.model.exchange import Devices
from alexnet.model.wiring import traffic, wire
from alexnet.tables import TABLES, Layer, Table
from test_model_columns import narrow


def test_where_columns_meet_in_the_papers_network() -> None:
    """Figure 2 and section 3.2: the third convolution and the dense layers; 58,624 values a picture, as many back."""
    for name in ("paper", "source"):
        found = traffic(name, 2)
        assert [(place.readers, place.values) for place in found] == [
            (("conv3",), 43_264),
            (("fc6",), 9_216),
            (("fc7",), 4_096),
            (("fc8",), 2_048),
        ]
        assert sum(place.values for place in found) == 58_624
        assert sum(place.size() for place in found) == 234_496
    assert [place.values for place in traffic("separate", 2)] == [2_048]
    wiring = wire(edited(ModelConfig(table="paper"), 1000), 2, 224)
    assert wiring.reads_all == {"conv3", "fc6", "fc7", "fc8"}
    assert wiring.first == {"fc8"}
    assert (wiring.shapes["conv1"], wiring.given["conv3"], wiring.given["conv4"], wiring.shapes["fc6"]) == (
        (48, 55, 55),
        (256, 13, 13),
        (192, 13, 13),
        (2048,),
    )


def test_the_page_says_what_is_reckoned() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "columns.md").read_text()
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for name, columns, *cells in re.findall(
        r"^\| `([\w-]+)` \| (\d) \| `(\w+)` \| `(\w+)` \| ([\d,]+) \| (.*) \|$", page, re.M
    ):
        found.setdefault((name, columns), []).append(tuple(cells))
    assert set(found) == {("paper", "2"), ("paper", "4"), ("separate", "2"), ("quick", "2")}
    for (name, columns), rows in found.items():
        reckoned = traffic(with_columns(TABLES[name], 0 if name == "separate" else int(columns)), int(columns))
        assert rows == [(one.row, *one.readers, f"{one.values:,}", f"{one.size():,}") for one in reckoned]


ROWS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")


def test_the_papers_parameters_lie_as_the_2012_program_had_them() -> None:
    """Facts A1, a tower: 17,472 weights and biases in conv1 and so on; the last layer whole in the first column."""
    with torch.device("meta"):
        cut = Columns(1000, "paper", over=Devices(["meta", "meta"]), init="empty")
    held = [
        {row: sum(p.numel() for name, p in part.named_parameters() if name.split(".")[1] == row) for row in ROWS}
        for part in cut.parts.values()
    ]
    numbers = (17_472, 153_728, 442_560, 331_968, 221_312, 18_876_416, 8_390_656, 0)
    assert held[1] == dict(zip(ROWS, numbers, strict=True))
    assert held[0] == held[1] | {"fc8": 4_097_000}


def changed(rows: Iterable[Layer], name: str, **fields: Any) -> Table:
    return replace(TABLES["small-paper"], layers=tuple(replace(r, **fields) if r.name == name else r for r in rows))


SMALL = TABLES["small-paper"].layers


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        (TABLES["small-paper"], 4, "has 2 columns, and was to run in 4"),
        (TABLES["small-half"], 2, "has no columns"),
        (TABLES["small-paper"], 1, "2 or more"),
        (with_columns(TABLES["small-half"], 4), 2, "has 4 columns"),
        (changed(SMALL, "conv3", out=97), 2, "conv3 of 'small-paper' has 97 maps"),
        (changed(SMALL, "fc6", out=511), 2, "fc6 of 'small-paper' has 511 units"),
        (changed(SMALL, "norm1", columns=1), 2, "the windows of norm1"),
        (TABLES["bvlc"], 2, "the windows of norm1 of 'bvlc' go across"),
        (
            changed((Layer(name="norm0", kind="batchnorm"), *SMALL), "", out=0),
            2,
            "norm0 of 'small-paper' stands before",
        ),
        (narrow(attention="self"), 2, "weighs the maps of all columns"),
        (narrow(attention="squeeze-excite"), 2, "weighs the maps of all columns"),
        (changed(SMALL, "conv4", columns=4), 2, "small-paper' has 4 columns"),
        (changed(SMALL, "conv4", columns=4), 4, "conv2 of 'small-paper' has 2 columns, and others 4"),
        (changed(SMALL, "conv4", inputs=("relu3", "relu3")), 2, "several rows joined"),
    ],
)
def test_what_cannot_be_computed_in_columns_is_refused(table: Table, columns: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        traffic(table, columns, num_classes=10)
