"""Packets as a capture file, with nanoseconds: pcap if its name ends so, else pcapng."""

from collections.abc import Iterable
from typing import BinaryIO

from analyzer.errors import OptionError
from analyzer.report.interchange.captures_in_memory import SECOND, RawPacket, as_pcapng
from analyzer.report.output_file import binary_output

PCAP = (".pcap", ".cap")
"""Ends of names of files that are pcap."""


def write(packets: Iterable[RawPacket], path: str, flag: str) -> None:
    """Write packets to a file that `flag` asks for; OptionError if it cannot be written, or cannot be pcap."""
    with binary_output(path, flag) as file:
        if path.endswith(PCAP):
            _write_pcap(packets, file, path)
        else:
            as_pcapng(packets, file)


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
