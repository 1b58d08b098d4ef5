"""What each candidate is, decided with its flow's whole list of candidates in view.

Theory of operation. Nothing in a keepalive probe says that it is one: it is an ACK, empty or with one octet, that lies
one below SND.NXT on an idle connection. So a segment is known by its position, by what came before it and, where the
capture lacks that, by what follows. The tracker has noted the position and what only the state of that moment could
tell (`tcp/segment_facts.py`). This kernel goes through each flow's rows in capture order and gives each its tag, the
rule that decided, and `of`: the row that it answers, refuses or quotes.

A rule may look at the columns of all rows of its flow, earlier and later; at the tags of earlier rows; and at what is
kept for each end: its open probe, which is its latest one that nothing has answered, and no data or FIN of its own has
followed; how long after the open probe before it that came; and whether its last probe was a zero-window probe. It may
not look at other flows, at settings, or at how the connection ends: all of these are derived from tags.

The first rule that holds decides:

  Looks for                            Clause or reason           Tag                     Rule
  -----------------------------------  -------------------------  ----------------------  -----------------------
  ICMP error about the flow                                       ICMP_UNREACHABLE        QUOTES_SEGMENT
  packet captured twice                segment_facts.DUPLICATE    DUPLICATE_FRAME         CAPTURED_TWICE
  RST an interval after an open probe  tcp_keepalive_timer        GIVE_UP_RST             AFTER_UNANSWERED_PROBES
  RST for an older connection          RFC 9293 §3.5.1            STRAY                   OLDER_CONNECTION
  RST outside of the window            RFC 9293 §3.5.3            STRAY                   OUTSIDE_WINDOW
  RST answered instead of obeyed       RFC 5961 §3.2              STRAY                   CHALLENGED
  any other RST; SYN; FIN              the flag                   RST, SYN, SYN_ACK, FIN  CONTROL_BIT
  ACK out of range, answered           RFC 5961 §5.2              STRAY                   UNACCEPTABLE_ACK
  at most one octet                    see below                  by probe_or_not         if it gives one
  ACK that refuses RST, SYN or ACK     RFC 5961 §3.2, §4.2, §5.2  CHALLENGE_ACK           REFUSES_CONTROL
  all octets before SND.NXT            RFC 9293 §3.8.1            RETRANSMISSION          OCTETS_SENT_BEFORE
  window probe's octet refused         RFC 9293 §3.8.6.1          WINDOW_ANSWER           ANSWERS_WINDOW_PROBE
  open probe acknowledged, with data   RFC 9293 §3.8.4            DATA                    ANSWERS_PROBE
  open window probe acknowledged       RFC 9293 §3.8.6.1          WINDOW_ANSWER           ANSWERS_WINDOW_PROBE
  open keepalive probe acknowledged    RFC 9293 §3.8.4            ANSWER                  ANSWERS_PROBE
  any other data                                                  DATA                    PLAIN
  same ACK, other window                                          WINDOW_UPDATE           SAME_ACK_NEW_WINDOW
  same ACK, peer's data in flight                                 DUPLICATE_ACK           SAME_ACK_IN_FLIGHT
  anything else                                                   PURE_ACK                PLAIN

Rows that are no segment of their own come first. Control bits come next, since no probe has any, and then ACKs that the
receiver refused, since it has discarded them. Probes come before resends and ACKs, since a probe with one octet looks
like a resend and an empty one like an ACK. Answers need an open probe. The plain tags need only that nothing else
holds.

`probe_or_not` asks two questions of a segment of at most one octet. First, what speaks for a probe?

  Position                                         Rule
  -----------------------------------------------  -----------------------------------------------------------------
  one below SND.NXT, which is sure                 BELOW_SND_NXT
  one below SND.UNA                                BELOW_SND_UNA
  one octet, one below a SND.NXT that is not sure  REPEATS_ONE_OCTET; RETRANSMISSION if paced like data, window open
  unknown, beyond SND.NXT, or not sure             that of `revealed_later`, or none
  at SND.NXT, one octet missing in the capture     REVEALED_BY_ANSWER

Then, what speaks against a keepalive probe? Window probes come first, since they lie where keepalive probes do.

  Looks for                               Clause or reason            Tag             Rule
  --------------------------------------  --------------------------  --------------  ------------------
  one octet of data into a closed window  RFC 9293 §3.8.6.1           WINDOW_PROBE    WINDOW_CLOSED
  no rule so far                          not a probe's position      none
  persist timer, closed window            RFC 9293 §3.8.6.1           WINDOW_PROBE    WINDOW_CLOSED
  one octet in flight, or sent again [1]  it is data                  RETRANSMISSION  OCTETS_SENT_BEFORE
  both ends have closed                   segment_facts.CLOSED        STRAY           BOTH_CLOSED
  at the end's own FIN, too early         reordering                  STRAY           BEHIND_OWN_FIN
  at the end's own SYN, too early         it completes the handshake  STRAY           BEHIND_OWN_SYN
  soon after data, or data in flight [1]  RFC 9293 §3.8.4 MUST-26     STRAY           TOO_SOON
  anything else                           RFC 9293 §3.8.4             PROBE           the first rule

  [1] Not one below SND.UNA, where a probe lies with a FIN or data in flight.

What only the whole list shows is corrected then (`hindsight.py`): a RST after which an end goes on probing
(GOES_ON_PROBING) and probes that were under way when another ended the connection (AFTER_RESET) become STRAY; repeated
empty segments of the only end that was captured, which may be answers, become PURE_ACK.

Heartbeats are marked last, end by end, among what was tagged DATA: they show only in a series.
"""

