"""The report on two capture points: where probes and answers were lost, for the terminal and as JSON.

`ka-analyze-points-2.schema.json` describes the document; each point's own part is that of `report/json/document.py`.
"""

import json
from collections import Counter
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
from analyzer.report.words import two_point_sentences
from analyzer.report.words.one_line import who
from analyzer.version import __version__

SCHEMA = "ka-analyze-points/2"


def reasons(match: Match, names: Sequence[str], ends: Sequence[End]) -> list[dict[str, Any]]:
    """Tell for each end that probes what became of its probes, by count; `ends` are those of the first point."""
    counts = Counter((probe.end, probe.fate) for probe in match.probes)
    return [
        {
            "code": fate.value,
            "text": two_point_sentences.fate(fate, count, end, match.nearer[index], names),
            "end": index,
            "probes": count,
        }
        for index, end in enumerate(ends)
        for fate in Fate
        if (count := counts[index, fate])
    ]


def side_by_side(points: Mapping[str, Analysis], matches: Sequence[Match], shown: int) -> Group:
    """The report of each point, and then what they say together."""
    return Group(*_side_by_side(points, matches, shown))


def _side_by_side(points: Mapping[str, Analysis], matches: Sequence[Match], shown: int) -> Iterator[RenderableType]:
    names = list(points)
    for name, analysis in points.items():
        yield Text(f"At {name}", style="bold underline")
        yield report(analysis, shown)
        yield Text("")
    yield Text(f"Between {names[0]} and {names[1]}", style="bold underline")
    first, second = points.values()
    yield Text(f"{len(matches):,} of {len(first.flows):,} and {len(second.flows):,} connections were captured at both.")
    for match in [one for one in matches if one.probes][:shown]:
        a, b = first.flows[match.flows[0]], second.flows[match.flows[1]]
        yield Text("")
        yield Text(f"#{a.id} {who(a)} is #{b.id} {who(b)}" + (", translated on the way" if match.is_translated else ""))
        for one in reasons(match, names, a.ends):
            yield Padding(Text(one["text"]), (0, 0, 0, 4))
        ahead = "behind" if match.offset_ns < 0 else "ahead"
        clock = f"The clock of {names[1]} is {short(abs(match.offset_ns))} {ahead}, the way between them included."
        yield Padding(Text(clock, style="dim"), (0, 0, 0, 4))


def points_document(points: Mapping[str, Analysis], matches: Sequence[Match]) -> Iterator[str]:
    """The JSON document in pieces."""
    names = list(points)
    yield f'{{"schema": {json.dumps(SCHEMA)}, "version": {json.dumps(__version__)}, "points": [\n'
    for index, (name, analysis) in enumerate(points.items()):
        yield f'{{"name": {json.dumps(name)}, "document":\n'
        yield from document(analysis)
        yield "}" + (",\n" if index < len(points) - 1 else "\n")
    yield '], "matches": [\n'
    first = points[names[0]]
    for index, match in enumerate(matches):
        entry = _match(match, names, first.flows[match.flows[0]].ends)
        yield json.dumps(entry, ensure_ascii=False) + (",\n" if index < len(matches) - 1 else "\n")
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
        "reasons": reasons(match, names, ends),
    }
