"""Is every table exactly the network it is named after?"""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from alexnet.edits import complete
from alexnet.model.plan import lay_out
from alexnet.tables import CIFAR_18, CIFAR_26, HALF, ONE_COLUMN, PAPER, QUICK, SIX_CONV, SOURCE, TABLES, Layer, Table

PARAMETERS = {
    "paper": 60_965_224,
    "source": 60_965_224,
    "one-column": 62_378_344,
    "half": 59_798_312,
    "six-conv": 61_555_304,
    "torchvision": 61_100_840,
    "cifar-26": 145_578,
    "cifar-18": 89_578,
}


def row(table: Table, name: str) -> Layer:
    return next(one for one in table.layers if one.name == name)


def order(table: Table) -> list[str]:
    return [one.name for one in table.layers]


@pytest.mark.parametrize(("name", "parameters"), PARAMETERS.items())
def test_parameters(name: str, parameters: int) -> None:
    table = complete(name, 10 if name.startswith("cifar") else 1000)
    modules = lay_out(table, table.size).modules.values()
    assert sum(weight.numel() for module in modules for weight in module.parameters()) == parameters


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_is_well_formed(table: Table) -> None:
    assert TABLES[table.name] is table
    assert len(set(order(table))) == len(table.layers)
    assert table.layers[-1].kind == "dense"
    assert table.layers[-1].out == 0
    assert table.summary[0].islower()
    if table.sizes is not None:
        low, high = table.sizes
        assert low <= table.size <= high


@pytest.mark.parametrize("table", [one for one in TABLES.values() if one.sizes], ids=lambda table: table.name)
def test_the_smallest_and_largest_size_are_possible(table: Table) -> None:
    assert table.sizes is not None
    shapes = [lay_out(complete(table, 7), size).shapes for size in table.sizes]
    assert shapes[0]["fc8"] == shapes[1]["fc8"] == (7,)


def test_the_order_of_the_papers_rows() -> None:
    assert order(PAPER)[:9] == ["conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3"]
    assert order(PAPER)[-7:] == ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"]


def test_the_variants_differ_from_the_paper_where_they_say() -> None:
    for name in ("norm1", "conv2", "norm2", "conv4", "conv5"):
        assert (row(PAPER, name).columns, row(ONE_COLUMN, name).columns) == (2, 1)
    assert order(ONE_COLUMN) == order(HALF) == order(PAPER)
    convolutions = ("conv1", "conv2", "conv3", "conv4", "conv5")
    assert [row(HALF, name).out for name in convolutions] == [48, 128, 192, 192, 256]
    assert [row(PAPER, name).out for name in convolutions] == [96, 256, 384, 384, 256]
    added = [one for one in SIX_CONV.layers if one not in PAPER.layers]
    assert [(one.kind, one.out, one.kernel, one.columns) for one in added] == [("conv", 256, 3, 1), ("relu", 0, 0, 1)]
    assert order(SIX_CONV)[order(SIX_CONV).index("conv6") - 1] == "pool5"


def test_the_maps_of_the_cifar_networks_halve() -> None:
    for table in (CIFAR_26, CIFAR_18):
        shapes = lay_out(complete(table, 10), 32).shapes
        assert [shapes[name][1:] for name in ("pool1", "pool2", "pool3")] == [(16, 16), (8, 8), (4, 4)]


def test_quick_knows_its_sizes() -> None:
    for size in (24, 32, 64, 96, 128, 160):
        assert lay_out(complete(QUICK, 10), size).shapes["average"][1:] == (4, 4)


def sections(path: Path) -> dict[str, dict[str, str]]:
    """The layers of one of the 2012 program's files."""
    parser = configparser.ConfigParser(inline_comment_prefixes=("#",))
    parser.read_string(path.read_text())
    return {name: dict(parser[name]) for name in parser.sections()}


def both(files: dict[str, dict[str, str]], name: str) -> list[dict[str, str]]:
    """A layer's halves in the two columns, or the one layer where there are no columns."""
    return [files[f"{name}a"], files[f"{name}b"]] if f"{name}a" in files else [files[name]]


def total(files: dict[str, dict[str, str]], name: str, key: str) -> int:
    return sum(int(part[key].split(",")[0]) for part in both(files, name))


def first(files: dict[str, dict[str, str]], name: str, key: str, default: float) -> float:
    values = {float(part.get(key, str(default)).split(",")[0]) for part in both(files, name)}
    assert len(values) == 1
    return values.pop()


