"""The pcap file format: its file header, and a kernel that walks its records.

Knows every variant of pcap-savefile(5): microseconds and nanoseconds, both byte orders, the
old versions whose two lengths stand the other way round, AIX, and the longer record headers of
Alexey Kuznetsov's patch ("modified" in Wireshark's `wiretap/libpcap.c`) and of Nokia. Does not know
where the octets come from or what a frame contains.
"""

from array import array
from typing import Any, Literal

from analyzer.capture.decode.link import LINK_ETHERNET, LINK_NULL, LINK_TOKEN_RING
from analyzer.engine.octets import word
from analyzer.schema import ABSENT

FILE_HEADER_OCTETS = 24
RECORD_HEADER_OCTETS = 16
MODIFIED_HEADER_OCTETS = 24
"""Octets of a header that also holds the interface index, the protocol and the packet type."""

LONGER_HEADERS = {RECORD_HEADER_OCTETS: (20, MODIFIED_HEADER_OCTETS), MODIFIED_HEADER_OCTETS: (28,)}
"""Lengths of headers that some writers put behind the same magic: Nokia, Red Hat 6.1, SuSE 6.3 (wiretap/libpcap.c)."""

USUAL_SNAPLEN = 256 << 10
"""libpcap's MAXIMUM_SNAPLEN; some writers announce less than they capture."""

MAX_CAPTURED = 16 << 20
"""Longest frame, whatever the file header announces."""

LONGEST_ON_WIRE = 1 << 20
NEAR_NS = 30 * 86_400 * 1_000_000_000
"""Largest plausible distance of neighbouring records. Random seconds are so near in 1 of 800 cases."""

MAGICS = {  # (nanoseconds per tick of the fraction, octets of a record header)
    0xA1B2C3D4: (1000, RECORD_HEADER_OCTETS),
    0xA1B23C4D: (1, RECORD_HEADER_OCTETS),
    0xA1B2CD34: (1000, MODIFIED_HEADER_OCTETS),
}

CAPTURED_FIRST, ORIGINAL_FIRST, SMALLER_IS_CAPTURED = range(3)
"""The order of a record's two lengths."""
LENGTHS_OF = {**dict.fromkeys([(2, 0), (2, 1), (2, 2), (543, 0)], ORIGINAL_FIRST), (2, 3): SMALLER_IS_CAPTURED}
"""Order of the lengths by version: 2.3 turned them round, but not in all programs that say so; 543 is of DG/UX
(libpcap: sf-pcap.c)."""

AIX_VERSION = (2, 2)
AIX_LINK_TYPES = {6: LINK_ETHERNET, 9: LINK_TOKEN_RING, 24: LINK_NULL}
"""AIX numbers them as SNMP does (ifType, RFC 1573), says 2.2 and writes nanoseconds (`wiretap/libpcap.c`)."""

(
    NEXT,  # where in the buffer the walk goes on
    FRAMES,  # frames of the file so far
    STATUS,
    IS_BIG,  # the writer was big-endian
) = range(4)
WALK_STATE = 4
"""Number of fields that the walkers of all formats have in their state; each one's own follow."""

LAST_NS, PREVIOUS, NS_PER_TICK, HEADER_OCTETS, LINK_TYPE, SNAPLEN, LONGEST, LENGTHS = range(WALK_STATE, WALK_STATE + 8)
"""Fields of the state. PREVIOUS is the place in the buffer where the last record begins: its length may be what was
wrong; ABSENT without one."""

MORE, BROKEN = range(2)
"""Values of STATUS: the rest needs more octets or another call; nothing at NEXT can be believed."""


def is_pcap(head: bytes) -> bool:
    return int.from_bytes(head[:4], "little") in MAGICS or int.from_bytes(head[:4], "big") in MAGICS


def is_file_header(header: bytes) -> bool:
    """Tell whether a file header begins here. In the midst of a file the magic alone does not suffice: version 2, no
    time zone, no accuracy."""
    return is_pcap(header) and 2 in (header[4], header[5]) and header[8:16] == bytes(8)