from array import array
from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.keepalive.tags.challenge_acks import challenged_row, is_challenged, is_disputed, resets_older
from analyzer.keepalive.tags.hindsight import correct_in_hindsight
from analyzer.keepalive.tags.rules import (
    COUNTED_OCTETS,
    FEWEST_BEATS,
    FEWEST_VARIED,
    REPEAT_NS,
    SAME_OCTETS,
    answers,
    answers_data,
    answers_with_reset,
    comes_too_soon,
    gives_up,
    is_behind_own_fin,
    is_behind_own_syn,
    is_octet_again,
    is_one_octet_missing,
    is_own_traffic,
    is_paced_like_probes,
    is_persist_timer,
    is_resend,
    is_unacknowledged,
    is_window_probe_with_data,
    keeps_beat,
    may_be_beat,
    peer_window,
    quoted_row,
    refuses_octet,
    revealed_later,
)
from analyzer.keepalive.tags.tag import (
    AFTER_UNANSWERED_PROBES,
    ANSWER,
    ANSWERS_PROBE,
    ANSWERS_WINDOW_PROBE,
    BEHIND_OWN_FIN,
    BEHIND_OWN_SYN,
    BELOW_SND_NXT,
    BELOW_SND_UNA,
    BOTH_CLOSED,
    CAPTURED_TWICE,
    CHALLENGE_ACK,
    CHALLENGED,
    CONTROL_BIT,
    DATA,
    DUPLICATE_ACK,
    DUPLICATE_FRAME,
    FIN_TAG,
    GIVE_UP_RST,
    HEARTBEAT,
    ICMP_UNREACHABLE,
    OCTETS_SENT_BEFORE,
    OLDER_CONNECTION,
    OUTSIDE_WINDOW,
    PLAIN,
    PROBE,
    PURE_ACK,
    QUOTES_SEGMENT,
    REFUSES_CONTROL,
    REPEATS_ONE_OCTET,
    RETRANSMISSION,
    REVEALED_BY_ANSWER,
    RST_TAG,
    SAME_ACK_IN_FLIGHT,
    SAME_ACK_NEW_WINDOW,
    STEADY_PERIOD,
    STRAY,
    SYN_ACK,
    SYN_TAG,
    TOO_SOON,
    UNACCEPTABLE_ACK,
    WINDOW_ANSWER,
    WINDOW_CLOSED,
    WINDOW_PROBE,
    WINDOW_UPDATE,
)
from analyzer.schema import (
    ABSENT,
    ACK,
    FIN,
    KIND_ICMP_ERROR,
    RST,
    SYN,
)
from analyzer.schema.flows import SEGMENTS
from analyzer.tcp import segment_facts

