"""A flow's tagged segments in, its story out: who probed, what answered, which gaps the timer left.

One kernel, one pass over the flow's rows in capture order. It knows what an observation of the keepalive timer is
(tcp_timer.c tcp_keepalive_timer), and not what follows from it.
"""

from typing import Any

from analyzer.keepalive.story.gaps import (
    GAPS,
    PROBES,
    SILENCES,
    Rows,
    StoryTables,
    add_gap,
    add_open_gap,
    confirm_survived,
    gap_of_probe,
    has_work_left,
    make_unheard,
    note_survived,
    since_probe,
    unheard_run,
)
from analyzer.keepalive.story.heartbeats import last_other_data_ns, note_beat, was_last_answered
from analyzer.keepalive.story.holes import note_holes, note_identification, note_stamp
from analyzer.keepalive.story.idle_times import begin_idle_times, confirm, note_data
from analyzer.keepalive.story.prober import note_prober
from analyzer.keepalive.story.resends import (
    count_try,
    forget_heard_resends,
    goes_unanswered,
    note_repeat,
    note_resend,
    note_spurious_resend,
    note_window_probe,
    persists,
    resends_spuriously,
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
    HEARTBEAT,
    ICMP_UNREACHABLE,
    PROBE,
    RETRANSMISSION,
    RST_TAG,
    STRAY,
    SYN_ACK,
    SYN_TAG,
    WINDOW_ANSWER,
    WINDOW_PROBE,
)
from analyzer.schema import ABSENT, ACK, SYN
from analyzer.schema import RST as RST_BIT
from analyzer.tcp import segment_facts

UNKNOWN_CAPTURE_RTT_NS = 250_000_000
"""Allowance for the way from the capture point to an end that never answered anything measurable."""
ANSWERS_APART_NS = 500_000_000
"""Linux answers empty segments outside of the window no more often (tcp_invalid_ratelimit, tcp_oow_rate_limited)."""
CLOSING_GAPS = 4
"""Most gaps that the end of a flow's story adds: for each end what it survived, and the capture's end."""


def tell(rows: Rows, flows: Any, count: int, capture_frame: int, capture_end_ns: int, stories: StoryTables) -> int:
    """Kernel: write the stories of these flows, from row 0 on; one more row marks where the last ends. Returns
    `count`."""
    stories.counts[PROBES] = stories.counts[GAPS] = stories.counts[SILENCES] = 0
    for flow_row in range(count):
        flow = flows[flow_row]
        end_ns = watched_until(rows.flows, flow, capture_end_ns)
        begin(stories, flow_row, rows.starts[flow])
        stories.flows.flow[flow_row], stories.flows.capture_end_ns[flow_row] = flow, end_ns
        for place in range(rows.starts[flow], rows.starts[flow + 1]):
            note_row(rows, place, stories, flow_row)
        if stories.flows.reset_row[flow_row] == ABSENT:
            reach_capture_end(rows, flow, end_ns, stories, flow_row)
        close(rows, flow, capture_frame, end_ns, stories, flow_row)
    note_places(stories, count)
    return count


def watched_until(flows: Any, flow: int, capture_end_ns: int) -> int:
    """Return the capture's end, or for this flow a jump of the capture's clock before it, in ns."""
    watched_ns: int = flows.watched_ns[flow]
    return watched_ns - 1 if watched_ns else capture_end_ns


def note_places(stories: StoryTables, flow_row: int) -> None:
    """Note where the flow's probes, gaps and silences begin."""
    t = stories.flows
    t.first_probe[flow_row] = stories.counts[PROBES]
    t.first_gap[flow_row] = stories.counts[GAPS]
    t.first_silence[flow_row] = stories.counts[SILENCES]


