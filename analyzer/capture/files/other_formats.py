"""Captures of other programs, served as pcapng: Solaris snoop, Endace ERF, Microsoft Network Monitor, NetXray (which
became Sniffer for Windows), AIX iptrace.

`translated` recognises a source by its first octets and gives one that serves pcapng instead, so that everything behind
it knows two formats and no more. Times keep their full resolution. A record that is cut off stays cut off. Does not
know what frames contain.
"""

import io
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, NamedTuple

from analyzer.capture.decode.link import (
    LINK_80211,
    LINK_CISCO_HDLC,
    LINK_ERF,
    LINK_ETHERNET,
    LINK_FDDI,
    LINK_FRAME_RELAY,
    LINK_PPP,
    LINK_RAW,
    LINK_TOKEN_RING,
)
from analyzer.capture.files.source import Source
from analyzer.errors import CaptureError
from analyzer.schema import ABSENT

Take = Callable[[int], bytes]
"""Takes the next octets of the input, fewer only at its end."""
Peek = Callable[[int], bytes]
"""Reads octets that can be taken afterwards."""

UNKNOWN_LINK_TYPE = 0xFFFF
SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
INTERFACE = struct.Struct("<IIHHIHHB3xHHI")
PACKET = struct.Struct("<IIIIIII")
IF_TSRESOL = 9
CUT_BLOCK = struct.pack("<II", 6, 1 << 16)
"""Beginning of a block, which the walker of pcapng reports as a truncated file."""

ERF_HEADER_OCTETS = 16
ERF_LAST_TYPE = 27
ERF_LINKS, ERF_LINKS_IF_CUT = 4, 2
"""Number of records that must follow each other; random octets pass for one more in 1 of 4,000 cases."""
NEAR_S = 30 * 86_400
LONGEST_FRAME = 16 << 20
LARGEST_HELD = 256 << 20
"""Largest file of a format whose frames do not lie in the order of time: Network Monitor has a table of them at the
file's end, and NetXray begins in the midst of a ring."""

SNOOP_LINK_TYPES = {0: LINK_ETHERNET, 2: LINK_TOKEN_RING, 4: LINK_ETHERNET, 8: LINK_FDDI}
"""Link types by the number of the datalink (RFC 1761)."""
NETMON_LINK_TYPES = {1: LINK_ETHERNET, 2: LINK_TOKEN_RING, 3: LINK_FDDI}
NETMON_IS_PCAP = 0xE000
"""Offset of the link types of pcap (NetworkMonitor's NPL `Ethernet.npl`, wiretap/netmon.c)."""
NETXRAY_HEADER_OCTETS = 128
NETXRAY_VERSIONS = {b"001.000": (1, 0), b"001.100": (1, 1), **{b"002.00%d" % minor: (2, minor) for minor in range(4)}}
NETXRAY_ETHERNET, NETXRAY_WAN = 0, 3
NETXRAY_LINK_TYPES = {0: LINK_ETHERNET, 1: LINK_TOKEN_RING, 2: LINK_FDDI, 3: LINK_ETHERNET, 9: LINK_80211}
"""Link types by Windows' NDIS_MEDIUM, whose WAN looks like Ethernet."""
NETXRAY_WAN_LINK_TYPES = {3: LINK_PPP, 4: LINK_FRAME_RELAY, 19: LINK_CISCO_HDLC}
"""Link types from version 2 on, by the pod: the hardware that captured, 0 if it was a network card."""
NETXRAY_TICKS = {
    0: {0: 10**6, 1: 1_193_000, 2: 1_193_182},
    2: {0: 10**9, 2: 31_250_000},
    3: {0: 10**6, 2: 1_250_000},
    5: {0: 10**6},
    6: {0: 10**9, 2: 20_000_000},
}
"""Ticks a second from version 2 on, by the pod and the unit that the header says (wiretap/netxray.c)."""
IPTRACE_LINK_TYPES = {4: LINK_RAW, 6: LINK_ETHERNET, 7: LINK_ETHERNET, 9: LINK_TOKEN_RING, 12: LINK_RAW, 15: LINK_FDDI}
IPTRACE_LINK_TYPES |= {24: LINK_RAW, 61: LINK_RAW}
"""Link types by the ifType of SNMP (RFC 1573); what AIX captures on its loopback, on SP switches and on HFI is IP."""
IPTRACE_FDDI_PADDING = 3


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
    """Return the source itself and '', or one that serves its capture as pcapng and the name of its format."""
    for name, is_it, records in FORMATS:
        if is_it(source.peek):
            return Source(source.name, stream_of(as_pcapng(records(source.take, source.name)))), name
    return source, ""


