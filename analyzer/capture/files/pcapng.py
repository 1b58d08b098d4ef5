"""The pcapng file format: a kernel that walks packet blocks, and the blocks that describe them.

Follows draft-ietf-opsawg-pcapng (§ below). The kernel stops before a section header, an
interface description, names or interface statistics; these are rare and are read by ordinary code,
which also works out the numbers with which the kernel's arithmetic cannot overflow.
"""

import struct
from array import array
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from analyzer.capture.coverage import may_end
from analyzer.capture.files.pcap import BROKEN, FRAMES, IS_BIG, LAST_NS, MORE, NEXT, STATUS, WALK_STATE
from analyzer.capture.names import note_name
from analyzer.diagnostics import (
    ABSURD_TIMESTAMP,
    DAMAGED_BLOCK,
    INTERFACE_DROPS,
    UNKNOWN_BLOCK,
    UNKNOWN_INTERFACE,
    Diagnostics,
    note,
)
from analyzer.engine.octets import word
from analyzer.engine.table import Table
from analyzer.schema import ABSENT, Column, table

SECTION, INTERFACE, NAMES, STATISTICS = 0x0A0D0D0A, 1, 4, 5  # §4.1, §4.2, §4.5, §4.6
PACKET, PACKET_SIMPLE, PACKET_OBSOLETE = 6, 3, 2  # §4.3, §4.4, appendix A

CUSTOM, CUSTOM_NOT_COPIED, FIRST_LOCAL = 0x00000BAD, 0x40000BAD, 0x80000000  # §4.9, §11.1

SMALLEST_BLOCK = 12
"""Type, total length, total length once more (§3.1)."""

MAX_BLOCK = 64 << 20
"""Longest block; a longer one is taken for damage."""

MAX_INTERFACES = 1 << 16
"""Most interfaces of a section. Nobody has so many, and descriptions are kept: those beyond it count as not
described."""

BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
"""The byte-order magic, with which the body of a section header begins (§4.1)."""

OPTION_END, IF_TSRESOL, IF_TSOFFSET, ISB_ENDTIME, ISB_IFDROP, ISB_OSDROP = 0, 9, 14, 3, 5, 7
NAMED = {1: 4, 2: 16}
"""Octets of the address in records of names: IPv4 and IPv6. They end as options do."""

INTERFACE_COUNT, ENDED_AFTER, ENDED = range(WALK_STATE + 1, WALK_STATE + 4)
"""How many interfaces are described; the time of the last frame before the statistics that say when capturing ended,
and that end: the latest, in ns, ABSENT without."""

DESCRIPTION, TAKEN = range(BROKEN + 1, BROKEN + 3)
"""More values of STATUS: at NEXT is a block for `read_description`; it has been taken in."""

INTERFACES = table(
    "INTERFACES",
    Column("link_type", "i", "LINKTYPE_*", "what frames begin with, -1 if the description is damaged"),
    Column("snaplen", "q", "octets", "most that is captured of a frame, 0 unlimited"),
    Column("split", "q", "ticks", "this and the next two turn ticks into time, see `ticks_to_ns`"),
    Column("scale", "q", "", "factor"),
    Column("shrink", "q", "", "divisor"),
    Column("last_tick", "q", "ticks", "the last that fits a time, -1 none"),
    Column("offset_ns", "q", "ns", "added to the time"),
)

MICROSECONDS = 6
"""The value of if_tsresol without the option (§4.2)."""

GREATEST = 2**63 - 1
LATEST_NS = 2**62 - 1
"""Latest time that is believed, in 2116: pcap's end before it, and what is added to a time still fits 64 bits."""


def is_pcapng(head: bytes) -> bool:
    return head[:4] == SECTION.to_bytes(4, "big") and head[8:12] in BYTE_ORDERS


def new_state() -> "array[int]":
    state = array("q", [0] * (ENDED + 1))
    state[ENDED_AFTER] = state[ENDED] = ABSENT
    return state


