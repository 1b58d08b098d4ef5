"""The tag rules: small predicates over a flow's candidate rows, each with the clause that it rests on.

They look back and ahead in the flow's whole list of candidates. `tagger.py` knows in which order they are asked.
"""

from typing import Any

from analyzer.keepalive.tags import tag
from analyzer.schema import (
    ABSENT,
    ACK,
    FIN,
    KIND_ICMP_ERROR,
    RST,
    SYN,
)
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS

PROBE_IDLE_NS = 50_000_000
"""Shortest time from data to a probe, which needs an idle connection (RFC 9293 §3.8.4 MUST-26). No stack probes sooner
after data than macOS's 95 ms; what comes sooner is an ACK that left late."""
FIN_SETTLED_NS = 1_000_000_000
"""Within this time after the end's own FIN, a segment one below SND.NXT counts as reordering."""
SYN_SETTLED_NS = 300_000_000
"""A segment at the octet of the end's own SYN is no probe so soon after data and its own last segment: Cisco IOS sends
one after 200 ms."""
HANDSHAKE_NS = 5_000_000_000
"""If the end has sent only its SYN so far, an ACK within this time completes the handshake: some synthetic traces give
that ACK the SYN's number."""
SOLICITED_NS = 5_000_000_000
"""Time within which an ACK of the other end's data is no probe. It is delayed by 500 ms at most (RFC 9293 §3.8.6.3),
but synthetic traces take whole seconds for a round trip."""
REPEAT_NS = 900_000_000
"""Unsolicited repeats of one empty segment are probes when at least this far apart; the shortest interval is 1 s."""
LONG_SPACING_NS = 5_000_000_000
"""Two equal segments alone are probes when at least this far apart: scanners and floods repeat an ACK sooner."""
GIVE_UP_NS = 500_000_000
"""Shortest time after which a RST can be the timer's: half the shortest interval."""

LONGEST_PACE_NS = 50_000_000_000
"""Longest even spacing that only a keepalive timer explains: retransmissions and window probes come evenly, too, once
they have backed off to their limit of 60, 64 or 120 s."""
NO_PACE, EVEN, SLOW, BACKING_OFF = range(4)

ANSWER_NS = 3_000_000_000
"""Longest round trip: a RST that comes later than this after a probe does not answer it."""
MOST_MISSING = 2
"""Most probes in a row that only the capture may lack: more are hardly lost at the capture point alone."""
LOOKBACK = 64
"""Rows to look back for what a segment refers to. An ICMP error quotes a recent segment; the limit bounds the work that
forged ones can cause."""
LOOKAHEAD = 64
"""Rows to look ahead. What a later segment shows, it shows soon; the limit bounds the work that floods from one end can
cause."""
HEARTBEAT_OCTETS = 128
"""Longest heartbeat. Most have 1 to 31 octets, SSH's 52 to 100, those of FIX about 100; a message's payload is
longer."""
FEWEST_BEATS = 3
"""Fewest messages that show a period: they have two equal spacings."""
FEWEST_VARIED = 5
"""Fewest if they differ by more than COUNTED_OCTETS: three commands of a person, or of a login, may be as evenly spaced
(POP3 LIST, UIDL, RETR)."""
COUNTED_OCTETS = 1
"""A number that heartbeats carry grows by a digit at a time."""
SAME_OCTETS = 16
"""Heartbeats differ by no more octets than a number or a time takes that they carry; other messages do."""
STEADY = 20
"""A period varies by one part in this many at most: an application waits for an answer before it sleeps again."""
QUIET = 4
"""At least one part in this many of the time between two beats is without data."""


def is_extra(c: Any, row: int) -> bool:
    """Tell whether a row is no segment of its own: an ICMP error, or the second capture of a segment."""
    return bool(c.kind[row] == KIND_ICMP_ERROR or c.facts[row] & segment_facts.DUPLICATE)


