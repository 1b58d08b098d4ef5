"""A flow's tagged segments in, its story out: who probed, what answered, which gaps the timer left.

One kernel, one pass over the flow's rows in capture order. It knows what an observation of the keepalive timer is
(tcp_timer.c tcp_keepalive_timer), and not what follows from it.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.keepalive.story.gaps import (
    GAPS,
    PROBES,
    SILENCES,
    Rows,
    StoryTables,
    add_gap,
    add_open_gap,
    confirm_survived,
    ends_of,
    gap_of_probe,
    has_work_left,
    hastens,
    make_unheard,
    note_survived,
    since_probe,
    unheard_run,
)
from analyzer.keepalive.story.heartbeats import last_other_data_ns, note_beat, was_last_answered
from analyzer.keepalive.story.holes import lacks, note_holes, note_identification, note_stamp
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
from analyzer.keepalive.story.silences import heard_last_ns, note_silence, note_survivors
from analyzer.keepalive.story.values import (
    BY_ACK,
    BY_DATA,
    BY_ICMP,
    BY_NOTHING,
    BY_RST,
    GIVE_UP,
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


class Captured(NamedTuple):
    """What stories need to know of the whole capture."""

    last_frame: int
    end_ns: int
    of_end: "array[int]"
    """The address of each end, by number."""
    shares: "array[int]"
    """How many of a thousand segments of each address are missing (`holes.note_shares`)."""


def tell(rows: Rows, flows: Any, count: int, captured: Captured, stories: StoryTables) -> int:
    """Kernel: write the stories of these flows, from row 0 on; one more row marks where the last ends. Returns
    `count`."""
    of_end, shares = captured.of_end, captured.shares
    stories.counts[PROBES] = stories.counts[GAPS] = stories.counts[SILENCES] = 0
    for flow_row in range(count):
        flow, story = flows[flow_row], stories.flows[flow_row]
        end_ns = watched_until(rows.flows, flow, captured.end_ns)
        begin(stories, flow_row, rows.starts[flow])
        story.flow, story.capture_end_ns = flow, end_ns
        for place in range(rows.starts[flow], rows.starts[flow + 1]):
            note_row(rows, place, stories, flow_row)
        if story.reset_row == ABSENT:
            reach_capture_end(rows, flow, end_ns, stories, flow_row)
        close(rows, flow, captured.last_frame, end_ns, stories, flow_row)
        for end in (0, 1):
            stories.ends[2 * flow_row + end].hastens = hastens(stories, flow_row, end)
        share = max(shares[of_end[2 * flow]], shares[of_end[2 * flow + 1]])
        story.lacks = lacks(rows, flow, *ends_of(stories, flow_row), share)
    note_places(stories, count)
    return count


def watched_until(flows: Any, flow: int, capture_end_ns: int) -> int:
    """Return the capture's end, or for this flow a jump of the capture's clock before it, in ns.

    Where the clock was set back and has not caught up, the time of the flow's last segment: what came after it is not
    known.
    """
    if flows[flow].latest_ns > flows[flow].last_ns:
        return int(flows[flow].last_ns)
    watched_ns: int = flows[flow].watched_ns
    return watched_ns - 1 if watched_ns else capture_end_ns


def note_places(stories: StoryTables, flow_row: int) -> None:
    """Note where the flow's probes, gaps and silences begin."""
    story = stories.flows[flow_row]
    story.first_probe = stories.counts[PROBES]
    story.first_gap = stories.counts[GAPS]
    story.first_silence = stories.counts[SILENCES]


