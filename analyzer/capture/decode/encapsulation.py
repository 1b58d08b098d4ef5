"""The encapsulations that headers.py does not decode: tunnels, wireless, serial and tagged links; one layer at a time.

`peel` says what the octets of a layer carry and where. It is text for a kernel, like the headers: integers only,
nothing beyond `stop` is read. Why not dpkt or scapy: ARCHITECTURE.md.

A tunnel may have a number in its header that is the same for both directions (VNI, VSID); where it may differ by
direction (TEIDs, sessions, keys of GRE: RFC 2890 does not ask for one) or is none, the tunnel is known by the pair of
its outer ends. Tunnels are taken for what their port says only if their header is plausible.
"""

from typing import Any

from analyzer.capture.decode.headers import (
    LAYER_PORT,
    LAYER_PROTOCOL,
    PORT_CAPWAP,
    PORT_GENEVE,
    PORT_GTP,
    PORT_L2TP,
    PORT_LISP,
    PORT_MPLS,
    PORT_TEREDO,
    PORT_TZSP,
    PORT_VXLAN,
    PORT_VXLAN_GPE,
    PORT_VXLAN_LINUX,
    PROTOCOL_ETHERIP,
    PROTOCOL_ETHERNET,
    PROTOCOL_GRE,
    PROTOCOL_IPV4,
    PROTOCOL_IPV6,
    PROTOCOL_L2TP,
    PROTOCOL_MPLS,
    network_layer,
    wrap,
)
from analyzer.capture.decode.link import (
    CUT,
    ETHERTYPE_ARP,
    ETHERTYPE_BRIDGE,
    ETHERTYPE_E_TAG,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    ETHERTYPE_MAC_IN_MAC,
    ETHERTYPE_MACSEC,
    ETHERTYPE_MPLS,
    ETHERTYPE_NSH,
    ETHERTYPE_QINQ,
    ETHERTYPE_TRILL,
    ETHERTYPE_VLAN,
    ETHERTYPE_VN_TAG,
    LAYER_ETHERTYPE,
    LINK_80211,
    LINK_80211_SWAPPED,
    LINK_ETHERNET,
    LINK_PPP,
    LINK_RAW,
    UNKNOWN_LINK,
    below_ethernet,
    link_payload,
)
from analyzer.capture.decode.wrapped_links import ENCRYPTED_PAYLOAD, NO_PAYLOAD, link_layer
from analyzer.diagnostics import ENCRYPTED, HEADER_CUT, UNKNOWN_LINK_TYPE, note
from analyzer.engine.octets import u16, u32
from analyzer.schema import ABSENT, KIND_OTHER, KIND_WRAPPED

NO_TUNNEL, VXLAN, GENEVE, GRE, NVGRE, ERSPAN, IPIP = range(7)
ETHERIP, MPLS, GTP, TEREDO, L2TP, LISP, MAC_IN_MAC = range(7, 14)
CAPWAP, TZSP = 14, 15
TUNNEL_NAMES = (
    *("", "vxlan", "geneve", "gre", "nvgre", "erspan", "ipip"),
    *("etherip", "mpls", "gtp", "teredo", "l2tp", "lisp", "mac-in-mac"),
    *("capwap", "tzsp"),
)

NEXT_PROTOCOLS = (
    (1, LINK_RAW),
    (2, LINK_RAW),
    (3, LINK_ETHERNET),
    (4, LAYER_ETHERTYPE + ETHERTYPE_NSH),
    (5, LAYER_ETHERTYPE + ETHERTYPE_MPLS),
)
"""Next protocols of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.1) and NSH (RFC 8300 §2.2)."""

