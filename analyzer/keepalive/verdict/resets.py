"""The rules for a connection that a RST ended and no timer: a host without it did, the path, or an application.

Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.model.linux import SHORTEST_NS
from analyzer.keepalive.story.gaps import HEARD, Rows, StoryTables, ends_of, has_echo, keeps_pace, missing
from analyzer.keepalive.story.values import CYCLE, SPACING, UNHEARD
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, prove, show_fins
from analyzer.keepalive.verdict.os_errors import reset_errno
from analyzer.keepalive.verdict.reset_sender import (
    IP_ID,
    ONCE,
    THE_END,
    THE_PATH,
    TIMESTAMP,
    TOO_SOON,
    TTL,
    UNDECIDED,
    WINDOW,
    describe_rst,
    is_give_up,
    is_next_door,
    odd_fields,
    probe_of,
    sender_of,
)
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, ACK, OPENED_MIDSTREAM, RST, UNKNOWN_TTL
from analyzer.sequence import seq_diff
from analyzer.tcp import segment_facts

ON_ITS_WAY_NS = 1_000_000_000
"""What was sent before a RST came arrives within this time."""
STATE_GONE_NS = 1_000_000_000
"""No host forgets a connection sooner after it used it: a RST that follows faster is an application's abort."""


def was_reset(batch: Batch, flow_row: int) -> bool:
    """Conclude RESET where the other end's host, or something on the path, says that there is no such connection.

    The cause depends on who sent the RST; it stays open where that is undecided.
    """
    verdict, reset, rst = batch.verdicts[flow_row], batch.resets[0], rst_of(batch, flow_row)
    first, second = ends_of(batch.stories, flow_row)
    own, peer = batch.stories.ends[2 * flow_row + rst.end], batch.stories.ends[2 * flow_row + 1 - rst.end]
    describe_rst(batch.rows, batch.stories, flow_row, reset)
    odd = odd_fields(reset)
    sender, is_stateless = sender_of(reset, odd), shows_no_state(batch.rows, batch.stories, flow_row)
    if sender == THE_PATH and not (first.has_spoken and second.has_spoken):
        sender = UNDECIDED
    has_answered_probe = probe_was_reset(batch, flow_row)
    if has_answered_probe:
        reason = values.RST_ANSWERS_PROBE
        probe = batch.rows.candidates[probe_of(batch.rows, batch.stories, flow_row)]
        prove(batch, flow_row, probe.frame)
    elif data_was_reset(batch, flow_row, sender) and is_stateless and not may_lack_fin(batch, flow_row):
        reason = values.RST_WITHOUT_STATE
    elif was_reset_unasked(batch, flow_row, sender):
        reason = values.RST_UNASKED
    else:
        return False
    prove(batch, flow_row, rst.frame)
    had_state = has_answered_probe or own.has_spoken > 0  # or the handshake failed
    is_the_end = sender == THE_END and is_stateless and had_state
    if sender == THE_PATH:
        verdict.cause, why = values.PATH_RESET, differences(odd)
    elif is_the_end:
        verdict.cause = values.PEER_LOST_STATE
        why = because(values.RST_LOOKS_NATIVE, because(values.PEER_HAD_CLOSED, 0) if own.fin_frame else 0)
    else:
        why = because(values.RST_UNDECIDED, 0)
    is_certain = odd & odd - 1 if sender == THE_PATH else is_the_end and not odd and is_next_door(reset)
    confidence = values.CERTAIN if is_certain else likely(rst)
    conclude(batch, flow_row, values.RESET, confidence, because(reason, why))
    verdict.prober = 1 - rst.end if peer.probes else ABSENT
    verdict.errno = errno_of_reset(batch, flow_row)
    verdict.detection_delay_ns = rst.own_ns
    return True


def likely(rst: Any) -> int:
    """Return how sure it is whose RST this was: a guess where its distance is not known."""
    return values.GUESS if rst.ttl == UNKNOWN_TTL else values.LIKELY


def rst_of(batch: Batch, flow_row: int) -> Any:
    """Return the candidate that reset the connection; there must be one."""
    return batch.rows.candidates[batch.stories.flows[flow_row].reset_row]


def probe_was_reset(batch: Batch, flow_row: int) -> bool:
    """Tell whether the RST came back for a probe (RFC 9293 §3.10.7.1, RFC 1122 §4.2.3.6).

    One with ACK may be the give-up of the other end, of whose probes the capture may lack some.
    """
    is_ambiguous = batch.stories.flows[flow_row].lacks and rst_of(batch, flow_row).flags & ACK
    return probe_of(batch.rows, batch.stories, flow_row) != ABSENT and not is_ambiguous


