"""Do the pages say what is so? The generated one is up to date, links lead somewhere, verbs and files are real."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from alexnet.cli.main import VERBS
from fidelity import Convention, conventions_of, page
from house import tree, with_tree

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_fidelity_page_is_up_to_date(tmp_path: Path) -> None:
    """Collected afresh from the whole suite, whatever part of it runs now."""
    made = tmp_path / "fidelity.md"
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-n0", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, f"--write-fidelity={made}", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    committed = (ROOT / "docs" / "fidelity.md").read_text()
    assert made.read_text() == committed, "the marks have changed: run `make docs` and look at the difference"


def convention(**changes: str) -> Convention:
    plain = {name: name for name in ("topic", "paper", "source", "others", "option")}
    return Convention(**(plain | {"test": "tests/test_paper.py::test_it"} | changes))


def test_fidelity_page_escapes_and_joins() -> None:
    text = page([convention(option="a|b\nc"), convention(option="a|b\nc", test="tests/test_paper.py::test_other")])
    rows = [line for line in text.splitlines() if line.startswith("| **topic**")]
    assert rows == [
        "| **topic** | paper | source | others | a\\|b c | `test_paper.py::test_it`<br>`test_paper.py::test_other` |"
    ]


@pytest.mark.fidelity(topic="t", paper="p", source="s", others="o")
def incomplete() -> None: ...


def test_incomplete_mark_is_refused(request: pytest.FixtureRequest) -> None:
    item = pytest.Function.from_parent(request.node.parent, name="incomplete", callobj=incomplete)
    with pytest.raises(pytest.UsageError, match="option"):
        conventions_of([item], ROOT)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text()
    anchors = {page: {anchor(head) for head in re.findall(r"^#+ (.*)$", page.read_text(), re.M)} for page in PAGES}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, place = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), f"{path.name} links to {target}"
        if place:
            assert place in anchors[there], f"{path.name} links to {target}, but no heading is called so"


def anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def test_readme_has_every_verb_and_no_other() -> None:
    table = re.findall(r"^\| `alexnet (\w+)[^|]*\|", (ROOT / "README.md").read_text(), re.M)
    assert table == [verb.name for verb in VERBS]


def test_readme_tree_is_up_to_date() -> None:
    page = (ROOT / "README.md").read_text()
    assert with_tree(page, tree()) == page, "files came or went or answer another question: run `make docs`"


def test_readme_tree_has_every_file_with_a_phrase() -> None:
    rows = [line.split(maxsplit=1) for line in tree().splitlines()[1:]]
    assert all(len(row) == 2 for row in rows), "a file whose docstring is empty"
    package = ROOT / "src" / "alexnet"
    files = [path for path in package.rglob("*.py") if path.name != "__init__.py" or path.parent == package]
    assert sorted(row[0] for row in rows if row[0].endswith(".py")) == sorted(path.name for path in files)


def test_commands_in_the_pages_exist() -> None:
    """Every `alexnet VERB` in a page is a verb, and every long option there is one of that verb's."""
    names = {verb.name for verb in VERBS}
    for path in PAGES:
        for verb in re.findall(r"^(?: {4}|\$ |`)alexnet ([a-z]\w*)", path.read_text(), re.M):
            assert verb in names, f"{path.name} speaks of `alexnet {verb}`"


def test_claims_in_the_pages_exist() -> None:
    """Every name after `alexnet reproduce`, as far as the first option."""
    from alexnet.study.claims import CLAIMS, GROUPS

    known, seen = {*CLAIMS, *GROUPS, "NAME", "[NAME...]", "...", "CLAIM"}, set[str]()
    for path in PAGES:
        for words in re.findall(r"alexnet reproduce((?: [^\s`]+)+)", path.read_text()):
            names = words.split(" --")[0].split()
            seen |= set(names)
            assert set(names) <= known, f"{path.name}: {words}"
    assert len(seen & set(CLAIMS)) > 20
