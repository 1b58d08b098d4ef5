"""Connections that nothing happened to, in brief and from columns alone: what `brief.brief_of` says of them, without
making values of all that is known.

Of most captures nearly all connections are such: they go on, lie idle, or were closed, or the capture does not tell;
probes were answered, and no data was lost. All others are left to be looked at as a whole.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from analyzer.capture.decode.packets import endpoint
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import rows_of
from analyzer.keepalive.brief import Brief, Prober
from analyzer.keepalive.context.addresses import address_text
from analyzer.keepalive.context.idle_trials import service_end
from analyzer.keepalive.context.rebinding import Rebindings
from analyzer.keepalive.context.restarts import port_of
from analyzer.keepalive.findings import AS_SENT, ROLES
from analyzer.keepalive.settings.bounds import Inferred
from analyzer.keepalive.settings.fingerprint import fingerprint_of, stack_of
from analyzer.keepalive.settings.values import settings_of
from analyzer.keepalive.story.gaps import SILENCES, Rows, StoryTables
from analyzer.keepalive.story.prober import agreed_on_timestamps
from analyzer.keepalive.story.values import BY_ACK, BY_DATA, BY_MIDDLEBOX, SPACING, Silence
from analyzer.keepalive.verdict.judge import Judged
from analyzer.keepalive.verdict.values import (
    ACKS_UNHEARD,
    ALIVE,
    ANSWERS_UNHEARD,
    APPLICATION,
    BY_PATH,
    CAUSES,
    CLOSED,
    CONFIDENCES,
    HOWS,
    OPEN,
    OUTCOMES,
    PEER_STILL_SENDS,
    UNKNOWN,
    has_reason,
)
from analyzer.schema import ABSENT, UNKNOWN_TTL
from analyzer.schema.results import BRIEF_ENDS, BRIEF_FLOWS, BRIEF_SILENCES
from analyzer.tcp.flows import end_ns, start_ns


class Source(NamedTuple):
    """What is known of a batch of flows, as columns."""

    numbers: Sequence[int]
    rows: Rows
    stories: StoryTables
    judged: Judged
    proofs: Any
    """PROOFS, to which verdicts refer."""
    inferred: Inferred
    rebindings: Rebindings
    tunnels: Sequence[str]
    """Their names by number, as FLOWS has them."""


class BriefTables(NamedTuple):
    """The columns that the kernel fills."""

    flows: Any
    ends: Any
    silences: Any


def untroubled(source: Source, engine: Engine) -> Iterator[Brief]:
    """Yield those flows of a batch in brief that nothing happened to, in order."""
    count, silences = len(source.numbers), source.stories.counts[SILENCES]
    tables = BriefTables(rows_of(BRIEF_FLOWS, count), rows_of(BRIEF_ENDS, 2 * count), rows_of(BRIEF_SILENCES, silences))
    used = engine.run(note_untroubled, source.rows, source.stories, count, source.judged, source.rebindings, tables)
    frame, ts_ns, ns, sender, survived = (column[:used].tolist() for column in tables.silences)
    found = list(map(Silence, frame, ts_ns, ns, sender, map(bool, survived)))
    for flow_row, values in enumerate(zip(*(column[:count].tolist() for column in tables.flows), strict=True)):
        if values[0]:
            yield _brief(source, flow_row, values, tables.ends, found)


def _brief(source: Source, flow_row: int, values: tuple[int, ...], ends: Any, found: Sequence[Silence]) -> Brief:
    """Return a flow in brief; `values` are its row of BRIEF_FLOWS, `found` the silences of all."""
    _, how, closer, server, start_ns, end_ns, last_ns, capture_end_ns, max_idle_ns, idle_ns, *others = values
    heard_ns, bridged_ns, first_fin, is_within_lan, first_silence, silences = others
    flow, f, v = source.numbers[flow_row], source.rows.flows, source.judged.verdicts
    addresses, port = [address_text(f, flow, end) for end in (0, 1)], port_of(f, flow, server)
    cause, first = v.cause[flow_row], v.first_evidence[flow_row]
    probing = [end for end in (0, 1) if ends.sent[2 * flow_row + end]]
    return Brief(
        id=flow,
        outcome=OUTCOMES[v.outcome[flow_row]],
        cause=CAUSES[cause] if cause != ABSENT else None,
        confidence=CONFIDENCES[v.confidence[flow_row]],
        evidence_frames=tuple(source.proofs.frame[first : first + v.evidence[flow_row]]),
        how=HOWS[how] if how != ABSENT else None,
        closed_by=ROLES[f.opened[flow]][closer] if closer != ABSENT else None,
        service=endpoint(addresses[server], port),
        service_port=port,
        client=addresses[1 - server],
        tunnel=source.tunnels[f.tunnel[flow]] or None,
        start_ns=start_ns,
        end_ns=end_ns,
        last_ns=last_ns,
        capture_end_ns=capture_end_ns,
        max_idle_ns=max_idle_ns,
        idle_ns=idle_ns,
        heard_ns=heard_ns,
        bridged_ns=bridged_ns,
        first_fin=first_fin,
        is_within_lan=bool(is_within_lan),
        is_beating=False,
        probers=tuple([_prober(source, addresses[end], 2 * flow_row + end, 2 * flow + end, ends) for end in probing]),
        silences=tuple(found[first_silence : first_silence + silences]),
    )


def _prober(source: Source, address: str, row: int, end: int, ends: Any) -> Prober:
    """Return a probing end; `row` is its row in the batch, `end` that in ENDS."""
    settings, ttl = settings_of(source.inferred, row), source.rows.ends.ttl[end]
    look = ends.payload_len[row], (), bool(ends.has_timestamps[row]), bool(ends.has_bare_probes[row]), ttl
    stack = stack_of(fingerprint_of(settings, *look))
    known_ttl = ttl if ttl != ABSENT else UNKNOWN_TTL
    counts = ends.sent[row], ends.answered[row]
    return Prober(address, settings, stack, known_ttl, *counts, True, source.stories.ends.probe_ttl_low[row])


# ---- the kernel


def note_untroubled(
    rows: Rows, stories: StoryTables, count: int, judged: Judged, rebindings: Rebindings, out: BriefTables
) -> int:
    """Kernel: fill the rows of flows that nothing happened to; return the rows in use of BRIEF_SILENCES."""
    used = 0
    for flow_row in range(count):
        out.flows.is_untroubled[flow_row] = is_untroubled(stories, flow_row, judged, rebindings)
        if out.flows.is_untroubled[flow_row]:
            note_times(rows, stories, flow_row, judged, out.flows[flow_row])
            note_probes(rows, stories, flow_row, out.ends)
            used = note_silences(rows, stories, flow_row, out, used)
    return used


def is_untroubled(stories: StoryTables, flow_row: int, judged: Judged, rebindings: Rebindings) -> bool:
    """Tell whether a connection goes on, lies idle or was closed, or the capture does not tell, and nothing else is to
    be said of it."""
    verdict, ending, flow = judged.verdicts[flow_row], judged.endings[flow_row], stories.flows.flow[flow_row]
    is_blamed = verdict.cause != ABSENT and verdict.cause != APPLICATION
    if verdict.outcome not in (ALIVE, OPEN, CLOSED, UNKNOWN) or is_blamed or ending.crossed + ending.reused:
        return False
    if rebindings.continues[flow] != ABSENT or rebindings.continued_by[flow] != ABSENT:
        return False
    if goes_one_way(verdict.reasons):
        return False
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        own = stories.ends[end_row]
        if own.steady_beats or (own.probes and own.probed_by == BY_MIDDLEBOX):
            return False
    return is_answered(stories, flow_row)


def goes_one_way(reasons: int) -> bool:
    """Tell whether what one end sends does not reach the other."""
    is_unheard = has_reason(reasons, ANSWERS_UNHEARD) or has_reason(reasons, ACKS_UNHEARD)
    return is_unheard or has_reason(reasons, PEER_STILL_SENDS)


def is_answered(stories: StoryTables, flow_row: int) -> bool:
    """Tell whether nothing but one probe went unanswered, which may have been lost, and none was repeated."""
    g, first, after = stories.gaps, stories.flows[flow_row], stories.flows[flow_row + 1]
    unanswered = 0
    for row in range(first.first_probe, after.first_probe):
        unanswered += not is_answer(stories.probes.answer[row])
    for row in range(first.first_gap, after.first_gap):
        if g.kind[row] == SPACING:
            return False
    return unanswered <= 1


def is_answer(answer: int) -> bool:
    """Tell whether the other end was heard by what came back for a probe."""
    return answer == BY_ACK or answer == BY_DATA


def note_times(rows: Rows, stories: StoryTables, flow_row: int, judged: Judged, out: Any) -> None:
    """Fill a row of BRIEF_FLOWS, but for the silences."""
    story, ending, outcome = stories.flows[flow_row], judged.endings[flow_row], judged.verdicts.outcome[flow_row]
    f, flow = rows.flows, story.flow
    out.how = out.closer = ABSENT
    idle_ns = max(f.max_idle_ns[flow], story.capture_end_ns - f.last_ns[flow] if outcome != CLOSED else 0)
    if outcome == CLOSED and ending.how != ABSENT:
        out.how, out.closer = ending.how, ending.by if ending.by != BY_PATH else ABSENT
        idle_ns = ending.data_ns if ending.data_ns != ABSENT else idle_ns
    out.idle_ns, out.max_idle_ns = idle_ns, f.max_idle_ns[flow]
    out.start_ns, out.end_ns, out.last_ns = start_ns(f, flow), end_ns(f, flow), f.last_ns[flow]
    out.capture_end_ns, out.bridged_ns = story.capture_end_ns, story.bridged_ns
    out.service_end = service_end(f, flow)
    out.heard_ns = rows.ends.last_ns[2 * flow + out.service_end]
    out.first_fin = first_fin_of(stories, flow_row)
    out.is_within_lan = rows.ends.ttl[2 * flow] in AS_SENT and rows.ends.ttl[2 * flow + 1] in AS_SENT


def first_fin_of(stories: StoryTables, flow_row: int) -> int:
    """Return the frame of the first FIN, 0 without one."""
    first, second = stories.ends.fin_frame[2 * flow_row], stories.ends.fin_frame[2 * flow_row + 1]
    return int(min(first, second) if first and second else max(first, second))


def note_probes(rows: Rows, stories: StoryTables, flow_row: int, out: Any) -> None:
    """Fill both rows of BRIEF_ENDS."""
    first, after = stories.flows.first_probe[flow_row], stories.flows.first_probe[flow_row + 1]
    for end in (0, 1):
        own = out[2 * flow_row + end]
        own.sent, own.answered, own.payload_len, own.has_timestamps, own.has_bare_probes = 0, 0, 0, 0, 0
        for place in range(first, after):
            if stories.probes.end[place] == end:
                probe = rows.candidates[stories.probes.row[place]]
                own.sent += 1
                own.answered += is_answer(stories.probes.answer[place])
                own.payload_len = max(own.payload_len, probe.payload_len)
                own.has_timestamps |= probe.tsval != ABSENT
        if own.sent and not own.has_timestamps:
            own.has_bare_probes = agreed_on_timestamps(rows, stories.flows.flow[flow_row], end)


def note_silences(rows: Rows, stories: StoryTables, flow_row: int, out: BriefTables, used: int) -> int:
    """Add the flow's silences; return the rows in use then."""
    s, first, after = stories.silences, stories.flows.first_silence[flow_row], stories.flows.first_silence[flow_row + 1]
    out.flows.first_silence[flow_row], out.flows.silences[flow_row] = used, after - first
    for place in range(first, after):
        segment, told = rows.candidates[s.row[place]], out.silences[used]
        told.frame, told.ts_ns, told.ns, told.sender = segment.frame, segment.ts_ns, segment.idle_ns, segment.end
        told.survived = s.survived[place]
        used += 1
    return used