def begin(stories: StoryTables, flow_row: int, place: int) -> None:
    """Clear the flow's row and those of its ends; `place` is where its rows begin in flow order."""
    story, (first, second) = stories.flows[flow_row], ends_of(stories, flow_row)
    note_places(stories, flow_row)
    begin_idle_times(story, first, second)
    story.reset_row = story.closing_row = story.beat_row = story.busy_ns = ABSENT
    story.reset_follows_data = story.reset_unheard = 0
    story.bridged_ns = story.is_too_incomplete = 0
    for end in (0, 1):
        own = stories.ends[2 * flow_row + end]
        own.fin_frame = own.probes = own.lost = own.unanswered = own.excused = 0
        own.last_probe = own.run_probe = own.run_heard_ns = ABSENT
        own.unheard_place = place
        own.icmp_errors = own.resends = 0
        own.icmp = ABSENT
        own.resend_row = own.first_resend_row = own.sent_ns = ABSENT
        own.sent_len = own.follows = own.skips = 0
        own.answered_ns = own.echo_ns = own.since_new_segment_ns = ABSENT
        own.window_probes = own.spurious_resends = 0
        own.spurious_ns = ABSENT
        own.beats = own.answered_beats = own.beats_ns = own.steady_beats = 0
        own.first_beat = own.last_beat = ABSENT
        own.least_beat = own.most_beat = 0
        own.survived_frame = own.survived_ns = 0
        own.ambiguous_frame = own.ambiguous_ns = 0
        own.has_reset = own.has_spoken = own.even = own.level = own.uneven = 0
        own.pace_kind = ABSENT
        own.before_reset_ns = ABSENT
        own.stamp_row = ABSENT
        own.has_uncaptured = own.holes = 0
        own.uncaptured_ns = ABSENT