NO_TAG = -1
LATEST_ANSWER_NS = 5_000_000_000
"""An ACK that comes later than this after a probe answers another, which was not captured."""


def tag_segments(candidates: Table, flows: int, engine: Engine) -> "tuple[Table, array[int], array[int]]":
    """Return the tags of all candidates (SEGMENTS), their rows in flow order, and where each flow's rows begin in
    it."""
    segments = Table(SEGMENTS)
    segments.reserve(candidates.rows)
    segments.rows = candidates.rows
    order = array("i", [0]) * max(candidates.rows, 1)
    starts = array("i", [0]) * (flows + 2)
    engine.run(sort_by_flow, candidates.view, candidates.rows, order, starts)
    engine.run(decide, candidates.view, order, starts, flows, segments.view)
    return segments, order, starts


def sort_by_flow(c: Any, rows: int, order: Any, starts: Any) -> int:
    """Kernel: sort rows by flow; each flow's rows stay in capture order. Returns how many rows there are.

    A stable counting sort. `starts` has two places more than there are flows, all 0; afterwards the rows of flow f are
    order[starts[f]:starts[f + 1]].
    """
    for row in range(rows):
        starts[c.flow[row] + 2] += 1
    for index in range(2, len(starts)):
        starts[index] += starts[index - 1]
    for row in range(rows):
        place = starts[c.flow[row] + 1]
        order[place] = row
        starts[c.flow[row] + 1] = place + 1
    return rows


def decide(c: Any, order: Any, starts: Any, flows: int, out: Any) -> int:
    """Kernel: write tag, rule and `of` of every candidate row, flow by flow in capture order. Returns the number of
    flows."""
    for flow in range(flows):
        first, last = starts[flow], starts[flow + 1]
        decide_flow(c, order, first, last, out)
        correct_in_hindsight(c, order, first, last, out)
        mark_heartbeats(c, order, first, last, 0, out)
        mark_heartbeats(c, order, first, last, 1, out)
    return flows


def decide_flow(c: Any, order: Any, first: int, last: int, out: Any) -> None:
    """Tag the rows of one flow, and keep for each end what the rules need to know of its probes."""
    open_probe_0, open_probe_1 = ABSENT, ABSENT  # each end's latest probe that nothing has answered so far
    spacing_0, spacing_1 = ABSENT, ABSENT  # ns from the open probe before it
    persists_0, persists_1 = 0, 0  # the end's last probe was a zero-window probe
    for place in range(first, last):
        row = order[place]
        end = c.end[row]
        mine, theirs = (open_probe_0, open_probe_1) if end == 0 else (open_probe_1, open_probe_0)
        spacing, persists = (spacing_0, persists_0) if end == 0 else (spacing_1, persists_1)
        tag, rule, of = decide_row(c, order, place, first, last, mine, theirs, spacing, persists, out)
        out.tag[row], out.rule[row], out.of[row] = tag, rule, of
        if tag == PROBE or tag == WINDOW_PROBE:
            spacing = c.ts_ns[row] - c.ts_ns[mine] if mine != ABSENT else ABSENT
            spacing_0, spacing_1 = (spacing, spacing_1) if end == 0 else (spacing_0, spacing)
            persists = int(tag == WINDOW_PROBE)
            persists_0, persists_1 = (persists, persists_1) if end == 0 else (persists_0, persists)
            mine = row
        elif tag == RST_TAG or tag == GIVE_UP_RST:
            mine, theirs = ABSENT, ABSENT
        elif tag not in (STRAY, DUPLICATE_FRAME, ICMP_UNREACHABLE, RETRANSMISSION):
            if is_own_traffic(c, row):
                mine = ABSENT
            if theirs != ABSENT and (of == theirs or answers(c, row, theirs)):
                theirs = ABSENT
        open_probe_0, open_probe_1 = (mine, theirs) if end == 0 else (theirs, mine)