def read_file_header(header: bytes) -> "array[int]":
    """Read the 24 octets at the beginning of a file (pcap-savefile(5)) into the walk's state."""
    order: Literal["little", "big"] = "little" if int.from_bytes(header[:4], "little") in MAGICS else "big"
    ns_per_tick, header_octets = MAGICS[int.from_bytes(header[:4], order)]
    version = (int.from_bytes(header[4:6], order), int.from_bytes(header[6:8], order))
    snaplen = int.from_bytes(header[16:20], order)
    link_type = int.from_bytes(header[20:24], order) & 0xFFFF  # above it the length of the frame check sequence
    if version == AIX_VERSION and link_type in AIX_LINK_TYPES:
        ns_per_tick, link_type = 1, AIX_LINK_TYPES[link_type]
    longest = min(max(snaplen, USUAL_SNAPLEN), MAX_CAPTURED) if snaplen else MAX_CAPTURED
    walk = [0, 0, MORE, order == "big", ABSENT, ABSENT]
    lengths = LENGTHS_OF.get(version, CAPTURED_FIRST)
    return array("q", [*walk, ns_per_tick, header_octets, link_type, snaplen, longest, lengths])


def record_lengths(buffer: Any, at: int, is_big: int, lengths: int) -> tuple[int, int]:
    """Return the octets captured and the octets on the wire, from the header of the record at `at`. Helper of
    kernels."""
    first, second = word(buffer, at + 8, is_big), word(buffer, at + 12, is_big)
    if lengths == ORIGINAL_FIRST or (lengths == SMALLER_IS_CAPTURED and first > second):
        return second, first
    return first, second


def is_no_record(time_ns: int, last_ns: int, captured: int, original: int, fraction_ns: int) -> bool:
    """Tell whether a header is nothing but zeros, or is implausible in both its time and its lengths, as no writer
    makes it.

    Such are garbage, a file that was not filled, and a header that is read from a wrong field on.
    """
    if last_ns == ABSENT or abs(time_ns - last_ns) <= NEAR_NS:
        return time_ns == 0 and captured == 0 and original == 0
    return captured == 0 or captured > original or original > LONGEST_ON_WIRE or fraction_ns >= 1000000000


def walk_pcap(buffer: Any, start: int, stop: int, state: Any, records: Any, limit: int) -> int:
    """Kernel: read up to `limit` whole records of buffer[start:stop]; return the rows written. NEXT says where reading
    ended."""
    ts_ns, offset, link_types = records.ts_ns, records.offset, records.link_type
    captured_len, wire_len = records.captured_len, records.wire_len
    ns_per_tick, header, link_type, longest = state[NS_PER_TICK], state[HEADER_OCTETS], state[LINK_TYPE], state[LONGEST]
    is_big, lengths, status, last_ns = state[IS_BIG], state[LENGTHS], MORE, state[LAST_NS]
    rows = 0
    at = previous = start
    while rows < limit and at + header <= stop:
        captured, original = record_lengths(buffer, at, is_big, lengths)
        if captured > longest:
            status = BROKEN
            break
        frame = at + header
        if frame + captured > stop:
            break
        seconds = word(buffer, at, is_big)
        ticks = word(buffer, at + 4, is_big)
        time_ns = seconds * 1000000000 + ticks * ns_per_tick  # below 2**63: both factors are u32
        is_odd = captured == 0 or abs(time_ns - last_ns) > NEAR_NS
        if is_odd and is_no_record(time_ns, last_ns, captured, original, ticks * ns_per_tick):
            status = BROKEN
            break
        ts_ns[rows] = last_ns = time_ns
        wire_len[rows] = original
        captured_len[rows] = captured
        offset[rows] = frame
        link_types[rows] = link_type
        rows += 1
        previous = at
        at = frame + captured
    if rows:
        state[PREVIOUS], state[LAST_NS] = previous, last_ns
    state[NEXT] = at
    state[FRAMES] += rows
    state[STATUS] = status
    return rows
