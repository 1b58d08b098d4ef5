"""Link layers beyond Ethernet and raw IP: wireless, serial, rings, and what capture systems put before a frame.

`link_layer` returns what follows (a link type, or LAYER_ETHERTYPE + ethertype) and its offset, or CUT,
UNKNOWN_LINK, NO_PAYLOAD or ENCRYPTED_PAYLOAD. Helpers of a kernel. The layouts are those of tcpdump.org/linktypes.html.
"""

from typing import Any

from analyzer.capture.decode.link import (
    CUT,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ETHERTYPE_LLC,
    ETHERTYPE_MPLS,
    ETHERTYPE_PPPOE,
    LAYER_ETHERTYPE,
    LINK_1394,
    LINK_80211,
    LINK_80211_SWAPPED,
    LINK_ARCNET_BSD,
    LINK_ARCNET_LINUX,
    LINK_ATM,
    LINK_AVS,
    LINK_CISCO_HDLC,
    LINK_CISCO_HDLC_DIRECTION,
    LINK_ENC,
    LINK_ERF,
    LINK_ETHERNET,
    LINK_FDDI,
    LINK_FIBRE_CHANNEL,
    LINK_FRAME_RELAY,
    LINK_FRAME_RELAY_DIRECTION,
    LINK_INFINIBAND,
    LINK_IPNET,
    LINK_JUNIPER_CISCO_HDLC,
    LINK_JUNIPER_ETHERNET,
    LINK_JUNIPER_FRAME_RELAY,
    LINK_JUNIPER_PPP,
    LINK_MPACKET,
    LINK_NFLOG,
    LINK_PFLOG,
    LINK_PKTAP,
    LINK_PPI,
    LINK_PPP,
    LINK_PPP_BSD,
    LINK_PPP_DIRECTION,
    LINK_PPP_ETHERNET,
    LINK_PPP_PPPD,
    LINK_PPP_SERIAL,
    LINK_PRISM,
    LINK_RADIOTAP,
    LINK_RAW,
    LINK_SLIP,
    LINK_SLIP_BSD,
    LINK_SUN_ATM,
    LINK_TOKEN_RING,
    LINK_USER2,
    PPP_IPV4,
    PPP_IPV6,
    UNKNOWN_LINK,
)
from analyzer.engine.octets import u16, u16_little, u32, u32_little

NO_PAYLOAD = -3
"""Layer that carries nothing of interest: management, compressed."""
ENCRYPTED_PAYLOAD = -4

LAYER_LLC = LAYER_ETHERTYPE + ETHERTYPE_LLC

SKIPPED = (
    (LINK_SLIP, 16, LINK_RAW),
    (LINK_FDDI, 13, LAYER_LLC),
    (LINK_PPP_ETHERNET, 0, LAYER_ETHERTYPE + ETHERTYPE_PPPOE),
    (LINK_ATM, 0, LAYER_LLC),
    (LINK_SLIP_BSD, 24, LINK_RAW),
    (LINK_PPP_BSD, 24, LINK_RAW),
    (LINK_ENC, 12, LINK_RAW),
    (LINK_FIBRE_CHANNEL, 16, LAYER_LLC),
    (LINK_PPP_PPPD, 1, LINK_PPP),
    (LINK_PPP_DIRECTION, 1, LINK_PPP),
    (LINK_CISCO_HDLC_DIRECTION, 1, LINK_CISCO_HDLC),
    (LINK_FRAME_RELAY_DIRECTION, 1, LINK_FRAME_RELAY),
    (LINK_IPNET, 24, LINK_RAW),
    (LINK_MPACKET, 8, LINK_ETHERNET),
    (LINK_SUN_ATM, 4, LAYER_LLC),
)
"""Link types with a header of fixed length: its octets, and what follows."""

TYPED = (
    (LINK_CISCO_HDLC, 2, 4),
    (LINK_1394, 16, 18),
    (LINK_INFINIBAND, 40, 44),
)
"""Link types with an ethertype: where it stands, and where what it announces begins."""

