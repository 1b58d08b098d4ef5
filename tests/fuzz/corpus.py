"""What is mutated: the short recordings of samples/, one of them in every tunnel and link layer, and a forged lot."""

import lzma
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapReader  # scapy is loaded once, here, and not within a measured run

from tests.capture.files.test_other_formats import WRITERS
from tests.capture.wrapping import LINKS, TUNNELS
from tests.fuzz.pieces import Frames, Pieces, as_foreign, as_pcap, as_pcapng, frames_of_pcap
from tests.recordings import SAMPLES

LONGEST_FILE = 20_000
"""Larger recordings show nothing more, and take long."""
WRAPPED = "nc-30-10-5"


@cache
def seeds() -> tuple[Frames, ...]:
    recorded = [
        frames_of_pcap(capture.parent.name, expanded(capture.read_bytes()))
        for capture in SAMPLES
        if capture.stat().st_size <= LONGEST_FILE
    ]
    [plain] = [one for one in recorded if one.name == WRAPPED]
    return (*recorded, *wrapped(plain), forged())


def expanded(octets: bytes) -> bytes:
    return lzma.decompress(octets) if octets.startswith(b"\xfd7zXZ") else octets


def wrapped(plain: Frames) -> list[Frames]:
    packets = [(ts_ns, octets[14:]) for ts_ns, octets in plain.frames if octets[12:14] == b"\x08\x00"]
    client = packets[0][1][12:16]
    found = []
    for name, (_, wrap) in TUNNELS.items():
        frames = [(ts_ns, bytes(wrap(ip, ip[12:16] != client))) for ts_ns, ip in packets]
        found.append(Frames(name, 1, frames))
    for name, (link_type, wrap) in LINKS.items():
        frames = [(ts_ns, bytes(wrap(ip, ip[12:16] != client))) for ts_ns, ip in packets]
        found.append(Frames(name, link_type, frames))
    return found


def forged() -> Frames:
    """Frames of nothing: empty, of one octet, random ones."""
    random = Random(0)
    return Frames("forged", 1, [(10**18 + at, random.randbytes(at % 90)) for at in range(200)])


def grown(paths: Iterable[Path]) -> Iterator[Frames]:
    """The captures below these paths that are short, and that scapy can read."""
    below = [one for path in paths for one in (path.rglob("*") if path.is_dir() else (path,))]
    for one in sorted(below):
        if one.is_file() and one.stat().st_size <= LONGEST_FILE:
            with suppress(Scapy_Exception, EOFError), RawPcapReader(str(one)) as reader:
                packets = list(reader)
                if packets:
                    link_type = getattr(packets[0][1], "linktype", None) or getattr(reader, "linktype", 1)
                    yield Frames(one.name, link_type, [(time_ns(reader, meta), octets) for octets, meta in packets])


def time_ns(reader: RawPcapReader, meta: Any) -> int:
    """When a packet was captured, by what scapy says of it: of pcapng in ticks, of pcap in seconds and µs or ns."""
    if hasattr(meta, "tshigh"):
        return (meta.tshigh << 32 | meta.tslow) * 10**9 // (meta.tsresol or 10**6)
    return meta.sec * 10**9 + meta.usec * (1 if reader.nano else 1000)


OF_MORE = 0.5
FOREIGN = 0.05
"""Share of captures in formats that are translated."""


def pick(random: Random, more: Sequence[Frames] = ()) -> tuple[str, Pieces]:
    """A seed in one of the two formats and one of the two byte orders, or in a foreign one; half of them of `more`."""
    seed = random.choice(more if more and random.random() < OF_MORE else seeds())
    if random.random() < FOREIGN:
        name = random.choice(sorted(WRITERS))
        return f"{seed.name} as {name}", as_foreign(seed, name)
    make = random.choice((as_pcap, as_pcapng))
    order = random.choice("<>")
    return f"{seed.name} as {make.__name__[3:]} {order}", make(seed, order)