def data_was_reset(batch: Batch, flow_row: int, sender: int) -> bool:
    """Tell whether the RST came back for data, and neither end had closed, or the path sent it.

    A host answers data for a closed socket in the same way.
    """
    first, second = ends_of(batch.stories, flow_row)
    is_open = not first.fin_frame and not second.fin_frame
    return bool(batch.stories.flows[flow_row].reset_follows_data and (is_open or sender == THE_PATH))


def was_reset_unasked(batch: Batch, flow_row: int, sender: int) -> bool:
    """Tell whether the RST is not surely the end's own, and neither a timer nor a FIN of that end explains it.

    One amid the end's own probes may be a timer's, unless it comes from the path.
    """
    is_timer = is_give_up(batch.rows, batch.stories, flow_row)
    has_closed = batch.stories.ends[2 * flow_row + rst_of(batch, flow_row).end].fin_frame
    is_unasked = batch.resets[0].usual_ttl != ABSENT and not is_timer and not has_closed
    return bool(is_unasked and (sender == THE_PATH or (sender == UNDECIDED and not comes_amid_probes(batch, flow_row))))


def differences(odd: int) -> int:
    """Return why a RST by something on the path is unlike the end: packed reasons, in the order of the fields."""
    why = 0
    if odd & TIMESTAMP and not odd & (IP_ID | WINDOW):
        why = because(values.RST_DIFFERS_IN_MORE, why)
    if odd & ONCE:
        why = because(values.RST_CAPTURED_ONCE, why)
    if odd & TOO_SOON:
        why = because(values.RST_TOO_SOON, why)
    if odd & (IP_ID | WINDOW):
        why = because(values.RST_DIFFERS_IN_MORE, why)
    return because(values.RST_LOOKS_FOREIGN, why) if odd & TTL else why


def was_reset_unexplained(batch: Batch, flow_row: int) -> bool:
    """Conclude UNKNOWN where the RST may be a timer's or answer what is missing: the capture lacks frames, or its end's
    probes have no answer.

    A RST without ACK that comes out of the blue shows that by itself: nearly all stacks send it as an answer only.
    A timer's comes an interval after the last probe. One that comes sooner after its end's last segment is none, and
    neither is one whose identification follows that of the segment before, if that is no unanswered probe.
    """
    rst = rst_of(batch, flow_row)
    own = batch.stories.ends[2 * flow_row + rst.end]
    is_next = missing(rst) == 0 and not own.unanswered
    story, is_amid_probes = batch.stories.flows[flow_row], comes_amid_probes(batch, flow_row)
    if is_all_there_is(batch, flow_row):
        reason = values.RST_UNEXPLAINED
    elif (rst.own_ns < SHORTEST_NS and not is_amid_probes) or (own.fin_frame and not story.lacks):
        return False
    elif (may_lack_fin(batch, flow_row) or not rst.flags & ACK) and not is_next:
        reason = values.RST_UNEXPLAINED
    elif is_amid_probes:
        reason = values.RST_AMID_PROBES
    else:
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(reason, 0))
    prove(batch, flow_row, rst.frame)
    return True


def is_all_there_is(batch: Batch, flow_row: int) -> bool:
    """Tell whether a connection that the capture enters in mid-stream shows nothing of one end but the RST, or nothing
    of the other: what the RST is about came before, or is not captured."""
    story, rst = batch.stories.flows[flow_row], rst_of(batch, flow_row)
    if batch.rows.flows[story.flow].opened != OPENED_MIDSTREAM:
        return False
    own, peer = batch.stories.ends[2 * flow_row + rst.end], batch.rows.ends[2 * story.flow + 1 - rst.end]
    return bool(not own.has_spoken or peer.last_ns == ABSENT)


def comes_amid_probes(batch: Batch, flow_row: int) -> bool:
    """Tell whether the RST's end has probed in vain, or less than any interval before.

    So may one have that probed an interval before, as nothing shows that it hears the answers that were captured.
    lwIP probes at each tick once it has read a FIN, and resets the connection in the end (core/tcp.c tcp_slowtmr).
    """
    rst = rst_of(batch, flow_row)
    own = batch.stories.ends[2 * flow_row + rst.end]
    if batch.stories.flows[flow_row].run_end == rst.end:
        return True
    probe_ns = batch.rows.candidates[batch.stories.probes[own.last_probe].row].ts_ns if own.probes else ABSENT
    if not own.probes or rst.own_ns != rst.ts_ns - probe_ns:
        return False
    if has_echo(batch.stories, flow_row, rst.end, HEARD):
        return bool(rst.own_ns < SHORTEST_NS)
    is_unheard = has_echo(batch.stories, flow_row, rst.end, UNHEARD)
    is_in_step = (own.pace_kind == CYCLE or own.pace_kind == SPACING) and keeps_pace(own, rst.own_ns)
    return bool(rst.own_ns < SHORTEST_NS or is_unheard or is_in_step)


