"""Tunnels of every kind, built by scapy as independent truth; what is in them, and which they are."""

import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTP_U_Header
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.ipsec import AH
from scapy.layers.l2 import ARP, GRE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from analyzer.capture.decode.encapsulation import NO_TUNNEL, peel
from analyzer.capture.decode.encapsulation import VXLAN as KIND_VXLAN
from analyzer.capture.decode.headers import LAYER_PORT
from analyzer.capture.decode.link import LINK_ETHERNET, LINK_NAMES
from analyzer.capture.decode.wrapped_links import NO_PAYLOAD
from analyzer.schema import KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_TCP
from tests.capture.decoding import (
    A4,
    A6,
    B4,
    B6,
    ETHERNET,
    IP4,
    IP6,
    assert_is_the_segment,
    decoded,
    decoded_with_tunnel,
    ether,
    row_of,
    tcp,
)
from tests.capture.wrapping import ENDS, LINKS, TUNNELS, WRAPPERS, inner, outer, outer6, udp
from tests.capture.writers import interface, packet, section

each_tunnel = pytest.mark.parametrize("name", TUNNELS)


@each_tunnel
def test_the_segment_is_found_and_the_tunnel_is_the_same_in_both_directions(name: str) -> None:
    tunnel, wrap = TUNNELS[name]
    for back in (False, True):
        for ip, source, target in ((IP4, A4, B4), (IP6, A6, B6)):
            row, notes, through = decoded_with_tunnel(wrap(bytes(ip), back))
            assert (notes, through) == ([], tunnel)
            assert_is_the_segment(row, source, target)


@each_tunnel
def test_a_cut_before_the_end_of_the_tcp_header_makes_no_row(name: str) -> None:
    frame = bytes(TUNNELS[name][1](bytes(IP4), False))
    whole = row_of(frame)
    end_of_header = frame.index(bytes(IP4)) + 40
    for cut in range(len(frame)):
        row, notes = decoded(frame, ETHERNET, cut)
        assert row == (whole if cut >= end_of_header else None), cut
        assert notes in ([], ["header-cut"]), cut


@each_tunnel
def test_padding_and_offload_change_nothing(name: str) -> None:
    """Lengths are those of the inner IP header, or what its outer one leaves for it."""
    wrap = TUNNELS[name][1]
    assert row_of(bytes(wrap(bytes(IP4), False)) + bytes(20))["payload_len"] == 7
    offloaded = IP(src=A4, dst=B4, len=0) / TCP() / Raw(bytes(3000))
    frame = bytes(wrap(bytes(offloaded), False))
    assert row_of(frame)["payload_len"] == 3000
    row, _ = decoded(frame, ETHERNET, 250)
    assert row["payload_len"] == 3000


UNKNOWN_TO_TSHARK = {
    "L2TPv3": "must be told what the sessions carry",
    "L2TPv3 with cookie and sublayer": "must be told what the sessions carry",
    "L2TPv3 over UDP": "must be told what the sessions carry",
    "CAPWAP, radio": "swaps the frame control, as Cisco does, unless told",
    "VXLAN, Linux": "the port is no default",
    "ERSPAN III with IP": "taken for Ethernet",
    "Teredo": "IPv6 only",
    "Teredo with more": "IPv6 only",
    "SLIP": "no dissector",
    "SLIP, BSD": "no dissector",
    "PPP, BSD": "no dissector",
    "PPP, pppd": "no dissector",
    "802.11, decrypted": "expects the protected flag",
    "Cisco HDLC with direction": "no dissector",
    "frame relay with direction": "no dissector",
    "NFLOG, big endian": "taken for little endian",
    "mPackets": "wants a frame check sequence",
    "Ethernet over MPLS": "guesses by well-known MAC addresses",
    "Ethernet over MPLS, no control word": "guesses by well-known MAC addresses",
}


