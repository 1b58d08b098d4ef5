"""Packets as a capture file, with nanoseconds: pcap if its name ends so, else pcapng."""

from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from analyzer.capture.files.writer import Described, PcapngWriter
from analyzer.engine.table import Table
from analyzer.errors import OptionError
from analyzer.report.output_file import binary_output
from analyzer.schema.packets import RECORDS

SECOND = 1_000_000_000
PCAP = (".pcap", ".cap")
"""Ends of names of files that are pcap."""
WRITTEN_AT_ONCE = 1 << 20
"""Octets of frames that are collected before they are written."""


class RawPacket(NamedTuple):
    """A frame as it was captured."""

    frame: int
    """Its number in the capture, from 1, as in all tables; 0 where it comes from none."""
    ts_ns: int
    """Since 1970."""
    link_type: int
    wire_len: int
    """Octets that it had on the wire, which may be more than were captured."""
    data: bytes


def write(packets: Iterable[RawPacket], path: str, flag: str) -> None:
    """Write packets to a file that `flag` asks for; OptionError if it cannot be written, or cannot be pcap."""
    with binary_output(path, flag) as file:
        if path.endswith(PCAP):
            _write_pcap(packets, file, path)
        else:
            write_pcapng(packets, file)


def _write_pcap(packets: Iterable[RawPacket], file: BinaryIO, path: str) -> None:
    from scapy.utils import RawPcapWriter

    writer: RawPcapWriter | None = None
    for _, ts_ns, link_type, wire_len, data in packets:
        if writer is None:
            writer = RawPcapWriter(file, linktype=link_type, nano=True)
            writer.write_header(None)
        elif link_type != writer.linktype:
            raise OptionError(f"{path}: a pcap has frames of one link type, and these have several; write a .pcapng")
        sec, nsec = divmod(ts_ns, SECOND)
        writer.write_packet(data, sec=sec, usec=nsec, caplen=len(data), wirelen=wire_len)
    if writer is not None:
        writer.flush()


def write_pcapng(packets: Iterable[RawPacket], file: BinaryIO) -> None:
    """Write packets as a pcapng with an interface for each link type."""
    writer = PcapngWriter(file)
    interfaces: dict[int, int] = {}
    buffer, records, on = bytearray(), Table(RECORDS), list[int]()

    def flush() -> None:
        writer.describe([Described("", one, 0) for one in interfaces])
        writer.write(buffer, records, on)

    for _, ts_ns, link_type, wire_len, data in packets:
        on.append(interfaces.setdefault(link_type, len(interfaces)))
        records.append(ts_ns, len(buffer), len(data), max(wire_len, len(data)), link_type)
        buffer += data
        if len(buffer) >= WRITTEN_AT_ONCE:
            flush()
            buffer, records, on = bytearray(), Table(RECORDS), []
    flush()