JUNIPER = (
    (LINK_JUNIPER_ETHERNET, LINK_ETHERNET),
    (LINK_JUNIPER_PPP, LINK_PPP),
    (LINK_JUNIPER_FRAME_RELAY, LINK_FRAME_RELAY),
    (LINK_JUNIPER_CISCO_HDLC, LINK_CISCO_HDLC),
)

PPP_VERBATIM, PPP_HDLC_UNICAST, PPP_HDLC_MULTICAST, PPP_CONTROL, PPP_MPLS = 0xFF, 0x0F, 0x8F, 0x03, 0x0281
NLPID_SNAP, NLPID_IPV6, NLPID_IPV4 = 0x80, 0x8E, 0xCC
ERF_ETHERNET, ERF_SERIAL, ERF_MC_HDLC, ERF_IPV4, ERF_IPV6 = (2, 11, 16, 20), (1, 10, 15, 19), 5, 22, 23
PROTECTED = 0x40
ARCNET_IP_OLD, ARCNET_ARP_OLD, ARCNET_EXCEPTION = 240, 241, 0xFF
ARCNET_PROTOCOLS = ((212, ETHERTYPE_IPV4), (213, ETHERTYPE_ARP), (196, ETHERTYPE_IPV6))
AVS_MAGIC, NFLOG_PAYLOAD = 0x80211, 9