def decide_row(
    c: Any, order: Any, place: int, first: int, last: int, mine: int, theirs: int, spacing: int, persists: int, out: Any
) -> tuple[int, int, int]:
    """Return tag, rule and `of` of one row: the first rule that holds decides. The module's table lists them.

    `mine` and `theirs` are the rows of this and of the other end's open probe, `spacing` is that of this end's in ns;
    ABSENT where there is none. `persists` is 1 if this end's last probe was a zero-window probe.
    """
    row = order[place]
    flags, facts = c.flags[row], c.facts[row]
    if c.kind[row] == KIND_ICMP_ERROR:
        quoted = quoted_row(c, order, place, first)
        return ICMP_UNREACHABLE, QUOTES_SEGMENT, quoted
    if facts & segment_facts.DUPLICATE:
        return DUPLICATE_FRAME, CAPTURED_TWICE, ABSENT
    if flags & RST:
        if mine != ABSENT and out.tag[mine] == PROBE and gives_up(c, row, mine, spacing):
            return GIVE_UP_RST, AFTER_UNANSWERED_PROBES, mine
        if resets_older(c, order, place, first):
            return STRAY, OLDER_CONNECTION, ABSENT
        if facts & segment_facts.OUTSIDE:
            return STRAY, OUTSIDE_WINDOW, ABSENT
        if is_challenged(c, order, place, last):
            return STRAY, CHALLENGED, ABSENT
        return RST_TAG, CONTROL_BIT, theirs if answers_with_reset(c, row, theirs) else ABSENT
    if flags & SYN:
        return SYN_ACK if flags & ACK else SYN_TAG, CONTROL_BIT, ABSENT
    if flags & FIN:
        return FIN_TAG, CONTROL_BIT, theirs if theirs != ABSENT and answers(c, row, theirs) else ABSENT
    if is_disputed(c, order, place, last):
        return STRAY, UNACCEPTABLE_ACK, ABSENT
    if c.payload_len[row] <= 1:
        tag, rule = probe_or_not(c, order, place, first, last, mine, persists, out)
        if tag != NO_TAG:
            return tag, rule, ABSENT
    challenged = challenged_row(c, order, place, first, out)
    if challenged != ABSENT or facts & segment_facts.REFUSES_SYN:
        return CHALLENGE_ACK, REFUSES_CONTROL, challenged
    if is_resend(c, row):
        return RETRANSMISSION, OCTETS_SENT_BEFORE, ABSENT
    if theirs != ABSENT and out.tag[theirs] == WINDOW_PROBE and refuses_octet(c, row, theirs):
        return WINDOW_ANSWER, ANSWERS_WINDOW_PROBE, theirs
    if theirs != ABSENT and answers(c, row, theirs) and not answers_data(c, row, theirs):
        if c.payload_len[row] > 0:
            return DATA, ANSWERS_PROBE, theirs
        if out.tag[theirs] == WINDOW_PROBE:
            return WINDOW_ANSWER, ANSWERS_WINDOW_PROBE, theirs
        if c.ts_ns[row] - c.ts_ns[theirs] <= LATEST_ANSWER_NS:
            return ANSWER, ANSWERS_PROBE, theirs
    if c.payload_len[row] > 0:
        return DATA, PLAIN, ABSENT
    if facts & segment_facts.SAME_ACK and c.relation[row] == segment_facts.REL_NEXT:
        if not facts & segment_facts.SAME_WINDOW:
            return WINDOW_UPDATE, SAME_ACK_NEW_WINDOW, ABSENT
        if facts & segment_facts.PEER_IN_FLIGHT:
            return DUPLICATE_ACK, SAME_ACK_IN_FLIGHT, ABSENT
    return PURE_ACK, PLAIN, ABSENT


