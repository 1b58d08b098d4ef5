"""The parts of a shard, with which several joins share the work: all that concerns a flow is in one part.

Parts are chosen by a hash of the endpoints alone, in every file the same; an ICMP error goes where the segment that it
quotes goes. Duplicates are recognised by a table that all flows share (`tcp/duplicates.py`), so its fingerprints go
with every part. What does not belong to a flow (counts, diagnostics, ARP) goes with the first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analyzer.capture.decode.selection import PacketFilter
from analyzer.diagnostics import Diagnostics
from analyzer.engine.table import Table
from analyzer.errors import CaptureError
from analyzer.many.join import Found, Join
from analyzer.many.shard import Shard
from analyzer.many.tables import arrays, take
from analyzer.schema import ABSENT
from analyzer.schema.flows import NEIGHBOURS
from analyzer.tcp.eviction import Limits


def parted(shard: Shard, count: int) -> Iterator[Shard]:
    """Yield the shard in `count` parts, of which some may have no flows."""
    f = arrays(shard.flows)
    part = _part(f.a_hi, f.a_lo, f.b_hi, f.b_lo, f.ports, count)
    p = arrays(shard.prefix)
    part_of_packet = _part(p.src_hi, p.src_lo, p.dst_hi, p.dst_lo, p.ports, count)
    for number in range(count):
        rows = np.flatnonzero(part == number)
        numbers = np.full(shard.flows.rows + 1, ABSENT, dtype="i")  # flow -1 finds the last place
        numbers[rows] = np.arange(len(rows), dtype="i")
        is_first = number == 0
        yield replace(
            shard,
            tcp_packets=shard.tcp_packets if is_first else 0,
            diagnostics=shard.diagnostics if is_first else Diagnostics(),
            neighbours=shard.neighbours if is_first else Table(NEIGHBOURS),
            flows=take(shard.flows, rows),
            ends=take(shard.ends, np.stack((2 * rows, 2 * rows + 1), axis=1).ravel()),
            candidates=_of_flows(shard.candidates, numbers),
            prefix=_renumbered(take(shard.prefix, part_of_packet == number), numbers),
            unseen=_of_flows(shard.unseen, numbers),
            numbers=numbers[:-1],
        )


def _part(a_hi: Any, a_lo: Any, b_hi: Any, b_lo: Any, ports: Any, count: int) -> Any:
    """Return the part of each pair of endpoints, the same for both directions."""
    mixed = (a_hi ^ b_hi ^ a_lo ^ b_lo).astype("u8") + ((ports >> 16) + (ports & 0xFFFF)).astype("u8")
    return (mixed * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)) % np.uint64(count)


def _of_flows(table: Table, numbers: Any) -> Table:
    return _renumbered(take(table, numbers[arrays(table).flow] != ABSENT), numbers)


def _renumbered(table: Table, numbers: Any) -> Table:
    flow = arrays(table).flow
    flow[:] = numbers[flow]
    return table


def join_part(
    names: Sequence[str],
    shards: Iterable[Shard | CaptureError | None],
    limits: Limits | None,
    packet_filter: PacketFilter | None = None,
) -> Found:
    """Join one part of all files; None stands for a file that failed, with its error in the first part."""
    join = Join(limits=limits, packet_filter=packet_filter)
    for name, shard in zip(names, shards, strict=True):
        if shard is not None:
            join.take(name, shard)
    return join.found()
