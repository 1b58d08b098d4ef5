"""Heartbeats of an application: their period, whether the other end says something in between, and what is other data.

Kernels over the columns of a story in the making (`story.py`). The tagger says which segments are heartbeats; here is
what a series of them says, and since when nothing but heartbeats and their answers has been sent.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.resends import unacknowledged_end
from analyzer.keepalive.tags.rules import HEARTBEAT_OCTETS, STEADY
from analyzer.schema import ABSENT, ACK
from analyzer.sequence import seq_add, seq_diff

ANSWERED_NS = 2_000_000_000
"""Longest time from a heartbeat to its answer."""
MISSED_PERIODS_2 = 5
"""A heartbeat that has been missing for so many half periods has stopped: one may be lost, two are not."""
BEATS_THAT_STOP = 5
"""Fewest messages of which it can be said that they have stopped: a few in a row may be a conversation, a poll or the
steps of a handshake, which have an end."""
SAME_OCTETS = 16
"""Heartbeats differ by no more octets than a number or a time takes that they carry; other messages do."""


def note_beat(c: Any, row: int, e: Any, end_row: int) -> None:
    """Take in one more heartbeat of an end: the spacing from the one before, unless it is that of a pause."""
    before, octets = e.last_beat[end_row], c.payload_len[row]
    e.most_beat[end_row] = max(octets, e.most_beat[end_row])
    e.least_beat[end_row] = octets if before == ABSENT else min(octets, e.least_beat[end_row])
    if before == ABSENT:
        e.first_beat[end_row] = row
    else:
        spacing_ns = c.ts_ns[row] - c.ts_ns[before]
        e.answered_beats[end_row] += c.peer_data_ns[row] > c.ts_ns[before]
        is_first = e.steady_beats[end_row] == 0
        if e.steady_beats[end_row] == 1 and not is_steady(spacing_ns, e.beats_ns[end_row]):
            is_first = True  # the two before were none of one series
        if is_first:
            e.beats_ns[end_row], e.steady_beats[end_row] = spacing_ns, 1
        elif is_steady(spacing_ns, e.beats_ns[end_row] // e.steady_beats[end_row]):
            e.beats_ns[end_row] += spacing_ns
            e.steady_beats[end_row] += 1
    e.last_beat[end_row] = row
    e.beats[end_row] += 1


def is_steady(spacing_ns: int, period_ns: int) -> bool:
    """Tell whether a spacing is the period, to a twentieth."""
    return abs(spacing_ns - period_ns) * STEADY <= period_ns


def period_ns(e: Any, end_row: int) -> int:
    """Return the mean time from heartbeat to heartbeat in ns, pauses left out; ABSENT with fewer than two."""
    return int(e.beats_ns[end_row] // e.steady_beats[end_row]) if e.steady_beats[end_row] else ABSENT


def last_other_data_ns(c: Any, row: int, beat: int, busy_ns: int) -> int:
    """Return when data that is no heartbeat, and no answer to one, last moved before this row; ABSENT for never.

    `beat` is the row of the last heartbeat before it, ABSENT without one, and `busy_ns` what was known then. Between
    the two, other data shows by its octets, or by its time: an answer is as short as a heartbeat, and comes soon.
    """
    last_ns = max(c.own_data_ns[row], c.peer_data_ns[row])
    if beat == ABSENT or last_ns - c.ts_ns[beat] > ANSWERED_NS:
        return int(last_ns)
    is_silent = not c.flags[row] & ACK or octets_between(c, beat, row) <= HEARTBEAT_OCTETS
    return busy_ns if is_silent else int(last_ns)


def octets_between(c: Any, beat: int, row: int) -> int:
    """Return how many octets both ends sent between a heartbeat and a later segment with an ACK."""
    after = seq_add(c.seq[beat], c.payload_len[beat])
    if c.end[beat] == c.end[row]:
        own, other = seq_diff(c.seq[row], after), seq_diff(c.ack[row], c.ack[beat])
    else:
        own, other = seq_diff(c.seq[row], c.ack[beat]), seq_diff(c.ack[row], after)
    return max(own, 0) + max(other, 0)


def was_last_answered(rows: Rows, e: Any, end_row: int, own: int) -> bool:
    """Tell whether the other end sent data after the last heartbeat; `own` is the end's row in ENDS."""
    return bool(e.beats[end_row] and rows.ends.data_ns[own ^ 1] > rows.candidates.ts_ns[e.last_beat[end_row]])


def stopped_ns(rows: Rows, stories: StoryTables, flow_row: int, end: int) -> int:
    """Return the time in ns from an end's last heartbeat to the close, or to the capture's end, if it has stopped; else
    ABSENT.

    An end that sent other data later goes on, if in another rhythm, and of one whose data is unacknowledged nobody can
    tell: what it says now waits behind that.
    """
    c, e, t = rows.candidates, stories.ends, stories.flows
    end_row, own = 2 * flow_row + end, 2 * t.flow[flow_row] + end
    if not e.steady_beats[end_row] or rows.ends.data_ns[own] > c.ts_ns[e.last_beat[end_row]]:
        return ABSENT
    is_series = e.beats[end_row] >= BEATS_THAT_STOP and e.most_beat[end_row] - e.least_beat[end_row] <= SAME_OCTETS
    if not is_series or unacknowledged_end(rows, stories, flow_row) == end:
        return ABSENT
    closing = t.closing_row[flow_row]
    until_ns = c.ts_ns[closing] if closing != ABSENT else t.capture_end_ns[flow_row]
    silent_ns = until_ns - c.ts_ns[e.last_beat[end_row]]
    return int(silent_ns) if 2 * silent_ns > MISSED_PERIODS_2 * period_ns(e, end_row) else ABSENT
