"""Link layers: what a frame carries, and where. Helpers of the header kernel.

Knows Ethernet (VLAN, QinQ, MPLS, PPPoE, SNAP, Cisco metadata), raw IP, NULL and LOOP, SLL and SLL2.
Other link types have a name here and are unwrapped in encapsulation.py.
"""

from typing import Any

from analyzer.engine.octets import u16

LINK_NULL, LINK_ETHERNET, LINK_RAW_BSD, LINK_RAW_OPENBSD = 0, 1, 12, 14
LINK_RAW, LINK_LOOP, LINK_SLL, LINK_IPV4, LINK_IPV6, LINK_SLL2 = 101, 108, 113, 228, 229, 276
LINK_ARCNET_BSD, LINK_ARCNET_LINUX, LINK_SUN_ATM, LINK_80211_SWAPPED = 7, 129, 123, 0xFFF0
"""The last is no LINKTYPE_*: 802.11 in CAPWAP, whose frame control some controllers send in the other octet order."""
LINK_TOKEN_RING, LINK_SLIP, LINK_PPP, LINK_FDDI, LINK_PPP_SERIAL, LINK_PPP_ETHERNET = 6, 8, 9, 10, 50, 51
LINK_ATM, LINK_SLIP_BSD, LINK_PPP_BSD, LINK_CISCO_HDLC, LINK_80211, LINK_FRAME_RELAY = 100, 102, 103, 104, 105, 107
LINK_ENC, LINK_PFLOG, LINK_PRISM, LINK_FIBRE_CHANNEL, LINK_RADIOTAP, LINK_1394 = 109, 117, 119, 122, 127, 138
LINK_USER2, LINK_AVS, LINK_PPP_PPPD = 149, 163, 166
LINK_JUNIPER_ETHERNET, LINK_JUNIPER_PPP, LINK_JUNIPER_FRAME_RELAY, LINK_JUNIPER_CISCO_HDLC = 178, 179, 180, 181
LINK_PPI, LINK_PPP_DIRECTION, LINK_CISCO_HDLC_DIRECTION, LINK_FRAME_RELAY_DIRECTION = 192, 204, 205, 206
LINK_ERF = 197
LINK_IPNET, LINK_NFLOG, LINK_INFINIBAND, LINK_PKTAP, LINK_MPACKET = 226, 239, 242, 258, 274

LINK_NAMES = {
    LINK_NULL: "NULL",
    LINK_ETHERNET: "Ethernet",
    LINK_TOKEN_RING: "token ring",
    LINK_ARCNET_BSD: "ARCnet",
    LINK_SLIP: "SLIP",
    LINK_PPP: "PPP",
    LINK_FDDI: "FDDI",
    LINK_RAW_BSD: "raw IP",
    LINK_RAW_OPENBSD: "raw IP",
    LINK_PPP_SERIAL: "PPP",
    LINK_PPP_ETHERNET: "PPPoE",
    LINK_ATM: "ATM RFC 1483",
    LINK_RAW: "raw IP",
    LINK_SLIP_BSD: "SLIP",
    LINK_PPP_BSD: "PPP",
    LINK_CISCO_HDLC: "Cisco HDLC",
    LINK_80211: "802.11",
    LINK_FRAME_RELAY: "frame relay",
    LINK_LOOP: "LOOP",
    LINK_ENC: "OpenBSD ENC",
    LINK_SLL: "Linux SLL",
    LINK_PFLOG: "PFLOG",
    LINK_PRISM: "802.11 with Prism header",
    LINK_FIBRE_CHANNEL: "IP over Fibre Channel",
    LINK_SUN_ATM: "SunATM",
    LINK_RADIOTAP: "802.11 with radiotap",
    LINK_ARCNET_LINUX: "ARCnet",
    LINK_1394: "IP over IEEE 1394",
    LINK_USER2: "USER2",
    LINK_AVS: "802.11 with AVS header",
    LINK_PPP_PPPD: "PPP",
    LINK_JUNIPER_ETHERNET: "Juniper Ethernet",
    LINK_JUNIPER_PPP: "Juniper PPP",
    LINK_JUNIPER_FRAME_RELAY: "Juniper frame relay",
    LINK_JUNIPER_CISCO_HDLC: "Juniper Cisco HDLC",
    LINK_PPI: "PPI",
    LINK_ERF: "ERF",
    LINK_PPP_DIRECTION: "PPP",
    LINK_CISCO_HDLC_DIRECTION: "Cisco HDLC",
    LINK_FRAME_RELAY_DIRECTION: "frame relay",
    LINK_IPNET: "IPNET",
    LINK_IPV4: "raw IPv4",
    LINK_IPV6: "raw IPv6",
    LINK_NFLOG: "NFLOG",
    LINK_INFINIBAND: "IP over InfiniBand",
    LINK_PKTAP: "PKTAP",
    LINK_MPACKET: "Ethernet mPackets",
    LINK_SLL2: "Linux SLL2",
}

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD
ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD = 0x8100, 0x88A8, 0x9100
ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST = 0x8847, 0x8848
ETHERTYPE_PPPOE, ETHERTYPE_CISCO_METADATA = 0x8864, 0x8909
ETHERTYPE_BRIDGE, ETHERTYPE_MAC_IN_MAC = 0x6558, 0x88E7
ETHERTYPE_VN_TAG, ETHERTYPE_E_TAG, ETHERTYPE_NSH = 0x8926, 0x893F, 0x894F
ETHERTYPE_TRILL, ETHERTYPE_MACSEC = 0x22F3, 0x88E5
ETHERTYPE_LLC = 1
"""Stands for any IEEE 802.3 length: LLC follows."""
PPP_IPV4, PPP_IPV6 = 0x0021, 0x0057
NOTHING, CUT, UNKNOWN_LINK = 0, -1, -2

