"""The terminal report: first what a person asks, then the table that backs it, then the rest in brief.

Connections that matter come first. Everything from a capture is shown as plain text: no
markup, no control characters. Width and colour are the console's.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import merge

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from analyzer.analysis import Analysis
from analyzer.keepalive.findings import End, Flow, Role
from analyzer.keepalive.settings import Setting, Settings
from analyzer.keepalive.tags import PURE_ACK, Rule, Tag
from analyzer.keepalive.timeline import Answer, GapKind, Probe
from analyzer.keepalive.verdict import Outcome
from analyzer.report import explain
from analyzer.report.units import SECOND, iso, short
from analyzer.schema import NEVER

SHOWN = 10
"""Connections told in full; more than that nobody reads at once."""

STYLES = {
    Outcome.TIMED_OUT: "bold red",
    Outcome.UNREACHABLE: "bold red",
    Outcome.RESET: "bold red",
    Outcome.UNDETECTED: "bold red",
    Outcome.PROBING: "bold yellow",
    Outcome.ALIVE: "green",
    Outcome.CLOSED: "green",
    Outcome.UNKNOWN: "dim",
}
"""Also the order of urgency."""

ROWS = (
    ("tcp_keepalive_time", "tcp_keepalive_time"),
    ("tcp_keepalive_intvl", "tcp_keepalive_intvl"),
    ("tcp_keepalive_probes", "tcp_keepalive_probes"),
)
MARKS = {Answer.NOTHING: "✗", Answer.ACK: "✓", Answer.DATA: "✓", Answer.RST: "↯", Answer.ICMP: "ICMP"}


def report(analysis: Analysis, console: Console, shown: int = SHOWN) -> None:
    """The whole report, with the `shown` connections that matter most told in full."""
    _title(analysis, console)
    flows = sorted(analysis.flows, key=_urgency)
    telling = [flow for flow in flows if _is_telling(flow)]
    told = telling[:shown] if telling else flows[: min(shown, 3)]
    for flow in told:
        _tell(flow, console)
    _rest(telling[shown:], "More connections with keepalive or trouble", console, shown)
    _counts(analysis, len(told), console)
    _hosts(analysis, console)
    _paths(analysis, console)
    _advice(analysis, console)


def timeline(analysis: Analysis, flow: Flow, console: Console) -> None:
    """One connection with its timeline: every segment that is not plain data or a plain ACK."""
    _title(analysis, console)
    _tell(flow, console)
    table = _table("time", "frame", "from", "what", "because")
    events = merge(_segments(analysis, flow), _solicitations(analysis, flow))
    for frame, ts_ns, *words in events:
        table.add_row(short(ts_ns - analysis.capture.first_ns), str(frame), *words)
    console.print(_indented(table, above=1))
    console.print()
    for sentence in (*(explain.probe_ledger(flow, index) for index in flow.probers), *explain.reasons(flow)):
        _say(console, sentence)


def _segments(analysis: Analysis, flow: Flow) -> Iterator[tuple[int, int, str, str, str]]:
    """Frame, time, end, what and why; an answer with the probe's frame and the delay."""
    c, s = analysis.candidates.view, analysis.segments.view
    for row in analysis.rows(flow.id):
        tag, of = s.tag[row], s.of[row]
        idle = c.idle_ns[row] >= SECOND
        if tag in (Tag.DATA, PURE_ACK) and not idle:
            continue
        answers = f" → {c.frame[of]} after {short(c.ts_ns[row] - c.ts_ns[of])}" if of != NEVER else ""
        since = f"+{short(c.idle_ns[row])}" if idle else ""
        what = f"{Tag(tag).label}{answers}  {since}".rstrip()
        yield c.frame[row], c.ts_ns[row], _arrow(flow, c.end[row]), what, explain.rule(Rule(s.rule[row]))


def _solicitations(analysis: Analysis, flow: Flow) -> Iterator[tuple[int, int, str, str, str]]:
    """In the same form, what nobody on the link answered."""
    for number, one in analysis.solicitations:
        if number == flow.id:
            what = Tag.ARP_UNANSWERED.label + (f" → {one.of_frame}" if one.of_frame else "")
            yield one.frame, one.ts_ns, _arrow(flow, one.end), what, explain.rule(Rule.NOBODY_ANSWERS)


def _title(analysis: Analysis, console: Console) -> None:
    capture = analysis.capture
    names = ", ".join(_printable(name) for name in capture.files[:3])
    more = f" and {len(capture.files) - 3} more" if len(capture.files) > 3 else ""
    flows = len(analysis.flows)
    parts = [
        ", ".join((*capture.formats, *capture.link_types)),
        f"{capture.packets} frame{'s' * (capture.packets != 1)}",
        f"{flows} TCP connection{'s' * (flows != 1)}",
    ]
    if capture.packets:
        begin = (iso(capture.first_ns) or "")[:19].replace("T", " ")
        parts.append(f"{short(capture.last_ns - capture.first_ns)} from {begin} UTC")
    _side_by_side(console, Text(names + more, "bold"), Text(" · ".join(parts)), "   ")


