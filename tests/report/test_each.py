"""A line about each of many captures."""

import json

import pytest
from rich.console import Console

from analyzer.analysis import analyze
from analyzer.report.each import Line, line_of, ndjson, rows
from tests.recordings import FOLDER

NAT = FOLDER / "nat-fifty-300/capture.pcap"
BETTER = FOLDER / "nc-30-10-5/capture.pcap"
EMPTY = Line("ring/empty.pcap", None, 0, (), 0, ("?", "?", "?"), (), (), False)


def shown(width: int, *lines: Line) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(rows(lines))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_a_line_has_the_numbers_of_the_truth() -> None:
    line = line_of(analyze(str(BETTER)), "nc.pcap")
    assert (line.connections, line.probing, line.settings) == (1, 1, ("30", "10", "5"))
    assert [(name, number) for name, _, number in line.outcomes] == [("timed-out", 1)]
    assert [code for code, _ in line.conclusions] == ["peer-silent"]


@pytest.mark.parametrize("width", [80, 160])
def test_a_capture_is_a_line(width: int) -> None:
    lines = [line_of(analyze(str(one)), f"ring/{'long-' * 12}{n}.pcap") for n, one in enumerate((NAT, BETTER))]
    folder, heading, *found = shown(width, *lines, EMPTY)
    assert folder == "captures in ring/"
    assert heading.startswith("capture ")
    assert len(found) == 3
    assert max(map(len, found)) <= width
    for row, words in zip(found, ("24 timed out, 26 alive  60–600/11–60/3–5", "1 timed out", "none"), strict=True):
        assert words in row
    assert ("…" in found[0]) is (width == 80)


def test_names_are_harmless() -> None:
    found = shown(200, EMPTY._replace(file="a\x1b[31m\n\u202e.pcap"))
    assert len(found) == 2
    assert all(line.isprintable() for line in found)


def test_a_line_for_programs() -> None:
    [text] = ndjson([line_of(analyze(str(NAT)), "x\udcff.pcap")])
    assert text.endswith("\n")
    found = json.loads(text)
    assert (found["connections"], found["outcomes"]) == (50, {"timed-out": 24, "alive": 26})
    assert found["settings"] == {"time": "60–600", "intvl": "11–60", "probes": "3–5"}
    assert found["conclusions"][0]["code"] == "path-forgets"
    assert json.loads(next(ndjson([EMPTY])))["settings"] is None
