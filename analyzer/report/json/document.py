"""The machine face: one JSON document, or tags as NDJSON. The names are a contract.

`ka-analyze-2.schema.json` describes the document. Flows and tags are written by kernels, piece by piece.
"""

import json
from array import array
from bisect import bisect
from collections.abc import Iterator
from typing import Any

from analyzer.analysis import Analysis
from analyzer.capture.decode.packets import address
from analyzer.keepalive.findings import Flows
from analyzer.keepalive.settings.values import Basis, Setting, Settings
from analyzer.keepalive.story.values import Solicitation
from analyzer.keepalive.summary.advice import Advice
from analyzer.keepalive.summary.conclusions import Conclusion
from analyzer.keepalive.summary.hosts import Host
from analyzer.keepalive.summary.paths import PathLimit
from analyzer.keepalive.summary.services import IdleLimit, ServiceLimits
from analyzer.keepalive.summary.what_if import WhatIf
from analyzer.keepalive.tags.tag import Rule, Tag
from analyzer.keepalive.verdict.values import BY_PATH, Ending, Outcome, Verdict
from analyzer.report import what_if
from analyzer.report.json import flow_lines, flow_members
from analyzer.report.json.flow_strings import FlowStrings, reason_object
from analyzer.report.json.string_pool import StringPool
from analyzer.report.json.tag_lines import LONGEST_LINE, string_pool, write_tags
from analyzer.report.ranking import kept, marks
from analyzer.report.units import iso, seconds
from analyzer.report.words import conclusion_sentences, fix_sentences, sentences, service_sentences, setting_sentences
from analyzer.version import __version__

SCHEMA = "ka-analyze/2"
PIECE = 1 << 20
"""So many octets are written at once."""


def document(
    analysis: Analysis, supposed: WhatIf | None = None, only: frozenset[Outcome] | None = None
) -> Iterator[str]:
    """Yield the JSON document in pieces: the head, a line for each flow (`only` those that ended so), and the rest."""
    head = {
        "schema": SCHEMA,
        "version": __version__,
        "capture": _capture(analysis),
        "diagnostics": _diagnostics(analysis),
        "conclusions": [conclusion_object(one) for one in analysis.conclusions],
    }
    yield _dump(head)[:-1] + ', "flows": [\n'
    yield from _flow_lines(analysis, kept(analysis.flows, only))
    tail: dict[str, Any] = {
        "hosts": [_host(host) for host in analysis.hosts if host.addr is not None],
        "middleboxes": [_middlebox(host) for host in analysis.hosts if host.addr is None],
        "path_limits": [_path_limit(limit) for limit in analysis.path_limits],
        "services": [_service(one) for one in analysis.services],
        "advice": [_advice(one) for one in analysis.advice],
    }
    if supposed is not None:
        tail["what_if"] = what_if.as_object(supposed)
    yield "\n], " + _dump(tail)[1:] + "\n"


def flow_objects(analysis: Analysis, only: frozenset[Outcome] | None = None) -> Iterator[str]:
    """NDJSON: the document's object for each connection, a line each; `only` of those that ended so."""
    flows = kept(analysis.flows, only)
    for piece in _flow_lines(analysis, flows):
        yield piece.replace(flow_members.BEFORE, "\n")  # in texts a line feed is escaped
    if flows:
        yield "\n"


def _flow_lines(analysis: Analysis, flows: Flows) -> Iterator[str]:
    """Yield the flows' lines, many in a piece; each line but the first begins with a comma and a line feed."""
    string_pool = StringPool(flow_members.MEMBERS)
    flow_strings = FlowStrings(string_pool, analysis.tunnels)
    out, reached, before = bytearray(PIECE), array("q", [0]), len(flow_members.BEFORE)
    full = PIECE - flow_lines.LONGEST_LINE - max(len(json.dumps(name)) for name in analysis.tunnels)
    for found in flows.columns():
        words = flow_strings.words(flow_lines.idle_times(found))
        reached[0] = 0
        while reached[0] < found.flow_count:
            octets = analysis.engine.run(flow_lines.write_flows, found, reached, words, string_pool.buffer(out), full)
            yield str(memoryview(out)[before:octets], "ascii")
            before = 0


def tag_lines(analysis: Analysis, only: frozenset[Outcome] | None = None) -> Iterator[str]:
    """NDJSON: a line for each segment that is not plain data or a plain ACK, in capture order; in pieces of many lines.

    Of connections that ended so, if outcomes are named.
    """
    wanted, frames, first = marks(analysis.flows, only), analysis.candidates.view.frame, 0
    for flow, one in analysis.solicitations:
        if wanted[flow]:
            last = bisect(frames, one.frame, first, analysis.candidates.rows)
            yield from _segment_lines(analysis, wanted, first, last)
            yield _solicitation_line(flow, one)
            first = last
    yield from _segment_lines(analysis, wanted, first, analysis.candidates.rows)