def _urgency(flow: Flow) -> tuple[int, bool, int]:
    return list(STYLES).index(flow.verdict.outcome), not flow.probers, flow.id


def _is_telling(flow: Flow) -> bool:
    """Something happened to it, or keepalive or its alternative was seen."""
    return bool(flow.probers or flow.beating) or flow.verdict.outcome not in (
        Outcome.ALIVE,
        Outcome.CLOSED,
        Outcome.UNKNOWN,
    )


def _tell(flow: Flow, console: Console) -> None:
    """Headline, two sentences, the settings of each probing end, and the course of events."""
    first, second = flow.ends
    who = Text.assemble((f"#{flow.id}  ", "bold"), f"{first} {_direction(first)} {second}{_tunnel(flow)}")
    what = Text(explain.headline(flow), STYLES[flow.verdict.outcome])
    console.print()
    _side_by_side(console, who, what, "      ")
    for sentence in explain.sentences(flow):
        _say(console, sentence)
    for index in flow.probers:
        whose = explain.name(flow, index) if len(flow.probers) > 1 else ""
        console.print(_indented(_settings(flow.ends[index], whose), above=1))
        if flow.ends[index].settings.models:
            _say(console, _sentence(explain.clock(flow.ends[index].settings)))
        if flow.ends[index].matches:
            _say(console, "Like " + ", ".join(flow.ends[index].matches) + ".")
    if flow.probers:
        console.print()
        console.print(_indented(_course(flow)))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _say(console: Console, sentence: str) -> None:
    console.print(_indented(Text(sentence)))


def _indented(content: Text | Table, above: int = 0) -> Padding:
    return Padding(content, (above, 0, 0, 4), expand=False)


def _side_by_side(console: Console, left: Text, right: Text, between: str) -> None:
    """On one line if that is wide enough, else below each other."""
    if len(left) + len(between) + len(right) <= console.width:
        console.print(Text.assemble(left, between, right))
    else:
        console.print(left)
        console.print(_indented(right))


def _direction(first: End) -> str:
    return {Role.ORIGINATOR: "→", Role.RESPONDER: "←", Role.UNKNOWN: "↔"}[first.role]


def _tunnel(flow: Flow) -> str:
    return f" in {flow.tunnel}" if flow.tunnel else ""


def _arrow(flow: Flow, end: int) -> str:
    role = flow.ends[end].role
    return role.value if role is not Role.UNKNOWN else str(flow.ends[end])


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _settings(end: End, whose: str) -> Table:
    table = _table(f"setting of {whose}" if whose else "setting", "value", "bounds", "seen")
    for attribute, label in ROWS:
        setting: Setting | None = getattr(end.settings, attribute)
        table.add_row(label, *_cells(setting, end.settings))
    return table


def _cells(setting: Setting | None, settings: Settings) -> tuple[str, str, str]:
    if setting is None:
        return "?", "", "the capture does not show it"
    value = str(setting.value) if setting.value is not None else "?"
    return value, explain.bounds(setting), explain.observed(setting, settings)


def _course(flow: Flow) -> Text:
    """The prober's events in a line: gaps as durations, probes with a mark, repetitions folded."""
    prober = flow.verdict.prober if flow.verdict.prober in flow.probers else flow.probers[0]
    story = flow.ends[prober].story
    idle_ns = {gap.frame: gap.any_ns for gap in story.gaps if gap.kind is GapKind.FIRST}
    parts = ["handshake" if not flow.is_midstream else "mid-stream"]
    for probe, count, gap_ns in _folded(story.probes, flow.start_ns):
        idle = idle_ns.get(probe.frame)
        after = f" {short(gap_ns)} ─" if idle is None else f" idle {short(idle)} ─" if idle != NEVER else ""
        parts.append(f"─{after}▶ probe {MARKS[probe.answer]}" + (f" ×{count}" if count > 1 else ""))
    parts.append(_ending(flow, story.probes[-1].ts_ns))
    return Text(" ".join(parts))


def _ending(flow: Flow, last_probe_ns: int) -> str:
    reset = flow.story.reset
    if reset is not None:
        return f"─ {short(reset.ts_ns - last_probe_ns)} ─▶ RST" if reset.is_give_up else "─▶ RST"
    return "─▶ FIN" if all(end.fin_frame for end in flow.story.ends) else "─▶ end of capture"


