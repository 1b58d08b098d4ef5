"""The rules for a connection that a RST ended and no timer, and who sent that RST: a host, the path, or an application.

Something on the path that forges a RST builds it from nothing. The end's own stack builds it as always, after a reboot
too. So the RST's fields are compared with those of the end's own segments. Its distance is hard to hide: hops and time
weigh most, and the other fields decide where there is one hop between them.

Kernels over a batch of stories; each rule fills the flow's row if it holds.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.values import BY_ACK
from analyzer.keepalive.tags import tag
from analyzer.keepalive.verdict import values
from analyzer.keepalive.verdict.batch import Batch, conclude, prove, show_fins
from analyzer.keepalive.verdict.os_errors import reset_errno
from analyzer.keepalive.verdict.values import because
from analyzer.schema import ABSENT, ACK, OPENED_SYN, RST
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
    c, v, row = batch.rows.candidates, batch.verdicts, batch.stories.flows.reset_row[flow_row]
    describe_rst(batch.rows, batch.stories, flow_row, batch.resets)
    odd = odd_fields(batch.resets)
    sender, is_stateless = sender_of(batch.resets, odd), shows_no_state(batch.rows, batch.stories, flow_row)
    if sender == THE_PATH and not (
        batch.stories.ends.has_spoken[2 * flow_row] and batch.stories.ends.has_spoken[2 * flow_row + 1]
    ):
        sender = UNDECIDED
    has_answered_probe = probe_was_reset(batch, flow_row)
    if has_answered_probe:
        reason = values.RST_ANSWERS_PROBE
        prove(batch, flow_row, c.frame[probe_of(batch.rows, batch.stories, flow_row)])
    elif data_was_reset(batch, flow_row, sender) and is_stateless:
        reason = values.RST_WITHOUT_STATE
    elif was_reset_unasked(batch, flow_row, sender):
        reason = values.RST_UNASKED
    else:
        return False
    prove(batch, flow_row, c.frame[row])
    had_state = (
        has_answered_probe or batch.stories.ends.has_spoken[2 * flow_row + c.end[row]] > 0
    )  # or the handshake failed
    is_the_end = sender == THE_END and is_stateless and had_state
    if sender == THE_PATH:
        v.cause[flow_row], why = values.PATH_RESET, differences(odd)
    elif is_the_end:
        had_closed = batch.stories.ends.fin_frame[2 * flow_row + c.end[row]] > 0
        v.cause[flow_row] = values.PEER_LOST_STATE
        why = because(values.RST_LOOKS_NATIVE, because(values.PEER_HAD_CLOSED, 0) if had_closed else 0)
    else:
        why = because(values.RST_UNDECIDED, 0)
    is_certain = odd & odd - 1 if sender == THE_PATH else is_the_end and not odd and is_next_door(batch.resets)
    conclude(batch, flow_row, values.RESET, values.CERTAIN if is_certain else values.LIKELY, because(reason, why))
    v.prober[flow_row] = 1 - c.end[row] if batch.stories.ends.probes[2 * flow_row + 1 - c.end[row]] else ABSENT
    v.errno[flow_row] = errno_of_reset(batch, flow_row)
    v.detection_delay_ns[flow_row] = c.own_ns[row]
    return True


def probe_was_reset(batch: Batch, flow_row: int) -> bool:
    """Tell whether the RST came back for a probe (RFC 9293 §3.10.7.1, RFC 1122 §4.2.3.6)."""
    return probe_of(batch.rows, batch.stories, flow_row) != ABSENT


def data_was_reset(batch: Batch, flow_row: int, sender: int) -> bool:
    """Tell whether the RST came back for data, and neither end had closed, or the path sent it.

    A host answers data for a closed socket in the same way.
    """
    fins = batch.stories.ends.fin_frame
    is_open = not fins[2 * flow_row] and not fins[2 * flow_row + 1]
    return bool(batch.stories.flows.reset_follows_data[flow_row] and (is_open or sender == THE_PATH))


def was_reset_unasked(batch: Batch, flow_row: int, sender: int) -> bool:
    """Tell whether the RST is not, or not surely, the end's own, and neither a timer nor a FIN of that end explains
    it."""
    end = batch.rows.candidates.end[batch.stories.flows.reset_row[flow_row]]
    is_timer = is_give_up(batch.rows, batch.stories, flow_row)
    has_closed = batch.stories.ends.fin_frame[2 * flow_row + end]
    return bool(sender != THE_END and batch.resets.usual_ttl[0] != ABSENT and not is_timer and not has_closed)


def is_next_door(r: Any) -> bool:
    """Tell whether no router has passed the RST on: then nobody beyond the link can have sent it in the end's name."""
    return r.usual_ttl[0] != ABSENT and hops_of(r.ttl[0]) == 0


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


