"""The rules for data, FINs and window probes that are sent again and again: unanswered, or answered and unheard.

Kernels over a case; each fills the flow's row if it holds. Keepalive is suspended all the while.
"""

from analyzer.keepalive.story.resends import SHORTEST_BACKOFF_NS
from analyzer.keepalive.story.story import lag_ns
from analyzer.keepalive.tags.tag import RETRANSMISSION, WINDOW_PROBE
from analyzer.keepalive.verdict.batch import EVIDENCE, Case, conclude, note_delay, show_asked, show_sent, show_tries
from analyzer.keepalive.verdict.os_errors import ETIMEDOUT, icmp_errno, link_errno
from analyzer.keepalive.verdict.solicited import is_first_try
from analyzer.keepalive.verdict.unanswered_probes import cause_of, is_one_way, last_asked_ns, outcome_of, why_deaf
from analyzer.keepalive.verdict.values import (
    ACKS_UNHEARD,
    DATA_GIVEN_UP,
    DATA_UNANSWERED,
    GUESS,
    ICMP_DISCARDED,
    ICMP_QUOTES_DATA,
    LIKELY,
    LINK_DEAD,
    PATH_DROPPED,
    PROBES_CEASED,
    SILENT_GIVE_UP,
    TIMED_OUT,
    UNDETECTED,
    UNKNOWN,
    WINDOW_STAYED_CLOSED,
    because,
)
from analyzer.schema import NEVER

DEAF_NS = 5_000_000_000
"""Resends over a shorter time may be mere loss."""
LONGEST_BACKOFF_NS = 120_000_000_000
"""No stack waits longer between resends (TCP_RTO_MAX)."""
LATE_TRY_NS = 1_000_000_000
"""A resend after so long is not the first try: one more that nothing answers is no mere loss."""
FEWEST_TRIES = 5
"""No stack gives up data after fewer resends (Windows TcpMaxDataRetransmissions)."""


def data_was_given_up(case: Case, it: int) -> bool:
    """Resends ceased although nothing answered: tcp_timer.c tcp_write_timeout ends that in silence.

    Where nobody answers ARP for the peer, the solicitations stand for resends that are not sent.
    """
    t, v, asked = case.told.flows, case.verdicts, case.asked
    if not is_deaf(case, it):
        return False
    me = 2 * it + t.deaf_end[it]
    row = case.told.ends.resend_row[me]
    last_ns = case.rows.candidates.ts_ns[row]
    try_ns, before_ns, first = last_ns, last_ns - max(case.rows.candidates.own_ns[row], 0), case.around.first_asked[it]
    for one in range(first, first + case.around.asked[it]):
        if is_first_try(asked, first, one) and asked.ts_ns[one] > last_ns:
            try_ns, before_ns = asked.ts_ns[one], try_ns
    last_ns, wait_ns = max(last_ns, last_asked_ns(case, it)), next_try_ns(try_ns - before_ns)
    if t.capture_end_ns[it] - max(last_ns, case.rows.flows.last_ns[t.flow[it]]) <= wait_ns + wait_ns // 4:
        return False
    heard_ns, why = heard_by_deaf_ns(case, it), why_given_up(case, it)
    conclude(case, it, outcome_of(why), LIKELY, because(DATA_GIVEN_UP, because(SILENT_GIVE_UP, why)))
    v.cause[it], v.errno[it] = cause_of(why), errno_of_data(case, it, cause_of(why))
    note_delay(case, it, last_ns + wait_ns, heard_ns)
    show_tries(case, it, case.told.flows.deaf_end[it])
    show_asked(case, it)
    return True


def is_deaf(case: Case, it: int) -> bool:
    """One end sends again and again what nothing answers, and that is no mere loss.

    Of data one resend may be no resend at all, where the capture has holes.
    """
    end = case.told.flows.deaf_end[it]
    if end == NEVER:
        return False
    row = case.told.ends.resend_row[2 * it + end]
    is_late = case.rows.candidates.own_ns[row] >= LATE_TRY_NS and case.rows.segments.tag[row] != RETRANSMISSION
    return bool(case.told.ends.resends[2 * it + end] > 1 or is_late)


def heard_by_deaf_ns(case: Case, it: int) -> int:
    """When the other end was last heard at all, -1 if never in this capture."""
    t = case.told.flows
    heard_ns: int = case.rows.ends.last_ns[2 * t.flow[it] + 1 - t.deaf_end[it]]
    return heard_ns


