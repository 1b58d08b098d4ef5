"""A capture as its pieces: a header and records, or blocks. Independent of the readers under test."""

import struct
from dataclasses import dataclass, field

from tests.capture.files.test_other_formats import WRITERS
from tests.capture.writers import interface, option, packet, pcap_record, section, statistics

PCAP_MAGICS = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1)}


@dataclass
class Pieces:
    """`parts` are whole records of pcap or whole blocks of pcapng, `head` is the file header of pcap."""

    kind: str
    order: str
    head: bytearray = field(default_factory=bytearray)
    parts: list[bytearray] = field(default_factory=list)

    @property
    def frame_at(self) -> int:
        """Where in a record, or in an enhanced packet block, the frame begins."""
        return 16 if self.kind == "pcap" else 28

    @property
    def octets(self) -> bytearray:
        return self.head + bytearray().join(self.parts)

    def copy(self) -> "Pieces":
        return Pieces(self.kind, self.order, bytearray(self.head), [bytearray(one) for one in self.parts])


@dataclass
class Frames:
    """Time in ns and octets of each frame, as a test's seed has them."""

    name: str
    link_type: int
    frames: list[tuple[int, bytes]]


def frames_of_pcap(name: str, octets: bytes) -> Frames:
    order, ns_per_tick = PCAP_MAGICS[octets[:4]]
    [link_type] = struct.unpack_from(f"{order}I", octets, 20)
    frames, at = [], 24
    while at + 16 <= len(octets):
        seconds, ticks, captured, _ = struct.unpack_from(f"{order}IIII", octets, at)
        frames.append((seconds * 10**9 + ticks * ns_per_tick, octets[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return Frames(name, link_type, frames)


def as_pcap(seed: Frames, order: str) -> Pieces:
    head = struct.pack(f"{order}IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, seed.link_type)
    records = [bytearray(pcap_record(octets, *divmod(ts_ns, 10**9), order=order)) for ts_ns, octets in seed.frames]
    return Pieces("pcap", order, bytearray(head), records)


def as_pcapng(seed: Frames, order: str) -> Pieces:
    """With everything that a block may hold: names, comments, statistics, an end, a second interface."""
    said = option(1, b"by hand \x1b[31m<script>=1+1", order)
    blocks = [
        section(order, option(4, b"dumpcap", order) + said + option(0, b"", order)),
        interface(seed.link_type, tsresol=9, order=order, options=option(2, b"eth0\x1b]0;x\x07", order) + said),
        interface(seed.link_type, tsresol=6, tsoffset=5, order=order),
    ]
    blocks += [packet(octets, ts_ns, order=order) for ts_ns, octets in seed.frames]
    blocks.append(statistics(0, dropped=3, os_dropped=1, order=order, ended=max(ts_ns for ts_ns, _ in seed.frames)))
    return Pieces("pcapng", order, bytearray(), [bytearray(one) for one in blocks])


def as_foreign(seed: Frames, name: str) -> Pieces:
    """As snoop, ERF or Network Monitor: one piece, which is mutated as octets."""
    return Pieces(name, "<", bytearray(WRITERS[name]([octets for _, octets in seed.frames])))
