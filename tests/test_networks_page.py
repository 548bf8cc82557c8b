"""Does docs/networks.md show every network as it is, and every edit?"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from alexnet.config import ModelConfig
from alexnet.tables import TABLES
from networks import SOURCES, with_networks

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "networks.md").read_text()


def test_the_table_is_up_to_date() -> None:
    assert with_networks(PAGE) == PAGE, "networks came, went or changed: run `make docs`"
    assert list(SOURCES) == list(TABLES)


def test_every_edit_is_explained_and_no_other() -> None:
    told = re.findall(r"^\| `--model\.([\w-]+)", PAGE, re.M)
    fields = {field.name.replace("_", "-") for field in dataclasses.fields(ModelConfig)}
    assert set(told) == fields - {"table"}
    assert len(told) == len(set(told))
