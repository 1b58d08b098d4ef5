"""The rules for data, FINs and window probes that are sent again and again: unanswered, or answered and unheard.

Keepalive is suspended all the while. Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.story.resends import next_try_ns
from analyzer.keepalive.story.story import capture_rtt_ns
from analyzer.keepalive.tags import tag
from analyzer.keepalive.tags.rules import ANSWER_NS
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
LATE_TRY_NS = 1_000_000_000
"""A resend after so long is not the first try: one more that nothing answers is no mere loss."""
FEWEST_TRIES = 5
"""No stack gives up data after fewer resends (Windows TcpMaxDataRetransmissions)."""


def data_was_given_up(batch: Batch, flow_row: int) -> bool:
    """Conclude TIMED_OUT or UNREACHABLE where resends ceased unanswered: the give-up itself is silent.

    See tcp_timer.c tcp_write_timeout. Where nobody answers ARP for the peer, the solicitations stand for resends that
    are not sent.
    """
    story, context, verdict = batch.stories.flows[flow_row], batch.context[flow_row], batch.verdicts[flow_row]
    if not is_unresponsive(batch, flow_row):
        return False
    resend = batch.rows.candidates[sender_of_data(batch, flow_row).resend_row]
    last_ns = resend.ts_ns
    try_ns, before_ns = last_ns, last_ns - max(resend.own_ns, 0)
    for row in range(context.first_asked, context.first_asked + context.asked):
        asked_ns = batch.asked[row].ts_ns
        if is_first_try(batch.asked, context.first_asked, row) and asked_ns > last_ns:
            try_ns, before_ns = asked_ns, try_ns
    last_ns, wait_ns = max(last_ns, last_asked_ns(batch, flow_row)), next_try_ns(try_ns - before_ns)
    if story.capture_end_ns - max(last_ns, batch.rows.flows[story.flow].last_ns) <= wait_ns + wait_ns // 4:
        return False
    heard_ns, why = heard_by_unresponsive_ns(batch, flow_row), why_given_up(batch, flow_row)
    conclude(
        batch,
        flow_row,
        outcome_of(why),
        values.LIKELY,
        because(values.DATA_GIVEN_UP, because(values.SILENT_GIVE_UP, why)),
    )
    verdict.cause, verdict.errno = cause_of(why), errno_of_data(batch, flow_row, cause_of(why))
    note_delay(batch, flow_row, last_ns + wait_ns, heard_ns)
    show_tries(batch, flow_row, story.unresponsive_end)
    show_asked(batch, flow_row)
    return True


def is_unresponsive(batch: Batch, flow_row: int) -> bool:
    """Tell whether one end sends again and again what nothing answers, and that is no mere loss.

    A single resend of data may be no resend at all, where the capture has holes. One of anything else counts once an
    answer to it would be overdue.
    """
    if batch.stories.flows[flow_row].unresponsive_end == ABSENT:
        return False
    sender = sender_of_data(batch, flow_row)
    resend, ends_ns = batch.rows.candidates[sender.resend_row], batch.stories.flows[flow_row].capture_end_ns
    is_late = resend.own_ns >= LATE_TRY_NS and ends_ns - resend.ts_ns >= ANSWER_NS
    is_data = batch.rows.segments[sender.resend_row].tag == tag.RETRANSMISSION
    return bool(sender.resends > 1 or (is_late and not is_data))


def sender_of_data(batch: Batch, flow_row: int) -> Any:
    """Return the row of the end that sends again and again what nothing answers; there must be one."""
    return batch.stories.ends[2 * flow_row + batch.stories.flows[flow_row].unresponsive_end]


def heard_by_unresponsive_ns(batch: Batch, flow_row: int) -> int:
    """Return when the end that does not answer was last heard at all, -1 if never in this capture."""
    story = batch.stories.flows[flow_row]
    heard_ns: int = batch.rows.ends[2 * story.flow + 1 - story.unresponsive_end].last_ns
    return heard_ns


def why_given_up(batch: Batch, flow_row: int) -> int:
    """Return the reasons for a give-up of data, packed.

    ICMP errors about what is in flight become the errno; those about a probe of a closed window do not.
    """
    sender = sender_of_data(batch, flow_row)
    if sender.icmp != ABSENT:
        return because(values.ICMP_QUOTES_DATA, 0)
    return because(values.ICMP_DISCARDED, 0) if sender.icmp_errors else why_unresponsive(batch, flow_row)


def errno_of_data(batch: Batch, flow_row: int, cause: int) -> int:
    """Return what the application gets when its data is given up.

    The host's own error for a neighbour that is gone quotes no window probe, so that its application sees none.
    """
    sender = sender_of_data(batch, flow_row)
    if sender.icmp != ABSENT:
        return icmp_errno(sender.icmp)
    is_empty = not batch.rows.candidates[sender.resend_row].payload_len
    is_window_probe = batch.rows.segments[sender.resend_row].tag == tag.WINDOW_PROBE and is_empty
    is_told = cause == values.LINK_DEAD and not is_window_probe
    return link_errno(batch.context[flow_row].asked) if is_told else ETIMEDOUT


def data_goes_unanswered(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where data is sent again and again without an answer: keepalive does not watch over it."""
    story = batch.stories.flows[flow_row]
    if (
        not is_unresponsive(batch, flow_row)
        or story.capture_end_ns - heard_by_unresponsive_ns(batch, flow_row) < UNRESPONSIVE_NS
    ):
        return False
    conclude(
        batch,
        flow_row,
        values.UNDETECTED,
        values.LIKELY,
        because(values.DATA_UNANSWERED, why_unresponsive(batch, flow_row)),
    )
    show_tries(batch, flow_row, story.unresponsive_end)
    return True


