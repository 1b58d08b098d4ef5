"""The kernel's capture filter: the default one, and what is added to a compiled one.

Knows classic BPF (linux/filter.h) as instructions (code, jump if true, jump if false, number). Compiling an expression
is libpcap's business; see interface.py.
"""

import struct
from typing import NamedTuple

from analyzer.capture.decode import headers, link

Instruction = tuple[int, int, int, int]

LOAD_WORD_ABSOLUTE, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
PACKET_TYPE = 0xFFFFF000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE: what the kernel knows of the frame, not in it
OUTGOING = 4  # PACKET_OUTGOING

TUNNEL_PROTOCOLS = (
    headers.PROTOCOL_AH,
    headers.PROTOCOL_IPV4,
    headers.PROTOCOL_IPV6,
    headers.PROTOCOL_GRE,
    headers.PROTOCOL_ETHERIP,
    headers.PROTOCOL_MPLS,
    headers.PROTOCOL_ETHERNET,
)
EXTENSION_HEADERS = (
    headers.PROTOCOL_HOP_BY_HOP,
    headers.PROTOCOL_ROUTING,
    headers.PROTOCOL_FRAGMENT,
    headers.PROTOCOL_DESTINATION,
)
TUNNEL_PORTS = (
    headers.PORT_L2TP,
    headers.PORT_GTP,
    headers.PORT_TEREDO,
    headers.PORT_LISP,
    headers.PORT_VXLAN,
    headers.PORT_VXLAN_GPE,
    headers.PORT_GENEVE,
    headers.PORT_MPLS,
    headers.PORT_VXLAN_LINUX,
)
WRAPPING_ETHERTYPES = (
    link.ETHERTYPE_VLAN,
    link.ETHERTYPE_QINQ,
    link.ETHERTYPE_MPLS,
    link.ETHERTYPE_MPLS_MULTICAST,
    link.ETHERTYPE_PPPOE,
    link.ETHERTYPE_CISCO_METADATA,
    link.ETHERTYPE_MAC_IN_MAC,
    link.ETHERTYPE_VN_TAG,
    link.ETHERTYPE_E_TAG,
    link.ETHERTYPE_NSH,
)
DEFAULT_FILTER = " or ".join((
    "tcp or icmp or icmp6 or arp",
    *(f"ip proto {number} or ip6 proto {number}" for number in TUNNEL_PROTOCOLS),
    *(f"ip6 proto {number}" for number in EXTENSION_HEADERS),
    *(f"udp port {port}" for port in TUNNEL_PORTS),
    *(f"ether proto {number}" for number in WRAPPING_ETHERTYPES),
))  # fmt: skip
"""Lets through TCP, ICMP, ARP and neighbour discovery, and whatever may wrap them. All other UDP stays in the
kernel."""


class Program(NamedTuple):
    """Instructions that are ready for SO_ATTACH_FILTER."""

    instructions: tuple[Instruction, ...]

    @property
    def octets(self) -> bytes:
        """Pack the instructions as struct sock_filter, one after the other, in this machine's byte order."""
        return b"".join(struct.pack("HBBI", *one) for one in self.instructions)


EVERYTHING: tuple[Instruction, ...] = ((RETURN, 0, 0, 0xFFFFFFFF),)


def program(compiled: tuple[Instruction, ...], snaplen: int, *, without_outgoing: bool) -> Program:
    """Make a compiled filter keep `snaplen` octets of what it lets through, and optionally refuse what is sent.

    A loopback interface shows each packet when it is sent and again when it is received.
    """
    cut = tuple((RETURN, 0, 0, min(number, snaplen)) if code == RETURN else (code, true, false, number)
                for code, true, false, number in compiled)  # fmt: skip
    if not without_outgoing:
        return Program(cut)
    refuse = ((LOAD_WORD_ABSOLUTE, 0, 0, PACKET_TYPE), (JUMP_IF_EQUAL, 0, 1, OUTGOING), (RETURN, 0, 0, 0))
    return Program((*refuse, *cut))  # jumps are relative