@pytest.mark.parametrize(
    ("frame", "note"),
    [
        (outer(False, proto=50) / Raw(bytes(60)), "encrypted"),  # ESP
        (outer6(False, nh=50) / Raw(bytes(60)), "encrypted"),
        (udp(4500, True) / Raw(bytes(range(60))), "encrypted"),
        (udp(51820, False) / Raw(b"\x04\0\0\0" + bytes(60)), "encrypted"),
        (udp(5247, False) / Raw(b"\x01\0\0\0" + bytes(60)), "encrypted"),  # DTLS in CAPWAP
        (ether(type=0x88E5) / Raw(b"\x2c" + bytes(60)), "encrypted"),  # MACsec
        (outer(False, proto=47, frag=100) / Raw(bytes(60)), "later-fragment"),
        (outer6(False, nh=44) / Raw(struct.pack("!BBHI", 47, 0, 800, 1) + bytes(60)), "later-fragment"),
    ],
    ids=["ESP", "ESP over IPv6", "ESP behind a NAT", "WireGuard", "CAPWAP", "MACsec", "GRE", "GRE over IPv6"],
)
def test_what_stays_closed_is_noted(frame: Packet, note: str) -> None:
    assert decoded(frame) == (None, [note])


@pytest.mark.needs("tshark")
def test_tshark_finds_the_same_segments() -> None:
    interfaces = [interface(link_type) for link_type, _ in WRAPPERS.values()]
    frames = [packet(bytes(wrap(bytes(IP4), False)), 0, on=on) for on, (_, wrap) in enumerate(WRAPPERS.values())]
    command = ["tshark", "-n", "-r", "-", "-T", "fields", "-e", "tcp.seq_raw", "-e", "tcp.len"]
    capture = b"".join([section(), *interfaces, *frames])
    lines = subprocess.run(command, check=True, input=capture, capture_output=True).stdout.decode().splitlines()
    shown = dict(zip(WRAPPERS, lines, strict=True))
    assert {name for name, line in shown.items() if line != f"{0xFEDCBA98}\t7"} == UNKNOWN_TO_TSHARK.keys()


# ---- several layers


def test_tunnels_in_tunnels_are_named_from_the_outside_in() -> None:
    mirrored = outer(False, proto=47) / GRE(proto=0x88BE) / udp(4789, False) / VXLAN(vni=9, flags=8) / inner(bytes(IP6))
    row, notes, through = decoded_with_tunnel(mirrored)
    assert (notes, through) == ([], f"erspan {ENDS} / vxlan 9")
    assert_is_the_segment(row, A6, B6)


@pytest.mark.parametrize("depth", [8, 9])
def test_eight_layers_are_enough(depth: int) -> None:
    frame: Packet = IP4
    for _ in range(depth):
        frame = IP(src="192.0.2.1", dst="192.0.2.2", proto=4) / frame
    row, notes = decoded(ether() / frame)
    assert (row is not None, notes) == ((True, []) if depth == 8 else (False, ["malformed-header"]))


def test_other_links_may_hold_tunnels() -> None:
    ip = bytes((udp(4789, False) / VXLAN(vni=5, flags=8) / inner(bytes(IP4)))[IP])
    row, notes, through = decoded_with_tunnel(LINKS["radiotap"][1](ip, False), LINKS["radiotap"][0])
    assert (notes, through) == ([], "vxlan 5")
    assert_is_the_segment(row, A4, B4)


def test_an_authentication_header_is_no_tunnel() -> None:
    frame = ether() / IP(src=A4, dst=B4) / AH(nh=6, icv=bytes(12), payloadlen=4) / tcp()
    row, notes, through = decoded_with_tunnel(frame)
    assert (notes, through) == ([], "")
    assert_is_the_segment(row, A4, B4)
    assert decoded(bytes(frame), cut=50) == (None, ["header-cut"])


def test_more_than_segments_comes_out_of_a_tunnel() -> None:
    header = udp(4789, False) / VXLAN(vni=5, flags=8)
    error = ether() / IP(src="172.16.0.1", dst=A4) / ICMP(type=3, code=1) / Raw(bytes(IP4))
    question = ether() / ARP(hwsrc="02:00:00:00:00:01", psrc=A4, pdst=B4)
    assert row_of(header / error)["kind"] == KIND_ICMP_ERROR
    assert row_of(header / question)["kind"] == KIND_NEIGHBOUR
    assert decoded(header / ether() / IP() / UDP() / Raw(bytes(40))) == (None, [])


# ---- what only looks like a tunnel