def stream_of(pieces: Iterator[bytes]) -> io.BufferedReader:
    """Return a stream of these pieces of octets."""
    return io.BufferedReader(_Stream(pieces), 1 << 16)


def as_pcapng(records: Iterator[Record | None]) -> Iterator[bytes]:
    """Yield the blocks of one section, with an interface for each link type; None stands for a record that is cut
    off."""
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
    """Yield the records of a snoop file (RFC 1761); None for one that is cut off."""
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
    """Tell whether a file is ERF. It has no magic: records must follow each other in time (wiretap/erf.c), or fewer be
    all of the capture."""
    links = at = before_s = 0
    while links < ERF_LINKS:
        ahead = peek(at + ERF_HEADER_OCTETS)
        head = ahead[at:]
        if len(head) < ERF_HEADER_OCTETS:
            whole = links if len(ahead) >= at else links - 1
            return whole >= (1 if len(ahead) == at else ERF_LINKS_IF_CUT)
        if not is_erf_record(head) or (links and abs(erf_seconds(head) - before_s) > NEAR_S):
            return False
        before_s = erf_seconds(head)
        links += 1
        at += int.from_bytes(head[10:12], "big")
    return True


def is_erf_record(head: bytes) -> bool:
    """Tell whether an ERF record may begin here, by its type and lengths; text has no octet below a tab."""
    record_octets, wire_octets = int.from_bytes(head[10:12], "big"), int.from_bytes(head[14:16], "big")
    has_lengths = record_octets > ERF_HEADER_OCTETS and wire_octets > 0
    return 1 <= head[8] & 0x7F <= ERF_LAST_TYPE and has_lengths and min(head) < ord("\t")


def erf_seconds(head: bytes) -> int:
    return int.from_bytes(head[4:8], "little")


def erf(take: Take, _: str) -> Iterator[Record | None]:
    """Yield whole ERF records, header and all; wrapped_links.erf takes them apart."""
    while header := take(ERF_HEADER_OCTETS):
        octets = int.from_bytes(header[10:12], "big")
        if len(header) < ERF_HEADER_OCTETS or octets < ERF_HEADER_OCTETS:
            yield None
            return
        record = header + take(octets - ERF_HEADER_OCTETS)
        if len(record) < octets:
            yield None
            return
        fraction, seconds = struct.unpack_from("<II", header)
        yield Record(seconds * 10**9 + (fraction * 10**9 >> 32), LINK_ERF, octets, record)


def is_netmon(peek: Peek) -> bool:
    return peek(4) in (b"RTSS", b"GMBU")


def netmon(take: Take, name: str) -> Iterator[Record | None]:
    """Yield the frames of a Network Monitor file (wiretap/netmon.c): versions 1 (in ms) and 2 (in µs, from 2.1 with a
    link type a frame)."""
    octets = take(LARGEST_HELD + 1)
    if len(octets) > LARGEST_HELD:
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
    """Return the time in ns when the capture began, taken for UTC; 1970 if that is no time at all."""
    day, hour, minute, second, millisecond = clock
    try:
        began = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return 0
    return max(int(began.timestamp()) * 10**9 + millisecond * 10**6, ABSENT + 1)


class Clock(NamedTuple):
    """The clock at the capture's begin, in ticks, and its ticks a second."""

    began_ns: int
    began: int
    a_second: int

    def ns(self, ticks: int) -> int:
        return self.began_ns + (ticks - self.began) * 10**9 // self.a_second


def is_netxray(peek: Peek) -> bool:
    head = peek(11)
    return head[:4] == b"XCP\0" and head[4:] in NETXRAY_VERSIONS