GRE_CHECKSUM, GRE_ROUTING, GRE_KEY, GRE_SEQUENCE, GRE_ACK = 0x8000, 0x4000, 0x2000, 0x1000, 0x0080
PROTOCOL_TYPE_WCCP, PROTOCOL_TYPE_PPP, PROTOCOL_TYPE_ERSPAN, PROTOCOL_TYPE_ERSPAN3 = 0x883E, 0x880B, 0x88BE, 0x22EB
FIRST_VSID = 0x1000  # RFC 7637 §3.2; a key below it is that of a bridge over plain GRE
GTP_USER_DATA = 255
CAPWAP_NATIVE, CAPWAP_FRAGMENT, CAPWAP_KEEPALIVE = 0x100, 0x80, 0x08
TZSP_ETHERNET, TZSP_80211, TZSP_PADDING, TZSP_END = 1, 18, 0, 1
L2TP_CONTROL, L2TP_LENGTH, L2TP_SEQUENCE, L2TP_OFFSET = 0x8000, 0x4000, 0x0800, 0x0200

Peeled = tuple[int, int, int, int]
"""The next layer and its offset (as from `link_layer`), the kind of tunnel that it was in, and the tunnel's number or
-1."""


def unwrap(buffer: Any, packets: Any, count: int, layers: Any, counts: Any) -> int:
    """Kernel: peel one layer off every wrapped packet and decode the next one, in the same row.

    Returns the rows of `layers` written: one for each packet that came through a tunnel.
    """
    rows = 0
    for row in range(count):
        if packets.kind[row] != KIND_WRAPPED:
            continue
        packets.kind[row] = KIND_OTHER
        stop, wire_stop = packets.ack[row], packets.payload_len[row]  # as headers.wrap has left them
        layer, at, tunnel, identifier = peel(buffer, packets.seq[row], stop, packets.ports[row])
        if layer == UNKNOWN_LINK:
            note(counts, UNKNOWN_LINK_TYPE, packets.frame[row])
        elif layer == ENCRYPTED_PAYLOAD:
            note(counts, ENCRYPTED, packets.frame[row])
        elif layer == CUT and stop < wire_stop:
            note(counts, HEADER_CUT, packets.frame[row])
        if layer < 0:
            continue
        if tunnel != NO_TUNNEL:
            layers.row[rows], layers.kind[rows], layers.identifier[rows] = row, tunnel, identifier
            layers.src_hi[rows], layers.src_lo[rows] = packets.src_hi[row], packets.src_lo[row]
            layers.dst_hi[rows], layers.dst_lo[rows] = packets.dst_hi[row], packets.dst_lo[row]
            rows += 1
        if layer < LAYER_ETHERTYPE:
            ethertype, at = link_payload(buffer, at, stop, layer)
        else:
            ethertype, at = below_ethernet(buffer, layer - LAYER_ETHERTYPE, at, stop)
        if ethertype == UNKNOWN_LINK:
            packets.kind[row] = wrap(packets, row, layer, at, stop, wire_stop)
        else:
            packets.kind[row] = network_layer(buffer, ethertype, at, stop, wire_stop, packets, row, counts)
    return rows


def peel(buffer: Any, at: int, stop: int, layer: int) -> Peeled:
    """Peel one layer off buffer[at:stop], which begins with `layer`."""
    if layer < LAYER_ETHERTYPE:
        follows, at = link_layer(buffer, at, stop, layer)
        return follows, at, NO_TUNNEL, ABSENT
    if layer < LAYER_PROTOCOL:
        return below_tag(buffer, at, stop, layer - LAYER_ETHERTYPE)
    if layer < LAYER_PORT:
        return in_ip(buffer, at, stop, layer - LAYER_PROTOCOL)
    return in_udp(buffer, at + 8, stop, layer - LAYER_PORT)


def in_ip(buffer: Any, at: int, stop: int, protocol: int) -> Peeled:
    if protocol == PROTOCOL_GRE:
        return gre(buffer, at, stop)
    if protocol == PROTOCOL_IPV4 or protocol == PROTOCOL_IPV6:  # RFC 2003, RFC 2473, RFC 4213
        return LINK_RAW, at, IPIP, ABSENT
    if protocol == PROTOCOL_ETHERIP:  # RFC 3378
        return LINK_ETHERNET, at + 2, ETHERIP, ABSENT
    if protocol == PROTOCOL_ETHERNET:  # RFC 8986 §4.9
        return LINK_ETHERNET, at, ETHERIP, ABSENT
    if protocol == PROTOCOL_L2TP:
        return l2tp_session(buffer, at, stop)
    if protocol == PROTOCOL_MPLS:  # RFC 4023
        return LAYER_ETHERTYPE + ETHERTYPE_MPLS, at, MPLS, ABSENT
    return NO_PAYLOAD, at, NO_TUNNEL, ABSENT


