"""Frames made of packets; dpkt reads them back."""

import dpkt

from analyzer.capture.decode.link import LINK_ETHERNET, LINK_RAW
from analyzer.capture.text.frames import frame_of
from analyzer.capture.text.lines import Endpoint, Neighbour, Other, Quote, Segment, Unreachable

A, B = Endpoint(bytes([192, 0, 2, 1]), 40000), Endpoint(bytes([198, 51, 100, 2]), 443)
ROUTER = bytes([192, 0, 2, 254])
A6, B6 = Endpoint(bytes.fromhex("20010db8" + "00" * 11 + "01"), 40000), Endpoint(bytes(15) + b"\x02", 443)


def probe(source: Endpoint = A, target: Endpoint = B) -> Segment:
    one = Segment(5, source, target)
    one.seq, one.ack, one.flags, one.window, one.length = 7, 9, 24, 63, 12
    one.tsval, one.tsecr, one.sack = 3, 4, ((1, 13),)
    return one


def test_a_segment() -> None:
    link_type, wire_len, octets = frame_of(probe())
    ip = dpkt.ip.IP(octets)
    assert (link_type, wire_len, ip.len, ip.ttl, ip.id) == (LINK_RAW, len(octets) + 12, len(octets) + 12, 0, 0)
    assert (ip.src, ip.dst, ip.data.sport, ip.data.seq, ip.data.ack) == (A.address, B.address, 40000, 7, 9)
    assert [kind for kind, _ in dpkt.tcp.parse_opts(ip.data.opts)] == [1, 1, 8, 1, 1, 5]


def test_a_segment_of_ipv6() -> None:
    _, wire_len, octets = frame_of(probe(A6, B6))
    ip = dpkt.ip6.IP6(octets)
    assert (ip.src, ip.plen, wire_len) == (A6.address, len(octets) - 40 + 12, len(octets) + 12)


def test_a_segment_longer_than_a_packet_can_say() -> None:
    long = probe()
    long.length = 200_000
    _, wire_len, octets = frame_of(long)
    assert (octets[2:4], wire_len) == (bytes(2), len(octets) + 200_000)


def test_an_error_quotes_ports_and_number() -> None:
    error = Unreachable(5, ROUTER, A.address, 3, 1, B.address)
    ip = dpkt.ip.IP(frame_of(Quote(5, error, probe()))[2])
    assert (ip.p, ip.data.type, ip.data.code) == (1, 3, 1)
    quoted = bytes(ip.data.data)[4:]
    assert quoted[12:16] == A.address
    assert quoted[20:28] == bytes.fromhex("9c4001bb00000007")


def test_neighbours() -> None:
    link_type, _, octets = frame_of(Neighbour(5, True, A.address, B.address))
    arp = dpkt.ethernet.Ethernet(octets).data
    assert (link_type, arp.op, arp.spa, arp.tpa) == (LINK_ETHERNET, 2, B.address, A.address)
    solicitation = dpkt.ip6.IP6(frame_of(Neighbour(5, False, A6.address, B6.address))[2])
    assert (solicitation.nxt, solicitation.data.type) == (58, 135)


def test_anything_else_is_a_frame_without_content() -> None:
    assert dpkt.ip.IP(frame_of(Other(5))[2]).p == 59
