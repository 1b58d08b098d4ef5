"""Link layer, IP, TCP, ICMP and neighbour headers: records in, packets out.

One kernel. It knows Ethernet (VLAN, QinQ, MPLS, PPPoE, SNAP, Cisco metadata), raw IP,
NULL and LOOP, SLL and SLL2, IPv4 with options and fragments, IPv6 with extension headers.
Lengths come from IP headers, never from the captured length: padding is no payload and a
short snapshot length changes nothing unless it cuts the TCP header itself.
"""

from collections.abc import Sequence
from typing import Any

from analyzer.diagnostics import HEADER_CUT, LATER_FRAGMENT, MALFORMED_HEADER, UNKNOWN_LINK_TYPE, note
from analyzer.schema import ACK, KIND_ICMP_ERROR, KIND_NEIGHBOUR, KIND_OTHER, KIND_TCP, SYN
from analyzer.sequence import seq_diff

LINK_NULL, LINK_ETHERNET, LINK_RAW_BSD, LINK_RAW_OPENBSD = 0, 1, 12, 14
LINK_RAW, LINK_LOOP, LINK_SLL, LINK_IPV4, LINK_IPV6, LINK_SLL2 = 101, 108, 113, 228, 229, 276

LINK_NAMES = {
    LINK_NULL: "NULL",
    LINK_ETHERNET: "Ethernet",
    LINK_RAW_BSD: "raw IP",
    LINK_RAW_OPENBSD: "raw IP",
    LINK_RAW: "raw IP",
    LINK_LOOP: "LOOP",
    LINK_SLL: "Linux SLL",
    LINK_IPV4: "raw IPv4",
    LINK_IPV6: "raw IPv6",
    LINK_SLL2: "Linux SLL2",
}

ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD
ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD = 0x8100, 0x88A8, 0x9100
ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST = 0x8847, 0x8848
ETHERTYPE_PPPOE, ETHERTYPE_CISCO_METADATA = 0x8864, 0x8909
PPP_IPV4, PPP_IPV6 = 0x0021, 0x0057
NOTHING, CUT, UNKNOWN_LINK = 0, -1, -2

IPV4_MAPPED = 0xFFFF << 32
"""IPv4 addresses are held as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2)."""

PROTOCOL_HOP_BY_HOP, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_ROUTING = 0, 1, 6, 43
PROTOCOL_FRAGMENT, PROTOCOL_AH, PROTOCOL_ICMPV6, PROTOCOL_DESTINATION = 44, 51, 58, 60

ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, ICMP_TIME_EXCEEDED, ICMP_PARAMETER = 3, 4, 11, 12
ICMPV6_UNREACHABLE, ICMPV6_TIME_EXCEEDED, ICMPV6_PARAMETER = 1, 3, 4
ICMPV6_TYPES = 64
"""Added to the type of an ICMPv6 error, so that one number tells it from ICMP's."""
ICMPV6_SOLICITATION, ICMPV6_ADVERTISEMENT = 135, 136

OPTION_END, OPTION_NOP, OPTION_WINDOW_SCALE, OPTION_SACK, OPTION_TIMESTAMP = 0, 1, 3, 5, 8
ONLY_TIMESTAMP_OCTETS = 32  # NOP, NOP, timestamp: what nearly every segment carries
MAX_WINDOW_SHIFT = 14  # RFC 7323 §2.3
MAX_OFFLOADED = 1 << 20
"""No segment handed to a card is longer, whatever a record claims to have had on the wire."""