def in_udp(buffer: Any, at: int, stop: int, port: int) -> Peeled:
    if at + 8 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    if port == PORT_VXLAN or port == PORT_VXLAN_LINUX or port == PORT_VXLAN_GPE:
        return vxlan(buffer, at, port)
    if port == PORT_GENEVE:
        return geneve(buffer, at)
    if port == PORT_GTP:
        return gtp(buffer, at, stop)
    if port == PORT_TEREDO:
        return teredo(buffer, at, stop)
    if port == PORT_L2TP:
        return l2tp(buffer, at, stop)
    if port == PORT_CAPWAP:
        return capwap(buffer, at, stop)
    if port == PORT_TZSP:
        return tzsp(buffer, at, stop)
    if port == PORT_LISP:  # RFC 9300 §5.1; the instance is of no use, since the direction back may have another
        return LINK_RAW, at + 8, LISP, ABSENT
    if port == PORT_MPLS:  # RFC 7510
        return LAYER_ETHERTYPE + ETHERTYPE_MPLS, at, MPLS, ABSENT
    return NO_PAYLOAD, at, NO_TUNNEL, ABSENT


def next_protocol(number: int) -> int:
    for known, layer in NEXT_PROTOCOLS:
        if number == known:
            return layer
    return NO_PAYLOAD


def vxlan(buffer: Any, at: int, port: int) -> Peeled:
    """Peel VXLAN (RFC 7348 §5): the I flag says that the VNI is valid; group policy and GPE use reserved bits."""
    flags = buffer[at]
    vni = u32(buffer, at + 4) >> 8
    if port == PORT_VXLAN_GPE:
        is_plausible = flags & 0x08
        follows = next_protocol(buffer[at + 3]) if flags & 0x04 else LINK_ETHERNET
    else:
        is_plausible = (flags == 0x08 or flags == 0x88) and buffer[at + 7] == 0
        follows = LINK_ETHERNET
    return follows if is_plausible else NO_PAYLOAD, at + 8, VXLAN, vni


def geneve(buffer: Any, at: int) -> Peeled:
    """Peel Geneve (RFC 8926 §3.4)."""
    version, reserved = buffer[at] >> 6, buffer[at + 1] & 0x3F
    if version != 0 or reserved != 0 or buffer[at + 7] != 0:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    octets = 8 + (buffer[at] & 0x3F) * 4
    return ethertype_layer(u16(buffer, at + 2)), at + octets, GENEVE, u32(buffer, at + 4) >> 8


def ethertype_layer(ethertype: int) -> int:
    """Return the layer of an ethertype; whole Ethernet frames have one, too."""
    return LINK_ETHERNET if ethertype == ETHERTYPE_BRIDGE else LAYER_ETHERTYPE + ethertype


