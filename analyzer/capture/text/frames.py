"""Packets of a text as the octets of frames, which the decoder reads as it reads any other.

What the text does not say has the value that says nothing: TTL and identification are 0. Checksums are not made; nobody
checks them. A frame has its headers only, as with a short snapshot length.
"""

import struct

from analyzer.capture.decode.link import ETHERTYPE_ARP, LINK_ETHERNET, LINK_RAW
from analyzer.capture.text.lines import Address, Neighbour, Packet, Quote, Segment
from analyzer.schema import ABSENT, ACK, SYN, UNKNOWN_TTL

TCP, ICMP, ICMPV6, NOTHING = 6, 1, 58, 59
SOLICITATION, ADVERTISEMENT = 135, 136
LONGEST = 0xFFFF
MAC = bytes(6)
QUOTED_OCTETS = 8
"""What an ICMP error quotes of a segment at least (RFC 792)."""


def frame_of(packet: Packet) -> tuple[int, int, bytes]:
    """Return link type, octets on the wire, and captured octets of a packet."""
    if isinstance(packet, Segment):
        tcp = _tcp(packet)
        source, target = packet.source.address, packet.target.address
        head = _ip(source, target, TCP, len(tcp) + packet.length, packet.ttl, packet.ip_id)
        return LINK_RAW, len(head) + len(tcp) + packet.length, head + tcp
    if isinstance(packet, Neighbour):
        return _neighbour(packet)
    octets = _icmp(packet) if isinstance(packet, Quote) else _ip(bytes(4), bytes(4), NOTHING, 0)
    return LINK_RAW, len(octets), octets


def _ip(source: Address, target: Address, protocol: int, length: int, ttl: int = UNKNOWN_TTL, ip_id: int = 0) -> bytes:
    """Return an IP header; a length that does not fit is 0, as with segmentation offload."""
    if len(source) == 4 and len(target) == 4:
        total = length + 20 if length + 20 <= LONGEST else 0
        return struct.pack(">BxHHxxBBxx", 0x45, total, ip_id, ttl, protocol) + source + target
    sixteen = [one if len(one) == 16 else bytes(10) + b"\xff\xff" + one for one in (source, target)]
    return struct.pack(">IHBB", 6 << 28, length if length <= LONGEST else 0, protocol, ttl) + b"".join(sixteen)


def _tcp(segment: Segment) -> bytes:
    options = b""
    if segment.flags & SYN and segment.shift != ABSENT:
        options += bytes([3, 3, segment.shift & 0xFF, 1])
    if segment.tsval != ABSENT:
        options += struct.pack(">BBBBII", 1, 1, 8, 10, segment.tsval, max(segment.tsecr, 0))
    if segment.sack:
        blocks = segment.sack[:3]
        options += bytes([1, 1, 5, 2 + 8 * len(blocks)]) + b"".join(struct.pack(">II", *block) for block in blocks)
    ack = segment.ack if segment.flags & ACK and segment.ack is not None else 0
    numbers = (segment.source.port, segment.target.port, segment.seq or 0, ack)
    words = 5 + len(options) // 4
    return struct.pack(">HHIIBBHxxxx", *numbers, words << 4, segment.flags, segment.window) + options


def _icmp(packet: Quote) -> bytes:
    error, quoted = packet.error, packet.quoted
    tcp = _tcp(quoted)[:QUOTED_OCTETS]
    inner = _ip(quoted.source.address, quoted.target.address, TCP, 20 + quoted.length) + tcp
    octets = struct.pack(">BBxxxxxx", error.kind, error.code) + inner
    protocol = ICMP if len(error.source) == 4 else ICMPV6
    return _ip(error.source, error.target, protocol, len(octets)) + octets


def _neighbour(packet: Neighbour) -> tuple[int, int, bytes]:
    asker, address = packet.asker, packet.address
    if len(address) == 4:
        sender, target = (address, asker) if packet.is_answer else (asker, address)
        arp = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2 if packet.is_answer else 1) + MAC + sender + MAC + target
        octets = MAC + MAC + struct.pack(">H", ETHERTYPE_ARP) + arp
        return LINK_ETHERNET, len(octets), octets
    source, target = (address, asker) if packet.is_answer else (asker, address)
    kind = ADVERTISEMENT if packet.is_answer else SOLICITATION
    message = struct.pack(">BBxxxxxx", kind, 0) + address
    octets = _ip(source, target, ICMPV6, len(message)) + message
    return LINK_RAW, len(octets), octets
