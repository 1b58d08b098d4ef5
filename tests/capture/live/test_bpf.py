"""The filter as the kernel runs it: on a pair of local sockets, which needs no privilege."""

import ctypes
import socket
import struct
from typing import Any

import pytest
from scapy.all import ARP, GRE, ICMP, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, ICMPv6ND_NS, IPv6, IPv6ExtHdrHopByHop, Raw
from scapy.contrib.mpls import MPLS
from scapy.layers.vxlan import VXLAN

from analyzer.capture.decode.link import LINK_ETHERNET, LINK_RAW
from analyzer.capture.live.bpf import DEFAULT_FILTER, EVERYTHING, Instruction, program
from analyzer.capture.live.interface import SO_ATTACH_FILTER, compile_filter
from analyzer.errors import FilterError

INNER = Ether() / IP() / TCP()
KEPT = {
    "tcp": Ether() / IP() / TCP(),
    "tcp over ipv6": Ether() / IPv6() / TCP(),
    "tcp behind an extension header": Ether() / IPv6() / IPv6ExtHdrHopByHop() / TCP(),
    "a later fragment of tcp": Ether() / IP(proto=6, frag=100) / Raw(b"x" * 64),
    "icmp": Ether() / IP() / ICMP(type=3, code=1),
    "arp": Ether() / ARP(),
    "neighbour discovery": Ether() / IPv6() / ICMPv6ND_NS(),
    "vlan": Ether() / Dot1Q(vlan=5) / IP() / TCP(),
    "qinq": Ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / IP() / TCP(),
    "mpls": Ether() / MPLS(label=3) / IP() / TCP(),
    "vxlan": Ether() / IP() / UDP(dport=4789) / VXLAN(vni=7) / INNER,
    "gre": Ether() / IP() / GRE() / IP() / TCP(),
    "ip in ip": Ether() / IP() / IP() / TCP(),
    "6in4": Ether() / IP(proto=41) / IPv6() / TCP(),
}
REFUSED = {
    "dns": Ether() / IP() / UDP(dport=53) / Raw(b"x" * 40),
    "quic": Ether() / IPv6() / UDP(dport=443) / Raw(b"x" * 40),
    "a later fragment of udp": Ether() / IP(proto=17, frag=100) / Raw(b"x" * 64),
    "lldp": Ether(type=0x88CC) / Raw(b"x" * 40),
}


def let_through(instructions: tuple[Instruction, ...], frame: bytes, snaplen: int = 65535) -> bytes | None:
    """What a socket with this filter receives of the frame; None for nothing."""
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        octets = program(instructions, snaplen, without_outgoing=False).octets
        room = ctypes.create_string_buffer(octets)
        where = struct.pack("HL", len(octets) // 8, ctypes.addressof(room))
        receiver.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, where)
        receiver.setblocking(False)
        sender.send(frame)
        try:
            return receiver.recv(65535)
        except BlockingIOError:
            return None


@pytest.fixture(scope="module")
def compiled() -> tuple[Instruction, ...]:
    try:
        return compile_filter(DEFAULT_FILTER, LINK_ETHERNET)
    except FilterError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", KEPT)
def test_the_default_lets_through_whatever_may_be_tcp_or_speak_of_it(name: str, compiled: Any) -> None:
    frame = bytes(KEPT[name])
    assert let_through(compiled, frame) == frame


@pytest.mark.parametrize("name", REFUSED)
def test_the_default_refuses_other_traffic(name: str, compiled: Any) -> None:
    assert let_through(compiled, bytes(REFUSED[name])) is None


def test_frames_are_cut_in_the_kernel(compiled: Any) -> None:
    frame = bytes(Ether() / IP() / TCP() / Raw(b"x" * 1000))
    assert let_through(compiled, frame, snaplen=96) == frame[:96]
    assert let_through(EVERYTHING, frame, snaplen=96) == frame[:96]


@pytest.mark.usefixtures("compiled")
def test_the_default_compiles_for_interfaces_without_a_link_layer() -> None:
    raw = compile_filter(DEFAULT_FILTER, LINK_RAW)
    assert let_through(raw, bytes(IP() / TCP())) is not None
    assert let_through(raw, bytes(IP() / UDP(dport=53))) is None


def test_what_is_sent_is_refused_before_the_filter_is_asked(compiled: Any) -> None:
    """A received frame passes the three instructions in front; test_interface.py has one that is sent."""
    frame = bytes(Ether() / IP() / TCP())
    assert len(program(compiled, 96, without_outgoing=True).instructions) == len(compiled) + 3
    assert let_through(program(compiled, 96, without_outgoing=True).instructions, frame) == frame
