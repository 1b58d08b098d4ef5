"""Headers of every kind, built by scapy as independent truth, and any octets at all."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Timestamp, IPOption_Traceroute
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ParamProblem,
    ICMPv6TimeExceeded,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Packet, Raw

from analyzer.capture.decode.headers import ICMPV6_TYPES
from analyzer.capture.decode.link import LINK_NAMES
from analyzer.schema import KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_TCP
from tests.capture.decoding import (
    A4,
    A6,
    B4,
    B6,
    IP4,
    IP6,
    Row,
    assert_is_the_segment,
    decoded,
    ether,
    halves,
    row_of,
    tcp,
)


def arp(**fields: Any) -> Packet:
    return ARP(**{"hwsrc": "02:00:00:00:00:01", "psrc": A4, "pdst": B4, **fields})


# ---- IP


def test_ipv4_fields_and_options() -> None:
    row = row_of(ether() / IP4)
    assert (row["ttl"], row["ip_id"]) == (63, 4711)
    for options in ([IPOption_Traceroute()], [IPOption_Timestamp()] * 2):
        with_options = IP(src=A4, dst=B4, options=options) / tcp()
        assert bytes(with_options)[0] > 0x45
        assert_is_the_segment(row_of(ether() / with_options), A4, B4)


def test_ipv4_fragments() -> None:
    first = ether() / IP(src=A4, dst=B4, flags="MF", frag=0) / tcp()
    later = ether() / IP(src=A4, dst=B4, frag=185, proto=6) / Raw(bytes(100))
    assert_is_the_segment(row_of(first), A4, B4)
    assert decoded(later) == (None, ["later-fragment"])


def test_segmentation_offload_leaves_the_length_to_the_frame() -> None:
    for ip in (IP(src=A4, dst=B4, len=0), IPv6(src=A6, dst=B6, plen=0)):
        frame = bytes(ether() / ip / TCP(sport=40000, dport=443) / Raw(bytes(3000)))
        assert row_of(frame)["payload_len"] == 3000
        cut, _ = decoded(frame, cut=100)
        assert cut["payload_len"] == 3000


def test_ipv4_headers_that_contradict_themselves() -> None:
    good = bytes(ether() / IP4)
    for at, value in ((14, 0x44), (14, 0x65), (17, 10), (46, 0x40), (46, 0xF0)):  # lengths 16; version 6; 10; 16; 60
        bad = bytearray(good)
        bad[at] = value
        assert decoded(bytes(bad)) == (None, ["malformed-header"]), (at, value)


EXTENSIONS = {
    "none": IPv6(src=A6, dst=B6),
    "hop by hop": IPv6(src=A6, dst=B6) / IPv6ExtHdrHopByHop(),
    "destination": IPv6(src=A6, dst=B6) / IPv6ExtHdrDestOpt(),
    "routing": IPv6(src=A6, dst=B6) / IPv6ExtHdrRouting(addresses=[A6, B6], segleft=0),
    "first fragment": IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(offset=0, m=1),
    "authentication": IPv6(src=A6, dst=B6) / AH(nh=6, icv=bytes(12), payloadlen=4),
    "several": IPv6(src=A6, dst=B6)
    / IPv6ExtHdrHopByHop()
    / IPv6ExtHdrDestOpt()
    / IPv6ExtHdrFragment()
    / AH(nh=6, icv=bytes(12), payloadlen=4),
}


@pytest.mark.parametrize("name", EXTENSIONS)
def test_ipv6_extension_headers_are_skipped(name: str) -> None:
    frame = ether() / EXTENSIONS[name] / tcp()
    assert_is_the_segment(row_of(frame), A6, B6)
    assert row_of(frame)["ip_id"] == -1
    assert row_of(ether() / IP6)["ttl"] == 62


def test_a_later_fragment_of_ipv6_has_no_header() -> None:
    frame = ether() / IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(offset=100, nh=6) / Raw(bytes(100))
    assert decoded(frame) == (None, ["later-fragment"])


@pytest.mark.parametrize("frame", [ether() / IP4, *(ether() / one / tcp() for one in EXTENSIONS.values())], ids=str)
def test_only_a_cut_of_the_tcp_header_loses_the_segment(frame: Packet) -> None:
    """The snapshot length may take the payload and the options; what is left is the same."""
    octets = bytes(frame)
    whole = row_of(octets)
    for cut in range(len(octets)):
        row, notes = decoded(octets, cut=cut)
        if cut < len(octets) - 7:
            assert (row, notes) == (None, ["header-cut"]), cut
        else:
            assert (row, notes) == (whole, []), cut


# ---- TCP options


def with_options(options: Any, flags: str = "A") -> bytes:
    return bytes(ether() / IP(src=A4, dst=B4) / TCP(flags=flags, ack=5000, options=options))


def test_timestamps_are_read_wherever_they_stand() -> None:
    usual = [("NOP", None), ("NOP", None), ("Timestamp", (0xFFFFFFFE, 1))]
    for options in (usual, [("Timestamp", (0xFFFFFFFE, 1))], [("SAckOK", b""), ("Timestamp", (0xFFFFFFFE, 1))]):
        row = row_of(with_options(options))
        assert (row["tsval"], row["tsecr"]) == (0xFFFFFFFE, 1)


def test_window_scale_counts_in_a_syn_only() -> None:
    options = [("MSS", 1460), ("NOP", None), ("WScale", 7)]
    assert row_of(with_options(options, "S"))["window_shift"] == 7
    assert row_of(with_options(options, "SA"))["window_shift"] == 7
    assert row_of(with_options(options, "A"))["window_shift"] == -1
    assert row_of(with_options([("WScale", 200)], "S"))["window_shift"] == 14  # RFC 7323 §2.3


@pytest.mark.parametrize(
    ("blocks", "is_duplicate"),
    [
        ((4999, 5000), True),  # RFC 2883 §4.1: before the cumulative ACK
        ((6000, 7000), False),
        ((6000, 6500, 8000, 9000), False),
    ],
)
def test_duplicate_sack(blocks: tuple[int, ...], is_duplicate: bool) -> None:
    assert row_of(with_options([("NOP", None), ("NOP", None), ("SAck", blocks)]))["has_dsack"] == is_duplicate


def test_options_that_make_no_sense_end_the_options() -> None:
    good = bytearray(with_options([("Timestamp", (7, 1)), ("NOP", None), ("NOP", None)]))
    for length in (0, 1, 40):
        good[55] = length
        assert row_of(bytes(good))["tsval"] == -1


def test_the_ack_field_counts_only_with_its_flag() -> None:
    assert row_of(ether() / IP() / TCP(flags="S", ack=77))["ack"] == 0


# ---- ICMP


@pytest.mark.parametrize(("kind", "code"), [(3, 0), (3, 1), (3, 13), (11, 0), (12, 0)])
@pytest.mark.parametrize("quoted", [8, 20, 27])
def test_icmp_errors_tell_whose_segment_they_quote(kind: int, code: int, quoted: int) -> None:
    quote = bytes(IP4)[: 20 + quoted]
    row = row_of(ether() / IP(src="172.16.0.1", dst=A4, ttl=200) / ICMP(type=kind, code=code) / Raw(quote))
    assert (row["kind"], row["flags"]) == (KIND_ICMP_ERROR, kind * 256 + code)
    assert ((row["src_hi"], row["src_lo"]), (row["dst_hi"], row["dst_lo"])) == (halves(A4), halves(B4))
    assert (row["ports"], row["seq"], row["ttl"]) == (40000 * 65536 + 443, 0xFEDCBA98, 200)


@pytest.mark.parametrize("error", [ICMPv6DestUnreach(code=3), ICMPv6TimeExceeded(code=0), ICMPv6ParamProblem(code=1)])
def test_icmpv6_errors_tell_whose_segment_they_quote(error: Packet) -> None:
    row = row_of(ether() / IPv6(src="fe80::99", dst=A6) / error / Raw(bytes(IP6)[:48]))
    assert (row["kind"], row["flags"]) == (KIND_ICMP_ERROR, (ICMPV6_TYPES + error.type) * 256 + error.code)
    assert ((row["src_hi"], row["src_lo"]), (row["dst_hi"], row["dst_lo"])) == (halves(A6), halves(B6))
    assert (row["ports"], row["seq"]) == (40000 * 65536 + 443, 0xFEDCBA98)


def test_icmp_that_says_nothing_about_a_connection() -> None:
    outer, outer6 = ether() / IP(), ether() / IPv6()
    for frame in (
        outer / ICMP(type=3, code=4) / Raw(bytes(IP4)),  # fragmentation needed: path MTU discovery
        outer6 / ICMPv6EchoRequest() / Raw(bytes(IP6)),
        outer / ICMP(type=5) / Raw(bytes(IP4)),  # redirect
        outer / ICMP(type=3, code=1) / Raw(bytes(IP() / UDP() / Raw(bytes(20)))),
        outer / ICMP(type=3, code=1) / Raw(bytes(IP4)[:27]),  # seven octets
        outer6 / ICMPv6DestUnreach() / Raw(bytes(IPv6() / UDP() / Raw(bytes(20)))),
        outer6 / ICMPv6DestUnreach() / Raw(bytes(IP6)[:47]),
    ):
        assert decoded(frame) == (None, [])


def test_icmp_ends_where_its_ip_header_says() -> None:
    """Padding behind a quote that is too short is no quote."""
    short = bytes(ether() / IP() / ICMP(type=3, code=1) / Raw(bytes(IP4)[:24]))
    assert decoded(short + bytes(20)) == (None, [])


# ---- neighbours


def assert_is_about(row: Row, about: str, other: str, is_answer: bool) -> None:
    assert (row["kind"], row["flags"]) == (KIND_NEIGHBOUR, is_answer)
    assert (row["dst_hi"], row["dst_lo"]) == halves(about)
    assert (row["src_hi"], row["src_lo"]) == halves(other)


def test_arp() -> None:
    assert_is_about(row_of(ether() / arp(op=1, psrc=A4, pdst=B4)), about=B4, other=A4, is_answer=False)
    assert_is_about(row_of(ether() / arp(op=2, psrc=B4, pdst=A4)), about=B4, other=A4, is_answer=True)
    assert_is_about(row_of(ether() / Dot1Q() / arp(op=1, psrc=A4, pdst=B4)), B4, A4, is_answer=False)


def test_neighbour_discovery() -> None:
    question = ether() / IPv6(src=A6, dst="ff02::1:ff01:2") / ICMPv6ND_NS(tgt=B6)
    answer = ether() / IPv6(src=B6, dst=A6) / ICMPv6ND_NA(tgt=B6)
    assert_is_about(row_of(question), about=B6, other=A6, is_answer=False)
    assert_is_about(row_of(answer), about=B6, other=A6, is_answer=True)


def test_arp_of_other_networks_or_cut_short_is_nothing() -> None:
    assert decoded(ether() / arp(hwlen=8)) == (None, [])
    assert decoded(ether() / arp(ptype=0x86DD)) == (None, [])
    assert decoded(ether() / arp(), cut=41) == (None, [])


# ---- any octets


SEEDS = [
    bytes(ether() / IP4),
    bytes(ether() / Dot1Q() / IP6),
    bytes(ether() / EXTENSIONS["several"] / tcp()),
    bytes(ether() / IP() / ICMP(type=3, code=1) / Raw(bytes(IP4))),
    bytes(ether() / IPv6() / ICMPv6DestUnreach() / Raw(bytes(IP6))),
    bytes(ether() / IPv6() / ICMPv6ND_NS(tgt=B6)),
    bytes(ether() / arp()),
    with_options([("MSS", 1460), ("SAck", (1, 2)), ("Timestamp", (7, 1)), ("WScale", 3)], "S"),
]

damaged = st.builds(
    lambda seed, changes, cut: bytes(
        changes.get(at, octet) for at, octet in enumerate(seed[: len(seed) - cut % len(seed)])
    ),
    st.sampled_from(SEEDS),
    st.dictionaries(st.integers(12, 80), st.integers(0, 255), max_size=4),
    st.integers(0, 150),
)


@given(st.binary(max_size=120) | damaged, st.sampled_from([*LINK_NAMES, 195]), st.integers(0, 3))
def test_any_octets_are_the_same_to_interpreter_and_compiler_and_never_raise(
    octets: bytes, link_type: int, missing: int
) -> None:
    """The buffer ends with the frame, and compiled kernels check bounds: no octet beyond is read."""
    cut = max(len(octets) - missing, 0)
    row, notes = decoded(octets, link_type, cut)
    assert decoded(octets, link_type, cut, compiled=True) == (row, notes)
    assert row is None or row["kind"] in (KIND_TCP, KIND_ICMP_ERROR, KIND_NEIGHBOUR)