def _segment_lines(analysis: Analysis, wanted: bytearray, first: int, last: int) -> Iterator[str]:
    """Yield the tag lines of rows first..last-1, many in a piece."""
    out, reached = bytearray(PIECE), array("q", [first])
    buffer = string_pool().buffer(out)
    c, s = analysis.candidates.view, analysis.segments.view
    while reached[0] < last:
        octets = analysis.engine.run(write_tags, c, s, reached, last, wanted, buffer, PIECE - LONGEST_LINE)
        yield str(memoryview(out)[:octets], "ascii")


def _solicitation_line(flow: int, one: Solicitation) -> str:
    """Return the line of an ARP request or neighbour solicitation that stands for a probe."""
    line = {
        "frame": one.frame,
        "time": iso(one.ts_ns),
        "flow": flow,
        "end": one.end,
        "tag": Tag.ARP_UNANSWERED.value,
        "rule": Rule.NOBODY_ANSWERS.value,
        "of": one.of_frame or None,
    }
    return _dump(line) + "\n"


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False)


def _capture(analysis: Analysis) -> dict[str, Any]:
    capture = analysis.capture
    return {
        "files": [name.encode(errors="replace").decode() for name in capture.files],  # names need not be UTF-8
        "packets": capture.packets,
        "tcp_packets": capture.tcp_packets,
        "first": iso(capture.first_ns),
        "last": iso(capture.last_ns),
        "until": iso(capture.until_ns),
        "duration_s": seconds(capture.last_ns - capture.first_ns),
        "link_types": list(capture.link_types),
        "filter": capture.packet_filter or None,
        "names": _names(analysis),
    }


def _names(analysis: Analysis) -> dict[str, str]:
    """Return what the addresses of the connections are called."""
    names, f = analysis.names, analysis.endpoints
    flows = range(len(analysis.flows) if names else 0)
    ends = (half for flow in flows for half in ((f.a_hi[flow], f.a_lo[flow]), (f.b_hi[flow], f.b_lo[flow])))
    return {one: names[one] for one in (address(*halves) for halves in dict.fromkeys(ends)) if one in names}


def _diagnostics(analysis: Analysis) -> list[dict[str, Any]]:
    return [
        {
            "code": one.code.name,
            "count": one.count,
            "first_frame": one.first_frame or None,
            "file": analysis.file_of(one),
            "message": one.message,
        }
        for one in analysis.diagnostics
    ]


def conclusion_object(one: Conclusion) -> dict[str, Any]:
    return {
        "code": one.code.value,
        "text": conclusion_sentences.text(one),
        "fix": fix_sentences.fix(one),
        "flows": list(one.flows),
        "service": one.service,
        "frames": list(one.frames),
        "confidence": one.confidence.value,
        "numbers": {name: round(number, 9) for name, number in one.numbers},
    }


def settings_object(settings: Settings) -> dict[str, Any]:
    return {
        "tcp_keepalive_time": _setting(settings.tcp_keepalive_time, settings),
        "tcp_keepalive_intvl": _setting(settings.tcp_keepalive_intvl, settings),
        "tcp_keepalive_probes": _setting(settings.tcp_keepalive_probes, settings),
        "tcp_user_timeout": _setting(settings.tcp_user_timeout, settings),
    }


def _setting(setting: Setting | None, settings: Settings) -> dict[str, Any] | None:
    if setting is None:
        return None
    return {
        "value": setting.value,
        "low": setting.low,
        "high": setting.high,
        "n": setting.n,
        "basis": _basis(setting, settings),
        "frames": list(setting.frames),
    } | ({"ends": setting.ends} if setting.ends > 1 else {})


def _basis(setting: Setting, settings: Settings) -> dict[str, Any]:
    """Return what determined a setting: its code, its sentence, and the numbers that the setting lacks."""
    basis, user_timeout = setting_sentences.BASES.index(setting.basis), settings.tcp_user_timeout
    found: dict[str, Any] = {"code": setting.basis.value, "text": setting_sentences.basis(setting, settings)}
    if setting.ends > 1:
        found["text"] += f"; of {setting.ends:,} ends together"
    if setting_sentences.is_duration(basis):
        found["shortest_s"], found["longest_s"] = map(seconds, setting.seen_ns)
    is_count = setting.basis in (Basis.GIVE_UP_COUNT, Basis.CEASED)
    if is_count and user_timeout is not None and user_timeout.high is not None:
        found |= {"user_timeout_low_s": user_timeout.low, "user_timeout_high_s": user_timeout.high}
    if setting_sentences.is_timed(basis):
        found["clocks"] = list(settings.models)
    return found