def decode(buffer: Any, records: Any, count: int, first_frame: int, packets: Any, counts: Any) -> int:
    """Kernel: `count` records whose first is frame `first_frame`; returns the rows of packets written.

    Only TCP segments, ICMP errors that quote one, and ARP or neighbour discovery make a row.
    """
    kind, frame, ts_ns = packets.kind, packets.frame, packets.ts_ns
    rows = 0
    for index in range(count):
        start = records.offset[index]
        stop = start + records.captured_len[index]
        link_type = records.link_type[index]
        frame[rows] = first_frame + index
        ts_ns[rows] = records.ts_ns[index]
        ethertype, at = link_payload(buffer, start, stop, link_type)
        what = KIND_OTHER
        if ethertype == ETHERTYPE_IPV4:
            what = ipv4(buffer, at, stop, start + records.wire_len[index], packets, rows, counts)
        elif ethertype == ETHERTYPE_IPV6:
            what = ipv6(buffer, at, stop, start + records.wire_len[index], packets, rows, counts)
        elif ethertype == ETHERTYPE_ARP:
            what = arp(buffer, at, stop, packets, rows)
        elif ethertype == UNKNOWN_LINK:
            note(counts, UNKNOWN_LINK_TYPE, first_frame + index)
        elif ethertype == CUT:
            note(counts, HEADER_CUT, first_frame + index)
        if what != KIND_OTHER:
            kind[rows] = what
            rows += 1
    return rows


def u16(buffer: Sequence[int], at: int) -> int:
    return buffer[at] * 256 + buffer[at + 1]


def u32(buffer: Sequence[int], at: int) -> int:
    return ((buffer[at] * 256 + buffer[at + 1]) * 256 + buffer[at + 2]) * 256 + buffer[at + 3]


def i64(buffer: Any, at: int) -> int:
    """Eight octets as a signed value, so that addresses fit a signed column."""
    high = u32(buffer, at)
    return (high - ((high & 0x80000000) << 1)) * 4294967296 + u32(buffer, at + 4)


def link_payload(buffer: Any, start: int, stop: int, link_type: int) -> tuple[int, int]:
    """Ethertype and offset of what a frame carries; NOTHING, CUT or UNKNOWN_LINK otherwise."""
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
    """What the version field says where no ethertype does."""
    if at >= stop:
        return CUT, at
    version = buffer[at] >> 4
    if version == 4:
        return ETHERTYPE_IPV4, at
    if version == 6:
        return ETHERTYPE_IPV6, at
    return NOTHING, at


def below_ethernet(buffer: Any, ethertype: int, at: int, stop: int) -> tuple[int, int]:
    """Strip what may stand between the MAC addresses and IP: tags, labels, PPPoE, SNAP."""
    while at + 4 <= stop:
        if ethertype in (ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD):
            ethertype = u16(buffer, at + 2)
            at += 4
        elif ethertype in (ETHERTYPE_MPLS, ETHERTYPE_MPLS_MULTICAST):
            is_bottom = buffer[at + 2] & 1  # RFC 3032 §2.1
            at += 4
            if is_bottom:
                return ip_version(buffer, at, stop)
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


def ipv4(buffer: Any, at: int, stop: int, wire_stop: int, packets: Any, row: int, counts: Any) -> int:
    """RFC 791 §3.1; returns the kind of packet that the row now holds."""
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
        return KIND_OTHER
    if u16(buffer, at + 6) & 0x1FFF:
        note(counts, LATER_FRAGMENT, packets.frame[row])
        return KIND_OTHER
    packets.ip_id[row] = u16(buffer, at + 4)
    packets.ttl[row] = buffer[at + 8]
    payload, end = at + header_len, at + total_len
    if protocol == PROTOCOL_ICMP:
        return icmp(buffer, payload, min(stop, end), packets, row)
    packets.src_hi[row] = 0
    packets.dst_hi[row] = 0
    packets.src_lo[row] = IPV4_MAPPED + u32(buffer, at + 12)
    packets.dst_lo[row] = IPV4_MAPPED + u32(buffer, at + 16)
    return tcp(buffer, payload, stop, end, packets, row, counts)


def ipv6(buffer: Any, at: int, stop: int, wire_stop: int, packets: Any, row: int, counts: Any) -> int:
    """RFC 8200 §3 and §4; returns the kind of packet that the row now holds."""
    if at + 40 > stop:
        note(counts, HEADER_CUT, packets.frame[row])
        return KIND_OTHER
    payload_len = u16(buffer, at + 4)
    end = at + 40 + payload_len
    if payload_len == 0:
        end = min(wire_stop, at + MAX_OFFLOADED)  # segmentation offload or jumbogram
    protocol, payload, is_later_fragment = after_extension_headers(buffer, buffer[at + 6] * 1, at + 40, stop)
    if protocol != PROTOCOL_TCP and protocol != PROTOCOL_ICMPV6:
        if is_extension(protocol) and not is_later_fragment:
            note(counts, HEADER_CUT, packets.frame[row])
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
    return tcp(buffer, payload, stop, end, packets, row, counts)