def begin(stories: StoryTables, flow_row: int, place: int) -> None:
    """Clear the flow's row and those of its ends; `place` is where its rows begin in flow order."""
    t, e = stories.flows, stories.ends
    note_places(stories, flow_row)
    begin_idle_times(t, e, flow_row)
    t.reset_row[flow_row] = t.closing_row[flow_row] = t.beat_row[flow_row] = t.busy_ns[flow_row] = ABSENT
    t.reset_follows_data[flow_row] = t.reset_unheard[flow_row] = 0
    t.bridged_ns[flow_row] = t.is_too_incomplete[flow_row] = 0
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        e.fin_frame[end_row] = e.probes[end_row] = e.lost[end_row] = e.unanswered[end_row] = e.excused[end_row] = 0
        e.last_probe[end_row] = e.run_probe[end_row] = e.run_heard_ns[end_row] = ABSENT
        e.unheard_place[end_row] = place
        e.icmp_errors[end_row] = e.resends[end_row] = 0
        e.icmp[end_row] = ABSENT
        e.resend_row[end_row] = e.first_resend_row[end_row] = e.sent_ns[end_row] = ABSENT
        e.sent_len[end_row] = e.follows[end_row] = e.skips[end_row] = 0
        e.answered_ns[end_row] = e.echo_ns[end_row] = e.since_new_segment_ns[end_row] = ABSENT
        e.window_probes[end_row] = e.spurious_resends[end_row] = 0
        e.spurious_ns[end_row] = ABSENT
        e.beats[end_row] = e.answered_beats[end_row] = e.beats_ns[end_row] = e.steady_beats[end_row] = 0
        e.first_beat[end_row] = e.last_beat[end_row] = ABSENT
        e.least_beat[end_row] = e.most_beat[end_row] = 0
        e.survived_frame[end_row] = e.survived_ns[end_row] = 0
        e.ambiguous_frame[end_row] = e.ambiguous_ns[end_row] = 0
        e.has_reset[end_row] = e.has_spoken[end_row] = e.even[end_row] = e.level[end_row] = e.uneven[end_row] = 0
        e.pace_kind[end_row] = ABSENT
        e.before_reset_ns[end_row] = ABSENT
        e.stamp_row[end_row] = ABSENT
        e.has_uncaptured[end_row] = e.holes[end_row] = 0


