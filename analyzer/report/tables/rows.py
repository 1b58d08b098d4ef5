"""Findings as rows: which finding stands in which column of schema.export.FRAMES.

Instants and durations are ns; what is missing is None, or -1 among numbers of ns. DataFrames, and with them CSV and
Parquet, are made of these rows (`frames.py`), and what charts draw that is of no one connection.
"""

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from analyzer.analysis import Analysis
from analyzer.diagnostics import Severity
from analyzer.keepalive.failures import failure
from analyzer.keepalive.findings import Role
from analyzer.keepalive.settings.values import Setting, Settings
from analyzer.keepalive.story.values import Answer, GapKind
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict.values import BY_PATH, Cause, Confidence, Ending, How, Outcome
from analyzer.report.words import conclusion_sentences, fix_sentences, sentences, setting_sentences
from analyzer.schema import ABSENT
from analyzer.schema.export import FRAMES, SETTINGS

Row = tuple[Any, ...]

CENSORED = (GapKind.SURVIVED, GapKind.PENDING)


def _values(kinds: type[StrEnum]) -> tuple[str, ...]:
    return tuple(kind.value for kind in kinds)


CATEGORIES: dict[str, tuple[str, ...]] = {
    "role_0": _values(Role),
    "role_1": _values(Role),
    "role": _values(Role),
    "opened": ("syn", "midstream"),
    "outcome": _values(Outcome),
    "cause": _values(Cause),
    "confidence": _values(Confidence),
    "keepalive": ("on", "not-seen"),
    "answer": _values(Answer),
    "kind": _values(GapKind),
    "tag": _values(Tag),
    "rule": _values(Rule),
    "result": ("survived", "failed", "unknown"),
    "on_expiry": ("silent", "rst"),
    "ended_by": ("0", "1", "path"),
    "ended_how": _values(How),
    "by": ("responder", "originator", "path", "unknown"),
    "how": ("fin", "rst", "silent"),
    "clock": ("data", "peer-data", "no-heartbeat"),
    "severity": _values(Severity),
}
"""Categories that are the same for every capture, so that frames of several can be put together; other columns take
what occurs."""


def columns(name: str, analysis: Analysis) -> dict[str, Sequence[Any]]:
    """Return the columns of one of the tables of schema.export.FRAMES."""
    names = [field.name for field in FRAMES[name]]
    values = list(zip(*ROWS[name](analysis), strict=True)) or [()] * len(names)
    return dict(zip(names, values, strict=True))


def _flows(analysis: Analysis) -> Iterator[Row]:
    for flow in analysis.flows:
        verdict, ends = flow.verdict, flow.ends
        yield (
            flow.id,
            *(part for end in ends for part in (end.address, end.port, end.role.value)),
            flow.tunnel,
            "midstream" if flow.is_midstream else "syn",
            flow.start_ns,
            flow.end_ns,
            flow.packets,
            flow.octets,
            flow.max_idle_ns,
            flow.continues,
            flow.silent_ns,
            *_ending(flow.ending),
            verdict.outcome.value,
            verdict.cause.value if verdict.cause else None,
            verdict.prober,
            verdict.errno,
            verdict.epoll,
            verdict.detection_delay_ns,
            verdict.confidence.value,
            sum(len(end.story.probes) for end in ends),
            sum(end.answered for end in ends),
            sentences.headline(flow),
        )


def _ending(ending: Ending | None) -> Row:
    if ending is None:
        return (None,) * 6 + (0,)
    by = "path" if ending.by == BY_PATH else str(ending.by) if ending.by is not None else None
    clocks = (ending.data_ns, ending.peer_data_ns, ending.no_heartbeat_ns)
    return by, ending.how.value, ending.frame or None, *clocks, ending.lost


def _ends(analysis: Analysis) -> Iterator[Row]:
    for flow in analysis.flows:
        for index, end in enumerate(flow.ends):
            beat = end.story.heartbeat
            yield (
                flow.id,
                index,
                end.address,
                end.port,
                end.role.value,
                "on" if end.has_keepalive else "not-seen",
                end.story.probed_by.value if end.story.probed_by is not None else None,
                len(end.story.probes),
                end.answered,
                end.payload_len,
                *(part for name in SETTINGS for part in _based(getattr(end.settings, name), end.settings)),
                " ".join(end.settings.models) or None,
                "; ".join(end.matches) or None,
                *((beat.period_ns, beat.sent, beat.answered, beat.stopped_ns) if beat else (None, 0, 0, None)),
            )


def _bounded(setting: Setting | None) -> Row:
    return (setting.value, setting.low, setting.high) if setting is not None else (None, None, None)


def _based(setting: Setting | None, settings: Settings) -> Row:
    more = (setting.n, setting_sentences.basis(setting, settings)) if setting is not None else (None, None)
    return *_bounded(setting), *more


def _probes(analysis: Analysis) -> Iterator[Row]:
    for flow in analysis.flows:
        for index, end in enumerate(flow.ends):
            for one in end.story.probes:
                answer = (one.answer.value, one.answer_frame or None, one.delay_ns)
                yield flow.id, index, one.frame, one.ts_ns, one.payload_len, *answer


