"""The rules of ARCHITECTURE.md, read from the sources: import direction, homes, sizes, mirrors; and the map itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "analyzer"
TESTS = ROOT / "tests"
MAX_LINES = 450
MAP = ROOT / "ARCHITECTURE.md"
MAX_MAP_LINES = 200
TEXTS = [MAP, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs/design").glob("*.md"))]
PLACES = (ROOT, PACKAGE, PACKAGE / "keepalive", PACKAGE / "engine")
"""From where texts name files."""

BASE = "base"
COMPILER = "engine/compiler"
"""Runs every kernel that there is, when a wheel is built; nothing imports it."""
BASE_MODULES = {
    "diagnostics",
    "errors",
    "extras",
    "engine",
    "folders",
    "schema",
    "sequence",
    "version",
}
LEVELS = {
    BASE: 0,
    "capture": 1,
    "tcp": 2,
    "keepalive": 3,
    "analysis": 4,
    "many": 5,
    "reading": 6,
    "report": 7,
    "monitor": 8,
    "cli": 9,
    "__main__": 10,
    COMPILER: 10,
}
"""A room imports itself and rooms of lower levels; the base modules are one room."""

KEEPALIVE_LEVELS = {
    "model": 0,
    "tags": 1,
    "story": 2,
    "verdict": 3,
    "context": 4,
    "settings": 5,
    "catalogue": 6,
    "story_reader": 7,
    "findings": 8,
    "failures": 9,
    "brief": 10,
    "untroubled": 11,
    "assembler": 12,
    "summary": 12,
}
"""The same within keepalive/, whose own modules are rooms, too."""

HOMES = {
    "click": ("cli/",),
    "dpkt": ("capture/decode/encapsulation.py", "report/interchange/"),
    "jinja2": ("report/",),
    "matplotlib": ("report/",),
    "distributed": ("many/cluster.py",),
    "fsspec": ("capture/files/locations.py",),
    "hatchling": ("engine/compiler/",),
    "llvmlite": ("engine/compiler/",),
    "numba": ("engine/compiler/",),
    "pandas": ("report/connection.py", "report/library.py", "report/tables/"),
    "rich": ("cli/", "monitor/", "report/"),
    "scapy": ("capture/live/interface.py", "report/interchange/"),
}
"""The only places that may import these packages."""

WITHOUT_TEST_FILE = {
    "__main__.py",  # calls the command; tests/cli/test_command.py runs it
    "errors.py",  # class statements only
    "schema/hosts.py",  # as below
    "schema/flows.py",  # tables of names, exercised by every other test
    "schema/results.py",  # as above
    "schema/export.py",  # as above
    "schema/packets.py",  # as above
    "schema/inference.py",  # as above
    "schema/story.py",  # as above
    "schema/json.py",  # as above
    "report/json/flow_members.py",  # names, exercised by test_flow_lines.py
    "engine/compiler/__main__.py",  # tests/test_wheel.py builds a wheel with it
    "engine/compiler/hatch.py",  # as above
    "cli/options.py",  # a table; tests/cli/test_command.py runs it
    "cli/faces.py",  # as above
    "version.py",  # one assignment
}

SOURCES = sorted(PACKAGE.rglob("*.py"))
MODULES = [source for source in SOURCES if source.name != "__init__.py"]


def name_of(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


def room_of(module: str) -> str:
    """The room of a dotted name below `analyzer`: that of 'capture.pcap' is 'capture'."""
    if module.startswith("engine.compiler"):
        return COMPILER
    first = module.partition(".")[0]
    return BASE if first in BASE_MODULES else first


def imports(source: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import; of `from analyzer import x` the name is 'analyzer.x'."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "analyzer":
            yield from ((node.lineno, f"analyzer.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""


@pytest.mark.parametrize("source", MODULES + sorted(PACKAGE.glob("*/__init__.py")), ids=name_of)
def test_imports_run_one_way(source: Path) -> None:
    own = room_of(name_of(source).removesuffix(".py").replace("/", "."))
    assert own in LEVELS, f"{own} is a new room: give it a level here and a line in ARCHITECTURE.md"
    for line, name in imports(source):
        package, _, module = name.partition(".")
        if package != "analyzer":
            continue
        room = room_of(module)
        assert room in LEVELS, f"{source}:{line} imports {name}: name the module that defines it"
        assert room == own or LEVELS[room] < LEVELS[own], f"{source}:{line}: {own} may not import {room}"


@pytest.mark.parametrize("source", sorted(PACKAGE.glob("keepalive/**/[!_]*.py")), ids=name_of)
def test_imports_run_one_way_within_keepalive(source: Path) -> None:
    own = name_of(source).removesuffix(".py").split("/")[1]
    for line, name in imports(source):
        package, _, module = name.partition(".keepalive.")
        if package == "analyzer":
            room = module.partition(".")[0]
            is_below = KEEPALIVE_LEVELS[room] < KEEPALIVE_LEVELS[own]
            assert room == own or is_below, f"{source}:{line}: {own} may not import {room}"


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_packages_are_imported_at_home(source: Path) -> None:
    for line, name in imports(source):
        homes = HOMES.get(name.partition(".")[0], ("",))
        assert name_of(source).startswith(homes), f"{source}:{line}: {name} belongs in {' or '.join(homes)}"


@pytest.mark.parametrize("source", MODULES, ids=name_of)
def test_docstring_says_what_the_file_knows(source: Path) -> None:
    assert ast.get_docstring(ast.parse(source.read_text()))


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_file_is_short(source: Path) -> None:
    assert len(source.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_no_print(source: Path) -> None:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{source}:{node.lineno}: text goes out through cli/"


@pytest.mark.parametrize("source", [one for one in MODULES if name_of(one) not in WITHOUT_TEST_FILE], ids=name_of)
def test_has_a_test_file(source: Path) -> None:
    mirror = TESTS / source.relative_to(PACKAGE).with_name(f"test_{source.name}")
    assert mirror.exists(), f"{mirror.relative_to(ROOT)} is missing"


def section(heading: str) -> str:
    """A part of the map, to the next heading."""
    return MAP.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]


def quoted(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`\n]+)`", text)


def test_the_map_is_short() -> None:
    assert len(MAP.read_text(encoding="utf-8").splitlines()) <= MAX_MAP_LINES


def test_every_room_and_file_is_on_the_map() -> None:
    found = {}
    for line in section("The rooms").splitlines():
        cells = line.split(" | ")
        if line.startswith("| `"):
            folder = PACKAGE / quoted(cells[0])[0].removeprefix("analyzer/")
            found[folder] = {name for name in quoted(cells[1]) if re.fullmatch(r"[a-z_0-9]+", name)}
    expected: dict[Path, set[str]] = {}
    for source in MODULES:
        if source.stem != "__main__":
            expected.setdefault(source.parent, set()).add(source.stem)
    assert found == expected


@pytest.mark.parametrize("text", TEXTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(text: Path) -> None:
    names = [name for name in quoted(text.read_text(encoding="utf-8")) if re.fullmatch(r"[\w./-]+", name)]
    files = {*(source.name for source in SOURCES), *(path.name for path in TESTS.rglob("*.py"))}
    assert names
    for name in names:
        is_path = "/" in name and (name.endswith("/") or "." in name.rpartition("/")[2])
        if is_path and not name.startswith(("build/", "/")):
            assert any((place / name).exists() for place in PLACES), f"{text.name} names {name}"
        elif re.fullmatch(r"\w+\.py", name):
            assert name in files, f"{text.name} names {name}"


def test_functions_that_the_map_names_are_where_it_says() -> None:
    checked = 0
    for line in section("Where is …").splitlines():
        source = ""
        for name in quoted(line.rpartition(" | ")[2]):
            if name.endswith(".py"):
                source = (PACKAGE / name).read_text(encoding="utf-8") if "/" in name else ""
            elif source and re.fullmatch(r"[a-z_]+", name):
                assert f"def {name}(" in source, f"{name} is not where the map says: {line}"
                checked += 1
    assert checked > 5


def test_tests_that_contributing_names_exist() -> None:
    names = {
        name for name in quoted((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")) if name.startswith("test_")
    }
    known = {
        match
        for path in TESTS.rglob("*.py")
        for match in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert names - known == {"test_walks"}


def test_names_that_contributing_puts_beside_a_file_are_in_it() -> None:
    """`report/ranking.py` (`URGENCY`, `UNEVENTFUL`), or with a comma."""
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    pairs = re.findall(r"`([\w./]+\.py)`(?:, | \()((?:`[A-Z_]+`(?:, )?)+)", text)
    for path, names in pairs:
        [source] = [(place / path).read_text(encoding="utf-8") for place in PLACES if (place / path).exists()]
        for name in quoted(names):
            assert re.search(rf"^{name}\b", source, re.MULTILINE), f"{name} is not in {path}"
    assert len(pairs) > 10
