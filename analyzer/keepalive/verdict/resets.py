"""The rules for a connection that a RST ended and no timer, and who sent that RST: a host, the path, or an application.

Something on the path that forges a RST builds it from nothing. The end's own stack builds it as always, after a reboot
too. So the RST's fields are compared with those of the end's own segments. Its distance is hard to hide: hops and time
weigh most, and the other fields decide where there is one hop between them.

Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.model.linux import SHORTEST_NS
from analyzer.keepalive.story.gaps import Rows, StoryTables, ends_of, missing
from analyzer.keepalive.story.values import BY_ACK
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, prove, show_fins
from analyzer.keepalive.verdict.os_errors import reset_errno
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, ACK, OPENED_MIDSTREAM, OPENED_SYN, RST, UNKNOWN_TTL
from analyzer.sequence import seq_diff
from analyzer.tcp import segment_facts

FEWEST_IDS = 3
"""Fewest IP identifications that show that an end counts them."""
KNOWN_IDS = 4
"""This many of the latest that follow each other show it, or all if fewer are known."""
COUNTS_BY = 1024
"""Between two of an end's segments that are known, its counter moves on by less than this."""
FEWEST_DUPLICATES = 2
"""Fewest segments captured twice that show that all are."""
CLEARLY_NS = 5_000_000
"""Least difference that shows: by less a host may be faster or slower to answer."""

ENOUGH = 2
"""Fields that must agree to outweigh another distance."""
ON_ITS_WAY_NS = 1_000_000_000
"""What was sent before a RST came arrives within this time."""
STATE_GONE_NS = 1_000_000_000
"""No host forgets a connection sooner after it used it: a RST that follows faster is an application's abort."""

TTL, IP_ID, WINDOW, TOO_SOON, ONCE, TIMESTAMP = (1 << bit for bit in range(6))
"""What differs from the end's own segments: distance, IP identification, window, time since the probe, number of times
that it was captured, timestamp option."""
THE_END, THE_PATH, UNDECIDED = range(3)
"""Who sent a RST: the end in whose name it comes, something on the path, or one of these."""


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
    conclude(batch, flow_row, values.RESET, values.CERTAIN if is_certain else values.LIKELY, because(reason, why))
    verdict.prober = 1 - rst.end if peer.probes else ABSENT
    verdict.errno = errno_of_reset(batch, flow_row)
    verdict.detection_delay_ns = rst.own_ns
    return True


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
    """Tell whether the RST is not surely the end's own, and neither a timer nor a FIN of that end explains it."""
    is_timer = is_give_up(batch.rows, batch.stories, flow_row)
    has_closed = batch.stories.ends[2 * flow_row + rst_of(batch, flow_row).end].fin_frame
    return bool(sender != THE_END and batch.resets[0].usual_ttl != ABSENT and not is_timer and not has_closed)


def is_next_door(reset: Any) -> bool:
    """Tell whether no router has passed the RST on: then nobody beyond the link can have sent it in the end's name."""
    return reset.usual_ttl != ABSENT and hops_of(reset.ttl) == 0


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
    if (rst.own_ns < SHORTEST_NS and not is_amid_probes) or (own.fin_frame and not story.lacks):
        return False
    if (may_lack_fin(batch, flow_row) or not rst.flags & ACK) and not is_next:
        reason = values.RST_UNEXPLAINED
    elif is_amid_probes:
        reason = values.RST_AMID_PROBES
    else:
        return False
    conclude(batch, flow_row, values.UNKNOWN, values.LIKELY, because(reason, 0))
    prove(batch, flow_row, rst.frame)
    return True


def comes_amid_probes(batch: Batch, flow_row: int) -> bool:
    """Tell whether the RST's end has probed in vain, or less than any interval before.

    lwIP probes at each tick once it has read a FIN, and resets the connection in the end (core/tcp.c tcp_slowtmr).
    """
    rst = rst_of(batch, flow_row)
    own = batch.stories.ends[2 * flow_row + rst.end]
    if batch.stories.flows[flow_row].run_end == rst.end:
        return True
    probe_ns = batch.rows.candidates[batch.stories.probes[own.last_probe].row].ts_ns if own.probes else ABSENT
    return bool(own.probes and rst.own_ns < SHORTEST_NS and rst.own_ns == rst.ts_ns - probe_ns)


def was_reset_by_application(batch: Batch, flow_row: int) -> bool:
    """Conclude CLOSED: no timer and no probe explains the RST, so that an application sent it.

    The other application gets no error where that end may no longer be there to receive the RST.
    """
    story, verdict, rst = batch.stories.flows[flow_row], batch.verdicts[flow_row], rst_of(batch, flow_row)
    had_closed = batch.stories.ends[2 * flow_row + rst.end].fin_frame > 0
    reason = values.RST_AFTER_CLOSE if had_closed else values.RST_BY_APPLICATION
    conclude(batch, flow_row, values.CLOSED, values.LIKELY, because(reason, 0))
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


