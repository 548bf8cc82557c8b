"""Is every table of the 2011 and 2012 programs the one in its file?"""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from alexnet.recipes import RECIPES
from alexnet.tables import CIFAR_11, CIFAR_13, CIFAR_18, SOURCE, Table
from test_tables import order, row


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
    if ours.kind in ("conv", "local"):
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


@pytest.mark.fidelity(
    topic="the four-layer network for CIFAR-10",
    paper="a four-layer network: 13% test error without response normalization, 11% with it (section 3.3)",
    source="two convolutions, then two locally connected layers (layers-conv-local-13pct, -11pct)",
    others="rebuilt with convolutions, whose places share their weights",
    option="--recipe cifar-13 | cifar-11",
)
def test_cifar_13_is_layers_conv_local_13pct(cfgs: Path) -> None:
    files = sections(cfgs / "layers-conv-local-13pct.cfg")
    params = sections(cfgs / "layer-params-conv-local-13pct-noisylr.cfg")
    weighed = [one for one in CIFAR_13.layers if one.kind in ("conv", "local", "dense")]
    assert [one.name for one in weighed] == [name for name in files if files[name]["type"] in ("conv", "local", "fc")]
    config = RECIPES["cifar-13"].config
    for ours in weighed:
        check_weights(CIFAR_13, ours.name, files, ours.name)
        assert ours.kind == files[ours.name]["type"].replace("fc", "dense")
        assert ours.decay_scale * config.optim.decay == first(params, ours.name, "wc", 0)
        assert config.optim.rate * config.optim.bias_rate == first(params, ours.name, "epsb", 0)
        assert config.optim.momentum == first(params, ours.name, "momw", 0) == first(params, ours.name, "momb", 0)
        assert config.optim.rate / 100 == pytest.approx(first(params, ours.name, "epsw", 0))  # at the end
    for name in ("pool1", "pool2"):
        pool = row(CIFAR_13, name)
        assert (pool.kind, pool.kernel, pool.stride) == (
            "maxpool",
            int(files[name]["sizex"]),
            int(files[name]["stride"]),
        )
        assert files[name]["pool"] == "max"


def test_cifar_11_has_response_normalization_before_its_pools() -> None:
    """layers-conv-local-11pct.cfg: rnorm with crossMap=1, size 5, scale .001, pow .75; minDiv unset, which is 1."""
    assert [name for name in order(CIFAR_11) if not name.startswith("norm")] == order(CIFAR_13)
    assert order(CIFAR_11)[:5] == ["conv1", "relu1", "norm1", "pool1", "conv2"]
    for name in ("norm1", "norm2"):
        norm = row(CIFAR_11, name)
        assert order(CIFAR_11)[order(CIFAR_11).index(name) - 1] == f"relu{name[-1]}"
        assert (norm.kind, norm.size, norm.alpha, norm.beta) == ("response", 5, 0.001, 0.75)
        assert (norm.k, norm.divide, norm.columns) == (1.0, True, 1)


def test_the_recipes_of_the_locally_connected_networks() -> None:
    """500 epochs at .001, ten at a tenth, ten at a hundredth; crops of 24 from 32 and their mirror images."""
    for name in ("cifar-13", "cifar-11"):
        config = RECIPES[name].config
        assert config.model.table == name
        assert (config.data.size, config.augment.crop, config.augment.flip, config.augment.colour) == (
            32,
            24,
            True,
            "none",
        )
        assert (config.optim.rate, config.optim.steps, config.train.epochs) == (0.001, (501, 511), 520)
        assert (config.train.batch, config.data.centre, config.data.scale) == (128, "mean-image", "raw")
        assert not config.optim.bias_follows
        assert not config.optim.decay_biases
        assert "nine" in RECIPES[name].expect