def revealed_later(c: Any, order: Any, place: int, first: int, last: int) -> int:
    """Return the rule by which later rows show that a segment of unknown position was a probe, or ABSENT.

    The position is unknown where the capture began in mid-stream or misses what came before, so that SND.NXT is not
    known yet.
    """
    row = order[place]
    seq, payload_len = c.seq[row], c.payload_len[row]
    found = ABSENT
    for other in range(place + 1, min(last, place + LOOKAHEAD)):
        later = order[other]
        if is_extra(c, later):
            continue
        if c.end[later] != c.end[row]:
            if c.facts[later] & segment_facts.REVEALS and c.ack[later] == seq_add(seq, 1):
                return tag.REVEALED_BY_ANSWER
            if payload_len == 0 and c.ack[later] == seq and c.flags[later] & (ACK | RST) == ACK:
                return ABSENT  # nothing was sent from there on
            continue
        if payload_len == 0 and c.flags[later] & RST:
            is_timer = c.seq[later] == seq_add(seq, 1) and c.own_ns[later] >= GIVE_UP_NS
            return tag.REVEALED_BY_RST if is_timer else ABSENT
        if payload_len == 0 and c.payload_len[later] > 1 and abs(seq_diff(c.seq[later], seq)) <= 1:
            return tag.REVEALED_BY_DATA if c.seq[later] != seq and is_unsolicited(c, row) else ABSENT
        if c.flags[later] & (SYN | FIN | RST) or c.seq[later] != seq or c.payload_len[later] != payload_len:
            break
        is_late = c.own_ns[later] >= REPEAT_NS
        if payload_len == 1 and c.relation[later] == segment_facts.REL_BELOW and is_late:
            return tag.REPEATS_ONE_OCTET if is_paced_like_probes(c, order, other, first, last) else ABSENT
        if payload_len > 0 or not (is_unsolicited_repeat(c, later) and is_unsolicited(c, row)):
            break
        found = tag.REPEATED_UNSOLICITED  # unless something that follows them shows their place
    if found == ABSENT:
        found = repeats_earlier(c, order, place, first)
    return found if found != ABSENT and is_train(c, order, place, first, last) else ABSENT


def is_train(c: Any, order: Any, place: int, first: int, last: int) -> bool:
    """Tell whether a segment is one of three that come evenly, or of two further apart than a scanner would wait."""
    pace = pace_of(c, order, place, first, last)
    if pace == EVEN or pace == SLOW:
        return True
    after = alike(c, order, place, last, 1)
    row = order[after if after != ABSENT else place]
    return bool(pace == NO_PACE and c.own_ns[row] >= LONG_SPACING_NS)


def is_one_octet_missing(c: Any, order: Any, place: int, last: int) -> bool:
    """Tell whether an empty segment at SND.NXT is a probe because the capture lacks one octet before it.

    It comes after silence, and its prompt answer acknowledges one octet more than was captured.
    """
    row = order[place]
    if c.payload_len[row] > 0 or c.relation[row] != segment_facts.REL_NEXT or not is_unsolicited(c, row):
        return False
    for other in range(place + 1, last):
        later = order[other]
        if not is_extra(c, later):
            is_answer = c.end[later] != c.end[row] and is_prompt_answer(c, later, row)
            return bool(is_answer and c.facts[later] & segment_facts.REVEALS and c.ack[later] == seq_add(c.seq[row], 1))
    return False


def repeats_earlier(c: Any, order: Any, place: int, first: int) -> int:
    """Return REPEATED_UNSOLICITED for the last of several equal empty segments of unknown position, or ABSENT.

    Each of them is unsolicited, and they are far apart (REPEAT_NS).
    """
    row = order[place]
    for other in range(place - 1, first - 1, -1):
        earlier = order[other]
        if is_extra(c, earlier) or c.end[earlier] != c.end[row]:
            continue
        is_same = c.seq[earlier] == c.seq[row] and c.payload_len[earlier] == 0 and c.payload_len[row] == 0
        if is_same and is_unsolicited_repeat(c, row) and is_unsolicited(c, earlier):
            return tag.REPEATED_UNSOLICITED
        return ABSENT
    return ABSENT


def is_paced_like_probes(c: Any, order: Any, place: int, first: int, last: int) -> bool:
    """Tell whether one octet that is sent again comes at the pace of probes; data backs off (RFC 6298 §5.5).

    If the octet is known to be unacknowledged, only an even pace shows a probe. Otherwise any pace does that does not
    back off.
    """
    pace = pace_of(c, order, place, first, last)
    return pace == EVEN if c.in_flight[order[place]] > 0 else pace != BACKING_OFF