def note_row(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in one segment or one ICMP error."""
    c, row = rows.candidates, rows.order[place]
    segment, tag, of = c[row], rows.segments[row].tag, rows.segments[row].of
    end_row = 2 * flow_row + segment.end
    story, own, peer = stories.flows[flow_row], stories.ends[end_row], stories.ends[end_row ^ 1]
    if tag == DUPLICATE_FRAME:
        return
    if tag == ICMP_UNREACHABLE:
        own.icmp_errors += 1
        if quotes_flight(rows, of):
            own.icmp = segment.flags
        answer(stories, flow_row, of, BY_ICMP, row)
        return
    previous_ns = segment.ts_ns - segment.own_ns if segment.own_ns != ABSENT else ABSENT
    forget_heard_resends(c, own, segment.any_ns, place)
    forget_heard_resends(c, peer, previous_ns, place)
    own.has_spoken |= not segment.flags & (SYN | RST_BIT)
    if segment.flags & RST_BIT and not own.has_reset:
        own.has_reset, own.before_reset_ns = 1, previous_ns
    if story.reset_row != ABSENT:
        note_after_reset(rows, row, stories, flow_row)
        return
    if not segment.flags & RST_BIT:
        confirm_survived(own)
    note_silence(segment, row, tag, own, peer, stories)
    note_survived(c, segment, tag, stories, flow_row)
    note_identification(segment, own)
    note_stamp(segment, row, tag, own)
    note_holes(segment, tag, of, own, peer)
    if story.closing_row == ABSENT and not segment.flags & RST_BIT:
        note_data(c, segment, tag, story, own, peer)
    if tag == HEARTBEAT:
        note_heartbeat(c, segment, row, story, own)
    if tag == PROBE:
        note_probe(rows, row, stories, flow_row)
    elif tag == RETRANSMISSION:
        note_resend(segment, row, own)
        note_spurious_resend(segment, place, own)
        note_repeat(segment, own)
    elif tag == RST_TAG or tag == GIVE_UP_RST:
        note_reset(rows, place, stories, flow_row)
    elif tag != STRAY:
        note_sign_of_life(rows, place, stories, flow_row)


def note_after_reset(rows: Rows, row: int, stories: StoryTables, flow_row: int) -> None:
    """Take in what the other end still sends for the connection if it has not heard that a timer gave up.

    Its probes go on, and its own timer gives up in the end. Everything else after a RST is no longer this connection.
    """
    segment, tag, of = rows.candidates[row], rows.segments[row].tag, rows.segments[row].of
    reset = rows.candidates[stories.flows[flow_row].reset_row]
    if segment.end == reset.end:
        answer(stories, flow_row, of, BY_RST if segment.flags & RST_BIT else BY_ACK, row)
    elif tag == PROBE:
        note_probe(rows, row, stories, flow_row)
    elif tag == GIVE_UP_RST:
        add_gap(rows.candidates, segment, GIVE_UP, stories, flow_row)


def note_heartbeat(c: Any, segment: Any, row: int, story: Any, own: Any) -> None:
    """Take in a heartbeat; what comes after the first FIN no longer says when the connection was last in use."""
    note_beat(c, segment, row, own)
    if story.closing_row == ABSENT:
        story.busy_ns = last_other_data_ns(c, segment, story)
        story.beat_row = row


def note_closing(c: Any, row: int, place: int, story: Any) -> None:
    """Note which segment closed the connection, the first FIN or RST, and when it was last in use by then."""
    if story.closing_row == ABSENT:
        story.closing_row, story.closing_place = row, place
        story.busy_ns = last_other_data_ns(c, c[row], story)


def quotes_flight(rows: Rows, of: int) -> bool:
    """Tell whether an ICMP error counts: a probe's number is not in flight (RFC 5927 §4, tcp_ipv4.c tcp_v4_err).

    A window probe's is not either, but for the octet of data that some stacks put into it. What is no candidate is
    data.
    """
    if of == ABSENT or rows.segments[of].tag not in (PROBE, WINDOW_PROBE):
        return True
    return bool(rows.segments[of].tag == WINDOW_PROBE and rows.candidates[of].payload_len)


def note_probe(rows: Rows, row: int, stories: StoryTables, flow_row: int) -> None:
    """Take in a probe: the gap before it, and that it waits for an answer."""
    c, segment, place = rows.candidates, rows.candidates[row], stories.counts[PROBES]
    own, probe = stories.ends[2 * flow_row + segment.end], stories.probes[place]
    add_gap(c, segment, gap_of_probe(c, segment, stories, own), stories, flow_row)
    note_repeat(segment, own)
    stories.counts[PROBES] += 1
    if not own.unanswered:
        own.run_probe = place
        own.run_heard_ns = segment.any_ns
    is_excused = need_not_be_answered(segment, own)
    probe.row, probe.end, probe.answer, probe.answer_row = row, segment.end, BY_NOTHING, ABSENT
    probe.may_go_unanswered = is_excused
    own.probes += 1
    own.last_probe = place
    own.unanswered += 1
    own.excused += is_excused
    own.lost += 1 - is_excused


def note_reset(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in the RST that ends the connection: a give-up, or an answer to a probe."""
    c, row, story = rows.candidates, rows.order[place], stories.flows[flow_row]
    reset = c[row]
    peer = stories.ends[2 * flow_row + 1 - reset.end]
    if rows.segments[row].tag == GIVE_UP_RST:
        add_gap(c, reset, GIVE_UP, stories, flow_row)
    else:
        story.reset_unheard = unheard_run(c, reset, stories, flow_row)
        if story.reset_unheard:
            make_unheard(c, reset, stories, flow_row)
        else:
            answer(stories, flow_row, rows.segments[row].of, BY_RST, row)
    story.reset_row = row
    note_closing(c, row, place, story)
    is_waited_for = bool(reset.facts & segment_facts.PEER_IN_FLIGHT)
    story.reset_follows_data = is_waited_for or peer.resends > 0 or answers_last_data(reset)


def answers_last_data(reset: Any) -> bool:
    """Tell whether a RST answers the other end's last segment, which was data: its number is what that acknowledged.

    It has no ACK (RFC 9293 §3.10.7.1). An end that has sent something since then has received the data: its RST without
    ACK is the application's, as some stacks send it.
    """
    said_ns = reset.peer_data_ns
    is_last = said_ns != ABSENT and said_ns == reset.any_ns
    has_replied = reset.own_ns != ABSENT and reset.ts_ns - reset.own_ns > said_ns
    is_next = reset.relation == segment_facts.REL_NEXT
    return bool(is_last and not has_replied and not reset.flags & ACK and is_next)


def note_sign_of_life(rows: Rows, place: int, stories: StoryTables, flow_row: int) -> None:
    """Take in anything that an end does not send of its own accord to an end that is gone."""
    row = rows.order[place]
    segment, tag, of = rows.candidates[row], rows.segments[row].tag, rows.segments[row].of
    end_row = 2 * flow_row + segment.end
    story, own, peer = stories.flows[flow_row], stories.ends[end_row], stories.ends[end_row ^ 1]
    if tag == ANSWER and segment.data_ns != ABSENT:
        story.bridged_ns = max(story.bridged_ns, segment.ts_ns - segment.data_ns)
    if tag == ANSWER or tag == WINDOW_ANSWER or tag == CHALLENGE_ACK:
        peer.answered_ns = segment.ts_ns
    peer.unanswered = peer.excused = peer.icmp_errors = peer.resends = 0
    peer.icmp = ABSENT
    peer.unheard_place = place
    if of != ABSENT:
        answer(stories, flow_row, of, BY_ACK if segment.payload_len == 0 else BY_DATA, row)
    if tag == WINDOW_PROBE:
        note_window_probe(segment, place, own)
    elif tag != WINDOW_ANSWER:
        own.window_probes = peer.window_probes = 0
    if tag == WINDOW_PROBE or (tag == FIN_TAG and own.fin_frame):
        count_try(row, own)
    if tag == FIN_TAG and not own.fin_frame:
        own.fin_frame, own.fin_ack = segment.frame, segment.ack
        note_closing(rows.candidates, row, place, story)


def need_not_be_answered(segment: Any, own: Any) -> bool:
    """Tell whether no answer to a probe is due, so soon after the last one; a probe with an octet is always
    answered."""
    is_soon = own.answered_ns != ABSENT and segment.ts_ns - own.answered_ns < ANSWERS_APART_NS
    return bool(is_soon and segment.payload_len == 0)


def answer(stories: StoryTables, flow_row: int, of: int, kind: int, row: int) -> None:
    """Note what answered a probe, if it is the first answer; `of` is the probe's row, or ABSENT.

    The other end's own answer counts for more than an ICMP error before it.
    """
    place = place_of_probe(stories, flow_row, of)
    if place == ABSENT:
        return
    probe = stories.probes[place]
    if probe.answer == BY_NOTHING:
        stories.ends[2 * flow_row + probe.end].lost -= 1 - probe.may_go_unanswered
    elif probe.answer != BY_ICMP or kind == BY_ICMP:
        return
    probe.answer, probe.answer_row = kind, row


def place_of_probe(stories: StoryTables, flow_row: int, row: int) -> int:
    """Return the row in STORY_PROBES of the probe at this candidate row, or ABSENT; they are in order of rows."""
    rows = stories.probes.row
    low, high = stories.flows[flow_row].first_probe, stories.counts[PROBES]
    while low < high:
        middle = (low + high) // 2
        if rows[middle] < row:
            low = middle + 1
        else:
            high = middle
    return low if low < stories.counts[PROBES] and rows[low] == row else ABSENT


def capture_rtt_ns(ends: Any, end_row: int) -> int:
    """Return the time in ns from the capture point to an end and back; `end_row` is the end's row in ENDS."""
    reply_ns: int = ends[end_row].reply_ns
    return reply_ns if reply_ns != ABSENT else UNKNOWN_CAPTURE_RTT_NS


def reach_capture_end(rows: Rows, flow: int, capture_end_ns: int, stories: StoryTables, flow_row: int) -> None:
    """Add the gaps of probes that may still be answered when the capture ends."""
    c = rows.candidates
    if capture_end_ns <= rows.flows[flow].last_ns or both_closed(stories, flow_row):
        return
    for end in (0, 1):
        own = stories.ends[2 * flow_row + end]
        if own.unanswered and not has_work_left(rows.ends, 2 * flow + end):
            frame = c[stories.probes[own.last_probe].row].frame
            add_open_gap(
                stories, flow_row, end, PENDING, frame, ABSENT, ABSENT, since_probe(c, stories, own, capture_end_ns)
            )


def both_closed(stories: StoryTables, flow_row: int) -> bool:
    """Tell whether both ends sent a FIN."""
    first, second = ends_of(stories, flow_row)
    return bool(first.fin_frame and second.fin_frame)


def close(rows: Rows, flow: int, capture_frame: int, capture_end_ns: int, stories: StoryTables, flow_row: int) -> None:
    """Fill in what can only be said after the flow's last row."""
    story, last_ns = stories.flows[flow_row], rows.flows[flow].last_ns
    is_open = story.reset_row == ABSENT and capture_end_ns > last_ns and not both_closed(stories, flow_row)
    for end in (0, 1):
        own = stories.ends[2 * flow_row + end]
        own.has_spoken |= rows.ends[2 * flow + end].least_ttl != ABSENT
        if own.ambiguous_frame and heard_last_ns(rows, flow, end, own) > own.ambiguous_at_ns:
            confirm_survived(own)
        if own.survived_frame:
            idle_ns = own.survived_ns
            add_open_gap(stories, flow_row, end, SURVIVED, own.survived_frame, idle_ns, idle_ns, own.survived_probe_ns)
        own.answered_beats += was_last_answered(rows.candidates, own, rows.ends[2 * flow + 1 - end])
        is_busy = has_work_left(rows.ends, 2 * flow + end) or resends_spuriously(rows, flow, end, own)
        if is_open and not (own.unanswered or own.fin_frame or is_busy):
            since_ns = since_probe(rows.candidates, stories, own, capture_end_ns)
            add_open_gap(stories, flow_row, end, SURVIVED, capture_frame, capture_end_ns - last_ns, ABSENT, since_ns)
        note_prober(rows, flow, end, stories, flow_row)
    note_survivors(rows, flow, stories, flow_row)
    if story.pending_end != ABSENT:
        own, peer = stories.ends[2 * flow_row + story.pending_end], stories.ends[2 * flow_row + 1 - story.pending_end]
        if heard_last_ns(rows, flow, 1 - story.pending_end, peer) > story.pending_at_ns:
            confirm(story, own, peer)
    note_troubled_ends(rows, flow, stories, flow_row)


def note_troubled_ends(rows: Rows, flow: int, stories: StoryTables, flow_row: int) -> None:
    """Note which end goes unanswered or unheard, in each way in which one may."""
    story, (first, second) = stories.flows[flow_row], ends_of(stories, flow_row)
    story.run_end = end_of_run(rows.candidates, stories, flow_row)
    story.unresponsive_end = (
        0 if goes_unanswered(rows, flow, 0, first) else 1 if goes_unanswered(rows, flow, 1, second) else ABSENT
    )
    story.persisting_end = 0 if persists(first) else 1 if persists(second) else ABSENT
    story.resending_end = (
        1 if resends_spuriously(rows, flow, 1, second) else 0 if resends_spuriously(rows, flow, 0, first) else ABSENT
    )


def end_of_run(c: Any, stories: StoryTables, flow_row: int) -> int:
    """Return the end whose run of unanswered probes began first and so noticed the silence first; or ABSENT."""
    found, found_ns = ABSENT, 0
    for end in (0, 1):
        own = stories.ends[2 * flow_row + end]
        if own.unanswered > own.excused:
            first_ns = c[stories.probes[own.run_probe].row].ts_ns
            if found == ABSENT or first_ns < found_ns:
                found, found_ns = end, first_ns
    return found