def _gaps(analysis: Analysis) -> Iterator[Row]:
    for flow in analysis.flows:
        for index, end in enumerate(flow.ends):
            for gap in end.story.gaps:
                yield (
                    flow.id,
                    index,
                    gap.frame,
                    gap.kind.value,
                    gap.kind in CENSORED,
                    gap.heard_ns,
                    gap.any_ns,
                    gap.probe_ns,
                    gap.unanswered,
                    gap.capture_rtt_ns,
                )


def _segments(analysis: Analysis) -> Iterator[Row]:
    """Yield the segments in capture order, together with the unanswered solicitations on the link."""
    c, s = analysis.candidates.view, analysis.segments.view
    tags, rules = CATEGORIES["tag"], CATEGORIES["rule"]
    asked = list(analysis.solicitations)[::-1]
    for row in range(analysis.candidates.rows):
        while asked and asked[-1][1].frame < c.frame[row]:
            yield _asked(*asked.pop())
        of = c.frame[s.of[row]] if s.of[row] != ABSENT else None
        what = (tags[s.tag[row]], rules[s.rule[row]], of, c.idle_ns[row], c.payload_len[row])
        yield c.flow[row], c.end[row], c.frame[row], c.ts_ns[row], *what
    while asked:
        yield _asked(*asked.pop())


def _asked(flow: int, one: Any) -> Row:
    what = (Tag.ARP_UNANSWERED.value, Rule.NOBODY_ANSWERS.value, one.of_frame or None, None, 0)
    return flow, one.end, one.frame, one.ts_ns, *what


def _silences(analysis: Analysis) -> Iterator[Row]:
    for flow in analysis.notable:
        silences, broken = flow.story.silences, failure(flow)
        if broken is not None and broken not in silences:
            silences = (*silences, broken)
        for one in silences:
            result = "survived" if one.survived else "failed" if one is broken else "unknown"
            yield flow.id, one.sender, one.frame, one.ts_ns, flow.service, one.ns, result


def _hosts(analysis: Analysis) -> Iterator[Row]:
    """Yield a row for what most connections of a host have, and one for each port that differs."""
    for host in analysis.hosts:
        clock, before = (host.stack, host.hz), " ".join(host.before) or None
        if host.sysctl is not None:
            yield host.addr, None, host.flows, *_triple(host.sysctl), *clock, before
        for one in host.overrides:
            yield host.addr, one.port, one.flows, *_triple(one.settings), *clock, before


def _triple(settings: Settings) -> Row:
    return tuple(part for name in SETTINGS[:3] for part in _bounded(getattr(settings, name)))


def _path_limits(analysis: Analysis) -> Iterator[Row]:
    for limit in analysis.path_limits:
        yield (
            limit.path,
            limit.survived_ns,
            limit.failed_ns,
            limit.survived,
            limit.failed,
            limit.survived_flows,
            limit.unexplained,
            limit.on_expiry,
            limit.by,
            limit.half_closed,
            "; ".join(box.name for box in limit.matches) or None,
            limit.probes_kept_open,
        )


def _services(analysis: Analysis) -> Iterator[Row]:
    for one in analysis.services:
        for limit in one.idle_limits:
            yield (
                one.service,
                one.flows,
                limit.by,
                limit.how,
                limit.clock,
                limit.value_ns,
                limit.low_ns,
                limit.high_ns,
                limit.closed,
                limit.survived_ns,
                limit.lost,
                limit.half_closed,
                "; ".join(limit.matches) or None,
                limit.confidence.value,
            )


def _conclusions(analysis: Analysis) -> Iterator[Row]:
    for one in analysis.conclusions:
        yield (
            one.code.value,
            one.service,
            len(one.flows),
            conclusion_sentences.text(one),
            fix_sentences.fix(one),
            one.confidence.value,
            " ".join(map(str, one.flows)),
            " ".join(map(str, one.frames)),
        )


def _survival(analysis: Analysis) -> Iterator[Row]:
    return (
        (limit.path, ns, share) for limit in analysis.path_limits if not limit.half_closed for ns, share in limit.curve
    )


def _advice(analysis: Analysis) -> Iterator[Row]:
    return ((one.code.value, " ".join(map(str, one.flows)), sentences.advice(one)) for one in analysis.advice)


def _diagnostics(analysis: Analysis) -> Iterator[Row]:
    for one in analysis.diagnostics:
        yield one.code.name, one.code.severity.value, one.count, one.first_frame or None, one.message


ROWS: dict[str, Callable[[Analysis], Iterator[Row]]] = {
    "flows": _flows,
    "ends": _ends,
    "probes": _probes,
    "gaps": _gaps,
    "segments": _segments,
    "silences": _silences,
    "hosts": _hosts,
    "path_limits": _path_limits,
    "services": _services,
    "conclusions": _conclusions,
    "survival": _survival,
    "advice": _advice,
    "diagnostics": _diagnostics,
}
