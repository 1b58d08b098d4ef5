"""The wheel carries the package, whole, and nothing else."""

import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("dist")), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_and_no_other(names: set[str]) -> None:
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "analyzer").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if ".dist-info/" not in name and ".data/" not in name} == package


def test_the_manual_is_where_man_looks(names: set[str]) -> None:
    data = {name.partition(".data/data/")[2] for name in names if ".data/" in name}
    assert data == {"share/man/man1/ka-analyze.1"}


def test_licence_and_command_are_in(names: set[str]) -> None:
    info = {name.partition(".dist-info/")[2] for name in names}
    assert {"licenses/LICENSE", "entry_points.txt"} <= info


def test_types_are_marked(names: set[str]) -> None:
    assert "analyzer/py.typed" in names