def window_was_given_up(batch: Batch, flow_row: int) -> bool:
    """Conclude TIMED_OUT where probes of a closed window ceased although each was answered: a user timeout.

    It counts from the first of them and ends the connection in silence (tcp_timer.c tcp_probe_timer). Seen from nearer
    to the other end, they may as well be lost on the way, so that the outcome is UNKNOWN.
    """
    story, verdict = batch.stories.flows[flow_row], batch.verdicts[flow_row]
    end = story.persisting_end
    if end == ABSENT:
        return False
    sender = batch.stories.ends[2 * flow_row + end]
    if sender.window_probes < 2:
        return False
    wait_ns = next_try_ns(sender.window_ns - sender.window_before_ns)
    if story.capture_end_ns - batch.rows.flows[story.flow].last_ns <= wait_ns + wait_ns // 4:
        return False
    own = 2 * story.flow + end
    if capture_rtt_ns(batch.rows.ends, own) > capture_rtt_ns(batch.rows.ends, own ^ 1):  # captured nearer to the other
        conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.PROBES_CEASED, 0))
        skipped = sender.window_probes - EVIDENCE
        show_sent(batch, flow_row, end, tag.WINDOW_PROBE, sender.window_place, skipped)
        return True
    conclude(
        batch,
        flow_row,
        values.TIMED_OUT,
        values.LIKELY,
        because(values.WINDOW_STAYED_CLOSED, because(values.SILENT_GIVE_UP, 0)),
    )
    verdict.errno = ETIMEDOUT
    if sender.window_ns >= sender.window_first_ns:  # else the clock was set back
        verdict.detection_delay_ns = sender.window_ns + wait_ns - sender.window_first_ns
    show_sent(batch, flow_row, end, tag.WINDOW_PROBE, sender.window_place, 0)
    return True


def acks_are_unheard(batch: Batch, flow_row: int) -> bool:
    """Conclude UNDETECTED where data is sent again and again although it was acknowledged: one way is broken.

    Its sender will get an error. Once that has ceased, its sender has given up, or one of the ACKs has arrived: the
    capture does not say which, and the outcome is UNKNOWN.
    """
    if not is_one_way(batch, flow_row):
        return False
    story = batch.stories.flows[flow_row]
    sender = batch.stories.ends[2 * flow_row + story.resending_end]
    last_ns, wait_ns = sender.spurious_ns, next_try_ns(sender.spurious_wait_ns)
    if story.capture_end_ns - last_ns <= wait_ns + wait_ns // 4:
        conclude(batch, flow_row, values.UNDETECTED, values.LIKELY, because(values.ACKS_UNHEARD, 0))
        batch.verdicts[flow_row].cause = values.PATH_DROPPED
    elif sender.spurious_resends < FEWEST_TRIES or batch.rows.flows[story.flow].last_ns > last_ns + wait_ns:
        return False
    else:
        conclude(batch, flow_row, values.UNKNOWN, values.GUESS, because(values.ACKS_UNHEARD, 0))
    show_sent(batch, flow_row, story.resending_end, tag.RETRANSMISSION, sender.spurious_place, 0)
    return True
