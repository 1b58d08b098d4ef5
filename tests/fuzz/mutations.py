"""What breaks captures: flipped bits, cuts, splices, absurd lengths, blocks out of order, towers of tunnels and tags.

Each mutation takes a seeded random and works in place: those of `STRUCTURAL` on the records or blocks,
those of `RAW` on the octets of the whole file. None knows the readers under test.
"""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from random import Random

import zstandard

from tests.capture.writers import block, interface, option
from tests.fuzz.pieces import Pieces

INTERESTING = (0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF)
ABSURD = (0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 15, 16, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x40000, 0x40001, 1 << 20, 16 << 20)
ABSURD += (64 << 20, (64 << 20) + 4, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFC, 0xFFFFFFFF)
DECADE_S = 315_576_000
STEPS_S = (1, 2, 3, 60, 3600, 86_400)
GARBAGE_UP_TO = 3000


# ---- of records and blocks


def drop(random: Random, capture: Pieces) -> None:
    """Some of them are missing, as after drops."""
    share = random.choice((0.01, 0.1, 0.5))
    capture.parts[:] = [one for one in capture.parts if random.random() >= share]


def duplicate(random: Random, capture: Pieces) -> None:
    at = random.randrange(len(capture.parts))
    capture.parts[at:at] = [bytearray(capture.parts[at]) for _ in range(random.choice((1, 2, 50)))]


def reorder(random: Random, capture: Pieces) -> None:
    begin = random.randrange(len(capture.parts))
    some = capture.parts[begin : begin + random.choice((2, 10, 1000))]
    random.shuffle(some)
    capture.parts[begin : begin + len(some)] = some


def append_itself(_: Random, capture: Pieces) -> None:
    capture.parts += [bytearray(one) for one in capture.parts]


def repeat_the_header(random: Random, capture: Pieces) -> None:
    """As `cat a.pcap b.pcap` does; or another section, perhaps in the other byte order."""
    at = random.randrange(len(capture.parts))
    capture.parts.insert(at, bytearray(capture.head or capture.parts[0]))


def set_length(random: Random, capture: Pieces) -> None:
    """Of a record (captured, original) or of a block (in front, behind, captured, original)."""
    part = random.choice(capture.parts)
    offsets = (8, 12) if capture.kind == "pcap" else (4, len(part) - 4, 20, 24)
    put(part, random.choice(offsets), "I", random.choice(ABSURD), capture.order)


def set_time(random: Random, capture: Pieces) -> None:
    """One frame, or all from there on: 1970, 2106, decades off, a fraction of more than a second."""
    begin = random.randrange(len(capture.parts))
    years = random.choice((-5, -1, 1, 3, 8)) * DECADE_S
    high_at, low_at = (0, 4) if capture.kind == "pcap" else (12, 16)
    for part in capture.parts[begin:] if random.random() < 0.3 else capture.parts[begin : begin + 1]:
        if len(part) < capture.frame_at:
            continue
        [high] = struct.unpack_from(f"{capture.order}I", part, high_at)
        what = random.random()
        if what < 0.5 and capture.kind == "pcap":
            put(part, high_at, "I", (high + years) % 2**32, capture.order)
        elif what < 0.7:
            put(part, high_at, "I", random.choice((0, 0x7FFFFFFF, 0xFFFFFFFF)), capture.order)
        else:
            put(part, low_at, "I", random.choice((0, 999_999_999, 0xFFFFFFFF)), capture.order)


def step_clock(random: Random, capture: Pieces) -> None:
    """The clock is set, ahead or back, by NTP or by hand; perhaps it is set right again."""
    begin, step_s = random.randrange(len(capture.parts)), random.choice((-1, 1)) * random.choice(STEPS_S)
    end = random.choice((len(capture.parts), begin + random.randrange(1, 20)))
    for part in capture.parts[begin:end]:
        if capture.kind == "pcap" and len(part) >= capture.frame_at:
            put(part, 0, "I", (struct.unpack_from(f"{capture.order}I", part)[0] + step_s) % 2**32, capture.order)
        elif capture.kind == "pcapng" and struct.unpack_from(f"{capture.order}I", part) == (6,) and len(part) >= 20:
            high, low = struct.unpack_from(f"{capture.order}II", part, 12)
            ticks = ((high << 32 | low) + step_s * 10**9) % 2**64
            put(part, 12, "I", ticks >> 32, capture.order)
            put(part, 16, "I", ticks & 0xFFFFFFFF, capture.order)


def one_way(random: Random, capture: Pieces) -> None:
    """Only what comes from one address, as a mirror of one direction captures."""
    sources = [frame_of(capture, at)[26:30] for at in range(len(capture.parts))]
    chosen = random.choice(sources)
    capture.parts[:] = [part for part, source in zip(capture.parts, sources, strict=True) if source in (chosen, b"")]


