"""The rules: small predicates over a flow's candidate rows, each with the clause that it rests on.

They look back and ahead in the flow's whole candidate list, and do not say which of them comes first:
`decide.py` does.
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
"""A probe needs an idle connection (RFC 9293 §3.8.4 MUST-26). No stack probes sooner after data
than macOS's 95 ms; what comes sooner is an ACK that left late."""
FIN_SETTLED_NS = 1_000_000_000
"""Behind the end's own FIN a segment one below SND.NXT is reordering unless a second has passed."""
SYN_SETTLED_NS = 300_000_000
"""At the octet of the end's own SYN it is no probe so soon after: Cisco IOS sends one after 200 ms."""
HANDSHAKE_NS = 5_000_000_000
"""Nothing but its SYN sent so far: the handshake's ACK, of a made-up trace that gives it the SYN's number."""
SOLICITED_NS = 5_000_000_000
"""What acknowledges the other end's data so soon is no probe: an ACK is delayed by 500 ms at most (RFC 9293
§3.8.6.3), but made-up traces take whole seconds for a round trip."""
REPEAT_NS = 900_000_000
"""Unsolicited repeats of one empty segment are probes when as far apart as the shortest interval (1 s)."""
LONG_SPACING_NS = 5_000_000_000
"""Scanners and floods that repeat an ACK do so sooner."""
GIVE_UP_NS = 500_000_000
"""The shortest time after which a RST can be the timer's: half the shortest interval."""

LONGEST_PACE_NS = 50_000_000_000
"""Retransmission and window probes come evenly too once they have backed off to their limit: 60, 64 or 120 s."""
NO_PACE, EVEN, SLOW, BACKING_OFF = range(4)

ANSWER_NS = 3_000_000_000
"""A RST later than any round trip after a probe does not answer it."""
MOST_MISSING = 2
"""More probes in a row are hardly lost at the capture point alone."""
LOOKBACK = 64
"""An ICMP error quotes a recent segment; bounds the work that forged ones can cause."""
LOOKAHEAD = 64
"""What a later segment shows it shows soon; bounds the work that floods from one end can cause."""
HEARTBEAT_OCTETS = 128
"""Signs of life are short: 1 to 31 octets mostly, 52 to 100 of SSH, about 100 of FIX; a message's payload is longer."""
FEWEST_BEATS = 3
"""Two equal times are the fewest that show a period."""
STEADY = 20
"""A period varies by a twentieth at most: an application waits for an answer before it sleeps again."""
QUIET = 4
"""Of the time from beat to beat this part at least is without data."""


def is_extra(c: Any, row: int) -> bool:
    """No segment of the flow: an ICMP error, or a segment's second copy."""
    return bool(c.kind[row] == KIND_ICMP_ERROR or c.facts[row] & segment_facts.DUPLICATE)


def revealed_later(c: Any, order: Any, place: int, first: int, last: int) -> int:
    """The rule by which later rows of the flow show that a segment of unknown place was a probe, or NEVER.

    The capture began in mid-stream, or misses what came before: SND.NXT is not known yet.
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
    """Three that come evenly; or two, where no scanner would wait so long for an answer."""
    pace = pace_of(c, order, place, first, last)
    if pace == EVEN or pace == SLOW:
        return True
    after = alike(c, order, place, last, 1)
    row = order[after if after != ABSENT else place]
    return bool(pace == NO_PACE and c.own_ns[row] >= LONG_SPACING_NS)


def is_one_octet_missing(c: Any, order: Any, place: int, last: int) -> bool:
    """An empty segment at SND.NXT, after silence, whose prompt answer acknowledges one octet more than was captured."""
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
    """The last of several empty segments of unknown place, each unsolicited and far apart."""
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
    """One octet again, of which it is not sure that it was acknowledged: data backs off (RFC 6298 §5.5).

    If the octet is known to be unacknowledged it must keep an even pace to be a probe's.
    """
    pace = pace_of(c, order, place, first, last)
    return pace == EVEN if c.in_flight[order[place]] > 0 else pace != BACKING_OFF


def pace_of(c: Any, order: Any, place: int, first: int, last: int) -> int:
    """Whether three in a row of this end's segments at one place, this one among them, come evenly or back off.

    SLOW is so evenly that what has backed off to its limit comes no slower.
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
    """The next place of the flow, or the one before, where the end sends the same again, with nothing else between."""
    row = order[place]
    for other in range(place + step, stop, step):
        near = order[other]
        if is_extra(c, near) or c.end[near] != c.end[row]:
            continue
        is_same = c.seq[near] == c.seq[row] and c.payload_len[near] == c.payload_len[row]
        return other if is_same and not c.flags[near] & (SYN | FIN | RST) else ABSENT
    return ABSENT


