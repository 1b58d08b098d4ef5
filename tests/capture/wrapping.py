"""IP packets wrapped in everything that is unwrapped: by scapy where it has the layer, else spelled out.

A wrapper gets the octets of an IP packet, and whether it goes back: then outer addresses are
exchanged, and whatever a real tunnel numbers by direction has another number.
"""

import struct
from collections.abc import Callable

from scapy.contrib.erspan import ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.etherip import EtherIP
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS
from scapy.contrib.nsh import NSH
from scapy.layers.dot11 import Dot11, Dot11QoS, PrismHeader, RadioTap
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import GRE, GRE_PPTP, LLC, SNAP, Dot1AD, Dot1AH
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import PPP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from tests.capture.decoding import ETHERNET, ether

Wrapper = Callable[[bytes, bool], bytes | Packet]

NEAR, FAR, NEAR6, FAR6 = "192.0.2.1", "192.0.2.2", "2001:db8:ff::1", "2001:db8:ff::2"
ENDS, ENDS6 = f"{NEAR}-{FAR}", f"{NEAR6}-{FAR6}"


def outer(back: bool, **fields: int) -> Packet:
    source, target = (FAR, NEAR) if back else (NEAR, FAR)
    return ether() / IP(src=source, dst=target, **fields)


def outer6(back: bool, **fields: int) -> Packet:
    source, target = (FAR6, NEAR6) if back else (NEAR6, FAR6)
    return ether() / IPv6(src=source, dst=target, **fields)


def udp(port: int, back: bool) -> Packet:
    return outer(back) / UDP(sport=40001, dport=port)


def ethertype(ip: bytes) -> int:
    return 0x0800 if ip[0] >> 4 == 4 else 0x86DD


def inner(ip: bytes) -> Packet:
    return ether(type=ethertype(ip)) / Raw(ip)


def next_protocol(ip: bytes) -> int:
    return 1 if ip[0] >> 4 == 4 else 2


def ppp(ip: bytes) -> Packet:
    return PPP(proto=0x0021 if ip[0] >> 4 == 4 else 0x0057) / Raw(ip)


def snap(ip: bytes) -> Packet:
    return LLC(dsap=0xAA, ssap=0xAA, ctrl=3) / SNAP(OUI=0, code=ethertype(ip)) / Raw(ip)


def ip_protocol(ip: bytes) -> int:
    return 4 if ip[0] >> 4 == 4 else 41


PDU_SESSION = GTPPDUSessionContainer(ExtHdrLen=1, type=1, QFI=5, NextExtHdr=0)
# Without layers in scapy:
GROUP_POLICY = struct.pack("!BBHI", 0x88, 0, 7, 42 << 8)
LISP = struct.pack("!II", 0x88000000, 7 << 8)
TEREDO_AUTHENTICATION = struct.pack("!BBBB8sB", 0, 1, 0, 0, b"nonce...", 0)
TEREDO_ORIGIN = struct.pack("!HHI", 0, 0xFFFF, 0xFFFFFFFF)


def vxlan_gpe(next_layer: int) -> Raw:
    return Raw(struct.pack("!BHBI", 0x0C, 0, next_layer, 42 << 8))


def nsh(next_layer: int) -> Packet:
    return NSH(mdtype=2, length=2, nextproto=next_layer, spi=9, si=255)


