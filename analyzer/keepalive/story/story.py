"""A flow's tagged segments in, its story out: who probed, what answered, which gaps the timer left.

One kernel, one pass over the flow's rows in capture order. It knows what an observation of the
keepalive timer is (tcp_timer.c tcp_keepalive_timer) and refuses to know what follows from it.
"""

from typing import Any

from analyzer.keepalive.story.gaps import (
    GAPS,
    PROBES,
    SILENCES,
    Rows,
    Told,
    add_gap,
    add_open_gap,
    confirm_survived,
    gap_of_probe,
    has_work_left,
    make_unheard,
    missing,
    note_survived,
    since_probe,
    unheard_run,
)
from analyzer.keepalive.story.prober import tell_prober
from analyzer.keepalive.story.resends import (
    count_try,
    forget_heard_resends,
    goes_unanswered,
    note_echo,
    note_resend,
    note_vain_resend,
    note_window_probe,
    persists,
    resends_in_vain,
)
from analyzer.keepalive.story.values import (
    BY_ACK,
    BY_DATA,
    BY_ICMP,
    BY_NOTHING,
    BY_RST,
    GIVE_UP,
    LONG_NS,
    PENDING,
    SURVIVED,
)
from analyzer.keepalive.tags.tag import (
    ANSWER,
    CHALLENGE_ACK,
    DUPLICATE_FRAME,
    FIN_TAG,
    GIVE_UP_RST,
    ICMP_UNREACHABLE,
    PROBE,
    PURE_ACK,
    RETRANSMISSION,
    RST_TAG,
    STRAY,
    SYN_ACK,
    SYN_TAG,
    WINDOW_ANSWER,
    WINDOW_PROBE,
)
from analyzer.schema import NEVER, SYN
from analyzer.schema import RST as RST_BIT
from analyzer.tcp.segment_facts import REL_BEYOND, TRAIT_PEER_IN_FLIGHT, TRAIT_SAME_ACK, TRAIT_SAME_WINDOW
from analyzer.tcp.tracker import IDLE_NS

UNKNOWN_LAG_NS = 250_000_000
"""Allowance for the way from the capture point to an end that never answered anything measurable."""
ANSWERS_APART_NS = 500_000_000
"""Linux answers empty segments outside of the window no more often (tcp_invalid_ratelimit, tcp_oow_rate_limited)."""
ONE_PACKET = 1460
"""Octets of payload that are never cut into several packets of Ethernet."""
CLOSING_GAPS = 4
"""So many gaps the end of a flow's story may add: of each end what it survived, and the capture's end."""


def tell(rows: Rows, flows: Any, count: int, capture_frame: int, capture_end_ns: int, told: Told) -> int:
    """Kernel: the stories of these flows, from row 0 of `told` on; one row more says where the last ends."""
    told.counts[PROBES] = told.counts[GAPS] = told.counts[SILENCES] = 0
    for it in range(count):
        flow = flows[it]
        end_ns = watched_until(rows.flows, flow, capture_end_ns)
        begin(told, it, rows.starts[flow])
        told.flows.flow[it], told.flows.capture_end_ns[it] = flow, end_ns
        for place in range(rows.starts[flow], rows.starts[flow + 1]):
            tell_row(rows, place, told, it)
        if told.flows.reset_row[it] == NEVER:
            reach_capture_end(rows, flow, end_ns, told, it)
        close(rows, flow, capture_frame, end_ns, told, it)
    note_places(told, count)
    return count


def watched_until(flows: Any, flow: int, capture_end_ns: int) -> int:
    """The capture's end, or for this flow a jump of the capture's clock before it."""
    watched_ns: int = flows.watched_ns[flow]
    return watched_ns - 1 if watched_ns else capture_end_ns


def note_places(told: Told, it: int) -> None:
    t = told.flows
    t.first_probe[it] = told.counts[PROBES]
    t.first_gap[it] = told.counts[GAPS]
    t.first_silence[it] = told.counts[SILENCES]