def was_reset_by_application(batch: Batch, flow_row: int) -> bool:
    """Conclude CLOSED: no timer and no probe explains the RST, so that an application sent it.

    The other application gets no error where that end may no longer be there to receive the RST.
    """
    story, verdict, rst = batch.stories.flows[flow_row], batch.verdicts[flow_row], rst_of(batch, flow_row)
    had_closed = batch.stories.ends[2 * flow_row + rst.end].fin_frame > 0
    reason = values.RST_AFTER_CLOSE if had_closed else values.RST_BY_APPLICATION
    conclude(batch, flow_row, values.CLOSED, likely(rst), because(reason, 0))
    verdict.cause = values.APPLICATION
    verdict.errno = errno_of_reset(batch, flow_row) if story.run_end != rst.end else ABSENT
    show_fins(batch, flow_row)
    prove(batch, flow_row, rst.frame)
    return True


def errno_of_reset(batch: Batch, flow_row: int) -> int:
    """Return what the other end's application gets from the RST; ABSENT if it has closed too, or its host went on.

    Nor is it known where the end that resets may have closed before: its FIN may be missing, or the capture began
    later, it has sent no data since, and this goes on with no other flow.

    One that has only shut down its sending half and still reads is in FIN_WAIT2, where a RST is what it always is
    (tcp_input.c tcp_reset). If only the end that resets had closed, the other is in CLOSE_WAIT.
    """
    end_row = 2 * flow_row + rst_of(batch, flow_row).end
    own, peer = batch.stories.ends[end_row], batch.stories.ends[end_row ^ 1]
    flow = batch.stories.flows[flow_row].flow
    is_old = batch.rows.flows[flow].opened == OPENED_MIDSTREAM and not batch.context[flow_row].goes_on
    may_be_closed = may_lack_fin(batch, flow_row) or (is_old and batch.rows.ends[2 * flow + end_row % 2].data_ns < 0)
    if was_never_heard(batch, flow_row) or (may_be_closed and not own.fin_frame):
        return ABSENT
    if peer.fin_frame and (own.fin_frame or not reads_on(batch, flow_row, 1 - rst_of(batch, flow_row).end)):
        return ABSENT
    return reset_errno(own.fin_frame > 0)


def may_lack_fin(batch: Batch, flow_row: int) -> bool:
    """Tell whether the capture may lack a FIN of the end that resets: it lacks frames, or the end's last octets."""
    story, rst = batch.stories.flows[flow_row], rst_of(batch, flow_row)
    is_beyond = rst.relation == segment_facts.REL_BEYOND
    return bool(story.lacks or is_beyond or batch.rows.ends[2 * story.flow + rst.end].is_acked_unseen)


def was_never_heard(batch: Batch, flow_row: int) -> bool:
    """Tell whether the end to which the RST was sent goes on with the connection: the RST was lost, or not obeyed.

    What was on its way, or comes out of order, is over within a second.
    """
    rst = rst_of(batch, flow_row)
    peer = batch.rows.ends[2 * batch.stories.flows[flow_row].flow + 1 - rst.end]
    return bool(peer.last_ns > rst.ts_ns + ON_ITS_WAY_NS and not peer.last_flags & RST)


def reads_on(batch: Batch, flow_row: int, end: int) -> bool:
    """Tell whether an end acknowledged data or probed after its FIN.

    Then its application has only shut down its sending half. A host answers data for a socket that was closed with a
    RST (RFC 9293 §3.6.1), and does not probe for it.
    """
    own, peer = batch.stories.ends[2 * flow_row + end], batch.stories.ends[2 * flow_row + 1 - end]
    acked = batch.rows.ends[2 * batch.stories.flows[flow_row].flow + 1 - end].snd_una
    more = seq_diff(acked, own.fin_ack) - (peer.fin_frame > 0) if acked != ABSENT else 0
    if more > 0 or not own.probes:
        return more > 0
    return bool(batch.rows.candidates[batch.stories.probes[own.last_probe].row].frame > own.fin_frame)


def shows_no_state(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST is that of a host without such a connection, after a silence (RFC 9293 §3.10.7.1).

    It carries no ACK, and as its own number what the segment that it answers had acknowledged. For data it must offer
    no window either: stacks that abort a connection without an ACK (Cisco IOS) send what they have.
    """
    rst, probe = rows.candidates[stories.flows[flow_row].reset_row], probe_of(rows, stories, flow_row)
    if rst.flags & ACK or (rst.own_ns != ABSENT and rst.own_ns < STATE_GONE_NS):
        return False
    if probe != ABSENT:
        return bool(rst.seq == rows.candidates[probe].ack)
    is_acknowledged = rst.relation == segment_facts.REL_UNKNOWN or (
        rst.relation == segment_facts.REL_NEXT and rst.in_flight <= 0
    )
    return bool(is_acknowledged and rst.window == 0)
