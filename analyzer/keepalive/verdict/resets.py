"""The rules for a connection that a RST ended and no timer: which end's host, what on the path, or the application.

Kernels over a case; each fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.verdict.batch import Batch, conclude, prove, show_fins
from analyzer.keepalive.verdict.os_errors import reset_errno
from analyzer.keepalive.verdict.rst import (
    HASTE,
    IP_ID,
    ONCE,
    THE_END,
    THE_PATH,
    TIMESTAMP,
    TTL,
    UNDECIDED,
    WINDOW,
    hops_of,
    is_give_up,
    look_at,
    odd_fields,
    probe_of,
    sender_of,
    shows_no_state,
)
from analyzer.keepalive.verdict.values import (
    APPLICATION,
    CERTAIN,
    CLOSED,
    LIKELY,
    PATH_RESET,
    PEER_HAD_CLOSED,
    PEER_LOST_STATE,
    RESET,
    RST_ANSWERS_PROBE,
    RST_BY_APPLICATION,
    RST_CAPTURED_ONCE,
    RST_DIFFERS_IN_MORE,
    RST_LOOKS_FOREIGN,
    RST_LOOKS_NATIVE,
    RST_TOO_SOON,
    RST_UNASKED,
    RST_UNDECIDED,
    RST_WITHOUT_STATE,
    because,
)
from analyzer.schema import ABSENT
from analyzer.sequence import seq_diff


def was_reset(batch: Batch, flow_row: int) -> bool:
    """The other end's host, or something on the path, says that there is no such connection."""
    c, v, row = batch.rows.candidates, batch.verdicts, batch.stories.flows.reset_row[flow_row]
    look_at(batch.rows, batch.stories, flow_row, batch.resets)
    odd = odd_fields(batch.resets)
    sender, is_stateless = sender_of(batch.resets, odd), shows_no_state(batch.rows, batch.stories, flow_row)
    if sender == THE_PATH and not (
        batch.stories.ends.has_spoken[2 * flow_row] and batch.stories.ends.has_spoken[2 * flow_row + 1]
    ):
        sender = UNDECIDED
    has_answered_probe = probe_was_reset(batch, flow_row)
    if has_answered_probe:
        reason = RST_ANSWERS_PROBE
        prove(batch, flow_row, c.frame[probe_of(batch.rows, batch.stories, flow_row)])
    elif data_was_reset(batch, flow_row) and is_stateless:
        reason = RST_WITHOUT_STATE
    elif was_reset_unasked(batch, flow_row, sender):
        reason = RST_UNASKED
    else:
        return False
    prove(batch, flow_row, c.frame[row])
    had_state = (
        has_answered_probe or batch.stories.ends.has_spoken[2 * flow_row + c.end[row]] > 0
    )  # or the handshake failed
    is_the_end = sender == THE_END and is_stateless and had_state
    if sender == THE_PATH:
        v.cause[flow_row], why = PATH_RESET, looks(odd)
    elif is_the_end:
        had_closed = batch.stories.ends.fin_frame[2 * flow_row + c.end[row]] > 0
        v.cause[flow_row] = PEER_LOST_STATE
        why = because(RST_LOOKS_NATIVE, because(PEER_HAD_CLOSED, 0) if had_closed else 0)
    else:
        why = because(RST_UNDECIDED, 0)
    is_certain = odd & odd - 1 if sender == THE_PATH else is_the_end and not odd and is_next_door(batch.resets)
    conclude(batch, flow_row, RESET, CERTAIN if is_certain else LIKELY, because(reason, why))
    v.prober[flow_row] = 1 - c.end[row] if batch.stories.ends.probes[2 * flow_row + 1 - c.end[row]] else ABSENT
    v.errno[flow_row] = errno_of_reset(batch, flow_row)
    v.detection_delay_ns[flow_row] = c.own_ns[row]
    return True


def probe_was_reset(batch: Batch, flow_row: int) -> bool:
    """A RST came back for a probe (RFC 9293 §3.10.7.1, RFC 1122 §4.2.3.6)."""
    return probe_of(batch.rows, batch.stories, flow_row) != ABSENT


