"""The kernels, and the arguments that they are compiled for: all that run when captures of a frame or two are analysed
in every way that there is.

A kernel that is missing here would be missing in the library: tests/engine/compiler/test_kernels.py looks for calls of
others in the sources.
"""

import struct
from array import array
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from analyzer.analysis import Analyzer, read_capture
from analyzer.capture.decode.encapsulation import unwrap
from analyzer.capture.decode.link import LINK_ETHERNET
from analyzer.capture.decode.selection import PASSES, PacketFilter
from analyzer.capture.files.writer import Described, PcapngWriter
from analyzer.capture.live.ring import walk_block
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import Engine
from analyzer.engine.native import Kernel, Types, types_of
from analyzer.engine.table import Table
from analyzer.many.join import Join
from analyzer.many.prefix import Prefix
from analyzer.many.shard import read_shard
from analyzer.report.json.document import document, tag_lines
from analyzer.schema.packets import FILTER_TESTS, LAYERS, PACKETS, RECORDS
from analyzer.tcp.clock_steps import move_clock
from analyzer.tcp.eviction import Limits, let_go

SYN = bytes.fromhex(
    "000000000000 000000000000 0800 45000028000000004006 0000 00000000 00000000"  # Ethernet, IPv4
    "0001 0002 00000000 00000000 5002 0000 0000 0000"
)
"""A frame that makes a flow."""
ARP = bytes.fromhex("ffffffffffff 000000000000 0806 0001080006040001") + bytes(20)
"""A request for an address, which a flow may have waited for."""
PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, 1) + b"".join(
    struct.pack("<IIII", 1, 0, len(frame), len(frame)) + frame for frame in (SYN, ARP)
)
FEW_OCTETS = 1 << 12
DAMAGE = b"\xff" * 64
"""Garbage behind a record, which is skipped to find the next one."""


class Noting(Engine):
    """Interprets, and records which kernels run with which types of arguments."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: dict[tuple[Kernel, Types], None] = {}

    def run(self, kernel: Kernel, *arguments: Any) -> int:
        self.noted[kernel, types_of(arguments)] = None
        return super().run(kernel, *arguments)


def all_kernels() -> list[tuple[Kernel, Types]]:
    """Return each kernel with the types of its arguments, in the order in which they first run."""
    engine = Noting()
    _run_live(engine)
    with TemporaryDirectory() as folder:
        for path in _captures(Path(folder)):
            _run_on_file(engine, str(path))
    return list(engine.noted)


def _captures(folder: Path) -> Iterator[Path]:
    """Write a capture in each format, with damage behind its intact part."""
    pcap, pcapng = folder / "1.pcap", folder / "2.pcapng"
    pcap.write_bytes(PCAP + DAMAGE)
    recording, records = BytesIO(), Table(RECORDS)
    records.append(0, 0, len(SYN), len(SYN), LINK_ETHERNET)
    writer = PcapngWriter(recording)
    writer.describe([Described("eth0", LINK_ETHERNET, 0)])
    writer.write(bytearray(SYN), records, [0])
    pcapng.write_bytes(recording.getvalue() + DAMAGE)
    yield from (pcap, pcapng)


def _run_live(engine: Engine) -> None:
    """Run the kernels that only live captures, filters, encapsulated packets and captures beyond the limits need."""
    records, packets, layers, tests = Table(RECORDS), Table(PACKETS), Table(LAYERS), Table(FILTER_TESTS)
    for one in (packets, layers, tests):
        one.reserve(1)
    PacketFilter("", tests, PASSES).apply(packets, engine, Diagnostics().counts)
    engine.run(walk_block, bytearray(64), 0, 0, 0, LINK_ETHERNET, records.view, 0)
    engine.run(unwrap, bytearray(1), packets.view, 0, layers.view, Diagnostics().counts)
    records.append(0, 0, len(SYN), len(SYN), LINK_ETHERNET)
    analyzer = Analyzer(engine)
    analyzer.feed(bytearray(SYN), records)
    move_clock(analyzer.tracker, engine, 1)
    let_go(analyzer.tracker, engine, 0, array("q", [0]), Limits(flows=0, candidates=0))
    analyzer.stay_within(Limits(flows=0, candidates=0, keeps_idle=False))


def _run_on_file(engine: Engine, name: str) -> None:
    """Read, analyse and write it as one capture, and as one of several that are joined."""
    analyzer, prefix = Analyzer(engine), Prefix()

    def keep(records: Table, packets: Table) -> None:
        prefix.feed(records, packets, analyzer.tracker.table.flows.rows, engine)

    analysis = analyzer.conclude([read_capture(name, analyzer, FEW_OCTETS, keep)])
    for _ in (*document(analysis), *tag_lines(analysis)):
        pass
    join = Join(engine)
    for _ in range(2):
        join.add(read_shard(name))
