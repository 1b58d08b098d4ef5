"""The segment below every link layer that the header kernel knows by itself."""

import struct
from collections.abc import Callable

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import LLC, SNAP, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q
from scapy.layers.ppp import PPP, PPPoE
from scapy.packet import Packet, Raw

from tests.capture.decoding import (
    A4,
    A6,
    B4,
    B6,
    ETHERNET,
    IP4,
    IP6,
    LOOP,
    NULL,
    RAW,
    SLL,
    SLL2,
    assert_is_the_segment,
    decoded,
    ether,
    row_of,
)

# Cisco metadata has no layer in scapy: version 1, length 1, option 0x0001, security group tag 0x1234.
CISCO = struct.pack("!HBBHH", 0x8909, 1, 1, 1, 0x1234)


def ip_ethertype(ip: Packet) -> int:
    return 0x0800 if ip.version == 4 else 0x86DD


def ethertype(ip: Packet) -> bytes:
    return struct.pack("!H", ip_ethertype(ip))


def snap(ip: Packet) -> bytes:
    llc = bytes(LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=ip_ethertype(ip)) / ip)
    return bytes(12) + struct.pack("!H", len(llc)) + llc


LINKS: dict[str, tuple[int, Callable[[Packet], bytes]]] = {
    "Ethernet": (ETHERNET, lambda ip: bytes(ether() / ip)),
    "VLAN": (ETHERNET, lambda ip: bytes(ether() / Dot1Q(vlan=5) / ip)),
    "QinQ": (ETHERNET, lambda ip: bytes(ether() / Dot1AD(vlan=7) / Dot1Q(vlan=5) / ip)),
    "QinQ, old": (ETHERNET, lambda ip: bytes(ether(type=0x9100) / Raw(bytes(Dot1Q(vlan=5) / Dot1Q() / ip)))),
    "MPLS": (ETHERNET, lambda ip: bytes(ether(type=0x8847) / MPLS(label=3, s=0) / MPLS(label=4, s=1) / ip)),
    "MPLS multicast": (ETHERNET, lambda ip: bytes(ether(type=0x8848) / MPLS(label=4, s=1) / ip)),
    "PPPoE": (ETHERNET, lambda ip: bytes(ether(type=0x8864) / PPPoE(sessionid=9) / PPP() / ip)),
    "PPPoE in a VLAN": (ETHERNET, lambda ip: bytes(ether() / Dot1Q(type=0x8864) / PPPoE() / PPP() / ip)),
    "SNAP": (ETHERNET, snap),
    "Cisco metadata": (ETHERNET, lambda ip: bytes(12) + CISCO + ethertype(ip) + bytes(ip)),
    "Cisco metadata in a VLAN": (ETHERNET, lambda ip: bytes(12) + b"\x81\0\0\5" + CISCO + ethertype(ip) + bytes(ip)),
    "SLL": (SLL, lambda ip: bytes(CookedLinux(proto=ip_ethertype(ip)) / ip)),
    "SLL with a VLAN": (SLL, lambda ip: bytes(CookedLinux(proto=0x8100) / Dot1Q() / ip)),
    "SLL2": (SLL2, lambda ip: bytes(CookedLinuxV2(proto=ip_ethertype(ip)) / ip)),
    "NULL, little endian": (NULL, lambda ip: struct.pack("<I", 2 if ip.version == 4 else 30) + bytes(ip)),
    "NULL, big endian": (NULL, lambda ip: struct.pack(">I", 2 if ip.version == 4 else 24) + bytes(ip)),
    "LOOP": (LOOP, lambda ip: struct.pack(">I", 2 if ip.version == 4 else 24) + bytes(ip)),
    "raw": (RAW, bytes),
    "raw, BSD's number": (12, bytes),
    "raw, OpenBSD's number": (14, bytes),
    "raw IPv4 or IPv6": (228, bytes),
}


@pytest.mark.parametrize("name", LINKS)
def test_the_segment_is_found_below_every_link_layer(name: str) -> None:
    link_type, wrap = LINKS[name]
    assert_is_the_segment(row_of(wrap(IP4), link_type), A4, B4)
    assert_is_the_segment(row_of(wrap(IP6), link_type), A6, B6)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_layer_cut_short_is_noted_and_nothing_else(name: str) -> None:
    link_type, wrap = LINKS[name]
    frame = wrap(IP4)
    for cut in range(len(frame) - 27):  # the last octets are payload; one of TCP's header is missing
        row, notes = decoded(frame, link_type, cut)
        assert (row, notes) == (None, ["header-cut"]), cut


@pytest.mark.parametrize("name", LINKS)
def test_padding_is_no_payload(name: str) -> None:
    link_type, wrap = LINKS[name]
    assert row_of(wrap(IP4) + bytes(20), link_type)["payload_len"] == 7
    assert row_of(wrap(IP6) + bytes(20), link_type)["payload_len"] == 7


def test_what_is_not_ip_makes_no_row_and_no_note() -> None:
    for frame in (
        bytes(12) + b"\x88\xcc" + bytes(50),  # LLDP
        ether(type=0x8864) / PPPoE() / PPP(proto=0xC021) / Raw(bytes(40)),  # LCP
        bytes(12) + struct.pack("!H", 43) + bytes(LLC(dsap=0x42, ssap=0x42) / Raw(bytes(40))),  # spanning tree
        ether() / IP() / UDP() / Raw(bytes(40)),
        ether() / IPv6() / UDP() / Raw(bytes(40)),
        ether() / IPv6() / ICMPv6EchoRequest(data=bytes(40)),
        ether() / IP() / ICMP(type=8) / Raw(bytes(40)),
    ):
        assert decoded(frame) == (None, [])


def test_an_unknown_link_type_is_noted() -> None:
    assert decoded(bytes(100), 195) == (None, ["unknown-link-type"])
