"""Timed segments as text, in the manner of packetdrill, and what the analysis makes of them.

One frame a line; `#` begins a comment. A line is a time in seconds and one of

    A>B FLAGS [seq N] [ack N] [win N] [len N] [ttl N] [ipid N] [tsval N] [tsecr N] [wscale N] [dsack LEFT-RIGHT]
    copy                                        the frame before once more, octet for octet
    icmp NAME about A>B seq N                   from router R to the sender, quoting 8 octets of TCP
    ask B by A                                  ARP request, or neighbour solicitation
    tell A about B                              ARP reply, or neighbour advertisement
    claim B                                     ARP probe, or a solicitation of duplicate address detection
    end                                         a frame that has no part in it: the capture went on

A, B, C are hosts, `A:5000>B` names a port other than A's 40000 or B's 80. FLAGS are letters of SFRPAU. All are in one
LAN, unless `hops` has how far from the capture a host is.
Behind `|` a line may say what the segment is, and which line it belongs to by that line's time:

    30.0   A>B  A  seq 1000  ack 5001   | keepalive-probe
    30.1   B>A  A  seq 5001  ack 1001   | keepalive-answer by answers-probe of 30.0

`told` checks every line: what says nothing must be ordinary (ORDINARY), or no candidate at all.
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any

from analyzer.analysis import Analysis, Analyzer
from analyzer.capture.files.reader import CHUNK_OCTETS, CaptureReader
from analyzer.capture.files.source import Source
from analyzer.keepalive.findings import Flow
from analyzer.keepalive.tags.tag import RULES, TAGS
from tests.capture.writers import Frame, pcap_bytes
from tests.engines import chosen

Way = tuple[str, str, tuple[int, int]]  # source, target, their ports
TTL = 64
START_NS = 1_700_000_000 * 10**9
PORTS = {"A": 40000, "B": 80, "C": 40001}
FLAG_BITS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}
ORDINARY = {"data", "ack", "syn", "syn-ack", "fin", "rst"}
ICMP_ERRORS = {"net-unreachable": (3, 0), "host-unreachable": (3, 1), "prohibited": (3, 13), "ttl-exceeded": (11, 0)}
ICMPV6_ERRORS = {"net-unreachable": (1, 0), "host-unreachable": (1, 3), "prohibited": (1, 1), "ttl-exceeded": (3, 0)}


def address(host: str, ipv6: bool = False) -> bytes:
    """10.0.0.1 or fd00::1 for A, and so on."""
    number = ord(host) - ord("A") + 1
    return bytes([0xFD, *bytes(14), number]) if ipv6 else bytes([10, 0, 0, number])


def tcp_options(
    tsval: int | None = None, tsecr: int = 0, wscale: int | None = None, dsack: tuple[int, int] | None = None
) -> bytes:
    timestamp = struct.pack("!BBBBII", 1, 1, 8, 10, tsval, tsecr) if tsval is not None else b""
    scale = struct.pack("!BBBB", 1, 3, 3, wscale) if wscale is not None else b""
    return timestamp + scale + (struct.pack("!BBBBII", 1, 1, 5, 10, *dsack) if dsack else b"")


def tcp_frame(way: Way, flags: int, seq: int, ack: int = 0, win: int = 64000, length: int = 0, **others: Any) -> bytes:
    """An Ethernet frame with one TCP segment, its payload zeros; `others` are ttl, ipid, ipv6 and options."""
    source, target, ports = way
    options, ipv6 = others.get("options", b""), others.get("ipv6", False)
    header = struct.pack("!HHIIBBHHH", *ports, seq, ack, (20 + len(options)) // 4 << 4, flags, win, 0, 0)
    payload = header + options + bytes(length)
    return ethernet(ip(6, source, target, payload, others.get("ttl", 64), others.get("ipid", 1), ipv6), ipv6)


def ip(protocol: int, source: str, target: str, payload: bytes, ttl: int, ipid: int, ipv6: bool) -> bytes:
    ends = address(source, ipv6) + address(target, ipv6)
    if ipv6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + ends + payload
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ipid, 0x4000, ttl, protocol, 0) + ends + payload


def ethernet(packet: bytes, ipv6: bool) -> bytes:
    frame = bytes(12) + struct.pack("!H", 0x86DD if ipv6 else 0x0800) + packet
    return frame.ljust(60, b"\0")  # the shortest frame of IEEE 802.3: padding is no payload


def icmp_frame(name: str, way: Way, seq: int, ipv6: bool = False) -> bytes:
    """An ICMP error from router R that quotes the IP header and eight octets of a segment, to its sender."""
    source, target, ports = way
    quote = ip(6, source, target, struct.pack("!HHI", *ports, seq), 63, 1, ipv6)
    kind, code = (ICMPV6_ERRORS if ipv6 else ICMP_ERRORS)[name]
    error = struct.pack("!BBHI", kind, code, 0, 0) + quote
    return ethernet(ip(58 if ipv6 else 1, "R", source, error, 64, 1, ipv6), ipv6)


def neighbour_frame(about: str, other: str, is_answer: bool, ipv6: bool = False) -> bytes:
    """Who has `about`?, asked by `other`; or the answer to it."""
    if ipv6:
        message = struct.pack("!BBHI", 136 if is_answer else 135, 0, 0, 0) + address(about, True)
        ends = (about, other) if is_answer else (other, about)
        return ethernet(ip(58, *ends, message, 255, 0, True), True)
    sender, target = (about, other) if is_answer else (other, about)
    header = struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2 if is_answer else 1)
    return bytes(12) + header + bytes(6) + address(sender) + bytes(6) + address(target)


def claiming_frame(about: str, ipv6: bool = False) -> bytes:
    """Does anybody else have `about`?, asked by nobody."""
    if not ipv6:
        frame = neighbour_frame(about, about, False)
        return frame[:28] + bytes(4) + frame[32:]
    frame = neighbour_frame(about, about, False, True)
    return frame[:22] + bytes(16) + frame[38:]


@dataclass(frozen=True)
class Told:
    """A transcript that went through the analysis."""

    analysis: Analysis

    @property
    def flow(self) -> Flow:
        [flow] = self.analysis.flows
        return flow

    @cached_property
    def marks(self) -> dict[int, tuple[str, str, int]]:
        """By frame number: tag, rule, and the frame that it belongs to (0 for none)."""
        frame, s = self.analysis.candidates.view.frame, self.analysis.segments.view
        return {
            frame[row]: (TAGS[s.tag[row]], RULES[s.rule[row]], frame[s.of[row]] if s.of[row] >= 0 else 0)
            for row in range(len(self.analysis.candidates))
        }


def fed(frames: list[Frame], compiled: bool = False, chunk_octets: int = CHUNK_OCTETS) -> Analyzer:
    """An analyzer that has taken in these frames, from a pcap file with nanoseconds."""
    analyzer = Analyzer(chosen(compiled))
    feed(analyzer, frames, chunk_octets)
    return analyzer


def feed(analyzer: Analyzer, frames: list[Frame], chunk_octets: int = CHUNK_OCTETS) -> None:
    """More frames for an analyzer."""
    source = Source("transcript.pcap", io.BytesIO(pcap_bytes(frames, nano=True)))
    for buffer, records, _ in CaptureReader(source, analyzer.diagnostics, chunk_octets).chunks(analyzer.engine):
        analyzer.feed(buffer, records)


def analyse(frames: list[Frame], compiled: bool = False, chunk_octets: int = CHUNK_OCTETS) -> Analysis:
    return fed(frames, compiled, chunk_octets).finish(["transcript.pcap"], ["pcap"], [1])


def transcript(text: str, ipv6: bool = False, hops: Mapping[str, int] = MappingProxyType({})) -> list[Frame]:
    """The frames of a transcript; IP identifications count up for each host."""
    frames: list[Frame] = []
    ids: dict[str, int] = {}
    for time, words, _ in lines_of(text):
        octets = bytes(frames[-1][1]) if words == ["copy"] else frame_of(words, ids, ipv6, hops)
        frames.append((START_NS + time, octets))
    return frames


def told(text: str, ipv6: bool = False, hops: Mapping[str, int] = MappingProxyType({})) -> Told:
    """Analyse a transcript and compare every line with what it says of itself."""
    result = Told(analyse(transcript(text, ipv6, hops)))
    frame_at = {time: number for number, (time, _, _) in enumerate(lines_of(text), 1)}
    for number, (_, words, saying) in enumerate(lines_of(text), 1):
        tag, rule, of = result.marks.get(number, ("", "", 0))
        where = f"line {number} ({' '.join(words)}) is {tag or 'no candidate'} by {rule} of frame {of}"
        says = saying.split()
        assert tag == says[0] if says else tag in ORDINARY or not tag, where
        for key, value in zip(says[1::2], says[2::2], strict=True):
            assert {"by": rule, "of": of}[key] == (value if key == "by" else frame_at[nanoseconds(value)]), where
    return result


def nanoseconds(seconds: str) -> int:
    return int(Decimal(seconds) * 10**9)


def lines_of(text: str) -> list[tuple[int, list[str], str]]:
    """Time in ns, words, and what the line says of itself."""
    found = []
    for line in text.splitlines():
        body, _, saying = line.partition("#")[0].partition("|")
        if body.strip():
            time, *words = body.split()
            found.append((nanoseconds(time), words, saying.strip()))
    return found


def frame_of(words: list[str], ids: dict[str, int], ipv6: bool, hops: Mapping[str, int]) -> bytes:
    match words:
        case ["end"]:
            return bytes(12) + b"\x88\xcc" + bytes(46)  # LLDP
        case ["ask", about, "by", other]:
            return neighbour_frame(about, other, False, ipv6)
        case ["tell", other, "about", about]:
            return neighbour_frame(about, other, True, ipv6)
        case ["claim", about]:
            return claiming_frame(about, ipv6)
        case ["icmp", name, "about", way, "seq", seq]:
            return icmp_frame(name, ends_of(way), int(seq), ipv6)
        case [way, letters, *rest]:
            fields = dict(zip(rest[::2], rest[1::2], strict=True))
            left_right = fields.pop("dsack", "").split("-")
            dsack = (int(left_right[0]), int(left_right[1])) if len(left_right) == 2 else None
            values = {"length" if key == "len" else key: int(value) for key, value in fields.items()}
            options = tcp_options(values.pop("tsval", None), values.pop("tsecr", 0), values.pop("wscale", None), dsack)
            ids[way[0]] = ids.get(way[0], 0) + 1
            values = {"seq": 0, "ipid": ids[way[0]], "ttl": TTL - hops.get(way[0], 0), **values}
            flags = sum(FLAG_BITS[letter] for letter in letters)
            return tcp_frame(ends_of(way), flags, options=options, ipv6=ipv6, **values)
    raise ValueError(f"no such line: {' '.join(words)}")


def ends_of(way: str) -> Way:
    """`A:5000>B` as A, B and (5000, 80)."""
    (source, source_port), (target, target_port) = ((one + ":").split(":")[:2] for one in way.split(">"))
    return source, target, (int(source_port or PORTS[source]), int(target_port or PORTS[target]))