def is_extension(protocol: int) -> bool:
    """Still an extension header after all that were captured: the rest is cut off."""
    is_options = protocol in (PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_DESTINATION)
    return is_options or protocol == PROTOCOL_FRAGMENT or protocol == PROTOCOL_AH


def after_extension_headers(buffer: Any, protocol: int, at: int, stop: int) -> tuple[int, int, int]:
    """Protocol, offset, and whether it is a fragment without transport header (RFC 8200 §4)."""
    is_later_fragment = 0
    while at + 8 <= stop:
        if protocol in (PROTOCOL_HOP_BY_HOP, PROTOCOL_ROUTING, PROTOCOL_DESTINATION):
            protocol, at = buffer[at] * 1, at + (buffer[at + 1] + 1) * 8
        elif protocol == PROTOCOL_FRAGMENT:
            is_later_fragment = 1 if u16(buffer, at + 2) & 0xFFF8 else is_later_fragment
            protocol, at = buffer[at] * 1, at + 8
            if is_later_fragment:
                break
        elif protocol == PROTOCOL_AH:
            protocol, at = buffer[at] * 1, at + (buffer[at + 1] + 2) * 4
        else:
            break
    return protocol, at, is_later_fragment


def tcp(buffer: Any, at: int, stop: int, end: int, packets: Any, row: int, counts: Any) -> int:
    """RFC 9293 §3.1; `end` is where the IP header says that the segment ends."""
    if at + 20 > stop:
        note(counts, HEADER_CUT, packets.frame[row])
        return KIND_OTHER
    header_len = (buffer[at + 12] >> 4) * 4
    payload_len = end - at - header_len
    if header_len < 20 or payload_len < 0:
        note(counts, MALFORMED_HEADER, packets.frame[row])
        return KIND_OTHER
    flags = buffer[at + 13] * 1
    packets.ports[row] = u32(buffer, at)
    packets.seq[row] = u32(buffer, at + 4)
    packets.ack[row] = u32(buffer, at + 8) if flags & ACK else 0
    packets.flags[row] = flags
    packets.window[row] = u16(buffer, at + 14)
    packets.payload_len[row] = payload_len
    packets.window_shift[row] = -1
    packets.tsval[row] = -1
    packets.has_dsack[row] = 0
    if header_len == ONLY_TIMESTAMP_OCTETS and at + 32 <= stop and buffer[at + 22] == OPTION_TIMESTAMP:
        packets.tsval[row] = u32(buffer, at + 24)
    elif header_len > 20:
        tcp_options(buffer, at + 20, min(stop, at + header_len), flags, packets, row)
    return KIND_TCP


def tcp_options(buffer: Any, at: int, stop: int, flags: int, packets: Any, row: int) -> None:
    """RFC 9293 §3.2, RFC 7323 §2.2 and §3.2, RFC 2883 §4: window scale of a SYN, timestamp, duplicate SACK."""
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
            packets.tsval[row] = u32(buffer, at + 2)
        elif option == OPTION_WINDOW_SCALE and length == 3 and flags & SYN:
            packets.window_shift[row] = min(buffer[at + 2] * 1, MAX_WINDOW_SHIFT)
        elif option == OPTION_SACK and length >= 10:
            packets.has_dsack[row] = seq_diff(u32(buffer, at + 6), packets.ack[row]) <= 0
        at += length