def set_interface(random: Random, capture: Pieces) -> None:
    """A packet of an interface that is not described, or of one with another clock."""
    if capture.kind == "pcapng":
        put(random.choice(capture.parts), 8, "I", random.choice((1, 2, 0xFFFF, 0xFFFFFFFF)), capture.order)


def many_interfaces(random: Random, capture: Pieces) -> None:
    if capture.kind == "pcapng":
        resolution = random.choice((0, 6, 9, 0x7F, 0x80, 0x9F, 0xBF, 0xFF))
        one = interface(random.choice((1, 101, 113, 147)), tsresol=resolution, order=capture.order)
        capture.parts.insert(1, bytearray(one * random.choice((10, 300, 2000))))


def endless_options(random: Random, capture: Pieces) -> None:
    """Options without an end, longer than their block, or of no length at all, in any block."""
    if capture.kind != "pcapng":
        return
    code = random.choice((1, 2, 9, 14, 5, 7, 0xFFFF))
    wrong = struct.pack(f"{capture.order}HH", code, random.choice((0, 1, 3, 8, 0xFFFF)))
    body = bytes(8) + random.choice((wrong * 1000, option(code, b"\xff" * 60_000, capture.order), wrong))
    capture.parts.insert(
        random.randrange(len(capture.parts)), bytearray(block(random.choice((1, 5)), body, capture.order))
    )


def unknown_block(random: Random, capture: Pieces) -> None:
    if capture.kind == "pcapng":
        kind = random.choice((4, 0x0A, 0x0BAD, 0x40000BAD, 0x80000001, random.getrandbits(32)))
        foreign = block(kind, random.randbytes(random.choice((0, 4, 400))), capture.order)
        capture.parts.insert(random.randrange(len(capture.parts)), bytearray(foreign))


def garbage_between(random: Random, capture: Pieces) -> None:
    length = random.randrange(1, GARBAGE_UP_TO)
    octets = random.randbytes(length) if random.random() < 0.5 else bytes([random.choice(INTERESTING)]) * length
    capture.parts.insert(random.randrange(len(capture.parts) + 1), bytearray(octets))


# ---- of frames


def edit_frame(random: Random, capture: Pieces) -> None:
    """Some octets of a frame, most of them in its headers: lengths, offsets, protocols, options."""
    part = random.choice(capture.parts)
    for _ in range(random.choice((1, 2, 8))):
        at = capture.frame_at + min(int(random.expovariate(1 / 40)), 3000)
        if at < len(part):
            part[at] = random.choice((*INTERESTING, random.getrandbits(8)))


def cut_frame(random: Random, capture: Pieces) -> None:
    """As a shorter snapshot length would, with lengths that agree."""
    at = random.randrange(len(capture.parts))
    frame = frame_of(capture, at)
    replace_frame(capture, at, frame[: random.randrange(len(frame) + 1)])


def tower(random: Random, capture: Pieces) -> None:
    """A frame below a tower of VLAN tags, MPLS labels, or tunnels in tunnels, up to 65,535 octets high."""
    at = random.randrange(len(capture.parts))
    frame = frame_of(capture, at)
    if len(frame) < 34:
        return
    replace_frame(
        capture, at, random.choice((vlan_tower, mpls_tower, ip_tower, gre_tower, extension_tower))(random, frame)
    )


def vlan_tower(random: Random, frame: bytes) -> bytes:
    tag = random.choice((b"\x81\x00\x00\x07", b"\x88\xa8\x00\x07", b"\x91\x00\x00\x07"))
    return frame[:12] + tag * random.choice((2, 9, 100, 16_383)) + frame[12:]


def mpls_tower(random: Random, frame: bytes) -> bytes:
    return frame[:12] + b"\x88\x47" + b"\0\x01\0\x40" * random.choice((2, 100, 16_000)) + b"\0\x01\x01\x40" + frame[14:]


def ip_tower(random: Random, frame: bytes) -> bytes:
    return frame[:14] + wrapped(random, frame[14:], 4, b"")


def gre_tower(random: Random, frame: bytes) -> bytes:
    return frame[:14] + wrapped(random, frame[14:], 47, b"\0\0\x08\0")


def wrapped(random: Random, packet: bytes, protocol: int, between: bytes) -> bytes:
    """IP in IP in IP …, as deep as 65,535 octets allow."""
    for _ in range(random.choice((1, 7, 8, 9, 50, 2000))):
        total = 20 + len(between) + len(packet)
        if total > 0xFFFF:
            break
        header = struct.pack(
            "!BBHHHBBH4s4s", 0x45, 0, total, 1, 0, 64, protocol, 0, b"\xc0\0\x02\x01", b"\xc0\0\x02\x02"
        )
        packet = header + between + packet
    return packet


