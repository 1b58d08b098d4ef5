"""The gaps of a keepalive timer: observations of its idle time, its interval and its count.

Kernels over the columns of a story in the making (`story.py`). They know which of the timer's clocks a time measures
(tcp_timer.c tcp_keepalive_timer), also where the prober heard less than was captured.
"""

from array import array
from typing import Any, NamedTuple

from analyzer.keepalive.story.values import (
    AGREES,
    BY_ACK,
    CYCLE,
    FIRST,
    GIVE_UP,
    PENDING,
    SPACING,
    UNHEARD,
    UNSEEN,
    UNTOLD,
)
from analyzer.keepalive.tags.rules import GIVE_UP_NS
from analyzer.keepalive.tags.tag import PROBE
from analyzer.schema import ABSENT, ACK
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS

SAME_INSTANT_NS = 5_000_000
"""A second copy of an answer within this time is still that answer."""
FEWEST_UNHEARD = 3
"""Fewest probes that, with the RST, show the grid that they are on."""
FEWEST_ECHOED = 2
"""Fewest probes where the prober's timestamps show that it heard no answer."""
HEARD = AGREES
"""The timestamp echo's verdict on an answer that the prober heard."""
ON_GRID_NS = 30_000_000
"""Two ticks of the slowest clock, and the host's delay."""
FASTEST_TICK_NS = 1_000_000
"""Shortest tick of a timestamp clock (RFC 7323 §5.4)."""
MUCH_LATER_NS = 500_000_000
"""No path is so long, and no host so busy."""
MOST_MISSING = 16
"""Most segments that an IP identification may leave out. With larger steps an end does not count its segments, or
counts those of other connections, too."""
PROBES, GAPS, SILENCES = range(3)
"""Places in `StoryTables.counts`."""


class Rows(NamedTuple):
    """The columns that stories are made from; the rows of flow f are order[starts[f]:starts[f + 1]]."""

    candidates: Any
    segments: Any
    order: "array[int]"
    starts: "array[int]"
    flows: Any
    ends: Any


class StoryTables(NamedTuple):
    """The columns that a story is written into; `counts` are the rows in use of the last three tables."""

    flows: Any
    ends: Any
    probes: Any
    gaps: Any
    silences: Any
    counts: "array[int]"


def gap_of_probe(c: Any, row: int, stories: StoryTables, end_row: int) -> int:
    """Return which of the timer's clocks the time before a probe measures: FIRST, CYCLE or SPACING.

    See tcp_timer.c tcp_keepalive_timer.
    """
    before = stories.ends.last_probe[end_row]
    if before == ABSENT:
        return FIRST
    heard_ns, any_ns, before_ns = c.heard_ns[row], c.any_ns[row], c.ts_ns[stories.probes.row[before]]
    is_silent = any_ns <= before_ns or (heard_ns != ABSENT and heard_ns <= before_ns)
    if is_silent and (
        stories.ends.unanswered[end_row] or heard_ns < before_ns
    ):  # an answer may bear the probe's own time
        return SPACING
    if stories.probes.answer[before] != BY_ACK:
        return FIRST
    since_answer_ns = heard_ns - c.ts_ns[stories.probes.answer_row[before]]
    return CYCLE if 0 <= since_answer_ns <= SAME_INSTANT_NS else FIRST


def since_probe(c: Any, stories: StoryTables, end_row: int, now_ns: int) -> int:
    """Return the time in ns since the end's last probe, ABSENT if it has sent none."""
    probe = stories.ends.last_probe[end_row]
    return now_ns - c.ts_ns[stories.probes.row[probe]] if probe != ABSENT else ABSENT