LAYER_ETHERTYPE = 1 << 16
"""Offset added to an ethertype, so that one number says what octets begin with; below it are link types."""


def is_wrapping_ethertype(ethertype: int) -> bool:
    """Tell whether encapsulation.py unwraps this ethertype; MPLS stands for what is below the last label and not IP."""
    is_tag = ethertype == ETHERTYPE_VN_TAG or ethertype == ETHERTYPE_E_TAG
    if is_tag or ethertype == ETHERTYPE_TRILL or ethertype == ETHERTYPE_MACSEC:
        return True
    return ethertype in (ETHERTYPE_MPLS, ETHERTYPE_MAC_IN_MAC, ETHERTYPE_NSH, ETHERTYPE_BRIDGE)


def link_payload(buffer: Any, start: int, stop: int, link_type: int) -> tuple[int, int]:
    """Return the ethertype and offset of what a frame carries; NOTHING, CUT or UNKNOWN_LINK otherwise."""
    if link_type == LINK_ETHERNET:
        if stop - start < 14:
            return CUT, start
        ethertype = u16(buffer, start + 12)
        if ethertype == ETHERTYPE_IPV4 or ethertype == ETHERTYPE_IPV6:
            return ethertype, start + 14
        return below_ethernet(buffer, ethertype, start + 14, stop)
    if link_type == LINK_SLL:
        if stop - start < 16:
            return CUT, start
        return below_ethernet(buffer, u16(buffer, start + 14), start + 16, stop)
    if link_type == LINK_SLL2:
        if stop - start < 20:
            return CUT, start
        return below_ethernet(buffer, u16(buffer, start), start + 20, stop)
    if link_type == LINK_NULL or link_type == LINK_LOOP:
        return ip_version(buffer, start + 4, stop)
    if link_type in (LINK_RAW, LINK_RAW_BSD, LINK_RAW_OPENBSD, LINK_IPV4, LINK_IPV6):
        return ip_version(buffer, start, stop)
    return UNKNOWN_LINK, start


def ip_version(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Return the ethertype that the IP version field implies, and the offset, where no ethertype is given."""
    if at >= stop:
        return CUT, at
    version = buffer[at] >> 4
    if version == 4:
        return ETHERTYPE_IPV4, at
    if version == 6:
        return ETHERTYPE_IPV6, at
    return NOTHING, at


def below_ethernet(buffer: Any, ethertype: int, at: int, stop: int) -> tuple[int, int]:
    """Strip tags, labels, PPPoE and SNAP between the MAC addresses and IP; return the ethertype and the offset of its
    payload."""
    while at + 4 <= stop:
        if ethertype in (ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD):
            ethertype = u16(buffer, at + 2)
            at += 4
        elif ethertype in (ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST):
            is_bottom = buffer[at + 2] & 1  # RFC 3032 §2.1
            at += 4
            if is_bottom:
                ethertype, at = ip_version(buffer, at, stop)
                return (ETHERTYPE_MPLS if ethertype == NOTHING else ethertype), at
        elif ethertype == ETHERTYPE_PPPOE:
            if at + 8 > stop:
                return CUT, at
            protocol = u16(buffer, at + 6)  # RFC 2516 §4
            at += 8
            if protocol == PPP_IPV4:
                return ETHERTYPE_IPV4, at
            if protocol == PPP_IPV6:
                return ETHERTYPE_IPV6, at
            return NOTHING, at
        elif ethertype == ETHERTYPE_CISCO_METADATA:
            if at + 8 > stop:
                return CUT, at
            ethertype = u16(buffer, at + 6)  # version, length, option, tag, ethertype
            at += 8
        elif ethertype < 0x0600:  # IEEE 802.3 length: LLC follows
            if buffer[at] != 0xAA or buffer[at + 1] != 0xAA:
                return NOTHING, at
            if at + 8 > stop:
                return CUT, at
            ethertype = u16(buffer, at + 6)  # RFC 1042 SNAP
            at += 8
            if ethertype < 0x0600:
                return NOTHING, at
        else:
            return ethertype, at
    return CUT, at
