"""Is the package whole? Its public names, its version, what it asks for, and what it must never ask for."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import alexnet

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: Beside a CPU build of torch these do not import, or bring in something that does not.
NEVER = {"torchvision", "timm", "lightning", "pytorch-lightning", "torchmetrics", "grad-cam"}


def normal(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~ ;]", requirement)[0]).lower()


@pytest.mark.parametrize("name", [name for name in alexnet.__all__ if name != "__version__"])
def test_public_name_is_the_same_object_every_time(name: str) -> None:
    first = getattr(alexnet, name)
    assert getattr(alexnet, name) is first
    assert getattr(importlib.import_module(alexnet._HOMES[name]), name) is first


def test_type_checkers_and_users_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "src" / "alexnet" / "__init__.py").read_text())
    block = next(n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING")
    typed = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == alexnet._HOMES
    assert set(alexnet.__all__) == {*typed, "__version__"} <= set(dir(alexnet))


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        alexnet.trian  # noqa: B018


def test_version_is_one() -> None:
    assert importlib.metadata.version("alexnet") == alexnet.__version__
    assert f"version: {alexnet.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## {alexnet.__version__} " in (ROOT / "CHANGELOG.md").read_text()


def test_extras_are_those_promised() -> None:
    extras = PROJECT["optional-dependencies"]
    assert set(extras) == set("hub modern insight study export serve log cluster rivals all test dev".split())
    everything = set(re.findall(r"[\w-]+", extras["all"][0].partition("[")[2]))
    assert everything == set(extras) - {"rivals", "all", "test", "dev"}


def test_nothing_asks_for_torchvision() -> None:
    asked = [*PROJECT["dependencies"], *(one for wants in PROJECT["optional-dependencies"].values() for one in wants)]
    assert not {normal(one) for one in asked} & NEVER
    assert not {normal(line) for line in constraints()} & NEVER


def constraints() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_constraints_pin_everything_asked_for() -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in constraints())
    pinned = {normal(line): line.split("==")[1] for line in constraints()}
    assert pinned["torch"] == "2.13.0"
    extras = PROJECT["optional-dependencies"]
    asked = [*PROJECT["dependencies"], *(one for name, wants in extras.items() if name != "rivals" for one in wants)]
    assert {normal(one) for one in asked} - {"alexnet"} <= set(pinned)


def test_every_install_command_is_constrained() -> None:
    commands = [
        (page.name, line)
        for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
        for line in page.read_text().splitlines()
        if re.search(r"\bpip install\b", line)
    ]
    assert commands
    assert [one for one in commands if "-c constraints.txt" not in one[1]] == []


def test_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "alexnet", "--version"], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == f"alexnet {alexnet.__version__}\n"


def test_typing_marker_is_there() -> None:
    assert (ROOT / "src" / "alexnet" / "py.typed").exists()


def test_nothing_in_the_package_imports_torchvision() -> None:
    """Also not as an aside in a function: a broken torchvision must not be able to touch anything here."""
    wrong = re.compile(r"^\s*(import|from) (torchvision|timm|lightning|torchmetrics)\b", re.M)
    assert [path.name for path in (ROOT / "src").rglob("*.py") if wrong.search(path.read_text())] == []