def gre(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel GRE (RFC 2784 §2, RFC 2890 §2); version 1 is that of PPTP (RFC 2637 §4.1)."""
    if at + 4 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    flags, protocol = u16(buffer, at), u16(buffer, at + 2)
    key_at = at + 8 if flags & GRE_CHECKSUM else at + 4
    payload = key_at + (4 if flags & GRE_KEY else 0) + (4 if flags & GRE_SEQUENCE else 0)
    if payload > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    if flags & 0x07 == 1 and protocol == PROTOCOL_TYPE_PPP:  # its key has lengths and the receiver's call number
        return LINK_PPP, payload + (4 if flags & GRE_ACK else 0), GRE, ABSENT
    if flags & 0x07 or flags & GRE_ROUTING:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    key = u32(buffer, key_at) if flags & GRE_KEY else ABSENT
    if protocol == PROTOCOL_TYPE_ERSPAN or protocol == PROTOCOL_TYPE_ERSPAN3:
        return erspan(buffer, payload, stop, flags & GRE_SEQUENCE)
    if protocol == ETHERTYPE_BRIDGE and key >> 8 >= FIRST_VSID:
        return LINK_ETHERNET, payload, NVGRE, key >> 8
    if protocol == PROTOCOL_TYPE_PPP:
        return LINK_PPP, payload, GRE, ABSENT
    if protocol == PROTOCOL_TYPE_WCCP and payload < stop:  # version 2 has a header of its own before IP
        return LINK_RAW, payload if buffer[payload] >> 4 == 4 else payload + 4, GRE, ABSENT
    return ethertype_layer(protocol), payload, GRE, ABSENT


def erspan(buffer: Any, at: int, stop: int, has_header: int) -> Peeled:
    """Peel ERSPAN (draft-foschiano-erspan-03 §4): type I has no header, type III may carry IP without Ethernet.

    What a port sends and what it receives may be two sessions.
    """
    if not has_header:
        return LINK_ETHERNET, at, ERSPAN, ABSENT
    if at + 12 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    version = buffer[at] >> 4
    if version == 1:
        return LINK_ETHERNET, at + 8, ERSPAN, ABSENT
    if version != 2:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    has_more, is_ip = buffer[at + 11] & 1, buffer[at + 10] >> 2 & 0x1F == 2
    return LINK_RAW if is_ip else LINK_ETHERNET, at + (20 if has_more else 12), ERSPAN, ABSENT


def gtp(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel GTP (3GPP TS 29.281 §5.1, §5.2): user data of version 1, behind any extension headers."""
    flags = buffer[at]
    if flags & 0xF0 != 0x30 or buffer[at + 1] != GTP_USER_DATA:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    payload = at + 8
    if flags & 0x07:
        payload += 4
        while True:
            if payload > stop:
                return CUT, at, NO_TUNNEL, ABSENT
            if not flags & 0x04 or buffer[payload - 1] == 0:
                break
            if payload >= stop or buffer[payload] == 0:  # cut, or an extension that does not go on
                return CUT, at, NO_TUNNEL, ABSENT
            payload += buffer[payload] * 4
    return LINK_RAW, payload, GTP, ABSENT


def teredo(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel Teredo (RFC 4380 §5.1.1): authentication and origin indication may stand before IPv6."""
    if u16(buffer, at) == 1:
        at += 13 + buffer[at + 2] + buffer[at + 3]
    if at + 2 <= stop and u16(buffer, at) == 0:
        at += 8
    return LINK_RAW, at, TEREDO, ABSENT


def l2tp(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel L2TP: data messages of version 2, which carry PPP (RFC 2661 §3.1), and those of version 3 (RFC 3931
    §4.1.2.1)."""
    flags = u16(buffer, at)
    if flags & (L2TP_CONTROL | 0x0F) == 3:
        return l2tp_session(buffer, at + 4, stop)
    if flags & L2TP_CONTROL or flags & 0x0F != 2:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    payload = at + 6 + (2 if flags & L2TP_LENGTH else 0) + (4 if flags & L2TP_SEQUENCE else 0)
    if flags & L2TP_OFFSET:
        if payload + 2 > stop:
            return CUT, at, NO_TUNNEL, ABSENT
        payload += 2 + u16(buffer, payload)
    return LINK_PPP, payload, L2TP, ABSENT


def l2tp_session(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel an L2TPv3 session (RFC 3931 §4.1): a session number, a cookie of 0, 4 or 8 octets and perhaps a sublayer.

    Nothing says how long these are: what follows is taken for Ethernet where it looks like that. Numbers differ by
    direction; 0 is the control connection.
    """
    if at + 4 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    for octets in (4, 8, 12, 16):
        if u32(buffer, at) != 0 and is_ethernet(buffer, at + octets, stop):
            return LINK_ETHERNET, at + octets, L2TP, ABSENT
    return NO_PAYLOAD, at, NO_TUNNEL, ABSENT


def capwap(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel CAPWAP (RFC 5415 §4.3): Ethernet, or the frames of the radio (RFC 5416); the first fragment only, and no
    DTLS."""
    bits = u32(buffer, at) & 0xFFFFFF
    payload = at + (bits >> 19) * 4
    if buffer[at] == 1:
        return ENCRYPTED_PAYLOAD, at, NO_TUNNEL, ABSENT
    is_later = bits & CAPWAP_FRAGMENT and u16(buffer, at + 6) & 0xFFF8
    if buffer[at] != 0 or payload < at + 8 or bits & CAPWAP_KEEPALIVE or is_later:
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    if not bits & CAPWAP_NATIVE:
        return LINK_ETHERNET, payload, CAPWAP, ABSENT
    if payload + 2 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    is_data = buffer[payload] & 0x0F == 0x08
    return (LINK_80211 if is_data else LINK_80211_SWAPPED), payload, CAPWAP, ABSENT


def tzsp(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel the TaZmen Sniffer Protocol, version 1: Ethernet or 802.11 behind tagged fields."""
    protocol = u16(buffer, at + 2)
    if buffer[at] != 1 or buffer[at + 1] > 1 or (protocol != TZSP_ETHERNET and protocol != TZSP_80211):
        return NO_PAYLOAD, at, NO_TUNNEL, ABSENT
    at += 4
    while at + 2 <= stop and buffer[at] != TZSP_END:
        at += 1 if buffer[at] == TZSP_PADDING else 2 + buffer[at + 1]
    if at >= stop or buffer[at] != TZSP_END:
        return CUT, at, NO_TUNNEL, ABSENT
    return (LINK_ETHERNET if protocol == TZSP_ETHERNET else LINK_80211), at + 1, TZSP, ABSENT


def below_tag(buffer: Any, at: int, stop: int, ethertype: int) -> Peeled:
    """Peel what an ethertype announces that is neither IP nor a tag that link.py knows."""
    if at + 8 > stop:
        return CUT, at, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_VN_TAG:  # Cisco VN-Tag
        return LAYER_ETHERTYPE + u16(buffer, at + 4), at + 6, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_E_TAG:  # IEEE 802.1BR §7.5
        return LAYER_ETHERTYPE + u16(buffer, at + 6), at + 8, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_MAC_IN_MAC:  # IEEE 802.1Q §9.7, I-TAG
        return LINK_ETHERNET, at + 4, MAC_IN_MAC, u32(buffer, at) & 0xFFFFFF
    if ethertype == ETHERTYPE_BRIDGE:
        return LINK_ETHERNET, at, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_TRILL:  # RFC 6325 §3
        return LINK_ETHERNET, at + 6 + (u16(buffer, at) >> 6 & 0x1F) * 4, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_MACSEC:  # IEEE 802.1AE §9.3: encrypted, or with its integrity checked only
        if buffer[at] & 0x08:
            return ENCRYPTED_PAYLOAD, at, NO_TUNNEL, ABSENT
        at += 14 if buffer[at] & 0x20 else 6  # with the channel's name
        return LAYER_ETHERTYPE + u16(buffer, at) if at + 2 <= stop else CUT, at + 2, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_NSH:  # RFC 8300 §2.2
        return next_protocol(buffer[at + 3]), at + (u16(buffer, at) & 0x3F) * 4, NO_TUNNEL, ABSENT
    if ethertype == ETHERTYPE_MPLS:
        return pseudowire(buffer, at, stop)
    return NO_PAYLOAD, at, NO_TUNNEL, ABSENT


def pseudowire(buffer: Any, at: int, stop: int) -> Peeled:
    """Peel a pseudowire (RFC 4448 §4): Ethernet below the last label, mostly behind a control word.

    Nothing announces it, so it is recognised by the ethertype.
    """
    for frame in (at + 4, at):
        if is_ethernet(buffer, frame, stop):
            return LINK_ETHERNET, frame, NO_TUNNEL, ABSENT
    return NO_PAYLOAD, at, NO_TUNNEL, ABSENT


def is_ethernet(buffer: Any, at: int, stop: int) -> bool:
    """Tell whether an Ethernet header seems to begin at `at`: its ethertype is one that is decoded here."""
    if at + 14 > stop:
        return False
    ethertype = u16(buffer, at + 12)
    is_ip = ethertype == ETHERTYPE_IPV4 or ethertype == ETHERTYPE_IPV6
    return is_ip or ethertype in (ETHERTYPE_ARP, ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_MPLS)
