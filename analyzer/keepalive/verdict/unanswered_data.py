"""The rules for data, FINs and window probes that are sent again and again: unanswered, or answered and unheard.

Keepalive is suspended all the while. Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from analyzer.keepalive.story.resends import SHORTEST_BACKOFF_NS
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import EVIDENCE, Batch, conclude, note_delay, show_asked, show_sent, show_tries
from analyzer.keepalive.verdict.os_errors import ETIMEDOUT, icmp_errno, link_errno
from analyzer.keepalive.verdict.unanswered_probes import (
    cause_of,
    is_first_try,
    is_one_way,
    last_asked_ns,
    outcome_of,
    why_unresponsive,
)
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT

UNRESPONSIVE_NS = 5_000_000_000
"""Resends over a shorter time may be mere loss."""
LONGEST_BACKOFF_NS = 120_000_000_000
"""No stack waits longer between resends (TCP_RTO_MAX)."""
LATE_TRY_NS = 1_000_000_000
"""A resend after so long is not the first try: one more that nothing answers is no mere loss."""
FEWEST_TRIES = 5
"""No stack gives up data after fewer resends (Windows TcpMaxDataRetransmissions)."""


def data_was_given_up(batch: Batch, flow_row: int) -> bool:
    """Conclude TIMED_OUT or UNREACHABLE where resends ceased unanswered: the give-up itself is silent.

    See tcp_timer.c tcp_write_timeout. Where nobody answers ARP for the peer, the solicitations stand for resends that
    are not sent.
    """
    t, v, asked = batch.stories.flows, batch.verdicts, batch.asked
    if not is_unresponsive(batch, flow_row):
        return False
    end_row = 2 * flow_row + t.unresponsive_end[flow_row]
    row = batch.stories.ends.resend_row[end_row]
    last_ns = batch.rows.candidates.ts_ns[row]
    try_ns, before_ns, first = (
        last_ns,
        last_ns - max(batch.rows.candidates.own_ns[row], 0),
        batch.context.first_asked[flow_row],
    )
    for one in range(first, first + batch.context.asked[flow_row]):
        if is_first_try(asked, first, one) and asked.ts_ns[one] > last_ns:
            try_ns, before_ns = asked.ts_ns[one], try_ns
    last_ns, wait_ns = max(last_ns, last_asked_ns(batch, flow_row)), next_try_ns(try_ns - before_ns)
    if t.capture_end_ns[flow_row] - max(last_ns, batch.rows.flows.last_ns[t.flow[flow_row]]) <= wait_ns + wait_ns // 4:
        return False
    heard_ns, why = heard_by_unresponsive_ns(batch, flow_row), why_given_up(batch, flow_row)
    conclude(
        batch,
        flow_row,
        outcome_of(why),
        values.LIKELY,
        because(values.DATA_GIVEN_UP, because(values.SILENT_GIVE_UP, why)),
    )
    v.cause[flow_row], v.errno[flow_row] = cause_of(why), errno_of_data(batch, flow_row, cause_of(why))
    note_delay(batch, flow_row, last_ns + wait_ns, heard_ns)
    show_tries(batch, flow_row, batch.stories.flows.unresponsive_end[flow_row])
    show_asked(batch, flow_row)
    return True


def is_unresponsive(batch: Batch, flow_row: int) -> bool:
    """Tell whether one end sends again and again what nothing answers, and that is no mere loss.

    A single resend of data may be no resend at all, where the capture has holes.
    """
    end = batch.stories.flows.unresponsive_end[flow_row]
    if end == ABSENT:
        return False
    row = batch.stories.ends.resend_row[2 * flow_row + end]
    is_late = batch.rows.candidates.own_ns[row] >= LATE_TRY_NS and batch.rows.segments.tag[row] != tag.RETRANSMISSION
    return bool(batch.stories.ends.resends[2 * flow_row + end] > 1 or is_late)


def heard_by_unresponsive_ns(batch: Batch, flow_row: int) -> int:
    """Return when the end that does not answer was last heard at all, -1 if never in this capture."""
    t = batch.stories.flows
    heard_ns: int = batch.rows.ends.last_ns[2 * t.flow[flow_row] + 1 - t.unresponsive_end[flow_row]]
    return heard_ns


def why_given_up(batch: Batch, flow_row: int) -> int:
    """Return the reasons for a give-up of data, packed.

    ICMP errors about what is in flight become the errno; those about a probe of a closed window do not.
    """
    e, end_row = batch.stories.ends, 2 * flow_row + batch.stories.flows.unresponsive_end[flow_row]
    if e.icmp[end_row] != ABSENT:
        return because(values.ICMP_QUOTES_DATA, 0)
    return because(values.ICMP_DISCARDED, 0) if e.icmp_errors[end_row] else why_unresponsive(batch, flow_row)


def errno_of_data(batch: Batch, flow_row: int, cause: int) -> int:
    """Return what the application gets when its data is given up.

    The host's own error for a neighbour that is gone quotes no window probe, so that its application sees none.
    """
    c, e, end_row = (
        batch.rows.candidates,
        batch.stories.ends,
        2 * flow_row + batch.stories.flows.unresponsive_end[flow_row],
    )
    row = e.resend_row[end_row]
    if e.icmp[end_row] != ABSENT:
        return icmp_errno(e.icmp[end_row])
    is_window_probe = batch.rows.segments.tag[row] == tag.WINDOW_PROBE and not c.payload_len[row]
    return link_errno(batch.context.asked[flow_row]) if cause == values.LINK_DEAD and not is_window_probe else ETIMEDOUT


def next_try_ns(spacing_ns: int) -> int:
    """Return the longest time in ns until the next resend or window probe: the wait doubles (RFC 6298 §5.5)."""
    return min(max(2 * spacing_ns, SHORTEST_BACKOFF_NS), LONGEST_BACKOFF_NS)


def data_goes_unanswered(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where data is sent again and again without an answer: keepalive does not watch over it."""
    if (
        not is_unresponsive(batch, flow_row)
        or batch.stories.flows.capture_end_ns[flow_row] - heard_by_unresponsive_ns(batch, flow_row) < UNRESPONSIVE_NS
    ):
        return False
    conclude(
        batch,
        flow_row,
        values.UNDETECTED,
        values.LIKELY,
        because(values.DATA_UNANSWERED, why_unresponsive(batch, flow_row)),
    )
    show_tries(batch, flow_row, batch.stories.flows.unresponsive_end[flow_row])
    return True


