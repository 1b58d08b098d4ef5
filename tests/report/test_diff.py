"""What changed from one capture to a later one, as it is shown."""

import pytest
from rich.console import Console

from analyzer.analysis import analyze
from analyzer.report.diff import diff
from tests.recordings import FOLDER


def shown(before: str, after: str, width: int = 80) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(diff(*(analyze(str(FOLDER / one / "capture.pcap")) for one in (before, after))))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [80, 160])
def test_settings_outcomes_limits_and_conclusions(width: int) -> None:
    lines = shown("nat-fifty-300", "nat-forgets-one-of-two", width)
    words = " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= width
    assert "clients of 198.51.100.2:9000 60–600/11–60/3 6–14/3/4 50 → 2" in words
    assert "The new settings are in force on 1 of 2 connections." in words
    assert "timed out 24 1 alive 26 1 connections 50 2" in words
    assert "forgets after 299.95 s to" in words
    assert "forgets after 6.24 s to" in words


def test_what_is_new_and_what_is_gone() -> None:
    words = " ".join(" ".join(shown("nat-fifty-300", "nc-30-10-5")).split())
    assert "New + 10.100.5.2" in words
    assert "No longer - The path to 198.51.100.2:9000 forgets" in words
    assert "path to 198.51.100.2:9000 forgets after 299.95 s to 303.84 s not seen" in words


def test_the_same_capture_twice_has_no_news() -> None:
    lines = shown("nat-fifty-300", "nat-fifty-300")
    assert not {"New", "No longer"} & set(lines)
    assert not any("in force on" in line for line in lines)