def walk_pcapng(
    buffer: Any, start: int, stop: int, state: Any, interfaces: Any, records: Any, limit: int, counts: Any
) -> int:
    """Kernel: read up to `limit` packets of buffer[start:stop]; return the rows written. NEXT says where reading
    ended."""
    ts_ns, offset, link_type = records.ts_ns, records.offset, records.link_type
    captured_len, wire_len = records.captured_len, records.wire_len
    is_big, last_ns, status = state[IS_BIG], state[LAST_NS], MORE
    next_frame = state[FRAMES] + 1
    rows = 0
    at = start
    while rows < limit and at + SMALLEST_BLOCK <= stop:
        kind = word(buffer, at, is_big)
        if kind == SECTION or kind == INTERFACE or kind == STATISTICS or kind == NAMES:
            status = DESCRIPTION
            break
        total = word(buffer, at + 4, is_big)
        if total < SMALLEST_BLOCK or total > MAX_BLOCK:
            status = BROKEN
            break
        end = at + total
        if end > stop:
            break
        if total != word(buffer, end - 4, is_big):
            status = BROKEN
            break
        body = at + 8
        at = end
        if kind != PACKET and kind != PACKET_SIMPLE and kind != PACKET_OBSOLETE:
            if not is_registered(kind):
                note(counts, UNKNOWN_BLOCK, next_frame + rows)
            continue
        frame = body + (4 if kind == PACKET_SIMPLE else 20)
        room = at - 4 - frame
        if room < 0:
            note(counts, DAMAGED_BLOCK, next_frame + rows)
            continue
        original = word(buffer, frame - 4, is_big)
        if kind == PACKET_SIMPLE:  # of the first interface, without a time and a captured length
            interface, captured = 0, min(original, room)
        else:
            interface = word(buffer, body, is_big)
            captured = word(buffer, frame - 8, is_big)
        if kind == PACKET_OBSOLETE:  # 16 bits of interface, 16 of drops
            interface = interface // 65536 if is_big else interface % 65536
        if captured > room:
            note(counts, DAMAGED_BLOCK, next_frame + rows)
            continue
        if interface >= state[INTERFACE_COUNT] or interfaces.link_type[interface] == ABSENT:
            note(counts, UNKNOWN_INTERFACE, next_frame + rows)
            continue
        if kind == PACKET_SIMPLE:
            if 0 < interfaces.snaplen[0] < captured:
                captured = interfaces.snaplen[0]
        else:
            high = word(buffer, body + 4, is_big)
            low = word(buffer, body + 8, is_big)
            last_ns = ticks_to_ns(high, low, interfaces, interface)
            if last_ns < 0:
                note(counts, ABSURD_TIMESTAMP, next_frame + rows)
                last_ns = 0
        ts_ns[rows] = last_ns
        offset[rows] = frame
        captured_len[rows] = captured
        wire_len[rows] = original
        link_type[rows] = interfaces.link_type[interface]
        rows += 1
    state[NEXT] = at
    state[FRAMES] += rows
    state[LAST_NS] = last_ns
    state[STATUS] = status
    return rows


def is_registered(kind: int) -> bool:
    """Tell whether blocks of this type may be skipped silently (§11.1): journals, secrets, custom and local ones."""
    is_standard = 0 < kind < 0x300
    return is_standard or kind == CUSTOM or kind == CUSTOM_NOT_COPIED or kind >= FIRST_LOCAL


def ticks_to_ns(high: int, low: int, interfaces: Any, interface: int) -> int:
    """Return the time in ns since 1970, negative if it is before that or after LATEST_NS. Helper of kernels.

    Ticks are scaled in two parts, whole multiples of `split` and the rest, so that no product passes 2**63;
    `resolution` chooses the numbers.
    """
    if high > 0x7FFFFFFF:
        return ABSENT
    ticks = high * 4294967296 + low
    if ticks > interfaces.last_tick[interface]:
        return ABSENT
    split, scale = interfaces.split[interface], interfaces.scale[interface]
    scaled = ticks * scale if split == 1 else ticks // split * scale + ticks % split * scale // split
    ts_ns: int = scaled // interfaces.shrink[interface] + interfaces.offset_ns[interface]
    return ts_ns


