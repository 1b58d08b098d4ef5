"""What a keepalive timer showed of itself, written as gaps: observations of its idle time, its interval, its count.

Kernels over the columns of a story in the making (`story.py`). They know which of the timer's clocks a time
measures (tcp_timer.c tcp_keepalive_timer), also where the prober heard less than was captured.
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
from analyzer.schema import ACK, NEVER
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp.segment_facts import TRAIT_PEER_IN_FLIGHT
from analyzer.tcp.tracker import IDLE_NS

SAME_INSTANT_NS = 5_000_000
"""A second copy of an answer is still that answer."""
FEWEST_UNHEARD = 3
"""So many probes and the RST show the grid that they are on."""
FEWEST_ECHOED = 2
"""So many are enough where the prober's timestamps show that it heard no answer."""
HEARD = AGREES
"""What a prober's timestamp echo says of an answer."""
ON_GRID_NS = 30_000_000
"""Two ticks of the slowest clock, and the host's delay."""
FASTEST_TICK_NS = 1_000_000
"""Of a timestamp clock (RFC 7323 §5.4)."""
MUCH_LATER_NS = 500_000_000
"""No way is so long, no host so busy."""
MOST_MISSING = 16
"""With larger steps an end does not count its segments, or counts those of other connections too."""
PROBES, GAPS, SILENCES = range(3)
"""Places in `Told.counts`."""


class Rows(NamedTuple):
    """What stories are told from: columns, and the rows of flow f at order[starts[f]:starts[f + 1]]."""

    candidates: Any
    segments: Any
    order: "array[int]"
    starts: "array[int]"
    flows: Any
    ends: Any


class Told(NamedTuple):
    """Columns that a story is told into; `counts` are the rows in use of the last three tables."""

    flows: Any
    ends: Any
    probes: Any
    gaps: Any
    silences: Any
    counts: "array[int]"


def gap_of_probe(c: Any, row: int, told: Told, me: int) -> int:
    """Which of the timer's clocks the time before a probe measures (tcp_timer.c tcp_keepalive_timer)."""
    before = told.ends.last_probe[me]
    if before == NEVER:
        return FIRST
    heard_ns, any_ns, before_ns = c.heard_ns[row], c.any_ns[row], c.ts_ns[told.probes.row[before]]
    is_silent = any_ns <= before_ns or (heard_ns != NEVER and heard_ns <= before_ns)
    if is_silent and (told.ends.unanswered[me] or heard_ns < before_ns):  # an answer may bear the probe's own time
        return SPACING
    if told.probes.answer[before] != BY_ACK:
        return FIRST
    since_answer_ns = heard_ns - c.ts_ns[told.probes.answer_row[before]]
    return CYCLE if 0 <= since_answer_ns <= SAME_INSTANT_NS else FIRST


def since_probe(c: Any, told: Told, me: int, now_ns: int) -> int:
    """Since the end's last probe, -1 without."""
    probe = told.ends.last_probe[me]
    return now_ns - c.ts_ns[told.probes.row[probe]] if probe != NEVER else NEVER


def add_gap(c: Any, row: int, kind: int, told: Told, it: int) -> None:
    """What the timer's clocks showed at a probe or a give-up; left out where the capture's clock was set back."""
    e, g = told.ends, told.gaps
    now_ns, end = c.ts_ns[row], c.end[row]
    me, peer = 2 * it + end, 2 * it + 1 - end
    heard_ns = now_ns - c.heard_ns[row] if c.heard_ns[row] != NEVER else NEVER
    any_ns = now_ns - c.any_ns[row] if c.any_ns[row] != NEVER else NEVER
    probe_ns = since_probe(c, told, me, now_ns)
    speech_ns = e.speech_ns[peer] if c.any_ns[row] != NEVER and c.any_ns[row] == e.echo_ns[peer] else c.any_ns[row]
    if kind != GIVE_UP and min(heard_ns, any_ns, probe_ns) < NEVER:
        return
    gap = told.counts[GAPS]
    told.counts[GAPS] += 1
    g.end[gap], g.kind[gap], g.frame[gap], g.at_ns[gap] = end, kind, c.frame[row], now_ns
    g.unanswered[gap] = e.unanswered[me]
    g.heard_ns[gap], g.any_ns[gap], g.probe_ns[gap] = heard_ns, any_ns, probe_ns
    g.speech_ns[gap] = now_ns - speech_ns if speech_ns != NEVER else NEVER
    g.missing[gap] = missing(c, row)
    g.echo[gap] = echo_of(c, row, kind, told, me)
    e.holes[peer] += g.echo[gap] == UNSEEN
    note_pace(e, me, kind, heard_ns if kind == FIRST else probe_ns, g.missing[gap])