TUNNELS: dict[str, tuple[str, Wrapper]] = {
    "VXLAN": ("vxlan 42", lambda ip, back: udp(4789, back) / VXLAN(vni=42, flags=8) / inner(ip)),
    "VXLAN, Linux": ("vxlan 42", lambda ip, back: udp(8472, back) / VXLAN(vni=42, flags=8) / inner(ip)),
    "VXLAN, group policy": ("vxlan 42", lambda ip, back: udp(4789, back) / Raw(GROUP_POLICY) / inner(ip)),
    "VXLAN over IPv6": (
        "vxlan 42",
        lambda ip, back: outer6(back) / UDP(sport=5, dport=4789) / VXLAN(vni=42, flags=8) / inner(ip),
    ),
    "VXLAN-GPE": ("vxlan 42", lambda ip, back: udp(4790, back) / vxlan_gpe(next_protocol(ip)) / Raw(ip)),
    "VXLAN-GPE, NSH": ("vxlan 42", lambda ip, back: udp(4790, back) / vxlan_gpe(4) / nsh(3) / inner(ip)),
    "Geneve": ("geneve 42", lambda ip, back: udp(6081, back) / GENEVE(vni=42, proto=0x6558) / inner(ip)),
    "Geneve with options": (
        "geneve 42",
        lambda ip, back: (
            udp(6081, back)
            / GENEVE(vni=42, proto=0x6558, options=[GeneveOptions(classid=0x102, type=1, data=bytes(8))])
            / inner(ip)
        ),
    ),
    "Geneve with IP": ("geneve 42", lambda ip, back: udp(6081, back) / GENEVE(vni=42, proto=ethertype(ip)) / Raw(ip)),
    "GRE": (f"gre {ENDS}", lambda ip, back: outer(back, proto=47) / GRE(proto=ethertype(ip)) / Raw(ip)),
    "GRE over IPv6": (f"gre {ENDS6}", lambda ip, back: outer6(back, nh=47) / GRE(proto=ethertype(ip)) / Raw(ip)),
    "GRE with a key": (
        f"gre {ENDS}",
        lambda ip, back: outer(back, proto=47) / GRE(key_present=1, key=7 + back, proto=ethertype(ip)) / Raw(ip),
    ),
    "GRE with everything": (
        f"gre {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE(
                chksum_present=1, key_present=1, seqnum_present=1, key=7 + back, sequence_number=5, proto=ethertype(ip)
            )
            / Raw(ip)
        ),
    ),
    "GRE, bridge": (f"gre {ENDS}", lambda ip, back: outer(back, proto=47) / GRE(proto=0x6558) / inner(ip)),
    "GRE, bridge with a key": (
        f"gre {ENDS}",
        lambda ip, back: outer(back, proto=47) / GRE(proto=0x6558, key_present=1, key=7 + back) / inner(ip),
    ),
    "GRE, MPLS": (
        f"gre {ENDS}",
        lambda ip, back: outer(back, proto=47) / GRE(proto=0x8847) / MPLS(label=16 + back, s=1) / Raw(ip),
    ),
    "GRE, PPP": (f"gre {ENDS}", lambda ip, back: outer(back, proto=47) / GRE(proto=0x880B) / ppp(ip)),
    "GRE, WCCP": (
        f"gre {ENDS}",
        lambda ip, back: outer(back, proto=47) / GRE(proto=0x883E) / Raw(b"\0\5\0\0" + ip),
    ),
    "NVGRE": (
        "nvgre 5001",
        lambda ip, back: outer(back, proto=47) / GRE(proto=0x6558, key_present=1, key=5001 << 8 | back) / inner(ip),
    ),
    "PPTP": (
        f"gre {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE_PPTP(call_id=1 + back, seqnum_present=1, acknum_present=back, sequence_number=3, ack_number=4)
            / ppp(ip)
        ),
    ),
    "ERSPAN I": (f"erspan {ENDS}", lambda ip, back: outer(back, proto=47) / GRE(proto=0x88BE) / inner(ip)),
    "ERSPAN II": (
        f"erspan {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE(proto=0x88BE, seqnum_present=1)
            / ERSPAN_II(ver=1, session_id=5 + back)
            / inner(ip)
        ),
    ),
    "ERSPAN III": (
        f"erspan {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE(proto=0x22EB, seqnum_present=1)
            / ERSPAN_III(ver=2, session_id=5 + back)
            / inner(ip)
        ),
    ),
    "ERSPAN III, more": (
        f"erspan {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE(proto=0x22EB, seqnum_present=1)
            / ERSPAN_III(ver=2, session_id=5 + back, o=1)
            / ERSPAN_PlatformSpecific()
            / inner(ip)
        ),
    ),
    "ERSPAN III with IP": (
        f"erspan {ENDS}",
        lambda ip, back: (
            outer(back, proto=47)
            / GRE(proto=0x22EB, seqnum_present=1)
            / ERSPAN_III(ver=2, session_id=5 + back, ft=2)
            / Raw(ip)
        ),
    ),
    "IP in IPv4": (f"ipip {ENDS}", lambda ip, back: outer(back, proto=ip_protocol(ip)) / Raw(ip)),
    "IP in IPv6": (f"ipip {ENDS6}", lambda ip, back: outer6(back, nh=ip_protocol(ip)) / Raw(ip)),
    "IP in IPv6 with options": (
        f"ipip {ENDS6}",
        lambda ip, back: outer6(back) / IPv6ExtHdrDestOpt(nh=ip_protocol(ip)) / Raw(ip),
    ),
    "EtherIP": (f"etherip {ENDS}", lambda ip, back: outer(back, proto=97) / EtherIP(version=3) / inner(ip)),
    "Ethernet in IPv6": (f"etherip {ENDS6}", lambda ip, back: outer6(back, nh=143) / inner(ip)),
    "MPLS in IP": (f"mpls {ENDS}", lambda ip, back: outer(back, proto=137) / MPLS(label=16 + back, s=1) / Raw(ip)),
    "MPLS in UDP": (f"mpls {ENDS}", lambda ip, back: udp(6635, back) / MPLS(label=16 + back, s=1) / Raw(ip)),
    "GTP": (f"gtp {ENDS}", lambda ip, back: udp(2152, back) / GTP_U_Header(teid=1 + back, gtp_type=255) / Raw(ip)),
    "GTP with a number": (
        f"gtp {ENDS}",
        lambda ip, back: udp(2152, back) / GTP_U_Header(teid=1 + back, gtp_type=255, S=1, seq=9) / Raw(ip),
    ),
    "GTP with an extension": (
        f"gtp {ENDS}",
        lambda ip, back: (
            udp(2152, back) / GTP_U_Header(teid=1 + back, gtp_type=255, E=1, next_ex=0x85) / PDU_SESSION / Raw(ip)
        ),
    ),
    "Teredo": (f"teredo {ENDS}", lambda ip, back: udp(3544, back) / Raw(ip)),
    "Teredo with more": (
        f"teredo {ENDS}",
        lambda ip, back: udp(3544, back) / Raw(TEREDO_AUTHENTICATION + TEREDO_ORIGIN + ip),
    ),
    "L2TP": (
        f"l2tp {ENDS}",
        lambda ip, back: udp(1701, back) / L2TP(hdr=0, version=2, tunnel_id=1 + back, session_id=2 + back) / ppp(ip),
    ),
    "L2TPv3": (
        f"l2tp {ENDS}",
        lambda ip, back: outer(back, proto=115) / Raw(struct.pack("!I", 5 + back)) / inner(ip),
    ),
    "L2TPv3 with cookie and sublayer": (
        f"l2tp {ENDS}",
        lambda ip, back: outer(back, proto=115) / Raw(struct.pack("!I8sI", 5 + back, b"\x99" * 8, 7)) / inner(ip),
    ),
    "L2TPv3 over UDP": (
        f"l2tp {ENDS}",
        lambda ip, back: udp(1701, back) / Raw(struct.pack("!HHI4s", 3, 0, 5 + back, b"\x99" * 4)) / inner(ip),
    ),
    "CAPWAP": (
        f"capwap {ENDS}",
        lambda ip, back: udp(5247, back) / Raw(capwap(native=False)) / inner(ip),
    ),
    "CAPWAP, radio": (f"capwap {ENDS}", lambda ip, back: udp(5247, back) / Raw(capwap(native=True) + qos(ip))),
    "CAPWAP, radio, frame control swapped": (
        f"capwap {ENDS}",
        lambda ip, back: udp(5247, back) / Raw(capwap(native=True) + qos(ip)[1::-1] + qos(ip)[2:]),
    ),
    "TZSP": (
        f"tzsp {ENDS}",
        lambda ip, back: udp(37008, back) / Raw(b"\x01\0\0\x01" + b"\0\0\x0a\x01\x05" + b"\x01") / inner(ip),
    ),
    "TZSP, radio": (f"tzsp {ENDS}", lambda ip, back: udp(37008, back) / Raw(b"\x01\0\0\x12\x01" + qos(ip))),
    "L2TP with everything": (
        f"l2tp {ENDS}",
        lambda ip, back: (
            udp(1701, back) / Raw(struct.pack("!7H2s", 0x4A02, 18 + len(ip), 1, 2, 3, 4, 2, b"..")) / ppp(ip)
        ),
    ),
    "LISP": (f"lisp {ENDS}", lambda ip, back: udp(4341, back) / Raw(LISP + ip)),
    "MAC in MAC": ("mac-in-mac 99", lambda ip, _: ether(type=0x88E7) / Dot1AH(isid=99) / inner(ip)),
    "MAC in MAC, VLAN": (
        "mac-in-mac 99",
        lambda ip, _: ether(type=0x88A8) / Dot1AD(vlan=5, type=0x88E7) / Dot1AH(isid=99) / inner(ip),
    ),
    "VXLAN in GRE": (
        f"gre {ENDS} / vxlan 42",
        lambda ip, back: (
            outer(back, proto=47) / GRE(proto=0x0800) / udp(4789, back)[IP] / VXLAN(vni=42, flags=8) / inner(ip)
        ),
    ),
}
"""The name that the tunnel gets, and the wrapper."""