def netxray(take: Take, name: str) -> Iterator[Record | None]:
    """Yield the records of a NetXray file (wiretap/netxray.c). A ring that has wrapped begins behind its end, and goes
    on at the front."""
    header = take(NETXRAY_HEADER_OCTETS)
    if len(header) < NETXRAY_HEADER_OCTETS:
        yield None
        return
    start, stop = struct.unpack_from("<II", header, 24)
    if start > LARGEST_HELD:
        raise CaptureError(f"{name}: a NetXray ring above 256 MiB; convert it: editcap -F pcapng IN OUT")
    front = take(start - NETXRAY_HEADER_OCTETS)
    if start <= stop:
        yield from netxray_records(take, stop - start, header, name)
        return
    yield from netxray_records(take, inf, header, name)
    yield from netxray_records(io.BytesIO(front[: max(stop - NETXRAY_HEADER_OCTETS, 0)]).read, inf, header, name)


def netxray_records(take: Take, octets: float, header: bytes, name: str) -> Iterator[Record | None]:
    """Yield the records of the next `octets` octets, or of all if that is infinite."""
    major, minor = NETXRAY_VERSIONS[header[4:11]]
    medium = header[44] - 1 if header[45] else header[44]  # some count from one, and have a 2 behind it
    link_type, clock = netxray_link_type(header, major, medium), netxray_clock(header, major, minor, medium, name)
    record_octets = 28 if major == 1 else 40
    while octets > 0:
        record = take(record_octets)
        if not record and octets == inf:
            return
        if len(record) < record_octets:
            yield None
            return
        ticks, wire_len, captured = struct.unpack_from("<QHH", record)
        frame = take(captured)
        if len(frame) < captured:
            yield None
            return
        has_trailer = major > 1 and record[14:16] == b"\xff\xff"  # four octets of a checksum, or of nothing
        trailer = 4 if has_trailer and min(wire_len, captured) >= 4 else 0
        yield Record(clock.ns(ticks), link_type, wire_len - trailer, frame[: captured - trailer])
        octets -= record_octets + captured


def netxray_link_type(header: bytes, major: int, medium: int) -> int:
    if medium == NETXRAY_WAN and major > 1:
        return NETXRAY_WAN_LINK_TYPES.get(header[84], UNKNOWN_LINK_TYPE)
    return NETXRAY_LINK_TYPES.get(medium, UNKNOWN_LINK_TYPE)


def netxray_clock(header: bytes, major: int, minor: int, medium: int, name: str) -> Clock:
    """Return the file's clock, which ticks every ms, then µs, then as the hardware does. Raises CaptureError where the
    rate is not known."""
    [began_s], [began] = struct.unpack_from("<I", header, 12), struct.unpack_from("<Q", header, 52)
    pod = header[84] if major > 1 and medium == NETXRAY_ETHERNET else 0
    unit = header[48]
    if major == 1:
        a_second = 10**6 if minor else 10**3
    elif medium == NETXRAY_ETHERNET and (pod, unit) == (0, 2):
        [a_second] = struct.unpack_from("<I", header, 76)
    else:
        a_second = NETXRAY_TICKS.get(pod, {}).get(unit, 0)
    if not a_second:
        raise CaptureError(f"{name}: a NetXray capture with a clock that is not known; save it as pcap instead")
    return Clock(began_s * 10**9, 0 if pod and minor >= 2 else began, a_second)


def is_iptrace(peek: Peek) -> bool:
    return peek(11) == b"iptrace 2.0"


def iptrace(take: Take, _: str) -> Iterator[Record | None]:
    """Yield the records of an iptrace file of version 2.0 (wiretap/iptrace.c): the length counts from the third word of
    a record's header on."""
    take(11)
    while header := take(40):
        octets = int.from_bytes(header[:4], "big") - 32
        if len(header) < 40 or not 0 <= octets <= LONGEST_FRAME:
            yield None
            return
        frame = take(octets)
        if len(frame) < octets:
            yield None
            return
        kind, [seconds, nanoseconds] = header[28], struct.unpack_from(">II", header, 32)
        link_type = IPTRACE_LINK_TYPES.get(kind, UNKNOWN_LINK_TYPE)
        frame = frame[IPTRACE_FDDI_PADDING:] if link_type == LINK_FDDI else frame
        yield Record(seconds * 10**9 + nanoseconds, link_type, len(frame), frame)


FORMATS = (
    ("snoop", is_snoop, snoop),
    ("Network Monitor", is_netmon, netmon),
    ("NetXray", is_netxray, netxray),
    ("iptrace", is_iptrace, iptrace),
    ("ERF", is_erf, erf),
)
"""Name, test of the first octets, and reader of each format; those with a magic come first."""
