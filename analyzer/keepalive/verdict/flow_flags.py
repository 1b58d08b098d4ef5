"""What a report needs to know of a connection that it does not tell: one octet, from columns alone.

How it ended, as `judge.py` has it; who probes; and whether findings draw on it.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, Told
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.tags.tag import HEARTBEAT, RST_TAG
from analyzer.keepalive.verdict.values import ALIVE, CLOSED, UNKNOWN
from analyzer.schema import NEVER

HOW_IT_ENDED = 0x07
"""Place in `verdict.OUTCOMES`."""
NEVER_OPENED = 0x08
"""Neither end sent anything but SYN and RST: an attempt at a connection, or the rest of one."""
FIRST_PROBES, SECOND_PROBES = 0x10, 0x20
"""The end sends keepalive probes."""
BEATS = 0x40
"""An application sends heartbeats."""
NOTABLE = 0x80
"""Findings draw on it: it is not plain. A plain one shows no probe, no heartbeat, no long silence and no trouble."""


def brief(rows: Rows, told: Told, it: int, outcome: int) -> int:
    found = outcome
    if not told.ends.has_spoken[2 * it] and not told.ends.has_spoken[2 * it + 1]:
        return found | NEVER_OPENED
    found |= FIRST_PROBES if told.ends.probes[2 * it] else 0
    found |= SECOND_PROBES if told.ends.probes[2 * it + 1] else 0
    found |= BEATS if has_heartbeats(rows, told.flows.flow[it], told.flows.reset_row[it]) else 0
    is_quiet = found == outcome and not has_silence(rows, told, it, outcome) and not is_in_trouble(told.flows, it)
    return found if is_quiet and has_fared_well(rows, told, it, outcome) else found | NOTABLE


def has_silence(rows: Rows, told: Told, it: int, outcome: int) -> bool:
    """It was silent for long, between segments or since the last one."""
    t, last_ns = told.flows, rows.flows.last_ns[told.flows.flow[it]]
    is_told = t.first_silence[it + 1] > t.first_silence[it] or rows.flows.max_idle_ns[t.flow[it]] >= LONG_NS
    return bool(is_told or (outcome == ALIVE and t.capture_end_ns[it] - last_ns >= LONG_NS))


def has_fared_well(rows: Rows, told: Told, it: int, outcome: int) -> bool:
    """Open for as long as it was watched; or closed, by a RST only where its end had closed and nothing asked."""
    row = told.flows.reset_row[it]
    if outcome != CLOSED:
        return (outcome == ALIVE or outcome == UNKNOWN) and not rows.flows.watched_ns[told.flows.flow[it]]
    if row == NEVER:
        return True
    is_asked_for = rows.segments.tag[row] != RST_TAG or rows.segments.of[row] != NEVER or told.flows.reset_unheard[it]
    return bool(told.ends.fin_frame[2 * it + rows.candidates.end[row]] and not is_asked_for)


def is_in_trouble(t: Any, it: int) -> bool:
    """What one end sends goes unanswered, or its answers unheard."""
    return bool(t.deaf_end[it] != NEVER or t.persisting_end[it] != NEVER or t.resending_end[it] != NEVER)


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
