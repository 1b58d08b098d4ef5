"""The packets that a shard keeps as they are: each flow's first, until its state no longer depends on what came before.

A hint and no proof: the join tracks these packets again in the state that the flow really had, and compares
(`join.py`). Where the hint was too hopeful, the file is read again; where it is too careful, a shard is larger.
"""

from typing import Any

from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.many.tables import arrays, take
from analyzer.schema import (
    ABSENT,
    ACK,
    FIN,
    KIND_ICMP_ERROR,
    KIND_TCP,
    SYN,
    UNSEEN,
    Column,
    table,
)
from analyzer.schema.packets import PACKETS
from analyzer.sequence import seq_add, seq_diff
from analyzer.tcp.segment_facts import LATE_DUPLICATE_NS

FEW = 3
"""Number of segments of each end at or above all before them: by then SND.NXT, SND.UNA and the clocks are known."""
MOST = 1024
"""Most packets kept of a flow. One that is not known by then mostly never is: one direction was captured, or only
probes."""

PROGRESS = table(
    "PROGRESS",
    Column("is_over", "b", "bool", "no more packets of the flow are kept"),
    Column("kept", "i", "", "packets kept"),
    Column("has_data", "b", "bool", "data, a SYN or a FIN was among them"),
    Column("fresh_0", "i", "", "segments of end 0 at or above `top_0`"),
    Column("fresh_1", "i", "", "segments of end 1 at or above `top_1`"),
    Column("top_0", "q", "u32", "highest number sent by end 0 or acknowledged to it, -1 unknown"),
    Column("top_1", "q", "u32", "highest number sent by end 1 or acknowledged to it, -1 unknown"),
)


class Prefix:
    """The packets that are kept of one shard; `feed` takes them batch by batch, with their flows."""

    def __init__(self) -> None:
        self.packets = Table(PACKETS)
        self.unseen = Table(PACKETS)
        """Segments of the file's first moments that may be duplicates of what an earlier file ends with."""
        self.first_ns = ABSENT
        """Time of the first frame of the file."""
        self._progress = Table(PROGRESS)
        self._chosen = Table(CHOSEN)

    def feed(self, records: Table, packets: Table, flows: int, engine: Engine) -> None:
        if self.first_ns == ABSENT:
            self.first_ns = records.view.ts_ns[0]
        p = arrays(packets)
        is_early = (p.kind == KIND_TCP) & (p.since_ns == UNSEEN) & (p.ts_ns <= self.first_ns + LATE_DUPLICATE_NS)
        self.unseen.extend(take(packets, is_early))
        progress, chosen = self._progress, self._chosen
        progress.reserve(flows - progress.rows)
        for row in range(progress.rows, flows):
            progress.view.top_0[row] = progress.view.top_1[row] = ABSENT
        progress.rows = flows
        chosen.rows = 0
        chosen.reserve(packets.rows)
        chosen.rows = engine.run(choose, packets.view, packets.rows, progress.view, chosen.view)
        if chosen.rows:
            self.packets.extend(take(packets, arrays(chosen).row))


CHOSEN = table("CHOSEN", Column("row", "q", "", "row of a packet that is kept"))


def choose(packets: Any, count: int, progress: Any, chosen: Any) -> int:
    """Kernel: choose the rows of the packets to keep; ICMP errors of flows that the shard has not met are all kept.
    Returns their number."""
    rows = 0
    for at in range(count):
        kind, flow = packets.kind[at], packets.flow[at]
        if kind != KIND_TCP and kind != KIND_ICMP_ERROR:
            continue
        if flow == ABSENT or not progress.is_over[flow]:
            chosen.row[rows] = at
            rows += 1
        if kind == KIND_TCP and not progress.is_over[flow]:
            advance(packets, at, progress, flow)
    return rows


def advance(packets: Any, at: int, progress: Any, flow: int) -> None:
    """Note what this segment tells of its flow, and whether that is enough."""
    flags, end = packets.flags[at], packets.end[at]
    mine, theirs = progress.top_0[flow], progress.top_1[flow]
    if end == 1:
        mine, theirs = theirs, mine
    octets = packets.payload_len[at] + (flags & SYN != 0) + (flags & FIN != 0)
    if octets > 1 or flags & (SYN | FIN):
        progress.has_data[flow] = 1
    end_seq = seq_add(packets.seq[at], octets)
    if mine == ABSENT or seq_diff(end_seq, mine) >= 0:
        mine = end_seq
        if end == 0:
            progress.fresh_0[flow] += 1
        else:
            progress.fresh_1[flow] += 1
    if flags & ACK and (theirs == ABSENT or seq_diff(packets.ack[at], theirs) > 0):
        theirs = packets.ack[at]
    if end == 1:
        mine, theirs = theirs, mine
    progress.top_0[flow], progress.top_1[flow] = mine, theirs
    progress.kept[flow] += 1
    is_known = progress.has_data[flow] and progress.fresh_0[flow] >= FEW and progress.fresh_1[flow] >= FEW
    if is_known or progress.kept[flow] >= MOST:
        progress.is_over[flow] = 1
