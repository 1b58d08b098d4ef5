"""What a report needs to know of a connection that it does not tell: one octet, where that follows from columns alone.

Predicates over what the kernel of `story.py` has told. How most connections ended is settled by the first rule of
`judge.py` that could hold; `UNSETTLED` are those that have to be judged, because details or surroundings decide.
"""

from typing import Any

from analyzer.keepalive.gaps import GAPS, PROBES, SILENCES, Rows, Told
from analyzer.keepalive.tags import GIVE_UP_RST, HEARTBEAT, RST_TAG
from analyzer.keepalive.timeline import CYCLE, FIRST, LONG_NS
from analyzer.keepalive.verdict import Outcome
from analyzer.schema import NEVER

OUTCOMES = tuple(Outcome)
ALIVE, CLOSED, TIMED_OUT, PROBING, UNDETECTED, UNKNOWN = map(
    OUTCOMES.index,
    (Outcome.ALIVE, Outcome.CLOSED, Outcome.TIMED_OUT, Outcome.PROBING, Outcome.UNDETECTED, Outcome.UNKNOWN),
)
UNSETTLED = 15
HOW_IT_ENDED = 0x0F
"""Place in `OUTCOMES`, or UNSETTLED."""
FIRST_PROBES, SECOND_PROBES = 0x10, 0x20
"""The end sends keepalive probes."""
BEATS = 0x40
"""An application sends heartbeats."""
NOTABLE = 0x80
"""Findings draw on it: it is not plain. A plain one shows no probe, no heartbeat, no long silence and no trouble."""
SILENT_CYCLES = 3
"""A prober is gone when so many of its periods pass without a probe."""
SILENCE = 2
"""A run of probes has ended without a RST when so many of its intervals pass without a probe."""
LONGEST_INTERVAL_NS = 90_000_000_000
"""Stands for an interval that the run does not show: the default of 75 s, a timer's lateness included."""
SHORTEST_INTERVAL_NS = 1_200_000_000
"""Tries of one solicitation are 1 s apart and show no interval of the timer."""


def brief(rows: Rows, flow: int, end_ns: int, told: Told, it: int) -> int:
    """Of the flow that is told last; `end_ns` is when it ceased to be watched."""
    outcome = settled(rows, flow, end_ns, told, it)
    found = outcome
    found |= FIRST_PROBES if told.ends.probes[2 * it] else 0
    found |= SECOND_PROBES if told.ends.probes[2 * it + 1] else 0
    found |= BEATS if has_heartbeats(rows, flow, told.flows.reset_row[it]) else 0
    has_silence = rows.flows.max_idle_ns[flow] >= LONG_NS or told.counts[SILENCES] > told.flows.first_silence[it]
    is_left_silent = outcome == ALIVE and end_ns - rows.flows.last_ns[flow] >= LONG_NS
    is_settled_well = outcome == ALIVE or outcome == CLOSED or outcome == UNKNOWN
    is_quiet = found == outcome and not (has_silence or is_left_silent or is_in_trouble(told.flows, it))
    return found if is_settled_well and is_quiet else found | NOTABLE


def settled(rows: Rows, flow: int, end_ns: int, told: Told, it: int) -> int:
    """How the flow ended, where nothing else can make it another outcome."""
    t, e = told.flows, told.ends
    reset, fins = t.reset_row[it], (e.fin_frame[2 * it], e.fin_frame[2 * it + 1])
    if reset != NEVER:
        if rows.segments.tag[reset] == GIVE_UP_RST:
            return TIMED_OUT if t.run_end[it] != NEVER and not e.icmp_errors[2 * it + t.run_end[it]] else UNSETTLED
        is_asked_for = rows.segments.tag[reset] != RST_TAG or rows.segments.of[reset] != NEVER or t.reset_unheard[it]
        return CLOSED if fins[rows.candidates.end[reset]] and not is_asked_for else UNSETTLED
    if fins[0] and fins[1]:
        return CLOSED
    if is_in_trouble(t, it) or rows.flows.watched_ns[flow]:
        return UNSETTLED
    is_one_sided = rows.ends.last_ns[2 * flow] == NEVER or rows.ends.last_ns[2 * flow + 1] == NEVER
    if t.run_end[it] != NEVER:
        is_told_of = is_one_sided or e.icmp_errors[2 * it + t.run_end[it]]
        return UNSETTLED if is_told_of else after_run(rows, flow, end_ns, told, it)
    if is_one_sided:
        return UNKNOWN
    return UNDETECTED if not (fins[0] or fins[1]) and has_ceased(rows, flow, end_ns, told, it) else ALIVE


def is_in_trouble(t: Any, it: int) -> bool:
    """What one end sends goes unanswered, or its answers unheard."""
    return bool(t.deaf_end[it] != NEVER or t.persisting_end[it] != NEVER or t.resending_end[it] != NEVER)


def after_run(rows: Rows, flow: int, end_ns: int, told: Told, it: int) -> int:
    """A run of unanswered probes and no RST: it goes on, or its end gave up in silence (`judge.is_probing`)."""
    c, p, end = rows.candidates, told.probes, told.flows.run_end[it]
    last_ns, longest_ns = NEVER, 0
    for probe in range(told.ends.run_probe[2 * it + end], told.counts[PROBES]):
        if p.end[probe] == end:
            now_ns = c.ts_ns[p.row[probe]]
            longest_ns = max(longest_ns, now_ns - last_ns if last_ns != NEVER else 0)
            last_ns = now_ns
    if longest_ns < SHORTEST_INTERVAL_NS:
        longest_ns = LONGEST_INTERVAL_NS
        for gap in range(told.flows.first_gap[it], told.counts[GAPS]):
            if told.gaps.kind[gap] == FIRST:
                longest_ns = max(longest_ns, told.gaps.any_ns[gap])
    silent_ns = end_ns - max(last_ns, rows.flows.last_ns[flow])
    return PROBING if silent_ns <= SILENCE * longest_ns else TIMED_OUT


def has_ceased(rows: Rows, flow: int, end_ns: int, told: Told, it: int) -> bool:
    """One end probed again and again, was answered, and ceased to probe (`judge.has_fallen_silent`)."""
    e = told.ends
    if (e.probes[2 * it] > 0) == (e.probes[2 * it + 1] > 0):
        return False
    end = 0 if e.probes[2 * it] else 1
    if told.probes.answer_row[e.last_probe[2 * it + end]] == NEVER:
        return False
    longest_ns = 0
    for gap in range(told.flows.first_gap[it], told.counts[GAPS]):
        if told.gaps.kind[gap] == CYCLE and told.gaps.end[gap] == end:
            longest_ns = max(longest_ns, told.gaps.probe_ns[gap])
    return bool(0 < SILENT_CYCLES * longest_ns < end_ns - rows.flows.last_ns[flow])


def has_heartbeats(rows: Rows, flow: int, reset: int) -> bool:
    """At least two of one end, up to the reset."""
    first, second = 0, 0
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        if row == reset:
            break
        if rows.segments.tag[row] == HEARTBEAT:
            second += rows.candidates.end[row]
            first += 1 - rows.candidates.end[row]
    return first > 1 or second > 1