def note_pace(e: Any, me: int, kind: int, gap_ns: int, left_out: int) -> None:
    """Compares a gap with the end's one before, if both are of one kind and length.

    What is lost makes a gap longer. So if IP identifications leave out now more and now fewer, or as many each time,
    they number what other connections of the host send.
    """
    clock = SPACING if kind == GIVE_UP else kind
    if e.pace_kind[me] == clock and abs(gap_ns - e.pace_ns[me]) <= ON_GRID_NS + gap_ns // 64:
        e.even[me] += left_out == e.pace_missing[me]
        e.level[me] += left_out == e.pace_missing[me] and left_out > 0
        e.uneven[me] += left_out != e.pace_missing[me]
    e.pace_kind[me], e.pace_ns[me], e.pace_missing[me] = clock, gap_ns, left_out


def missing(c: Any, row: int) -> int:
    """Segments between an end's last one and this, if it counts them (ip_select_ident_segs); -1 if not known."""
    if c.ip_id[row] <= 0 or c.own_ip_id[row] <= 0:
        return NEVER
    step = (c.ip_id[row] - c.own_ip_id[row]) & 0xFFFF
    return step - 1 if 0 < step <= MOST_MISSING else NEVER


def add_open_gap(
    told: Told, it: int, end: int, kind: int, frame: int, idle_ns: int, any_ns: int, probe_ns: int
) -> None:
    """A gap that no timer ended."""
    g = told.gaps
    gap = told.counts[GAPS]
    told.counts[GAPS] += 1
    g.end[gap], g.kind[gap], g.frame[gap], g.at_ns[gap] = end, kind, frame, NEVER
    g.heard_ns[gap], g.any_ns[gap], g.probe_ns[gap], g.speech_ns[gap] = idle_ns, any_ns, probe_ns, NEVER
    g.unanswered[gap] = told.ends.unanswered[2 * it + end] if kind == PENDING else 0
    g.missing[gap] = NEVER
    g.echo[gap] = UNTOLD


def note_survived(c: Any, row: int, tag: int, told: Told, it: int) -> None:
    """An idle time that ended in traffic: no timer had run out by then, at either end."""
    e, idle_ns = told.ends, c.idle_ns[row]
    if idle_ns < IDLE_NS:
        return
    for end in (0, 1):
        me = 2 * it + end
        is_own_probe = tag == PROBE and end == c.end[row]
        if is_own_probe or has_work(c, row, end) or e.unanswered[me] or e.fin_frame[me]:
            continue
        if idle_ns > e.doubted_ns[me]:  # only the longest bounds a timer
            e.doubted_frame[me], e.doubted_ns[me], e.doubted_at_ns[me] = c.frame[row], idle_ns, c.ts_ns[row]
            e.doubted_probe_ns[me] = since_probe(c, told, me, c.ts_ns[row])
        if end == c.end[row]:
            confirm_survived(e, me)


def confirm_survived(e: Any, me: int) -> None:
    """The end is heard: it was there, and its way to the capture point open, when a probe was not due."""
    if e.doubted_ns[me] > e.survived_ns[me]:
        e.survived_frame[me], e.survived_ns[me] = e.doubted_frame[me], e.doubted_ns[me]
        e.survived_probe_ns[me] = e.doubted_probe_ns[me]
    e.doubted_frame[me] = e.doubted_ns[me] = 0


def has_work(c: Any, row: int, end: int) -> bool:
    """Data in flight, or a closed window before it: keepalive is suspended (tcp_keepalive_timer, first test)."""
    if end == c.end[row]:
        return bool(c.in_flight[row] > 0 or c.peer_window[row] == 0)
    return bool(c.traits[row] & TRAIT_PEER_IN_FLIGHT or c.window[row] == 0)


def has_work_left(ends: Any, me: int) -> bool:
    """The same at the end of the capture; `me` is the end's row in ENDS."""
    return bool((ends.snd_una[me] != NEVER and is_in_flight(ends, me)) or ends.window[me ^ 1] == 0)


def is_in_flight(ends: Any, me: int) -> bool:
    """Tells whether something the end sent is unacknowledged at the capture's end; so it is if no ACK was captured."""
    return bool(ends.snd_una[me] == NEVER or seq_diff(ends.snd_nxt[me], ends.snd_una[me]) > 0)


