"""What each candidate is, decided with its flow's whole candidate list in view.

One kernel over the rows of a flow in capture order. Every rule is a small predicate that
cites its clause; `Rule` names them, and `report/explain.py` says them in words.
"""

from array import array
from enum import IntEnum
from typing import Any

from analyzer.columns import Table
from analyzer.jit import Engine
from analyzer.schema import ACK, FIN, KIND_ICMP_ERROR, NEVER, RST, SEGMENTS, SYN
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp.tracker import (
    REL_BELOW,
    REL_BELOW_UNA,
    REL_BEYOND,
    REL_NEXT,
    REL_UNKNOWN,
    TRAIT_AT_FIN,
    TRAIT_COPY,
    TRAIT_PEER_IN_FLIGHT,
    TRAIT_REVEALS,
    TRAIT_SAME_ACK,
    TRAIT_SAME_WINDOW,
    TRAIT_UNSURE,
)


class Tag(IntEnum):
    """What a segment is; the names are those of the machine face with '-' for '_'."""

    DATA = 0
    ACK = 1
    SYN = 2
    SYN_ACK = 3
    FIN = 4
    RST = 5
    KEEPALIVE_PROBE = 6
    KEEPALIVE_ANSWER = 7
    ZERO_WINDOW_PROBE = 8
    ZERO_WINDOW_ANSWER = 9
    RETRANSMISSION = 10
    DUPLICATE_ACK = 11
    WINDOW_UPDATE = 12
    GIVE_UP_RST = 13
    DUPLICATE_FRAME = 14
    ICMP_UNREACHABLE = 15
    STRAY = 16

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


class Rule(IntEnum):
    """Which rule gave the tag."""

    CONTROL_BIT = 0
    PLAIN = 1
    BELOW_SND_NXT = 2
    BELOW_SND_UNA = 3
    REVEALED_BY_ANSWER = 4
    REVEALED_BY_RST = 5
    REPEATED_UNSOLICITED = 6
    REPEATS_ONE_OCTET = 7
    ANSWERS_PROBE = 8
    WINDOW_CLOSED = 9
    ANSWERS_WINDOW_PROBE = 10
    OCTETS_SENT_BEFORE = 11
    SAME_ACK_IN_FLIGHT = 12
    SAME_ACK_NEW_WINDOW = 13
    AFTER_UNANSWERED_PROBES = 14
    CAPTURED_TWICE = 15
    QUOTES_SEGMENT = 16
    TOO_SOON = 17
    BEHIND_OWN_FIN = 18

    @property
    def label(self) -> str:
        return self.name.lower().replace("_", "-")


NO_TAG = -1
PROBE_IDLE_NS = 50_000_000
"""A probe needs an idle connection (RFC 9293 §3.8.4 MUST-26). No stack probes sooner after data
than macOS's 95 ms; what comes sooner is an ACK that left late."""
FIN_SETTLED_NS = 1_000_000_000
"""Behind the end's own FIN a segment one below SND.NXT is reordering unless a second has passed."""
REPEAT_NS = 900_000_000
"""Unsolicited repeats of one empty segment are probes when as far apart as the shortest interval (1 s)."""
GIVE_UP_NS = 500_000_000
"""The shortest time after which a RST can be the timer's: half the shortest interval."""

ANSWER_NS = 3_000_000_000
"""A RST later than any round trip after a probe does not answer it."""
MOST_MISSING = 2
"""More probes in a row are hardly lost at the capture point alone."""
QUOTE_LOOKBACK = 64
"""An ICMP error quotes a recent segment; bounds the work that forged ones can cause."""