def add_gap(c: Any, row: int, kind: int, stories: StoryTables, flow_row: int) -> None:
    """Add what the timer's clocks showed at a probe or a give-up.

    Nothing is added for a probe where the capture's clock was set back.
    """
    e, g = stories.ends, stories.gaps
    now_ns, end = c.ts_ns[row], c.end[row]
    end_row, peer = 2 * flow_row + end, 2 * flow_row + 1 - end
    heard_ns = now_ns - c.heard_ns[row] if c.heard_ns[row] != ABSENT else ABSENT
    any_ns = now_ns - c.any_ns[row] if c.any_ns[row] != ABSENT else ABSENT
    probe_ns = since_probe(c, stories, end_row, now_ns)
    since_new_segment_ns = (
        e.since_new_segment_ns[peer] if c.any_ns[row] != ABSENT and c.any_ns[row] == e.echo_ns[peer] else c.any_ns[row]
    )
    if kind != GIVE_UP and min(heard_ns, any_ns, probe_ns) < ABSENT:
        return
    gap = stories.counts[GAPS]
    stories.counts[GAPS] += 1
    g.end[gap], g.kind[gap], g.frame[gap], g.at_ns[gap] = end, kind, c.frame[row], now_ns
    g.unanswered[gap] = e.unanswered[end_row]
    g.heard_ns[gap], g.any_ns[gap], g.probe_ns[gap] = heard_ns, any_ns, probe_ns
    g.since_new_segment_ns[gap] = now_ns - since_new_segment_ns if since_new_segment_ns != ABSENT else ABSENT
    g.missing[gap] = missing(c, row)
    g.echo[gap] = echo_of(c, row, kind, stories, end_row)
    e.holes[peer] += g.echo[gap] == UNSEEN
    note_pace(e, end_row, kind, heard_ns if kind == FIRST else probe_ns, g.missing[gap])


def note_pace(e: Any, end_row: int, kind: int, gap_ns: int, left_out: int) -> None:
    """Compare a gap with the end's gap before it, if both are of one kind and length.

    What is lost makes a gap longer. So if IP identifications leave out now more and now fewer, or as many each time,
    they number what other connections of the host send.
    """
    clock = SPACING if kind == GIVE_UP else kind
    if e.pace_kind[end_row] == clock and abs(gap_ns - e.pace_ns[end_row]) <= ON_GRID_NS + gap_ns // 64:
        e.even[end_row] += left_out == e.pace_missing[end_row]
        e.level[end_row] += left_out == e.pace_missing[end_row] and left_out > 0
        e.uneven[end_row] += left_out != e.pace_missing[end_row]
    e.pace_kind[end_row], e.pace_ns[end_row], e.pace_missing[end_row] = clock, gap_ns, left_out


def missing(c: Any, row: int) -> int:
    """Return how many segments the end sent between its last one and this, ABSENT if not known.

    It is known if the end counts its segments by IP identification (ip_select_ident_segs).
    """
    if c.ip_id[row] <= 0 or c.own_ip_id[row] <= 0:
        return ABSENT
    step = (c.ip_id[row] - c.own_ip_id[row]) & 0xFFFF
    return step - 1 if 0 < step <= MOST_MISSING else ABSENT


def add_open_gap(
    stories: StoryTables, flow_row: int, end: int, kind: int, frame: int, idle_ns: int, any_ns: int, probe_ns: int
) -> None:
    """Add a gap that no timer ended; its times are in ns."""
    g = stories.gaps
    gap = stories.counts[GAPS]
    stories.counts[GAPS] += 1
    g.end[gap], g.kind[gap], g.frame[gap], g.at_ns[gap] = end, kind, frame, ABSENT
    g.heard_ns[gap], g.any_ns[gap], g.probe_ns[gap], g.since_new_segment_ns[gap] = idle_ns, any_ns, probe_ns, ABSENT
    g.unanswered[gap] = stories.ends.unanswered[2 * flow_row + end] if kind == PENDING else 0
    g.missing[gap] = ABSENT
    g.echo[gap] = UNTOLD


def note_survived(c: Any, row: int, tag: int, stories: StoryTables, flow_row: int) -> None:
    """Note an idle time that ended in traffic: no timer had run out by then, at either end."""
    e, idle_ns = stories.ends, c.idle_ns[row]
    if idle_ns < IDLE_NS:
        return
    for end in (0, 1):
        end_row = 2 * flow_row + end
        is_own_probe = tag == PROBE and end == c.end[row]
        if is_own_probe or has_work(c, row, end) or e.unanswered[end_row] or e.fin_frame[end_row]:
            continue
        if idle_ns > e.ambiguous_ns[end_row]:  # only the longest bounds a timer
            e.ambiguous_frame[end_row], e.ambiguous_ns[end_row], e.ambiguous_at_ns[end_row] = (
                c.frame[row],
                idle_ns,
                c.ts_ns[row],
            )
            e.ambiguous_probe_ns[end_row] = since_probe(c, stories, end_row, c.ts_ns[row])
        if end == c.end[row]:
            confirm_survived(e, end_row)


