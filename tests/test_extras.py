"""Does all of it work beside a broken torchvision, and does a missing extra say in one sentence how to get it?"""

from __future__ import annotations

import ast
import importlib.abc
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from alexnet.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
#: What is there without any extra; scipy comes with scikit-learn.
CORE = [*tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"], "scipy"]
#: Libraries that nothing of ours may need; beside a CPU build of torch, torchvision does not import.
FOREIGN = ("torchvision", "timm", "lightning", "pytorch_lightning", "torchmetrics")

# --- beside broken libraries ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which those libraries are installed, and fail as torchvision does beside a CPU build."""
    folder = tmp_path_factory.mktemp("broken")
    for name in FOREIGN:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text('raise RuntimeError("operator torchvision::nms does not exist")\n')
        (folder / f"{name}-0.99.0.dist-info").mkdir()
        (folder / f"{name}-0.99.0.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.99.0\n"
        )
    return os.environ | {"PYTHONPATH": str(folder)}


def python(code: str, environment: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_broken_library_is_in_front(broken: dict[str, str]) -> None:
    code = "try:\n    import torchvision\nexcept RuntimeError as error:\n    print(error)"
    assert python(code, broken) == "operator torchvision::nms does not exist\n"


def test_everything_imports_explains_itself_and_trains_beside_them(broken: dict[str, str], tmp_path: Path) -> None:
    """Every module of the package, every public name, every verb's page, a training with its report."""
    code = f"""
import contextlib, importlib, io, pkgutil, sys
import alexnet
from alexnet.cli.main import VERBS, main
for name in alexnet.__all__:
    getattr(alexnet, name)
for module in pkgutil.walk_packages(alexnet.__path__, "alexnet."):
    if module.name != "alexnet.__main__" and ".triton_" not in module.name:  # Triton comes with a GPU's torch
        importlib.import_module(module.name)
for verb in VERBS:
    with contextlib.redirect_stdout(io.StringIO()) as page:
        assert main([verb.name, "--help"]) == 0
    assert f"usage: alexnet {{verb.name}}" in page.getvalue()
words = "--epochs 1 --limit 100 --batch 50 --size 24 --augment.pad 0 --model.width 0.25 --threads 1 --quiet"
assert main(["train", "digits", "--out", sys.argv[1], *words.split()]) == 0
assert not [name for name in sys.modules if name.split(".")[0] in {FOREIGN!r}]
"""
    python(code, broken, str(tmp_path / "run"))
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.parametrize(
    "code",
    [
        "from alexnet.data.randaugment import operations; assert len(operations(9)) > 10",
        "import datasets; assert len(datasets.Dataset.from_dict({'a': [1, 2]})) == 2",
    ],
    ids=["modern", "hub"],
)
def test_the_extras_in_use_work_beside_them(code: str, broken: dict[str, str]) -> None:
    pytest.importorskip("kornia" if "randaugment" in code else "datasets")
    python(code, broken)


# --- without an extra -------------------------------------------------------------------------------------------------


def _modern(folder: Path) -> Sequence[str]:
    from alexnet.data.randaugment import operations

    operations.cache_clear()
    return ["train", "digits", "--augment.randaugment", "1", "--out", str(folder / "run")]


def _hub(folder: Path) -> Sequence[str]:
    return ["train", "hub:somebody/pictures", "--out", str(folder / "run")]


def _insight(folder: Path) -> Sequence[str]:
    return ["similar", str(folder / "run"), str(folder / "picture.jpg"), "--how", "faiss"]


def _cluster(folder: Path) -> Sequence[str]:
    size = ["--seeds", "1", "--epochs", "1", "--limit", "20", "--quiet"]
    return ["reproduce", "dropout", "--data", "digits", "--cluster", "local", "--out", str(folder / "study"), *size]


#: Extra -> (the library that is taken away, the command that needs it).
NEEDS: dict[str, tuple[str, Callable[[Path], Sequence[str]]]] = {
    "modern": ("kornia", _modern),
    "hub": ("datasets", _hub),
    "insight": ("faiss", _insight),
    "cluster": ("ray", _cluster),
}


class Refuses(importlib.abc.MetaPathFinder):
    """Lets no library of a name be imported."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self.error = name, error

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> None:
        if fullname.split(".")[0] == self.name:
            raise self.error


@pytest.mark.parametrize(
    "error", [ModuleNotFoundError("not there"), RuntimeError("nms does not exist")], ids=["missing", "broken"]
)
@pytest.mark.parametrize("extra", NEEDS)
def test_without_an_extra_one_sentence_says_how_to_get_it(
    extra: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    library, words = NEEDS[extra]
    for name in [name for name in sys.modules if name.split(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refuses(library, error), *sys.meta_path])
    assert main(list(words(tmp_path))) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("alexnet: ")
    assert f"alexnet[{extra}]" in said
    assert "pip install" in said
    assert library in said.lower()


def libraries(requirements: Sequence[str]) -> set[str]:
    """Names that are imported for some requirements."""
    names = {re.split(r"[\[<>=!~ ;]", one)[0].lower().replace("-", "_") for one in requirements}
    return {
        {"faiss_cpu": "faiss", "scikit_image": "skimage", "scikit_learn": "sklearn", "pillow": "PIL"}.get(one, one)
        for one in names
    }


def test_every_extra_that_is_used_stands_in_the_table() -> None:
    used = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            used |= {name.split(".")[0] for name in names}
    asking = {
        name
        for name, wants in EXTRAS.items()
        if name not in ("all", "test", "dev") and used & (libraries(wants) - libraries(CORE))
    }
    assert asking == set(NEEDS), "an extra came into use: add the command that needs it"


def test_libraries_of_extras_are_imported_where_they_are_used() -> None:
    """Never at the top of a file: the rest works without them."""
    extra = {
        one for name, wants in EXTRAS.items() if name not in ("all", "test", "dev") for one in libraries(wants)
    } - libraries(CORE)
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
            assert not {name.split(".")[0] for name in names} & extra, f"{path.name} imports {names} at its top"


def test_the_script_knows_every_extra() -> None:
    script = (ROOT / "tests" / "extras.sh").read_text()
    listed = re.search(r"EXTRAS:-([\w ]+)\}", script)
    assert listed
    assert set(listed[1].split()) == {"core", *EXTRAS} - {"all", "test", "dev", "rivals"}
    for extra in listed[1].split():
        assert re.search(rf"^    {extra}\)", script, re.M), f"no command uses {extra}"
