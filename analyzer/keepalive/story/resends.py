"""Resends of data, FINs and window probes: whether the other end was heard since, and whether they were needed.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, is_in_flight
from analyzer.keepalive.tags.tag import WINDOW_PROBE
from analyzer.schema import ABSENT
from analyzer.tcp import segment_facts

SHORTEST_BACKOFF_NS = 3_000_000_000
"""Resends that follow sooner are the first ones, which need not double (RFC 8985 §7.2, RFC 1122 §4.2.3.1)."""
SHORTEST_RTO_NS = 100_000_000
"""Shortest wait before a timer's resend: what comes sooner is a copy, or sent for a duplicate ACK (Linux TCP_RTO_MIN is
200 ms)."""


def note_resend(c: Any, row: int, e: Any, end_row: int) -> None:
    """Count what a timer sends again: the oldest segment that is unacknowledged, and not at once.

    What is sent again from further ahead shows that the capture lacks the ACKs of what came before.
    """
    if c.facts[row] & segment_facts.AT_UNA and c.own_ns[row] >= SHORTEST_RTO_NS:
        count_try(row, e, end_row)


def count_try(row: int, e: Any, end_row: int) -> None:
    """Count one more resend of an end, and note its row."""
    e.resend_row[end_row] = row
    e.resends[end_row] += 1


def forget_heard_resends(c: Any, e: Any, end_row: int, heard_ns: int, place: int) -> None:
    """Begin the end's account of resends anew if the other end was heard since the last one, in whatever segment.

    Most ACKs are no candidates: only the time of the other end's last segment shows that one came.
    """
    if e.resends[end_row] and heard_ns > c.ts_ns[e.resend_row[end_row]]:
        e.resends[end_row], e.unheard_place[end_row] = 0, place


def goes_unanswered(rows: Rows, flow: int, end: int, e: Any, flow_row: int) -> bool:
    """Tell whether what the end sent again is still unacknowledged, and nothing of the other end came since.

    An end that goes on with something else when the next resend is due has heard an ACK that the capture lacks.
    """
    end_row, own, c = 2 * flow_row + end, 2 * flow + end, rows.candidates
    if not e.resends[end_row]:
        return False
    row = e.resend_row[end_row]
    is_window_probe = rows.segments.tag[row] == WINDOW_PROBE
    goes_on = rows.ends.last_ns[own] - c.ts_ns[row] > max(2 * c.own_ns[row], SHORTEST_BACKOFF_NS)
    is_waiting = is_window_probe or is_in_flight(rows.ends[own])
    return bool(rows.ends.last_ns[own ^ 1] <= c.ts_ns[row] and is_waiting and not goes_on)


def note_spurious_resend(c: Any, row: int, place: int, e: Any, end_row: int) -> None:
    """Count a resend of what was acknowledged, as far as was captured: its end has not heard the ACK."""
    if c.in_flight[row] != 0 or c.own_ns[row] == ABSENT:
        return
    if c.ts_ns[row] - c.own_ns[row] != e.spurious_ns[end_row]:  # it sent something else in between
        e.spurious_resends[end_row] = 0
        e.spurious_place[end_row], e.spurious_first_ns[end_row] = place, c.ts_ns[row]
    e.spurious_ns[end_row], e.spurious_wait_ns[end_row] = c.ts_ns[row], c.own_ns[row]
    e.spurious_resends[end_row] += 1


def resends_spuriously(rows: Rows, flow: int, end: int, e: Any, flow_row: int) -> bool:
    """Tell whether what the end sent last was acknowledged before, and once more after it."""
    end_row = 2 * flow_row + end
    last_ns, peer_ns = rows.ends.last_ns[2 * flow + end], rows.ends.last_ns[2 * flow + 1 - end]
    return bool(e.spurious_resends[end_row] and last_ns == e.spurious_ns[end_row] and peer_ns >= last_ns)


def note_window_probe(c: Any, row: int, place: int, e: Any, end_row: int) -> None:
    """Count one more zero-window probe of an end, and note the times of the last two."""
    if not e.window_probes[end_row]:
        e.window_place[end_row], e.window_first_ns[end_row] = place, c.ts_ns[row]
    e.window_before_ns[end_row] = e.window_ns[end_row] if e.window_probes[end_row] else ABSENT
    e.window_ns[end_row] = c.ts_ns[row]
    e.window_probes[end_row] += 1


def persists(e: Any, end_row: int) -> bool:
    """Tell whether an end's window probes were all answered."""
    return bool(e.window_probes[end_row] and not e.resends[end_row])


def note_repeat(c: Any, row: int, e: Any, end_row: int) -> None:
    """Note when an end sent a probe or a resend, and what came before: these bring nothing new."""
    previous_ns = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != ABSENT else ABSENT
    if previous_ns != e.echo_ns[end_row] or previous_ns == ABSENT:
        e.since_new_segment_ns[end_row] = previous_ns
    e.echo_ns[end_row] = c.ts_ns[row]