def unheard_run(c: Any, row: int, told: Told, it: int) -> int:
    """How many probes before this RST of their sender were answered in vain, 0 if it is no give-up.

    The answers were lost behind the capture point. The prober's timestamps show it, and without them its timer: the
    probes come an interval apart, although an answered one is followed by the idle time, and so does the RST
    (tcp_timer.c tcp_keepalive_timer). Of an idle time that is not clearly longer than the interval that tells nothing.
    """
    e, p = told.ends, told.probes
    me = 2 * it + c.end[row]
    probe, waited_ns = e.last_probe[me], since_probe(c, told, me, c.ts_ns[row])
    if not c.flags[row] & ACK or waited_ns < GIVE_UP_NS or c.seq[row] != seq_add(c.seq[p.row[probe]], 1):
        return 0
    echo = echo_of_answer(c, row, told, probe)
    if echo == HEARD:
        return 0
    found, is_first = 1, False
    for earlier in range(probe - 1, told.flows.first_probe[it] - 1, -1):
        if p.end[earlier] != c.end[row]:
            continue
        spacing_ns = c.ts_ns[p.row[probe]] - c.ts_ns[p.row[earlier]]
        is_strict = echo == UNTOLD and found < FEWEST_UNHEARD - 1
        if abs(spacing_ns - waited_ns) > (ON_GRID_NS if is_strict else waited_ns // 7):
            is_first = True
        if is_first or p.answer[earlier] != BY_ACK or echo_of_answer(c, p.row[probe], told, earlier) == HEARD:
            break
        found, probe = found + 1, earlier
    if echo == UNHEARD:
        return found if found >= FEWEST_ECHOED else 0
    heard_ns = c.heard_ns[p.row[probe]]
    is_clear = heard_ns != NEVER and (c.ts_ns[p.row[probe]] - heard_ns - waited_ns) * 7 > 2 * waited_ns
    return found if found >= FEWEST_UNHEARD and is_clear else 0


def echo_of(c: Any, row: int, kind: int, told: Told, me: int) -> int:
    """What a probe's or give-up's timestamp echo says of how much its sender had heard.

    TS.Recent follows every segment that begins at or before what was acknowledged last (RFC 7323 §4.3): an answer,
    but not all data; on BSD also the other end's probes.
    """
    echo, probe, stamp = c.tsecr[row], told.ends.last_probe[me], told.ends.stamp_row[me ^ 1]
    before = c.tsecr[told.probes.row[probe]] if probe != NEVER else NEVER
    newer = seq_diff(echo, c.tsval[stamp]) if stamp != NEVER else 1
    if kind == SPACING or kind == GIVE_UP:
        if min(echo, before) <= 0 or echo == before:
            return AGREES if echo == before and echo > 0 else UNTOLD
        is_silent = c.any_ns[row] <= c.ts_ns[told.probes.row[probe]]
        return UNSEEN if is_silent and newer > 0 and seq_diff(echo, before) > 0 else UNTOLD
    if echo <= 0 or stamp == NEVER:
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
    """What is echoed was sent later than all that was captured of the other end, however fast its clock ticks."""
    sent_ns = c.ts_ns[stamp] + newer * FASTEST_TICK_NS
    return bool(c.any_ns[row] + MUCH_LATER_NS < sent_ns - (sent_ns - c.ts_ns[stamp] >> 3) and sent_ns <= c.ts_ns[row])


def echo_of_answer(c: Any, row: int, told: Told, probe: int) -> int:
    """Whether a segment's timestamp echo shows that its sender heard the answer to its probe (RFC 7323 §4.3)."""
    sent, answer = told.probes.row[probe], told.probes.answer_row[probe]
    if c.tsecr[row] <= 0 or c.tsecr[sent] <= 0:
        return UNTOLD
    if c.tsecr[row] != c.tsecr[sent]:
        return HEARD
    return UNHEARD if answer != NEVER and c.tsval[answer] != NEVER and c.tsval[answer] != c.tsecr[row] else UNTOLD


def make_unheard(c: Any, row: int, told: Told, it: int) -> None:
    """The last gaps of the resetting end are an interval each, and nothing was heard since before the first of them."""
    e, g, p = told.ends, told.gaps, told.probes
    end, left = c.end[row], told.flows.reset_unheard[it]
    me = 2 * it + end
    e.unanswered[me] = left
    probe = e.last_probe[me]
    now_ns = c.ts_ns[p.row[probe]]
    while left > 1:
        probe -= 1
        left -= p.end[probe] == end
    e.run_probe[me] = probe
    e.run_heard_ns[me] = heard_ns = c.heard_ns[p.row[probe]]
    left = e.unanswered[me]
    for gap in range(told.counts[GAPS] - 1, told.flows.first_gap[it] - 1, -1):
        if left > 1 and g.end[gap] == end:
            left -= 1
            g.kind[gap], g.unanswered[gap], g.echo[gap] = SPACING, left, AGREES
            note_heard(g, gap, now_ns, heard_ns)
            now_ns -= g.probe_ns[gap]
    add_gap(c, row, GIVE_UP, told, it)
    note_heard(g, told.counts[GAPS] - 1, c.ts_ns[row], heard_ns)


def note_heard(g: Any, gap: int, now_ns: int, heard_ns: int) -> None:
    """Nothing was heard since then, by none of the clocks; -1 if never."""
    idle_ns = now_ns - heard_ns if heard_ns != NEVER else NEVER
    g.heard_ns[gap] = g.any_ns[gap] = g.speech_ns[gap] = idle_ns