def resolution(tsresol: int, offset: int) -> tuple[int, int, int, int, int]:
    """Return split, scale, shrink, last_tick and offset_ns from if_tsresol and if_tsoffset in seconds (§4.2).

    For a power of two 31 bits are split off, which keeps the result exact. A divisor too large for its column gives 0
    for every tick, as the true one would.
    """
    exponent = tsresol & 0x7F
    if tsresol & 0x80:
        per_second = 1 << exponent
        split, scale, shrink = 1 << min(exponent, 31), 10**9, 1 << min(max(exponent - 31, 0), 62)
    else:
        per_second = 10**exponent
        split, scale, shrink = 1, 10 ** max(9 - exponent, 0), min(10 ** max(exponent - 9, 0), GREATEST)
    offset_ns = offset * 10**9
    if abs(offset_ns) > LATEST_NS:
        return split, scale, shrink, ABSENT, 0
    last_ns = LATEST_NS - offset_ns
    last_tick = min(((last_ns + 1) * per_second - 1) // 10**9, GREATEST - 1)
    return split, scale, shrink, last_tick, offset_ns


def read_description(
    buffer: bytearray, stop: int, state: Any, interfaces: Table, diagnostics: Diagnostics, names: dict[str, str]
) -> None:
    """Take in the section header, interface, names or statistics at NEXT, where the kernel stopped.

    At least SMALLEST_BLOCK of it is there. STATUS becomes TAKEN, MORE if it is not whole yet, or BROKEN.
    """
    at, frame = state[NEXT], state[FRAMES] + 1
    is_section = take_byte_order(buffer, at, state)
    order = ">" if state[IS_BIG] else "<"
    kind, total = struct.unpack_from(f"{order}II", buffer, at)
    end = at + total
    if not SMALLEST_BLOCK <= total <= MAX_BLOCK or (kind == SECTION and not is_section):
        state[STATUS] = BROKEN
        return
    if end > stop:
        state[STATUS] = MORE
        return
    if buffer[at + 4 : at + 8] != buffer[end - 4 : end]:
        state[STATUS] = BROKEN
        return
    body = bytes(buffer[at + 8 : end - 4])
    try:
        if kind == SECTION:
            interfaces.rows = 0
            struct.unpack_from(f"{order}IHHq", body)
        elif kind == INTERFACE:
            describe(interfaces, read_interface(body, order))
        elif kind == NAMES:
            read_names(body, order, names)
        else:
            read_statistics(body, order, state, interfaces, diagnostics)
    except struct.error:
        diagnostics.add(DAMAGED_BLOCK, frame)
        if kind == INTERFACE:
            describe(interfaces, UNDESCRIBED)
    state[NEXT], state[STATUS], state[INTERFACE_COUNT] = end, TAKEN, len(interfaces)


def take_byte_order(buffer: Any, at: int, state: Any) -> bool:
    """Adopt the byte order of a section header at `at`; return False if none with a byte-order magic begins there."""
    magic = bytes(buffer[at + 8 : at + 12])
    if int.from_bytes(buffer[at : at + 4], "big") != SECTION or magic not in BYTE_ORDERS:  # the same in both orders
        return False
    state[IS_BIG] = BYTE_ORDERS[magic] == ">"
    return True


def count_damaged(buffer: Any, at: int, state: Any, interfaces: Table) -> None:
    """Take a block at `at` that cannot be read into account, as far as the numbers of interfaces depend on it."""
    take_byte_order(buffer, at, state)
    kind = int.from_bytes(buffer[at : at + 4], "big" if state[IS_BIG] else "little")
    if kind == SECTION:
        interfaces.rows = 0
    elif kind == INTERFACE:
        describe(interfaces, UNDESCRIBED)
    state[INTERFACE_COUNT] = len(interfaces)


UNDESCRIBED = (ABSENT, 0, *resolution(MICROSECONDS, 0))
"""The row of an interface whose description is damaged: the next ones keep their numbers."""


def describe(interfaces: Table, row: tuple[int, ...]) -> None:
    if len(interfaces) < MAX_INTERFACES:
        interfaces.append(*row)


def read_interface(body: bytes, order: str) -> tuple[int, ...]:
    """Parse the description of an interface into a row of INTERFACES; struct.error if it contradicts itself (§4.2)."""
    link_type, _, snaplen = struct.unpack_from(f"{order}HHI", body)
    tsresol, tsoffset = MICROSECONDS, 0
    for code, value in options(body[8:], order):
        if code == IF_TSRESOL:
            [tsresol] = struct.unpack("B", value)
        elif code == IF_TSOFFSET:
            [tsoffset] = struct.unpack(f"{order}q", value)
    return link_type, snaplen, *resolution(tsresol, tsoffset)


def read_statistics(body: bytes, order: str, state: Any, interfaces: Table, diagnostics: Diagnostics) -> None:
    """Note what an interface's statistics say of packets lost, and of the capture's end; struct.error as above
    (§4.6)."""
    [interface] = struct.unpack_from(f"{order}I", body)
    for code, value in options(body[12:], order):
        if code == ISB_ENDTIME:
            high, low = struct.unpack(f"{order}II", value)
            if interface < len(interfaces):
                note_end(state, ticks_to_ns(high, low, interfaces.view, interface))
        elif code in (ISB_IFDROP, ISB_OSDROP):
            [drops] = struct.unpack(f"{order}Q", value)
            by = "the interface" if code == ISB_IFDROP else "the system"
            if drops:
                diagnostics.add(INTERFACE_DROPS, state[FRAMES], f"interface {interface}: {drops:,} by {by}")


def read_names(body: bytes, order: str, names: dict[str, str]) -> None:
    """Note the first name of each address in a block of names, unless it has one (§4.5); struct.error as above.

    Whoever writes a capture writes what they like there: see `capture/names.py`.
    """
    for code, value in options(body, order):
        octets = NAMED.get(code)
        if octets is not None:
            address, name = struct.unpack_from(f"{octets}s", value)[0], value[octets:].partition(b"\0")[0]
            note_name(names, str(ip_address(address)), name.decode(errors="replace"))


def note_end(state: Any, until_ns: int) -> None:
    """Note when capturing ended, if that can be: what a hostile or confused writer says is passed over."""
    has_frames = state[LAST_NS] > 0
    if has_frames and may_end(state[LAST_NS], until_ns) and until_ns > state[ENDED]:
        state[ENDED_AFTER], state[ENDED] = state[LAST_NS], until_ns


def options(octets: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield the codes and values of options (§3.5); struct.error if one is longer than the space for it."""
    at = 0
    while at + 4 <= len(octets):
        code, length = struct.unpack_from(f"{order}HH", octets, at)
        if code == OPTION_END:
            return
        yield code, struct.unpack_from(f"{length}s", octets, at + 4)[0]
        at += 4 + (length + 3) // 4 * 4
