"""Captures of other programs, served as pcapng: Solaris snoop, Endace ERF, Microsoft Network Monitor.

`translated` looks at what a source begins with and gives one that serves pcapng instead, so that everything
behind it knows two formats and no more. Times keep their full resolution. A record that is cut off stays
cut off. Refuses to know what frames contain.
"""

import io
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from analyzer.capture.link import LINK_ERF, LINK_ETHERNET, LINK_FDDI, LINK_TOKEN_RING
from analyzer.capture.source import Source
from analyzer.errors import CaptureError
from analyzer.schema import NEVER

Take = Callable[[int], bytes]
"""The next so many octets of the input, fewer only at its end."""
Peek = Callable[[int], bytes]
"""The same, and they can be taken afterwards."""

UNKNOWN_LINK_TYPE = 0xFFFF
SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
INTERFACE = struct.Struct("<IIHHIHHB3xHHI")
PACKET = struct.Struct("<IIIIIII")
IF_TSRESOL = 9
CUT_BLOCK = struct.pack("<II", 6, 1 << 16)
"""The beginning of a block: what the walker of pcapng calls a truncated file."""

ERF_RECORD_OCTETS = 20
"""The header of a record, and what pads an Ethernet frame."""
YEAR_S = 366 * 86_400
LONGEST_FRAME = 16 << 20
LARGEST_NETMON = 256 << 20
"""Network Monitor's frames are found by a table at the file's end, so that all of it is held."""

SNOOP_LINK_TYPES = {0: LINK_ETHERNET, 2: LINK_TOKEN_RING, 4: LINK_ETHERNET, 8: LINK_FDDI}
"""RFC 1761, by the number of the datalink."""
NETMON_LINK_TYPES = {1: LINK_ETHERNET, 2: LINK_TOKEN_RING, 3: LINK_FDDI}
NETMON_IS_PCAP = 0xE000
"""Above it are the link types of pcap (NetworkMonitor's NPL `Ethernet.npl`, wiretap/netmon.c)."""


class Record(NamedTuple):
    ts_ns: int
    link_type: int
    wire_len: int
    frame: bytes