def begin(told: Told, it: int, place: int) -> None:
    t, e = told.flows, told.ends
    note_places(told, it)
    t.reset_row[it] = NEVER
    t.reset_follows_data[it] = t.reset_unheard[it] = 0
    t.bridged_ns[it] = t.is_riddled[it] = 0
    for me in (2 * it, 2 * it + 1):
        e.fin_frame[me] = e.probes[me] = e.lost[me] = e.unanswered[me] = e.excused[me] = 0
        e.last_probe[me] = e.run_probe[me] = e.run_heard_ns[me] = NEVER
        e.unheard_place[me] = place
        e.icmp_errors[me] = e.resends[me] = 0
        e.icmp[me] = NEVER
        e.resend_row[me] = e.sent_ns[me] = NEVER
        e.sent_len[me] = e.follows[me] = e.skips[me] = 0
        e.answered_ns[me] = e.echo_ns[me] = e.speech_ns[me] = NEVER
        e.window_probes[me] = e.vain_resends[me] = 0
        e.vain_ns[me] = NEVER
        e.survived_frame[me] = e.survived_ns[me] = 0
        e.doubted_frame[me] = e.doubted_ns[me] = 0
        e.has_reset[me] = e.has_spoken[me] = e.even[me] = e.level[me] = e.uneven[me] = 0
        e.pace_kind[me] = NEVER
        e.before_reset_ns[me] = NEVER
        e.stamp_row[me] = NEVER
        e.torn[me] = e.holes[me] = 0


def tell_row(rows: Rows, place: int, told: Told, it: int) -> None:
    """One segment, or one ICMP error."""
    c, t, e = rows.candidates, told.flows, told.ends
    row = rows.order[place]
    tag, of, end = rows.segments.tag[row], rows.segments.of[row], c.end[row]
    me = 2 * it + end
    if tag == DUPLICATE_FRAME:
        return
    if tag != ICMP_UNREACHABLE:
        forget_heard_resends(c, e, me, c.any_ns[row], place)
        forget_heard_resends(c, e, me ^ 1, c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER, place)
    if tag == ICMP_UNREACHABLE:
        e.icmp_errors[me] += 1
        if quotes_flight(rows, of):
            e.icmp[me] = c.flags[row]
        answer(told, it, of, BY_ICMP, row)
        return
    e.has_spoken[me] |= not c.flags[row] & (SYN | RST_BIT)
    if c.flags[row] & RST_BIT and not e.has_reset[me]:
        e.has_reset[me] = 1
        e.before_reset_ns[me] = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != NEVER else NEVER
    if t.reset_row[it] != NEVER:
        return  # what follows a reset is no longer this connection
    if not c.flags[row] & RST_BIT:
        confirm_survived(e, me)
    if c.idle_ns[row] >= LONG_NS and is_test_of_path(c, row, tag, e, it):
        told.silences.row[told.counts[SILENCES]] = row
        told.counts[SILENCES] += 1
    note_survived(c, row, tag, told, it)
    note_identification(c, row, e, me)
    note_stamp(c, row, tag, e, me)
    note_holes(c, row, tag, of, e, me)
    if tag == PROBE:
        tell_probe(rows, row, told, it)
    elif tag == RETRANSMISSION:
        note_resend(c, row, e, me)
        note_vain_resend(c, row, place, e, me)
        note_echo(c, row, e, me)
    elif tag == RST_TAG or tag == GIVE_UP_RST:
        tell_reset(rows, place, told, it)
    elif tag != STRAY:
        tell_sign_of_life(rows, place, told, it)


def note_identification(c: Any, row: int, e: Any, me: int) -> None:
    """Whether the end's segments follow each other; what a network card cuts into several takes several numbers."""
    is_next = c.own_ns[row] != NEVER and c.ts_ns[row] - c.own_ns[row] == e.sent_ns[me]
    if is_next and e.sent_len[me] <= ONE_PACKET:
        e.follows[me] += missing(c, row) == 0
        e.skips[me] += missing(c, row) > 0
    e.sent_ns[me], e.sent_len[me] = c.ts_ns[row], c.payload_len[row]