# Members as plain integers, which kernels index faster and numba takes as constants.
(
    DATA,
    PURE_ACK,
    SYN_TAG,
    SYN_ACK,
    FIN_TAG,
    RST_TAG,
    PROBE,
    ANSWER,
    WINDOW_PROBE,
    WINDOW_ANSWER,
    RETRANSMISSION,
    DUPLICATE_ACK,
    WINDOW_UPDATE,
    GIVE_UP_RST,
    DUPLICATE_FRAME,
    ICMP_UNREACHABLE,
    STRAY,
) = map(int, Tag)
(
    CONTROL_BIT,
    PLAIN,
    BELOW_SND_NXT,
    BELOW_SND_UNA,
    REVEALED_BY_ANSWER,
    REVEALED_BY_RST,
    REPEATED_UNSOLICITED,
    REPEATS_ONE_OCTET,
    ANSWERS_PROBE,
    WINDOW_CLOSED,
    ANSWERS_WINDOW_PROBE,
    OCTETS_SENT_BEFORE,
    SAME_ACK_IN_FLIGHT,
    SAME_ACK_NEW_WINDOW,
    AFTER_UNANSWERED_PROBES,
    CAPTURED_TWICE,
    QUOTES_SEGMENT,
    TOO_SOON,
    BEHIND_OWN_FIN,
) = map(int, Rule)


def tag_segments(candidates: Table, flows: int, engine: Engine) -> "tuple[Table, array[int], array[int]]":
    """Tags of all candidates; also the rows in flow order, and where each flow's rows begin in it."""
    segments = Table(SEGMENTS)
    segments.reserve(candidates.rows)
    segments.rows = candidates.rows
    order = array("q", [0]) * max(candidates.rows, 1)
    starts = array("q", [0]) * (flows + 2)
    engine.run(sort_by_flow, candidates.view.flow, candidates.rows, order, starts)
    engine.run(decide, candidates.view, order, starts, flows, segments.view)
    return segments, order, starts


def sort_by_flow(flow: Any, rows: int, order: Any, starts: Any) -> int:
    """Kernel: counting sort, stable, so that each flow's rows stay in capture order.

    `starts` has two places more than there are flows, all 0; row starts[f] to starts[f + 1]
    of `order` are flow f's.
    """
    for row in range(rows):
        starts[flow[row] + 2] += 1
    for index in range(2, len(starts)):
        starts[index] += starts[index - 1]
    for row in range(rows):
        place = starts[flow[row] + 1]
        order[place] = row
        starts[flow[row] + 1] = place + 1
    return rows


def decide(c: Any, order: Any, starts: Any, flows: int, out: Any) -> int:
    """Kernel: tag, rule and probe of every candidate row; flow by flow, in capture order."""
    for flow in range(flows):
        decide_flow(c, order, starts[flow], starts[flow + 1], out)
    return flows


def decide_flow(c: Any, order: Any, first: int, last: int, out: Any) -> None:
    open_probe_0, open_probe_1 = NEVER, NEVER  # each end's latest probe that nothing answers so far
    spacing_0, spacing_1 = NEVER, NEVER  # its distance from the one before that nothing answers either
    persists_0, persists_1 = 0, 0  # the end's latest small segment was a zero-window probe
    for place in range(first, last):
        row = order[place]
        end = c.end[row]
        mine, theirs = (open_probe_0, open_probe_1) if end == 0 else (open_probe_1, open_probe_0)
        spacing, persists = (spacing_0, persists_0) if end == 0 else (spacing_1, persists_1)
        tag, rule, of = decide_row(c, order, place, first, last, mine, theirs, spacing, persists, out)
        out.tag[row], out.rule[row], out.of[row] = tag, rule, of
        if tag == PROBE or tag == WINDOW_PROBE:
            spacing = c.ts_ns[row] - c.ts_ns[mine] if mine != NEVER else NEVER
            spacing_0, spacing_1 = (spacing, spacing_1) if end == 0 else (spacing_0, spacing)
            persists = int(tag == WINDOW_PROBE)
            persists_0, persists_1 = (persists, persists_1) if end == 0 else (persists_0, persists)
            mine = row
        elif tag == RST_TAG or tag == GIVE_UP_RST:
            mine, theirs = NEVER, NEVER
        elif tag not in (STRAY, DUPLICATE_FRAME, ICMP_UNREACHABLE, RETRANSMISSION):
            if is_own_traffic(c, row):
                mine = NEVER
            if theirs != NEVER and (of == theirs or answers(c, row, theirs)):
                theirs = NEVER
        open_probe_0, open_probe_1 = (mine, theirs) if end == 0 else (theirs, mine)


