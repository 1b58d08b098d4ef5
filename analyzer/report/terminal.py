"""The terminal report: first what a person asks, then the table that backs it, then the rest in brief.

Connections that matter come first. Everything from a capture is shown as plain text: no
markup, no control characters. Width and colour are the console's; prose is kept to a width that reads well.
"""

from collections import defaultdict
from collections.abc import Iterator
from heapq import merge
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import End, Flow, Flows
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.summary.advice import Advice
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict.values import Outcome
from analyzer.report.ranking import SHOWN, URGENCY, to_describe
from analyzer.report.units import FROM_FIRST_FRAME, SECOND, Clock, count, exact, iso, rough, short
from analyzer.report.words import sentences, service_sentences, setting_sentences
from analyzer.report.words.one_line import course, who
from analyzer.schema import ABSENT
from analyzer.schema.export import SETTINGS

MOST_ROWS = 20
"""Most rows of the hosts' table."""
MOST_PATHS = 6
MOST_ALIKE = 3
"""Most pieces of advice of one kind."""
PROSE_WIDTH = 100

STYLES = {
    Outcome.TIMED_OUT: "bold red",
    Outcome.UNREACHABLE: "bold red",
    Outcome.RESET: "bold red",
    Outcome.UNDETECTED: "bold red",
    Outcome.PROBING: "bold yellow",
    Outcome.ALIVE: "green",
    Outcome.OPEN: "yellow",
    Outcome.CLOSED: "green",
    Outcome.UNKNOWN: "dim",
}
TAG_STYLES = {
    Tag.KEEPALIVE_PROBE: "cyan",
    Tag.KEEPALIVE_ANSWER: "green",
    Tag.RST: "bold red",
    Tag.GIVE_UP_RST: "bold red",
    Tag.ICMP_UNREACHABLE: "magenta",
    Tag.ARP_UNANSWERED: "magenta",
}
TRIPLE = SETTINGS[:3]
BLANK = Text("")


class _SideBySide:
    """Two texts on one line if that is wide enough, else below each other."""

    def __init__(self, left: Text, right: Text, between: str) -> None:
        self.left, self.right, self.between = left, right, between

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if len(self.left) + len(self.between) + len(self.right) <= options.max_width:
            yield Text.assemble(self.left, self.between, self.right)
        else:
            yield self.left
            yield _indented(self.right)


def report(analysis: Analysis, shown: int = SHOWN, only: frozenset[Outcome] | None = None) -> Group:
    """Return the whole report. The `shown` connections that matter most, `only` of these outcomes, are described in
    full."""
    return Group(*_report(analysis, shown, only))


def connection(flow: Flow) -> Group:
    """Return the description of one connection without its timeline."""
    return Group(*_described(flow))


def timeline(analysis: Analysis, flow: Flow, clock: Clock = FROM_FIRST_FRAME) -> Group:
    """Return one connection with its timeline: every segment that is not plain data or a plain ACK."""
    return Group(*_timeline(analysis, flow, clock))


def _report(analysis: Analysis, shown: int, only: frozenset[Outcome] | None) -> Iterator[RenderableType]:
    in_full, rest = to_describe(analysis.flows, shown, only)
    yield _title(analysis)
    for flow in in_full:
        yield BLANK
        yield from _described(flow)
    if only and not in_full and not rest:
        yield BLANK
        yield Text(
            "No connection has this outcome: "
            + ", ".join(sentences.OUTCOMES[one] for one in URGENCY if one in only)
            + "."
        )
    yield from _rest(rest, shown, "More connections" if only else "More connections with keepalive or trouble")
    yield from _counts(analysis, len(in_full))
    yield from _hosts(analysis)
    yield from _services(analysis)
    yield from _paths(analysis)
    yield from _advice(analysis)


def _timeline(analysis: Analysis, flow: Flow, clock: Clock) -> Iterator[RenderableType]:
    yield _title(analysis)
    yield BLANK
    yield from _described(flow)
    table = _table(clock.heading, "frame", "", "silence", "what", "rule")
    for column in (table.columns[0], table.columns[3]):
        column.justify, column.no_wrap = "right", True
    rules: dict[Rule, int] = {}
    above_ns = ABSENT
    for event in merge(_segments(analysis, flow), _solicitations(analysis, flow)):
        silence = exact(event.idle_ns) if event.idle_ns >= SECOND else ""
        number = rules.setdefault(event.rule, len(rules) + 1)
        time = clock.tell(event.ts_ns, analysis.capture.first_ns, above_ns if above_ns != ABSENT else event.ts_ns)
        above_ns = event.ts_ns
        what = Text(event.what, TAG_STYLES.get(event.tag, ""))
        comes_from = 1 - event.end if event.tag is Tag.ICMP_UNREACHABLE else event.end  # a router sent it to this end
        table.add_row(time, str(event.frame), "→←"[comes_from], silence, what, str(number))
    yield _indented(table, above=1)
    yield BLANK
    for rule, number in rules.items():
        yield _prose(f"rule {number}: {sentences.rule(rule)}")
    yield BLANK
    for sentence in (
        *(sentences.probe_ledger(flow, index) for index in flow.probers),
        *sentences.reasons(flow.verdict),
    ):
        yield _prose(sentence)