def link_layer(buffer: Any, at: int, stop: int, link_type: int) -> tuple[int, int]:
    """Return the layer that follows the header of a link type, and its offset."""
    for skipped, octets, follows in SKIPPED:
        if link_type == skipped:
            return follows, at + octets
    for typed, where, octets in TYPED:
        if link_type == typed:
            return (LAYER_ETHERTYPE + u16(buffer, at + where), at + octets) if at + octets <= stop else (CUT, at)
    for juniper_type, follows in JUNIPER:
        if link_type == juniper_type:
            return juniper(buffer, at, stop, follows)
    if link_type == LINK_80211 or link_type == LINK_80211_SWAPPED:
        return wireless(buffer, at, stop, link_type)
    if link_type == LINK_ARCNET_BSD or link_type == LINK_ARCNET_LINUX:
        return arcnet(buffer, at, stop, link_type)
    if link_type in (LINK_RADIOTAP, LINK_PPI, LINK_PRISM, LINK_AVS):
        return radio(buffer, at, stop, link_type)
    if link_type == LINK_PPP or link_type == LINK_PPP_SERIAL:
        return ppp(buffer, at, stop)
    if link_type == LINK_FRAME_RELAY:
        return frame_relay(buffer, at, stop)
    if link_type == LINK_TOKEN_RING:
        return token_ring(buffer, at, stop)
    if link_type == LINK_NFLOG:
        return nflog(buffer, at, stop)
    if link_type == LINK_ERF:
        return erf(buffer, at, stop)
    if link_type == LINK_PFLOG:
        return (LINK_RAW, at + (buffer[at] + 3) // 4 * 4) if at < stop else (CUT, at)
    if link_type == LINK_PKTAP or link_type == LINK_USER2:
        return pktap(buffer, at, stop)
    return UNKNOWN_LINK, at


def arcnet(buffer: Any, at: int, stop: int, link_type: int) -> tuple[int, int]:
    """Decode ARCNET (RFC 1201): addresses, Linux's offset, protocol, and the numbers of fragments, of which the first
    one is read."""
    at += 2 if link_type == LINK_ARCNET_BSD else 4
    if at + 8 > stop:
        return CUT, at
    protocol = buffer[at]
    if protocol == ARCNET_IP_OLD or protocol == ARCNET_ARP_OLD:  # RFC 1051
        return LAYER_ETHERTYPE + (ETHERTYPE_IPV4 if protocol == ARCNET_IP_OLD else ETHERTYPE_ARP), at + 1
    if buffer[at + 1] == ARCNET_EXCEPTION:
        at += 4
    for known, ethertype in ARCNET_PROTOCOLS:
        if protocol == known:
            is_later = buffer[at + 1] and not buffer[at + 1] & 1
            return (NO_PAYLOAD if is_later else LAYER_ETHERTYPE + ethertype), at + 4
    return NO_PAYLOAD, at


def wireless(buffer: Any, at: int, stop: int, link_type: int) -> tuple[int, int]:
    """Find the LLC header behind the MAC header of 802.11 data frames (IEEE 802.11-2020 §9.2.4, §9.3.2)."""
    if at + 24 > stop:
        return CUT, at
    control, flags = buffer[at], buffer[at + 1]
    if link_type == LINK_80211_SWAPPED:
        control, flags = flags, control
    is_null = control & 0x40
    if control & 0x0F != 0x08 or is_null or buffer[at + 22] & 0x0F:  # no data frame; a later fragment
        return NO_PAYLOAD, at
    octets = 30 if flags & 0x03 == 0x03 else 24  # to and from the distribution system: four addresses
    if control & 0x80:  # QoS
        if at + octets + 2 > stop:
            return CUT, at
        is_aggregate = buffer[at + octets] & 0x80
        octets += 6 if flags & 0x80 else 2  # with HT control
        octets += 14 if is_aggregate else 0  # of several MSDUs the first one is read
    for padding in (0, 2, 8):  # some cards align what follows, or leave the CCMP header when they have decrypted
        llc = at + octets + padding
        if llc + 2 > stop:
            return CUT, at
        if buffer[llc] == 0xAA and buffer[llc + 1] == 0xAA:
            return LAYER_LLC, llc
    return (ENCRYPTED_PAYLOAD if flags & PROTECTED else NO_PAYLOAD), at


def radio(buffer: Any, at: int, stop: int, link_type: int) -> tuple[int, int]:
    """Skip what capture systems put before an 802.11 frame; only its length matters."""
    if at + 8 > stop:
        return CUT, at
    if link_type == LINK_RADIOTAP:
        return LINK_80211, at + u16_little(buffer, at + 2)
    if link_type == LINK_PPI:
        return u32_little(buffer, at + 4) & 0xFFFF, at + u16_little(buffer, at + 2)
    if link_type == LINK_AVS or u32(buffer, at) >> 12 == AVS_MAGIC:
        return LINK_80211, at + u32(buffer, at + 4)
    return LINK_80211, at + min(u32(buffer, at + 4), u32_little(buffer, at + 4))  # in the order of the host


def ppp(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Decode PPP (RFC 1661 §2), with or without the address of RFC 1662 §3.1; Cisco HDLC has other addresses."""
    if at + 4 > stop:
        return CUT, at
    address = buffer[at]
    if address == PPP_HDLC_UNICAST or address == PPP_HDLC_MULTICAST:
        return LAYER_ETHERTYPE + u16(buffer, at + 2), at + 4
    if address == PPP_VERBATIM and buffer[at + 1] == PPP_CONTROL:
        at += 2
    elif buffer[at] == PPP_CONTROL:  # what stood for the address was a direction
        at += 1
    protocol, octets = buffer[at], 1
    if not protocol & 1:  # not compressed to one octet (RFC 1661 §6.5)
        if at + 2 > stop:
            return CUT, at
        protocol, octets = u16(buffer, at), 2
    if protocol == PPP_IPV4:
        return LAYER_ETHERTYPE + ETHERTYPE_IPV4, at + octets
    if protocol == PPP_IPV6:
        return LAYER_ETHERTYPE + ETHERTYPE_IPV6, at + octets
    if protocol == PPP_MPLS:
        return LAYER_ETHERTYPE + ETHERTYPE_MPLS, at + octets
    return NO_PAYLOAD, at


def frame_relay(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Decode Frame Relay (RFC 2427 §3, §4): an address of two to four octets, then NLPID; or Cisco's ethertype."""
    header = at
    while at < stop and not buffer[at] & 1 and at < header + 3:
        at += 1
    at += 1
    if at + 3 > stop:
        return CUT, header
    if buffer[at] != PPP_CONTROL:
        return LAYER_ETHERTYPE + u16(buffer, at), at + 2
    at += 2 if buffer[at + 1] == 0 else 1  # padding
    if buffer[at] == NLPID_IPV4:
        return LAYER_ETHERTYPE + ETHERTYPE_IPV4, at + 1
    if buffer[at] == NLPID_IPV6:
        return LAYER_ETHERTYPE + ETHERTYPE_IPV6, at + 1
    if buffer[at] != NLPID_SNAP:
        return NO_PAYLOAD, header
    if at + 6 > stop:
        return CUT, header
    is_bridged = buffer[at + 2]  # of the organisations 00-00-00 (ethertypes) and 00-80-C2 (whole frames)
    return (LINK_ETHERNET if is_bridged else LAYER_ETHERTYPE + u16(buffer, at + 4)), at + 6


def token_ring(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Decode token ring (IEEE 802.5 §3): routing information follows if the source address says so."""
    if at + 15 > stop:
        return CUT, at
    routing = buffer[at + 14] & 0x1F if buffer[at + 8] & 0x80 else 0
    return LAYER_LLC, at + 14 + routing


def nflog(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Find the packet among Netfilter's attributes, which are in the byte order of the host that captured."""
    at += 4  # family, version, resource
    while at + 4 <= stop:
        is_big = buffer[at + 2] == 0 and buffer[at + 3] != 0
        length = u16(buffer, at) if is_big else u16_little(buffer, at)
        kind = u16(buffer, at + 2) if is_big else u16_little(buffer, at + 2)
        if kind & 0x7FFF == NFLOG_PAYLOAD:
            return LINK_RAW, at + 4
        if length < 4:
            return NO_PAYLOAD, at
        at += (length + 3) // 4 * 4
    return CUT, at


def erf(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Skip the header of Endace's record: time, type, lengths, any extension headers; before Ethernet also two octets
    of padding."""
    if at + 24 > stop:
        return CUT, at
    kind, has_extension = buffer[at + 8] & 0x7F, buffer[at + 8] & 0x80
    at += 16
    while has_extension:
        if at + 8 > stop:
            return CUT, at
        has_extension = buffer[at] & 0x80
        at += 8
    if kind in ERF_ETHERNET:
        return LINK_ETHERNET, at + 2
    if kind in ERF_SERIAL:
        return LINK_PPP, at
    if kind == ERF_MC_HDLC:
        return LINK_PPP, at + 4
    return (LINK_RAW if kind == ERF_IPV4 or kind == ERF_IPV6 else NO_PAYLOAD), at


def pktap(buffer: Any, at: int, stop: int) -> tuple[int, int]:
    """Skip Apple's packet tap (bsd/net/pktap.h): length of the header, a record type, the link type of the frame."""
    if at + 12 > stop:
        return CUT, at
    octets, kind = u32_little(buffer, at), u32_little(buffer, at + 4)
    if kind != 1 or octets < 12 or octets > 1024:  # LINKTYPE_USER2 may be anything else
        return UNKNOWN_LINK, at
    return u32_little(buffer, at + 8) & 0xFFFF, at + octets


def juniper(buffer: Any, at: int, stop: int, follows: int) -> tuple[int, int]:
    """Skip the header of tcpdump on Junos: magic, flags, extensions; some frames have lost their link layer."""
    if at + 6 > stop:
        return CUT, at
    if buffer[at] != 0x4D or buffer[at + 1] != 0x47 or buffer[at + 2] != 0x43:  # "MGC"
        return follows, at
    flags = buffer[at + 3]
    at += 6 + u16(buffer, at + 4) if flags & 0x80 else 4
    return (LINK_RAW, at + 4) if flags & 0x02 else (follows, at)