def decide_row(
    c: Any, order: Any, place: int, first: int, last: int, mine: int, theirs: int, spacing: int, persists: int, out: Any
) -> tuple[int, int, int]:
    """The rules in order; the first that holds decides."""
    row = order[place]
    flags, traits = c.flags[row], c.traits[row]
    if c.kind[row] == KIND_ICMP_ERROR:
        quoted = quoted_row(c, order, place, first)
        return ICMP_UNREACHABLE, QUOTES_SEGMENT, quoted
    if traits & TRAIT_COPY:
        return DUPLICATE_FRAME, CAPTURED_TWICE, NEVER
    if flags & RST:
        if gives_up(c, row, mine, spacing):
            return GIVE_UP_RST, AFTER_UNANSWERED_PROBES, mine
        return RST_TAG, CONTROL_BIT, theirs if answers_with_reset(c, row, theirs) else NEVER
    if flags & SYN:
        return SYN_ACK if flags & ACK else SYN_TAG, CONTROL_BIT, NEVER
    if flags & FIN:
        return FIN_TAG, CONTROL_BIT, theirs if theirs != NEVER and answers(c, row, theirs) else NEVER
    if c.payload_len[row] <= 1:
        tag, rule = probe_or_not(c, order, place, first, last, persists)
        if tag != NO_TAG:
            return tag, rule, NEVER
    if is_resend(c, row):
        return RETRANSMISSION, OCTETS_SENT_BEFORE, NEVER
    if theirs != NEVER and out.tag[theirs] == WINDOW_PROBE and refuses_octet(c, row, theirs):
        return WINDOW_ANSWER, ANSWERS_WINDOW_PROBE, theirs
    if theirs != NEVER and answers(c, row, theirs):
        if c.payload_len[row] > 0:
            return DATA, ANSWERS_PROBE, theirs
        if out.tag[theirs] == WINDOW_PROBE:
            return WINDOW_ANSWER, ANSWERS_WINDOW_PROBE, theirs
        return ANSWER, ANSWERS_PROBE, theirs
    if c.payload_len[row] > 0:
        return DATA, PLAIN, NEVER
    if traits & TRAIT_SAME_ACK and c.relation[row] == REL_NEXT:
        if not traits & TRAIT_SAME_WINDOW:
            return WINDOW_UPDATE, SAME_ACK_NEW_WINDOW, NEVER
        if traits & TRAIT_PEER_IN_FLIGHT:
            return DUPLICATE_ACK, SAME_ACK_IN_FLIGHT, NEVER
    return PURE_ACK, PLAIN, NEVER


def probe_or_not(c: Any, order: Any, place: int, first: int, last: int, persists: int) -> tuple[int, int]:
    """A segment of at most one octet: a probe of either kind, something that looks like one, or NO_TAG."""
    row = order[place]
    rule = NEVER
    if c.relation[row] == REL_BELOW and not c.traits[row] & TRAIT_UNSURE:
        rule = BELOW_SND_NXT
    elif c.relation[row] == REL_BELOW_UNA:
        rule = BELOW_SND_UNA
    elif c.relation[row] == REL_BELOW and c.payload_len[row] == 1:
        if c.own_ns[row] < REPEAT_NS and c.peer_window[row] != 0:
            return RETRANSMISSION, OCTETS_SENT_BEFORE
        rule = REPEATS_ONE_OCTET
    elif c.relation[row] == REL_UNKNOWN or c.relation[row] == REL_BEYOND or c.traits[row] & TRAIT_UNSURE:
        rule = revealed_later(c, order, place, first, last)
    if rule == NEVER:
        if is_window_probe_with_data(c, row):
            return WINDOW_PROBE, WINDOW_CLOSED
        return NO_TAG, NEVER
    if c.peer_window[row] == 0 and is_persist_timer(c, order, place, last, persists):
        return WINDOW_PROBE, WINDOW_CLOSED
    if c.payload_len[row] == 1 and c.in_flight[row] > 0 and rule != BELOW_SND_UNA:
        return RETRANSMISSION, OCTETS_SENT_BEFORE
    if c.traits[row] & TRAIT_AT_FIN and (c.in_flight[row] != 0 or c.own_ns[row] < FIN_SETTLED_NS):
        return STRAY, BEHIND_OWN_FIN
    if rule != BELOW_SND_UNA and comes_too_soon(c, row):
        return STRAY, TOO_SOON
    return PROBE, rule