@pytest.mark.parametrize(
    "frame",
    [
        udp(4789, False) / Raw(b"\0" * 60),  # no I flag
        udp(4789, False) / Raw(b"\x08\0\0\0\0\0\x05\x01" + bytes(inner(bytes(IP4)))),  # reserved octet
        udp(4790, False) / Raw(b"\x0c\0\0\x09\0\0\x05\0" + bytes(IP4)),  # unknown next protocol
        udp(6081, False) / GENEVE(version=1, proto=0x0800) / Raw(bytes(IP4)),
        udp(2152, False) / GTP_U_Header(gtp_type=1) / Raw(bytes(IP4)),  # echo request
        udp(2152, False) / Raw(b"\x48" + bytes(60)),  # GTPv2
        udp(1701, False) / Raw(b"\xc8\x02" + bytes(60)),  # control message
        udp(53, False) / Raw(bytes(60)),
        udp(4789, False) / Raw(b"\x08"),
        outer(False, proto=47) / GRE(version=2, proto=0x0800) / Raw(bytes(IP4)),
        outer(False, proto=47) / GRE(routing_present=1, proto=0x0800) / Raw(bytes(IP4)),
        outer(False, proto=47) / GRE(proto=0x88BE, seqnum_present=1) / Raw(b"\x30" + bytes(60)),  # ERSPAN version 3
        outer(False, proto=47) / GRE(proto=0x2000) / Raw(bytes(60)),  # CDP
        outer(False, proto=17, frag=100) / Raw(bytes(60)),
        outer(False, proto=115) / Raw(bytes(4) + bytes(inner(bytes(IP4)))),  # L2TPv3, control connection
        outer(False, proto=115) / Raw(bytes(range(90))),
        udp(4500, False) / Raw(bytes(60)),  # IKE behind a NAT
        udp(51820, False) / Raw(b"\x01\0\0\0" + bytes(60)),  # handshake of WireGuard
        udp(37008, False) / Raw(b"\x01\x02\0\x01\x01" + bytes(60)),  # TZSP, no received packet
        udp(37008, False) / Raw(b"\x01\0\0\x01\0\0\0\0"),  # without an end of its fields
        udp(5247, False) / Raw(struct.pack("!BBHI", 0, 2 << 3, 0x08, 0) + bytes(60)),  # keepalive of CAPWAP itself
        udp(5247, False) / Raw(struct.pack("!BBHHH", 0, 2 << 3, 0x80, 1, 64) + bytes(60)),  # a later fragment
        ether(type=0x8847) / Raw(b"\0\0\x11\x40" + bytes(range(60))),  # MPLS with nothing known
    ],
    ids=range(23),
)
def test_what_only_looks_like_a_tunnel_is_nothing(frame: Packet) -> None:
    assert decoded(frame) == (None, [])


def test_a_circle_of_gtp_extensions_ends() -> None:
    frame = udp(2152, False) / Raw(b"\x34\xff\0\x40" + bytes(7) + b"\x85\0" + bytes(60))
    assert decoded(frame) == (None, [])


def test_a_layer_says_what_follows() -> None:
    frame = bytes((udp(4789, False) / VXLAN(vni=5, flags=8) / inner(bytes(IP4)))[UDP])
    assert peel(frame, 0, len(frame), LAYER_PORT + 4789) == (LINK_ETHERNET, 16, KIND_VXLAN, 5)
    assert peel(frame, 0, len(frame), LAYER_PORT + 1) == (NO_PAYLOAD, 8, NO_TUNNEL, -1)


# ---- any octets

SEEDS = [(ETHERNET, bytes(wrap(bytes(IP4), False))) for _, wrap in TUNNELS.values()]
SEEDS += [(link_type, bytes(wrap(bytes(IP6), True))) for link_type, wrap in LINKS.values()]


@st.composite
def damaged(draw: st.DrawFn) -> tuple[int, bytes]:
    link_type, octets = draw(st.sampled_from(SEEDS))
    changes = draw(st.dictionaries(st.integers(0, 120), st.integers(0, 255), max_size=4))
    return link_type, bytes(changes.get(at, octet) for at, octet in enumerate(octets))


any_frame = st.tuples(st.sampled_from([*LINK_NAMES, 195]), st.binary(max_size=120))


@given(any_frame | damaged(), st.integers(0, 150))
def test_any_octets_are_the_same_to_interpreter_and_compiler_and_never_raise(
    frame: tuple[int, bytes], missing: int
) -> None:
    """The buffer ends with the frame, and compiled kernels check bounds: no octet beyond is read."""
    link_type, octets = frame
    cut = len(octets) - missing % (len(octets) + 1)
    found = decoded_with_tunnel(octets, link_type, cut)
    assert decoded_with_tunnel(octets, link_type, cut, compiled=True) == found
    assert found[0] is None or found[0]["kind"] in (KIND_TCP, KIND_ICMP_ERROR, KIND_NEIGHBOUR)