def note_holes(c: Any, row: int, tag: int, of: int, e: Any, me: int) -> None:
    """What a segment after a silence shows to be missing: by its number of its own end, by its ACK of the other.

    Where segments follow each other closely they may only have been captured in another order.
    """
    if is_answer_to_nothing(c, row, tag, of):
        e.torn[me ^ 1] = 1
        e.holes[me ^ 1] += 1
    elif c.idle_ns[row] >= IDLE_NS and c.relation[row] == REL_BEYOND and not c.flags[row] & RST_BIT and tag != STRAY:
        e.holes[me] += 1


def note_stamp(c: Any, row: int, tag: int, e: Any, me: int) -> None:
    """What the other end echoes from now on, if it hears it: a probe lies before its window, and a RST ends all."""
    is_outside = tag == PROBE or tag == WINDOW_PROBE or tag == STRAY or c.flags[row] & RST_BIT
    if c.tsval[row] != NEVER and not is_outside:
        e.stamp_row[me] = row


def quotes_flight(rows: Rows, of: int) -> bool:
    """Whether an ICMP error counts: a probe's number is not in flight (RFC 5927 §4, tcp_ipv4.c tcp_v4_err).

    A window probe's neither, but for the octet of data that some stacks put into it; what is no candidate is data.
    """
    if of == NEVER or rows.segments.tag[of] not in (PROBE, WINDOW_PROBE):
        return True
    return bool(rows.segments.tag[of] == WINDOW_PROBE and rows.candidates.payload_len[of])


def tell_probe(rows: Rows, row: int, told: Told, it: int) -> None:
    c, e, p = rows.candidates, told.ends, told.probes
    me = 2 * it + c.end[row]
    add_gap(c, row, gap_of_probe(c, row, told, me), told, it)
    note_echo(c, row, e, me)
    probe = told.counts[PROBES]
    told.counts[PROBES] += 1
    if not e.unanswered[me]:
        e.run_probe[me] = probe
        e.run_heard_ns[me] = c.any_ns[row]
    is_excused = need_not_be_answered(c, row, e, me)
    p.row[probe], p.end[probe], p.answer[probe], p.answer_row[probe] = row, c.end[row], BY_NOTHING, NEVER
    p.may_go_unanswered[probe] = is_excused
    e.probes[me] += 1
    e.last_probe[me] = probe
    e.unanswered[me] += 1
    e.excused[me] += is_excused
    e.lost[me] += 1 - is_excused


def tell_reset(rows: Rows, place: int, told: Told, it: int) -> None:
    c, t, e = rows.candidates, told.flows, told.ends
    row = rows.order[place]
    peer = 2 * it + 1 - c.end[row]
    if rows.segments.tag[row] == GIVE_UP_RST:
        add_gap(c, row, GIVE_UP, told, it)
    else:
        t.reset_unheard[it] = unheard_run(c, row, told, it)
        if t.reset_unheard[it]:
            make_unheard(c, row, told, it)
        else:
            answer(told, it, rows.segments.of[row], BY_RST, row)
    t.reset_row[it] = row
    t.reset_follows_data[it] = bool(c.traits[row] & TRAIT_PEER_IN_FLIGHT) or e.resends[peer] > 0