def icmp(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """An ICMP error and the segment that it quotes, eight octets of it at least (RFC 792)."""
    if at + 28 > stop:
        return KIND_OTHER
    kind, code = buffer[at] * 1, buffer[at + 1] * 1
    is_error = kind == ICMP_UNREACHABLE and code != ICMP_FRAGMENTATION_NEEDED
    if not is_error and kind != ICMP_TIME_EXCEEDED and kind != ICMP_PARAMETER:
        return KIND_OTHER
    quoted = at + 8
    header_len = (buffer[quoted] & 0x0F) * 4
    transport = quoted + header_len
    if buffer[quoted] >> 4 != 4 or header_len < 20 or buffer[quoted + 9] != PROTOCOL_TCP or transport + 8 > stop:
        return KIND_OTHER
    packets.src_hi[row] = 0
    packets.dst_hi[row] = 0
    packets.src_lo[row] = IPV4_MAPPED + u32(buffer, quoted + 12)
    packets.dst_lo[row] = IPV4_MAPPED + u32(buffer, quoted + 16)
    return quoted_segment(buffer, transport, kind, code, packets, row)


def icmpv6(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """An ICMPv6 error (RFC 4443 §3), or neighbour discovery (RFC 4861 §4.3, §4.4)."""
    if at + 8 > stop:
        return KIND_OTHER
    kind, code = buffer[at] * 1, buffer[at + 1] * 1
    if kind == ICMPV6_SOLICITATION or kind == ICMPV6_ADVERTISEMENT:
        if at + 24 > stop:
            return KIND_OTHER
        is_answer = kind == ICMPV6_ADVERTISEMENT
        if is_answer:
            packets.src_hi[row], packets.src_lo[row] = packets.dst_hi[row], packets.dst_lo[row]
        packets.dst_hi[row] = i64(buffer, at + 8)
        packets.dst_lo[row] = i64(buffer, at + 16)
        packets.flags[row] = 1 if is_answer else 0
        return KIND_NEIGHBOUR
    if kind != ICMPV6_UNREACHABLE and kind != ICMPV6_TIME_EXCEEDED and kind != ICMPV6_PARAMETER:
        return KIND_OTHER
    quoted = at + 8
    if quoted + 48 > stop or buffer[quoted] >> 4 != 6:
        return KIND_OTHER
    protocol, transport, is_later = after_extension_headers(buffer, buffer[quoted + 6] * 1, quoted + 40, stop)
    if protocol != PROTOCOL_TCP or is_later or transport + 8 > stop:
        return KIND_OTHER
    packets.src_hi[row] = i64(buffer, quoted + 8)
    packets.src_lo[row] = i64(buffer, quoted + 16)
    packets.dst_hi[row] = i64(buffer, quoted + 24)
    packets.dst_lo[row] = i64(buffer, quoted + 32)
    return quoted_segment(buffer, transport, ICMPV6_TYPES + kind, code, packets, row)


def quoted_segment(buffer: Any, at: int, kind: int, code: int, packets: Any, row: int) -> int:
    """The ports and SEG.SEQ that an ICMP error quotes; all that eight octets hold."""
    packets.ports[row] = u32(buffer, at)
    packets.seq[row] = u32(buffer, at + 4)
    packets.ack[row] = 0
    packets.flags[row] = kind * 256 + code
    packets.window[row] = 0
    packets.payload_len[row] = 0
    packets.window_shift[row] = -1
    packets.tsval[row] = -1
    packets.has_dsack[row] = 0
    return KIND_ICMP_ERROR


def arp(buffer: Any, at: int, stop: int, packets: Any, row: int) -> int:
    """RFC 826 for IPv4: who asks (or is told) as source, whom it is about as destination."""
    if at + 28 > stop or u16(buffer, at + 2) != ETHERTYPE_IPV4 or buffer[at + 4] != 6 or buffer[at + 5] != 4:
        return KIND_OTHER
    is_answer = u16(buffer, at + 6) == 2
    sender, target = at + 14, at + 24
    packets.src_hi[row] = 0
    packets.dst_hi[row] = 0
    packets.src_lo[row] = IPV4_MAPPED + u32(buffer, target if is_answer else sender)
    packets.dst_lo[row] = IPV4_MAPPED + u32(buffer, sender if is_answer else target)
    packets.flags[row] = 1 if is_answer else 0
    return KIND_NEIGHBOUR
