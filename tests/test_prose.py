"""The rule for docstrings, read from the sources: a function's begins with a verb and says what is given back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "analyzer"

ROOMS_DONE = (
    "*.py",
    "capture",
    "cli",
    "engine",
    "keepalive",
    "many",
    "monitor",
    "report/*.py",
    "report/charts",
    "report/json",
    "report/page",
    "report/tables",
    "report/wireshark",
    "report/words",
    "schema",
    "tcp",
)
"""Folders, with all below them, and patterns of files that follow the rule; a room that is finished is added."""
RIDDLES = re.compile(
    r"(Kernel: )?(Of|What|Which|So|By|Whether|Where|How|As|The same|Who|All|Each|From|To|With|Without|In|On|At|If)\b",
    re.IGNORECASE,
)
"""Openings that leave the reader to guess what the function does."""


def sources_of(room: str) -> Iterator[Path]:
    return (PACKAGE / room).rglob("*.py") if "*" not in room else PACKAGE.glob(room)


def name_of(source: Path) -> str:
    return source.relative_to(PACKAGE).as_posix()


SOURCES = sorted({source for room in ROOMS_DONE for source in sources_of(room)})


@pytest.mark.parametrize("room", ROOMS_DONE)
def test_every_room_has_sources(room: str) -> None:
    assert any(sources_of(room))


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_docstrings_of_functions_begin_with_a_verb(source: Path) -> None:
    riddles = [
        f"{name_of(source)}:{node.lineno} {node.name}: {words.splitlines()[0]}"
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (words := ast.get_docstring(node)) is not None
        and RIDDLES.match(words)
    ]
    assert not riddles
