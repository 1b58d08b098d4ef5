"""The terminal report: first what a person asks, then the table that backs it, then the rest in brief.

Connections that matter come first. Everything from a capture is shown as plain text: no
markup, no control characters. Width and colour are the console's; prose is kept to a width that reads well.
"""

from collections import defaultdict
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import End, Flow, Flows
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.summary import hosts
from analyzer.keepalive.summary.advice import Advice, AdviceCode
from analyzer.keepalive.summary.conclusions import MOST_SHOWN, ConclusionCode, named, unsaid
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report import at_a_glance
from analyzer.report.at_a_glance import STYLES
from analyzer.report.layout import BLANK, Prose, SideBySide, headed, indented, marked, prose, table
from analyzer.report.ranking import SHOWN, URGENCY, to_describe
from analyzer.report.units import FROM_FIRST_FRAME, SECOND, Clock, count, exact, iso, printable, rough, short
from analyzer.report.words import group_sentences, sentences, service_sentences, setting_sentences
from analyzer.report.words.one_line import course, who
from analyzer.schema import ABSENT
from analyzer.schema.export import SETTINGS

MOST_ROWS = 20
"""Most rows of the hosts' table."""
MOST_PATHS = 6
MOST_NAMED = 10
"""Most connections that are only named after those at a place."""

TAG_STYLES = {
    Tag.KEEPALIVE_PROBE: "cyan",
    Tag.KEEPALIVE_ANSWER: "green",
    Tag.RST: "bold red",
    Tag.GIVE_UP_RST: "bold red",
    Tag.ICMP_UNREACHABLE: "magenta",
    Tag.ARP_UNANSWERED: "magenta",
}
TRIPLE = SETTINGS[:3]


def report(analysis: Analysis, shown: int = SHOWN, only: frozenset[Outcome] | None = None) -> Group:
    """Return the whole report. The `shown` connections that matter most, `only` of these outcomes, are described in
    full."""
    return Group(*_report(analysis, shown, only))


def connection(flow: Flow) -> Group:
    """Return the description of one connection without its timeline."""
    return Group(*_described(flow))


def timelines(analysis: Analysis, flows: Flows, shown: int, clock: Clock = FROM_FIRST_FRAME) -> Group:
    """Return the first `shown` connections, each with its timeline (`timeline.py`). The others are named."""
    return Group(*_timelines(analysis, flows, shown, clock))


def _report(analysis: Analysis, shown: int, only: frozenset[Outcome] | None) -> Iterator[RenderableType]:
    concluded = analysis.conclusions[:MOST_SHOWN]
    in_full, rest = to_describe(analysis.flows, shown, only, named(concluded))
    is_alone = len(analysis.flows) == 1
    yield _title(analysis)
    if not is_alone:
        yield from at_a_glance.conclusions(analysis)
    unmet = [one for one in concluded if one.code is ConclusionCode.SETTINGS_NOT_IN_FORCE]
    for one in unmet if is_alone else ():  # which no description of a connection says
        yield from at_a_glance.conclusion(one)
    if len(in_full) < len(analysis.flows):
        yield from at_a_glance.groups(analysis, only)
        yield from at_a_glance.names(analysis)
    for flow in in_full:
        yield BLANK
        yield from _described(flow)
    for one in concluded[len(unmet) :] if is_alone else ():
        if remedy := list(at_a_glance.fix(one)):
            yield from (BLANK, *remedy)
    if only and not in_full and not rest:
        yield BLANK
        yield Text(
            "No connection has this outcome: "
            + ", ".join(sentences.OUTCOMES[one] for one in URGENCY if one in only)
            + "."
        )
    yield from _rest(rest, shown, "More connections" if only else "More connections with keepalive or trouble")
    yield from _hosts(analysis)
    yield from _services(analysis)
    yield from _paths(analysis)
    yield from _advice(analysis)


def _timelines(analysis: Analysis, flows: Flows, shown: int, clock: Clock) -> Iterator[RenderableType]:
    yield _title(analysis)
    for flow in flows[:shown]:
        yield from _timeline(analysis, flow, clock)
    if rest := flows[shown:]:
        yield BLANK
        some = ", ".join(f"#{number}" for number in rest.numbers[:MOST_NAMED])
        more = " …" if len(rest) > MOST_NAMED else ""
        yield Text(f"and {count(len(rest), 'more connection')} there: {some}{more}; --top N shows N of them")


