"""Packets as files: what an independent reader finds in them."""

from decimal import Decimal
from pathlib import Path

import pytest
from scapy.all import rdpcap

from analyzer.errors import OptionError
from analyzer.report.interchange.capture_files import RawPacket, write

PACKETS = [
    RawPacket(1, 1_700_000_000_123_456_789, 1, 99, bytes(60)),
    RawPacket(4, 1_700_000_001_000_000_001, 1, 60, bytes(60)),
]


@pytest.mark.parametrize(
    ("name", "magic"),
    [("a.pcap", b"\x4d\x3c\xb2\xa1"), ("a.cap", b"\x4d\x3c\xb2\xa1"), ("a.pcapng", b"\x0a\x0d\x0d\x0a")],
)
def test_the_name_says_which(name: str, magic: bytes, tmp_path: Path) -> None:
    write(iter(PACKETS), str(tmp_path / name), "-w")
    assert (tmp_path / name).read_bytes()[:4] == magic
    read = rdpcap(str(tmp_path / name))
    assert [(Decimal(one.time) * 10**9, one.wirelen, bytes(one)) for one in read] == [
        (one.ts_ns, one.wire_len, one.data) for one in PACKETS
    ]


def test_a_pcap_has_one_link_type(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="these have several"):
        write([*PACKETS, PACKETS[0]._replace(link_type=113)], str(tmp_path / "a.pcap"), "-w")
    assert not list(tmp_path.iterdir())