def is_behind_own_fin(c: Any, row: int) -> bool:
    """An ACK that left before the end's own FIN, captured behind it."""
    return bool(c.facts[row] & segment_facts.AT_FIN and (c.in_flight[row] > 0 or c.own_ns[row] < FIN_SETTLED_NS))


def is_behind_own_syn(c: Any, row: int) -> bool:
    """At the octet of its own SYN: before that is acknowledged, or right after the handshake, which it may complete.

    An end that only receives stays there for good, and probes there: data that comes just before crossed a probe.
    """
    if not c.facts[row] & segment_facts.AT_SYN:
        return False
    completes = c.facts[row] & segment_facts.AFTER_SYN and c.idle_ns[row] < HANDSHAKE_NS
    since_ns = max(c.ts_ns[row] - c.data_ns[row], c.own_ns[row])
    return bool(completes or c.in_flight[row] > 0 or since_ns < SYN_SETTLED_NS)


def comes_too_soon(c: Any, order: Any, place: int, first: int, out: Any) -> bool:
    """Right after the end's own data, or to acknowledge the other end's: an ACK that was captured late.

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
    """What was taken for the flow's latest data is an octet of unknown place that turned out to be a probe."""
    row = order[place]
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if c.ts_ns[earlier] <= c.data_ns[row]:
            return bool(c.ts_ns[earlier] == c.data_ns[row] and out.tag[earlier] == tag.PROBE)
    return False


def is_unacknowledged(c: Any, order: Any, place: int, last: int) -> bool:
    """Its end waits for an ACK, so that no probe is due (RFC 9293 §3.8.4 MUST-26), and nothing shows that it was one.

    The ACK may be missing in the capture: then an answer comes at once, or the segment again, and no data.
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
    """The one octet that its end sent last, sooner than any probe, or backing off where no ACK can be seen."""
    row = order[place]
    if not c.facts[row] & segment_facts.SAME_OCTET:
        return False
    if c.own_ns[row] < REPEAT_NS:
        return True
    return c.in_flight[row] == ABSENT and pace_of(c, order, place, first, last) == BACKING_OFF


def is_unsolicited(c: Any, row: int) -> bool:
    """Nothing came just before it that it could acknowledge."""
    return bool(c.idle_ns[row] == ABSENT or c.idle_ns[row] >= REPEAT_NS)


def is_unsolicited_repeat(c: Any, row: int) -> bool:
    return bool(c.idle_ns[row] >= REPEAT_NS and c.own_ns[row] >= REPEAT_NS and c.facts[row] & segment_facts.SAME_ACK)


def peer_window(c: Any, order: Any, place: int, last: int) -> int:
    """The other end's window: its last, or where it has not been heard yet, that of its next segment."""
    row = order[place]
    if c.peer_window[row] != ABSENT:
        return int(c.peer_window[row])
    for other in range(place + 1, min(last, place + LOOKAHEAD)):
        later = order[other]
        if c.end[later] != c.end[row] and not is_extra(c, later):
            return ABSENT if c.flags[later] & RST else int(c.window[later])
    return ABSENT


def is_window_probe_with_data(c: Any, order: Any, place: int, last: int, window: int) -> bool:
    """The classic zero-window probe carries one octet of real data (RFC 9293 §3.8.6.1), which may be refused."""
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
    """The window is closed and there is something to send: probes begin after one RTO and double (RFC 9293 §3.8.6.1).

    With nothing to send it is the keepalive timer, which waits a second at least and keeps its pace.
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
    """All of its octets lie before SND.NXT (RFC 9293 §3.8.1). A place that is not sure proves nothing."""
    if (
        c.payload_len[row] == 0
        or c.relation[row] == segment_facts.REL_UNKNOWN
        or c.relation[row] == segment_facts.REL_NEXT
    ):
        return False
    return c.relation[row] != segment_facts.REL_BEYOND and not c.facts[row] & segment_facts.UNSURE


def answers(c: Any, row: int, probe: int) -> bool:
    """Acknowledges the octet at the probe's SEG.SEQ (RFC 9293 §3.8.4); any window, data or none."""
    if c.flags[row] & RST or not c.flags[row] & ACK:
        return False
    return seq_diff(c.ack[row], c.seq[probe]) >= 1