def data_was_reset(batch: Batch, flow_row: int) -> bool:
    """A RST came back for data, and neither end had closed: a host answers so for a closed socket, too."""
    fins = batch.stories.ends.fin_frame
    return bool(
        batch.stories.flows.reset_follows_data[flow_row] and not fins[2 * flow_row] and not fins[2 * flow_row + 1]
    )


def was_reset_unasked(batch: Batch, flow_row: int, sender: int) -> bool:
    """A RST that is not, or not surely, the end's own, and neither timer nor probe explains it."""
    end = batch.rows.candidates.end[batch.stories.flows.reset_row[flow_row]]
    is_timer = is_give_up(batch.rows, batch.stories, flow_row)
    has_closed = batch.stories.ends.fin_frame[2 * flow_row + end]
    return bool(sender != THE_END and batch.resets.usual_ttl[0] != ABSENT and not is_timer and not has_closed)


def is_next_door(r: Any) -> bool:
    """No router has passed the RST on, so that nobody beyond the link can have sent it in the end's name."""
    return r.usual_ttl[0] != ABSENT and hops_of(r.ttl[0]) == 0


def looks(odd: int) -> int:
    """Packs what is unlike the end in a RST that something on the path sent, in the order of the fields."""
    why = 0
    if odd & TIMESTAMP and not odd & (IP_ID | WINDOW):
        why = because(RST_DIFFERS_IN_MORE, why)
    if odd & ONCE:
        why = because(RST_CAPTURED_ONCE, why)
    if odd & HASTE:
        why = because(RST_TOO_SOON, why)
    if odd & (IP_ID | WINDOW):
        why = because(RST_DIFFERS_IN_MORE, why)
    return because(RST_LOOKS_FOREIGN, why) if odd & TTL else why


def was_reset_by_application(batch: Batch, flow_row: int) -> bool:
    """A RST that no timer and no probe explains; the other application sees nothing of it, if it no longer arrives."""
    c, t, v = batch.rows.candidates, batch.stories.flows, batch.verdicts
    row = t.reset_row[flow_row]
    conclude(batch, flow_row, CLOSED, LIKELY, because(RST_BY_APPLICATION, 0))
    v.cause[flow_row] = APPLICATION
    v.errno[flow_row] = errno_of_reset(batch, flow_row) if t.run_end[flow_row] != c.end[row] else ABSENT
    show_fins(batch, flow_row)
    prove(batch, flow_row, c.frame[row])
    return True


def errno_of_reset(batch: Batch, flow_row: int) -> int:
    """Nothing, if the other application has closed too. One that has only shut down its sending half and still reads
    is in FIN_WAIT2, where a RST is what it always is (tcp_input.c tcp_reset). If only the end that resets had closed,
    the other is in CLOSE_WAIT."""
    fins, end = batch.stories.ends.fin_frame, batch.rows.candidates.end[batch.stories.flows.reset_row[flow_row]]
    own, other = fins[2 * flow_row + end], fins[2 * flow_row + 1 - end]
    if other and (own or not reads_on(batch, flow_row, 1 - end)):
        return ABSENT
    return reset_errno(own > 0)


def reads_on(batch: Batch, flow_row: int, end: int) -> bool:
    """After its FIN it acknowledged data or probed: its application has only shut down its sending half. A host
    answers data for a socket that was closed with a RST (RFC 9293 §3.6.1), and does not probe for it."""
    e, end_row = batch.stories.ends, 2 * flow_row + end
    acked = batch.rows.ends.snd_una[2 * batch.stories.flows.flow[flow_row] + 1 - end]
    more = seq_diff(acked, e.fin_ack[end_row]) - (e.fin_frame[end_row ^ 1] > 0) if acked != ABSENT else 0
    if more > 0 or not e.probes[end_row]:
        return more > 0
    return bool(batch.rows.candidates.frame[batch.stories.probes.row[e.last_probe[end_row]]] > e.fin_frame[end_row])