def window_was_given_up(batch: Batch, flow_row: int) -> bool:
    """Conclude TIMED_OUT where probes of a closed window ceased although each was answered: a user timeout.

    It counts from the first of them and ends the connection in silence (tcp_timer.c tcp_probe_timer). Seen from nearer
    to the other end, they may as well be lost on the way, so that the outcome is UNKNOWN.
    """
    e, t, v, ends = batch.stories.ends, batch.stories.flows, batch.verdicts, batch.rows.ends
    end_row, flow = 2 * flow_row + t.persisting_end[flow_row], t.flow[flow_row]
    if t.persisting_end[flow_row] == ABSENT or e.window_probes[end_row] < 2:
        return False
    wait_ns = next_try_ns(e.window_ns[end_row] - e.window_before_ns[end_row])
    if t.capture_end_ns[flow_row] - batch.rows.flows.last_ns[flow] <= wait_ns + wait_ns // 4:
        return False
    own = 2 * flow + t.persisting_end[flow_row]
    if capture_rtt_ns(ends, own) > capture_rtt_ns(ends, own ^ 1):  # captured nearer to the other
        conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.PROBES_CEASED, 0))
        show_sent(
            batch,
            flow_row,
            t.persisting_end[flow_row],
            tag.WINDOW_PROBE,
            e.window_place[end_row],
            e.window_probes[end_row] - EVIDENCE,
        )
        return True
    conclude(
        batch,
        flow_row,
        values.TIMED_OUT,
        values.LIKELY,
        because(values.WINDOW_STAYED_CLOSED, because(values.SILENT_GIVE_UP, 0)),
    )
    v.errno[flow_row], v.detection_delay_ns[flow_row] = (
        ETIMEDOUT,
        e.window_ns[end_row] + wait_ns - e.window_first_ns[end_row],
    )
    show_sent(batch, flow_row, t.persisting_end[flow_row], tag.WINDOW_PROBE, e.window_place[end_row], 0)
    return True


def acks_are_unheard(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where data is sent again and again although it was acknowledged: one way is broken.

    Its sender will get an error. Once that has ceased, its sender has given up, or one of the ACKs has arrived: the
    capture does not say which, and the outcome is UNKNOWN.
    """
    e, t, end = batch.stories.ends, batch.stories.flows, batch.stories.flows.resending_end[flow_row]
    if not is_one_way(batch, flow_row):
        return False
    end_row, last_ns = 2 * flow_row + end, e.spurious_ns[2 * flow_row + end]
    wait_ns = next_try_ns(e.spurious_wait_ns[end_row])
    if t.capture_end_ns[flow_row] - last_ns <= wait_ns + wait_ns // 4:
        conclude(batch, flow_row, values.UNDETECTED, values.LIKELY, because(values.ACKS_UNHEARD, 0))
        batch.verdicts.cause[flow_row] = values.PATH_DROPPED
    elif e.spurious_resends[end_row] < FEWEST_TRIES or batch.rows.flows.last_ns[t.flow[flow_row]] > last_ns + wait_ns:
        return False
    else:
        conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.ACKS_UNHEARD, 0))
    show_sent(batch, flow_row, end, tag.RETRANSMISSION, e.spurious_place[end_row], 0)
    return True