def check_weights(table: Table, name: str, files: dict[str, dict[str, str]], theirs: str) -> None:
    """One layer with weights against its file: sizes, first weights, first biases."""
    ours = row(table, name)
    if ours.kind == "conv":
        assert ours.out == total(files, theirs, "filters")
        assert ours.kernel == first(files, theirs, "filtersize", 0)
        assert ours.pad == first(files, theirs, "padding", 0)
        assert ours.stride == first(files, theirs, "stride", 1)
    elif ours.out:
        assert ours.out == total(files, theirs, "outputs")
    assert ours.init_sd == first(files, theirs, "initw", 0.01)
    assert ours.init_bias == first(files, theirs, "initb", 0)


@pytest.fixture(scope="module")
def cfgs(shared_data: Path) -> Path:
    folder = shared_data / "original_cfgs"
    if not folder.is_dir():
        pytest.skip("needs the 2012 program's files in original_cfgs")
    return folder


def test_source_is_layers_145(cfgs: Path) -> None:
    files, params = sections(cfgs / "layers-145.cfg"), sections(cfgs / "layer-params-145.cfg")
    names = {f"conv{n}": f"conv{n}" for n in range(1, 6)} | {"fc6": "fc2048", "fc7": "fc2048b", "fc8": "fc1000"}
    for ours, theirs in names.items():
        check_weights(SOURCE, ours, files, theirs)
    for ours, theirs in {"norm1": "rnorm1", "norm2": "rnorm2", "within2": "cnorm2"}.items():
        norm = row(SOURCE, ours)
        assert norm.kind == {"cmrnorm": "response", "rnorm": "within"}[both(files, theirs)[0]["type"]]
        assert norm.size == first(files, theirs, "size", 0)
        assert norm.alpha == first(params, theirs, "scale", 0)
        assert norm.beta == first(params, theirs, "pow", 0)
        assert norm.k == first(params, theirs, "mindiv", 1)
        assert norm.divide
    for ours, theirs in {"pool1": "pool1", "pool2": "pool2", "pool5": "pool3"}.items():
        pool = row(SOURCE, ours)
        assert (pool.kernel, pool.stride) == (total(files, theirs, "sizex") / 2, total(files, theirs, "stride") / 2)
        assert pool.ceil
        # A neuron on a pool is a relu after it, one on a convolution a relu before what follows.
        after = order(SOURCE)[order(SOURCE).index(ours) + 1]
        assert after.startswith("relu") == ("neuron" in both(files, theirs)[0])
    for n in range(1, 6):
        after = order(SOURCE)[order(SOURCE).index(f"conv{n}") + 1]
        assert after.startswith("relu") == ("neuron" in both(files, f"conv{n}")[0])
    assert {part["keep"] for name in ("hs1", "hs2") for part in both(files, name)} == {"0.5"}
    assert {row(SOURCE, name).rate for name in ("drop6", "drop7")} == {0.5}
    sees_both = [n for n in range(2, 6) if "," in both(files, f"conv{n}")[0]["inputs"]]
    assert [n for n in range(2, 6) if row(SOURCE, f"conv{n}").columns == 1] == sees_both == [3]


def test_cifar_18_is_layers_18pct(cfgs: Path) -> None:
    files, params = sections(cfgs / "layers-18pct.cfg"), sections(cfgs / "layer-params-18pct-noisylr.cfg")
    for name in ("conv1", "conv2", "conv3", "fc10"):
        check_weights(CIFAR_18, name, files, name)
        share = first(params, name, "wc", 0) / first(params, "conv1", "wc", 0)
        assert row(CIFAR_18, name).decay_scale == pytest.approx(share)
    for ours, theirs in {"norm1": "rnorm1", "norm2": "rnorm2"}.items():
        norm = row(CIFAR_18, ours)
        assert (norm.kind, norm.size, norm.k, norm.divide) == ("within", int(files[theirs]["size"]), 1.0, True)
        assert (norm.alpha, norm.beta) == (float(params[theirs]["scale"]), float(params[theirs]["pow"]))
    kinds = {name: "maxpool" if files[name]["pool"] == "max" else "avgpool" for name in ("pool1", "pool2", "pool3")}
    assert {name: row(CIFAR_18, name).kind for name in kinds} == kinds
