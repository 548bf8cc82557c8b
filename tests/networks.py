"""Which networks are there, in numbers? Lays out the table of docs/networks.md; `make docs` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from alexnet.model.summary import summarize
from alexnet.tables import SCALED, TABLES

BEGIN, END = "<!-- made by `make docs` -->\n\n", "\n<!-- as far as here -->"

#: Where each table's rows come from, as they can be looked up.
SOURCES = {
    "paper": "Krizhevsky, Sutskever and Hinton, 2012, sections 3 to 5",
    "source": "the 2012 program, `layers-145.cfg`",
    "one-column": "the paper's, columns=1 everywhere: most re-implementations and course notes",
    "half": "the 2012 program, `layers-145-half.cfg`",
    "separate": "the 2012 program's run #150, by its description",
    "six-conv": "Table 2, marked *; run #146",
    "bvlc": "Caffe, `models/bvlc_alexnet`",
    "caffenet": "Caffe, `models/bvlc_reference_caffenet`",
    "torchvision": "`torchvision.models.alexnet`",
    "slim": "TF-Slim, `nets/alexnet.py`, `alexnet_v2`",
    "cifar-26": "cuda-convnet, `layers-80sec.cfg`",
    "cifar-18": "cuda-convnet, `layers-18pct.cfg`",
    "cifar-13": "cuda-convnet, `layers-conv-local-13pct.cfg`",
    "cifar-11": "cuda-convnet, `layers-conv-local-11pct.cfg`",
    "lenet": "LeCun, Bottou, Bengio and Haffner, 1998, as usually rebuilt",
    "quick": "of this project",
    "small-paper": "`paper`, scaled by this project",
    "small-half": "`half`, scaled by this project",
    "small-separate": "`separate`, scaled by this project",
    "small-six-conv": "`six-conv`, scaled by this project",
}
#: Tables of small pictures are counted with ten classes, the others with a thousand.
TEN = ("cifar-26", "cifar-18", "cifar-13", "cifar-11", "lenet", "quick", *SCALED)


def networks() -> str:
    """A Markdown table, a row a table of layers."""
    lines = [
        "| table | pixels | classes | parameters | multiplications | what it is | from |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, table in TABLES.items():
        sizes = summarize(name, 10 if name in TEN else 1000)
        pixels = f"{table.size} ({table.sizes[0]} to {table.sizes[1]})" if table.sizes else str(table.size)
        cells = (f"`{name}`", pixels, f"{sizes.classes:,}", f"{sizes.parameters:,}", f"{sizes.macs:,}")
        lines.append(f"| {' | '.join((*cells, table.summary, SOURCES[name]))} |")
    return "\n".join(lines) + "\n"


def with_networks(page: str) -> str:
    """The page with the table between its two marks made afresh."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + networks() + END + rest.split(END)[1]


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_networks(path.read_text()))
