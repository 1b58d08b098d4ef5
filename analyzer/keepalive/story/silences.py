"""The silences of a connection: each is an experiment with the path, which survives it or not.

Kernels over the columns of a story in the making (`story.py`).
"""

from typing import Any

from analyzer.keepalive.story.gaps import SILENCES, Rows, StoryTables, ends_of
from analyzer.keepalive.story.values import LONG_NS
from analyzer.keepalive.tags.tag import GIVE_UP_RST, RETRANSMISSION, SYN_ACK, SYN_TAG
from analyzer.schema import ABSENT
from analyzer.schema import RST as RST_BIT
from analyzer.tcp import segment_facts
from analyzer.tcp.tracker import IDLE_NS


def note_silence(segment: Any, row: int, tag: int, own: Any, peer: Any, stories: StoryTables) -> None:
    """Note a silence that a segment ended, if it tells something of the path."""
    if segment.idle_ns >= IDLE_NS and is_test_of_path(segment, tag, own, peer):
        stories.silences[stories.counts[SILENCES]].row = row
        stories.counts[SILENCES] += 1


def is_test_of_path(segment: Any, tag: int, own: Any, peer: Any) -> bool:
    """Tell whether a silence began with nothing outstanding, so that only its length can have broken the path."""
    if tag == SYN_TAG or tag == SYN_ACK or tag == GIVE_UP_RST or tag == RETRANSMISSION:
        return False
    if segment.in_flight > 0 or segment.facts & segment_facts.PEER_IN_FLIGHT:
        return False
    return not (own.unanswered or peer.unanswered or own.resends or peer.resends)


def note_survivors(rows: Rows, flow: int, stories: StoryTables, flow_row: int) -> None:
    """Mark the silences that the path survived: the end that did not end them was heard later, by more than a RST.

    Those shorter than LONG_NS are dropped; but where an end probes, has a heartbeat, or is silent for longer, the
    longest survived one stays, however short.
    """
    first, last = stories.flows[flow_row].first_silence, stories.counts[SILENCES]
    own, peer = ends_of(stories, flow_row)
    is_tried = own.probes or peer.probes or own.beats > 1 or peer.beats > 1 or rows.flows[flow].max_idle_ns >= LONG_NS
    longest_ns, longest = 0, ABSENT
    for place in range(first, last):
        silence = stories.silences[place]
        segment = rows.candidates[silence.row]
        other = 1 - segment.end
        heard_ns = heard_last_ns(rows, flow, other, stories.ends[2 * flow_row + other])
        silence.survived = heard_ns > segment.ts_ns
        if silence.survived and segment.idle_ns > longest_ns:
            longest_ns, longest = segment.idle_ns, place
    stories.counts[SILENCES] = first
    for place in range(first, last):
        silence = stories.silences[place]
        if (is_tried and place == longest) or rows.candidates[silence.row].idle_ns >= LONG_NS:
            kept = stories.silences[stories.counts[SILENCES]]
            kept.row, kept.survived = silence.row, silence.survived
            stories.counts[SILENCES] += 1


def heard_last_ns(rows: Rows, flow: int, end: int, own: Any) -> int:
    """Return when an end was last heard, by more than a RST, in ns."""
    tracked = rows.ends[2 * flow + end]
    heard_ns: int = own.before_reset_ns if own.has_reset and tracked.last_flags & RST_BIT else tracked.last_ns
    return heard_ns