TO_DS, FROM_DS = 1, 2
AVS = struct.pack("!II", 0x80211001, 64) + bytes(56)


def capwap(native: bool) -> bytes:
    """RFC 5415 §4.3: a header of two words, WBID 1 (802.11), T for the frames of the radio; two more octets behind."""
    return struct.pack("!BBHI", 0, 2 << 3, 1 << 9 | native << 8, 0)


def erf(kind: int, frame: bytes) -> bytes:
    """Endace's record header, its time seconds from 1970 as a fixed-point number."""
    return (
        struct.pack("<QBBHHH", 1_700_000_000 << 32, kind, 4, 0, 0, 0)[:10]
        + struct.pack("!HHH", 16 + len(frame), 0, len(frame))
        + frame
    )


def radiotap(ip: bytes, back: bool) -> bytes:
    return bytes(RadioTap(present="Flags+Rate", Flags="FCS", Rate=12)) + wireless(ip, back) + b"FCS!"


def wireless(ip: bytes, back: bool) -> bytes:
    return bytes(Dot11(type=2, subtype=0, FCfield=FROM_DS if back else TO_DS) / snap(ip))


def qos(ip: bytes, padding: bytes = b"", four_addresses: bool = False, amsdu: bool = False) -> bytes:
    flags = TO_DS | FROM_DS if four_addresses else TO_DS
    header = Dot11(type=2, subtype=8, FCfield=flags) / Dot11QoS(A_MSDU_Present=amsdu)
    subframe = bytes(12) + struct.pack("!H", len(snap(ip))) if amsdu else b""
    return bytes(header) + padding + subframe + bytes(snap(ip))