def was_reset_by_application(batch: Batch, flow_row: int) -> bool:
    """Conclude CLOSED: no timer and no probe explains the RST, so that an application sent it.

    The other application gets no error where that end may no longer be there to receive the RST.
    """
    c, t, v = batch.rows.candidates, batch.stories.flows, batch.verdicts
    row = t.reset_row[flow_row]
    had_closed = batch.stories.ends.fin_frame[2 * flow_row + c.end[row]] > 0
    reason = values.RST_AFTER_CLOSE if had_closed else values.RST_BY_APPLICATION
    conclude(batch, flow_row, values.CLOSED, values.LIKELY, because(reason, 0))
    v.cause[flow_row] = values.APPLICATION
    v.errno[flow_row] = errno_of_reset(batch, flow_row) if t.run_end[flow_row] != c.end[row] else ABSENT
    show_fins(batch, flow_row)
    prove(batch, flow_row, c.frame[row])
    return True


def errno_of_reset(batch: Batch, flow_row: int) -> int:
    """Return what the other end's application gets from the RST, ABSENT if that application has closed too.

    One that has only shut down its sending half and still reads is in FIN_WAIT2, where a RST is what it always is
    (tcp_input.c tcp_reset). If only the end that resets had closed, the other is in CLOSE_WAIT.
    """
    fins, end = batch.stories.ends.fin_frame, batch.rows.candidates.end[batch.stories.flows.reset_row[flow_row]]
    own, other = fins[2 * flow_row + end], fins[2 * flow_row + 1 - end]
    if other and (own or not reads_on(batch, flow_row, 1 - end)):
        return ABSENT
    return reset_errno(own > 0)


def reads_on(batch: Batch, flow_row: int, end: int) -> bool:
    """Tell whether an end acknowledged data or probed after its FIN.

    Then its application has only shut down its sending half. A host answers data for a socket that was closed with a
    RST (RFC 9293 §3.6.1), and does not probe for it.
    """
    e, end_row = batch.stories.ends, 2 * flow_row + end
    acked = batch.rows.ends.snd_una[2 * batch.stories.flows.flow[flow_row] + 1 - end]
    more = seq_diff(acked, e.fin_ack[end_row]) - (e.fin_frame[end_row ^ 1] > 0) if acked != ABSENT else 0
    if more > 0 or not e.probes[end_row]:
        return more > 0
    return bool(batch.rows.candidates.frame[batch.stories.probes.row[e.last_probe[end_row]]] > e.fin_frame[end_row])