class _Event(NamedTuple):
    """A line of the timeline, in order of frames. For an ICMP error `end` is its receiver."""

    frame: int
    ts_ns: int
    end: int
    idle_ns: int
    tag: Tag
    what: str
    rule: Rule


def _segments(analysis: Analysis, flow: Flow) -> Iterator[_Event]:
    """Yield the segments that are worth a line; an answer has the probe's frame and the delay."""
    c, s = analysis.candidates.view, analysis.segments.view
    for row in analysis.rows(flow.id):
        tag, of = Tag(s.tag[row]), s.of[row]
        if tag in (Tag.DATA, Tag.ACK) and c.idle_ns[row] < SECOND:
            continue
        answers = f" → {c.frame[of]} after {exact(c.ts_ns[row] - c.ts_ns[of])} s" if of != ABSENT else ""
        what = f"{tag.label}{answers}"
        yield _Event(c.frame[row], c.ts_ns[row], c.end[row], c.idle_ns[row], tag, what, Rule(s.rule[row]))


def _solicitations(analysis: Analysis, flow: Flow) -> Iterator[_Event]:
    """Yield the flow's solicitations that nobody on the link answered, in the same form."""
    for number, one in analysis.solicitations:
        if number == flow.id:
            tag, of = Tag.ARP_UNANSWERED, f" → {one.of_frame}" if one.of_frame else ""
            yield _Event(one.frame, one.ts_ns, one.end, ABSENT, tag, tag.label + of, Rule.NOBODY_ANSWERS)


def title(analysis: Analysis) -> tuple[str, str]:
    """Return the names of the files, and a line about their content."""
    capture = analysis.capture
    names = ", ".join(_printable(name) for name in capture.files[:3])
    more = f" and {len(capture.files) - 3} more" if len(capture.files) > 3 else ""
    flows = len(analysis.flows)
    parts = [
        ", ".join((*capture.formats, *capture.link_types)),
        count(capture.packets, "frame"),
        count(flows, "TCP connection"),
    ]
    if capture.packets:
        begin = (iso(capture.first_ns) or "")[:19].replace("T", " ")
        silence = capture.until_ns - capture.last_ns
        parts.append(f"{rough(capture.last_ns - capture.first_ns)} from {begin} UTC")
        parts += [f"then {rough(silence)} without a frame"] if silence >= LONG_NS else []
    return names + more, " · ".join(parts)


def _title(analysis: Analysis) -> _SideBySide:
    names, what = title(analysis)
    return _SideBySide(Text(names, "bold"), Text(what), "   ")


def _described(flow: Flow) -> Iterator[RenderableType]:
    """Yield headline, two sentences, the settings of each probing end, and the course of events."""
    ends = Text.assemble((f"#{flow.id}  ", "bold"), who(flow))
    yield _SideBySide(ends, Text(sentences.headline(flow), STYLES[flow.verdict.outcome]), "      ")
    for sentence in sentences.sentences(flow):
        yield _prose(sentence)
    for index in flow.probers:
        end = flow.ends[index]
        whose = sentences.prober(flow, index) if len(flow.probers) > 1 or end.is_probed_for else ""
        yield _indented(_settings(end, whose), above=1)
        if end.settings.models:
            yield _prose(_sentence(setting_sentences.clock(end.settings)))
        if end.matches:
            yield _prose(sentences.matches(flow, index))
    if flow.probers:
        yield BLANK
        yield _prose(course(flow))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _prose(sentence: str) -> Padding:
    return _indented(Text(sentence))