def tell_sign_of_life(rows: Rows, place: int, told: Told, it: int) -> None:
    """Anything that its end would not send of its own accord to an end that is gone."""
    c, e = rows.candidates, told.ends
    row = rows.order[place]
    tag, of = rows.segments.tag[row], rows.segments.of[row]
    me, peer = 2 * it + c.end[row], 2 * it + 1 - c.end[row]
    if tag == ANSWER and c.data_ns[row] != NEVER:
        told.flows.bridged_ns[it] = max(told.flows.bridged_ns[it], c.ts_ns[row] - c.data_ns[row])
    if tag == ANSWER or tag == WINDOW_ANSWER or tag == CHALLENGE_ACK:
        e.answered_ns[peer] = c.ts_ns[row]
    e.unanswered[peer] = e.excused[peer] = e.icmp_errors[peer] = e.resends[peer] = 0
    e.icmp[peer] = NEVER
    e.unheard_place[peer] = place
    if of != NEVER:
        answer(told, it, of, BY_ACK if c.payload_len[row] == 0 else BY_DATA, row)
    if tag == WINDOW_PROBE:
        note_window_probe(c, row, place, e, me)
    elif tag != WINDOW_ANSWER:
        e.window_probes[me] = e.window_probes[peer] = 0
    if tag == WINDOW_PROBE or (tag == FIN_TAG and e.fin_frame[me]):
        count_try(row, e, me)
    if tag == FIN_TAG and not e.fin_frame[me]:
        e.fin_frame[me], e.fin_ack[me] = c.frame[row], c.ack[row]


def is_answer_to_nothing(c: Any, row: int, tag: int, of: int) -> bool:
    """An ACK like the one before it after a silence: no end sends that unasked."""
    is_same = c.traits[row] & TRAIT_SAME_ACK and c.traits[row] & TRAIT_SAME_WINDOW
    is_waited_for = c.traits[row] & TRAIT_PEER_IN_FLIGHT
    return bool(tag == PURE_ACK and of == NEVER and c.idle_ns[row] >= IDLE_NS and is_same and not is_waited_for)


def is_test_of_path(c: Any, row: int, tag: int, e: Any, it: int) -> bool:
    """Whether the silence began with nothing outstanding, so that only its length can have broken the path."""
    if tag == SYN_TAG or tag == SYN_ACK or tag == GIVE_UP_RST or tag == RETRANSMISSION:
        return False
    if c.in_flight[row] > 0 or c.traits[row] & TRAIT_PEER_IN_FLIGHT:
        return False
    return not (e.unanswered[2 * it] or e.unanswered[2 * it + 1] or e.resends[2 * it] or e.resends[2 * it + 1])


def need_not_be_answered(c: Any, row: int, e: Any, me: int) -> bool:
    """So soon after the last answer; with an octet it would be: those are not limited."""
    is_soon = e.answered_ns[me] != NEVER and c.ts_ns[row] - e.answered_ns[me] < ANSWERS_APART_NS
    return bool(is_soon and c.payload_len[row] == 0)


def answer(told: Told, it: int, of: int, kind: int, row: int) -> None:
    """The first answer to a probe counts; `of` is the probe's row, or none."""
    probe = place_of_probe(told, it, of)
    if probe == NEVER or told.probes.answer[probe] != BY_NOTHING:
        return
    told.probes.answer[probe], told.probes.answer_row[probe] = kind, row
    told.ends.lost[2 * it + told.probes.end[probe]] -= 1 - told.probes.may_go_unanswered[probe]