def revealed_later(c: Any, order: Any, place: int, first: int, last: int) -> int:
    """The rule by which later rows of the flow show that a segment of unknown place was a probe, or NEVER.

    The capture began in mid-stream, or misses what came before: SND.NXT is not known yet.
    """
    row = order[place]
    seq, payload_len = c.seq[row], c.payload_len[row]
    for other in range(place + 1, last):
        later = order[other]
        if c.kind[later] == KIND_ICMP_ERROR or c.traits[later] & TRAIT_COPY:
            continue
        if c.end[later] != c.end[row]:
            if c.traits[later] & TRAIT_REVEALS and c.ack[later] == seq_add(seq, 1):
                return REVEALED_BY_ANSWER
            continue
        if payload_len == 0 and c.flags[later] & RST:
            is_timer = c.seq[later] == seq_add(seq, 1) and c.own_ns[later] >= GIVE_UP_NS
            return REVEALED_BY_RST if is_timer else NEVER
        if c.flags[later] & (SYN | FIN | RST) or c.seq[later] != seq or c.payload_len[later] != payload_len:
            break
        is_late = c.own_ns[later] >= REPEAT_NS
        if payload_len == 1 and c.relation[later] == REL_BELOW and is_late and c.in_flight[later] <= 0:
            return REPEATS_ONE_OCTET
        if payload_len == 0 and is_unsolicited_repeat(c, later) and is_unsolicited(c, row):
            return REPEATED_UNSOLICITED
        break
    return repeats_earlier(c, order, place, first)


def repeats_earlier(c: Any, order: Any, place: int, first: int) -> int:
    """The last of several empty segments of unknown place, each unsolicited and far apart."""
    row = order[place]
    for other in range(place - 1, first - 1, -1):
        earlier = order[other]
        if c.kind[earlier] == KIND_ICMP_ERROR or c.end[earlier] != c.end[row]:
            continue
        is_same = c.seq[earlier] == c.seq[row] and c.payload_len[earlier] == 0 and c.payload_len[row] == 0
        if is_same and is_unsolicited_repeat(c, row) and is_unsolicited(c, earlier):
            return REPEATED_UNSOLICITED
        return NEVER
    return NEVER


def comes_too_soon(c: Any, row: int) -> bool:
    """Right after data, or with data in flight: an ACK that left before the data, captured behind it.

    Below SND.UNA this cannot be: that octet's acknowledgement is a round trip old.
    """
    if c.data_ns[row] != NEVER and c.ts_ns[row] - c.data_ns[row] < PROBE_IDLE_NS:
        return True
    return bool(c.payload_len[row] == 0 and c.in_flight[row] > 0 and c.idle_ns[row] < REPEAT_NS)


def is_unsolicited(c: Any, row: int) -> bool:
    """Nothing came just before it that it could acknowledge."""
    return bool(c.idle_ns[row] == NEVER or c.idle_ns[row] >= REPEAT_NS)


def is_unsolicited_repeat(c: Any, row: int) -> bool:
    return bool(c.idle_ns[row] >= REPEAT_NS and c.own_ns[row] >= REPEAT_NS and c.traits[row] & TRAIT_SAME_ACK)


def is_window_probe_with_data(c: Any, row: int) -> bool:
    """The classic zero-window probe carries one octet of real data (RFC 9293 §3.8.6.1)."""
    return bool(c.payload_len[row] == 1 and c.relation[row] == REL_NEXT and c.peer_window[row] == 0)