def probe_or_not(
    c: Any, order: Any, place: int, first: int, last: int, mine: int, persists: int, out: Any
) -> tuple[int, int]:
    """Return tag and rule of a segment of at most one octet that is or looks like a probe of either kind, else NO_TAG.

    The module's second and third tables list the rules.
    """
    row = order[place]
    window = peer_window(c, order, place, last)
    rule = ABSENT
    if c.relation[row] == segment_facts.REL_BELOW and not c.facts[row] & segment_facts.UNSURE:
        rule = BELOW_SND_NXT
    elif c.relation[row] == segment_facts.REL_BELOW_UNA:
        rule = BELOW_SND_UNA
    elif c.relation[row] == segment_facts.REL_BELOW and c.payload_len[row] == 1:
        is_soon = c.own_ns[row] < REPEAT_NS or not is_paced_like_probes(c, order, place, first, last)
        if is_soon and window != 0:
            return RETRANSMISSION, OCTETS_SENT_BEFORE
        rule = REPEATS_ONE_OCTET
    elif (
        c.relation[row] == segment_facts.REL_UNKNOWN
        or c.relation[row] == segment_facts.REL_BEYOND
        or c.facts[row] & segment_facts.UNSURE
    ):
        rule = revealed_later(c, order, place, first, last)
    elif is_one_octet_missing(c, order, place, last):
        rule = REVEALED_BY_ANSWER
    if rule != REVEALED_BY_ANSWER and is_window_probe_with_data(c, order, place, last, window):
        return WINDOW_PROBE, WINDOW_CLOSED
    if rule == ABSENT:
        return NO_TAG, ABSENT
    if window == 0 and is_persist_timer(c, order, place, first, last, persists):
        return WINDOW_PROBE, WINDOW_CLOSED
    if c.payload_len[row] == 1 and rule != BELOW_SND_UNA:
        is_data = c.in_flight[row] > 0 and rule != REPEATS_ONE_OCTET
        if is_data or (mine == ABSENT and is_octet_again(c, order, place, first, last)):
            return RETRANSMISSION, OCTETS_SENT_BEFORE
    if c.facts[row] & segment_facts.CLOSED:
        return STRAY, BOTH_CLOSED
    if is_behind_own_fin(c, row):
        return STRAY, BEHIND_OWN_FIN
    if is_behind_own_syn(c, row):
        return STRAY, BEHIND_OWN_SYN
    if rule == BELOW_SND_UNA:
        return PROBE, rule
    if comes_too_soon(c, order, place, first, out) or is_unacknowledged(c, order, place, last):
        return STRAY, TOO_SOON
    return PROBE, rule


def mark_heartbeats(c: Any, order: Any, first: int, last: int, end: int, out: Any) -> None:
    """Tag one end's heartbeats, the application's own keepalive: small messages of about one length, evenly spaced on
    an otherwise idle flow.

    The first ones are tagged once the series is long enough.
    """
    before, begin, begin_before = ABSENT, first, first  # the beat before; where this run begins, and that beat's place
    period_ns, beats, least, most = ABSENT, 0, 0, 0
    for place in range(first, last):
        row = order[place]
        if c.end[row] != end or not may_be_beat(c, row, out):
            continue
        least, most = min(least, c.payload_len[row]), max(most, c.payload_len[row])
        if beats >= 2 and most - least <= SAME_OCTETS and keeps_beat(c, row, before, period_ns):
            beats += 1
        else:
            begin, beats = begin_before, 1 if before == ABSENT else 2
            period_ns = c.ts_ns[row] - c.ts_ns[before] if before != ABSENT else ABSENT
            octets, octets_before = c.payload_len[row], c.payload_len[before if before != ABSENT else row]
            least, most = min(octets, octets_before), max(octets, octets_before)
        fewest = fewest_beats(least, most)
        if beats == fewest:
            for earlier in range(begin, place):
                if c.end[order[earlier]] == end and may_be_beat(c, order[earlier], out):
                    out.tag[order[earlier]], out.rule[order[earlier]] = HEARTBEAT, STEADY_PERIOD
        before, begin_before = row, place
        if beats >= fewest:
            out.tag[row], out.rule[row] = HEARTBEAT, STEADY_PERIOD


def fewest_beats(least: int, most: int) -> int:
    """Return how many messages of so few and so many octets it takes to be heartbeats."""
    return FEWEST_BEATS if most - least <= COUNTED_OCTETS else FEWEST_VARIED