def place_of_probe(told: Told, it: int, row: int) -> int:
    """Where the flow's probe of this candidate row stands: they are in order of rows."""
    low, high = told.flows.first_probe[it], told.counts[PROBES]
    while low < high:
        middle = (low + high) // 2
        if told.probes.row[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low if low < told.counts[PROBES] and told.probes.row[low] == row else NEVER


def lag_ns(ends: Any, me: int) -> int:
    """From the capture point to an end and back; `me` is the end's row in ENDS."""
    reply_ns: int = ends.reply_ns[me]
    return reply_ns if reply_ns != NEVER else UNKNOWN_LAG_NS


def reach_capture_end(rows: Rows, flow: int, capture_end_ns: int, told: Told, it: int) -> None:
    """Probes that may still be answered; the time that was survived comes after all else."""
    c, e = rows.candidates, told.ends
    if capture_end_ns <= rows.flows.last_ns[flow] or (e.fin_frame[2 * it] and e.fin_frame[2 * it + 1]):
        return
    for end in (0, 1):
        me = 2 * it + end
        if e.unanswered[me] and not has_work_left(rows.ends, 2 * flow + end):
            frame = c.frame[told.probes.row[e.last_probe[me]]]
            add_open_gap(told, it, end, PENDING, frame, NEVER, NEVER, since_probe(c, told, me, capture_end_ns))


def close(rows: Rows, flow: int, capture_frame: int, capture_end_ns: int, told: Told, it: int) -> None:
    """What can only be said when all was told."""
    t, e = told.flows, told.ends
    last_ns = rows.flows.last_ns[flow]
    both_closed = e.fin_frame[2 * it] and e.fin_frame[2 * it + 1]
    is_open = t.reset_row[it] == NEVER and capture_end_ns > last_ns and not both_closed
    for end in (0, 1):
        me = 2 * it + end
        e.has_spoken[me] |= rows.ends.least_ttl[2 * flow + end] != NEVER
        if e.doubted_frame[me] and heard_last_ns(rows, flow, end, told, it) > e.doubted_at_ns[me]:
            confirm_survived(e, me)
        if e.survived_frame[me]:
            idle_ns = e.survived_ns[me]
            add_open_gap(told, it, end, SURVIVED, e.survived_frame[me], idle_ns, idle_ns, e.survived_probe_ns[me])
        is_busy = has_work_left(rows.ends, 2 * flow + end) or resends_in_vain(rows, flow, end, e, it)
        if is_open and not (e.unanswered[me] or e.fin_frame[me] or is_busy):
            since_ns = since_probe(rows.candidates, told, me, capture_end_ns)
            add_open_gap(told, it, end, SURVIVED, capture_frame, capture_end_ns - last_ns, NEVER, since_ns)
        tell_prober(rows, flow, end, told, it)
    note_survivors(rows, flow, told, it)
    t.run_end[it] = end_of_run(rows.candidates, told, it)
    t.deaf_end[it] = (
        0 if goes_unanswered(rows, flow, 0, e, it) else 1 if goes_unanswered(rows, flow, 1, e, it) else NEVER
    )
    t.persisting_end[it] = 0 if persists(e, 2 * it) else 1 if persists(e, 2 * it + 1) else NEVER
    t.resending_end[it] = NEVER
    for end in (0, 1):
        if resends_in_vain(rows, flow, end, e, it):
            t.resending_end[it] = end


def note_survivors(rows: Rows, flow: int, told: Told, it: int) -> None:
    """A silence was survived where the end that did not end it was heard later, by more than a RST."""
    c = rows.candidates
    for silence in range(told.flows.first_silence[it], told.counts[SILENCES]):
        row = told.silences.row[silence]
        heard_ns = heard_last_ns(rows, flow, 1 - c.end[row], told, it)
        told.silences.survived[silence] = heard_ns > c.ts_ns[row]


def heard_last_ns(rows: Rows, flow: int, end: int, told: Told, it: int) -> int:
    """When an end was last heard, by more than a RST."""
    heard_ns: int = rows.ends.last_ns[2 * flow + end]
    if told.ends.has_reset[2 * it + end] and rows.ends.last_flags[2 * flow + end] & RST_BIT:
        heard_ns = told.ends.before_reset_ns[2 * it + end]
    return heard_ns


def end_of_run(c: Any, told: Told, it: int) -> int:
    """Of both ends' runs of unanswered probes the one that began first: it noticed the silence first."""
    e = told.ends
    found, found_ns = NEVER, 0
    for end in (0, 1):
        me = 2 * it + end
        if e.unanswered[me] > e.excused[me]:
            first_ns = c.ts_ns[told.probes.row[e.run_probe[me]]]
            if found == NEVER or first_ns < found_ns:
                found, found_ns = end, first_ns
    return found
