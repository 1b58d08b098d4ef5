"""Completion as a shell asks for it."""

import socket

import pytest

from tests.cli.test_command import child


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    asked = {"_KA_ANALYZE_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(("ka-analyze", *words))}
    asked["COMP_CWORD"] = str(len(words))
    code = f"import os; os.environ.update({asked!r}); from analyzer.cli import run; run()"
    return [line.partition(",")[2] for line in child(code=code).stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("--only", "timed"), ["timed-out"]),
        (("--only", "reset,un"), ["reset,unreachable", "reset,undetected", "reset,unknown"]),
        (("--fail-on", "path-f"), ["path-forgets"]),
        (("--advice", "postg"), ["postgresql"]),
        (("--advice", "al"), ["all"]),
        (("-i", "an"), ["any"]),
    ],
)
def test_values_are_offered(words: tuple[str, ...], offered: list[str]) -> None:
    assert set(offered) <= set(completed(*words))


def test_interfaces_of_this_machine_are_offered() -> None:
    assert {name for _, name in socket.if_nameindex()} <= set(completed("--interface", ""))