def _indented(content: Text | Table, above: int = 0) -> Padding:
    narrow = Constrain(content, PROSE_WIDTH - 4) if isinstance(content, Text) else content
    return Padding(narrow, (above, 0, 0, 4), expand=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _settings(end: End, whose: str) -> Table:
    table = _table(f"setting of {whose}" if whose else "setting", "value", "bounds", "seen")
    for name in TRIPLE:
        setting: Setting | None = getattr(end.settings, name)
        value, bounds, seen = _cells(setting, end.settings)
        table.add_row(name, Text(value, "dim" if value == "?" else "bold"), bounds, seen)
    return table


def _cells(setting: Setting | None, settings: Settings) -> tuple[str, str, str]:
    if setting is None:
        return "?", "", "the capture does not show it"
    value = str(setting.value) if setting.value is not None else "?"
    return value, setting_sentences.bounds(setting), setting_sentences.observed(setting, settings)


def _rest(flows: Flows, shown: int, heading: str) -> Iterator[RenderableType]:
    if not flows or not shown:
        return
    table = _table("#", "connection", "what happened", "longest silence")
    for flow in flows[: 3 * shown]:
        table.add_row(str(flow.id), who(flow), sentences.headline(flow), short(flow.max_idle_ns))
    yield from _headed(heading, table)
    if len(flows) > 3 * shown:
        yield Text(f"and {len(flows) - 3 * shown} more; --html and --json have all of them")


def _headed(heading: str, table: Table) -> tuple[RenderableType, ...]:
    return BLANK, Text(heading, "bold"), table


def _counts(analysis: Analysis, in_full: int) -> Iterator[RenderableType]:
    """Yield the number of connections by outcome, where not all of them have been described."""
    if len(analysis.flows) <= in_full:
        return
    counts, attempts, resets = analysis.flows.outcomes(), analysis.flows.attempts(), analysis.flows.resets()
    counts[Outcome.UNKNOWN] -= attempts
    counts[Outcome.CLOSED] -= resets
    words = [f"{counts[outcome]} {sentences.OUTCOMES[outcome]}" for outcome in URGENCY if counts[outcome]]
    words += [f"{resets} closed by RST"] if resets else []
    words += [f"{attempts} never opened"] if attempts else []
    what = f"All {len(analysis.flows)} connections" if len(analysis.flows) > 1 else "One connection"
    yield BLANK
    yield Text(f"{what}: " + ", ".join(words) + ".")


def _hosts(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield what several probing connections of one host have in common, and the ports that differ."""
    rows = []
    for host in analysis.hosts:
        if host.probing < 2:
            continue
        timer = f"{host.stack}, {host.hz} Hz" if host.hz else host.stack
        if host.sysctl is not None:
            rows.append((sentences.host_name(host), *_triple(host.sysctl), str(host.probing), timer))
        rows += [
            (f"{sentences.host_name(host)}, port {one.port}", *_triple(one.settings), str(one.flows), "")
            for one in host.overrides
        ]
    if not rows:
        return
    table = _table("host", "time", "intvl", "probes", "connections", "timer")
    for row in rows[:MOST_ROWS]:
        table.add_row(*row)
    yield from _headed("Hosts whose connections probe", table)
    if len(rows) > MOST_ROWS:
        yield Text(f"and {len(rows) - MOST_ROWS} more ports; --html and --json have all of them")
    for sentence in [words for host in analysis.hosts for words in sentences.host_clocks(host)][:MOST_ROWS]:
        yield _prose(sentence)


def _triple(settings: Settings) -> list[str]:
    """Return each setting's value, or its bounds where it has none."""
    cells = []
    for name in TRIPLE:
        value, bounds, _ = _cells(getattr(settings, name), settings)
        cells.append(value if value != "?" else bounds or "?")
    return cells


def _services(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the services of which an application ends idle connections; those of a path have a table of their own."""
    heading = [BLANK, Text("Who closes idle connections", "bold")]
    for one in analysis.services:
        limits = [limit for limit in one.idle_limits if limit.by in ("responder", "originator")]
        if limits:
            yield from heading
            heading = []
            yield Text(service_sentences.service(one))
            for limit in limits:
                yield _prose(service_sentences.idle_limit(limit))


def _paths(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield the paths that forgot a connection: the longest silence that they survived, the shortest that they did
    not."""
    broken = [limit for limit in analysis.path_limits if limit.failed_ns is not None]
    table = _table("path to", "survived", "failed", "like")
    for limit in broken[:MOST_PATHS]:
        assert limit.failed_ns is not None
        survived = f"{short(limit.survived_ns)} ({limit.survived}×)" if limit.survived_ns is not None else "none seen"
        like = ", ".join(box.name for box in limit.matches)
        table.add_row(sentences.path_name(limit), survived, f"{short(limit.failed_ns)} ({limit.failed}×)", like)
    if table.row_count:
        yield from _headed("Paths that forgot a connection when it was silent", table)
    if len(broken) > MOST_PATHS:
        yield Text(f"and {len(broken) - MOST_PATHS} more; --html and --json have all of them")
    for limit in broken[:MOST_PATHS]:
        for sentence in sentences.path(limit):
            yield _prose(sentence)


def _advice(analysis: Analysis) -> Iterator[RenderableType]:
    """Yield some advice of each kind: what differs only in its numbers is read once."""
    if not analysis.advice:
        return
    kinds: dict[str, list[Advice]] = defaultdict(list)
    for one in analysis.advice:
        kinds[one.code.value].append(one)
    items = Table.grid(padding=(0, 1, 0, 0))
    for alike in kinds.values():
        for one in alike[:MOST_ALIKE]:
            flows = ", ".join(f"#{flow}" for flow in one.flows[:5]) + (" …" if len(one.flows) > 5 else "")
            items.add_row("•", f"{sentences.advice(one)} ({flows})")
        if len(alike) > MOST_ALIKE:
            items.add_row("", f"and {len(alike) - MOST_ALIKE} more of this kind; --html and --json have all of them")
    yield BLANK
    yield Text("Advice", "bold")
    yield Constrain(items, PROSE_WIDTH)
    if any("set_time" in dict(one.numbers) for one in analysis.advice):
        yield Text("How to set it: --advice linux, setsockopt, windows, go, postgresql, nginx, … or all.")


def _printable(words: str) -> str:
    """Replace what a terminal would obey: file names come from outsiders."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
