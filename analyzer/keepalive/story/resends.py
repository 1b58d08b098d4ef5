"""Resends of data, FINs and window probes: whether the other end was heard since, and whether they were needed.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.model.retransmission import LATE, linux_gives_up_ns, windows_gives_up_ns
from analyzer.keepalive.story.gaps import Rows, StoryTables, is_in_flight
from analyzer.keepalive.tags.rules import is_extra
from analyzer.keepalive.tags.tag import DATA, HEARTBEAT, RETRANSMISSION, WINDOW_PROBE
from analyzer.schema import ABSENT
from analyzer.sequence import seq_diff
from analyzer.tcp import segment_facts

SHORTEST_BACKOFF_NS = 3_000_000_000
"""Resends that follow sooner are the first ones, which need not double (RFC 8985 §7.2, RFC 1122 §4.2.3.1)."""
LONGEST_BACKOFF_NS = 120_000_000_000
"""No stack waits longer between resends (TCP_RTO_MAX)."""
SHORTEST_RTO_NS = 100_000_000
"""Shortest wait before a timer's resend: what comes sooner is a copy, or sent for a duplicate ACK (Linux TCP_RTO_MIN is
200 ms)."""


def note_resend(segment: Any, row: int, own: Any) -> None:
    """Count what a timer sends again: the oldest segment that is unacknowledged, and not at once.

    What is sent again from further ahead shows that the capture lacks the ACKs of what came before.
    """
    if segment.facts & segment_facts.AT_UNA and segment.own_ns >= SHORTEST_RTO_NS:
        count_try(row, own)


def count_try(row: int, own: Any) -> None:
    """Count one more resend of an end, and note its row."""
    if not own.resends:
        own.first_resend_row = row
    own.resend_row = row
    own.resends += 1


def forget_heard_resends(c: Any, own: Any, heard_ns: int, place: int) -> None:
    """Begin the end's account of resends anew if the other end was heard since the last one, in whatever segment.

    Most ACKs are no candidates: only the time of the other end's last segment shows that one came.
    """
    if own.resends and heard_ns > c[own.resend_row].ts_ns:
        own.resends, own.unheard_place = 0, place


def goes_unanswered(rows: Rows, flow: int, end: int, own: Any) -> bool:
    """Tell whether what the end sent again is still unacknowledged, and nothing of the other end came since.

    An end that goes on with something else when the next resend is due has heard an ACK that the capture lacks.
    """
    tracked, tracked_peer = rows.ends[2 * flow + end], rows.ends[2 * flow + 1 - end]
    if not own.resends:
        return False
    resend = rows.candidates[own.resend_row]
    is_window_probe = rows.segments[own.resend_row].tag == WINDOW_PROBE
    goes_on = tracked.last_ns - resend.ts_ns > max(2 * resend.own_ns, SHORTEST_BACKOFF_NS)
    is_waiting = is_window_probe or is_in_flight(tracked)
    return bool(tracked_peer.last_ns <= resend.ts_ns and is_waiting and not goes_on)


def unacknowledged_end(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return the end whose data is unacknowledged and sent again when the story ends, ABSENT if none.

    What a closed window holds back is none: its sender only probes the window.
    """
    story = stories.flows[flow_row]
    end = story.unresponsive_end
    if end == ABSENT or story.reset_row != ABSENT:
        return ABSENT
    sender = stories.ends[2 * flow_row + end]
    is_window_probe = rows.segments[sender.resend_row].tag == WINDOW_PROBE
    is_sent = unacknowledged_octets(rows.ends[2 * story.flow + end]) > 0
    return int(end) if is_sent and not is_window_probe else ABSENT


