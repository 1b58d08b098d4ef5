"""What is mutated: the short recordings of samples/, one of them in every tunnel and link layer, and a forged lot."""

import lzma
from functools import cache
from random import Random

from scapy.utils import rdpcap  # noqa: F401  # scapy is loaded once, here, and not within a measured run

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


FOREIGN = 0.05
"""Share of captures in formats that are translated."""


def pick(random: Random) -> tuple[str, Pieces]:
    """A seed in one of the two formats and one of the two byte orders, or in a foreign one."""
    seed = random.choice(seeds())
    if random.random() < FOREIGN:
        name = random.choice(sorted(WRITERS))
        return f"{seed.name} as {name}", as_foreign(seed, name)
    make = random.choice((as_pcap, as_pcapng))
    order = random.choice("<>")
    return f"{seed.name} as {make.__name__[3:]} {order}", make(seed, order)
