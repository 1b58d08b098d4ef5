"""A capture written once more as pcapng, with comments on some of its frames and on the whole, nothing else changed.

Blocks of pcapng are copied octet for octet, each section in its own byte order; the records of
pcap become packet blocks of a section of their own, with the resolution that they had. Frames are
counted by the walkers that the analysis was made with, so that the numbers agree; what those could
not use is left out. Knows nothing of what the comments say.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, Literal

from analyzer.capture.files.pcap import (
    FRAMES,
    IS_BIG,
    LINK_TYPE,
    MORE,
    NEXT,
    NS_PER_TICK,
    SNAPLEN,
    STATUS,
    read_file_header,
)
from analyzer.capture.files.pcapng import (
    BYTE_ORDERS,
    DESCRIPTION,
    IF_TSRESOL,
    INTERFACE,
    INTERFACES,
    MAX_BLOCK,
    OPTION_END,
    PACKET,
    PACKET_OBSOLETE,
    PACKET_SIMPLE,
    SECTION,
    SMALLEST_BLOCK,
    count_damaged,
    new_state,
    read_description,
    walk_pcapng,
)
from analyzer.capture.files.reader import CaptureReader
from analyzer.capture.files.salvage import LONGEST_BLOCK_FOUND, find_block
from analyzer.capture.files.source import Source
from analyzer.diagnostics import Diagnostics
from analyzer.engine.dispatch import new_engine
from analyzer.engine.table import Table
from analyzer.schema import ABSENT
from analyzer.schema.packets import RECORDS

Comments = Mapping[int, Sequence[str]]
"""What is said, by number of the frame; at CAPTURE, of all of them: it goes to the first section header."""
CAPTURE = 0
"""Before the first frame, which is 1."""
ByteOrder = Literal["<", ">"]

PACKETS = (PACKET, PACKET_SIMPLE, PACKET_OBSOLETE)
SMALLEST_SECTION = 28

BYTE_ORDER_MAGIC = 0x1A2B3C4D
UNKNOWN_LENGTH = -1
"""Length of a section that is not known (draft-ietf-opsawg-pcapng §4.1): comments make it longer."""
OPT_COMMENT, SHB_USERAPPL = 1, 4
LONGEST_OPTION = 0xFFFF


def copy_commented(source: Source, out: BinaryIO, comments: Comments, before: int, program: str) -> int:
    """Copy one capture; `before` frames came before. Returns the frames copied."""
    reader = CaptureReader(source, Diagnostics(), frames_before=before)
    if reader.format == "pcap":
        return _copy_pcap(reader, out, comments, program)
    return _copy_pcapng(_Octets(reader.source, reader.unread), out, comments, before)


class _Octets:
    """A source with look-ahead; `ready` has been read of it before."""

    def __init__(self, source: Source, ready: bytes) -> None:
        self._source = source
        self._ready = ready
        self._at = 0

    def peek(self, count: int) -> bytes:
        if len(self._ready) - self._at < count:
            rest = self._ready[self._at :]
            more = bytearray(max(count, 1 << 16) - len(rest))
            with memoryview(more) as view:
                filled = 0
                while filled + len(rest) < count and (got := self._source.readinto(view[filled:])):
                    filled += got
            self._ready, self._at = rest + more[:filled], 0
        return self._ready[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        taken = self.peek(count)
        self._at += len(taken)
        return taken


def _copy_pcap(reader: CaptureReader, out: BinaryIO, comments: Comments, program: str) -> int:
    """Copy what the reader finds, as one section; each file header becomes an interface with its own resolution. Return
    the number of frames."""
    engine, before = new_engine(), reader.frames
    out.write(empty_section(program, comments.get(CAPTURE, ())))
    header, on = reader.file_header, 0
    out.write(_interface(header))
    for buffer, records, first_frame in reader.chunks(engine):
        if reader.file_header is not header:
            header, on = reader.file_header, on + 1
            out.write(_interface(header))
        ns_per_tick = read_file_header(header)[NS_PER_TICK]
        r = records.view
        for row in range(len(records)):
            ticks, data = r.ts_ns[row] // ns_per_tick, buffer[r.offset[row] : r.offset[row] + r.captured_len[row]]
            fixed = struct.pack("<IIIII", on, ticks >> 32, ticks & 0xFFFFFFFF, len(data), r.wire_len[row])
            said = _options("<", comments.get(first_frame + row, ()), b"")
            out.write(_block("<", PACKET, fixed + _padded(bytes(data)) + said))
    return reader.frames - before


def empty_section(program: str, said: Sequence[str] = ()) -> bytes:
    """Return the header of a section that names the program which wrote it."""
    return _section("<", said, _option("<", SHB_USERAPPL, program.encode()) + _end("<"))


def _interface(header: bytes) -> bytes:
    """Return the description of an interface that says what this file header of pcap says."""
    state = read_file_header(header)
    resolution = _option("<", IF_TSRESOL, bytes([9 if state[NS_PER_TICK] == 1 else 6]))
    return _block("<", INTERFACE, struct.pack("<HHI", state[LINK_TYPE], 0, state[SNAPLEN]) + resolution + _end("<"))


def _copy_pcapng(octets: _Octets, out: BinaryIO, comments: Comments, before: int) -> int:
    """Copy each block by itself through the walker, which says whether it is a frame. Return the number of frames."""
    state, interfaces, notes, records = new_state(), Table(INTERFACES), Diagnostics(), Table(RECORDS)
    records.reserve(1)
    unsaid = comments.get(CAPTURE, ())
    for order, kind, block, is_whole in _blocks(octets):
        state[NEXT] = 0
        said, unsaid = (unsaid, ()) if kind == SECTION else ((), unsaid)
        if not is_whole:
            count_damaged(block, 0, state, interfaces)
            out.write(_undescribed(order, kind, said))
            continue
        is_frame = walk_pcapng(block, 0, len(block), state, interfaces.view, records.view, 1, notes.counts)
        if state[STATUS] == DESCRIPTION:
            read_description(block, len(block), state, interfaces, notes, {})
            is_described = kind != INTERFACE or interfaces.view.link_type[len(interfaces) - 1] != ABSENT
            out.write(_description(order, kind, block, said) if is_described else _undescribed(order, kind))
        elif is_frame:
            said = comments.get(before + state[FRAMES], ())
            out.write(_packet(order, kind, block, records.view.captured_len[0], said))
        elif kind not in PACKETS and _is_sound(order, block):
            out.write(block)
    return int(state[FRAMES])


def _blocks(octets: _Octets) -> Iterator[tuple[ByteOrder, int, bytearray, bool]]:
    """Yield byte order, type, octets of each block that the reader reads, and True; False for damaged ones that count.

    Of those it yields the first octets only.
    """
    order: ByteOrder = "<"
    while len(head := octets.peek(SMALLEST_BLOCK)) == SMALLEST_BLOCK:
        if head[8:12] in BYTE_ORDERS and int.from_bytes(head[:4], "big") == SECTION:  # the same in both byte orders
            order = ">" if BYTE_ORDERS[head[8:12]] == ">" else "<"
        kind, total = struct.unpack_from(f"{order}II", head)
        is_possible = SMALLEST_BLOCK <= total <= MAX_BLOCK and (kind != SECTION or head[8:12] in BYTE_ORDERS)
        block = bytearray(octets.peek(total) if is_possible else head)
        if is_possible and len(block) == total and block[4:8] == block[-4:]:
            octets.take(total)
            yield order, kind, block, True
        elif not _skip_to_block(octets, order):
            return
        elif kind in (SECTION, INTERFACE):
            yield order, kind, block[:SMALLEST_BLOCK], False


def _skip_to_block(octets: _Octets, order: ByteOrder) -> bool:
    """Skip to where the reader, too, goes on after damage; return False where it does not."""
    state = new_state()
    state[IS_BIG] = order == ">"
    octets.take(1)
    while True:
        ahead = bytearray(octets.peek(2 * LONGEST_BLOCK_FOUND))
        octets.take(find_block(ahead, 0, len(ahead), len(ahead) < 2 * LONGEST_BLOCK_FOUND, state))
        if state[STATUS] == MORE or not octets.peek(1):
            return bool(state[STATUS] == MORE)


def _is_sound(order: ByteOrder, block: bytearray) -> bool:
    [total_again] = struct.unpack_from(f"{order}I", block, len(block) - 4)
    return bool(total_again == len(block) and len(block) % 4 == 0)


def _undescribed(order: ByteOrder, kind: int, said: Sequence[str] = ()) -> bytes:
    """Return a substitute for a damaged section header or interface, which keeps the numbers of the others."""
    return _section(order, said, b"") if kind == SECTION else _block(order, INTERFACE, bytes(8))


def _description(order: ByteOrder, kind: int, block: bytearray, said: Sequence[str]) -> bytes:
    """Return a section header, interface or statistics, made anew where Wireshark would stop at it; comments are for a
    section."""
    if kind != SECTION:
        return bytes(block) if _is_sound(order, block) else b"" if kind != INTERFACE else _undescribed(order, kind)
    if len(block) < SMALLEST_SECTION or not _is_sound(order, block):
        return _undescribed(order, kind, said)
    block[16:24] = struct.pack(f"{order}q", UNKNOWN_LENGTH)
    options = bytes(block[SMALLEST_SECTION - 4 : -4])
    return _block(order, SECTION, bytes(block[8:24]) + _options(order, said, options)) if said else bytes(block)


def _packet(order: ByteOrder, kind: int, block: bytearray, captured: int, said: Sequence[str]) -> bytes:
    """Return a block with a frame in it; simple ones have no room for comments (§4.4)."""
    has_options = kind != PACKET_SIMPLE
    if _is_sound(order, block) and not (said and has_options):
        return bytes(block)
    data = 8 + (20 if has_options else 4)
    options = bytes(block[data + (captured + 3) // 4 * 4 : -4]) if has_options else b""
    body = bytes(block[8:data]) + _padded(bytes(block[data : data + captured]))
    return _block(order, kind, body + (_options(order, said, options) if has_options else b""))


def _section(order: ByteOrder, said: Sequence[str], options: bytes) -> bytes:
    fixed = struct.pack(f"{order}IHHq", BYTE_ORDER_MAGIC, 1, 0, UNKNOWN_LENGTH)
    return _block(order, SECTION, fixed + _options(order, said, options))


def _block(order: ByteOrder, kind: int, body: bytes) -> bytes:
    """Return a block of this type (§3.1)."""
    total = SMALLEST_BLOCK + len(_padded(body))
    return struct.pack(f"{order}II", kind, total) + _padded(body) + struct.pack(f"{order}I", total)


def _options(order: ByteOrder, said: Sequence[str], others: bytes) -> bytes:
    """Return the comments, then the options that were there before; the list is closed if there is any (§3.5)."""
    ours = b"".join(_option(order, OPT_COMMENT, _cut(one)) for one in said)
    return ours + (others or (_end(order) if ours else b""))


def _cut(words: str) -> bytes:
    """Cut words to the length of the longest option, without half a character."""
    return words.encode()[:LONGEST_OPTION].decode(errors="ignore").encode()


def _option(order: ByteOrder, code: int, value: bytes) -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + _padded(value)


def _end(order: ByteOrder) -> bytes:
    return struct.pack(f"{order}HH", OPTION_END, 0)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)
