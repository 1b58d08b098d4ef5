"""One frame through the decoder, and the segment that tests wrap; scapy builds it as independent truth."""

import struct
from ipaddress import ip_address
from typing import Any

from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

from analyzer.capture.decode.packets import Decoder
from analyzer.diagnostics import Diagnostics
from analyzer.engine.table import Table
from analyzer.schema import KIND_OTHER, KIND_TCP
from analyzer.schema.packets import RECORDS
from tests.engines import chosen

ETHERNET, NULL, LOOP, RAW, SLL, SLL2 = 1, 0, 108, 101, 113, 276
A4, B4, A6, B6 = "10.1.2.3", "192.168.200.254", "2001:db8::1", "fe80::ffff:1:2"

Row = dict[str, int]


def decoded(frame: bytes | Packet, link_type: int = ETHERNET, cut: int | None = None, compiled: bool = False) -> Any:
    """The row that one frame makes (None for none), and the notes about it."""
    row, notes, _ = decoded_with_tunnel(frame, link_type, cut, compiled)
    return row, notes


def decoded_with_tunnel(
    frame: bytes | Packet, link_type: int = ETHERNET, cut: int | None = None, compiled: bool = False
) -> Any:
    """As `decoded`, and the name of the tunnel."""
    octets = bytes(frame)
    buffer = bytearray(octets[:cut])
    records, notes, engine, decoder = Table(RECORDS), Diagnostics(), chosen(compiled), Decoder()
    records.append(123, 0, len(buffer), len(octets), link_type)
    packets = decoder.decode(buffer, records, 5, engine, notes.counts)
    is_packet = any(kind != KIND_OTHER for kind in packets.view.kind[: packets.rows])
    row = {name: values[0] for name, values in packets.view._asdict().items()} if is_packet else None
    return row, [one.code.name for one in notes], decoder.tunnels.names[row["tunnel"]] if row else ""


def ether(**fields: Any) -> Packet:
    """With both addresses given, so that scapy asks no neighbour for them."""
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", **fields)


def row_of(frame: bytes | Packet, link_type: int = ETHERNET) -> Row:
    row, notes = decoded(frame, link_type)
    assert notes == []
    assert row is not None
    assert (row["frame"], row["ts_ns"]) == (5, 123)
    return row


def halves(address: str) -> tuple[int, int]:
    """As the columns hold it: IPv4 as ::ffff:a.b.c.d, both halves signed."""
    packed = ip_address(address).packed
    return struct.unpack("!qq", packed if len(packed) == 16 else bytes(10) + b"\xff\xff" + packed)


def tcp() -> Packet:
    return TCP(sport=40000, dport=443, seq=0xFEDCBA98, ack=0x89ABCDEF, flags="PA", window=12345) / Raw(b"x" * 7)


def assert_is_the_segment(row: Row, source: str, target: str, payload_len: int = 7) -> None:
    assert row["kind"] == KIND_TCP
    assert (row["src_hi"], row["src_lo"]) == halves(source)
    assert (row["dst_hi"], row["dst_lo"]) == halves(target)
    assert row["ports"] == 40000 * 65536 + 443
    assert (row["seq"], row["ack"], row["flags"], row["window"]) == (0xFEDCBA98, 0x89ABCDEF, 0x18, 12345)
    assert row["payload_len"] == payload_len
    assert (row["window_shift"], row["tsval"], row["has_dsack"]) == (-1, -1, 0)


IP4 = IP(src=A4, dst=B4, ttl=63, id=4711) / tcp()
IP6 = IPv6(src=A6, dst=B6, hlim=62) / tcp()
