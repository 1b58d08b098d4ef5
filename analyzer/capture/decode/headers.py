"""IP, TCP, ICMP and neighbour headers: records in, packets out.

One kernel. It knows IPv4 with options and fragments, IPv6 with extension headers, and authentication
headers. Lengths come from IP headers, never from the captured length: padding is no payload and a
short snapshot length changes nothing unless it cuts the TCP header itself. What begins with something
else, or may be a tunnel, makes a row of kind KIND_WRAPPED for encapsulation.py.
"""

from typing import Any

from analyzer.capture.decode.link import (
    CUT,
    ETHERTYPE_ARP,
    ETHERTYPE_IPV4,
    ETHERTYPE_IPV6,
    LAYER_ETHERTYPE,
    NOTHING,
    UNKNOWN_LINK,
    is_wrapping_ethertype,
    link_payload,
)
from analyzer.diagnostics import ENCRYPTED, HEADER_CUT, LATER_FRAGMENT, MALFORMED_HEADER, note
from analyzer.engine.octets import i64, u16, u32
from analyzer.schema import (
    ACK,
    KIND_ICMP_ERROR,
    KIND_NEIGHBOUR,
    KIND_OTHER,
    KIND_TCP,
    KIND_WRAPPED,
    NEIGHBOUR_ANSWERED,
    NEIGHBOUR_ASKED,
    NEIGHBOUR_CLAIMED,
    SYN,
)
from analyzer.sequence import seq_diff

IPV4_MAPPED = 0xFFFF << 32
"""IPv4 addresses are held as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2)."""

PROTOCOL_HOP_BY_HOP, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_ROUTING = 0, 1, 6, 43
PROTOCOL_FRAGMENT, PROTOCOL_AH, PROTOCOL_ICMPV6, PROTOCOL_DESTINATION = 44, 51, 58, 60
PROTOCOL_IPV4, PROTOCOL_UDP, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 17, 41, 47
PROTOCOL_ESP, PROTOCOL_ETHERIP, PROTOCOL_L2TP, PROTOCOL_MPLS, PROTOCOL_ETHERNET = 50, 97, 115, 137, 143

PORT_L2TP, PORT_GTP, PORT_TEREDO, PORT_LISP, PORT_VXLAN, PORT_VXLAN_GPE = 1701, 2152, 3544, 4341, 4789, 4790
PORT_CAPWAP, PORT_GENEVE, PORT_MPLS, PORT_VXLAN_LINUX, PORT_TZSP = 5247, 6081, 6635, 8472, 37008
PORT_IPSEC_NAT, PORT_WIREGUARD = 4500, 51820

LAYER_PROTOCOL, LAYER_PORT = 2 << 16, 3 << 16
"""Offsets added to an IP protocol or a UDP port, beside link.LAYER_ETHERTYPE: what `inner_layer` may hold."""
NO_LAYER = -1

ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, ICMP_TIME_EXCEEDED, ICMP_PARAMETER = 3, 4, 11, 12
ICMPV6_UNREACHABLE, ICMPV6_TIME_EXCEEDED, ICMPV6_PARAMETER = 1, 3, 4
ICMPV6_TYPES = 64
"""Offset added to the type of an ICMPv6 error, so that one number tells it from ICMP's."""
ICMPV6_SOLICITATION, ICMPV6_ADVERTISEMENT = 135, 136

WIREGUARD_DATA = 4 << 24
"""The type of a message, and three reserved octets."""

OPTION_END, OPTION_NOP, OPTION_WINDOW_SCALE, OPTION_SACK, OPTION_TIMESTAMP = 0, 1, 3, 5, 8
ONLY_TIMESTAMP_OCTETS = 32  # NOP, NOP, timestamp: what nearly every segment carries
MAX_WINDOW_SHIFT = 14  # RFC 7323 §2.3
MAX_OFFLOADED = 1 << 20
"""Longest segment that is handed to a card for segmentation, whatever a record claims to have had on the wire."""


