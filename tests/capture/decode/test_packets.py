"""Batches with tunnels in them: order, numbers, names; and recordings that tell the same when they are wrapped."""

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from scapy.layers.inet import IP, TCP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from analyzer.analysis import Analyzer, analyze
from analyzer.capture.decode.packets import Decoder, Tunnels, address
from analyzer.diagnostics import Diagnostics
from analyzer.engine.table import Table
from analyzer.report.json.document import document
from analyzer.schema import ABSENT, KIND_OTHER, KIND_TCP
from analyzer.schema.packets import RECORDS
from tests.capture.decoding import ETHERNET, ether, halves
from tests.capture.reading import read_capture
from tests.capture.wrapping import ENDS, TUNNELS, WRAPPERS, inner, outer, udp
from tests.capture.writers import interface, packet, section
from tests.engines import chosen

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(json.loads((ROOT / "analyzer/report/json/ka-analyze-2.schema.json").read_text()))
SAMPLES = ("nc-30-10-5", "ipv6-45-7-4")


def segment(port: int) -> bytes:
    return bytes(IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=port, dport=80, flags="A"))


def batch(*frames: bytes) -> tuple[bytearray, Table]:
    records = Table(RECORDS)
    at = 0
    for frame in frames:
        records.append(at, at, len(frame), len(frame), ETHERNET)
        at += len(frame)
    return bytearray(b"".join(frames)), records


def through(vni: int, ip: bytes) -> bytes:
    return bytes(udp(4789, False) / VXLAN(vni=vni, flags=8) / inner(ip))


MIXED = (
    bytes(ether() / IP(segment(1))),
    through(5, segment(2)),
    bytes(outer(False, proto=47) / Raw(bytes(40))),
    through(6, segment(3)),
    bytes(outer(False, proto=4) / Raw(segment(4))),
    bytes(ether() / IP(segment(5))),
)


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
def test_packets_stay_in_order_and_know_their_tunnel(compiled: bool) -> None:
    decoder, engine = Decoder(), chosen(compiled)
    for _ in range(2):  # tunnels of the first batch are known in the second
        packets = decoder.decode(*batch(*MIXED), 11, engine, Diagnostics().counts)
        p = packets.view
        rows = [row for row in range(len(packets)) if p.kind[row] != KIND_OTHER]
        assert {p.kind[row] for row in rows} == {KIND_TCP}
        assert [(p.frame[row], p.ports[row] >> 16) for row in rows] == [(11, 1), (12, 2), (14, 3), (15, 4), (16, 5)]
        assert [decoder.tunnels.names[p.tunnel[row]] for row in rows] == ["", "vxlan 5", "vxlan 6", f"ipip {ENDS}", ""]


def test_a_tunnel_has_one_number() -> None:
    tunnels = Tunnels()
    near, far = halves("192.0.2.1"), halves("2001:db8::2")
    vxlan = tunnels.number(0, 1, 42, *near, *far)
    assert tunnels.number(0, 1, 42, *far, *near) == vxlan
    assert tunnels.number(0, 1, 42, *near, *near) == vxlan  # the number in the header says it all
    assert tunnels.number(0, 2, 42, *near, *far) != vxlan
    assert tunnels.number(0, 1, 43, *near, *far) != vxlan
    gre = tunnels.number(0, 3, ABSENT, *near, *far)
    assert tunnels.number(0, 3, ABSENT, *far, *near) == gre
    assert tunnels.number(0, 3, ABSENT, *near, *near) != gre
    assert tunnels.number(gre, 1, 42, *near, *far) not in (gre, vxlan)
    assert tunnels.names[gre] == "gre 192.0.2.1-2001:db8::2"
    assert tunnels.names[-1] == "gre 192.0.2.1-2001:db8::2 / vxlan 42"


def test_addresses_are_written_as_people_do() -> None:
    for text in ("10.1.2.3", "2001:db8::1", "::", "fe80::1"):
        assert address(*halves(text)) == text


def test_equal_addresses_in_other_tunnels_are_other_flows() -> None:
    analyzer = Analyzer()
    ip = segment(1)
    frames = [
        bytes(ether() / IP(ip)),
        through(1, ip),
        through(2, ip),
        bytes(outer(True, proto=4) / Raw(ip)),
        through(1, ip),
    ]
    analyzer.feed(*batch(*frames))
    flows = analyzer.finish(["x"], ["pcap"], [1]).flows
    assert [flow.tunnel for flow in flows] == [None, "vxlan 1", "vxlan 2", f"ipip {ENDS}"]
    assert [flow.packets for flow in flows] == [1, 2, 1, 1]


# ---- recordings


def capture_of(sample: str) -> Path:
    return ROOT / "samples" / sample / "capture.pcap"


@cache
def frames_of(sample: str) -> list[tuple[int, bytes]]:
    return [(one.ts_ns, one.octets) for one in read_capture(capture_of(sample).read_bytes()).frames]


@cache
def text_of(capture: Path) -> str:
    return "".join(document(analyze(str(capture))))


@pytest.mark.parametrize("name", WRAPPERS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_a_wrapped_recording_tells_the_same(sample: str, name: str, tmp_path: Path) -> None:
    """Neighbour discovery by ARP stays outside, on an interface of its own."""
    link_type, wrap = WRAPPERS[name]
    frames = frames_of(sample)
    plain = json.loads(text_of(capture_of(sample)))
    there = frames[0][1][:6]
    parts = [section(), interface(ETHERNET, tsresol=9), interface(link_type, tsresol=9)]
    for ts_ns, frame in frames:
        ends_at = 14 + (
            int.from_bytes(frame[16:18]) if frame[12:14] == b"\x08\0" else 40 + int.from_bytes(frame[18:20])
        )
        is_ip = frame[12:14] in (b"\x08\0", b"\x86\xdd")
        octets = bytes(wrap(frame[14:ends_at], frame[:6] != there)) if is_ip else frame
        parts.append(packet(octets, ts_ns, on=int(is_ip)))
    path = tmp_path / "wrapped"
    path.write_bytes(b"".join(parts))
    wrapped = json.loads("".join(document(analyze(str(path)))))
    VALIDATOR.validate(wrapped)
    tunnels = {flow.pop("tunnel") for flow in wrapped["flows"]}
    assert tunnels == {TUNNELS[name][0] if name in TUNNELS else None}
    assert {flow.pop("tunnel") for flow in plain["flows"]} == {None}
    assert plain["flows"]
    for part in ("flows", "hosts", "path_limits", "advice", "diagnostics"):
        assert wrapped[part] == plain[part], part