def _folded(probes: Iterable[Probe], before_ns: int) -> list[tuple[Probe, int, int]]:
    """Probes with the time before them; neighbours alike in answer and spacing (to 3 %) become one."""
    folded: list[tuple[Probe, int, int]] = []
    for probe in probes:
        gap_ns, before_ns = probe.ts_ns - before_ns, probe.ts_ns
        if folded:
            last, count, last_gap_ns = folded[-1]
            if last.answer is probe.answer and abs(last_gap_ns - gap_ns) <= 0.03 * gap_ns:
                folded[-1] = (last, count + 1, last_gap_ns)
                continue
        folded.append((probe, 1, gap_ns))
    return folded


def _rest(flows: list[Flow], heading: str, console: Console, shown: int) -> None:
    if not flows or not shown:
        return
    table = _table("#", "connection", "what happened", "longest silence")
    for flow in flows[: 3 * shown]:
        ends = f"{flow.ends[0]} {_direction(flow.ends[0])} {flow.ends[1]}{_tunnel(flow)}"
        table.add_row(str(flow.id), ends, explain.headline(flow), short(flow.max_idle_ns))
    console.print()
    console.print(Text(heading, "bold"))
    console.print(table)
    if len(flows) > 3 * shown:
        console.print(Text(f"and {len(flows) - 3 * shown} more; --json has all of them"))


def _counts(analysis: Analysis, told: int, console: Console) -> None:
    """All connections by outcome, where not all of them have been told."""
    if len(analysis.flows) <= told:
        return
    counts = Counter(flow.verdict.outcome for flow in analysis.flows)
    words = [f"{counts[outcome]} {explain.OUTCOMES[outcome]}" for outcome in STYLES if counts[outcome]]
    console.print()
    what = f"All {len(analysis.flows)} connections" if len(analysis.flows) > 1 else "One connection"
    console.print(Text(f"{what}: " + ", ".join(words) + "."))


def _hosts(analysis: Analysis, console: Console) -> None:
    """What several probing connections of one host have in common, and the ports that differ."""
    probing = Counter(flow.ends[index].address for flow in analysis.flows for index in flow.probers)
    table = _table("host", "time", "intvl", "probes", "connections", "timer")
    for host in analysis.hosts:
        if probing[host.addr] < 2:
            continue
        timer = f"{host.stack}, {host.hz} Hz" if host.hz else host.stack
        if host.sysctl is not None:
            table.add_row(host.addr, *_triple(host.sysctl), str(probing[host.addr]), timer)
        for one in host.overrides:
            table.add_row(f"{host.addr}, port {one.port}", *_triple(one.settings), str(one.flows), "")
    if table.row_count:
        console.print()
        console.print(Text("Hosts whose connections probe", "bold"))
        console.print(table)


def _triple(settings: Settings) -> list[str]:
    """Each setting's value, or its bounds where it has none."""
    cells = []
    for attribute, _ in ROWS:
        setting: Setting | None = getattr(settings, attribute)
        value, bounds, _ = _cells(setting, settings)
        cells.append(value if value != "?" else bounds or "?")
    return cells


def _paths(analysis: Analysis, console: Console) -> None:
    """Paths that forgot a connection: the longest silence that they survived, the shortest that they did not."""
    broken = [limit for limit in analysis.path_limits if limit.failed_ns is not None]
    table = _table("path to", "survived", "failed", "like")
    for limit in broken:
        assert limit.failed_ns is not None
        survived = f"{short(limit.survived_ns)} ({limit.survived}×)" if limit.survived_ns is not None else "?"
        like = ", ".join(box.name for box in limit.matches[:3]) + (" …" if len(limit.matches) > 3 else "")
        table.add_row(limit.path, survived, f"{short(limit.failed_ns)} ({limit.failed}×)", like)
    if table.row_count:
        console.print()
        console.print(Text("Paths that forgot a connection when it was silent", "bold"))
        console.print(table)
    for limit in broken:
        for sentence in explain.path(limit):
            _say(console, sentence)


def _advice(analysis: Analysis, console: Console) -> None:
    for one in analysis.advice:
        flows = ", ".join(f"#{flow}" for flow in one.flows[:5]) + (" …" if len(one.flows) > 5 else "")
        console.print()
        console.print(Text.assemble(("advice  ", "bold"), f"{explain.advice(one)} ({flows})"))
    if any("set_time" in dict(one.numbers) for one in analysis.advice):
        console.print()
        console.print(Text("How to set it: --advice linux, setsockopt, windows, go, postgresql, nginx, … or all."))


def _printable(words: str) -> str:
    """File names come from outsiders: nothing that a terminal would obey."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in words)