def confirm_survived(e: Any, end_row: int) -> None:
    """Count an idle time as survived, since its end is heard: it was there, and its way to the capture point open."""
    if e.ambiguous_ns[end_row] > e.survived_ns[end_row]:
        e.survived_frame[end_row], e.survived_ns[end_row] = e.ambiguous_frame[end_row], e.ambiguous_ns[end_row]
        e.survived_probe_ns[end_row] = e.ambiguous_probe_ns[end_row]
    e.ambiguous_frame[end_row] = e.ambiguous_ns[end_row] = 0


def has_work(c: Any, row: int, end: int) -> bool:
    """Tell whether an end has data in flight, or a closed window before it.

    Keepalive is suspended then (tcp_keepalive_timer, first test).
    """
    if end == c.end[row]:
        return bool(c.in_flight[row] > 0 or c.peer_window[row] == 0)
    return bool(c.facts[row] & segment_facts.PEER_IN_FLIGHT or c.window[row] == 0)


def has_work_left(ends: Any, end_row: int) -> bool:
    """Tell the same as `has_work`, at the end of the capture; `end_row` is the end's row in ENDS."""
    return bool((ends.snd_una[end_row] != ABSENT and is_in_flight(ends, end_row)) or ends.window[end_row ^ 1] == 0)


def is_in_flight(ends: Any, end_row: int) -> bool:
    """Tell whether something that the end sent is unacknowledged at the capture's end.

    It counts as unacknowledged if no ACK was captured.
    """
    return bool(ends.snd_una[end_row] == ABSENT or seq_diff(ends.snd_nxt[end_row], ends.snd_una[end_row]) > 0)