def stuck_end(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return the end whose data is unacknowledged, ABSENT if none, or where it seems so for want of an ACK in the
    capture.

    After a single resend, and twice the longest wait until the next, its sender has heard an ACK, or has gone. Where
    the capture's clock was set back since, nothing is known of the time.
    """
    end = unacknowledged_end(rows, stories, flow_row)
    if end == ABSENT:
        return ABSENT
    sender = stories.ends[2 * flow_row + end]
    resend = rows.candidates[sender.resend_row]
    end_ns = stories.flows.capture_end_ns[flow_row]
    since_ns, _, _ = tries_of(rows, stories.flows.flow[flow_row], sender)
    is_over = sender.resends == 1 and end_ns - resend.ts_ns > 2 * next_try_ns(resend.own_ns)
    return ABSENT if is_over or since_ns > end_ns else end


def next_try_ns(spacing_ns: int) -> int:
    """Return the longest time in ns until the next resend or window probe: the wait doubles (RFC 6298 §5.5)."""
    return min(max(2 * spacing_ns, SHORTEST_BACKOFF_NS), LONGEST_BACKOFF_NS)


def unacknowledged_octets(tracked: Any) -> int:
    """Return how many octets of data an end has sent that nothing acknowledged."""
    if tracked.snd_una == ABSENT:
        return int(tracked.last_len)
    has_closed = tracked.fin_seq != ABSENT and seq_diff(tracked.fin_seq, tracked.snd_una) >= 0
    return seq_diff(tracked.snd_nxt, tracked.snd_una) - has_closed


def tries_of(rows: Rows, flow: int, own: Any) -> tuple[int, int, int]:
    """Return when what an end sends again was sent first, in ns, the row of the first resend, and the number of these,
    whether the other end was heard in between or not.

    If the capture shows only resends, it was sent with its end's last segment before the first of them. Window probes
    and FINs count since the other end was heard: what came before was answered.
    """
    c, last = rows.candidates, own.resend_row
    since_ns, first, resends = ABSENT, ABSENT, 0
    if rows.segments.tag[last] != RETRANSMISSION:
        first = own.first_resend_row
        return int(c.ts_ns[first] - max(c.own_ns[first], 0)), int(first), int(own.resends)
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        of = rows.segments.tag[row]
        is_again = row == last or (of == RETRANSMISSION and not is_extra(c, row))
        is_same = c.end[row] == c.end[last] and c.seq[row] == c.seq[last]
        if not is_same or not (is_again or of == DATA or of == HEARTBEAT):
            continue
        if since_ns == ABSENT:
            since_ns = c.ts_ns[row] - max(c.own_ns[row], 0) if is_again else c.ts_ns[row]
        if is_again:
            first = row if first == ABSENT else first
            resends += 1
    return int(since_ns), int(first), resends


def earliest_give_up_ns(c: Any, since_ns: int, first: int, last: int, resends: int) -> int:
    """Return the earliest time at which the sender gives up, in ns since the data was sent; ABSENT if that has passed.

    Windows gives up earlier than Linux, unless so many resends were seen that it cannot be Windows. `first` and `last`
    are the rows of the first and the last resend.
    """
    since_first_ns, wait_ns = resend_times_ns(c, first, last)
    windows_ns = windows_gives_up_ns(since_first_ns, wait_ns, resends)
    left_ns = windows_ns if windows_ns != ABSENT else linux_gives_up_ns(since_first_ns, wait_ns)
    return int(c.ts_ns[first] - since_ns + left_ns)


def latest_give_up_ns(c: Any, since_ns: int, first: int, last: int) -> int:
    """Return the latest such time, in ns since the data was sent: Linux's, with each timer as late as it may be."""
    since_first_ns, wait_ns = resend_times_ns(c, first, last)
    left_ns = linux_gives_up_ns(since_first_ns, wait_ns) - since_first_ns
    return int(c.ts_ns[first] - since_ns + since_first_ns + left_ns + left_ns // LATE)


def resend_times_ns(c: Any, first: int, last: int) -> tuple[int, int]:
    """Return the time from the first resend to the last, and the wait before the last, in ns."""
    return int(c.ts_ns[last] - c.ts_ns[first]), int(max(c.own_ns[last], SHORTEST_RTO_NS))


def note_spurious_resend(segment: Any, place: int, own: Any) -> None:
    """Count a resend of what was acknowledged, as far as was captured: its end has not heard the ACK."""
    if segment.in_flight != 0 or segment.own_ns == ABSENT:
        return
    if segment.ts_ns - segment.own_ns != own.spurious_ns:  # it sent something else in between
        own.spurious_resends = 0
        own.spurious_place, own.spurious_first_ns = place, segment.ts_ns
    own.spurious_ns, own.spurious_wait_ns = segment.ts_ns, segment.own_ns
    own.spurious_resends += 1


def resends_spuriously(rows: Rows, flow: int, end: int, own: Any) -> bool:
    """Tell whether what the end sent last was acknowledged before, and once more after it."""
    last_ns, peer_ns = rows.ends[2 * flow + end].last_ns, rows.ends[2 * flow + 1 - end].last_ns
    return bool(own.spurious_resends and last_ns == own.spurious_ns and peer_ns >= last_ns)


def note_window_probe(segment: Any, place: int, own: Any) -> None:
    """Count one more zero-window probe of an end, and note the times of the last two."""
    if not own.window_probes:
        own.window_place, own.window_first_ns = place, segment.ts_ns
    own.window_before_ns = own.window_ns if own.window_probes else ABSENT
    own.window_ns = segment.ts_ns
    own.window_probes += 1


def persists(own: Any) -> bool:
    """Tell whether an end's window probes were all answered."""
    return bool(own.window_probes and not own.resends)


def note_repeat(segment: Any, own: Any) -> None:
    """Note when an end sent a probe or a resend, and what came before: these bring nothing new."""
    previous_ns = segment.ts_ns - segment.own_ns if segment.own_ns != ABSENT else ABSENT
    if previous_ns != own.echo_ns or previous_ns == ABSENT:
        own.since_new_segment_ns = previous_ns
    own.echo_ns = segment.ts_ns