def note_row(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in one segment or one ICMP error."""
    c, t, e = rows.candidates, stories.flows, stories.ends
    row = rows.order[place]
    tag, of, end = rows.segments.tag[row], rows.segments.of[row], c.end[row]
    end_row = 2 * flow_row + end
    if tag == DUPLICATE_FRAME:
        return
    if tag != ICMP_UNREACHABLE:
        forget_heard_resends(c, e, end_row, c.any_ns[row], place)
        forget_heard_resends(
            c, e, end_row ^ 1, c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != ABSENT else ABSENT, place
        )
    if tag == ICMP_UNREACHABLE:
        e.icmp_errors[end_row] += 1
        if quotes_flight(rows, of):
            e.icmp[end_row] = c.flags[row]
        answer(stories, flow_row, of, BY_ICMP, row)
        return
    e.has_spoken[end_row] |= not c.flags[row] & (SYN | RST_BIT)
    if c.flags[row] & RST_BIT and not e.has_reset[end_row]:
        e.has_reset[end_row] = 1
        e.before_reset_ns[end_row] = c.ts_ns[row] - c.own_ns[row] if c.own_ns[row] != ABSENT else ABSENT
    if t.reset_row[flow_row] != ABSENT:
        return  # what follows a reset is no longer this connection
    if not c.flags[row] & RST_BIT:
        confirm_survived(e, end_row)
    if c.idle_ns[row] >= LONG_NS and is_test_of_path(c, row, tag, e, flow_row):
        stories.silences.row[stories.counts[SILENCES]] = row
        stories.counts[SILENCES] += 1
    note_survived(c, row, tag, stories, flow_row)
    note_identification(c, row, e, end_row)
    note_stamp(c, row, tag, e, end_row)
    note_holes(c, row, tag, of, e, end_row)
    if t.closing_row[flow_row] == ABSENT and not c.flags[row] & RST_BIT:
        note_data(c, row, tag, t, e, flow_row)
    if tag == HEARTBEAT:
        note_heartbeat(c, row, stories, flow_row)
    if tag == PROBE:
        note_probe(rows, row, stories, flow_row)
    elif tag == RETRANSMISSION:
        note_resend(c, row, e, end_row)
        note_spurious_resend(c, row, place, e, end_row)
        note_repeat(c, row, e, end_row)
    elif tag == RST_TAG or tag == GIVE_UP_RST:
        note_reset(rows, place, stories, flow_row)
    elif tag != STRAY:
        note_sign_of_life(rows, place, stories, flow_row)


def note_heartbeat(c: Any, row: int, stories: StoryTables, flow_row: int) -> None:
    """Take in a heartbeat; what comes after the first FIN no longer says when the connection was last in use."""
    t = stories.flows
    note_beat(c, row, stories.ends, 2 * flow_row + c.end[row])
    if t.closing_row[flow_row] == ABSENT:
        t.busy_ns[flow_row] = last_other_data_ns(c, row, t.beat_row[flow_row], t.busy_ns[flow_row])
        t.beat_row[flow_row] = row


def note_closing(c: Any, row: int, place: int, stories: StoryTables, flow_row: int) -> None:
    """Note which segment closed the connection, the first FIN or RST, and when it was last in use by then."""
    t = stories.flows
    if t.closing_row[flow_row] == ABSENT:
        t.closing_row[flow_row], t.closing_place[flow_row] = row, place
        t.busy_ns[flow_row] = last_other_data_ns(c, row, t.beat_row[flow_row], t.busy_ns[flow_row])


def quotes_flight(rows: Rows, of: int) -> bool:
    """Tell whether an ICMP error counts: a probe's number is not in flight (RFC 5927 §4, tcp_ipv4.c tcp_v4_err).

    A window probe's is not either, but for the octet of data that some stacks put into it. What is no candidate is
    data.
    """
    if of == ABSENT or rows.segments.tag[of] not in (PROBE, WINDOW_PROBE):
        return True
    return bool(rows.segments.tag[of] == WINDOW_PROBE and rows.candidates.payload_len[of])


def note_probe(rows: Rows, row: int, stories: StoryTables, flow_row: int) -> None:
    """Take in a probe: the gap before it, and that it waits for an answer."""
    c, e, p = rows.candidates, stories.ends, stories.probes
    end_row = 2 * flow_row + c.end[row]
    add_gap(c, row, gap_of_probe(c, row, stories, end_row), stories, flow_row)
    note_repeat(c, row, e, end_row)
    probe = stories.counts[PROBES]
    stories.counts[PROBES] += 1
    if not e.unanswered[end_row]:
        e.run_probe[end_row] = probe
        e.run_heard_ns[end_row] = c.any_ns[row]
    is_excused = need_not_be_answered(c, row, e, end_row)
    p.row[probe], p.end[probe], p.answer[probe], p.answer_row[probe] = row, c.end[row], BY_NOTHING, ABSENT
    p.may_go_unanswered[probe] = is_excused
    e.probes[end_row] += 1
    e.last_probe[end_row] = probe
    e.unanswered[end_row] += 1
    e.excused[end_row] += is_excused
    e.lost[end_row] += 1 - is_excused


def note_reset(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in the RST that ends the connection: a give-up, or an answer to a probe."""
    c, t, e = rows.candidates, stories.flows, stories.ends
    row = rows.order[place]
    peer = 2 * flow_row + 1 - c.end[row]
    if rows.segments.tag[row] == GIVE_UP_RST:
        add_gap(c, row, GIVE_UP, stories, flow_row)
    else:
        t.reset_unheard[flow_row] = unheard_run(c, row, stories, flow_row)
        if t.reset_unheard[flow_row]:
            make_unheard(c, row, stories, flow_row)
        else:
            answer(stories, flow_row, rows.segments.of[row], BY_RST, row)
    t.reset_row[flow_row] = row
    note_closing(c, row, place, stories, flow_row)
    t.reset_follows_data[flow_row] = (
        bool(c.facts[row] & segment_facts.PEER_IN_FLIGHT) or e.resends[peer] > 0 or answers_last_data(c, row)
    )


def answers_last_data(c: Any, row: int) -> bool:
    """Tell whether a RST answers the other end's last segment, which was data: its number is what that acknowledged.

    It has no ACK (RFC 9293 §3.10.7.1). An end that has sent something since then has received the data: its RST without
    ACK is the application's, as some stacks send it.
    """
    said_ns = c.peer_data_ns[row]
    is_last = said_ns != ABSENT and said_ns == c.any_ns[row]
    has_replied = c.own_ns[row] != ABSENT and c.ts_ns[row] - c.own_ns[row] > said_ns
    return bool(is_last and not has_replied and not c.flags[row] & ACK and c.relation[row] == segment_facts.REL_NEXT)


def note_sign_of_life(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in anything that an end does not send of its own accord to an end that is gone."""
    c, e = rows.candidates, stories.ends
    row = rows.order[place]
    tag, of = rows.segments.tag[row], rows.segments.of[row]
    end_row, peer = 2 * flow_row + c.end[row], 2 * flow_row + 1 - c.end[row]
    if tag == ANSWER and c.data_ns[row] != ABSENT:
        stories.flows.bridged_ns[flow_row] = max(stories.flows.bridged_ns[flow_row], c.ts_ns[row] - c.data_ns[row])
    if tag == ANSWER or tag == WINDOW_ANSWER or tag == CHALLENGE_ACK:
        e.answered_ns[peer] = c.ts_ns[row]
    e.unanswered[peer] = e.excused[peer] = e.icmp_errors[peer] = e.resends[peer] = 0
    e.icmp[peer] = ABSENT
    e.unheard_place[peer] = place
    if of != ABSENT:
        answer(stories, flow_row, of, BY_ACK if c.payload_len[row] == 0 else BY_DATA, row)
    if tag == WINDOW_PROBE:
        note_window_probe(c, row, place, e, end_row)
    elif tag != WINDOW_ANSWER:
        e.window_probes[end_row] = e.window_probes[peer] = 0
    if tag == WINDOW_PROBE or (tag == FIN_TAG and e.fin_frame[end_row]):
        count_try(row, e, end_row)
    if tag == FIN_TAG and not e.fin_frame[end_row]:
        e.fin_frame[end_row], e.fin_ack[end_row] = c.frame[row], c.ack[row]
        note_closing(c, row, place, stories, flow_row)


def is_test_of_path(c: Any, row: int, tag: int, e: Any, flow_row: int) -> bool:
    """Tell whether a silence began with nothing outstanding, so that only its length can have broken the path."""
    if tag == SYN_TAG or tag == SYN_ACK or tag == GIVE_UP_RST or tag == RETRANSMISSION:
        return False
    if c.in_flight[row] > 0 or c.facts[row] & segment_facts.PEER_IN_FLIGHT:
        return False
    return not (
        e.unanswered[2 * flow_row]
        or e.unanswered[2 * flow_row + 1]
        or e.resends[2 * flow_row]
        or e.resends[2 * flow_row + 1]
    )


def need_not_be_answered(c: Any, row: int, e: Any, end_row: int) -> bool:
    """Tell whether no answer to a probe is due, so soon after the last one; a probe with an octet is always
    answered."""
    is_soon = e.answered_ns[end_row] != ABSENT and c.ts_ns[row] - e.answered_ns[end_row] < ANSWERS_APART_NS
    return bool(is_soon and c.payload_len[row] == 0)


def answer(stories: StoryTables, flow_row: int, of: int, kind: int, row: int) -> None:
    """Note what answered a probe, if it is the first answer; `of` is the probe's row, or ABSENT."""
    probe = place_of_probe(stories, flow_row, of)
    if probe == ABSENT or stories.probes.answer[probe] != BY_NOTHING:
        return
    stories.probes.answer[probe], stories.probes.answer_row[probe] = kind, row
    stories.ends.lost[2 * flow_row + stories.probes.end[probe]] -= 1 - stories.probes.may_go_unanswered[probe]


def place_of_probe(stories: StoryTables, flow_row: int, row: int) -> int:
    """Return the row in STORY_PROBES of the probe at this candidate row, or ABSENT; they are in order of rows."""
    low, high = stories.flows.first_probe[flow_row], stories.counts[PROBES]
    while low < high:
        middle = (low + high) // 2
        if stories.probes.row[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low if low < stories.counts[PROBES] and stories.probes.row[low] == row else ABSENT


def capture_rtt_ns(ends: Any, end_row: int) -> int:
    """Return the time in ns from the capture point to an end and back; `end_row` is the end's row in ENDS."""
    reply_ns: int = ends.reply_ns[end_row]
    return reply_ns if reply_ns != ABSENT else UNKNOWN_CAPTURE_RTT_NS


def reach_capture_end(rows: Rows, flow: int, capture_end_ns: int, stories: StoryTables, flow_row: int) -> None:
    """Add the gaps of probes that may still be answered when the capture ends."""
    c, e = rows.candidates, stories.ends
    if capture_end_ns <= rows.flows.last_ns[flow] or (e.fin_frame[2 * flow_row] and e.fin_frame[2 * flow_row + 1]):
        return
    for end in (0, 1):
        end_row = 2 * flow_row + end
        if e.unanswered[end_row] and not has_work_left(rows.ends, 2 * flow + end):
            frame = c.frame[stories.probes.row[e.last_probe[end_row]]]
            add_open_gap(
                stories, flow_row, end, PENDING, frame, ABSENT, ABSENT, since_probe(c, stories, end_row, capture_end_ns)
            )


def close(rows: Rows, flow: int, capture_frame: int, capture_end_ns: int, stories: StoryTables, flow_row: int) -> None:
    """Fill in what can only be said after the flow's last row."""
    t, e = stories.flows, stories.ends
    last_ns = rows.flows.last_ns[flow]
    both_closed = e.fin_frame[2 * flow_row] and e.fin_frame[2 * flow_row + 1]
    is_open = t.reset_row[flow_row] == ABSENT and capture_end_ns > last_ns and not both_closed
    for end in (0, 1):
        end_row = 2 * flow_row + end
        e.has_spoken[end_row] |= rows.ends.least_ttl[2 * flow + end] != ABSENT
        if (
            e.ambiguous_frame[end_row]
            and heard_last_ns(rows, flow, end, stories, flow_row) > e.ambiguous_at_ns[end_row]
        ):
            confirm_survived(e, end_row)
        if e.survived_frame[end_row]:
            idle_ns = e.survived_ns[end_row]
            add_open_gap(
                stories,
                flow_row,
                end,
                SURVIVED,
                e.survived_frame[end_row],
                idle_ns,
                idle_ns,
                e.survived_probe_ns[end_row],
            )
        e.answered_beats[end_row] += was_last_answered(rows, e, end_row, 2 * flow + end)
        is_busy = has_work_left(rows.ends, 2 * flow + end) or resends_spuriously(rows, flow, end, e, flow_row)
        if is_open and not (e.unanswered[end_row] or e.fin_frame[end_row] or is_busy):
            since_ns = since_probe(rows.candidates, stories, end_row, capture_end_ns)
            add_open_gap(stories, flow_row, end, SURVIVED, capture_frame, capture_end_ns - last_ns, ABSENT, since_ns)
        note_prober(rows, flow, end, stories, flow_row)
    note_survivors(rows, flow, stories, flow_row)
    pending = t.pending_end[flow_row]
    if pending != ABSENT and heard_last_ns(rows, flow, 1 - pending, stories, flow_row) > t.pending_at_ns[flow_row]:
        confirm(t, e, flow_row)
    t.run_end[flow_row] = end_of_run(rows.candidates, stories, flow_row)
    t.unresponsive_end[flow_row] = (
        0
        if goes_unanswered(rows, flow, 0, e, flow_row)
        else 1
        if goes_unanswered(rows, flow, 1, e, flow_row)
        else ABSENT
    )
    t.persisting_end[flow_row] = 0 if persists(e, 2 * flow_row) else 1 if persists(e, 2 * flow_row + 1) else ABSENT
    t.resending_end[flow_row] = ABSENT
    for end in (0, 1):
        if resends_spuriously(rows, flow, end, e, flow_row):
            t.resending_end[flow_row] = end


def note_survivors(rows: Rows, flow: int, stories: StoryTables, flow_row: int) -> None:
    """Mark the silences that the path survived: the end that did not end them was heard later, by more than a RST."""
    c = rows.candidates
    for silence in range(stories.flows.first_silence[flow_row], stories.counts[SILENCES]):
        row = stories.silences.row[silence]
        heard_ns = heard_last_ns(rows, flow, 1 - c.end[row], stories, flow_row)
        stories.silences.survived[silence] = heard_ns > c.ts_ns[row]


def heard_last_ns(rows: Rows, flow: int, end: int, stories: StoryTables, flow_row: int) -> int:
    """Return when an end was last heard, by more than a RST, in ns."""
    heard_ns: int = rows.ends.last_ns[2 * flow + end]
    if stories.ends.has_reset[2 * flow_row + end] and rows.ends.last_flags[2 * flow + end] & RST_BIT:
        heard_ns = stories.ends.before_reset_ns[2 * flow_row + end]
    return heard_ns


def end_of_run(c: Any, stories: StoryTables, flow_row: int) -> int:
    """Return the end whose run of unanswered probes began first and so noticed the silence first; or ABSENT."""
    e = stories.ends
    found, found_ns = ABSENT, 0
    for end in (0, 1):
        end_row = 2 * flow_row + end
        if e.unanswered[end_row] > e.excused[end_row]:
            first_ns = c.ts_ns[stories.probes.row[e.run_probe[end_row]]]
            if found == ABSENT or first_ns < found_ns:
                found, found_ns = end, first_ns
    return found