def _timeline(analysis: Analysis, flow: Flow, clock: Clock) -> Iterator[RenderableType]:
    from analyzer.report.timeline import Alike, timeline  # most reports show none
    from analyzer.report.wireshark.filters import display_filter

    yield BLANK
    yield from _described(flow)
    lines = table(clock.heading, "frame", "", "silence", "what", "rule")
    for column in (lines.columns[0], lines.columns[3]):
        column.justify, column.no_wrap = "right", True
    rules: dict[Rule, int] = {}
    above_ns = ABSENT
    for event in timeline(analysis, flow):
        if isinstance(event, Alike):
            lines.add_row("", "…", "", "", Prose(event.what, "dim"), "")
            above_ns = event.last_ns
            continue
        silence = exact(event.idle_ns) if event.idle_ns >= SECOND else ""
        number = rules.setdefault(event.rule, len(rules) + 1)
        time = clock.tell(event.ts_ns, analysis.capture.first_ns, above_ns if above_ns != ABSENT else event.ts_ns)
        above_ns = event.ts_ns
        what = Text(event.what, TAG_STYLES.get(event.tag, ""))
        comes_from = 1 - event.end if event.tag is Tag.ICMP_UNREACHABLE else event.end  # a router sent it to this end
        lines.add_row(time, str(event.frame), "→←"[comes_from], silence, what, str(number))
    yield indented(lines, above=1)
    yield BLANK
    for rule, number in rules.items():
        yield prose(f"rule {number}: {sentences.rule(rule)}")
    yield BLANK
    for sentence in (
        *(sentences.probe_ledger(flow, index) for index in flow.probers),
        *sentences.reasons(flow.verdict),
    ):
        yield prose(sentence)
    yield prose(f"In Wireshark: {display_filter(flow)}")


def title(analysis: Analysis) -> tuple[str, str]:
    """Return the names of the files, and a line about their content."""
    capture = analysis.capture
    names = ", ".join(printable(name) for name in capture.files[:3])
    more = f" and {len(capture.files) - 3:,} more" if len(capture.files) > 3 else ""
    flows = len(analysis.flows)
    parts = [
        ", ".join((*capture.formats, *capture.link_types)),
        count(capture.packets, "frame"),
        *([f"only {printable(capture.packet_filter)}"] if capture.packet_filter else []),
        count(flows, "TCP connection"),
    ]
    if capture.packets:
        begin = (iso(capture.first_ns) or "")[:19].replace("T", " ")
        silence = capture.until_ns - capture.last_ns
        parts.append(f"{rough(capture.last_ns - capture.first_ns)} from {begin} UTC")
        parts += [f"then {rough(silence)} without a frame"] if silence >= LONG_NS else []
    return names + more, " · ".join(parts)


def _title(analysis: Analysis) -> SideBySide:
    names, what = title(analysis)
    return SideBySide(Text(names, "bold"), Text(what), "   ")


def _described(flow: Flow) -> Iterator[RenderableType]:
    """Yield headline, two sentences, the settings of each probing end, and the course of events."""
    ends = Text.assemble((f"#{flow.id}  ", "bold"), who(flow))
    yield SideBySide(ends, Text(sentences.headline(flow), STYLES[flow.verdict.outcome]), "      ")
    for sentence in sentences.sentences(flow):
        yield prose(sentence)
    for index in flow.probers:
        end = flow.ends[index]
        whose = sentences.prober(flow, index) if len(flow.probers) > 1 or end.is_probed_for else ""
        yield indented(_settings(end, whose), above=1)
        if end.settings.models:
            yield prose(_sentence(setting_sentences.clock(end.settings)))
        if end.matches:
            yield prose(sentences.matches(flow, index))
    if flow.probers:
        yield BLANK
        yield prose(course(flow))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _settings(end: End, whose: str) -> Table:
    lines = table(f"setting of {whose}" if whose else "setting", "value", "bounds", "seen")
    for name in TRIPLE:
        setting: Setting | None = getattr(end.settings, name)
        value, bounds, seen = _cells(setting, end.settings)
        lines.add_row(name, Text(value, "dim" if value == "?" else "bold"), bounds, Prose(seen))
    return lines


def _cells(setting: Setting | None, settings: Settings) -> tuple[str, str, str]:
    if setting is None:
        return "?", "", "the capture does not show it"
    value = str(setting.value) if setting.value is not None else "?"
    return value, setting_sentences.bounds(setting), setting_sentences.observed(setting, settings)


