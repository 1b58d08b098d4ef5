"""The line that installs what is missing."""

import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from analyzer.extras import installing

EXTRAS = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]["optional-dependencies"]


@pytest.mark.parametrize("extra", ["parquet", "remote", "cluster"])
def test_it_names_the_packages_and_the_python(extra: str) -> None:
    assert shlex.split(installing(extra)) == [sys.executable, "-m", "pip", "install", *EXTRAS[extra]]


def test_without_an_installation_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> list[str]:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr("analyzer.extras.requires", nothing)
    assert shlex.split(installing("duckdb"))[-1] == "ka-analyze[duckdb]"
