"""What an end sends again, data, FINs or window probes: whether the other end was heard since, and whether in vain.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, is_in_flight
from analyzer.keepalive.tags.tag import WINDOW_PROBE
from analyzer.schema import NEVER
from analyzer.tcp.segment_facts import TRAIT_AT_UNA

SHORTEST_BACKOFF_NS = 3_000_000_000
"""Resends that follow sooner are the first ones, which need not double (RFC 8985 §7.2, RFC 1122 §4.2.3.1)."""
SHORTEST_RTO_NS = 100_000_000
"""What comes sooner is a copy, or sent for a duplicate ACK (Linux TCP_RTO_MIN is 200 ms)."""


def note_resend(c: Any, row: int, e: Any, me: int) -> None:
    """Counts what a timer sends again: the oldest that is unacknowledged, and not at once.

    What is sent again from further ahead shows by itself that the capture lacks the ACKs of what came before.
    """
    if c.traits[row] & TRAIT_AT_UNA and c.own_ns[row] >= SHORTEST_RTO_NS:
        count_try(row, e, me)


def count_try(row: int, e: Any, me: int) -> None:
    e.resend_row[me] = row
    e.resends[me] += 1


def forget_heard_resends(c: Any, e: Any, me: int, heard_ns: int, place: int) -> None:
    """Begins the end's account of resends anew if the other end was heard since the last one, in whatever segment.

    Most ACKs are no candidates: that one came shows in the time of the other end's last segment only.
    """
    if e.resends[me] and heard_ns > c.ts_ns[e.resend_row[me]]:
        e.resends[me], e.unheard_place[me] = 0, place


def goes_unanswered(rows: Rows, flow: int, end: int, e: Any, it: int) -> bool:
    """Tells whether what the end sent again is still unacknowledged, and nothing of the other end came since.

    An end that goes on with something else when the next resend is due has heard an ACK that the capture lacks.
    """
    me, own, c = 2 * it + end, 2 * flow + end, rows.candidates
    if not e.resends[me]:
        return False
    row = e.resend_row[me]
    is_window_probe = rows.segments.tag[row] == WINDOW_PROBE
    goes_on = rows.ends.last_ns[own] - c.ts_ns[row] > max(2 * c.own_ns[row], SHORTEST_BACKOFF_NS)
    is_waiting = is_window_probe or is_in_flight(rows.ends, own)
    return bool(rows.ends.last_ns[own ^ 1] <= c.ts_ns[row] and is_waiting and not goes_on)


def note_vain_resend(c: Any, row: int, place: int, e: Any, me: int) -> None:
    """All that it had sent was acknowledged, as far as was captured: it has not heard of that."""
    if c.in_flight[row] != 0 or c.own_ns[row] == NEVER:
        return
    if c.ts_ns[row] - c.own_ns[row] != e.vain_ns[me]:  # it sent something else in between
        e.vain_resends[me] = 0
        e.vain_place[me], e.vain_first_ns[me] = place, c.ts_ns[row]
    e.vain_ns[me], e.vain_wait_ns[me] = c.ts_ns[row], c.own_ns[row]
    e.vain_resends[me] += 1


def resends_in_vain(rows: Rows, flow: int, end: int, e: Any, it: int) -> bool:
    """What the end sent last was acknowledged before, and once more after it."""
    me = 2 * it + end
    last_ns, peer_ns = rows.ends.last_ns[2 * flow + end], rows.ends.last_ns[2 * flow + 1 - end]
    return bool(e.vain_resends[me] and last_ns == e.vain_ns[me] and peer_ns >= last_ns)


def note_window_probe(c: Any, row: int, place: int, e: Any, me: int) -> None:
    if not e.window_probes[me]:
        e.window_place[me], e.window_first_ns[me] = place, c.ts_ns[row]
    e.window_before_ns[me] = e.window_ns[me] if e.window_probes[me] else NEVER
    e.window_ns[me] = c.ts_ns[row]
    e.window_probes[me] += 1


def persists(e: Any, me: int) -> bool:
    return bool(e.window_probes[me] and not e.resends[me])


def note_echo(c: Any, row: int, e: Any, me: int) -> None:
    """A probe or a resend brings nothing new: remember what came before it."""
    previous_ns = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER
    if previous_ns != e.echo_ns[me] or previous_ns == NEVER:
        e.speech_ns[me] = previous_ns
    e.echo_ns[me] = c.ts_ns[row]
