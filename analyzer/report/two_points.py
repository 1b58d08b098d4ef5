"""The report on two capture points: where probes and answers were lost, in words, for the terminal and as JSON.

`ka-analyze-points-1.schema.json` describes the document; each point's own part is that of `report/json/document.py`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import End
from analyzer.many.two_points import Fate, Match
from analyzer.report.json.document import document
from analyzer.report.terminal import report
from analyzer.report.units import SECOND, short
from analyzer.report.words.one_line import who
from analyzer.version import __version__

SCHEMA = "ka-analyze-points/1"

WORDS = {
    Fate.ANSWERED: "passed both points and came back",
    Fate.PROBE_LOST_BETWEEN: "passed {near} and never {far}: lost on the way between the two",
    Fate.ANSWER_LOST_BETWEEN: "passed both points, their answers {far} only: lost on the way back between the two",
    Fate.LOST_BEYOND: "passed both points, and no answer passed either: lost beyond {far}, there or on the way back, "
    "or the peer did not answer",
    Fate.SEEN_AT_ONE: "passed one point only, or came back through one only; the captures do not tell which of the "
    "two is nearer to the prober",
    Fate.NOT_CAPTURED: "cannot be judged: one point was not capturing then, or missed what must have passed it",
}


def sentences(match: Match, names: Sequence[str], ends: Sequence[End]) -> list[str]:
    """Say for each end that probes what became of its probes, by count; `ends` are those of the first point."""
    lines = []
    for index, end in enumerate(ends):
        near = match.nearer[index]
        words = {"near": "one", "far": "the other"}
        if near is not None:
            words = {"near": names[near], "far": names[1 - near]}
        for fate, how in WORDS.items():
            count = sum(probe.fate is fate and probe.end == index for probe in match.probes)
            if count:
                lines.append(f"{count} {'probe' if count == 1 else 'probes'} of {end} {how.format(**words)}.")
    return lines


def side_by_side(points: Mapping[str, Analysis], matches: Sequence[Match], shown: int) -> Group:
    """Return the report of each point, and then what they say together."""
    return Group(*_side_by_side(points, matches, shown))


def _side_by_side(points: Mapping[str, Analysis], matches: Sequence[Match], shown: int) -> Iterator[RenderableType]:
    names = list(points)
    for name, analysis in points.items():
        yield Text(f"At {name}", style="bold underline")
        yield report(analysis, shown)
        yield Text("")
    yield Text(f"Between {names[0]} and {names[1]}", style="bold underline")
    first, second = points.values()
    yield Text(f"{len(matches)} of {len(first.flows)} and {len(second.flows)} connections were captured at both.")
    for match in [one for one in matches if one.probes][:shown]:
        a, b = first.flows[match.flows[0]], second.flows[match.flows[1]]
        yield Text("")
        yield Text(f"#{a.id} {who(a)} is #{b.id} {who(b)}" + (", translated on the way" if match.is_translated else ""))
        for line in sentences(match, names, a.ends):
            yield Padding(Text(line), (0, 0, 0, 4))
        ahead = "behind" if match.offset_ns < 0 else "ahead"
        clock = f"The clock of {names[1]} is {short(abs(match.offset_ns))} {ahead}, the way between them included."
        yield Padding(Text(clock, style="dim"), (0, 0, 0, 4))


def points_document(points: Mapping[str, Analysis], matches: Sequence[Match]) -> Iterator[str]:
    """Yield the JSON document in pieces."""
    names = list(points)
    yield f'{{"schema": {json.dumps(SCHEMA)}, "version": {json.dumps(__version__)}, "points": [\n'
    for index, (name, analysis) in enumerate(points.items()):
        yield f'{{"name": {json.dumps(name)}, "document":\n'
        yield from document(analysis)
        yield "}" + (",\n" if index < len(points) - 1 else "\n")
    yield '], "matches": [\n'
    first = points[names[0]]
    for index, match in enumerate(matches):
        lines = _match(match, names, first.flows[match.flows[0]].ends)
        yield json.dumps(lines, ensure_ascii=False) + (",\n" if index < len(matches) - 1 else "\n")
    yield "]}\n"


def _match(match: Match, names: Sequence[str], ends: Sequence[End]) -> dict[str, Any]:
    return {
        "flows": dict(zip(names, match.flows, strict=True)),
        "ends_turned": match.is_turned,
        "translated": match.is_translated,
        "shared_segments": match.shared,
        "clock_offset_s": match.offset_ns / SECOND,
        "nearer": [names[point] if point is not None else None for point in match.nearer],
        "probes": [
            {
                "end": probe.end,
                "fate": probe.fate.value,
                "frames": {name: frame or None for name, frame in zip(names, probe.frames, strict=True)},
                "answer_frames": {name: frame or None for name, frame in zip(names, probe.answer_frames, strict=True)},
            }
            for probe in match.probes
        ],
        "reasons": sentences(match, names, ends),
    }
