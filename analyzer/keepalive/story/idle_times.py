"""How long a connection went without data and lived: on the clocks by which applications count their idle time.

Kernels over the columns of a story in the making (`story.py`). An end that sends has not closed, however long the other
one had said nothing. Any other time without data counts once the end that did not end it has been heard again, by more
than a RST: until then the connection may have been lost in it.
"""

from typing import Any

from analyzer.keepalive.story.heartbeats import last_other_data_ns
from analyzer.keepalive.tags.tag import DATA, HEARTBEAT
from analyzer.schema import ABSENT


def note_data(c: Any, row: int, tag: int, t: Any, e: Any, flow_row: int) -> None:
    """Take in a segment: what it confirms, and if it is new data, the times without data that it ends."""
    end = c.end[row]
    if t.pending_end[flow_row] == 1 - end:
        confirm(t, e, flow_row)
    if tag != DATA and tag != HEARTBEAT:
        return
    ts_ns, own_ns, peer_ns = c.ts_ns[row], c.own_data_ns[row], c.peer_data_ns[row]
    last_ns = max(own_ns, peer_ns)
    if last_ns == ABSENT:
        return
    t.pending_data_gap_ns[flow_row] = max(ts_ns - last_ns, t.pending_data_gap_ns[flow_row])
    end_row = 2 * flow_row + end
    if peer_ns != ABSENT:
        e.data_gap_ns[end_row ^ 1] = max(ts_ns - peer_ns, e.data_gap_ns[end_row ^ 1])
    if own_ns != ABSENT:
        e.pending_data_gap_ns[end_row] = max(ts_ns - own_ns, e.pending_data_gap_ns[end_row])
    if tag == DATA:
        busy_ns = last_other_data_ns(c, row, t.beat_row[flow_row], t.busy_ns[flow_row])
        if busy_ns != ABSENT:
            t.pending_busy_gap_ns[flow_row] = max(ts_ns - busy_ns, t.pending_busy_gap_ns[flow_row])
    t.pending_end[flow_row], t.pending_at_ns[flow_row] = end, ts_ns


def confirm(t: Any, e: Any, flow_row: int) -> None:
    """Count the times that were pending: both ends lived on."""
    t.data_gap_ns[flow_row] = max(t.pending_data_gap_ns[flow_row], t.data_gap_ns[flow_row])
    t.busy_gap_ns[flow_row] = max(t.pending_busy_gap_ns[flow_row], t.busy_gap_ns[flow_row])
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        e.data_gap_ns[end_row] = max(e.pending_data_gap_ns[end_row], e.data_gap_ns[end_row])
        e.pending_data_gap_ns[end_row] = 0
    t.pending_data_gap_ns[flow_row] = t.pending_busy_gap_ns[flow_row] = 0
    t.pending_end[flow_row] = ABSENT


def begin_idle_times(t: Any, e: Any, flow_row: int) -> None:
    """Clear the flow's columns."""
    t.data_gap_ns[flow_row] = t.busy_gap_ns[flow_row] = 0
    t.pending_data_gap_ns[flow_row] = t.pending_busy_gap_ns[flow_row] = 0
    t.pending_end[flow_row] = ABSENT
    for end_row in (2 * flow_row, 2 * flow_row + 1):
        e.data_gap_ns[end_row] = e.pending_data_gap_ns[end_row] = 0