def pace_of(c: Any, order: Any, place: int, first: int, last: int) -> int:
    """Return how three segments in a row of this end at one sequence number are spaced, this one among them.

    EVEN, BACKING_OFF, or NO_PACE where they show neither. SLOW is even, too, but no faster than what has backed off to
    its limit.
    """
    before, after = alike(c, order, place, first - 1, -1), alike(c, order, place, last, 1)
    if before != ABSENT and after == ABSENT:
        place, before, after = before, alike(c, order, before, first - 1, -1), place
    elif before == ABSENT and after != ABSENT:
        place, before, after = after, place, alike(c, order, after, last, 1)
    if before == ABSENT or after == ABSENT:
        return NO_PACE
    earlier_ns = c.ts_ns[order[place]] - c.ts_ns[order[before]]
    later_ns = c.ts_ns[order[after]] - c.ts_ns[order[place]]
    if 2 * later_ns >= 3 * earlier_ns:
        return BACKING_OFF
    if abs(later_ns - earlier_ns) * 7 > earlier_ns:  # a timer wheel makes the first spacing an eighth longer
        return NO_PACE
    return EVEN if later_ns < LONGEST_PACE_NS else SLOW


def alike(c: Any, order: Any, place: int, stop: int, step: int) -> int:
    """Return the place of the nearest equal segment of this end, or ABSENT if the end sent something else in between.

    Equal is the same SEG.SEQ and length, without SYN, FIN and RST. `step` is 1 to look ahead and -1 to look back, as
    far as `stop`, which is left out.
    """
    row = order[place]
    for other in range(place + step, stop, step):
        near = order[other]
        if is_extra(c, near) or c.end[near] != c.end[row]:
            continue
        is_same = c.seq[near] == c.seq[row] and c.payload_len[near] == c.payload_len[row]
        return other if is_same and not c.flags[near] & (SYN | FIN | RST) else ABSENT
    return ABSENT


def is_behind_own_fin(c: Any, row: int) -> bool:
    """Tell whether an ACK left before the end's own FIN and was captured behind it."""
    return bool(c.facts[row] & segment_facts.AT_FIN and (c.in_flight[row] > 0 or c.own_ns[row] < FIN_SETTLED_NS))


def is_behind_own_syn(c: Any, row: int) -> bool:
    """Tell whether a segment at the octet of the end's own SYN is too early to be a probe.

    It is before the SYN is acknowledged, and right after the handshake, which it may complete. An end that only
    receives stays at this number for good and probes there: then data that comes just before crossed a probe.
    """
    if not c.facts[row] & segment_facts.AT_SYN:
        return False
    completes = c.facts[row] & segment_facts.AFTER_SYN and c.idle_ns[row] < HANDSHAKE_NS
    since_ns = max(c.ts_ns[row] - c.data_ns[row], c.own_ns[row])
    return bool(completes or c.in_flight[row] > 0 or since_ns < SYN_SETTLED_NS)


def comes_too_soon(c: Any, order: Any, place: int, first: int, out: Any) -> bool:
    """Tell whether a segment is an ACK captured late: it follows data closely, or acknowledges the other end's.

    Data of the other end that it does not acknowledge may have crossed a probe on its way.
    """
    row = order[place]
    if (
        c.data_ns[row] == ABSENT
        or c.facts[row] & segment_facts.LATE_BY_CLOCK
        or follows_probe(c, order, place, first, out)
    ):
        return False
    since_ns = c.ts_ns[row] - c.data_ns[row]
    if c.facts[row] & segment_facts.ADVANCES and c.facts[row] & segment_facts.PEER_IN_FLIGHT:
        return bool(since_ns < SOLICITED_NS)
    is_crossing = c.data_ns[row] == c.any_ns[row] and c.own_ns[row] >= PROBE_IDLE_NS
    return bool(since_ns < PROBE_IDLE_NS and not is_crossing)


def follows_probe(c: Any, order: Any, place: int, first: int, out: Any) -> bool:
    """Tell whether the flow's latest data before a segment is an octet of unknown position that turned out to be a
    probe."""
    row = order[place]
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if c.ts_ns[earlier] <= c.data_ns[row]:
            return bool(c.ts_ns[earlier] == c.data_ns[row] and out.tag[earlier] == tag.PROBE)
    return False


def is_unacknowledged(c: Any, order: Any, place: int, last: int) -> bool:
    """Tell whether the end still waits for an ACK, so that no probe is due (RFC 9293 §3.8.4 MUST-26).

    The ACK may only be missing in the capture: then this segment is answered at once, or sent again, and no data
    follows.
    """
    row = order[place]
    if c.payload_len[row] > 0 or c.in_flight[row] <= 0:
        return False
    if c.idle_ns[row] < REPEAT_NS:
        return True
    for other in range(place + 1, last):
        later = order[other]
        if is_extra(c, later):
            continue
        if c.end[later] != c.end[row]:
            return not (answers(c, later, row) and c.ts_ns[later] - c.ts_ns[row] <= ANSWER_NS)
        is_again = c.seq[later] == c.seq[row] and c.payload_len[later] == 0 and c.own_ns[later] >= REPEAT_NS
        return not (is_again or (c.flags[later] & RST and c.seq[later] == seq_add(c.seq[row], 1)))
    return True