def _rest(flows: Flows, shown: int, heading: str) -> Iterator[RenderableType]:
    if not flows or not shown:
        return
    lines = table("#", "connection", "what happened", "longest silence")
    for flow in flows[: 3 * shown]:
        lines.add_row(str(flow.id), who(flow), sentences.headline(flow), short(sentences.longest_idle_ns(flow)))
    yield from headed(heading, lines)
    if len(flows) > 3 * shown:
        yield Text(f"and {len(flows) - 3 * shown:,} more; --html and --json have all of them")


def _hosts(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield what several probing connections of one host have in common, and the ports that differ."""
    rows = [row for row in hosts.rows(analysis.hosts_of_several) if row.host.probing > 1]
    if not rows:
        return
    lines = table("host", "time", "intvl", "probes", "connections", "timer")
    above = None
    for host, port, settings, flows in rows[:MOST_ROWS]:
        timer = "" if host is above else f"{host.stack}, {host.hz} Hz" if host.hz else host.stack
        above = host
        name = sentences.host_name(host) + (f", port {port}" if port is not None else "")
        cells = group_sentences.triple(settings)
        lines.add_row(name, *cells, f"{flows:,}", timer)
    yield from headed("Hosts whose connections probe", lines)
    if len(rows) > MOST_ROWS:
        yield Text(f"and {len(rows) - MOST_ROWS:,} more ports; --html and --json have all of them")
    for sentence in [words for host in analysis.hosts_of_several for words in sentences.host_clocks(host)][:MOST_ROWS]:
        yield prose(sentence)


def _services(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the services of which an application ends idle connections; those of a path have a table of their own."""
    heading = [BLANK, Text("Who closes idle connections", "bold")]
    words = service_sentences.idle_limit
    for one in analysis.services:
        limits = [limit for limit in one.idle_limits if limit.by in ("responder", "originator")]
        if limits:
            yield from heading
            heading = []
            yield Text(service_sentences.service(one))
            for limit in limits:
                yield prose(words(limit))
                words = service_sentences.in_brief


def _paths(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the paths that forgot a connection: the longest silence that they survived, the shortest that they did
    not."""
    broken = [limit for limit in analysis.path_limits if limit.failed_ns is not None]
    lines = table("path to", "survived", "failed", "like")
    for limit in broken[:MOST_PATHS]:
        assert limit.failed_ns is not None
        survived = short(limit.survived_ns) if limit.survived_ns is not None else "none seen"
        survived += f" ({limit.survived:,}×)" if limit.survived else ""
        like = ", ".join(box.name for box in limit.matches)
        lines.add_row(sentences.path_name(limit), survived, f"{short(limit.failed_ns)} ({limit.failed:,}×)", like)
    if lines.row_count:
        yield from headed("Paths that forgot a connection when it was silent", lines)
    if len(broken) > MOST_PATHS:
        yield Text(f"and {len(broken) - MOST_PATHS:,} more; --html and --json have all of them")
    for limit in broken[:MOST_PATHS]:
        for sentence in sentences.path(limit):
            yield prose(sentence)


def _advice(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the advice that no conclusion has given, a paragraph of each kind: what differs only in its numbers is read
    once."""
    kinds: dict[AdviceCode, list[Advice]] = defaultdict(list)
    for one in unsaid(analysis.advice, analysis.conclusions[:MOST_SHOWN]):
        kinds[one.code].append(one)
    if not kinds:
        return
    yield BLANK
    yield Text("Further advice" if analysis.conclusions and len(analysis.flows) > 1 else "Advice", "bold")
    yield marked([("•", f"{sentences.advice(alike[0])} ({_concerned(alike)})") for alike in kinds.values()])
    if any("set_time" in dict(alike[0].numbers) for alike in kinds.values()):
        yield Text("How to set it: --advice linux, setsockopt, windows, go, postgresql, nginx, … or all.")


def _concerned(alike: list[Advice]) -> str:
    """Name the first connections of the first piece of advice, and count those with other numbers."""
    flows, others = alike[0].flows, sum(len(one.flows) for one in alike[1:])
    words = ", ".join(f"#{flow}" for flow in flows[:5]) + (" …" if len(flows) > 5 else "")
    return f"{words}; {others:,} more with other numbers" if others else words
