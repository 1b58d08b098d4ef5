"""The wheel carries the package, whole, with machine code of its sources, and nothing else."""

import re
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from analyzer.engine.native import fingerprint, levels_built, path_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    return zipfile.ZipFile(wheel)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile, names: set[str]) -> dict[str, list[str]]:
    [name] = [name for name in names if name.endswith(".dist-info/METADATA")]
    message = message_from_string(wheel.read(name).decode())
    return {**{key: message.get_all(key, []) for key in message}, "body": [str(message.get_payload())]}


def test_every_file_of_the_package_and_no_other(names: set[str]) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "analyzer").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("kernels-")
    }
    package |= {path_of(Path("analyzer/engine"), level, fingerprint()).as_posix() for level in levels_built()}
    assert {name for name in names if ".dist-info/" not in name and ".data/" not in name} == package


def test_it_is_for_any_python_of_one_platform(wheel: zipfile.ZipFile, names: set[str]) -> None:
    [name] = [name for name in names if name.endswith(".dist-info/WHEEL")]
    tags = re.findall("^Tag: (.*)$", wheel.read(name).decode(), re.MULTILINE)
    assert len(tags) == 1
    assert re.fullmatch(r"py3-none-(?!any)\w+", tags[0])


def test_what_compiles_is_not_installed(metadata: dict[str, list[str]]) -> None:
    needed = [one for one in metadata["Requires-Dist"] if "extra ==" not in one]
    assert any(one.startswith("pandas") for one in needed)
    assert not any(one.startswith(("numba", "llvmlite")) for one in needed)


def test_an_index_page_finds_pictures_and_links(metadata: dict[str, list[str]]) -> None:
    [text] = metadata["body"]
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert sum(target.endswith((".png", ".svg")) for target in targets) >= 2
    assert all(target.startswith("https://") for target in targets)
    raw = "https://raw.githubusercontent.com/"
    assert all(target.startswith(raw) == target.endswith((".png", ".svg")) for target in targets)


def test_where_it_comes_from_is_said(metadata: dict[str, list[str]]) -> None:
    labels = {one.partition(",")[0] for one in metadata["Project-URL"]}
    assert {"Source", "Documentation", "Changelog", "Issues"} <= labels


def test_the_manual_is_where_man_looks(names: set[str]) -> None:
    data = {name.partition(".data/data/")[2] for name in names if ".data/" in name}
    assert data == {"share/man/man1/ka-analyze.1", "share/wireshark/ka-analyze.lua"}


def test_licence_and_command_are_in(names: set[str]) -> None:
    info = {name.partition(".dist-info/")[2] for name in names}
    assert {"licenses/LICENSE", "entry_points.txt"} <= info


def test_types_are_marked(names: set[str]) -> None:
    assert "analyzer/py.typed" in names