def nflog(ip: bytes, order: str) -> bytes:
    family = 2 if ip[0] >> 4 == 4 else 10
    prefix = struct.pack(f"{order}HH5s3x", 9, 10, b"drop\0")
    return struct.pack("!BBH", family, 0, 1) + prefix + struct.pack(f"{order}HH", 4 + len(ip), 9) + ip


def juniper(flags: int, extension: bytes, frame: bytes) -> bytes:
    return b"MGC" + bytes([flags]) + extension + frame


def juniper_family(ip: bytes) -> bytes:
    return struct.pack("<I", 2 if ip[0] >> 4 == 4 else 6)


def ipnet(ip: bytes) -> bytes:
    return struct.pack("!BBHIIIII", 1, 2 if ip[0] >> 4 == 4 else 26, 0, len(ip), 1, 0, 0, 0) + ip


def frame_relay(ip: bytes, address: bytes = b"\x18\x41") -> bytes:
    return address + (b"\x03\xcc" if ip[0] >> 4 == 4 else b"\x03\x8e") + ip


def typed(ip: bytes) -> bytes:
    return struct.pack("!H", ethertype(ip)) + ip


def arcnet(ip: bytes) -> bytes:
    return struct.pack("!BBH", 212 if ip[0] >> 4 == 4 else 196, 0, 9) + ip


