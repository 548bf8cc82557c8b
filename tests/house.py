"""What does the README's tree say? A line for every file: the question that the file answers, from its docstring."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

#: From left to right: a room may import those before it. A room is a file or a folder of the package.
ROOMS = (
    "settings config tables edits recipes draws kernels device data model scoring drawing training insight study rivals"
    " ship course bench cli"
).split()

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "alexnet"
BEGIN, END = "<!-- made by `make docs` -->\n\n", "\n<!-- as far as here -->"


def question_of(path: Path) -> str:
    """The first sentence of a file's docstring, as far as its question mark if it has one."""
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").splitlines()[0]
    question, mark, _ = first.partition("?")
    return question + mark


def folder(path: Path, indent: str) -> list[tuple[str, str]]:
    """A folder's own row, then its files and folders by name."""
    rows = [(f"{indent}{path.name}/", question_of(path / "__init__.py"))]
    for one in sorted(path.iterdir()):
        if (one / "__init__.py").exists():
            rows += folder(one, indent + "  ")
        elif one.suffix == ".py" and one.name != "__init__.py":
            rows.append((f"{indent}  {one.name}", question_of(one)))
    return rows


def tree(package: Path = PACKAGE) -> str:
    """The package as an indented block: rooms from left to right, the files of a room by name."""
    rows = [("src/alexnet/", "")]
    rows += [(f"  {name}.py", question_of(package / f"{name}.py")) for name in ("__init__", "__main__")]
    for room in ROOMS:
        if (package / f"{room}.py").exists():
            rows.append((f"  {room}.py", question_of(package / f"{room}.py")))
        elif (package / room).is_dir():
            rows += folder(package / room, "  ")
    return "".join(f"    {name:<28}{phrase}".rstrip() + "\n" for name, phrase in rows)


def with_tree(page: str, block: str) -> str:
    """The page with the block between its two marks replaced."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + block + END + rest.split(END)[1]


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(with_tree(readme.read_text(), tree()))