def is_give_up(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST is that of a keepalive timer."""
    return bool(
        rows.segments.tag[stories.flows.reset_row[flow_row]] == tag.GIVE_UP_RST or stories.flows.reset_unheard[flow_row]
    )


def probe_of(rows: Rows, stories: StoryTables, flow_row: int) -> int:
    """Return the row of the probe that the flow's RST answers, ABSENT if none."""
    return ABSENT if is_give_up(rows, stories, flow_row) else rows.segments.of[stories.flows.reset_row[flow_row]]


def shows_no_state(rows: Rows, stories: StoryTables, flow_row: int) -> bool:
    """Tell whether the flow's RST is that of a host without such a connection, after a silence (RFC 9293 §3.10.7.1).

    It carries no ACK, and as its own number what the segment that it answers had acknowledged. For data it must offer
    no window either: stacks that abort a connection without an ACK (Cisco IOS) send what they have.
    """
    c, row, probe = rows.candidates, stories.flows.reset_row[flow_row], probe_of(rows, stories, flow_row)
    if c.flags[row] & ACK or (c.own_ns[row] != ABSENT and c.own_ns[row] < STATE_GONE_NS):
        return False
    if probe != ABSENT:
        return bool(c.seq[row] == c.ack[probe])
    is_acknowledged = c.relation[row] == segment_facts.REL_UNKNOWN or (
        c.relation[row] == segment_facts.REL_NEXT and c.in_flight[row] <= 0
    )
    return bool(is_acknowledged and c.window[row] == 0)


def describe_rst(rows: Rows, stories: StoryTables, flow_row: int, r: Any) -> None:
    """Fill the row in RESETS: the flow's RST, and what its end's own segments look like."""
    c, row, probe = rows.candidates, stories.flows.reset_row[flow_row], probe_of(rows, stories, flow_row)
    r.has_ack[0], r.window[0] = bool(c.flags[row] & ACK), c.window[row]
    own = 2 * stories.flows.flow[flow_row] + c.end[row]
    r.ttl[0], r.usual_ttl[0] = c.ttl[row], rows.ends.most_ttl[own]
    r.ttl_varies[0] = rows.ends.least_ttl[own] != rows.ends.most_ttl[own]
    r.ip_id[0], r.has_timestamp[0] = c.ip_id[row], c.tsval[row] != ABSENT
    r.took_ns[0] = c.ts_ns[row] - c.ts_ns[probe] if probe != ABSENT else ABSENT
    r.usual_took_ns[0] = usual_took_ns(rows, stories, flow_row, c.end[row])
    describe_own_segments(rows, stories.flows.flow[flow_row], row, r)
    if probe != ABSENT:
        r.is_once[0] &= not is_duplicated(rows, stories.flows.flow[flow_row], row) and not is_duplicated(
            rows, stories.flows.flow[flow_row], probe
        )
    else:
        r.is_once[0] = 0


def describe_own_segments(rows: Rows, flow: int, reset: int, r: Any) -> None:
    """Add to RESETS what the end's own segments before the RST look like.

    Its probes are left out: something on the path may send those in its name.
    """
    c, tags = rows.candidates, rows.segments.tag
    known, in_step, duplicates, is_native = 0, 0, 0, False
    r.before_ip_id[0], r.has_usual_timestamp[0] = ABSENT, 0
    place = rows.starts[flow]
    while rows.order[place] != reset:
        row = rows.order[place]
        place += 1
        if c.end[row] != c.end[reset] or tags[row] == tag.ICMP_UNREACHABLE or tags[row] == tag.PROBE:
            continue
        is_duplicate = tags[row] == tag.DUPLICATE_FRAME
        duplicates += is_duplicate
        is_native |= c.ttl[row] == c.ttl[reset] and (is_duplicate or not c.flags[row] & RST)
        if is_duplicate or c.flags[row] & RST:
            continue
        r.has_usual_timestamp[0] |= c.tsval[row] != ABSENT
        if r.usual_ttl[0] == ABSENT:
            r.usual_ttl[0] = c.ttl[row]
        r.ttl_varies[0] |= c.ttl[row] != r.usual_ttl[0]
        if c.ip_id[row] > 0:
            in_step = in_step + 1 if known and follows(r.before_ip_id[0], c.ip_id[row]) else 0
            r.before_ip_id[0] = c.ip_id[row]
            known += 1
    if is_native:
        r.usual_ttl[0] = r.ttl[0]
    r.counts_ids[0] = known >= FEWEST_IDS and in_step >= min(known, KNOWN_IDS) - 1
    r.is_once[0] = duplicates >= FEWEST_DUPLICATES


def is_duplicated(rows: Rows, flow: int, of: int) -> bool:
    """Tell whether the segment of row `of` was captured again."""
    c, tags = rows.candidates, rows.segments.tag
    for place in range(rows.starts[flow], rows.starts[flow + 1]):
        row = rows.order[place]
        is_same = c.end[row] == c.end[of] and c.seq[row] == c.seq[of] and c.flags[row] == c.flags[of]
        if row > of and is_same and tags[row] == tag.DUPLICATE_FRAME:
            return True
    return False


def usual_took_ns(rows: Rows, stories: StoryTables, flow_row: int, end: int) -> int:
    """Return the end's shortest time in ns to answer a probe or a SYN, ABSENT if unknown.

    A stack answers these by itself and at once.
    """
    c, p, flow, least_ns = rows.candidates, stories.probes, stories.flows.flow[flow_row], ABSENT
    for probe in range(stories.flows.first_probe[flow_row], stories.flows.first_probe[flow_row + 1]):
        if p.end[probe] != end and p.answer[probe] == BY_ACK:
            took_ns = c.ts_ns[p.answer_row[probe]] - c.ts_ns[p.row[probe]]
            least_ns = took_ns if least_ns == ABSENT else min(least_ns, took_ns)
    reply_ns: int = rows.ends.reply_ns[2 * flow + end]
    if reply_ns != ABSENT and (least_ns != ABSENT or rows.flows.opened[flow] == OPENED_SYN):
        return reply_ns if least_ns == ABSENT else min(least_ns, reply_ns)
    return least_ns


def odd_fields(r: Any) -> int:
    """Return the fields in which the RST is unlike the end's own segments, as bits; 0 if nothing is known of that
    end."""
    odd = TTL if hops_apart(r) > 0 else 0
    if is_off_counter(r):
        odd |= IP_ID
    if not r.has_ack[0] and r.window[0] > 0:
        odd |= WINDOW  # what answers a segment of no connection has no window to offer (RFC 9293 §3.10.7.1)
    if is_too_soon(r):
        odd |= TOO_SOON
    if r.is_once[0]:
        odd |= ONCE
    # A stack that still has the connection sends its options (RFC 7323 §3.2); one that has lost it knows of none.
    if r.has_ack[0] and r.window[0] > 0 and r.has_usual_timestamp[0] and not r.has_timestamp[0]:
        odd |= TIMESTAMP
    return odd


def sender_of(r: Any, odd: int) -> int:
    """Return who sent the RST: THE_END itself, THE_PATH, or UNDECIDED.

    One hop more or less is no evidence by itself: routes change, and so do the boxes on them. Time, the number of times
    that it was captured, and two hops are; fields that agree outweigh a distance.
    """
    if odd & (TOO_SOON | ONCE):
        return THE_PATH
    if r.usual_ttl[0] == ABSENT:
        return UNDECIDED
    hops, others = hops_apart(r), count_of(odd & (IP_ID | WINDOW | TIMESTAMP))
    if hops == 0:
        return THE_END if others < 2 else UNDECIDED
    if agreeing_fields(r) >= ENOUGH:
        return THE_END if hops == 1 else UNDECIDED
    return THE_PATH if hops > 1 or others or is_answer_from_this_link(r) else UNDECIDED


def hops_apart(r: Any) -> int:
    """Return by how many hops the RST's sender is nearer or further than the end; 0 where that shows nothing.

    Stacks begin at other values for what belongs to no socket, so hops are compared. A TTL that varies by itself shows
    nothing.
    """
    if r.usual_ttl[0] == ABSENT or r.ttl_varies[0]:
        return 0
    return int(abs(hops_of(r.ttl[0]) - hops_of(r.usual_ttl[0])))


def hops_of(ttl: int) -> int:
    """Return how many routers a packet has passed: stacks send 32, 64, 128, or 255."""
    return (32 if ttl <= 32 else 64 if ttl <= 64 else 128 if ttl <= 128 else 255) - ttl


def is_answer_from_this_link(r: Any) -> bool:
    """Tell whether the RST is that of a host on this link without the connection, although the end is behind a
    router."""
    return not r.has_ack[0] and hops_of(r.ttl[0]) == 0 and hops_of(r.usual_ttl[0]) > 0


def agreeing_fields(r: Any) -> int:
    """Return how many fields agree that only the end's own stack is likely to get right: its counter, options and
    window.

    The very next identification is enough: of 65,536 somebody else would have had to guess it.
    """
    has_options = r.has_timestamp[0] and r.has_usual_timestamp[0]
    has_window = r.has_ack[0] and r.window[0] > 0
    is_next = r.before_ip_id[0] != ABSENT and r.ip_id[0] > 0 and (r.ip_id[0] - r.before_ip_id[0]) % 65536 == 1
    is_in_step = r.counts_ids[0] and r.ip_id[0] > 0 and follows(r.before_ip_id[0], r.ip_id[0])
    return bool(has_options) + bool(has_window) + (ENOUGH if is_next else bool(is_in_step))


def count_of(bits: int) -> int:
    """Return how many bits are set."""
    count = 0
    while bits:
        count, bits = count + 1, bits & bits - 1
    return count


def is_too_soon(r: Any) -> bool:
    """Tell whether the RST took less than half as long as the end's fastest answer: it has not been there and back."""
    if r.took_ns[0] == ABSENT or r.usual_took_ns[0] == ABSENT:
        return False
    return bool(2 * r.took_ns[0] < r.usual_took_ns[0] and r.usual_took_ns[0] - r.took_ns[0] >= CLEARLY_NS)


def is_off_counter(r: Any) -> bool:
    """Tell whether the end counts its packets, and the RST is not the next; Linux gives 0 to a RST without a socket."""
    return bool(r.counts_ids[0] and r.ip_id[0] > 0 and not follows(r.before_ip_id[0], r.ip_id[0]))


def follows(earlier: int, later: int) -> bool:
    """Tell whether an IP identification is one of the next after another (COUNTS_BY)."""
    return 0 < (later - earlier) % 65536 < COUNTS_BY