class _Stream(io.RawIOBase):
    """Pieces of octets as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._ready = self._ready or next(self._pieces, b"")
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count


def translated(source: Source) -> tuple[Source, str]:
    """The source itself and '', or one that serves its capture as pcapng and the name of what it was."""
    for name, is_it, records in FORMATS:
        if is_it(source.peek):
            stream = io.BufferedReader(_Stream(as_pcapng(records(source.take, source.name))), 1 << 16)
            return Source(source.name, stream), name
    return source, ""


def as_pcapng(records: Iterator[Record | None]) -> Iterator[bytes]:
    """Blocks of one section, with an interface for each link type; None stands for a record that is cut off."""
    yield SECTION
    interfaces: dict[int, int] = {}
    for record in records:
        if record is None:
            yield CUT_BLOCK
            return
        if record.link_type not in interfaces:
            interfaces[record.link_type] = len(interfaces)
            yield INTERFACE.pack(1, 32, record.link_type, 0, 0, IF_TSRESOL, 1, 9, 0, 0, 32)
        length = len(record.frame)
        octets = 32 + (length + 3) // 4 * 4
        high, low = record.ts_ns >> 32, record.ts_ns & 0xFFFFFFFF
        yield PACKET.pack(6, octets, interfaces[record.link_type], high & 0xFFFFFFFF, low, length, record.wire_len)
        yield record.frame + bytes(-length % 4) + struct.pack("<I", octets)


def is_snoop(peek: Peek) -> bool:
    return peek(8) == b"snoop\0\0\0"


def snoop(take: Take, _: str) -> Iterator[Record | None]:
    """RFC 1761."""
    datalink = int.from_bytes(take(16)[12:], "big")
    link_type = SNOOP_LINK_TYPES.get(datalink, UNKNOWN_LINK_TYPE)
    while header := take(24):
        if len(header) < 24:
            yield None
            return
        wire_len, captured, octets, _drops, seconds, microseconds = struct.unpack(">IIIIII", header)
        if octets < 24 + captured or octets > LONGEST_FRAME:
            yield None
            return
        frame = take(octets - 24)
        if len(frame) < captured:
            yield None
            return
        yield Record(seconds * 10**9 + microseconds * 1000, link_type, wire_len, frame[:captured])


def is_erf(peek: Peek) -> bool:
    """No magic: what looks like a record, and behind it another one within a year (wiretap/erf.c), or nothing."""
    head = peek(ERF_RECORD_OCTETS)
    if not is_erf_record(head):
        return False
    octets = int.from_bytes(head[10:12], "big")
    following = peek(octets + ERF_RECORD_OCTETS)[octets:]
    if len(following) < ERF_RECORD_OCTETS:  # the capture ends here
        return True
    return is_erf_record(following) and abs(erf_seconds(following) - erf_seconds(head)) < YEAR_S


def is_erf_record(head: bytes) -> bool:
    """A time from 1995 to 2040, a type, and lengths that agree."""
    if len(head) < ERF_RECORD_OCTETS:
        return False
    kind = head[8] & 0x7F
    record_octets, wire_octets = int.from_bytes(head[10:12], "big"), int.from_bytes(head[14:16], "big")
    is_plausible_time = 788_918_400 < erf_seconds(head) < 2_208_988_800
    is_ethernet = kind in (2, 11, 16, 20)
    has_pad = not is_ethernet or head[8] & 0x80 or head[16:18] == b"\0\0"
    return is_plausible_time and 1 <= kind <= 27 and record_octets > 20 and wire_octets > 0 and bool(has_pad)


def erf_seconds(head: bytes) -> int:
    return int.from_bytes(head[4:8], "little")


def erf(take: Take, _: str) -> Iterator[Record | None]:
    """Whole records, header and all; wrapped_links.erf takes them apart."""
    while header := take(16):
        octets = int.from_bytes(header[10:12], "big")
        if len(header) < 16 or octets < 16:
            yield None
            return
        record = header + take(octets - 16)
        if len(record) < octets:
            yield None
            return
        fraction, seconds = struct.unpack_from("<II", header)
        yield Record(seconds * 10**9 + (fraction * 10**9 >> 32), LINK_ERF, octets, record)


def is_netmon(peek: Peek) -> bool:
    return peek(4) in (b"RTSS", b"GMBU")


def netmon(take: Take, name: str) -> Iterator[Record | None]:
    """The layout of wiretap/netmon.c: versions 1 (in ms) and 2 (in µs, from 2.1 with a link type a frame)."""
    octets = take(LARGEST_NETMON + 1)
    if len(octets) > LARGEST_NETMON:
        raise CaptureError(f"{name}: a Network Monitor capture above 256 MiB; convert it: editcap -F pcapng IN OUT")
    if len(octets) < 32:
        yield None
        return
    minor, major, network, year, month, _, *clock, table, table_octets = struct.unpack_from("<BBHHHHHHHHHII", octets, 4)
    started_ns = netmon_start_ns(year, month, *clock)
    header = struct.Struct("<QII" if major >= 2 else "<IHH")
    for at in range(table, table + table_octets - 3, 4):
        [offset] = struct.unpack_from("<I", octets, at) if at + 4 <= len(octets) else [len(octets)]
        if offset + header.size > len(octets):
            yield None
            return
        since, wire_len, captured = header.unpack_from(octets, offset)
        frame = octets[offset + header.size : offset + header.size + captured]
        if len(frame) < captured:
            yield None
            return
        behind = offset + header.size + captured
        if (major, minor) > (2, 0) and behind + 2 <= len(octets):
            network = int.from_bytes(octets[behind : behind + 2], "little")
        is_pcap = network & 0xF000 == NETMON_IS_PCAP
        link_type = network & 0x0FFF if is_pcap else NETMON_LINK_TYPES.get(network, UNKNOWN_LINK_TYPE)
        yield Record(started_ns + since * (1000 if major >= 2 else 10**6), link_type, wire_len, frame)


def netmon_start_ns(year: int, month: int, *clock: int) -> int:
    """When the capture began, taken for UTC; 1970 if that is no time at all."""
    day, hour, minute, second, millisecond = clock
    try:
        began = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return 0
    return max(int(began.timestamp()) * 10**9 + millisecond * 10**6, NEVER + 1)


FORMATS = (("snoop", is_snoop, snoop), ("Network Monitor", is_netmon, netmon), ("ERF", is_erf, erf))
"""Name, how to know it by its first octets, and how to read it; that which has a magic comes first."""
