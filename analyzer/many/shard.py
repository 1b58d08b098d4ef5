"""The analysis of one file by itself: a capture that begins in mid-stream, with enough kept to join it to those before
it.

Candidates and end states as if nothing had come before, and the packets (`prefix.py`) from which the join finds out
what had. Frames and flows are numbered from the beginning of the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from analyzer.analysis import Analyzer, read_capture
from analyzer.capture.coverage import Coverage
from analyzer.capture.decode.packets import Decoder, Tunnels
from analyzer.capture.decode.selection import PacketFilter
from analyzer.capture.described import Part
from analyzer.capture.files.reader import CHUNK_OCTETS, CaptureReader
from analyzer.capture.files.source import open_source
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import Engine
from analyzer.engine.table import Table
from analyzer.errors import CaptureError, NoCaptureError
from analyzer.many.prefix import Prefix
from analyzer.many.tables import arrays, take
from analyzer.schema import ABSENT
from analyzer.tcp.flows import FlowTable


@dataclass
class Shard:
    """The part of one file's analysis that the join needs."""

    part: Part
    tcp_packets: int
    coverage: Coverage
    diagnostics: Diagnostics
    tunnels: Tunnels
    flows: Table
    ends: Table
    candidates: Table
    neighbours: Table
    prefix: Table
    """Rows of PACKETS, in capture order."""
    unseen: Table
    """Rows of PACKETS: segments that may be duplicates of what an earlier file ends with, which this file alone cannot
    show."""
    recent: Table
    """Rows of RECENT: the used slots."""
    first_frame_ns: int
    """Time of the first frame, -1 without."""
    is_gone: bool = False
    """Whether the file can no longer be read."""
    numbers: Any = None
    """New number of each of the file's flows in a part of a shard (`parts.py`), -1 without."""


class _TooMuch(Exception):  # noqa: N818  # never seen outside; no CaptureError, which would be damage of the file
    pass


class TooLargeError(CaptureError):
    """The file's shard would be larger than allowed: a single pass must read it."""

    def __init__(self, name: str, first_frame_ns: int) -> None:
        super().__init__(name, first_frame_ns)
        self.name, self.first_frame_ns = name, first_frame_ns


def read_shard(
    name: str,
    chunk_octets: int = CHUNK_OCTETS,
    most_octets: int | None = None,
    packet_filter: PacketFilter | None = None,
) -> Shard:
    """Analyse one file by itself; raises TooLargeError if its shard needs more than `most_octets`.

    Raises CaptureError if it cannot be used at all.
    """
    analyzer, prefix = Analyzer(packet_filter=packet_filter), Prefix()
    tracker = analyzer.tracker

    def keep(records: Table, packets: Table) -> None:
        prefix.feed(records, packets, tracker.table.flows.rows, analyzer.engine)
        tables = (tracker.table.flows, tracker.table.ends, tracker.candidates, tracker.neighbours)
        octets = sum(len(table.octets) for table in (*tables, prefix.packets, prefix.unseen))
        if most_octets is not None and octets > most_octets:
            raise _TooMuch

    try:
        part = read_capture(name, analyzer, chunk_octets, keep)
    except _TooMuch:
        raise TooLargeError(name, prefix.first_ns) from None
    return Shard(
        part=part,
        tcp_packets=analyzer.tcp_packets,
        coverage=analyzer.coverage,
        diagnostics=analyzer.diagnostics,
        tunnels=analyzer.decoder.tunnels,
        flows=tracker.table.flows,
        ends=tracker.table.ends,
        candidates=tracker.candidates,
        neighbours=tracker.neighbours,
        prefix=prefix.packets,
        unseen=prefix.unseen,
        recent=take(tracker.recent.table, arrays(tracker.recent.table).fingerprint != 0),
        first_frame_ns=prefix.first_ns,
    )


def read_or_error(
    name: str, most_octets: int | None = None, packet_filter: PacketFilter | None = None
) -> Shard | CaptureError:
    """Analyse one file like `read_shard`, but return an error, which can travel from one process to another."""
    try:
        return read_shard(name, most_octets=most_octets, packet_filter=packet_filter)
    except TooLargeError as error:
        return error
    except NoCaptureError as error:
        return NoCaptureError(str(error))
    except CaptureError as error:
        return CaptureError(str(error))


def read_again(
    shard: Shard, engine: Engine, packet_filter: PacketFilter | None = None
) -> Iterator[tuple[Table, Tunnels]]:
    """Yield all packets of the shard's file once more, with their flows as in the shard; batch by batch, in one table.

    Raises CaptureError if the file is gone, or is no longer the one that was read.
    """
    decoder, table, diagnostics = Decoder(packet_filter), FlowTable(), Diagnostics()
    flows = shard.flows.rows if shard.numbers is None else len(shard.numbers)
    with open_source(shard.part.name) as source:
        reader = CaptureReader(source, diagnostics)
        for buffer, records, first_frame in reader.chunks(engine):
            packets = decoder.decode(buffer, records, first_frame, engine, diagnostics.counts)
            table.assign(packets, engine)
            if table.flows.rows > flows:
                break
            if shard.numbers is not None:
                flow = arrays(packets).flow
                flow[:] = np.append(shard.numbers, ABSENT)[flow]
                del flow
            yield packets, decoder.tunnels
    if (reader.frames, table.flows.rows) != (shard.part.frames, flows):
        raise CaptureError(f"{shard.part.name}: changed while it was read; let it be written to its end first")
