"""Many captures that are not one timeline: a line about each, for people and as JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.summary.conclusions import MOST_SHOWN
from analyzer.keepalive.summary.groups import ranges
from analyzer.report.at_a_glance import STYLES
from analyzer.report.layout import table
from analyzer.report.ranking import by_urgency
from analyzer.report.units import iso, printable
from analyzer.report.words import conclusion_sentences, group_sentences

MOST_EXAMINED = 512
"""Connections of a capture whose settings are given as a range; of more, the most urgent."""
MOST_OUTCOMES = 2
"""Outcomes that a line has room for, the most urgent first."""


class Line(NamedTuple):
    """What one capture says; it travels from the process that has read it."""

    file: str
    first: str | None
    """Time of the first frame, ISO 8601."""
    connections: int
    outcomes: tuple[tuple[str, str, int], ...]
    """Name, words and count of each, the most urgent first."""
    probing: int
    """Connections of which an end probes, or is probed for."""
    settings: tuple[str, str, str]
    """Time, interval and count of the ends that probe, each a number, a range, or "?"."""
    conclusions: tuple[tuple[str, str], ...]
    """Code and text of each, the most important first."""
    diagnostics: tuple[tuple[str, int], ...]
    is_damaged: bool


def line_of(analysis: Analysis, file: str) -> Line:
    """Return the line about a capture."""
    probing = [flow for flow in by_urgency(analysis.notable)[:MOST_EXAMINED] if flow.probers]
    settings = ranges([flow.ends[end].settings for flow in probing for end in flow.probers])
    time, intvl, probes = map(group_sentences.number, settings)
    return Line(
        file=file,
        first=iso(analysis.capture.first_ns),
        connections=len(analysis.flows),
        outcomes=tuple((one.value, words, number) for one, words, number in group_sentences.counted(analysis.flows)),
        probing=len(probing),
        settings=(time, intvl, probes),
        conclusions=tuple((one.code.value, conclusion_sentences.text(one)) for one in analysis.conclusions),
        diagnostics=tuple((one.code.name, one.count) for one in analysis.diagnostics),
        is_damaged=analysis.is_damaged,
    )


def rows(lines: Sequence[Line]) -> RenderableType:
    """Lay out a line for each capture. Where it does not fit, names and conclusions are cut off, never numbers."""
    folder = _folder([one.file for one in lines])
    found: Table = table("capture", "connections", "time/intvl/probes", "what it says")
    for column in found.columns[1:3]:
        column.no_wrap = True
    for one in lines:
        fate = Text(_fate(one), STYLES_BY_NAME[one.outcomes[0][0]] if one.outcomes else "dim")
        said = ", ".join(code for code, _ in one.conclusions[:MOST_SHOWN])
        settings = "/".join(one.settings) if one.probing else ""
        found.add_row(_cut(printable(one.file[len(folder) :])), fate, settings, _cut(said))
    return Group(Text(f"captures in {printable(folder)}", "dim"), found) if folder else found


def _folder(names: Sequence[str]) -> str:
    """Return the folder that all names begin with, with its slash; empty without one, and for a single name."""
    folders = zip(*(name.split("/")[:-1] for name in names), strict=False) if len(names) > 1 else ()
    return "".join(f"{parts[0]}/" for parts in takewhile(lambda parts: len(set(parts)) == 1, folders))


def _cut(words: str) -> Text:
    return Text(words, no_wrap=True, overflow="ellipsis")


STYLES_BY_NAME = {outcome.value: style for outcome, style in STYLES.items()}


def _fate(line: Line) -> str:
    shown = ", ".join(f"{number:,} {words}" for _, words, number in line.outcomes[:MOST_OUTCOMES])
    return (shown or "none") + (" …" if len(line.outcomes) > MOST_OUTCOMES else "")


def ndjson(lines: Iterable[Line]) -> Iterator[str]:
    """Yield a JSON object for each capture, each on a line."""
    for one in lines:
        outcomes: dict[str, int] = {}
        for name, _, number in one.outcomes:
            outcomes[name] = outcomes.get(name, 0) + number
        value = {
            "file": one.file.encode(errors="replace").decode(),
            "first": one.first,
            "connections": one.connections,
            "outcomes": outcomes,
            "probing": one.probing,
            "settings": dict(zip(("time", "intvl", "probes"), one.settings, strict=True)) if one.probing else None,
            "conclusions": [{"code": code, "text": text} for code, text in one.conclusions],
            "diagnostics": [{"code": code, "count": count} for code, count in one.diagnostics],
        }
        yield json.dumps(value, ensure_ascii=False) + "\n"