def unheard_run(c: Any, row: int, stories: StoryTables, flow_row: int) -> int:
    """Return how many probes before this RST were answered although their sender did not hear it; 0 if it is no
    give-up.

    The answers were lost behind the capture point. The prober's timestamps show it, and without them its timer: the
    probes come an interval apart, although an answered one is followed by the idle time, and so does the RST
    (tcp_timer.c tcp_keepalive_timer). An idle time that is not clearly longer than the interval does not show it.
    """
    e, p = stories.ends, stories.probes
    end_row = 2 * flow_row + c.end[row]
    probe, waited_ns = e.last_probe[end_row], since_probe(c, stories, end_row, c.ts_ns[row])
    if not c.flags[row] & ACK or waited_ns < GIVE_UP_NS or c.seq[row] != seq_add(c.seq[p.row[probe]], 1):
        return 0
    echo = echo_of_answer(c, row, stories, probe)
    if echo == HEARD:
        return 0
    found, is_first = 1, False
    for earlier in range(probe - 1, stories.flows.first_probe[flow_row] - 1, -1):
        if p.end[earlier] != c.end[row]:
            continue
        spacing_ns = c.ts_ns[p.row[probe]] - c.ts_ns[p.row[earlier]]
        is_strict = echo == UNTOLD and found < FEWEST_UNHEARD - 1
        if abs(spacing_ns - waited_ns) > (ON_GRID_NS if is_strict else waited_ns // 7):
            is_first = True
        if is_first or p.answer[earlier] != BY_ACK or echo_of_answer(c, p.row[probe], stories, earlier) == HEARD:
            break
        found, probe = found + 1, earlier
    if echo == UNHEARD:
        return found if found >= FEWEST_ECHOED else 0
    heard_ns = c.heard_ns[p.row[probe]]
    is_clear = heard_ns != ABSENT and (c.ts_ns[p.row[probe]] - heard_ns - waited_ns) * 7 > 2 * waited_ns
    return found if found >= FEWEST_UNHEARD and is_clear else 0


def echo_of(c: Any, row: int, kind: int, stories: StoryTables, end_row: int) -> int:
    """Return what a probe's or give-up's timestamp echo says of how much its sender had heard.

    TS.Recent follows every segment that begins at or before what was acknowledged last (RFC 7323 §4.3): an answer, but
    not all data; on BSD also the other end's probes.
    """
    echo, probe, stamp = c.tsecr[row], stories.ends.last_probe[end_row], stories.ends.stamp_row[end_row ^ 1]
    before = c.tsecr[stories.probes.row[probe]] if probe != ABSENT else ABSENT
    newer = seq_diff(echo, c.tsval[stamp]) if stamp != ABSENT else 1
    if kind == SPACING or kind == GIVE_UP:
        if min(echo, before) <= 0 or echo == before:
            return AGREES if echo == before and echo > 0 else UNTOLD
        is_silent = c.any_ns[row] <= c.ts_ns[stories.probes.row[probe]]
        return UNSEEN if is_silent and newer > 0 and seq_diff(echo, before) > 0 else UNTOLD
    if echo <= 0 or stamp == ABSENT:
        return UNTOLD
    is_last = c.ts_ns[stamp] == c.heard_ns[row] and (newer < 0 or c.any_ns[row] == c.heard_ns[row])
    if newer > 0:
        return UNSEEN if is_last or is_echo_of_later(c, stamp, newer, row) else UNTOLD
    if not is_last or (newer == 0 and echo == before):  # its clock may stand still
        return UNTOLD
    if newer == 0:
        return AGREES
    is_lone_answer = c.payload_len[stamp] == 0 and newer < -MUCH_LATER_NS // FASTEST_TICK_NS
    return UNHEARD if (kind == CYCLE and echo == before) or (kind == FIRST and is_lone_answer) else UNTOLD


def is_echo_of_later(c: Any, stamp: int, newer: int, row: int) -> bool:
    """Tell whether the echo is of a segment sent later than all that was captured of the other end, at any clock
    rate."""
    sent_ns = c.ts_ns[stamp] + newer * FASTEST_TICK_NS
    return bool(c.any_ns[row] + MUCH_LATER_NS < sent_ns - (sent_ns - c.ts_ns[stamp] >> 3) and sent_ns <= c.ts_ns[row])


def echo_of_answer(c: Any, row: int, stories: StoryTables, probe: int) -> int:
    """Return whether a segment's sender had heard the answer to its probe: HEARD, UNHEARD or UNTOLD.

    The timestamp echo shows it (RFC 7323 §4.3).
    """
    sent, answer = stories.probes.row[probe], stories.probes.answer_row[probe]
    if c.tsecr[row] <= 0 or c.tsecr[sent] <= 0:
        return UNTOLD
    if c.tsecr[row] != c.tsecr[sent]:
        return HEARD
    return UNHEARD if answer != ABSENT and c.tsval[answer] != ABSENT and c.tsval[answer] != c.tsecr[row] else UNTOLD


def make_unheard(c: Any, row: int, stories: StoryTables, flow_row: int) -> None:
    """Rewrite the last gaps of the end that resets as unanswered spacings, and add its give-up.

    Each is an interval, and nothing was heard since before the first of them.
    """
    e, g, p = stories.ends, stories.gaps, stories.probes
    end, left = c.end[row], stories.flows.reset_unheard[flow_row]
    end_row = 2 * flow_row + end
    e.unanswered[end_row] = left
    probe = e.last_probe[end_row]
    now_ns = c.ts_ns[p.row[probe]]
    while left > 1:
        probe -= 1
        left -= p.end[probe] == end
    e.run_probe[end_row] = probe
    e.run_heard_ns[end_row] = heard_ns = c.heard_ns[p.row[probe]]
    left = e.unanswered[end_row]
    for gap in range(stories.counts[GAPS] - 1, stories.flows.first_gap[flow_row] - 1, -1):
        if left > 1 and g.end[gap] == end:
            left -= 1
            g.kind[gap], g.unanswered[gap], g.echo[gap] = SPACING, left, AGREES
            note_heard(g, gap, now_ns, heard_ns)
            now_ns -= g.probe_ns[gap]
    add_gap(c, row, GIVE_UP, stories, flow_row)
    note_heard(g, stories.counts[GAPS] - 1, c.ts_ns[row], heard_ns)


def note_heard(g: Any, gap: int, now_ns: int, heard_ns: int) -> None:
    """Set all idle times of a gap to the time since `heard_ns`, when something was last heard; ABSENT if never."""
    idle_ns = now_ns - heard_ns if heard_ns != ABSENT else ABSENT
    g.heard_ns[gap] = g.any_ns[gap] = g.since_new_segment_ns[gap] = idle_ns