def is_octet_again(c: Any, order: Any, place: int, first: int, last: int) -> bool:
    """Tell whether a segment resends the one octet of data that its end sent last.

    It comes sooner than any probe, or it backs off where no ACK can be seen.
    """
    row = order[place]
    if not c.facts[row] & segment_facts.SAME_OCTET:
        return False
    if c.own_ns[row] < REPEAT_NS:
        return True
    return c.in_flight[row] == ABSENT and pace_of(c, order, place, first, last) == BACKING_OFF


def is_unsolicited(c: Any, row: int) -> bool:
    """Tell whether nothing came shortly before a segment that it could acknowledge (REPEAT_NS)."""
    return bool(c.idle_ns[row] == ABSENT or c.idle_ns[row] >= REPEAT_NS)


def is_unsolicited_repeat(c: Any, row: int) -> bool:
    """Tell whether a segment repeats its end's last ACK long after anything else of the flow (REPEAT_NS)."""
    return bool(c.idle_ns[row] >= REPEAT_NS and c.own_ns[row] >= REPEAT_NS and c.facts[row] & segment_facts.SAME_ACK)


def peer_window(c: Any, order: Any, place: int, last: int) -> int:
    """Return the other end's window in octets, ABSENT if unknown: its last one or, if it was not heard yet, that of its
    next segment."""
    row = order[place]
    if c.peer_window[row] != ABSENT:
        return int(c.peer_window[row])
    for other in range(place + 1, min(last, place + LOOKAHEAD)):
        later = order[other]
        if c.end[later] != c.end[row] and not is_extra(c, later):
            return ABSENT if c.flags[later] & RST else int(c.window[later])
    return ABSENT


def is_window_probe_with_data(c: Any, order: Any, place: int, last: int, window: int) -> bool:
    """Tell whether a segment is the classic zero-window probe: one octet of real data (RFC 9293 §3.8.6.1), which may be
    refused."""
    row = order[place]
    if c.payload_len[row] != 1 or window != 0 or c.relation[row] == segment_facts.REL_BELOW_UNA:
        return False
    if c.relation[row] == segment_facts.REL_NEXT or c.in_flight[row] > 0:
        return True
    for other in range(place + 1, last if c.relation[row] == segment_facts.REL_UNKNOWN else 0):
        later = order[other]
        if c.end[later] != c.end[row] and not is_extra(c, later):
            return refuses_octet(c, later, row)
    return False


def is_persist_timer(c: Any, order: Any, place: int, first: int, last: int, persists: int) -> bool:
    """Tell whether a probe into a closed window is the persist timer's (RFC 9293 §3.8.6.1).

    With something to send, probes begin after one RTO and double. With nothing to send, it is the keepalive timer that
    sends them: it waits a second at least and keeps its pace. `persists` is 1 if the end's last probe was a zero-window
    probe.
    """
    row = order[place]
    pace = pace_of(c, order, place, first, last)
    if c.any_ns[row] == ABSENT and not persists:
        return pace != EVEN
    if persists or c.ts_ns[row] - c.any_ns[row] < REPEAT_NS or pace == BACKING_OFF:
        return True
    after = alike(c, order, place, last, 1)
    return bool(after != ABSENT and c.own_ns[order[after]] < REPEAT_NS and c.peer_window[order[after]] == 0)


def is_resend(c: Any, row: int) -> bool:
    """Tell whether all octets of a segment lie before SND.NXT (RFC 9293 §3.8.1). A SND.NXT that is not sure proves
    nothing."""
    if (
        c.payload_len[row] == 0
        or c.relation[row] == segment_facts.REL_UNKNOWN
        or c.relation[row] == segment_facts.REL_NEXT
    ):
        return False
    return c.relation[row] != segment_facts.REL_BEYOND and not c.facts[row] & segment_facts.UNSURE


def answers(c: Any, row: int, probe: int) -> bool:
    """Tell whether a segment acknowledges the octet at the probe's SEG.SEQ (RFC 9293 §3.8.4).

    Its window does not matter, nor whether it carries data.
    """
    if c.flags[row] & RST or not c.flags[row] & ACK:
        return False
    return seq_diff(c.ack[row], c.seq[probe]) >= 1