LINKS: dict[str, tuple[int, Wrapper]] = {
    "token ring": (6, lambda ip, _: b"\x10\x40" + bytes(12) + bytes(snap(ip))),
    "token ring, source routed": (
        6,
        lambda ip, _: b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x06\0\0\x11\0\x20" + bytes(snap(ip)),
    ),
    "SLIP": (8, lambda ip, back: bytes([back]) + bytes(15) + ip),
    "PPP": (9, lambda ip, _: ppp(ip)),
    "PPP with address": (9, lambda ip, _: b"\xff\x03" + bytes(ppp(ip))),
    "PPP, compressed protocol": (9, lambda ip, _: bytes(ppp(ip))[1:]),
    "FDDI": (10, lambda ip, _: b"\x50" + bytes(12) + bytes(snap(ip))),
    "PPP, serial": (50, lambda ip, _: b"\xff\x03" + bytes(ppp(ip))),
    "PPP, serial, Cisco": (50, lambda ip, _: b"\x0f\x00" + typed(ip)),
    "PPPoE": (51, lambda ip, _: struct.pack("!BBHH", 0x11, 0, 9, len(ip) + 2) + bytes(ppp(ip))),
    "ATM": (100, lambda ip, _: snap(ip)),
    "SLIP, BSD": (102, lambda ip, _: bytes(24) + ip),
    "PPP, BSD": (103, lambda ip, _: bytes(24) + ip),
    "Cisco HDLC": (104, lambda ip, _: b"\x0f\x00" + typed(ip)),
    "802.11": (105, wireless),
    "802.11, QoS": (105, lambda ip, _: qos(ip)),
    "802.11, QoS, four addresses": (105, lambda ip, _: qos(ip, four_addresses=True)),
    "802.11, QoS, padded": (105, lambda ip, _: qos(ip, padding=bytes(2))),
    "802.11, decrypted": (105, lambda ip, _: qos(ip, padding=b"CCMP....")),
    "802.11, aggregate": (105, lambda ip, _: qos(ip, amsdu=True)),
    "frame relay": (107, lambda ip, _: frame_relay(ip)),
    "frame relay, long address": (107, lambda ip, _: frame_relay(ip, b"\x18\x40\x40\x41")),
    "frame relay, SNAP": (107, lambda ip, _: b"\x18\x41\x03\x00\x80\x00\x00\x00" + typed(ip)),
    "frame relay, bridged": (107, lambda ip, _: b"\x18\x41\x03\x00\x80\x00\x80\xc2\x00\x07" + bytes(inner(ip))),
    "frame relay, Cisco": (107, lambda ip, _: b"\x18\x41" + typed(ip)),
    "ENC": (109, lambda ip, _: struct.pack("<III", 2, 0x1234, 0) + ip),
    "PFLOG": (117, lambda ip, _: b"\x3d\x02\0\0" + bytes(60) + ip),
    "Prism": (119, lambda ip, back: bytes(PrismHeader(len=144)) + wireless(ip, back)),
    "AVS in place of Prism": (
        119,
        lambda ip, back: struct.pack("!II", 0x80211001, 64) + bytes(56) + wireless(ip, back),
    ),
    "IP over Fibre Channel": (122, lambda ip, _: bytes(16) + bytes(snap(ip))),
    "radiotap": (127, radiotap),
    "IEEE 1394": (138, lambda ip, _: bytes(16) + typed(ip)),
    "AVS": (163, lambda ip, back: AVS + wireless(ip, back)),
    "PPP, pppd": (166, lambda ip, back: bytes([back, 3]) + bytes(ppp(ip))),
    "Juniper Ethernet": (178, lambda ip, back: juniper(back, b"", bytes(inner(ip)))),
    "Juniper Ethernet, extended": (178, lambda ip, _: juniper(0x80, b"\0\6......", bytes(inner(ip)))),
    "Juniper without link layer": (178, lambda ip, _: juniper(0x82, b"\0\6......", juniper_family(ip) + ip)),
    "Juniper PPP": (179, lambda ip, _: juniper(0x80, b"\0\0", b"\xff\x03" + bytes(ppp(ip)))),
    "Juniper frame relay": (180, lambda ip, _: juniper(0x80, b"\0\0", frame_relay(ip))),
    "Juniper Cisco HDLC": (181, lambda ip, _: juniper(0x80, b"\0\0", b"\x0f\0" + typed(ip))),
    "PPI": (192, lambda ip, back: struct.pack("<BBHI", 0, 0, 20, 105) + bytes(12) + wireless(ip, back)),
    "PPI with Ethernet": (192, lambda ip, _: struct.pack("<BBHI", 0, 0, 8, 1) + bytes(inner(ip))),
    "PPP with direction": (204, lambda ip, back: bytes([back]) + b"\xff\x03" + bytes(ppp(ip))),
    "Cisco HDLC with direction": (205, lambda ip, back: bytes([back]) + b"\x0f\0" + typed(ip)),
    "frame relay with direction": (206, lambda ip, back: bytes([back]) + frame_relay(ip)),
    "IPNET": (226, lambda ip, _: ipnet(ip)),
    "ARCnet": (7, lambda ip, _: b"\x01\x02" + arcnet(ip)),
    "ARCnet, Linux": (129, lambda ip, _: b"\x01\x02\0\0" + arcnet(ip)),
    "SunATM": (123, lambda ip, _: b"\x02\0\0\x64" + bytes(snap(ip))),
    "ERF": (197, lambda ip, _: erf(2, bytes(2) + bytes(inner(ip)))),
    "ERF with extension headers": (
        197,
        lambda ip, _: erf(0x82, b"\x84" + bytes(7) + b"\x04" + bytes(7) + bytes(2) + bytes(inner(ip))),
    ),
    "ERF, serial": (197, lambda ip, _: erf(1, b"\x0f\0" + typed(ip))),
    "TRILL": (
        ETHERNET,
        lambda ip, _: ether(type=0x22F3) / Raw(struct.pack("!HHH4s", 1 << 6 | 9, 7, 8, b"\0" * 4)) / inner(ip),
    ),
    "MACsec, not encrypted": (
        ETHERNET,
        lambda ip, _: bytes(ether(type=0x88E5)) + struct.pack("!BBI8s", 0x20, 0, 5, bytes(8)) + typed(ip),
    ),
    "NFLOG": (239, lambda ip, _: nflog(ip, "<")),
    "NFLOG, big endian": (239, lambda ip, _: nflog(ip, ">")),
    "InfiniBand": (242, lambda ip, _: bytes(40) + struct.pack("!HH", ethertype(ip), 0) + ip),
    "PKTAP": (258, lambda ip, _: struct.pack("<III", 108, 1, 1) + bytes(96) + bytes(inner(ip))),
    "PKTAP, Darwin": (149, lambda ip, _: struct.pack("<III", 108, 1, 0) + bytes(96) + b"\x02\0\0\0" + ip),
    "mPackets": (274, lambda ip, _: b"\x55" * 7 + b"\xd5" + bytes(inner(ip))),
    "VN-Tag": (ETHERNET, lambda ip, _: bytes(ether(type=0x8926)) + b"\0\1\0\2" + typed(ip)),
    "E-tag": (ETHERNET, lambda ip, _: bytes(ether(type=0x893F)) + b"\0\1\0\2\0\0" + typed(ip)),
    "NSH": (ETHERNET, lambda ip, _: ether(type=0x894F) / nsh(next_protocol(ip)) / Raw(ip)),
    "Ethernet over MPLS": (ETHERNET, lambda ip, _: ether(type=0x8847) / MPLS(s=1) / Raw(bytes(4)) / inner(ip)),
    "Ethernet over MPLS, no control word": (ETHERNET, lambda ip, _: ether(type=0x8847) / MPLS(s=1) / inner(ip)),
}
"""The link type, and the wrapper."""

WRAPPERS: dict[str, tuple[int, Wrapper]] = {**LINKS, **{name: (ETHERNET, wrap) for name, (_, wrap) in TUNNELS.items()}}
