"""Is the house as its plan says? Rooms import to their left only, files are short, and their names say something."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from house import PACKAGE, ROOMS

TESTS = Path(__file__).resolve().parent

#: Rooms in which nothing, function bodies included, imports torch: the command line answers before torch is loaded.
WITHOUT_TORCH = ("settings", "config", "tables", "edits", "recipes")
FORBIDDEN_NAMES = {"utils", "util", "common", "base", "helpers", "helper", "registry", "misc", "tools", "core"}
LONGEST = 250

FILES = sorted(PACKAGE.rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(module: str) -> str | None:
    """The room of a dotted name inside the package; None for the package's own name and for foreign modules."""
    parts = module.split(".")
    return parts[1] if parts[0] == "alexnet" and len(parts) > 1 else None


def imports_of(source: str, module: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported anywhere in a file, function bodies and TYPE_CHECKING included."""
    package = module.rsplit(".", 1)[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def module_of(path: Path) -> str:
    return ".".join(["alexnet", *path.relative_to(PACKAGE).with_suffix("").parts])


def wrong_ways(source: str, module: str) -> list[str]:
    """Imports of a room from one to its left."""
    here = room_of(module)
    assert here is not None
    found = []
    for line, name in imports_of(source, module):
        there = room_of(name)
        if there is not None and there in ROOMS and ROOMS.index(there) > ROOMS.index(here):
            found.append(f"{module}:{line} imports {name}, a room to its right")
    return found


@pytest.mark.parametrize("path", FILES, ids=named)
def test_imports_go_one_way(path: Path) -> None:
    if path.name in ("__init__.py", "__main__.py") and path.parent == PACKAGE:
        return  # the front door: it names rooms lazily and belongs to none
    room = room_of(module_of(path))
    assert room in ROOMS, f"{named(path)} lies in no room of the plan; the rooms are {', '.join(ROOMS)}"
    assert not wrong_ways(path.read_text(), module_of(path))


def test_a_wrong_import_would_be_seen() -> None:
    inside_a_function = "def f():\n    from alexnet.training.run import load\n"
    assert wrong_ways(inside_a_function, "alexnet.data.sources")
    assert wrong_ways("from alexnet import training", "alexnet.model.network")
    assert wrong_ways("from ..cli import main", "alexnet.model.network")
    assert wrong_ways("import alexnet.scoring.infer", "alexnet.config")
    assert not wrong_ways("from alexnet.model.network import AlexNet", "alexnet.training.loop")
    assert not wrong_ways("import torch", "alexnet.config")


def test_no_circle_inside_a_room() -> None:
    """At the top of files; inside functions an import may point back to a neighbour."""
    edges: dict[str, set[str]] = {}
    known = {module_of(path).removesuffix(".__init__") for path in FILES}
    for path in FILES:
        if path.name == "__init__.py":
            continue
        body = ast.parse(path.read_text()).body
        top = ast.Module([node for node in body if isinstance(node, ast.Import | ast.ImportFrom)], [])
        reached = (name for _, name in imports_of(ast.unparse(top), module_of(path)))
        edges[module_of(path)] = {
            target for name in reached for target in (name, name.rsplit(".", 1)[0]) if target in known
        }
    done: set[str] = set()

    def walk(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, f"a circle of imports: {' -> '.join([*path[path.index(module) :], module])}"
        if module not in done:
            for target in edges.get(module, ()):
                walk(target, (*path, module))
            done.add(module)

    for module in edges:
        walk(module, ())


@pytest.mark.parametrize("path", FILES, ids=named)
def test_files_are_short_and_say_what_they_answer(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST, "split it: a file answers one question"
    docstring = ast.get_docstring(ast.parse(source))
    assert docstring, "its docstring's first line is the question it answers"
    assert "from __future__ import annotations" in source or not ast.parse(source).body[1:]


def test_names_say_something() -> None:
    for path in [*FILES, *TESTS.rglob("*.py")]:
        assert not FORBIDDEN_NAMES & set(path.with_suffix("").parts[-2:]), f"{path.name} is named for nothing"


def comments_of(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@pytest.mark.parametrize("path", [*FILES, *sorted(TESTS.glob("*.py"))], ids=lambda path: path.name)
def test_nothing_is_put_off(path: Path) -> None:
    mark = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX|HA" + r"CK)\b")
    found = [f"{path.name}:{line} {text}" for line, text in comments_of(path) if mark.search(text)]
    assert not found


def test_no_path_of_one_machine() -> None:
    """Neither in code nor in pages: what is written here has to hold on everybody's machine."""
    root = PACKAGE.parent.parent
    own = re.compile(r"(?<![\w.~])/(home|root|work|Users|mnt|opt)/[\w-]|[A-Z]:\\\\Users|(?<![\w.])/tmp/\w")
    pages = [root / name for name in ("README.md", "Makefile", "pyproject.toml", "constraints.txt", "CHANGELOG.md")]
    pages += [*FILES, *TESTS.rglob("*.py"), *(root / "docs").rglob("*.md"), *(root / "benchmarks").rglob("*.py")]
    found = [
        f"{path.relative_to(root)}:{number} {line.strip()}"
        for path in pages
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if own.search(line)
    ]
    assert not found


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_these_rooms_never_import_torch(room: str) -> None:
    files = [path for path in FILES if room_of(module_of(path)) == room]
    assert files
    for path in files:
        names = {name.split(".")[0] for _, name in imports_of(path.read_text(), module_of(path))}
        assert not names & {"torch", "numpy", "tyro", "rich"}


def modules_after(code: str) -> set[str]:
    """Top-level modules in memory after `code` ran in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"torch", "numpy", "tyro", "rich", "matplotlib", "sklearn", "pyarrow", "PIL", "safetensors"}


@pytest.mark.parametrize(
    "code",
    [
        "import alexnet",
        "import alexnet; alexnet.Config, alexnet.RECIPES, alexnet.patch, dir(alexnet)",
        "import contextlib, io\nfrom alexnet.cli.main import main\n"
        "with contextlib.redirect_stdout(io.StringIO()): main(['--help'])",
        "from alexnet.training.folder import open_run_folder",
    ],
    ids=["import", "config", "help", "run folder"],
)
def test_loads_nothing_heavy(code: str) -> None:
    assert not modules_after(code) & HEAVY


def test_explaining_a_verb_loads_no_torch() -> None:
    code = "import contextlib, alexnet.cli.main as m\nwith contextlib.suppress(SystemExit): m.main(['train', '-h'])"
    assert not modules_after(code) & {"torch", "numpy", "matplotlib", "sklearn", "pyarrow"}