def answers_data(c: Any, row: int, probe: int) -> bool:
    """Tell whether a segment acknowledges data that was sent after the probe, so that no probe need have caused it."""
    return bool(c.relation[probe] != segment_facts.REL_BELOW_UNA and seq_diff(c.ack[row], c.seq[probe]) > 1)


def refuses_octet(c: Any, row: int, probe: int) -> bool:
    """Tell whether an ACK refuses a window probe's octet, since the window is still closed (RFC 9293 §3.8.6.1,
    §3.10.7.4)."""
    is_ack = c.payload_len[row] == 0 and c.flags[row] & ACK
    return bool(is_ack and c.payload_len[probe] == 1 and c.ack[row] == c.seq[probe])


def answers_with_reset(c: Any, row: int, probe: int) -> bool:
    """Tell whether a RST answers the other end's probe, a round trip after it at most (RFC 9293 §3.10.7.1).

    `probe` is the row of the other end's probe that nothing has answered so far, or ABSENT.
    """
    return bool(probe != ABSENT and c.ts_ns[row] - c.ts_ns[probe] <= ANSWER_NS)


def is_prompt_answer(c: Any, row: int, to: int) -> bool:
    """Tell whether segment `to` is the other end's last one before this, and a round trip ago at most (ANSWER_NS)."""
    return bool(c.any_ns[row] == c.ts_ns[to] and c.ts_ns[row] - c.ts_ns[to] <= ANSWER_NS)


def may_be_beat(c: Any, row: int, out: Any) -> bool:
    """Tell whether a row is a little new data, a second or more after the flow's last data (HEARTBEAT_OCTETS,
    IDLE_NS)."""
    if out.tag[row] != tag.DATA or c.payload_len[row] > HEARTBEAT_OCTETS or c.data_ns[row] == ABSENT:
        return False
    return bool(c.ts_ns[row] - c.data_ns[row] >= IDLE_NS)


def keeps_beat(c: Any, row: int, before: int, period_ns: int) -> bool:
    """Tell whether a message follows the previous heartbeat after the same period, mostly without data in between."""
    since_ns = c.ts_ns[row] - c.ts_ns[before]
    is_quiet = (c.ts_ns[row] - c.data_ns[row]) * QUIET >= since_ns
    return bool(is_quiet and abs(since_ns - period_ns) * STEADY <= period_ns)


def gives_up(c: Any, row: int, probe: int, spacing: int) -> bool:
    """Tell whether a RST is that of a keepalive timer: SEG.SEQ is SND.NXT, an interval after a probe that nothing
    answered.

    See tcp_timer.c tcp_keepalive_timer, tcp_send_active_reset. A close() with unread data sends the same RST at any
    time (tcp.c tcp_close); the timer's comes on the grid, as far as two probes show it. The first spacing may be up to
    an eighth shorter or longer than the others. `spacing` is that of the end's last two probes in ns, or ABSENT.
    """
    if probe == ABSENT or not c.flags[row] & ACK:
        return False
    waited_ns = c.ts_ns[row] - c.ts_ns[probe]  # it may have answered the other end's probes since
    if spacing != ABSENT and not is_on_grid(waited_ns, spacing):
        return False
    return bool(c.seq[row] == seq_add(c.seq[probe], 1) and waited_ns >= GIVE_UP_NS)


def is_on_grid(waited_ns: int, spacing: int) -> bool:
    """Tell whether a wait is one interval, to an eighth; or several, or a part of one, where the capture lacks a probe.

    Both are in ns.
    """
    for times in range(1, MOST_MISSING + 2):
        if abs(waited_ns - times * spacing) <= spacing // 7 or abs(times * waited_ns - spacing) <= spacing // 7:
            return True
    return False


def is_own_traffic(c: Any, row: int) -> bool:
    """Tell whether a segment is data or FIN, after which the end's keepalive timer starts anew."""
    return bool(c.payload_len[row] > 0 or c.flags[row] & FIN)


def quoted_row(c: Any, order: Any, place: int, first: int) -> int:
    """Return the row of the latest candidate whose SEG.SEQ an ICMP error quotes, or ABSENT.

    It is one of the end that the error was sent to.
    """
    row = order[place]
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if not is_extra(c, earlier) and c.end[earlier] == c.end[row] and c.seq[earlier] == c.seq[row]:
            return int(earlier)
    return ABSENT