def extension_tower(random: Random, frame: bytes) -> bytes:
    """IPv6 whose extension headers never come to an end."""
    count = random.choice((1, 100, 8000))
    kind = random.choice((0, 43, 44, 51, 60))
    fixed = struct.pack("!IHBB", 6 << 28, min(8 * count + 20, 0xFFFF), kind, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    return frame[:12] + b"\x86\xdd" + fixed + bytes([kind, 0, 0, 0, 0, 0, 0, 0]) * count + frame[34:]


def quote(random: Random, capture: Pieces) -> None:
    """An ICMP error that quotes a frame of the capture, cut anywhere."""
    at = random.randrange(len(capture.parts))
    frame = frame_of(capture, at)
    if len(frame) < 34:
        return
    kind, code = random.choice((3, 11, 12, 5, 4)), random.choice((0, 1, 3, 4, 13))
    quoted = frame[14 : 14 + random.randrange(len(frame) - 13)]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(quoted), 1, 0, 64, 1, 0) + frame[30:34] + frame[26:30]
    capture.parts.insert(at + 1, bytearray(capture.parts[at]))
    replace_frame(capture, at + 1, frame[:14] + ip + bytes([kind, code]) + bytes(6) + quoted)


STRUCTURAL: tuple[Callable[[Random, Pieces], None], ...] = (
    drop,
    duplicate,
    reorder,
    append_itself,
    repeat_the_header,
    set_length,
    set_time,
    step_clock,
    one_way,
    set_interface,
    many_interfaces,
    endless_options,
    unknown_block,
    garbage_between,
    edit_frame,
    cut_frame,
    tower,
    quote,
)


# ---- of octets


def flip(random: Random, octets: bytearray) -> None:
    for _ in range(random.choice((1, 1, 3, 30))):
        octets[random.randrange(len(octets))] ^= 1 << random.randrange(8)


def overwrite(random: Random, octets: bytearray) -> None:
    at = random.randrange(len(octets))
    length = random.choice((1, 4, 16, 400))
    fill = random.choice((b"\0", b"\xff", b"", b"\n\r\r\n"))
    octets[at : at + length] = (fill * length)[:length] or random.randbytes(length)


def overwrite_head(random: Random, octets: bytearray) -> None:
    octets[random.randrange(min(len(octets), 48))] = random.choice((*INTERESTING, random.getrandbits(8)))


def cut(random: Random, octets: bytearray) -> None:
    """The end is missing, or a piece of the middle."""
    at = random.randrange(len(octets))
    del octets[at : at + random.choice((1, 2, 17, 500, len(octets)))]


def insert(random: Random, octets: bytearray) -> None:
    at = random.randrange(len(octets))
    octets[at:at] = random.randbytes(random.choice((1, 2, 4, 16, 100)))


def splice(random: Random, octets: bytearray) -> None:
    """A piece of the capture once more, elsewhere."""
    begin, at = random.randrange(len(octets)), random.randrange(len(octets))
    octets[at:at] = octets[begin : begin + random.choice((8, 100, 2000))]


def compress(random: Random, octets: bytearray) -> None:
    """What is done to it after that breaks the compressed data."""
    octets[:] = random.choice((gzip.compress, bz2.compress, lzma.compress, zstandard.compress))(bytes(octets))


RAW: tuple[Callable[[Random, bytearray], None], ...] = (flip, overwrite, overwrite_head, cut, insert, splice, compress)

NAMES = tuple(one.__name__ for one in (*STRUCTURAL, *RAW))


def mutate(random: Random, capture: Pieces) -> tuple[bytes, list[str]]:
    """One to five mutations, those of octets last; the octets and what was done."""
    done = []
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        if capture.parts:
            mutation = random.choice(STRUCTURAL)
            mutation(random, capture)
            done.append(mutation.__name__)
    octets = capture.octets
    for _ in range(random.choice((0, 0, 1, 2)) if done else 1):
        if octets:
            raw = random.choice(RAW)
            raw(random, octets)
            done.append(raw.__name__)
    return bytes(octets), done


def put(part: bytearray, at: int, form: str, value: int, order: str) -> None:
    if 0 <= at <= len(part) - struct.calcsize(form):
        struct.pack_into(f"{order}{form}", part, at, value)


def frame_of(capture: Pieces, at: int) -> bytes:
    part = capture.parts[at]
    if capture.kind == "pcap":
        return bytes(part[16:])
    [captured] = struct.unpack_from(f"{capture.order}I", part, 20) if len(part) >= 32 else (0,)
    return bytes(part[28 : min(28 + captured, len(part) - 4)])


def replace_frame(capture: Pieces, at: int, frame: bytes) -> None:
    """Another frame in the same record or packet block, with all lengths set to what it has."""
    part = capture.parts[at]
    if len(part) < capture.frame_at:
        return
    if capture.kind == "pcap":
        put(part, 8, "I", len(frame), capture.order)
        put(part, 12, "I", len(frame), capture.order)
        part[16:] = frame
        return
    put(part, 20, "I", len(frame), capture.order)
    put(part, 24, "I", len(frame), capture.order)
    [kind] = struct.unpack_from(f"{capture.order}I", part)
    part[:] = block(kind, bytes(part[8:28]) + frame, capture.order)
