"""What changed from one capture to a later one: settings, outcomes, limits, conclusions."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.summary.changes import changes
from analyzer.keepalive.summary.conclusions import Conclusion
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.at_a_glance import STYLES
from analyzer.report.layout import BLANK, headed, marked, prose, table
from analyzer.report.ranking import MOST_GROUPS
from analyzer.report.terminal import title
from analyzer.report.words import change_sentences, conclusion_sentences, group_sentences, sentences


def diff(before: Analysis, after: Analysis) -> Group:
    """Return what is different in the later capture, the settings first."""
    return Group(*_diff(before, after))


def _diff(before: Analysis, after: Analysis) -> Iterator[RenderableType]:
    for name, analysis in (("before", before), ("after", after)):
        names, what = title(analysis)
        yield Text.assemble((f"{name}  ", "dim"), (names, "bold"))
        yield prose(what)
    yield from _settings(before, after)
    yield from _outcomes(before, after)
    yield from _limits(before, after)
    yield from _conclusions(before.conclusions, after.conclusions)


def _settings(before: Analysis, after: Analysis) -> Iterator[RenderableType]:
    found = changes(before.notable, after.notable)
    if not found:
        yield from (BLANK, Text("No end probes in either capture.", "bold"))
        return
    lines = table("time/intvl/probes of", "before", "after", "connections")
    for one in found[:MOST_GROUPS]:
        old, new = (change_sentences.settings(one, index) for index in (0, 1))
        style = "bold" if one.is_change else "dim" if old == new else ""
        probing = " → ".join(f"{number:,}" for number in one.connections)
        lines.add_row(change_sentences.place(one.place), old, Text(new, style), probing)
    yield from headed("Settings in force", lines)
    if len(found) > MOST_GROUPS:
        yield Text(f"and {len(found) - MOST_GROUPS:,} more places")
    changed = [one for one in found[:MOST_GROUPS] if one.standings]
    for one in changed:
        whose = f"{change_sentences.place(one.place)}: " if len(found) > 1 else ""
        yield prose(whose + " ".join(change_sentences.in_force(one)))


def _outcomes(before: Analysis, after: Analysis) -> Iterator[RenderableType]:
    old, new = ({words: (outcome, n) for outcome, words, n in _counted(one)} for one in (before, after))
    lines = table("what happened", "before", "after")
    for column in lines.columns[1:]:
        column.justify = "right"
    for words in dict.fromkeys((*old, *new)):
        outcome, was = old.get(words, (None, 0))
        of, now = new.get(words, (outcome, 0))
        style = STYLES[of] if of is not None and was != now else ""
        lines.add_row(Text(words, style), f"{was:,}", f"{now:,}")
    lines.add_row("connections", f"{len(before.flows):,}", f"{len(after.flows):,}", style="dim")
    yield from headed("Outcomes", lines)


def _counted(analysis: Analysis) -> list[tuple[Outcome, str, int]]:
    return group_sentences.counted(analysis.flows)


def _limits(before: Analysis, after: Analysis) -> Iterator[RenderableType]:
    """Yield the limits that either capture shows, of paths and of applications."""
    lines = table("limit", "before", "after")
    old, new = ({sentences.path_name(one): one for one in analysis.path_limits} for analysis in (before, after))
    for name in dict.fromkeys((*old, *new)):
        limits = old.get(name), new.get(name)
        if any(one is not None and one.failed_ns is not None for one in limits):
            lines.add_row(f"path to {name}", *map(change_sentences.path_limit, limits))
    was, now = (
        {(one.service, limit.by, limit.clock): limit for one in analysis.services for limit in one.idle_limits}
        for analysis in (before, after)
    )
    for key in dict.fromkeys((*was, *now)):
        service, by, _ = key
        if by in ("responder", "originator"):
            whose = service if by == "responder" else f"clients of {service}"
            lines.add_row(whose, *map(change_sentences.idle_limit, (was.get(key), now.get(key))))
    if lines.row_count:
        yield from headed("Limits", lines)


def _conclusions(before: tuple[Conclusion, ...], after: tuple[Conclusion, ...]) -> Iterator[RenderableType]:
    """Yield what only one of the captures says; what both say is in the report of each."""
    old, new = ({(one.code, one.service): one for one in found} for found in (before, after))
    for heading, mark, found, others in (("New", "+", new, old), ("No longer", "-", old, new)):
        items = [(mark, conclusion_sentences.text(one)) for key, one in found.items() if key not in others]
        if items:
            yield from (BLANK, Text(heading, "bold"), marked(items))