def answers_data(c: Any, row: int, probe: int) -> bool:
    """Acknowledges more, which was sent after the probe: no answer is needed to bring that about."""
    return bool(c.relation[probe] != segment_facts.REL_BELOW_UNA and seq_diff(c.ack[row], c.seq[probe]) > 1)


def refuses_octet(c: Any, row: int, probe: int) -> bool:
    """The window is still closed: the octet is not taken, the ACK says so (RFC 9293 §3.8.6.1, §3.10.7.4)."""
    is_ack = c.payload_len[row] == 0 and c.flags[row] & ACK
    return bool(is_ack and c.payload_len[probe] == 1 and c.ack[row] == c.seq[probe])


def answers_with_reset(c: Any, row: int, probe: int) -> bool:
    """A RST from the end that was probed, with nothing else from it since (RFC 9293 §3.10.7.1)."""
    return bool(probe != ABSENT and c.ts_ns[row] - c.ts_ns[probe] <= ANSWER_NS)


def is_prompt_answer(c: Any, row: int, to: int) -> bool:
    """The other end has sent nothing since, and a round trip takes no longer."""
    return bool(c.any_ns[row] == c.ts_ns[to] and c.ts_ns[row] - c.ts_ns[to] <= ANSWER_NS)


def may_be_beat(c: Any, row: int, out: Any) -> bool:
    """A little new data after a second or more without any."""
    if out.tag[row] != tag.DATA or c.payload_len[row] > HEARTBEAT_OCTETS or c.data_ns[row] == ABSENT:
        return False
    return bool(c.ts_ns[row] - c.data_ns[row] >= IDLE_NS)


def keeps_beat(c: Any, row: int, before: int, period_ns: int) -> bool:
    """As long after the beat before it as that came after its own, most of the time without data."""
    since_ns = c.ts_ns[row] - c.ts_ns[before]
    is_quiet = (c.ts_ns[row] - c.data_ns[row]) * QUIET >= since_ns
    return bool(is_quiet and abs(since_ns - period_ns) * STEADY <= period_ns)


def gives_up(c: Any, row: int, probe: int, spacing: int) -> bool:
    """The RST of a keepalive timer: SEG.SEQ is SND.NXT, an interval after a probe that nothing answered.

    tcp_timer.c tcp_keepalive_timer, tcp_send_active_reset. A close() with unread data sends the
    same RST at any time (tcp.c tcp_close); the timer's comes on the grid, as far as two probes show
    it. The first spacing may be up to an eighth shorter or longer than the others.
    """
    if probe == ABSENT or not c.flags[row] & ACK:
        return False
    waited_ns = c.ts_ns[row] - c.ts_ns[probe]  # it may have answered the other end's probes since
    if spacing != ABSENT and not is_on_grid(waited_ns, spacing):
        return False
    return bool(c.seq[row] == seq_add(c.seq[probe], 1) and waited_ns >= GIVE_UP_NS)


def is_on_grid(waited_ns: int, spacing: int) -> bool:
    """One interval, to an eighth; or several against one, where a probe is missing in the capture."""
    for times in range(1, MOST_MISSING + 2):
        if abs(waited_ns - times * spacing) <= spacing // 7 or abs(times * waited_ns - spacing) <= spacing // 7:
            return True
    return False


def is_own_traffic(c: Any, row: int) -> bool:
    """Data or FIN: the end's keepalive timer starts anew."""
    return bool(c.payload_len[row] > 0 or c.flags[row] & FIN)


def quoted_row(c: Any, order: Any, place: int, first: int) -> int:
    """The latest segment of the told end with the quoted SEG.SEQ, if it is a candidate."""
    row = order[place]
    for other in range(place - 1, max(first, place - LOOKBACK) - 1, -1):
        earlier = order[other]
        if not is_extra(c, earlier) and c.end[earlier] == c.end[row] and c.seq[earlier] == c.seq[row]:
            return int(earlier)
    return ABSENT