def decode(buffer: Any, records: Any, count: int, first_frame: int, packets: Any, counts: Any) -> int:
    """Kernel: decode `count` records, of which the first is frame `first_frame`; return the rows of packets written.

    Only TCP segments, ICMP errors that quote one, ARP or neighbour discovery, and wrapped packets make a row.
    """
    kind, frame, ts_ns, tunnel = packets.kind, packets.frame, packets.ts_ns, packets.tunnel
    rows = 0
    for index in range(count):
        start = records.offset[index]
        stop = start + records.captured_len[index]
        frame[rows] = first_frame + index
        ts_ns[rows] = records.ts_ns[index]
        tunnel[rows] = 0
        ethertype, at = link_payload(buffer, start, stop, records.link_type[index])
        wire_stop = start + records.wire_len[index]
        if ethertype == ETHERTYPE_IPV4:
            what = ipv4(buffer, at, stop, wire_stop, packets, rows, counts)
        elif ethertype == UNKNOWN_LINK:
            what = wrap(packets, rows, records.link_type[index], at, stop, wire_stop)
        else:
            what = network_layer(buffer, ethertype, at, stop, wire_stop, packets, rows, counts)
        if what != KIND_OTHER:
            kind[rows] = what
            rows += 1
    return rows


def network_layer(
    buffer: Any, ethertype: int, at: int, stop: int, wire_stop: int, packets: Any, row: int, counts: Any
) -> int:
    """Decode what the ethertype announces; return the kind of packet that the row now holds."""
    if ethertype == ETHERTYPE_IPV4:
        return ipv4(buffer, at, stop, wire_stop, packets, row, counts)
    if ethertype == ETHERTYPE_IPV6:
        return ipv6(buffer, at, stop, wire_stop, packets, row, counts)
    if ethertype == ETHERTYPE_ARP:
        return arp(buffer, at, stop, packets, row)
    if ethertype == CUT:
        note(counts, HEADER_CUT, packets.frame[row])
    elif ethertype != NOTHING and is_wrapping_ethertype(ethertype):
        return wrap(packets, row, LAYER_ETHERTYPE + ethertype, at, stop, wire_stop)
    return KIND_OTHER


def wrap(packets: Any, row: int, layer: int, at: int, stop: int, wire_stop: int) -> int:
    """Leave the row to encapsulation.py, with its layer and limits in columns that are free; four more columns would
    cost every packet 0.05 µs. Return KIND_WRAPPED."""
    packets.ports[row] = layer
    packets.seq[row] = at
    packets.ack[row] = stop
    packets.payload_len[row] = wire_stop
    return KIND_WRAPPED


def tunnel_layer(buffer: Any, protocol: int, at: int, stop: int) -> int:
    """Return the LAYER_* of what may be a tunnel, by protocol or port; NO_LAYER otherwise."""
    if protocol == PROTOCOL_UDP:
        if at + 8 > stop:
            return NO_LAYER
        port = u16(buffer, at + 2)
        if port in (PORT_VXLAN, PORT_VXLAN_LINUX, PORT_GENEVE, PORT_GTP, PORT_VXLAN_GPE, PORT_LISP, PORT_MPLS):
            return LAYER_PORT + port
        for either in (port, u16(buffer, at)):
            if either in (PORT_TEREDO, PORT_L2TP, PORT_CAPWAP, PORT_TZSP):
                return LAYER_PORT + either
        return NO_LAYER
    return LAYER_PROTOCOL + protocol if is_tunnel(protocol) else NO_LAYER


def is_tunnel(protocol: int) -> bool:
    is_ip = protocol == PROTOCOL_IPV4 or protocol == PROTOCOL_IPV6
    return is_ip or protocol in (PROTOCOL_GRE, PROTOCOL_ETHERIP, PROTOCOL_L2TP, PROTOCOL_MPLS, PROTOCOL_ETHERNET)


def is_encrypted(buffer: Any, protocol: int, at: int, stop: int) -> bool:
    """Tell whether a payload is ESP (RFC 4303), also behind a NAT (RFC 3948 §2: there IKE begins with zeros), or
    WireGuard's data."""
    if protocol == PROTOCOL_ESP:
        return True
    if protocol != PROTOCOL_UDP or at + 16 > stop:
        return False
    source, target = u16(buffer, at), u16(buffer, at + 2)
    if source == PORT_IPSEC_NAT or target == PORT_IPSEC_NAT:
        return u32(buffer, at + 8) != 0
    return (source == PORT_WIREGUARD or target == PORT_WIREGUARD) and u32(buffer, at + 8) == WIREGUARD_DATA


