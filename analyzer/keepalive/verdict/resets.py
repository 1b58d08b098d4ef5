"""The rules for a connection that a RST ended and no timer: which end's host, what on the path, or the application.

Kernels over a case; each fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.verdict.batch import Case, conclude, prove, show_fins
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
from analyzer.schema import NEVER
from analyzer.sequence import seq_diff


def was_reset(case: Case, it: int) -> bool:
    """The other end's host, or something on the path, says that there is no such connection."""
    c, v, row = case.rows.candidates, case.verdicts, case.told.flows.reset_row[it]
    look_at(case.rows, case.told, it, case.resets)
    odd = odd_fields(case.resets)
    sender, is_stateless = sender_of(case.resets, odd), shows_no_state(case.rows, case.told, it)
    if sender == THE_PATH and not (case.told.ends.has_spoken[2 * it] and case.told.ends.has_spoken[2 * it + 1]):
        sender = UNDECIDED
    has_answered_probe = probe_was_reset(case, it)
    if has_answered_probe:
        reason = RST_ANSWERS_PROBE
        prove(case, it, c.frame[probe_of(case.rows, case.told, it)])
    elif data_was_reset(case, it) and is_stateless:
        reason = RST_WITHOUT_STATE
    elif was_reset_unasked(case, it, sender):
        reason = RST_UNASKED
    else:
        return False
    prove(case, it, c.frame[row])
    had_state = has_answered_probe or case.told.ends.has_spoken[2 * it + c.end[row]] > 0  # or the handshake failed
    is_the_end = sender == THE_END and is_stateless and had_state
    if sender == THE_PATH:
        v.cause[it], why = PATH_RESET, looks(odd)
    elif is_the_end:
        had_closed = case.told.ends.fin_frame[2 * it + c.end[row]] > 0
        v.cause[it] = PEER_LOST_STATE
        why = because(RST_LOOKS_NATIVE, because(PEER_HAD_CLOSED, 0) if had_closed else 0)
    else:
        why = because(RST_UNDECIDED, 0)
    is_certain = odd & odd - 1 if sender == THE_PATH else is_the_end and not odd and is_next_door(case.resets)
    conclude(case, it, RESET, CERTAIN if is_certain else LIKELY, because(reason, why))
    v.prober[it] = 1 - c.end[row] if case.told.ends.probes[2 * it + 1 - c.end[row]] else NEVER
    v.errno[it] = errno_of_reset(case, it)
    v.detection_delay_ns[it] = c.own_ns[row]
    return True


def probe_was_reset(case: Case, it: int) -> bool:
    """A RST came back for a probe (RFC 9293 §3.10.7.1, RFC 1122 §4.2.3.6)."""
    return probe_of(case.rows, case.told, it) != NEVER


def data_was_reset(case: Case, it: int) -> bool:
    """A RST came back for data, and neither end had closed: a host answers so for a closed socket, too."""
    fins = case.told.ends.fin_frame
    return bool(case.told.flows.reset_follows_data[it] and not fins[2 * it] and not fins[2 * it + 1])


def was_reset_unasked(case: Case, it: int, sender: int) -> bool:
    """A RST that is not, or not surely, the end's own, and neither timer nor probe explains it."""
    end = case.rows.candidates.end[case.told.flows.reset_row[it]]
    is_timer = is_give_up(case.rows, case.told, it)
    has_closed = case.told.ends.fin_frame[2 * it + end]
    return bool(sender != THE_END and case.resets.usual_ttl[0] != NEVER and not is_timer and not has_closed)


def is_next_door(r: Any) -> bool:
    """No router has passed the RST on, so that nobody beyond the link can have sent it in the end's name."""
    return r.usual_ttl[0] != NEVER and hops_of(r.ttl[0]) == 0


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


def was_reset_by_application(case: Case, it: int) -> bool:
    """A RST that no timer and no probe explains; the other application sees nothing of it, if it no longer arrives."""
    c, t, v = case.rows.candidates, case.told.flows, case.verdicts
    row = t.reset_row[it]
    conclude(case, it, CLOSED, LIKELY, because(RST_BY_APPLICATION, 0))
    v.cause[it] = APPLICATION
    v.errno[it] = errno_of_reset(case, it) if t.run_end[it] != c.end[row] else NEVER
    show_fins(case, it)
    prove(case, it, c.frame[row])
    return True


def errno_of_reset(case: Case, it: int) -> int:
    """Nothing, if the other application has closed too. One that has only shut down its sending half and still reads
    is in FIN_WAIT2, where a RST is what it always is (tcp_input.c tcp_reset). If only the end that resets had closed,
    the other is in CLOSE_WAIT."""
    fins, end = case.told.ends.fin_frame, case.rows.candidates.end[case.told.flows.reset_row[it]]
    own, other = fins[2 * it + end], fins[2 * it + 1 - end]
    if other and (own or not reads_on(case, it, 1 - end)):
        return NEVER
    return reset_errno(own > 0)


def reads_on(case: Case, it: int, end: int) -> bool:
    """After its FIN it acknowledged data or probed: its application has only shut down its sending half. A host
    answers data for a socket that was closed with a RST (RFC 9293 §3.6.1), and does not probe for it."""
    e, me = case.told.ends, 2 * it + end
    acked = case.rows.ends.snd_una[2 * case.told.flows.flow[it] + 1 - end]
    more = seq_diff(acked, e.fin_ack[me]) - (e.fin_frame[me ^ 1] > 0) if acked != NEVER else 0
    if more > 0 or not e.probes[me]:
        return more > 0
    return bool(case.rows.candidates.frame[case.told.probes.row[e.last_probe[me]]] > e.fin_frame[me])