def is_give_up(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST is that of a keepalive timer."""
    story = stories.flows[flow_row]
    return bool(rows.segments[story.reset_row].tag == tag.GIVE_UP_RST or story.reset_unheard)


def probe_of(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return the row of the probe that the flow's RST answers, ABSENT if none."""
    return ABSENT if is_give_up(rows, stories, flow_row) else rows.segments[stories.flows[flow_row].reset_row].of


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


def describe_rst(rows: Rows, stories: StoryTables, flow_row: int, reset: Any) -> None:
    """Fill the row of RESETS: the flow's RST, and what its end's own segments look like."""
    story, probe = stories.flows[flow_row], probe_of(rows, stories, flow_row)
    row, flow = story.reset_row, story.flow
    rst = rows.candidates[row]
    tracked = rows.ends[2 * flow + rst.end]
    reset.has_ack, reset.window = bool(rst.flags & ACK), rst.window
    reset.ttl, reset.usual_ttl = rst.ttl, tracked.most_ttl
    reset.ttl_varies = tracked.least_ttl != tracked.most_ttl
    reset.ip_id, reset.has_timestamp = rst.ip_id, rst.tsval != ABSENT
    reset.took_ns = rst.ts_ns - rows.candidates[probe].ts_ns if probe != ABSENT else ABSENT
    reset.usual_took_ns = usual_took_ns(rows, stories, flow_row, rst.end)
    describe_own_segments(rows, flow, row, reset)
    if probe != ABSENT:
        reset.is_once &= not is_duplicated(rows, flow, row) and not is_duplicated(rows, flow, probe)
    else:
        reset.is_once = 0


def describe_own_segments(rows: Rows, flow: int, reset_row: int, reset: Any) -> None:
    """Add to the row of RESETS what the end's own segments before the RST look like.

    Its probes are left out: something on the path may send those in its name.
    """
    rst = rows.candidates[reset_row]
    known, in_step, duplicates, is_native = 0, 0, 0, False
    reset.before_ip_id, reset.has_usual_timestamp = ABSENT, 0
    place = rows.starts[flow]
    while rows.order[place] != reset_row:
        segment, what = rows.candidates[rows.order[place]], rows.segments[rows.order[place]].tag
        place += 1
        if segment.end != rst.end or what == tag.ICMP_UNREACHABLE or what == tag.PROBE:
            continue
        is_duplicate = what == tag.DUPLICATE_FRAME
        duplicates += is_duplicate
        is_native |= segment.ttl == rst.ttl and (is_duplicate or not segment.flags & RST)
        if is_duplicate or segment.flags & RST:
            continue
        reset.has_usual_timestamp |= segment.tsval != ABSENT
        if reset.usual_ttl == ABSENT:
            reset.usual_ttl = segment.ttl
        reset.ttl_varies |= segment.ttl != reset.usual_ttl
        if segment.ip_id > 0:
            in_step = in_step + 1 if known and follows(reset.before_ip_id, segment.ip_id) else 0
            reset.before_ip_id = segment.ip_id
            known += 1
    if is_native:
        reset.usual_ttl = reset.ttl
    reset.counts_ids = known >= FEWEST_IDS and in_step >= min(known, KNOWN_IDS) - 1
    reset.is_once = duplicates >= FEWEST_DUPLICATES


def is_duplicated(rows: Rows, flow: int, of: int) -> bool:
    """Tell whether the segment of row `of` was captured again."""
    original = rows.candidates[of]
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        segment = rows.candidates[row]
        is_same = segment.end == original.end and segment.seq == original.seq and segment.flags == original.flags
        if row > of and is_same and rows.segments[row].tag == tag.DUPLICATE_FRAME:
            return True
    return False


def usual_took_ns(rows: Rows, stories: StoryTables, flow_row: int, end: int) -> int:
    """Return the end's shortest time in ns to answer a probe or a SYN, ABSENT if unknown.

    A stack answers these by itself and at once.
    """
    c, story, least_ns = rows.candidates, stories.flows[flow_row], ABSENT
    for place in range(story.first_probe, stories.flows[flow_row + 1].first_probe):
        probe = stories.probes[place]
        if probe.end != end and probe.answer == BY_ACK:
            took_ns = c[probe.answer_row].ts_ns - c[probe.row].ts_ns
            least_ns = took_ns if least_ns == ABSENT else min(least_ns, took_ns)
    reply_ns: int = rows.ends[2 * story.flow + end].reply_ns
    if reply_ns != ABSENT and (least_ns != ABSENT or rows.flows[story.flow].opened == OPENED_SYN):
        return reply_ns if least_ns == ABSENT else min(least_ns, reply_ns)
    return least_ns


def odd_fields(reset: Any) -> int:
    """Return the fields in which the RST is unlike the end's own segments, as bits; 0 if nothing is known of that
    end."""
    odd = TTL if hops_apart(reset) > 0 else 0
    if is_off_counter(reset):
        odd |= IP_ID
    if not reset.has_ack and reset.window > 0:
        odd |= WINDOW  # what answers a segment of no connection has no window to offer (RFC 9293 §3.10.7.1)
    if is_too_soon(reset):
        odd |= TOO_SOON
    if reset.is_once:
        odd |= ONCE
    # A stack that still has the connection sends its options (RFC 7323 §3.2); one that has lost it knows of none.
    if reset.has_ack and reset.window > 0 and reset.has_usual_timestamp and not reset.has_timestamp:
        odd |= TIMESTAMP
    return odd


def sender_of(reset: Any, odd: int) -> int:
    """Return who sent the RST: THE_END itself, THE_PATH, or UNDECIDED.

    One hop more or less is no evidence by itself: routes change, and so do the boxes on them. Time, the number of times
    that it was captured, and two hops are; fields that agree outweigh a distance.
    """
    if odd & (TOO_SOON | ONCE):
        return THE_PATH
    if reset.usual_ttl == ABSENT or reset.ttl == UNKNOWN_TTL:
        return UNDECIDED
    hops, others = hops_apart(reset), count_of(odd & (IP_ID | WINDOW | TIMESTAMP))
    if hops == 0:
        return THE_END if others < 2 else UNDECIDED
    if agreeing_fields(reset) >= ENOUGH:
        return THE_END if hops == 1 else UNDECIDED
    return THE_PATH if hops > 1 or others or is_answer_from_this_link(reset) else UNDECIDED


def hops_apart(reset: Any) -> int:
    """Return by how many hops the RST's sender is nearer or further than the end; 0 where that shows nothing.

    Stacks begin at other values for what belongs to no socket, so hops are compared. A TTL that varies by itself shows
    nothing.
    """
    if reset.usual_ttl == ABSENT or reset.ttl_varies:
        return 0
    return int(abs(hops_of(reset.ttl) - hops_of(reset.usual_ttl)))


def hops_of(ttl: int) -> int:
    """Return how many routers a packet has passed: stacks send 32, 64, 128, or 255."""
    return (32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255) - ttl


def is_answer_from_this_link(reset: Any) -> bool:
    """Tell whether the RST is that of a host on this link without the connection, although the end is behind a
    router."""
    return not reset.has_ack and hops_of(reset.ttl) == 0 and hops_of(reset.usual_ttl) > 0


def agreeing_fields(reset: Any) -> int:
    """Return how many fields agree that only the end's own stack is likely to get right: its counter, options and
    window.

    The very next identification is enough: of 65,536 somebody else would have had to guess it.
    """
    has_options = reset.has_timestamp and reset.has_usual_timestamp
    has_window = reset.has_ack and reset.window > 0
    is_next = reset.before_ip_id != ABSENT and reset.ip_id > 0 and (reset.ip_id - reset.before_ip_id) % 65536 == 1
    is_in_step = reset.counts_ids and reset.ip_id > 0 and follows(reset.before_ip_id, reset.ip_id)
    return bool(has_options) + bool(has_window) + (ENOUGH if is_next else bool(is_in_step))


def count_of(bits: int) -> int:
    """Return how many bits are set."""
    count = 0
    while bits:
        count, bits = count + 1, bits & bits - 1
    return count


def is_too_soon(reset: Any) -> bool:
    """Tell whether the RST took less than half as long as the end's fastest answer: it has not been there and back."""
    if reset.took_ns == ABSENT or reset.usual_took_ns == ABSENT:
        return False
    return bool(2 * reset.took_ns < reset.usual_took_ns and reset.usual_took_ns - reset.took_ns >= CLEARLY_NS)


def is_off_counter(reset: Any) -> bool:
    """Tell whether the end counts its packets, and the RST is not the next; Linux gives 0 to a RST without a socket."""
    return bool(reset.counts_ids and reset.ip_id > 0 and not follows(reset.before_ip_id, reset.ip_id))


def follows(earlier: int, later: int) -> bool:
    """Tell whether an IP identification is one of the next after another (COUNTS_BY)."""
    return 0 < (later - earlier) % 65536 < COUNTS_BY