def ipv4(buffer: Any, at: int, stop: int, wire_stop: int, packets: Any, row: int, counts: Any) -> int:
    """Decode IPv4 (RFC 791 §3.1); return the kind of packet that the row now holds."""
    if at + 20 > stop:
        note(counts, HEADER_CUT, packets.frame[row])
        return KIND_OTHER
    header_len = (buffer[at] & 0x0F) * 4
    total_len = u16(buffer, at + 2)
    if total_len == 0:
        total_len = min(wire_stop - at, MAX_OFFLOADED)  # segmentation offload: the length is not filled in yet
    if header_len < 20 or total_len < header_len or buffer[at] >> 4 != 4:
        note(counts, MALFORMED_HEADER, packets.frame[row])
        return KIND_OTHER
    protocol = buffer[at + 9]
    if protocol != PROTOCOL_TCP and protocol != PROTOCOL_ICMP:
        return ipv4_with_more(buffer, at, stop, at + total_len, packets, row, counts)
    if u16(buffer, at + 6) & 0x1FFF:
        note(counts, LATER_FRAGMENT, packets.frame[row])
        return KIND_OTHER
    packets.ip_id[row] = u16(buffer, at + 4)
    packets.ttl[row] = buffer[at + 8]
    payload, end = at + header_len, at + total_len
    if protocol == PROTOCOL_ICMP:
        return icmp(buffer, payload, min(stop, end), packets, row)
    ipv4_addresses(buffer, at, packets, row)
    return tcp(buffer, payload, stop, end, packets, row, counts)


def ipv4_addresses(buffer: Any, at: int, packets: Any, row: int) -> None:
    packets.src_hi[row] = 0
    packets.dst_hi[row] = 0
    packets.src_lo[row] = IPV4_MAPPED + u32(buffer, at + 12)
    packets.dst_lo[row] = IPV4_MAPPED + u32(buffer, at + 16)


def ipv4_with_more(buffer: Any, at: int, stop: int, end: int, packets: Any, row: int, counts: Any) -> int:
    """Decode IPv4 that carries neither TCP nor ICMP, but perhaps a tunnel, or TCP behind an authentication header."""
    protocol, payload = buffer[at + 9], at + (buffer[at] & 0x0F) * 4
    if u16(buffer, at + 6) & 0x1FFF:
        if is_tunnel(protocol):
            note(counts, LATER_FRAGMENT, packets.frame[row])
        return KIND_OTHER
    if protocol == PROTOCOL_AH:  # RFC 4302 §2
        protocol, payload, _ = after_extension_headers(buffer, protocol, payload, stop)
        if protocol == PROTOCOL_AH:
            note(counts, HEADER_CUT, packets.frame[row])
    if is_encrypted(buffer, protocol, payload, stop):
        note(counts, ENCRYPTED, packets.frame[row])
        return KIND_OTHER
    layer = tunnel_layer(buffer, protocol, payload, stop)
    packets.ip_id[row] = u16(buffer, at + 4)
    packets.ttl[row] = buffer[at + 8]
    ipv4_addresses(buffer, at, packets, row)
    if protocol == PROTOCOL_TCP:
        return tcp(buffer, payload, stop, end, packets, row, counts)
    return wrap(packets, row, layer, payload, min(stop, end), end) if layer != NO_LAYER else KIND_OTHER


def ipv6(buffer: Any, at: int, stop: int, wire_stop: int, packets: Any, row: int, counts: Any) -> int:
    """Decode IPv6 (RFC 8200 §3, §4); return the kind of packet that the row now holds."""
    if at + 40 > stop:
        note(counts, HEADER_CUT, packets.frame[row])
        return KIND_OTHER
    payload_len = u16(buffer, at + 4)
    end = at + 40 + payload_len
    if payload_len == 0:
        end = min(wire_stop, at + MAX_OFFLOADED)  # segmentation offload or jumbogram
    protocol, payload, is_later_fragment = after_extension_headers(buffer, buffer[at + 6], at + 40, stop)
    layer = NO_LAYER
    if protocol != PROTOCOL_TCP and protocol != PROTOCOL_ICMPV6:
        if is_later_fragment:
            if is_tunnel(protocol):
                note(counts, LATER_FRAGMENT, packets.frame[row])
            return KIND_OTHER
        if is_extension(protocol):
            note(counts, HEADER_CUT, packets.frame[row])
        if is_encrypted(buffer, protocol, payload, stop):
            note(counts, ENCRYPTED, packets.frame[row])
            return KIND_OTHER
        layer = tunnel_layer(buffer, protocol, payload, stop)
        if layer == NO_LAYER:
            return KIND_OTHER
    if is_later_fragment:
        note(counts, LATER_FRAGMENT, packets.frame[row])
        return KIND_OTHER
    packets.ip_id[row] = -1
    packets.ttl[row] = buffer[at + 7]
    packets.src_hi[row] = i64(buffer, at + 8)
    packets.src_lo[row] = i64(buffer, at + 16)
    packets.dst_hi[row] = i64(buffer, at + 24)
    packets.dst_lo[row] = i64(buffer, at + 32)
    if protocol == PROTOCOL_ICMPV6:
        return icmpv6(buffer, payload, min(stop, end), packets, row)
    if layer != NO_LAYER:
        return wrap(packets, row, layer, payload, min(stop, end), end)
    return tcp(buffer, payload, stop, end, packets, row, counts)


