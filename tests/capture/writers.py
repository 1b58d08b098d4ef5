"""Writers of small captures in every variant of pcap and pcapng, for tests.

Independent of the readers under test: spelled out with `struct` from pcap-savefile(5) and
draft-ietf-opsawg-pcapng. `order` is struct's "<" or ">"; a frame is (ts_ns, octets) or
(ts_ns, octets, wire_len).
"""

import struct
from collections.abc import Iterable

Frame = tuple[int, bytes] | tuple[int, bytes, int]

PCAP_MAGIC, PCAP_MAGIC_NANO, PCAP_MAGIC_MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34


def pcap_bytes(
    frames: Iterable[Frame],
    order: str = "<",
    nano: bool = False,
    link_type: int = 1,
    snaplen: int = 262144,
    modified: bool = False,
    version: tuple[int, int] = (2, 4),
    swapped: bool = False,
) -> bytes:
    """`swapped`: of a record's lengths the one on the wire comes first."""
    magic = PCAP_MAGIC_MODIFIED if modified else PCAP_MAGIC_NANO if nano else PCAP_MAGIC
    parts = [struct.pack(f"{order}IHHiIII", magic, *version, 0, 0, snaplen, link_type)]
    for ts_ns, octets, *wire_len in frames:
        seconds, fraction = divmod(ts_ns, 10**9)
        fraction //= 1 if nano else 1000
        parts.append(pcap_record(octets, seconds, fraction, wire_len[0] if wire_len else -1, order, modified, swapped))
    return b"".join(parts)


def pcap_record(
    octets: bytes,
    seconds: int,
    fraction: int,
    wire_len: int = -1,
    order: str = "<",
    modified: bool = False,
    swapped: bool = False,
) -> bytes:
    lengths = (len(octets), len(octets) if wire_len < 0 else wire_len)
    header = struct.pack(f"{order}IIII", seconds, fraction, *(lengths[::-1] if swapped else lengths))
    extra = struct.pack(f"{order}IHBx", 7, 0x0800, 4) if modified else b""  # interface, protocol, packet type
    return header + extra + octets


def pcapng_bytes(frames: Iterable[Frame], order: str = "<", link_type: int = 1, snaplen: int = 262144) -> bytes:
    """One section, one interface with nanoseconds, an enhanced packet block a frame."""
    parts = [section(order), interface(link_type, snaplen, tsresol=9, order=order)]
    for ts_ns, octets, *wire_len in frames:
        parts.append(packet(octets, ts_ns, wire_len[0] if wire_len else -1, order=order))
    return b"".join(parts)


def block(kind: int, body: bytes, order: str = "<", total: int = -1, trailer: int = -1) -> bytes:
    """Any block; `total` and `trailer` override the two lengths."""
    body += bytes(-len(body) % 4)
    total = 12 + len(body) if total < 0 else total
    trailer = total if trailer < 0 else trailer
    return struct.pack(f"{order}II", kind, total) + body + struct.pack(f"{order}I", trailer)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def section(order: str = "<", options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1) + options, order)


def interface(
    link_type: int = 1,
    snaplen: int = 262144,
    tsresol: int | None = None,
    tsoffset: int | None = None,
    order: str = "<",
    options: bytes = b"",
) -> bytes:
    if tsresol is not None:
        options += option(9, struct.pack("B", tsresol), order)
    if tsoffset is not None:
        options += option(14, struct.pack(f"{order}q", tsoffset), order)
    return block(1, struct.pack(f"{order}HHI", link_type, 0, snaplen) + options + option(0, b"", order), order)


def packet(
    octets: bytes, ticks: int, wire_len: int = -1, on: int = 0, order: str = "<", captured_len: int = -1
) -> bytes:
    """Enhanced packet block."""
    lengths = _lengths(octets, wire_len, captured_len)
    return block(6, struct.pack(f"{order}IIIII", on, ticks >> 32, ticks & 0xFFFFFFFF, *lengths) + octets, order)


def obsolete_packet(octets: bytes, ticks: int, wire_len: int = -1, on: int = 0, order: str = "<") -> bytes:
    lengths = _lengths(octets, wire_len, -1)
    times = (ticks >> 32, ticks & 0xFFFFFFFF)
    return block(2, struct.pack(f"{order}HHIIII", on, 0xFFFF, *times, *lengths) + octets, order)


def simple_packet(octets: bytes, wire_len: int = -1, order: str = "<") -> bytes:
    wire_len = len(octets) if wire_len < 0 else wire_len
    return block(3, struct.pack(f"{order}I", wire_len) + octets, order)


def names(*records: tuple[int, bytes], order: str = "<") -> bytes:
    """A name resolution block; a record is its type, and an address with names that end with a zero."""
    return block(4, b"".join(option(kind, value, order) for kind, value in records) + bytes(4), order)


def statistics(
    on: int = 0,
    dropped: int | None = None,
    os_dropped: int | None = None,
    order: str = "<",
    ended: int | None = None,
) -> bytes:
    """`ended` is isb_endtime, in ticks of the interface."""
    options = b""
    if ended is not None:
        options += option(3, struct.pack(f"{order}II", ended >> 32, ended & 0xFFFFFFFF), order)
    if dropped is not None:
        options += option(5, struct.pack(f"{order}Q", dropped), order)
    if os_dropped is not None:
        options += option(7, struct.pack(f"{order}Q", os_dropped), order)
    return block(5, struct.pack(f"{order}III", on, 0, 0) + options + option(0, b"", order), order)


def _lengths(octets: bytes, wire_len: int, captured_len: int) -> tuple[int, int]:
    captured_len = len(octets) if captured_len < 0 else captured_len
    return captured_len, len(octets) if wire_len < 0 else wire_len
