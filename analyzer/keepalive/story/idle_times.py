"""How long a connection went without data and lived: on the clocks by which applications count their idle time.

Kernels over the columns of a story in the making (`story.py`). An end that sends has not closed, however long the other
one had said nothing. Any other time without data counts once the end that did not end it has been heard again, by more
than a RST: until then the connection may have been lost in it.
"""

from typing import Any

from analyzer.keepalive.story.heartbeats import last_other_data_ns
from analyzer.keepalive.tags.tag import DATA, HEARTBEAT
from analyzer.schema import ABSENT


def note_data(c: Any, segment: Any, tag: int, story: Any, own: Any, peer: Any) -> None:
    """Take in a segment: what it confirms, and if it is new data, the times without data that it ends."""
    if story.pending_end == 1 - segment.end:
        confirm(story, own, peer)
    if tag != DATA and tag != HEARTBEAT:
        return
    ts_ns, own_ns, peer_ns = segment.ts_ns, segment.own_data_ns, segment.peer_data_ns
    last_ns = max(own_ns, peer_ns)
    if last_ns == ABSENT:
        return
    story.pending_data_gap_ns = max(ts_ns - last_ns, story.pending_data_gap_ns)
    if peer_ns != ABSENT:
        peer.data_gap_ns = max(ts_ns - peer_ns, peer.data_gap_ns)
    if own_ns != ABSENT:
        own.pending_data_gap_ns = max(ts_ns - own_ns, own.pending_data_gap_ns)
    if tag == DATA:
        busy_ns = last_other_data_ns(c, segment, story)
        if busy_ns != ABSENT:
            story.pending_busy_gap_ns = max(ts_ns - busy_ns, story.pending_busy_gap_ns)
    story.pending_end, story.pending_at_ns = segment.end, ts_ns


def confirm(story: Any, own: Any, peer: Any) -> None:
    """Count the times that were pending: both ends lived on."""
    story.data_gap_ns = max(story.pending_data_gap_ns, story.data_gap_ns)
    story.busy_gap_ns = max(story.pending_busy_gap_ns, story.busy_gap_ns)
    for one in (own, peer):
        one.data_gap_ns = max(one.pending_data_gap_ns, one.data_gap_ns)
        one.pending_data_gap_ns = 0
    story.pending_data_gap_ns = story.pending_busy_gap_ns = 0
    story.pending_end = ABSENT


def begin_idle_times(story: Any, own: Any, peer: Any) -> None:
    """Clear these times in the rows of the flow and of its ends."""
    story.data_gap_ns = story.busy_gap_ns = 0
    story.pending_data_gap_ns = story.pending_busy_gap_ns = 0
    story.pending_end = ABSENT
    for one in (own, peer):
        one.data_gap_ns = one.pending_data_gap_ns = 0