def is_extension(protocol: int) -> bool:
    """Tell whether a protocol is an extension header. After all that were captured, that means: the rest is cut off."""
    is_options = protocol in (PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_DESTINATION)
    return is_options or protocol == PROTOCOL_FRAGMENT or protocol == PROTOCOL_AH


def after_extension_headers(buffer: Any, protocol: int, at: int, stop: int) -> tuple[int, int, int]:
    """Skip extension headers (RFC 8200 §4); return the protocol, its offset, and 1 for a fragment without transport
    header."""
    is_later_fragment = 0
    while at + 8 <= stop:
        if protocol in (PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_DESTINATION):
            protocol, at = buffer[at], at + (buffer[at + 1] + 1) * 8
        elif protocol == PROTOCOL_FRAGMENT:
            is_later_fragment = 1 if u16(buffer, at + 2) & 0xFFF8 else is_later_fragment
            protocol, at = buffer[at], at + 8
            if is_later_fragment:
                break
        elif protocol == PROTOCOL_AH:
            protocol, at = buffer[at], at + (buffer[at + 1] + 2) * 4
        else:
            break
    return protocol, at, is_later_fragment


def tcp(buffer: Any, at: int, stop: int, end: int, packets: Any, row: int, counts: Any) -> int:
    """Decode TCP (RFC 9293 §3.1); `end` is where the IP header says that the segment ends."""
    if at + 20 > stop:
        note(counts, HEADER_CUT, packets.frame[row])
        return KIND_OTHER
    header_len = (buffer[at + 12] >> 4) * 4
    payload_len = end - at - header_len
    if header_len < 20 or payload_len < 0:
        note(counts, MALFORMED_HEADER, packets.frame[row])
        return KIND_OTHER
    flags = buffer[at + 13]
    packets.ports[row] = u32(buffer, at)
    packets.seq[row] = u32(buffer, at + 4)
    packets.ack[row] = u32(buffer, at + 8) if flags & ACK else 0
    packets.flags[row] = flags
    packets.window[row] = u16(buffer, at + 14)
    packets.payload_len[row] = payload_len
    packets.window_shift[row] = -1
    packets.tsval[row] = packets.tsecr[row] = -1
    packets.has_dsack[row] = 0
    if header_len == ONLY_TIMESTAMP_OCTETS and at + 32 <= stop and buffer[at + 22] == OPTION_TIMESTAMP:
        packets.tsval[row], packets.tsecr[row] = u32(buffer, at + 24), u32(buffer, at + 28)
    elif header_len > 20:
        tcp_options(buffer, at + 20, min(stop, at + header_len), flags, packets, row)
    return KIND_TCP


def tcp_options(buffer: Any, at: int, stop: int, flags: int, packets: Any, row: int) -> None:
    """Read the options that matter: window scale of a SYN, timestamp, duplicate SACK (RFC 9293 §3.2, RFC 7323 §2.2 and
    §3.2, RFC 2883 §4)."""
    while at < stop:
        option = buffer[at]
        if option == OPTION_END:
            return
        if option == OPTION_NOP:
            at += 1
            continue
        length = buffer[at + 1] if at + 1 < stop else 0
        if length < 2 or at + length > stop:
            return
        if option == OPTION_TIMESTAMP and length == 10:
            packets.tsval[row], packets.tsecr[row] = u32(buffer, at + 2), u32(buffer, at + 6)
        elif option == OPTION_WINDOW_SCALE and length == 3 and flags & SYN:
            packets.window_shift[row] = min(buffer[at + 2], MAX_WINDOW_SHIFT)
        elif option == OPTION_SACK and length >= 10:
            packets.has_dsack[row] = is_duplicate_sack(buffer, at, length, packets.ack[row])
        at += length


def is_duplicate_sack(buffer: Any, at: int, length: int, ack: int) -> bool:
    """Tell whether a SACK option reports a duplicate (RFC 2883 §4): its first block lies below SEG.ACK, or within the
    second."""
    left, right = u32(buffer, at + 2), u32(buffer, at + 6)
    if seq_diff(right, ack) <= 0:
        return True
    return length >= 18 and seq_diff(left, u32(buffer, at + 10)) >= 0 and seq_diff(right, u32(buffer, at + 14)) <= 0


