"""Heartbeats of an application: their period, whether the other end says something in between, and what is other data.

Kernels over the columns of a story in the making (`story.py`). The tagger says which segments are heartbeats; here is
what a series of them says, and since when nothing but heartbeats and their answers has been sent.
"""

from typing import Any

from analyzer.keepalive.story.gaps import Rows, StoryTables
from analyzer.keepalive.story.resends import unacknowledged_end
from analyzer.keepalive.tags.rules import HEARTBEAT_OCTETS, SAME_OCTETS, STEADY
from analyzer.schema import ABSENT, ACK
from analyzer.sequence import seq_add, seq_diff

ANSWERED_NS = 2_000_000_000
"""Longest time from a heartbeat to its answer."""
MISSED_PERIODS_2 = 5
"""A heartbeat that has been missing for so many half periods has stopped: one may be lost, two are not."""
BEATS_THAT_STOP = 5
"""Fewest messages of which it can be said that they have stopped: a few in a row may be a conversation, a poll or the
steps of a handshake, which have an end."""


def note_beat(c: Any, segment: Any, row: int, own: Any) -> None:
    """Take in one more heartbeat of an end: the spacing from the one before, unless it is that of a pause."""
    octets = segment.payload_len
    own.most_beat = max(octets, own.most_beat)
    own.least_beat = octets if own.last_beat == ABSENT else min(octets, own.least_beat)
    if own.last_beat == ABSENT:
        own.first_beat = row
    else:
        before = c[own.last_beat]
        spacing_ns = segment.ts_ns - before.ts_ns
        own.answered_beats += segment.peer_data_ns > before.ts_ns
        is_first = own.steady_beats == 0
        if own.steady_beats == 1 and not is_steady(spacing_ns, own.beats_ns):
            is_first = True  # the two before were none of one series
        if is_first:
            own.beats_ns, own.steady_beats = spacing_ns, 1
        elif is_steady(spacing_ns, own.beats_ns // own.steady_beats):
            own.beats_ns += spacing_ns
            own.steady_beats += 1
    own.last_beat = row
    own.beats += 1


def is_steady(spacing_ns: int, period_ns: int) -> bool:
    """Tell whether a spacing is the period, to a twentieth."""
    return abs(spacing_ns - period_ns) * STEADY <= period_ns


def period_ns(own: Any) -> int:
    """Return the mean time from heartbeat to heartbeat in ns, pauses left out; ABSENT with fewer than two."""
    return int(own.beats_ns // own.steady_beats) if own.steady_beats else ABSENT


def last_other_data_ns(c: Any, segment: Any, story: Any) -> int:
    """Return when data that is no heartbeat, and no answer to one, last moved before a segment; ABSENT for never.

    Up to the last heartbeat before it, the story says so. Since that one, other data shows by its octets, or by its
    time: an answer is as short as a heartbeat, and comes soon.
    """
    last_ns = max(segment.own_data_ns, segment.peer_data_ns)
    if story.beat_row == ABSENT or last_ns - c[story.beat_row].ts_ns > ANSWERED_NS:
        return int(last_ns)
    is_silent = not segment.flags & ACK or octets_between(c[story.beat_row], segment) <= HEARTBEAT_OCTETS
    return int(story.busy_ns if is_silent else last_ns)


def octets_between(beat: Any, segment: Any) -> int:
    """Return how many octets both ends sent between a heartbeat and a later segment with an ACK."""
    after = seq_add(beat.seq, beat.payload_len)
    if beat.end == segment.end:
        own, other = seq_diff(segment.seq, after), seq_diff(segment.ack, beat.ack)
    else:
        own, other = seq_diff(segment.seq, beat.ack), seq_diff(segment.ack, after)
    return max(own, 0) + max(other, 0)


def was_last_answered(c: Any, own: Any, tracked_peer: Any) -> bool:
    """Tell whether the other end sent data after the last heartbeat."""
    return bool(own.beats and tracked_peer.data_ns > c[own.last_beat].ts_ns)


def stopped_ns(rows: Rows, stories: StoryTables, flow_row: int, end: int) -> int:
    """Return the time in ns from an end's last heartbeat to the close, or to the capture's end, if it has stopped; else
    ABSENT.

    An end that sent other data later goes on, if in another rhythm, and of one whose data is unacknowledged nobody can
    tell: what it says now waits behind that.
    """
    c, story, own = rows.candidates, stories.flows[flow_row], stories.ends[2 * flow_row + end]
    tracked = rows.ends[2 * story.flow + end]
    if not own.steady_beats or tracked.data_ns > c[own.last_beat].ts_ns:
        return ABSENT
    is_series = own.beats >= BEATS_THAT_STOP and own.most_beat - own.least_beat <= SAME_OCTETS
    if not is_series or unacknowledged_end(rows, stories, flow_row) == end:
        return ABSENT
    until_ns = c[story.closing_row].ts_ns if story.closing_row != ABSENT else story.capture_end_ns
    silent_ns = until_ns - c[own.last_beat].ts_ns
    return int(silent_ns) if 2 * silent_ns > MISSED_PERIODS_2 * period_ns(own) else ABSENT