def ending_object(ending: Ending | None) -> dict[str, Any]:
    """Return who ended a connection as the members of an object; all null while it goes on."""
    if ending is None:
        return dict.fromkeys(("by", "how", "frame", "at", "data_s", "peer_data_s", "no_heartbeat_s"))
    return {
        "by": "path" if ending.by == BY_PATH else ending.by,
        "how": ending.how.value,
        "frame": ending.frame or None,
        "at": iso(ending.at_ns) if ending.at_ns is not None else None,
        "data_s": seconds(ending.data_ns),
        "peer_data_s": seconds(ending.peer_data_ns),
        "no_heartbeat_s": seconds(ending.no_heartbeat_ns),
        "crossed": list(ending.crossed_frames),
        "reused": list(ending.reused_frames),
    }


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    return {
        "outcome": verdict.outcome.value,
        "cause": verdict.cause.value if verdict.cause else None,
        "prober": verdict.prober,
        "errno": verdict.errno,
        "epoll": verdict.epoll,
        "detection_delay_s": seconds(verdict.detection_delay_ns),
        "confidence": verdict.confidence.value,
        "evidence_frames": list(verdict.evidence_frames),
        "reasons": [reason_object(one) for one in verdict.reasons],
    }


def _host(host: Host) -> dict[str, Any]:
    return {
        "addr": host.addr,
        "flows": host.flows,
        "sysctl": _triple(host.sysctl) if host.sysctl else None,
        "overrides": _overrides(host),
        "stack": host.stack,
        "hz": host.hz,
        "kernels": host.host_clocks,
        "same_kernel": list(host.same_kernel),
    }


def _middlebox(host: Host) -> dict[str, Any]:
    """Return the object of a middlebox that probes in the names of others; its own address is not in the capture."""
    return {
        "before": list(host.before),
        "flows": host.flows,
        "settings": _triple(host.sysctl) if host.sysctl else None,
        "overrides": _overrides(host),
    }


def _overrides(host: Host) -> list[dict[str, Any]]:
    return [{"port": one.port, "settings": _triple(one.settings), "flows": one.flows} for one in host.overrides]


def _triple(settings: Settings) -> dict[str, Any]:
    triple = settings_object(settings)
    del triple["tcp_user_timeout"]  # a socket's own, never a host's
    return triple


def _path_limit(limit: PathLimit) -> dict[str, Any]:
    return {
        "path": limit.path,
        "survived_s": seconds(limit.survived_ns),
        "failed_s": seconds(limit.failed_ns),
        "matches": [one.name for one in limit.matches],
        "on_expiry": limit.on_expiry,
        "survived": limit.survived,
        "failed": limit.failed,
        "survived_flows": limit.survived_flows,
        "failed_flows": limit.failed,
        "by": limit.by,
        "half_closed": limit.half_closed,
        "unexplained": limit.unexplained,
        "survived_frames": list(limit.survived_frames),
        "failed_frames": list(limit.failed_frames),
        "curve": [[seconds(length_ns), round(share, 6)] for length_ns, share in limit.curve],
        "probes_kept_open": limit.probes_kept_open,
    }


def _service(one: ServiceLimits) -> dict[str, Any]:
    limits = [_idle_limit(limit) for limit in one.idle_limits]
    return {"service": one.service, "flows": one.flows, "idle_limits": limits}


def _idle_limit(limit: IdleLimit) -> dict[str, Any]:
    return {
        "by": limit.by,
        "how": limit.how,
        "clock": limit.clock,
        "value_s": seconds(limit.value_ns),
        "low_s": seconds(limit.low_ns),
        "high_s": seconds(limit.high_ns),
        "closed": limit.closed,
        "survived_s": seconds(limit.survived_ns),
        "lost": limit.lost,
        "half_closed": limit.half_closed,
        "matches": list(limit.matches),
        "confidence": limit.confidence.value,
        "flow_ids": list(limit.flows),
        "text": service_sentences.idle_limit(limit),
    }


def _advice(one: Advice) -> dict[str, Any]:
    return {
        "code": one.code.value,
        "flows": list(one.flows),
        "text": sentences.advice(one),
        "numbers": dict(one.numbers),
    }