def icmp(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """Decode an ICMP error and the segment that it quotes, eight octets of it at least (RFC 792)."""
    if at + 28 > stop:
        return KIND_OTHER
    kind, code = buffer[at], buffer[at + 1]
    is_error = kind == ICMP_UNREACHABLE and code != ICMP_FRAGMENTATION_NEEDED
    if not is_error and kind != ICMP_TIME_EXCEEDED and kind != ICMP_PARAMETER:
        return KIND_OTHER
    quoted = at + 8
    header_len = (buffer[quoted] & 0x0F) * 4
    transport = quoted + header_len
    if buffer[quoted] >> 4 != 4 or header_len < 20 or buffer[quoted + 9] != PROTOCOL_TCP or transport + 8 > stop:
        return KIND_OTHER
    ipv4_addresses(buffer, quoted, packets, row)
    return quoted_segment(buffer, transport, kind, code, packets, row)


def icmpv6(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """Decode an ICMPv6 error (RFC 4443 §3), or neighbour discovery (RFC 4861 §4.3, §4.4)."""
    if at + 8 > stop:
        return KIND_OTHER
    kind, code = buffer[at], buffer[at + 1]
    if kind == ICMPV6_SOLICITATION or kind == ICMPV6_ADVERTISEMENT:
        if at + 24 > stop:
            return KIND_OTHER
        is_answer = kind == ICMPV6_ADVERTISEMENT
        if is_answer:
            packets.src_hi[row], packets.src_lo[row] = packets.dst_hi[row], packets.dst_lo[row]
        packets.dst_hi[row] = i64(buffer, at + 8)
        packets.dst_lo[row] = i64(buffer, at + 16)
        is_claim = packets.src_hi[row] == 0 and packets.src_lo[row] == 0  # RFC 4862 §5.4.2
        packets.flags[row] = NEIGHBOUR_ANSWERED if is_answer else NEIGHBOUR_CLAIMED if is_claim else NEIGHBOUR_ASKED
        return KIND_NEIGHBOUR
    if kind != ICMPV6_UNREACHABLE and kind != ICMPV6_TIME_EXCEEDED and kind != ICMPV6_PARAMETER:
        return KIND_OTHER
    quoted = at + 8
    if quoted + 48 > stop or buffer[quoted] >> 4 != 6:
        return KIND_OTHER
    protocol, transport, is_later = after_extension_headers(buffer, buffer[quoted + 6], quoted + 40, stop)
    if protocol != PROTOCOL_TCP or is_later or transport + 8 > stop:
        return KIND_OTHER
    packets.src_hi[row] = i64(buffer, quoted + 8)
    packets.src_lo[row] = i64(buffer, quoted + 16)
    packets.dst_hi[row] = i64(buffer, quoted + 24)
    packets.dst_lo[row] = i64(buffer, quoted + 32)
    return quoted_segment(buffer, transport, ICMPV6_TYPES + kind, code, packets, row)


def quoted_segment(buffer: Any, at: int, kind: int, code: int, packets: Any, row: int) -> int:
    """Read the ports and SEG.SEQ that an ICMP error quotes; more does not fit into eight octets."""
    packets.ports[row] = u32(buffer, at)
    packets.seq[row] = u32(buffer, at + 4)
    packets.ack[row] = 0
    packets.flags[row] = kind * 256 + code
    packets.window[row] = 0
    packets.payload_len[row] = 0
    packets.window_shift[row] = -1
    packets.tsval[row] = packets.tsecr[row] = -1
    packets.has_dsack[row] = 0
    return KIND_ICMP_ERROR


def arp(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """Decode ARP for IPv4 (RFC 826): the source is who asks (or is answered), the destination the address in
    question."""
    if at + 28 > stop or u16(buffer, at + 2) != ETHERTYPE_IPV4 or buffer[at + 4] != 6 or buffer[at + 5] != 4:
        return KIND_OTHER
    sender, target = at + 14, at + 24
    is_answer = u16(buffer, at + 6) == 2 or u32(buffer, sender) == u32(buffer, target)  # an announcement, RFC 5227 §3
    packets.src_hi[row] = 0
    packets.dst_hi[row] = 0
    packets.src_lo[row] = IPV4_MAPPED + u32(buffer, target if is_answer else sender)
    packets.dst_lo[row] = IPV4_MAPPED + u32(buffer, sender if is_answer else target)
    is_claim = u32(buffer, sender) == 0  # RFC 5227 §2.1.1
    packets.flags[row] = NEIGHBOUR_ANSWERED if is_answer else NEIGHBOUR_CLAIMED if is_claim else NEIGHBOUR_ASKED
    return KIND_NEIGHBOUR