def why_given_up(case: Case, it: int) -> int:
    """ICMP errors about what is in flight become the errno; those about a probe of a closed window do not."""
    e, me = case.told.ends, 2 * it + case.told.flows.deaf_end[it]
    if e.icmp[me] != NEVER:
        return because(ICMP_QUOTES_DATA, 0)
    return because(ICMP_DISCARDED, 0) if e.icmp_errors[me] else why_deaf(case, it)


def errno_of_data(case: Case, it: int, cause: int) -> int:
    """The host's own error for a neighbour that is gone quotes no window probe, so that its application sees none."""
    c, e, me = case.rows.candidates, case.told.ends, 2 * it + case.told.flows.deaf_end[it]
    row = e.resend_row[me]
    if e.icmp[me] != NEVER:
        return icmp_errno(e.icmp[me])
    is_window_probe = case.rows.segments.tag[row] == WINDOW_PROBE and not c.payload_len[row]
    return link_errno(case.around.asked[it]) if cause == LINK_DEAD and not is_window_probe else ETIMEDOUT


def next_try_ns(spacing_ns: int) -> int:
    """The longest until the next resend or window probe: the wait doubles (RFC 6298 §5.5)."""
    return min(max(2 * spacing_ns, SHORTEST_BACKOFF_NS), LONGEST_BACKOFF_NS)


def data_goes_unanswered(case: Case, it: int) -> bool:
    """Data sent again and again with no sign of the other end: keepalive does not watch over it."""
    if not is_deaf(case, it) or case.told.flows.capture_end_ns[it] - heard_by_deaf_ns(case, it) < DEAF_NS:
        return False
    conclude(case, it, UNDETECTED, LIKELY, because(DATA_UNANSWERED, why_deaf(case, it)))
    show_tries(case, it, case.told.flows.deaf_end[it])
    return True


def window_was_given_up(case: Case, it: int) -> bool:
    """Probes of a closed window ceased although each was answered: a user timeout (tcp_timer.c tcp_probe_timer).

    It counts from the first of them and ends the connection in silence; keepalive is suspended all the while.
    Seen from the other end they may as well be lost on the way.
    """
    e, t, v, ends = case.told.ends, case.told.flows, case.verdicts, case.rows.ends
    me, flow = 2 * it + t.persisting_end[it], t.flow[it]
    if t.persisting_end[it] == NEVER or e.window_probes[me] < 2:
        return False
    wait_ns = next_try_ns(e.window_ns[me] - e.window_before_ns[me])
    if t.capture_end_ns[it] - case.rows.flows.last_ns[flow] <= wait_ns + wait_ns // 4:
        return False
    own = 2 * flow + t.persisting_end[it]
    if lag_ns(ends, own) > lag_ns(ends, own ^ 1):  # captured nearer to the other
        conclude(case, it, UNKNOWN, GUESS, because(PROBES_CEASED, 0))
        show_sent(case, it, t.persisting_end[it], WINDOW_PROBE, e.window_place[me], e.window_probes[me] - EVIDENCE)
        return True
    conclude(case, it, TIMED_OUT, LIKELY, because(WINDOW_STAYED_CLOSED, because(SILENT_GIVE_UP, 0)))
    v.errno[it], v.detection_delay_ns[it] = ETIMEDOUT, e.window_ns[me] + wait_ns - e.window_first_ns[me]
    show_sent(case, it, t.persisting_end[it], WINDOW_PROBE, e.window_place[me], 0)
    return True


def acks_are_unheard(case: Case, it: int) -> bool:
    """Data sent again and again although it was acknowledged: one way is broken, and its sender will be told.

    Once that has ceased, its sender has given up, or one of the ACKs has arrived: the capture does not say which.
    """
    e, t, end = case.told.ends, case.told.flows, case.told.flows.resending_end[it]
    if not is_one_way(case, it):
        return False
    me, last_ns = 2 * it + end, e.vain_ns[2 * it + end]
    wait_ns = next_try_ns(e.vain_wait_ns[me])
    if t.capture_end_ns[it] - last_ns <= wait_ns + wait_ns // 4:
        conclude(case, it, UNDETECTED, LIKELY, because(ACKS_UNHEARD, 0))
        case.verdicts.cause[it] = PATH_DROPPED
    elif e.vain_resends[me] < FEWEST_TRIES or case.rows.flows.last_ns[t.flow[it]] > last_ns + wait_ns:
        return False
    else:
        conclude(case, it, UNKNOWN, GUESS, because(ACKS_UNHEARD, 0))
    show_sent(case, it, end, RETRANSMISSION, e.vain_place[me], 0)
    return True