def is_persist_timer(c: Any, order: Any, place: int, last: int, persists: int) -> bool:
    """The window is closed and there is something to send: probes begin after one RTO and double (RFC 9293 §3.8.6.1).

    With nothing to send it is the keepalive timer, which waits a second at least and keeps its pace.
    """
    row = order[place]
    if persists or c.any_ns[row] == NEVER or c.ts_ns[row] - c.any_ns[row] < REPEAT_NS:
        return True
    for other in range(place + 1, last):
        later = order[other]
        if c.end[later] == c.end[row] and c.kind[later] != KIND_ICMP_ERROR:
            return bool(c.payload_len[later] <= 1 and c.own_ns[later] < REPEAT_NS and c.peer_window[later] == 0)
    return False


def is_resend(c: Any, row: int) -> bool:
    """All of its octets lie before SND.NXT (RFC 9293 §3.8.1). A place that is not sure proves nothing."""
    if c.payload_len[row] == 0 or c.relation[row] == REL_UNKNOWN or c.relation[row] == REL_NEXT:
        return False
    return c.relation[row] != REL_BEYOND and not c.traits[row] & TRAIT_UNSURE


def answers(c: Any, row: int, probe: int) -> bool:
    """Acknowledges the octet at the probe's SEG.SEQ (RFC 9293 §3.8.4); any window, data or none."""
    if c.flags[row] & RST or not c.flags[row] & ACK:
        return False
    return seq_diff(c.ack[row], c.seq[probe]) >= 1


def refuses_octet(c: Any, row: int, probe: int) -> bool:
    """The window is still closed: the octet is not taken, the ACK says so (RFC 9293 §3.8.6.1, §3.10.7.4)."""
    is_ack = c.payload_len[row] == 0 and c.flags[row] & ACK
    return bool(is_ack and c.payload_len[probe] == 1 and c.ack[row] == c.seq[probe])


def answers_with_reset(c: Any, row: int, probe: int) -> bool:
    """A RST from the end that was probed, with nothing else from it since (RFC 9293 §3.10.7.1)."""
    return bool(probe != NEVER and c.ts_ns[row] - c.ts_ns[probe] <= ANSWER_NS)


def gives_up(c: Any, row: int, probe: int, spacing: int) -> bool:
    """The RST of a keepalive timer: SEG.SEQ is SND.NXT, an interval after a probe that nothing answered.

    tcp_timer.c tcp_keepalive_timer, tcp_send_active_reset. A close() with unread data sends the
    same RST at any time (tcp.c tcp_close); the timer's comes on the grid, as far as two probes show
    it. The first spacing may be up to an eighth shorter or longer than the others.
    """
    if probe == NEVER or not c.flags[row] & ACK:
        return False
    if spacing != NEVER and not is_on_grid(c.own_ns[row], spacing):
        return False
    return bool(c.seq[row] == seq_add(c.seq[probe], 1) and c.own_ns[row] >= GIVE_UP_NS)


def is_on_grid(own_ns: int, spacing: int) -> bool:
    """One interval, to an eighth; or several against one, where a probe is missing in the capture."""
    for times in range(1, MOST_MISSING + 2):
        if abs(own_ns - times * spacing) <= spacing // 7 or abs(times * own_ns - spacing) <= spacing // 7:
            return True
    return False


def is_own_traffic(c: Any, row: int) -> bool:
    """Data or FIN: the end's keepalive timer starts anew."""
    return bool(c.payload_len[row] > 0 or c.flags[row] & FIN)


def quoted_row(c: Any, order: Any, place: int, first: int) -> int:
    """The latest segment of the told end with the quoted SEG.SEQ, if it is a candidate."""
    row = order[place]
    for other in range(place - 1, max(first, place - QUOTE_LOOKBACK) - 1, -1):
        earlier = order[other]
        is_segment = c.kind[earlier] != KIND_ICMP_ERROR
        if is_segment and c.end[earlier] == c.end[row] and c.seq[earlier] == c.seq[row]:
            return int(earlier)
    return NEVER
