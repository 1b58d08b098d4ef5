"""The kernel's lines are those that json.dumps makes of the same columns, wherever a piece ends."""

import json
from array import array
from pathlib import Path
from typing import Any

import pytest

from analyzer.analysis import Analysis, analyze
from analyzer.engine.dispatch import Engine
from analyzer.keepalive.tags.tag import RULES, TAGS, Rule, Tag
from analyzer.report.json import tag_lines
from analyzer.report.units import iso
from analyzer.schema import ABSENT
from tests.engines import chosen
from tests.recordings import SHORT

each_sample = pytest.mark.parametrize("sample", SHORT, ids=lambda path: path.parent.name)
NATIVE = chosen(is_native=True)


def expected(analysis: Analysis, wanted: bytearray) -> list[str]:
    c, s = analysis.candidates.view, analysis.segments.view
    lines: list[dict[str, Any]] = [
        {
            "frame": c.frame[row],
            "time": iso(c.ts_ns[row]),
            "flow": c.flow[row],
            "end": c.end[row],
            "tag": TAGS[s.tag[row]].value,
            "rule": RULES[s.rule[row]].value,
            "of": c.frame[s.of[row]] if s.of[row] != ABSENT else None,
        }
        for row in range(analysis.candidates.rows)
        if TAGS[s.tag[row]] not in (Tag.DATA, Tag.ACK) and wanted[c.flow[row]]
    ]
    return [json.dumps(line) + "\n" for line in lines]


def written(analysis: Analysis, wanted: bytearray, engine: Engine, full: int) -> list[str]:
    out, reached, pieces = bytearray(full + tag_lines.LONGEST_LINE), array("q", [0]), []
    while reached[0] < analysis.candidates.rows:
        columns = (analysis.candidates.view, analysis.segments.view)
        buffer = tag_lines.string_pool().buffer(out)
        octets = engine.run(tag_lines.write_tags, *columns, reached, analysis.candidates.rows, wanted, buffer, full)
        pieces.append(out[:octets].decode("ascii"))
    return pieces


@pytest.mark.parametrize("engine", [Engine(), NATIVE], ids=["interpreted", "native"])
@each_sample
def test_lines_of_samples(sample: Path, engine: Engine) -> None:
    analysis = analyze(str(sample))
    for kept in (b"\1", b"\0"):
        wanted = bytearray(kept) + bytearray(b"\1") * (len(analysis.flows) - 1)
        lines = expected(analysis, wanted)
        assert "".join(written(analysis, wanted, engine, 1 << 20)) == "".join(lines)
        assert [line for piece in written(analysis, wanted, engine, 0) if (line := piece)] == lines


def test_a_line_of_the_largest_numbers_is_no_longer_than_said() -> None:
    longest = {
        "frame": 2**63 - 1,
        "time": iso(2**63 - 1),
        "flow": 2**31 - 1,
        "end": 1,
        "tag": max(Tag, key=len),
        "rule": max(Rule, key=len),
        "of": 2**63 - 1,
    }
    assert len(json.dumps(longest)) + 1 <= tag_lines.LONGEST_LINE
